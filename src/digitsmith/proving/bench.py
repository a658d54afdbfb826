"""The experiment itself: for one pair (images a class, seed), settings chosen, arms taught, and each examined once."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from statistics import mean

from digitsmith.data.digits import Digits
from digitsmith.proving.arms import ARMS, Arm
from digitsmith.proving.choosing import (
    SHARE_FOLDS,
    SHARES,
    STRENGTHS,
    Part,
    Try,
    candidates,
    missing,
    parts_of,
    turns,
)
from digitsmith.proving.plan import Kind, Plan
from digitsmith.proving.pools import Pools, shipped_digits
from digitsmith.proving.records import STRENGTH, Place, Records, Run
from digitsmith.proving.sets import RealSets, few_of
from digitsmith.proving.teaching import Lesson, examine, teach

_ALL = "all"
_GUESSED_STEP_S, _GUESSED_GAN_S = 0.012, 120.0


@dataclass(eq=False)
class Bench:
    """What every pair has in common.

    Attributes:
        sets: the real images. Here the test is read in `_run` alone, after the last step of a recogniser.
        records: what is known, and is not made again.
        pools: where GANs are trained and their digits kept.
        steps: of every recogniser.
        plan: is told of every training.
    """

    sets: RealSets
    records: Records
    pools: Pools
    steps: int
    plan: Plan = field(repr=False)

    def pair(self, per_class: int, seed: int, arms: Sequence[str]) -> None:
        """Make what is missing of the arms of one pair."""
        wanted = [ARMS[key] for key in arms if self.records.accuracy(per_class, seed, key) is None]
        if wanted:
            few = few_of(self.sets.pool, per_class, seed=seed)
            for arm in wanted:
                lesson = self.lesson(few, per_class, seed, arm)
                self._run(few, lesson, self.generated(few, per_class, seed, arm), per_class, seed, arm)
        for fold in range(SHARE_FOLDS):
            self.pools.forget(pool_name(per_class, seed, _fold(fold)))

    def lesson(self, few: Digits, per_class: int, seed: int, arm: Arm) -> Lesson:
        """The arm's settings, chosen now where they were not before."""
        strength = self._strength(few, per_class, seed) if arm.moved else 0.0
        return Lesson(strength, self._share(few, strength, per_class, seed, arm) if arm.generated else 0.0)

    def generated(self, few: Digits, per_class: int, seed: int, arm: Arm) -> Digits | None:
        """The arm's generated digits; None for an arm without."""
        return self._drawn(few, per_class, seed, arm, _ALL) if arm.generated else None

    def _strength(self, few: Digits, per_class: int, seed: int) -> float:
        chosen = self.records.chosen(per_class, seed, STRENGTH)
        if chosen is not None:
            return chosen
        parts = parts_of(few)
        return self._best(STRENGTHS, Lesson, parts, [None] * len(parts), (per_class, seed, STRENGTH))

    def _share(self, few: Digits, strength: float, per_class: int, seed: int, arm: Arm) -> float:
        chosen = self.records.chosen(per_class, seed, arm.key)
        if chosen is not None:
            return chosen
        parts = parts_of(few, at_most=SHARE_FOLDS)
        drawn = [
            self._drawn(learning, per_class, seed, arm, _fold(number)) for number, (learning, _) in enumerate(parts)
        ]
        return self._best(SHARES, partial(Lesson, strength), parts, drawn, (per_class, seed, arm.key))

    def _best(
        self,
        values: Sequence[float],
        lesson_of: Callable[[float], Lesson],
        parts: Sequence[Part],
        drawn: Sequence[Digits | None],
        place: Place,
    ) -> float:
        """Try each value with each part, but for what was tried in an earlier call, and keep the choice.

        Args:
            values: to choose from.
            lesson_of: a value's lesson.
            parts, drawn: images to learn from, the fold that examines, and generated digits that owe it nothing.
            place: of the choice in the record.
        """
        per_class, seed, of = place
        left = missing(values, len(parts), self.records.tries(place))
        words = _words(per_class, seed, f"choosing {of}" if of == STRENGTH else f"choosing the share of {of}")
        with self.plan.task("recogniser", words, count=len(left)) as on_progress:
            for value, fold in left:
                learning, validating = parts[fold]
                taught = teach(
                    learning, lesson_of(value), drawn[fold], seed=seed, steps=self.steps, on_progress=on_progress
                )
                self.records.add_try(place, Try(value, fold, examine(taught, validating)))
        return self.records.add_choice(place, candidates(values, self.records.tries(place)))

    def _drawn(self, few: Digits, per_class: int, seed: int, arm: Arm, part: str) -> Digits:
        """Digits of the shipped model, or of a GAN that has seen `few` alone: trained now, or before."""
        if arm.source == "shipped":
            return shipped_digits(few, per_class=per_class, seed=seed)
        name = pool_name(per_class, seed, part)
        kept = self.pools.kept(name, few)
        if kept is not None:
            return kept
        with self.plan.task("gan", _words(per_class, seed, "training a GAN")) as on_progress:
            trained = self.pools.trained(name, few, per_class=per_class, seed=seed, on_progress=on_progress)
        self.records.add_gan(per_class, seed, part, trained)
        return trained.digits

    def _run(self, few: Digits, lesson: Lesson, generated: Digits | None, per_class: int, seed: int, arm: Arm) -> None:
        """Teach the arm's recogniser, let it read the test once, and keep what came of it."""
        began = time.perf_counter()
        with self.plan.task("recogniser", _words(per_class, seed, f"arm {arm.key}")) as on_progress:
            taught = teach(few, lesson, generated, seed=seed, steps=self.steps, on_progress=on_progress)
        seconds = time.perf_counter() - began
        found = examine(taught, self.sets.test)
        self.records.add_run(
            Run(per_class, seed, arm.key, found.right, found.images, lesson.strength, lesson.share, seconds)
        )


