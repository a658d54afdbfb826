"""Runs a kernel on the threads that PyTorch has.

Threads of our own would share the cores with PyTorch's, which spin for a while when they have nothing to do. So a
kernel is handed to the OpenMP library that PyTorch computes with, as a compiler would hand it a parallel region.
Where that library is not GNU's, the kernel runs on the calling thread alone. Work is cut into the same pieces for any
number of threads, and what they find is put together in the pieces' order, so the results are the same.
"""

from __future__ import annotations

import ctypes
import functools
from pathlib import Path
from typing import Any

import torch


@functools.cache
def parallel_region() -> Any:
    """GNU OpenMP's entry for a region, `void GOMP_parallel(void (*)(void *), void *, unsigned, unsigned)`, or None."""
    if "ATen parallel backend: OpenMP" not in torch.__config__.parallel_info():
        return None
    library = Path(torch.__file__).parent / "lib" / "libtorch_cpu.so"
    try:
        region = ctypes.CDLL(str(library)).GOMP_parallel  # found in what it is linked with: its own OpenMP, or none
    except (OSError, AttributeError):
        return None
    region.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_uint, ctypes.c_uint]
    region.restype = None
    return region


def run(kernel: Any, *words: int, alone: bool = False) -> None:
    """Run `kernel`, a Numba C function, on a 0, its count of pieces begun, and `words`.

    It has as many threads as PyTorch takes, or none but the caller's where it is to run `alone`.
    """
    block = (ctypes.c_int64 * (1 + len(words)))(0, *words)
    threads, region = torch.get_num_threads(), parallel_region()
    if alone or threads == 1 or region is None:
        kernel.ctypes(block)
    else:
        region(kernel.address, block, threads, 0)
