"""The commands of recognisers: parse, call the API, print. `cli.py` registers them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter


def recognise(
    images: Annotated[
        str, Parameter(help="a known name, or a path of images in any format that is read, with labels or without")
    ],
    *,
    model: Annotated[str, Parameter(help="a run of sgan, or a saved recogniser's folder")],
    out: Annotated[
        Path | None, Parameter(name=["--out", "-o"], help="a CSV file for the answers: image, label, probability")
    ] = None,
    split: Annotated[str, Parameter(help="of data that has splits: train, test or all")] = "train",
    resize: Annotated[
        bool, Parameter(help="bring other sizes and colours to those that it learned from", negative=())
    ] = False,
) -> None:
    """Read images with a recogniser: which class each shows; and how many rightly, where they have labels."""
    from digitsmith.console import summary
    from digitsmith.data.reading import require_apart
    from digitsmith.recognising.answers import recognise as read
    from digitsmith.storage import write_bytes_atomically

    if out is not None:
        require_apart(out, images)
    answers = read(images, model=model, split=split, resize=resize)
    total = len(answers.labels)
    rows: list[tuple[str, str | Path]] = [("images", f"{total:,} of {answers.source}")]
    if answers.errors is not None:
        rows.append(("read rightly", f"{1 - answers.errors / total:.2%} (all but {answers.errors:,})"))
    if out is not None:
        write_bytes_atomically(out, answers.csv().encode())
        rows.append(("answers", out))
    elif answers.errors is None:  # there is nothing else to see
        print(answers.csv(), end="")
        return
    summary(rows)


def export(
    model: Annotated[str, Parameter(help="a run of sgan, or a saved recogniser's folder")],
    *,
    out: Annotated[Path, Parameter(name=["--out", "-o"], help="the .onnx file")],
) -> None:
    """Write a recogniser as an ONNX file: pixels uint8 [N, C, H, W] in, probabilities and labels out."""
    from digitsmith.console import summary
    from digitsmith.recognising.recogniser import load_recogniser
    from digitsmith.storage import write_bytes_atomically

    recogniser = load_recogniser(model)
    write_bytes_atomically(out, recogniser.onnx())
    channels, height, width = recogniser.config.image_shape
    summary(
        [
            ("in", f"pixels: uint8 [N, {channels}, {height}, {width}], 0 is the background"),
            ("out", f"probabilities: float32 [N, {len(recogniser.classes)}]; labels: int64 [N]"),
            ("classes", ", ".join(recogniser.classes)),
            ("ONNX", out),
        ]
    )
