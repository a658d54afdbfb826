"""The generated images and the real ones in their seats, and how a figure is asked of each.

A figure is a function of (candidate, reference). It is asked of the generated images, of held-out training images
in their place, of real test images in their place, and, where more images were generated than sit there, of all of
them against all training images.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from digitsmith.measure.estimate import Estimate
from digitsmith.measure.protocol import Reference, Subject
from digitsmith.measure.results import Better, Measurement
from digitsmith.measure.sample import Sample
from digitsmith.measure.usefulness import RealSide

Figure = Callable[[Sample, Sample], Estimate]


@dataclass(frozen=True)
class Part:
    """What one family found.

    Attributes:
        measurements: its rows of the table.
        extras: what else an `Evaluation` keeps of it, by the name of its field.
    """

    measurements: Sequence[Measurement]
    extras: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Seats:
    """The generated images and the real ones, ready to be compared.

    Attributes:
        subject, reference: who sits where.
        real_side: the recognisers trained on so many real images; None where there is no test set for them.
        tell: is told what long work is at.
        reader: what the reader is called whose features and answers the figures rest on; it may have to be trained
            first.
    """

    subject: Subject
    reference: Reference
    real_side: Callable[[int], RealSide] | None
    tell: Callable[[str], None]
    reader: Callable[[], str]

    @property
    def seated_counts(self) -> dict[str, int]:
        """The counts of the comparison with real images in the same seat, as `Measurement`'s fields."""
        return {"images": len(self.subject.seated), "reference_images": len(self.reference.rest)}

    @property
    def counts(self) -> dict[str, int]:
        """The counts of both comparisons."""
        if self.subject.everything is None:
            return self.seated_counts
        everything = {"everything_images": len(self.subject.everything)}
        return self.seated_counts | everything | {"everything_reference": len(self.reference.training)}

    def comparisons(self) -> Iterator[tuple[str, Sample, Sample]]:
        """(column, candidate, reference) of each comparison that there is."""
        subject, reference = self.subject, self.reference
        yield "generated", subject.seated, reference.rest
        yield "held_out", reference.held_out, reference.rest
        if reference.test is not None:
            yield "test", reference.test, reference.rest
        if subject.everything is not None:
            yield "everything", subject.everything, reference.training


def measured(
    seats: Seats,
    figure: Figure,
    *,
    key: str,
    name: str,
    family: str,
    better: Better,
    unit: str = "",
    network: str | None = None,
    note: str = "",
    seated_only: bool = False,
) -> Measurement:
    """A row of the table; `seated_only` spares a dear figure the comparison of everything with everything."""
    columns: dict[str, Any] = {
        column: figure(sample, real)
        for column, sample, real in seats.comparisons()
        if not (seated_only and column == "everything")
    }
    counts: dict[str, Any] = seats.counts if "everything" in columns else seats.seated_counts
    return Measurement(key, name, family, better, unit, network, **counts, **columns, note=note)
