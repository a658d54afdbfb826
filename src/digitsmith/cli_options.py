"""The options that several commands have; `drawing.requests.parse_style` reads those of style."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Group, Parameter

from digitsmith.parsing import whole

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

Model = Annotated[str, Parameter(help="a shipped model's name, a run's folder, or a saved model's")]
Person = Annotated[
    int | None, Parameter(converter=whole, help="who writes: a person's own number; left out, the seed decides")
]
Ink = Annotated[str | None, Parameter(help="colour of the ink, as #1a2b6d")]
Reject = Annotated[
    bool, Parameter(help="draw digits again that a proofreader does not read as asked, where it is one for this model")
]
