"""The commands for own scans: parse, call the API, print. `cli.py` registers them."""

from __future__ import annotations

import shlex
import sys
import unicodedata
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from digitsmith.parsing import whole

if TYPE_CHECKING:
    from digitsmith.scanning.refusals import Refusal


def import_scans(
    scans: Annotated[
        Path,
        Parameter(help="a folder of class folders or of loose pictures, a .zip of these, a picture, a PDF; or sheets"),
    ],
    *,
    out: Annotated[Path, Parameter(name=["--out", "-o"], help="a new folder")],
    format: Annotated[str, Parameter(help="png (class folders), idx, npz, csv or parquet")] = "png",
    size: Annotated[int, Parameter(converter=whole, help="28; or 32: as large, with a wider margin")] = 28,
    deskew: Annotated[bool, Parameter(help="set each digit upright", negative=())] = False,
    ink: Annotated[str, Parameter(help="dark, light, or auto, which looks at each picture")] = "auto",
    sheet: Annotated[
        bool | None,
        Parameter(help="the pictures are sheets that `digitsmith sheet` made; left out: those on which one is found"),
    ] = None,
    label: Annotated[str | None, Parameter(help="the class of loose pictures")] = None,
    strict: Annotated[bool, Parameter(help="a refused picture is an error; nothing is written", negative=())] = False,
) -> None:
    """Bring photographs and scans of digits, or of filled-in sheets, to MNIST's form, as a data set."""
    from digitsmith.console import staging, summary
    from digitsmith.scanning import importing

    with staging("importing") as on_stage:
        imported = importing.import_scans(
            scans,
            out=out,
            format=format,
            size=size,
            deskew=deskew,
            ink=ink,
            sheet=sheet,
            label=label,
            strict=strict,
            on_refusal=_complain,
            on_progress=lambda done, total: on_stage(f"picture {done:,} of {total:,}", done, total),
        )
    rows: list[tuple[str, str | Path]] = [
        ("data set", imported.folder),
        ("manifest", imported.folder / "manifest.json"),
        ("contact sheet", imported.page),
        ("images", f"{imported.images:,}"),
    ]
    if imported.counts:
        rows.append(("of each class", ", ".join(f"{name}: {count:,}" for name, count in imported.counts.items())))
    else:
        rows.append(("labels", "none; class folders or --label give them"))
    if imported.sheets:
        rows.append(("sheets", f"{imported.sheets:,}"))
    rows.append(("refused", f"{len(imported.refused):,}"))
    if not imported.counts:
        folder = shlex.quote(str(imported.folder))
        rows.append(("measure them", f"digitsmith evaluate {folder}"))
        rows.append(("learn from them", f"digitsmith train sgan --data LABELLED --unlabelled {folder}"))
    summary(rows)


def sheet(
    *,
    out: Annotated[Path, Parameter(name=["--out", "-o"], help="the sheet: .pdf, or .png for a single page")],
    classes: Annotated[str, Parameter(help="what is written: single letters, or names with commas between")] = (
        "0123456789"
    ),
    per_class: Annotated[int, Parameter(converter=whole, help="boxes of each class")] = 26,
    paper: Annotated[str, Parameter(help="a4 or letter")] = "a4",
) -> None:
    """Make a sheet of boxes to print and fill in; a scan or photograph of it comes back with `digitsmith import`."""
    from digitsmith.console import summary
    from digitsmith.scanning import sheet_print

    layout = sheet_print.sheet(out, classes=_names(classes), per_class=per_class, paper=paper)
    summary(
        [
            ("sheet", out),
            ("pages", f"{layout.pages:,}"),
            ("boxes", f"{len(layout.classes) * layout.per_class:,}, {layout.per_class:,} of each class"),
            ("next", "print it at 100 %, fill it in, scan or photograph it; then digitsmith import SCAN --out DIR"),
        ]
    )


def _names(classes: str) -> list[str]:
    composed = unicodedata.normalize("NFC", classes)  # an é that was typed as e and an accent is one letter
    return [name.strip() for name in composed.split(",")] if "," in composed else list(composed)


def _complain(refusal: Refusal) -> None:
    from digitsmith.data.files import shown

    name = shown(refusal.name, at_most=200)
    print(f"digitsmith: refused: {name} {refusal.reason}", file=sys.stderr)
