"""What throughput.py found of each model, the figures that follow from it, and its two tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from digitsmith.data.mnist import TRAIN_IMAGES
from measuring import Spread, markdown_table


@dataclass(frozen=True)
class Measured:
    """One model's figures; a list has an entry for each round.

    Attributes:
        precision: of digitsmith's forward passes. The textbook loop's is float32.
        images_per_s: {"digitsmith": [...], "textbook": [...]}.
        product_flops_per_s: {"float32": [...], "bfloat16": [...]}, the latter where the device multiplies in it.
        flops_per_image: the arithmetic of a step as the model's tables define it (arithmetic.py), the same for both.
        peak_mib: resident memory of `digitsmith train`.
    """

    model: str
    precision: str
    batch_size: int
    images_per_s: dict[str, list[float]]
    product_flops_per_s: dict[str, list[float]]
    flops_per_image: float
    peak_mib: float

    def ratio(self) -> list[float]:
        """digitsmith's images a second over the textbook loop's."""
        return [a / b for a, b in zip(self.images_per_s["digitsmith"], self.images_per_s["textbook"], strict=True)]

    def share_of_peak(self, contender: str) -> list[float]:
        """Of the rate of matrix products in the contender's own precision, in [0, 1]."""
        peak = self.product_flops_per_s[self.precision if contender == "digitsmith" else "float32"]
        rates = self.images_per_s[contender]
        return [rate * self.flops_per_image / limit for rate, limit in zip(rates, peak, strict=True)]

    def epoch_s(self, contender: str) -> float:
        """Seconds for MNIST's 60,000 training images at the median rate."""
        return TRAIN_IMAGES / Spread.of(self.images_per_s[contender]).median

    def record(self) -> dict[str, Any]:
        """All of it, for JSON."""
        contenders = ("digitsmith", "textbook")
        return asdict(self) | {
            "ratio": self.ratio(),
            "share_of_peak": {contender: self.share_of_peak(contender) for contender in contenders},
            "epoch_s": {contender: self.epoch_s(contender) for contender in contenders},
        }


def speed_table(results: Sequence[Measured]) -> str:
    """Images a second of both, and their ratio."""
    head = ["model", "digitsmith, images/s", "textbook, images/s", "**ratio**", "an epoch", "textbook's", "peak memory"]
    return markdown_table(
        head,
        [
            [
                f"`{result.model}`, {result.precision}",
                Spread.of(result.images_per_s["digitsmith"]).text(),
                Spread.of(result.images_per_s["textbook"]).text(),
                f"**{Spread.of(result.ratio()).text(2)}**",
                f"{result.epoch_s('digitsmith'):.1f} s",
                f"{result.epoch_s('textbook'):.1f} s",
                f"{result.peak_mib:,.0f} MiB",
            ]
            for result in results
        ],
    )


def limit_table(results: Sequence[Measured]) -> str:
    """What the machine's matrix products would allow, and how much of it training uses."""

    def percent(shares: Sequence[float]) -> str:
        return Spread.of([100 * share for share in shares]).text()

    def gigaflops(result: Measured, precision: str) -> str:
        if precision not in result.product_flops_per_s:
            return "–"
        return Spread.of([flops / 1e9 for flops in result.product_flops_per_s[precision]]).text()

    head = ["model", "an epoch's arithmetic", "products, float32, GFLOP/s", "bfloat16, GFLOP/s"]
    return markdown_table(
        [*head, "digitsmith's share, %", "textbook's share of float32, %"],
        [
            [
                f"`{result.model}`, {result.precision}",
                f"{result.flops_per_image * TRAIN_IMAGES / 1e12:.2f} TFLOP",
                gigaflops(result, "float32"),
                gigaflops(result, "bfloat16"),
                percent(result.share_of_peak("digitsmith")),
                percent(result.share_of_peak("textbook")),
            ]
            for result in results
        ],
    )
