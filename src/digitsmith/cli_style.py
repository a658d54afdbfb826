"""The options that ask for a style, for every command that draws; `drawing.requests.parse_style` reads them."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Group, Parameter

_STYLE = Group(
    "Style",
    help="For a model with style: one value, or a range as 2:4 that each digit gets its own value of. What is left "
    "out is as in the training images.",
    sort_key=4,
)

# A hyphen may come first: a slant of -10 is no option.
Thickness = Annotated[str | None, Parameter(group=_STYLE, allow_leading_hyphen=True, help="of the strokes, in px")]
Slant = Annotated[
    str | None, Parameter(group=_STYLE, allow_leading_hyphen=True, help="in degrees, to the right; -20 leans left")
]
Width = Annotated[str | None, Parameter(group=_STYLE, allow_leading_hyphen=True, help="of the upright digit, in px")]
Height = Annotated[str | None, Parameter(group=_STYLE, allow_leading_hyphen=True, help="in px")]
