"""What this machine can do, asked once at the start of a run and written into it."""

from __future__ import annotations

import ctypes
import dataclasses
import os
import platform
import sys
import time
from importlib import metadata
from pathlib import Path

import torch

from digitsmith import host
from digitsmith.config import TrainSettings
from digitsmith.errors import ConfigError


def resolve(settings: TrainSettings) -> TrainSettings:
    """`settings` with the choices that were left to the machine made: threads, precision, device.

    A run keeps them, so that resuming it elsewhere computes the same way where that is possible.

    Raises:
        ConfigError: a GPU is asked for, and there is none.
    """
    device = settings.device
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cuda" and not torch.cuda.is_available():
        raise ConfigError("device cuda was asked for, and PyTorch finds no CUDA GPU here; use --device cpu")
    precision = settings.precision
    if precision == "auto":
        precision = "bfloat16" if multiplies_in_bfloat16(device) else "float32"
    threads = settings.threads or threads_that_help()
    return dataclasses.replace(settings, device=device, precision=precision, threads=threads)


def threads_that_help() -> int:
    """How many threads finish a typical layer first: 1, 2, 4, ... up to the cores, measured now (about 0.2 s).

    Threads meet hundreds of times in a step. On a machine that is busy with something else each of those
    meetings waits for the scheduler, and two threads can be a hundred times slower than one.
    """
    layer = torch.nn.Conv2d(32, 64, 4, stride=2, padding=1).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    maps = torch.randn(128, 32, 14, 14).contiguous(memory_format=torch.channels_last)

    def seconds(threads: int) -> float:
        torch.set_num_threads(threads)
        layer(maps).sum().backward()  # not counted: it starts the threads
        began = time.perf_counter()
        for _ in range(8):
            layer(maps).sum().backward()
        return time.perf_counter() - began

    best, best_s = 1, seconds(1)
    while 2 * best <= host.available_cores() and (doubled_s := seconds(2 * best)) < 0.9 * best_s:
        best, best_s = 2 * best, doubled_s
    return best


def keep_freed_memory() -> None:
    """Ask glibc to keep large freed blocks instead of giving them back; elsewhere, nothing.

    Every step frees and takes the same few megabytes again, and a page fresh from the system costs more than
    the arithmetic on it (measured: 6 % of an ACGAN step in bfloat16). mallopt is in the man page mallopt(3).
    """
    trim_threshold, mmap_threshold = -1, -3
    if sys.platform == "linux":
        mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # musl has none
        if mallopt is not None:
            mallopt(mmap_threshold, 1 << 30)
            mallopt(trim_threshold, 1 << 30)


def multiplies_in_bfloat16(device: str) -> bool:
    """Whether bfloat16 products are done by the hardware: emulated ones are slower than float32."""
    if device == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())


def describe(settings: TrainSettings) -> dict[str, str | int]:
    """The machine and the choices `resolve` made, for a run's record."""
    return {
        "processor": _processor_name(),
        "cores": os.cpu_count() or 1,
        "threads": settings.threads,
        "precision": settings.precision,
        "device": torch.cuda.get_device_name() if settings.device == "cuda" else "cpu",
        "system": platform.system(),
    }


def versions() -> dict[str, str]:
    """What computed it: digitsmith, torch, Numba, NumPy and Python."""
    return host.versions() | {"torch": torch.__version__, "numba": metadata.version("numba")}


def _processor_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
