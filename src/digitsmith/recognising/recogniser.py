"""A trained recogniser, ready to read: images in, labels and probabilities out. PyTorch only reads checkpoints."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from digitsmith.config import SEMI_SUPERVISED_MODELS
from digitsmith.data.digits import Digits
from digitsmith.drawing.network import single_threaded
from digitsmith.drawing.recogniser_network import onnx_recogniser
from digitsmith.errors import CheckpointError, InputError
from digitsmith.recognising.card import recogniser_card
from digitsmith.training.run_folder import RunFolder
from digitsmith.weights.folder import CONFIG, GeneratorConfig, Weights, read_folder, save_folder, weights_checksum

FOLDER = "recogniser"  # within a run's weights
_PASS = 100  # images that pass the network at once: their maps stay in the processor's cache


@dataclass(frozen=True, eq=False)
class Recogniser:
    """A recogniser with what is known of it. `load_recogniser` makes one; any number of threads may read with it.

    Attributes:
        config: what it is, and where it came from; `config.classes` are the names of the labels.
        weights: by the names of its PyTorch module's state dict, `models.sgan.SganDiscriminator`'s.
    """

    config: GeneratorConfig
    weights: Weights = field(repr=False)
    _session: Any = field(repr=False)

    @property
    def classes(self) -> tuple[str, ...]:
        """The name of each label."""
        return self.config.classes

    def read(self, images: NDArray[np.uint8]) -> NDArray[np.int64]:
        """Which class each image shows, int64 [N]; arguments and errors as `probabilities`."""
        answers: NDArray[np.int64] = self.probabilities(images).argmax(1)
        return answers

    def probabilities(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """How likely each image is of each class, float32 [N, K]; rows add up to 1.

        Args:
            images: uint8 [N, H, W] or [N, C, H, W], in colour also [N, H, W, 3]; 0 is the background.

        Raises:
            InputError: images of another size, colour or type than it learned from.
        """
        pixels = self._checked(images)
        passes = [pixels[first : first + _PASS] for first in range(0, len(pixels), _PASS)]
        found = [self._session.run(["probabilities"], {"pixels": some})[0] for some in passes]
        return np.concatenate(found) if found else np.empty((0, len(self.classes)), np.float32)

    def labels_of(self, labels: NDArray[np.int64], classes: tuple[str, ...], *, source: str) -> NDArray[np.int64]:
        """Labels of `classes`, int64 [N], as this recogniser numbers the classes of the same names.

        Raises:
            InputError: one is of a class that it does not know; `source` names the images in the message.
        """
        known = {name: label for label, name in enumerate(self.classes)}
        own = np.array([known.get(name, -1) for name in classes])[labels]
        strange = np.flatnonzero(own < 0)
        if len(strange):
            name = classes[labels[strange[0]]]
            raise InputError(f"{source}: image {strange[0]} is of class {name!r}, which this recogniser has never seen")
        return own

    def onnx(self) -> bytes:
        """The content of an .onnx file: pixels uint8 [N, C, H, W] -> probabilities float32 [N, K], labels int64 [N]."""
        return onnx_recogniser(self.weights, self.config.image_shape)

    def tested(self, digits: Digits) -> Recogniser:
        """The same recogniser, whose card and config say how many of `digits` it reads as another class than theirs.

        Raises:
            InputError: images of another size or colour, or of a class that it does not know.
        """
        wrong = self.read(digits.images) != self.labels_of(digits.labels, digits.classes, source=digits.source)
        test = {"source": digits.source, "images": len(digits), "errors": int(wrong.sum())}
        return replace(self, config=replace(self.config, training=self.config.training | {"test": test}))

    def save_pretrained(self, folder: str | Path) -> Path:
        """Write config.json, model.safetensors and README.md (Hugging Face's layout); StorageError from the disk."""
        save_folder(Path(folder), self.config, self.weights, card=recogniser_card(self.config))
        return Path(folder)

    @classmethod
    def from_pretrained(cls, folder: str | Path) -> Recogniser:
        """What `save_pretrained` wrote, its checksum verified.

        Raises:
            CheckpointError: a file is missing, damaged or changed, or holds no recogniser.
        """
        return cls._of(*read_folder(Path(folder)), where=str(folder))

    @classmethod
    def from_run(cls, folder: str | Path) -> Recogniser:
        """The averaged recogniser of a run's newest whole checkpoint, finished or not.

        A damaged newer checkpoint is passed over with a warning.

        Raises:
            InputError: the folder is no run, is another model's, or has no whole checkpoint yet.
        """
        from digitsmith.training.checkpoint import newest_checkpoint
        from digitsmith.training.state import RECOGNISER, without_prefix

        run = RunFolder(Path(folder))
        record = run.read_record()
        model = record["settings"]["model"]
        if model not in SEMI_SUPERVISED_MODELS:
            only = SEMI_SUPERVISED_MODELS[0]
            raise CheckpointError(f"{folder}: is a run of {model}, which leaves no recogniser; give one of {only}")
        checkpoint = newest_checkpoint(run.checkpoints, warn=lambda line: warnings.warn(line, stacklevel=4))
        if checkpoint is None:
            raise CheckpointError(f"{folder}: has no checkpoint yet; let it train on, or use another run")
        weights = {name: tensor.numpy() for name, tensor in without_prefix(checkpoint.tensors, RECOGNISER).items()}
        channels, height, width = record["data"]["shape"]
        training = {key: record[key] for key in ("settings", "data", "versions", "machine")}
        config = GeneratorConfig(
            model=model,
            image_shape=(channels, height, width),
            classes=tuple(record["data"]["classes"]),
            weights_sha256=weights_checksum(weights),
            training=training | {"images_seen": checkpoint.images},
        )
        return cls._of(config, weights, where=str(checkpoint.path))

    def __reduce__(self) -> tuple[Callable[..., Recogniser], tuple[GeneratorConfig, Weights]]:
        """Other processes are handed the weights: what reads cannot be pickled."""
        return _rebuilt, (self.config, self.weights)

    @classmethod
    def _of(cls, config: GeneratorConfig, weights: Weights, *, where: str) -> Recogniser:
        if len(weights.get("classes.bias", ())) != len(config.classes):
            raise CheckpointError(f"{where}: holds no recogniser; give the folder of one, or of a run of sgan")
        return _rebuilt(config, weights)

    def _checked(self, images: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """`images` as uint8 [N, C, H, W]."""
        channels, height, width = self.config.image_shape
        array = np.asarray(images)
        if array.dtype == np.uint8 and array.ndim == 3 and channels == 1:
            array = array[:, None]
        elif array.dtype == np.uint8 and array.ndim == 4 and array.shape[1:] == (height, width, 3):
            array = array.transpose(0, 3, 1, 2)
        if array.dtype != np.uint8 or array.shape[1:] != self.config.image_shape:
            wanted = f"[N, {height}, {width}]" if channels == 1 else f"[N, {height}, {width}, 3]"
            raise InputError(
                f"this recogniser reads uint8 images {wanted}, these are {array.dtype} {list(array.shape)}; "
                "bring them to that form (`recognise` does with resize)"
            )
        return np.ascontiguousarray(array)


def _rebuilt(config: GeneratorConfig, weights: Weights) -> Recogniser:
    return Recogniser(config, weights, single_threaded(onnx_recogniser(weights, config.image_shape)))


def load_recogniser(path: str | Path) -> Recogniser:
    """The recogniser of a run of `sgan`, finished or not, or one that was saved.

    Args:
        path: the folder of a run, of a run's weights, or one that `Recogniser.save_pretrained` wrote.

    Raises:
        InputError: it is none of these, or damaged; the message says what is there.
    """
    folder = Path(path)
    try:
        if (folder / "run.json").is_file():
            return Recogniser.from_run(folder)
        for place in (folder / FOLDER, folder):
            if (place / CONFIG).is_file():
                return Recogniser.from_pretrained(place)
        there = folder.exists()
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be looked at ({error.strerror})") from None
    what = "holds neither a run nor a saved recogniser" if there else "is no folder"
    raise CheckpointError(f"{path}: {what}; give the folder of a run of {SEMI_SUPERVISED_MODELS[0]}")
