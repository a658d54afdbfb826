"""Is the run still a game? What is measured while training, and when it is worth a warning.

Two ways a GAN stops learning while its losses still look like numbers: the generator draws one image over
and over (mode collapse; second report, 4.3), or one player has left the other nothing to learn from.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from digitsmith.training.step import StepResult

SETTLED_AFTER_IMAGES = 60_000  # before that every generator of these models repeats itself, and recovers
WATCHED_ROWS = 5  # so many rows of the log in a row: a single batch can look like anything
COLLAPSED_BELOW = 0.25  # of the real images' own variety; healthy runs of the four models stay above 0.6
BLIND_BELOW = 0.02  # D's mean score of real images minus that of generated ones
CERTAIN_ABOVE = 0.98


@dataclass(frozen=True)
class Measured:
    """One log row's view of the game.

    loss_d, loss_g: the losses of the step.
    real_score, fake_score: D's mean probability that real / generated images are real, in [0, 1].
    variety: spread within a class of the generated images over that of the real ones; 1 is as varied, None
        where the real ones have no spread to compare with (one image a class).
    labelled_accuracy, sure: as in `step.Reading`, in [0, 1]; None for a model that learns from every label.
    """

    loss_d: float
    loss_g: float
    real_score: float
    fake_score: float
    variety: float | None
    labelled_accuracy: float | None = None
    sure: float | None = None


def measure(result: StepResult, real: Tensor, labels: Tensor, fake_labels: Tensor, *, classes: int) -> Measured:
    """Look at one step. `classes` is 1 for an unconditional model: its images form one crowd.

    The classes of real images without a label are those that were read in them.
    """
    if result.reading is not None:
        labels = result.reading.guess
    real_spread = spread_within_classes(real, labels, classes)
    fake_spread = spread_within_classes(result.fake.float(), fake_labels, classes)
    numbers = torch.stack(
        [
            result.loss_d,
            result.loss_g,
            result.real_source.sigmoid().mean(),
            result.fake_source.sigmoid().mean(),
            fake_spread,
            real_spread,
        ]
    )
    loss_d, loss_g, real_score, fake_score, fake_spread_, real_spread_ = numbers.tolist()  # one transfer, not six
    variety = fake_spread_ / real_spread_ if real_spread_ > 1e-6 else None
    if result.reading is None:
        return Measured(loss_d, loss_g, real_score, fake_score, variety)
    accuracy, sure = float(result.reading.labelled_accuracy), float(result.reading.sure)
    return Measured(loss_d, loss_g, real_score, fake_score, variety, accuracy, sure)


def spread_within_classes(images: Tensor, labels: Tensor, classes: int) -> Tensor:
    """Mean per-pixel variance of images [B, C, H, W] around their own class's mean; a scalar."""
    flat = images.flatten(1)
    member = F.one_hot(labels, classes).float() if classes > 1 else flat.new_ones(len(flat), 1)  # [B, K]
    counts = member.sum(0)  # [K]
    means = (member.T @ flat) / counts.clamp_min(1)[:, None]  # [K, P]
    residual = flat - member @ means
    degrees_of_freedom = (counts - 1).clamp_min(0).sum().clamp_min(1)
    return residual.square().sum() / degrees_of_freedom / flat.shape[1]


@dataclass
class HealthWatch:
    """Turns rows of `Measured` into warnings, each kind once until it has passed.

    `settled_after_images`: nothing is judged before; a short run should lower it.
    """

    settled_after_images: int = SETTLED_AFTER_IMAGES
    recent: deque[Measured] = field(default_factory=lambda: deque(maxlen=WATCHED_ROWS))
    standing: set[str] = field(default_factory=set)

    def replay(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Look again at the `step` rows of a log, so that a resumed run warns when an undisturbed one would."""
        names = [item.name for item in fields(Measured)]
        for row in rows:
            if row["event"] == "step":
                self.look(row["images"], Measured(**{name: row[name] for name in names if name in row}))

    def look(self, images_seen: int, measured: Measured) -> list[tuple[str, str]]:
        """The warnings that begin with this row, as (kind, one line with what was measured)."""
        if images_seen < self.settled_after_images:
            return []
        self.recent.append(measured)
        if len(self.recent) < WATCHED_ROWS:
            return []
        rows, real, fake = self.recent, measured.real_score, measured.fake_score
        signs = {
            "collapse": (
                all(row.variety is not None and row.variety < COLLAPSED_BELOW for row in rows),
                f"the generator repeats itself: its images vary {measured.variety or 0:.2f} times as much as real ones",
            ),
            "discriminator-blind": (
                all(abs(row.real_score - row.fake_score) < BLIND_BELOW for row in rows),
                f"the discriminator no longer tells real from generated: it scores them {real:.2f} and {fake:.2f}",
            ),
            "discriminator-wins": (
                all(row.real_score > CERTAIN_ABOVE and row.fake_score < 1 - CERTAIN_ABOVE for row in rows),
                f"the discriminator is always right (scores {real:.3f} and {fake:.3f}), "
                "which leaves the generator little to learn from",
            ),
        }
        begun = [(kind, line) for kind, (holds, line) in signs.items() if holds and kind not in self.standing]
        self.standing = {kind for kind, (holds, _) in signs.items() if holds}
        return begun
