"""Other people's figures, to hold ours against."""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from unittest.mock import MagicMock

from torch import nn

_FIDELITY = "torch_fidelity"
_NEEDED = ("feature_extractor_inceptionv3", "helpers", "interpolate_compat_tensorflow")


def torchmetrics_image(name: str) -> ModuleType:
    """`torchmetrics.image.NAME`, for figures from given features.

    Its import takes Inception from torch-fidelity, and that needs a torchvision, which is not there beside a CPU
    torch. So while torchmetrics is first imported, torch-fidelity is a stand-in: no Inception is run here.
    """
    before = {key: module for key, module in sys.modules.items() if key.split(".")[0] == _FIDELITY}
    stand_ins = {key: MagicMock() for key in (_FIDELITY, *(f"{_FIDELITY}.{part}" for part in _NEEDED))}
    stand_ins[f"{_FIDELITY}.feature_extractor_inceptionv3"].FeatureExtractorInceptionV3 = nn.Module  # derived from
    sys.modules.update(stand_ins)
    try:
        return importlib.import_module(f"torchmetrics.image.{name}")
    finally:
        for key in stand_ins:
            del sys.modules[key]
        sys.modules.update(before)
