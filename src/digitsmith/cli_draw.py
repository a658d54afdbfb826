"""The commands that draw digits: parse, call the API, print. `cli.py` registers them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from digitsmith.cli_options import Height, Ink, Model, Person, Reject, Slant, Thickness, Width
from digitsmith.config import DEFAULT_MODEL
from digitsmith.parsing import whole


def draw(
    number: Annotated[str, Parameter(help="the digits, as 2026; classes with longer names with commas between")],
    *,
    out: Annotated[Path, Parameter(name=["--out", "-o"], help="the picture: .png, .jpg or .webp")],
    model: Model = DEFAULT_MODEL,
    seed: Annotated[int, Parameter(converter=whole, help="of what is written")] = 0,
    hand: Person = None,
    size: Annotated[int, Parameter(converter=whole, help="height of the picture, in pixels")] = 160,
    ground: Annotated[str, Parameter(help="white, black or transparent")] = "white",
    ink: Ink = None,
    thickness: Thickness = None,
    slant: Slant = None,
    width: Width = None,
    height: Height = None,
    reject: Reject = True,
) -> None:
    """Write a number, as one person does, into one picture."""
    from digitsmith.drawing.making import draw_number
    from digitsmith.drawing.numbers import save_image
    from digitsmith.drawing.requests import parse_style

    save_image(
        out,
        draw_number(
            number,
            model=model,
            seed=seed,
            hand=hand,
            size_px=size,
            ground=ground,
            ink=ink,
            thickness=parse_style(thickness, "thickness"),
            slant=parse_style(slant, "slant"),
            width=parse_style(width, "width"),
            height=parse_style(height, "height"),
            reject=reject,
        ),
    )
    print(out)


def make(
    count: Annotated[int | None, Parameter(converter=whole, help="how many images, the classes balanced")] = None,
    *,
    out: Annotated[Path, Parameter(name=["--out", "-o"], help="a new folder")],
    format: Annotated[str, Parameter(help="png (class folders), idx, npz, csv or parquet")] = "png",
    model: Model = DEFAULT_MODEL,
    counts: Annotated[str | None, Parameter(help="instead of a count: how many of each class, as 0=500,7=1500")] = None,
    seed: Annotated[int, Parameter(converter=whole)] = 0,
    reject: Reject = True,
    thickness: Thickness = None,
    slant: Slant = None,
    width: Width = None,
    height: Height = None,
) -> None:
    """Write a labelled data set of generated images, with a manifest."""
    from digitsmith.console import counting, summary
    from digitsmith.drawing import making
    from digitsmith.drawing.loading import load
    from digitsmith.drawing.rejection import in_words
    from digitsmith.drawing.requests import parse_counts, parse_style

    drawer = load(model)
    asked = None if counts is None else parse_counts(counts, drawer.config.classes)
    total = count if asked is None else sum(asked.values())
    with counting("drawing", total or 0) as on_progress:
        folder = making.make(
            count,
            out=out,
            model=drawer,
            format=format,
            counts=asked,
            seed=seed,
            thickness=parse_style(thickness, "thickness"),
            slant=parse_style(slant, "slant"),
            width=parse_style(width, "width"),
            height=parse_style(height, "height"),
            reject=reject,
            on_progress=on_progress,
        )
    summary(
        [
            ("data set", folder),
            ("manifest", folder / "manifest.json"),
            ("images", f"{total:,}"),
            ("drawn again", in_words(folder)),
        ]
    )