def trainings_left(
    records: Records, pools: Pools, pairs: Sequence[tuple[int, int]], arms: Sequence[str], *, classes: int
) -> dict[Kind, int]:
    """How many recognisers and GANs the missing arms of `pairs` (images a class, seed) take."""
    left: dict[Kind, int] = {"recogniser": 0, "gan": 0}
    for per_class, seed in pairs:
        wanted = [ARMS[key] for key in arms if records.accuracy(per_class, seed, key) is None]
        choosing = [arm for arm in wanted if arm.generated and records.chosen(per_class, seed, arm.key) is None]
        tried: list[tuple[Place, Sequence[float], int]]
        tried = [((per_class, seed, arm.key), SHARES, SHARE_FOLDS) for arm in choosing]
        if any(arm.moved for arm in wanted) and records.chosen(per_class, seed, STRENGTH) is None:
            tried.append(((per_class, seed, STRENGTH), STRENGTHS, turns(per_class * classes)))
        left["recogniser"] += len(wanted)
        left["recogniser"] += sum(len(missing(values, folds, records.tries(place))) for place, values, folds in tried)
        parts = [_fold(number) for number in range(SHARE_FOLDS)] if any(arm.source == "gan" for arm in choosing) else []
        parts += [_ALL] if any(arm.source == "gan" for arm in wanted) else []
        left["gan"] += sum(not pools.has(pool_name(per_class, seed, part)) for part in parts)
    return left


def expected_s(records: Records, *, steps: int) -> dict[Kind, float]:
    """Seconds that a training takes: the mean of those on record, or a guess where there are none."""
    guesses: dict[Kind, float] = {"recogniser": steps * _GUESSED_STEP_S, "gan": _GUESSED_GAN_S}
    seen: dict[Kind, list[float]] = {
        "recogniser": [run.seconds for run in records.runs],
        "gan": [row["seconds"] for row in records.gans],
    }
    return {kind: mean(seen[kind]) if seen[kind] else guess for kind, guess in guesses.items()}


def pool_name(per_class: int, seed: int, part: str = _ALL) -> str:
    """What a GAN's digits are kept under; without `part`, those of the arms themselves."""
    return f"{per_class}-a-class-seed-{seed}-{part}"


def _fold(number: int) -> str:
    return f"without-fold-{number + 1}"


def _words(per_class: int, seed: int, what: str) -> str:
    return f"{per_class}-a-class/seed-{seed}: {what}"
