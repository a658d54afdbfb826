"""The commands that write whole pages: parse, call the API, print. `cli.py` registers them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from digitsmith.cli_options import Ink, Model, Person, Reject
from digitsmith.config import DEFAULT_MODEL
from digitsmith.parsing import whole

if TYPE_CHECKING:
    from digitsmith.drawing.pages import Page

page = App(name="page", help="Write a whole page by hand: a sheet of sums, or a form; with the place of every digit.")

Out = Annotated[
    Path, Parameter(name=["--out", "-o"], help="the page: .png or .pdf; what stands where goes beside it, as .json")
]
Seed = Annotated[int, Parameter(converter=whole, help="of what is written")]
Dpi = Annotated[int, Parameter(converter=whole, help="150 or 300")]


@page.command
def sums(
    *,
    out: Out,
    count: Annotated[int, Parameter(converter=whole, help="how many sums")] = 30,
    largest: Annotated[
        int, Parameter(converter=whole, help="the largest number that may occur, answers included")
    ] = 100,
    answers: Annotated[bool, Parameter(help="write them too; else there is a line for each", negative=())] = False,
    model: Model = DEFAULT_MODEL,
    seed: Seed = 0,
    hand: Person = None,
    dpi: Dpi = 150,
    ink: Ink = None,
    reject: Reject = True,
) -> None:
    """Write a sheet of additions and subtractions."""
    from digitsmith.drawing.pages import check_page_path
    from digitsmith.drawing.sums import sums_page

    check_page_path(out)
    written = sums_page(
        count,
        largest=largest,
        answers=answers,
        model=model,
        seed=seed,
        hand=hand,
        dpi=dpi,
        ink=ink,
        reject=reject,
    )
    _save(written, out)


@page.command
def form(
    *,
    out: Out,
    count: Annotated[int, Parameter(converter=whole, help="how many fields")] = 20,
    model: Model = DEFAULT_MODEL,
    seed: Seed = 0,
    hand: Person = None,
    dpi: Dpi = 150,
    ink: Ink = None,
    reject: Reject = True,
) -> None:
    """Write a form that someone has filled in: dates, postcodes, amounts, a digit in each frame."""
    from digitsmith.drawing.forms import form_page
    from digitsmith.drawing.pages import check_page_path

    check_page_path(out)
    _save(form_page(count, model=model, seed=seed, hand=hand, dpi=dpi, ink=ink, reject=reject), out)


def _save(written: Page, out: Path) -> None:
    from digitsmith.console import summary

    labels = written.save(out)
    summary([("page", out), ("labels", labels), ("digits", f"{len(written.digits):,}")])
