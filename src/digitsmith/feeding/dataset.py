"""Real digits as PyTorch's data sets give them: a drop-in for torchvision.datasets.MNIST, without torchvision."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch.utils.data import Dataset

from digitsmith.data.digits import Digits
from digitsmith.data.folder import MANIFEST
from digitsmith.data.reading import KNOWN
from digitsmith.feeding.ingredients import real_digits

Transform = Callable[[Any], Any]

_WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_DIGITS = tuple("0123456789")
_TABLES = (".npz", ".csv", ".parquet")


class DigitDataset(Dataset[tuple[Any, Any]]):
    """Labelled images, item by item: `(PIL.Image of mode "L" or "RGB", int)`, or what the transforms make of them.

    Attributes:
        data: uint8 tensor [N, H, W], or [N, H, W, 3] for colour. Items are read from here and from `targets`, so that
            assigning to both changes what the data set holds, as with torchvision.
        targets: int64 tensor [N].
        classes: a name for each label; for the digits "0 - zero" .. "9 - nine", as torchvision calls them.
        root, train, transform, target_transform: as given.
    """

    def __init__(
        self,
        root: str | Path | None = None,
        train: bool = True,
        transform: Transform | None = None,
        target_transform: Transform | None = None,
        download: bool = False,
        *,
        data: str | Path | Digits | None = None,
    ) -> None:
        """The first five are torchvision's, in its order.

        Args:
            root: shown, and not read: MNIST is in the package, and other data sets are named by `data`. Without `data`,
                a root that seems to be meant as such is warned of.
            train: the training images; False: the test images. Without effect on images at hand.
            transform: makes of each PIL image what the item gives.
            target_transform: the same of each label.
            download: without effect: what `data` names is fetched when it is not there.
            data: a name or path that `read_digits` understands, or images at hand; MNIST where it is left out.

        Raises:
            InputError: there is no such data, or it has no such split.
        """
        if data is None:
            warn_of(root, stacklevel=3)
        digits = real_digits("mnist" if data is None else data, train=train)
        self.root = root
        self.train = train
        self.transform = transform
        self.target_transform = target_transform
        self.classes = class_names(digits.classes)
        self.source = digits.source
        self.data, self.targets = as_tensors(digits.images, digits.labels)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        """Image and label of place `index`; IndexError beyond the last."""
        image: Any = Image.fromarray(self.data[index].numpy())
        target: Any = int(self.targets[index])
        if self.transform is not None:
            image = self.transform(image)
        if self.target_transform is not None:
            target = self.target_transform(target)
        return image, target

    def __len__(self) -> int:
        return len(self.data)

    @property
    def class_to_idx(self) -> dict[str, int]:
        """The label of each class name."""
        return {name: label for label, name in enumerate(self.classes)}

    @property
    def train_data(self) -> torch.Tensor:
        """`data`, by a name that torchvision has given up; so are the next three."""
        return self._renamed("train_data", "data")

    @property
    def test_data(self) -> torch.Tensor:
        """`data`."""
        return self._renamed("test_data", "data")

    @property
    def train_labels(self) -> torch.Tensor:
        """`targets`."""
        return self._renamed("train_labels", "targets")

    @property
    def test_labels(self) -> torch.Tensor:
        """`targets`."""
        return self._renamed("test_labels", "targets")

    def _renamed(self, old: str, new: str) -> torch.Tensor:
        warnings.warn(f"{old} has been renamed {new}", stacklevel=3)
        tensor: torch.Tensor = getattr(self, new)
        return tensor

    def extra_repr(self) -> str:
        """What stands in `repr` beside the count, the root and the transforms, a line each."""
        return f"Data: {self.source}\nSplit: {'Train' if self.train else 'Test'}"

    def __repr__(self) -> str:
        body = [f"Number of datapoints: {len(self)}"]
        if self.root is not None:
            body.append(f"Root location: {self.root}")
        body += self.extra_repr().splitlines()
        for name, transform in (("Transform", self.transform), ("Target transform", self.target_transform)):
            if transform is not None:
                first, *others = repr(transform).splitlines()
                body += [f"{name}: {first}", *(" " * len(f"{name}: ") + line for line in others)]
        return "\n    ".join([f"Dataset {type(self).__name__}", *body])


def warn_of(root: str | Path | None, *, stacklevel: int) -> None:
    """Warn where `root`, which is not read, seems to be meant as the data; `stacklevel` as in `warnings.warn`."""
    if root is not None and _names_data(root):
        line = f"{root} is not read, these are MNIST's digits; for its own give data={str(root)!r}"
        warnings.warn(line, stacklevel=stacklevel)


def _names_data(root: str | Path) -> bool:
    """Whether `root` may have been taken for `data`: a data set's name, a file, or a folder of images or tables."""
    path = Path(root)
    try:
        if not path.is_dir():
            return path.exists() or (str(root) in KNOWN and str(root) != "mnist")
        names = {entry.name.lower() for entry in path.iterdir()}
    except OSError:  # what cannot be looked at could not be read either
        return False
    return not names.isdisjoint({MANIFEST, *_DIGITS}) or any(Path(name).suffix in _TABLES for name in names)


def as_tensors(images: NDArray[np.uint8], labels: NDArray[np.int64]) -> tuple[torch.Tensor, torch.Tensor]:
    """Copies of both as torchvision holds them: uint8 [N, H, W] or [N, H, W, 3], int64 [N]."""
    channels_last = images[:, 0] if images.shape[1] == 1 else images.transpose(0, 2, 3, 1)
    return torch.from_numpy(np.array(channels_last, order="C")), torch.from_numpy(np.array(labels))


def class_names(classes: Iterable[str]) -> list[str]:
    """As torchvision calls them: digits by number and word, others as they are."""
    names = tuple(classes)
    return [f"{digit} - {word}" for digit, word in zip(_DIGITS, _WORDS, strict=True)] if names == _DIGITS else [*names]
