"""What `digitsmith prove` does, as a function: the experiment from its data to its page."""

from __future__ import annotations

import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from digitsmith.data.digits import Digits
from digitsmith.data.reading import require_apart
from digitsmith.drawing.writers import check_format
from digitsmith.errors import ConfigError, InputError, TrainingInterrupted
from digitsmith.measure.evaluation import OnStage
from digitsmith.measure.recogniser import fresh_recogniser
from digitsmith.models.blocks import require_quartered
from digitsmith.proving.arms import ARMS, check_arms
from digitsmith.proving.bench import Bench, expected_s, trainings_left
from digitsmith.proving.choosing import SHARES, STRENGTHS
from digitsmith.proving.conclusion import Proof, concluded
from digitsmith.proving.plan import Plan
from digitsmith.proving.pools import Pools, TrainsOnFew, check_budget, shipped_checksum, why_not_shipped
from digitsmith.proving.records import Records
from digitsmith.proving.sets import RealSets, check_per_class, real_sets
from digitsmith.proving.teaching import BATCH, STEPS
from digitsmith.training.few import train_on_few
from digitsmith.training.machine import threads_that_help

PER_CLASS = (10, 30, 100, 1000)
SEEDS = 5
MOST_SEEDS = 1_000  # whoever asks for more has mistyped
RECIPE = 2
"""Another number for another way to teach or to choose: results of two recipes are not mixed."""


def prove(
    data: str | Path | Digits,
    *,
    out: str | Path,
    per_class: Sequence[int] = PER_CLASS,
    test: str | Path | Digits | None = None,
    arms: Sequence[str] | None = None,
    seeds: int = SEEDS,
    budget_per_gan: int | None = None,
    steps: int = STEPS,
    threads: int = 0,
    format: str = "npz",
    train: TrainsOnFew = train_on_few,
    on_stage: OnStage = lambda stage, done, total: None,
) -> Proof:
    """Measure what augmentation and generated digits add to a recogniser of few real images, and write it down.

    Whatever is done is kept in `out`, and a second call goes on from there: also with more seeds, numbers or arms.

    Args:
        data: real labelled images: a known name, a path that `read_digits` understands, or images at hand.
        out: the folder of the page, the record and the data sets.
        per_class: numbers of real images of each class.
        test: real images that only test; left out, the data's own test split, or a fifth of the data.
        arms: letters of `proving.arms.ARMS`; left out, all that fit the data.
        seeds: how many pairs at each number: seeds 0, 1, ...; 2 to 1,000.
        budget_per_gan: images that each GAN sees at the most, each counted as often as it is seen.
        steps: of every recogniser, on batches of 64.
        threads: of the CPU; 0: as many as help, measured now.
        format: of the augmented data sets: npz, png, idx, csv or parquet.
        train: makes a generator from few images.
        on_stage: told what is done, and of the seconds done and expected in all.

    Returns:
        What was found, and where it is.

    Raises:
        InputError: data or settings that cannot be right, too few images of a class, a test set that is part of
            the data, an `out` that holds something else, lies within the data, or is being written by another process.
        TrainingInterrupted: Ctrl-C; the same call goes on where it was.
        StorageError: the disk refused; what was kept before is intact.
    """
    folder = Path(out)
    check_format(format)
    check_budget(budget_per_gan)
    if not 2 <= seeds <= MOST_SEEDS:
        raise InputError(f"an interval takes 2 seeds at the least, better 5, and {MOST_SEEDS:,} at most, not {seeds}")
    if steps < 1 or threads < 0:
        raise InputError(f"{steps} steps on {threads} threads cannot be; give 1 step or more, and 0 threads or more")
    asked = None if arms is None else check_arms(arms)
    require_apart(folder, data, test)
    sets = real_sets(data, test)
    numbers = check_per_class(sets.pool, per_class)
    fresh_recogniser(sets.pool, seed=0)  # says now if the images are too small for it
    taken, left_out = _fitting(sets.pool, asked)
    if any(ARMS[key].source == "gan" for key in taken):
        _require_size(sets.pool)
    experiment = _experiment(sets, taken, budget_per_gan=budget_per_gan, steps=steps)
    try:
        with Records.opened(folder, experiment) as records:
            torch.set_num_threads(threads or threads_that_help())
            pools = Pools(folder / "digits", train, budget_per_gan, torch.get_num_threads())
            pairs = [(number, seed) for number in numbers for seed in range(seeds)]
            left = trainings_left(records, pools, pairs, taken, classes=len(sets.pool.classes))
            plan = Plan(on_stage, left=left, expected_s=expected_s(records, steps=steps))
            bench = Bench(sets, records, pools, steps, plan)
            for number, seed in pairs:
                bench.pair(number, seed, taken)
            return concluded(folder, bench, numbers=numbers, seeds=seeds, arms=taken, left_out=left_out, format=format)
    except KeyboardInterrupt:
        message = f"{folder}: stopped; what was finished is kept, and the same command goes on from there"
        raise TrainingInterrupted(message, signal_number=signal.SIGINT) from None


def _fitting(pool: Digits, asked: Sequence[str] | None) -> tuple[tuple[str, ...], dict[str, str]]:
    """The arms to run, and why one is left out that nobody asked for by its letter."""
    if asked is not None and "e" not in asked:
        return tuple(asked), {}
    reason = why_not_shipped(pool)
    if not reason:
        return tuple(asked or ARMS), {}
    if asked is not None:
        raise InputError(f"{pool.source}: arm e does not fit: {reason}; leave it out with --arms")
    return tuple(key for key in ARMS if key != "e"), {"e": reason}


def _require_size(pool: Digits) -> None:
    """Say before any work that no GAN could be trained."""
    try:
        require_quartered(pool.image_shape)
    except ConfigError:
        _, height, width = pool.image_shape
        raise InputError(
            f"{pool.source}: images are {height}x{width}, and a GAN takes square ones whose side is a multiple of 4; "
            "bring them to 28x28, or leave the arms c and d out with --arms"
        ) from None


def _experiment(sets: RealSets, arms: Sequence[str], *, budget_per_gan: int | None, steps: int) -> dict[str, Any]:
    """All that the results depend on, so that no two experiments are mixed."""
    shipped = {"shipped": shipped_checksum()} if "e" in arms else {}
    return shipped | {
        "recipe": RECIPE,
        "data": sets.pool.source,
        "images": sets.pool.fingerprint(),
        "test": sets.test.fingerprint(),
        "test_images": len(sets.test),
        "test_held_out_of_the_data": sets.held_out,
        "classes": list(sets.pool.classes),
        "budget_per_gan": budget_per_gan,
        "steps": steps,
        "batch": BATCH,
        "strengths": list(STRENGTHS),
        "shares": list(SHARES),
    }
