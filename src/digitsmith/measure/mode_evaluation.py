"""The evaluation of stacked digits: how many of the 1000 modes there are, beside real stacks at the same count."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from digitsmith.data.digits import Digits
from digitsmith.data.resize import require_shape
from digitsmith.data.stacked import MODES, STACKS
from digitsmith.errors import InputError
from digitsmith.measure.estimate import Estimate
from digitsmith.measure.modes import mode_coverage, uniform_kl
from digitsmith.measure.reader import READER
from digitsmith.measure.results import Evaluation, Measurement

STACK_SHAPE = (3, 28, 28)
_GRID = 10


def evaluate_modes(
    images: NDArray[np.uint8],
    training: Digits,
    test: Digits,
    *,
    name: str,
    seed: int = 0,
    facts: Mapping[str, Any] | None = None,
) -> Evaluation:
    """Count the modes of generated stacks.

    Args:
        images: uint8 [N, 3, 28, 28], a digit in each channel.
        training, test: real stacks; as many of each as there are images stand beside them.
        name: what the images are, for the record.
        seed: of the bootstrap.
        facts: what else belongs to the record.

    Raises:
        InputError: images of another form, fewer than modes, or all the same.
    """
    require_shape(images, STACK_SHAPE, source=name)
    if len(images) < MODES:
        raise InputError(
            f"{name}: {len(images):,} images cannot cover {MODES:,} modes; give at least as many, "
            f"and {STACKS['test']:,} to compare with published figures"
        )
    if bool((images == images[:1]).all()):
        raise InputError(f"{name}: all {len(images):,} images are the same one; there is no distribution to measure")
    began = time.perf_counter()
    count = len(images)
    columns = {"generated": mode_coverage(images, seed=seed)} | {
        column: mode_coverage(real.images[:count], seed=seed)
        for column, real in (("held_out", training), ("test", test))
        if len(real) >= count
    }
    shared: dict[str, Any] = {"family": "Diversity", "network": READER, "images": count}
    covered: dict[str, Any] = {column: _exactly(modes.covered) for column, modes in columns.items()}
    kl: dict[str, Any] = {column: modes.kl for column, modes in columns.items()}
    measurements = [
        Measurement(key="modes", name=f"Modes covered, of {MODES:,}", better="higher", **shared, **covered),
        Measurement(
            key="mode_kl",
            name="KL from even modes, nats",
            better="lower",
            **shared,
            **kl,
            note=f"{uniform_kl(count):.4f} is what this many images drawn evenly score",
        ),
    ]
    return Evaluation(
        subject=name,
        against=training.source,
        measurements=measurements,
        samples=images[: _GRID**2].reshape(_GRID, _GRID, *STACK_SHAPE),
        facts=dict(facts or {}) | {"seed": seed, "network": READER, "seconds": round(time.perf_counter() - began, 1)},
    )


def _exactly(modes: int) -> Estimate:
    """A count has no interval: a resample of the images can only lose modes."""
    return Estimate(float(modes), float("nan"), float("nan"), "")
