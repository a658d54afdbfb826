"""A trained generator, ready to draw: labels and a seed in, uint8 images out. No PyTorch, but to read a checkpoint."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from digitsmith.config import MAX_SEED, STYLED_MODELS, UNCONDITIONAL_MODELS
from digitsmith.data.files import shown
from digitsmith.drawing.network import Network
from digitsmith.drawing.penman_network import Make
from digitsmith.drawing.workers import in_order
from digitsmith.errors import CheckpointError, InputError
from digitsmith.host import available_cores
from digitsmith.randomness import normal_rows
from digitsmith.style import STYLE_NAMES, Given, StyleRange, StyleTable, given_style, part_of
from digitsmith.training.run_folder import RunFolder
from digitsmith.weights.folder import (
    GeneratorConfig,
    Weights,
    read_folder,
    save_folder,
    weights_checksum,
)

if TYPE_CHECKING:
    from digitsmith.models.blocks import Generator

Piece = TypeVar("Piece")

CHUNK = 128
"""Images that pass the network at once, always. A product's last bits depend on how many rows it has and on
where a row stands, so image i always stands in row i % CHUNK of a pass of CHUNK rows: that makes it the same
whether it was asked for alone or among a million."""
_MOST_THREADS = 8  # they draw more than any writer takes


@dataclass(frozen=True, eq=False)
class DigitModel:
    """A generator with what is known of it. `load` and `from_pretrained` make one.

    Attributes:
        config: what it is, and where it came from.
        weights: by the names of its PyTorch module's state dict.
        network: the same weights as they draw.
    """

    config: GeneratorConfig
    weights: Weights = field(repr=False)
    network: Network = field(repr=False)

    @property
    def conditional(self) -> bool:
        """Whether it draws the class it is asked for."""
        return self.config.model not in UNCONDITIONAL_MODELS

    @property
    def strokes(self) -> bool:
        """Whether it draws ink that can be set in a line: what its run found of the training images, else yes."""
        return bool(self.config.training.get("data", {}).get("strokes", True))

    @property
    def z_dim(self) -> int:
        """How many numbers of noise an image is drawn from."""
        return self.network.z_dim

    @cached_property
    def styles(self) -> StyleTable | None:
        """What style it can be asked for, and what styles its training images had; None for a model without."""
        if not self.network.styled:
            return None
        mean, deviation, table = (
            np.asarray(self.weights[f"style_{part}"], np.float32) for part in ("mean", "deviation", "table")
        )
        return StyleTable(mean, deviation, table)

    @cached_property
    def generator(self) -> Generator:
        """A PyTorch module with these weights, in evaluation mode, to go on from.

        Drawing does without: its images are drawn by `network`, which is equal but for the last bits of a float.
        """
        import torch

        from digitsmith.models.registry import architecture

        make = Make.of(self.weights)
        chosen = architecture(self.config.model, channels=make.channels, styled=make.styled)
        generator = chosen.generator(self.config.image_shape, len(self.config.classes))
        generator.load_state_dict({name: torch.tensor(array) for name, array in self.weights.items()})
        return generator.eval()

    def draw(
        self,
        labels: Sequence[int] | Sequence[str] | NDArray[np.integer],
        *,
        seed: int = 0,
        start: int = 0,
        thickness: ArrayLike | StyleRange | None = None,
        slant: ArrayLike | StyleRange | None = None,
        width: ArrayLike | StyleRange | None = None,
        height: ArrayLike | StyleRange | None = None,
    ) -> NDArray[np.uint8]:
        """Draw one image per label.

        Args:
            labels: the classes asked for, each in 0 .. K-1, or their names. An unconditional model draws as many
                images as there are labels and does not look at them.
            seed: 0 .. 2**63 - 1. The same seed gives the same images.
            start: the index of the first image. Image i depends on (weights, seed, i, its label, the style asked
                of it) alone, so `draw(labels[5:], start=5)` continues `draw(labels[:5])`.
            thickness, slant, width, height: of the digits, in px, degrees (positive leans to the right), px and
                px, as `measure.morphometry` measures them: a number, one for each label, or a `StyleRange`. For
                a model with style; what is left out is taken from a training image that fits the rest.

        Returns:
            uint8 [N, H, W], or [N, H, W, 3] for a colour model; 0 is the background.

        Raises:
            InputError: a label, seed or style out of range, or a style asked of a model without.
        """
        checked = self.checked_labels(labels)
        given = given_style(thickness=thickness, slant=slant, width=width, height=height)
        chunks = [images for images, _ in self.draw_chunks(checked, seed=seed, start=start, given=given)]
        channels, height, width = self.config.image_shape
        images = np.concatenate(chunks) if chunks else np.zeros((0, channels, height, width), np.uint8)
        return images[:, 0] if channels == 1 else np.ascontiguousarray(images.transpose(0, 2, 3, 1))

    def draw_chunks(
        self,
        labels: NDArray[np.int64],
        *,
        seed: int = 0,
        start: int = 0,
        given: Given | None = None,
        threads: int | None = None,
    ) -> Iterator[tuple[NDArray[np.uint8], NDArray[np.int64]]]:
        """`draw`, a piece at a time: uint8 [n, C, H, W] with their labels int64 [n], n <= CHUNK, in order.

        Args:
            given: what style is asked for, as `given_style` makes it; see `styles_of`.
            threads: draw ahead while the caller works on the piece before; None: one for each core, at most 8.
                Their number does not change a byte.
        """
        _check_seed(seed, start)
        self.check_style(given, count=len(labels))

        def piece(low: int, high: int) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
            part = slice(low - start, high - start)
            z = normal_rows(seed, np.arange(low, high), self.z_dim)
            style = self.styles_of(labels[part], seed=seed, start=low, given=part_of(given, part))
            return self._pass(z, labels[part], style, row=low % CHUNK), labels[part]

        yield from by_pass(piece, start, start + len(labels), threads=threads)

    def styles_of(
        self, labels: NDArray[np.int64], *, seed: int = 0, start: int = 0, given: Given | None = None
    ) -> NDArray[np.float32] | None:
        """The style that `draw_chunks` asks of each image, float32 [N, 4] in the order of STYLE_NAMES.

        None for a model without style, of which none may be asked; otherwise as `StyleTable.sample`.

        Raises:
            InputError: a style out of range, or one asked of a model without.
        """
        _check_seed(seed, start)
        if self.styles is not None:
            return self.styles.sample(labels, seed=seed, start=start, given=given)
        self.check_style(given, count=len(labels))
        return None

    def check_style(self, given: Given | None, *, count: int) -> None:
        """InputError unless `given` can be asked of `count` images: worth knowing before the first is drawn."""
        if self.styles is not None:
            self.styles.check(given, count=count)
        elif given:
            model, name = self.config.model, next(iter(given))
            if model in STYLED_MODELS:
                raise InputError(
                    f"this {model} cannot be asked for a {name}: it was trained without style, which only drawn "
                    "strokes have; leave it out"
                )
            raise InputError(f"{model} cannot be asked for a {name}; use a model with style, like {STYLED_MODELS[0]}")

    def render(
        self, z: NDArray[np.float32], labels: NDArray[np.int64], style: NDArray[np.float32] | None = None
    ) -> NDArray[np.uint8]:
        """Draw from noise at hand, uint8 [N, C, H, W]; image i depends on (weights, i % CHUNK and row i) alone.

        Args:
            z: float32 [N, z_dim], standard normal where the images shall be like those of training.
            labels: int64 [N], each in 0 .. K-1; an unconditional model does not look at them.
            style: float32 [N, 4] for a model with style, in the units of `style.STYLE_UNITS`; else None.

        Raises:
            InputError: a label out of range, arrays of other shapes, or a style missing or too many.
        """
        labels = self.checked_labels(labels)
        if z.shape != (len(labels), self.z_dim):
            raise InputError(f"noise must be [{len(labels)}, {self.z_dim}], this is {list(z.shape)}")
        wanted = [len(labels), len(STYLE_NAMES)] if self.network.styled else None
        shape = None if style is None else list(style.shape)
        if shape != wanted:
            raise InputError(f"{self.config.model} needs {wanted or 'no'} style, this is {shape or 'none'}")
        images = np.empty((len(z), *self.config.image_shape), np.uint8)
        for first in range(0, len(z), CHUNK):
            part = slice(first, first + CHUNK)
            images[part] = self._pass(z[part], labels[part], None if style is None else style[part], row=0)
        return images

    def _pass(
        self, z: NDArray[np.float32], labels: NDArray[np.int64], style: NDArray[np.float32] | None, *, row: int
    ) -> NDArray[np.uint8]:
        """One pass of CHUNK rows: the images [n, C, H, W] of the given ones, which stand from `row` on."""
        rows = slice(row, row + len(z))
        all_z, all_labels = np.zeros((CHUNK, self.z_dim), np.float32), np.zeros(CHUNK, np.int64)
        all_z[rows], all_labels[rows] = z, labels
        all_style = None
        if style is not None:
            all_style = np.zeros((CHUNK, style.shape[1]), np.float32)
            all_style[rows] = style
        return self.network.pixels(all_z, all_labels, all_style)[rows]

    def checked_labels(self, labels: Sequence[int] | Sequence[str] | NDArray[np.integer]) -> NDArray[np.int64]:
        """`labels`, class numbers or class names, as int64 [N].

        Raises:
            InputError: neither of them in one row, or one that is none of the model's classes.
        """
        array = np.asarray(labels)
        if array.ndim == 1 and array.dtype.kind == "U":
            number_of = {name: label for label, name in enumerate(self.config.classes)}
            unknown = next((name for name in array.tolist() if name not in number_of), None)
            if unknown is not None:
                known = shown(", ".join(self.config.classes), at_most=300)
                raise InputError(f"there is no class {unknown!r}; choose from {known}")
            return np.array([number_of[name] for name in array.tolist()], np.int64)
        if array.ndim != 1 or (array.size and array.dtype.kind not in "iu"):
            raise InputError(f"labels must be whole numbers in one row, these are {array.dtype} {list(array.shape)}")
        outside = array[(array < 0) | (array >= len(self.config.classes))]
        if len(outside):
            raise InputError(f"there is no class {int(outside[0])}; labels go from 0 to {len(self.config.classes) - 1}")
        return array.astype(np.int64)

    def save_pretrained(self, folder: str | Path) -> Path:
        """Write config.json, model.safetensors and README.md (Hugging Face's layout) into `folder`.

        Raises:
            StorageError: the disk refused.
        """
        save_folder(Path(folder), self.config, self.weights)
        return Path(folder)

    @classmethod
    def from_pretrained(cls, folder: str | Path) -> DigitModel:
        """What `save_pretrained` wrote, its checksum verified. The folder is local; nothing is downloaded.

        Raises:
            CheckpointError: a file is missing, damaged or changed.
        """
        return cls._of(*read_folder(Path(folder)), where=str(folder))

    @classmethod
    def from_run(cls, folder: str | Path) -> DigitModel:
        """The averaged generator of a run's newest whole checkpoint, finished or not.

        A damaged newer checkpoint is passed over with a warning.

        Raises:
            InputError: the folder is no run, or has no whole checkpoint yet.
        """
        from digitsmith.training.checkpoint import newest_checkpoint
        from digitsmith.training.state import without_prefix

        run = RunFolder(Path(folder))
        record = run.read_record()
        checkpoint = newest_checkpoint(run.checkpoints, warn=lambda line: warnings.warn(line, stacklevel=4))
        if checkpoint is None:
            raise CheckpointError(f"{folder}: has no checkpoint yet; let it train on, or use another run")
        weights = {name: tensor.numpy() for name, tensor in without_prefix(checkpoint.tensors, "ema").items()}
        channels, height, width = record["data"]["shape"]
        training = {key: record[key] for key in ("settings", "data", "versions", "machine")}
        config = GeneratorConfig(
            model=record["settings"]["model"],
            image_shape=(channels, height, width),
            classes=tuple(record["data"]["classes"]),
            weights_sha256=weights_checksum(weights),
            training=training | {"images_seen": checkpoint.images},
        )
        return cls._of(config, weights, where=str(checkpoint.path))

    def __reduce__(self) -> tuple[Callable[..., DigitModel], tuple[GeneratorConfig, Weights]]:
        """Config and weights: ONNX Runtime's session does not travel to another process, and is opened anew there."""
        return _rebuilt, (self.config, self.weights)

    @classmethod
    def _of(cls, config: GeneratorConfig, weights: Weights, *, where: str) -> DigitModel:
        network = Network(config.model, config.image_shape, len(config.classes), weights, where=where)
        return cls(config, weights, network)


def _rebuilt(config: GeneratorConfig, weights: Weights) -> DigitModel:
    return DigitModel._of(config, weights, where=config.model)


def _check_seed(seed: int, start: int) -> None:
    if not (0 <= seed <= MAX_SEED and start >= 0):
        raise InputError(f"seed must be 0 to 2**63 - 1 and start at least 0, not {seed} and {start}")


def by_pass(piece: Callable[[int, int], Piece], start: int, end: int, *, threads: int | None = None) -> Iterator[Piece]:
    """`piece(low, high)` of each pass that images start .. end - 1 stand in: images low .. high - 1 of it, in order.

    Args:
        threads: work ahead of whoever takes the pieces; None: one for each core, at most 8.
    """
    firsts = range(start - start % CHUNK, end, CHUNK)

    def of_pass(first: int) -> Piece:
        return piece(max(first, start), min(first + CHUNK, end))

    if len(firsts) <= 1:  # no thread is worth its while
        yield from map(of_pass, firsts)
    else:
        yield from in_order(of_pass, firsts, threads=threads or min(available_cores(), _MOST_THREADS))
