"""The arms of the experiment: what a recogniser is given beside the same few real images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from digitsmith.errors import InputError

Source = Literal["real", "gan", "shipped"]


@dataclass(frozen=True)
class Arm:
    """One way to teach a recogniser.

    Attributes:
        key: the letter that it is asked for by.
        name: in a table's head.
        words: in a sentence, after "a recogniser that learns from".
        moved: whether every image is moved at random, each time that it is seen.
        source: where its generated digits come from; "real" for none.
        against: the arm that it is compared with: the same without its last ingredient. Empty for the first.
        adds: that ingredient, as the subject of a sentence.
    """

    key: str
    name: str
    words: str
    moved: bool
    source: Source
    against: str
    adds: str

    @property
    def generated(self) -> bool:
        """Whether it is given generated digits."""
        return self.source != "real"


ARMS: dict[str, Arm] = {
    arm.key: arm
    for arm in (
        Arm("a", "real", "the real images as they are", False, "real", "", ""),
        Arm("b", "real + augmentation", "the real images, moved", True, "real", "a", "Augmentation"),
        Arm(
            "c",
            "real + GAN",
            "the real images and digits of a GAN that was trained on them",
            False,
            "gan",
            "a",
            "Digits of a GAN trained on the same images",
        ),
        Arm(
            "d",
            "real + augmentation + GAN",
            "the real images and digits of a GAN that was trained on them, all moved",
            True,
            "gan",
            "b",
            "Digits of a GAN trained on the same images, on top of augmentation",
        ),
        Arm(
            "e",
            "real + augmentation + shipped model",
            "the real images and digits of the shipped model, all moved",
            True,
            "shipped",
            "b",
            "Digits of the shipped model, on top of augmentation",
        ),
    )
}


def parse_arms(text: str) -> tuple[str, ...]:
    """What "a,b,d" asks for, in the arms' own order.

    Raises:
        InputError: an arm that there is not, one named twice, none, or one with generated digits and not the same
            arm without them, which alone says what they add.
    """
    asked = [part.strip().lower() for part in text.split(",")]
    return check_arms(asked)


def check_arms(asked: Sequence[str]) -> tuple[str, ...]:
    """`asked` in the arms' own order; raises InputError as `parse_arms` says."""
    unknown = next((key for key in asked if key not in ARMS), None)
    if unknown is not None or not asked:
        known = ", ".join(f"{arm.key} ({arm.name})" for arm in ARMS.values())
        raise InputError(f"there is no arm {unknown or ''!r}; choose from {known}, as a,b,d")
    if len(set(asked)) < len(asked):
        raise InputError(f"arms {','.join(asked)}: one is named twice; name each once")
    alone = next((ARMS[key] for key in asked if ARMS[key].generated and ARMS[key].against not in asked), None)
    if alone is not None:
        against = ARMS[alone.against]
        raise InputError(
            f"arm {alone.key} is compared with arm {against.key} ({against.name}); ask for both, as "
            f"{against.key},{alone.key}"
        )
    return tuple(key for key in ARMS if key in asked)
