"""What is not taken, and why."""

from __future__ import annotations

from dataclasses import dataclass

from digitsmith.errors import DataError


class Refused(DataError):
    """This one picture is not taken; the message goes on after its name: "has no ink"."""


@dataclass(frozen=True)
class Refusal:
    """A file, or a box of a sheet, that gave no image.

    Attributes:
        name: of the file as it was found, below the folder or archive that was imported.
        reason: one line.
    """

    name: str
    reason: str
