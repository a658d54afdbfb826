"""The pictures of docs/scans.md: scenes whose answer is known, and what `digitsmith import` shows of them.

python benchmarks/scanning_pictures.py docs/images
"""

from __future__ import annotations

import argparse
import base64
import io
import re
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from digitsmith.scanning.importing import import_scans
from digitsmith.scanning.sheet_layout import sheet_layout
from digitsmith.scanning.sheet_print import sheet
from scanning import SCENES, known_digits, written_in
from scanning_scenes import encoded, filled_sheet, photographed

_IN_PAGE = re.compile(r"data:image/jpeg;base64,([A-Za-z0-9+/=]+)")
_SHEET_PX = 560  # height of a sheet in the documents
_GAP_PX = 16


def shown_in(page: Path) -> list[Image.Image]:
    """The pictures of a contact sheet, in their order."""
    found = _IN_PAGE.findall(page.read_text(encoding="utf-8"))
    return [Image.open(io.BytesIO(base64.b64decode(each))).convert("RGB") for each in found]


def in_rows(pictures: list[Image.Image], *, columns: int) -> Image.Image:
    """Pictures in rows on white, each row as high as its highest picture and each column as wide as its widest."""
    rows = [pictures[start : start + columns] for start in range(0, len(pictures), columns)]
    widths = [max(row[column].width for row in rows if column < len(row)) for column in range(columns)]
    heights = [max(picture.height for picture in row) for row in rows]
    size = (sum(widths) + _GAP_PX * (columns - 1), sum(heights) + _GAP_PX * (len(rows) - 1))
    whole = Image.new("RGB", size, "white")
    top = 0
    for row, height in zip(rows, heights, strict=True):
        left = 0
        for picture, width in zip(row, widths, strict=False):
            whole.paste(picture, (left, top))
            left += width + _GAP_PX
        top += height + _GAP_PX
    return whole


def contact(folder: Path) -> Image.Image:
    """Scan, ink and image of a digit in each scene, in the scenes' order."""
    digits, _ = known_digits(60)
    scans = folder / "scans"
    scans.mkdir()
    for number, (scene, digit) in enumerate(zip(SCENES.values(), digits[11:], strict=False)):
        (scans / f"{number}.png").write_bytes(encoded(scene(digit, number)))
    return in_rows(shown_in(import_scans(scans, out=folder / "digits", sheet=False).page), columns=3)


def photograph(folder: Path) -> Image.Image:
    """A photograph of a sheet, and what was found on it."""
    layout = sheet_layout()
    own = np.array([box.label for box in layout.boxes])
    page = filled_sheet(layout, written_in(own, *known_digits(2000), seed=4), seed=4)
    path = folder / "photograph.jpg"
    path.write_bytes(photographed(page, width_px=1800, tilt=0.12, shadow=0.6, barrel=0.01, seed=4))
    laid_flat = shown_in(import_scans(path, out=folder / "sheet").page)[0]
    with Image.open(path) as taken:
        both = [taken.convert("RGB"), laid_flat]
    sized = [each.resize((round(each.width * _SHEET_PX / each.height), _SHEET_PX)) for each in both]
    return in_rows(sized, columns=2)


def empty(folder: Path) -> Image.Image:
    """The upper half of a sheet as it is printed."""
    sheet(folder / "sheet.png")
    with Image.open(folder / "sheet.png") as page:
        small = page.reduce(3).convert("L")
        return small.crop((0, 0, small.width, small.height // 2))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, help="the folder for the pictures")
    out = parser.parse_args().out
    for draw in (contact, photograph, empty):
        with tempfile.TemporaryDirectory() as folder:
            picture = draw(Path(folder))
        picture.quantize(48 if draw is photograph else 32, dither=Image.Dither.NONE).save(
            out / f"scans-{draw.__name__}.png", optimize=True
        )


if __name__ == "__main__":
    main()
