"""What PyTorch does in several passes over memory in one: compiled here by Numba, run by PyTorch's own threads."""

from __future__ import annotations

import functools

import torch
from torch import Tensor


def at_hand(x: Tensor, dtype: torch.dtype) -> bool:
    """Whether the kernels can compute with `x` once it is of `dtype`, here and now: otherwise PyTorch's layers do."""
    if x.device.type != "cpu" or dtype not in (torch.float32, torch.bfloat16) or not compiled():
        return False
    from digitsmith.kernels.team import parallel_region

    return torch.get_num_threads() == 1 or parallel_region() is not None  # one thread would be no match for several


@functools.cache
def compiled() -> bool:
    """Compile all kernels, the first time on a machine (some ten seconds); False where Numba cannot be imported."""
    try:
        from digitsmith.kernels import columns, normalise, windows  # noqa: F401
    except ImportError:  # it does not know this NumPy or this Python yet
        return False
    return True
