"""What can be said of this machine and of what draws on it without loading PyTorch."""

from __future__ import annotations

import os
import platform

import digitsmith


def available_cores() -> int:
    """The cores this process may run on, which in a container are often fewer than the machine has."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def versions() -> dict[str, str]:
    """What draws: digitsmith, ONNX Runtime, NumPy and Python."""
    import numpy as np
    import onnxruntime  # type: ignore[import-untyped]

    return {
        "digitsmith": digitsmith.__version__,
        "onnxruntime": onnxruntime.__version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
    }
