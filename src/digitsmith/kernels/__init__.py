"""What PyTorch does in more passes over memory or with more arithmetic: compiled here by Numba, run by PyTorch's own
threads."""

from __future__ import annotations

import functools

import torch
from torch import Tensor


def at_hand(x: Tensor, dtype: torch.dtype) -> bool:
    """Whether the kernels can compute with `x` once it is of `dtype`, here and now: otherwise PyTorch's layers do."""
    if x.device.type != "cpu" or dtype not in (torch.float32, torch.bfloat16) or not _can_be_compiled():
        return False
    from digitsmith.kernels.team import parallel_region

    return torch.get_num_threads() == 1 or parallel_region() is not None  # one thread would be no match for several


def multiply_at_hand(x: Tensor, weight: Tensor) -> bool:
    """Whether kernels that also multiply can compute with both, and faster than PyTorch: in float32, in AVX2's vectors.

    With AVX-512 PyTorch multiplies twice as many numbers at once; they have not been measured there, nor on other
    processors.
    """
    return x.dtype == weight.dtype == torch.float32 and _has_avx2_alone() and at_hand(x, x.dtype)


def compile_now(*, float32: bool) -> None:
    """Compile the kernels of the reports' layers, the first time on a machine: some ten seconds."""
    if _can_be_compiled():
        from digitsmith.kernels import columns, normalise, windows  # noqa: F401

        if float32 and _has_avx2_alone():
            from digitsmith.kernels import image_ends  # noqa: F401


@functools.cache
def _has_avx2_alone() -> bool:
    return torch.backends.cpu.get_cpu_capability() == "AVX2"


@functools.cache
def _can_be_compiled() -> bool:
    try:
        from digitsmith.kernels import native  # noqa: F401
    except ImportError:  # Numba does not know this NumPy or this Python yet
        return False
    return True
