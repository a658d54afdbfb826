"""The commands that draw digits: parse, call the API, print. `cli.py` registers them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from digitsmith.cli_options import Height, Ink, Model, Person, Reject, Slant, Thickness, Width
from digitsmith.config import DEFAULT_MODEL
from digitsmith.parsing import whole


def draw(
    number: Annotated[
        str | None, Parameter(help="the digits, as 2026; classes with longer names with commas between")
    ] = None,
    *,
    labels: Annotated[
        str | None, Parameter(help="instead: classes by their names, as cat,dog,cat; each image as the model draws it")
    ] = None,
    out: Annotated[Path, Parameter(name=["--out", "-o"], help="the picture: .png, .jpg or .webp")],
    model: Model = DEFAULT_MODEL,
    seed: Annotated[int, Parameter(converter=whole, help="of what is written")] = 0,
    hand: Person = None,
    size: Annotated[
        int, Parameter(converter=whole, help="height of the picture, in pixels; with --labels of each image")
    ] = 160,
    ground: Annotated[str, Parameter(help="white, black or transparent")] = "white",
    ink: Ink = None,
    thickness: Thickness = None,
    slant: Slant = None,
    width: Width = None,
    height: Height = None,
    reject: Reject = True,
) -> None:
    """Write a number, as one person does, into one picture; or draw images of other classes side by side."""
    from digitsmith.drawing.loading import load
    from digitsmith.drawing.making import draw_number
    from digitsmith.drawing.numbers import save_image
    from digitsmith.drawing.pictures import draw_pictures, parse_labels, parse_word
    from digitsmith.drawing.requests import parse_style
    from digitsmith.errors import InputError

    if (number is None) == (labels is None):
        raise InputError("say what to draw: either a number, as 2026, or --labels with the names of classes")
    drawer = load(model)
    style = {
        "thickness": parse_style(thickness, "thickness"),
        "slant": parse_style(slant, "slant"),
        "width": parse_style(width, "width"),
        "height": parse_style(height, "height"),
    }
    if number is not None and drawer.strokes:
        picture = draw_number(
            number,
            model=drawer,
            seed=seed,
            hand=hand,
            size_px=size,
            ground=ground,
            ink=ink,
            **style,
            reject=reject,
        )
    else:  # what is no ink has no line to stand in, however it is asked for
        if (hand, ink, ground) != (None, None, "white"):
            raise InputError(
                "images are drawn as they are; leave out --hand, --ink and --ground, which are for numbers"
            )
        classes = drawer.config.classes
        names = parse_word(number or "", classes) if labels is None else parse_labels(labels, classes)
        picture = draw_pictures(names, model=drawer, seed=seed, size_px=size, **style, reject=reject)
    save_image(out, picture)
    print(out)


def make(
    count: Annotated[int | None, Parameter(converter=whole, help="how many images, the classes balanced")] = None,
    *,
    out: Annotated[Path, Parameter(name=["--out", "-o"], help="a new folder")],
    format: Annotated[str, Parameter(help="png (class folders), idx, npz, csv or parquet")] = "png",
    model: Model = DEFAULT_MODEL,
    counts: Annotated[str | None, Parameter(help="instead of a count: how many of each class, as 0=500,7=1500")] = None,
    test_count: Annotated[
        int, Parameter(converter=whole, help="so many more as x_test and y_test, as in Keras's mnist.npz; npz only")
    ] = 0,
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
    total = ((count or 0) if asked is None else sum(asked.values())) + test_count
    with counting("drawing", total) as on_progress:
        folder = making.make(
            count,
            out=out,
            model=drawer,
            format=format,
            counts=asked,
            test_count=test_count,
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
