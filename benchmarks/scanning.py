"""How well scans come back: MNIST's test digits as photographs and on filled-in sheets, brought to MNIST's form again.

    python benchmarks/scanning.py [--digits 2000] [--sheets 10] [--json FILE] [--docs FILE]

The pictures are simulated by `scanning_scenes.py`, so each one's answer is known. Counted is what the shipped reader
reads as MNIST labels it: of the digits untouched, and of what comes back from each scene; on sheets, where only digits
stand that are read right untouched. Seconds are of one thread's processor time.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from digitsmith.data.mnist import load_mnist
from digitsmith.measure.reader import read
from digitsmith.scanning.centring import mnist_form
from digitsmith.scanning.cleaning import find_ink
from digitsmith.scanning.pictures import decode_gray
from digitsmith.scanning.refusals import Refused
from digitsmith.scanning.sheet_layout import sheet_layout
from digitsmith.scanning.sheet_reading import read_sheet
from measuring import markdown_table, publish
from scanning_scenes import cut_out, encoded, filled_sheet, on_paper, on_table, photographed, ruled, scanned

Gray = NDArray[np.uint8]
Scene = Callable[[Gray, int], Gray]

SCENES: Mapping[str, Scene] = {
    "200 px, gray noise, light falling off by half": lambda digit, seed: on_paper(digit, seed=seed),
    "the same in negative: light ink on dark": lambda digit, seed: 255 - on_paper(digit, seed=seed),
    "the same, cut out without any paper": lambda digit, seed: cut_out(on_paper(digit, seed=seed), digit),
    "1 megapixel, the digit a fifth of it": lambda digit, seed: on_paper(digit, side_px=1000, room=0.3, seed=seed),
    "faint: three tenths of the light taken": lambda digit, seed: on_paper(digit, ink=0.3, seed=seed),
    "on ruled paper": lambda digit, seed: ruled(
        on_paper(digit, side_px=400, room=0.6, seed=seed), degrees=seed % 9 - 4
    ),
    "on squared paper": lambda digit, seed: ruled(
        on_paper(digit, side_px=400, room=0.6, seed=seed), degrees=seed % 9 - 4, squared=True
    ),
    "with a table beyond the paper's edge": lambda digit, seed: on_table(
        on_paper(digit, side_px=300, room=0.5, seed=seed), degrees=37 * seed, seed=seed
    ),
    "MNIST's own 28 × 28 pixels": lambda digit, seed: digit,
}
SCANS = ((100, 0.0, 0), (150, 3.0, 1), (200, -5.0, 2), (300, 2.0, 3), (600, 1.0, 0), (100, 5.0, 2), (200, -3.0, 1))
WIDTHS_PX = (1200, 1500, 1800, 2400, 3000)


def known_digits(count: int) -> tuple[Gray, NDArray[np.int64]]:
    """The first test digits that the reader reads right, [N, 28, 28], and their labels."""
    digits = load_mnist("test").take(np.arange(count))
    right = read(np.array(digits.images)) == digits.labels
    return np.array(digits.images[right, 0]), digits.labels[right]


def measure_scene(scene: Scene, digits: Gray, labels: NDArray[np.int64]) -> dict[str, float]:
    """Shares of the digits, and processor seconds for each. One that is refused is not read."""
    images = np.zeros((len(digits), 1, 28, 28), np.uint8)
    came, seconds = np.ones(len(digits), bool), 0.0
    for number, digit in enumerate(digits):
        picture = scene(digit, number)
        begun = time.process_time()
        try:
            images[number] = mnist_form(find_ink(picture).cover)
        except Refused:
            came[number] = False
        seconds += time.process_time() - begun
    off = np.abs(images[came, 0].astype(np.int16) - digits[came]).mean()
    return {
        "read": float(((read(images) == labels) & came).mean()),
        "refused": float((~came).mean()),
        "off": float(off),
        "seconds": seconds / len(digits),
    }


def measure_sheet(picture: Gray, written: Gray, labels: NDArray[np.int64]) -> dict[str, int]:
    """Boxes: filled, found of these, read as written of these, and found though empty. Of a picture on which no sheet
    is seen, all are 0 but the filled ones.

    Args:
        picture: uint8 [H, W], of the sheet.
        written, labels: the digit in each box of the page, uint8 [boxes, 28, 28] without ink where it is empty, and its
            class, int64 [boxes].
    """
    filled = written.reshape(len(written), -1).max(axis=1) > 0
    try:
        sheet = read_sheet(picture)
    except Refused:
        sheet = None
    if sheet is None:
        return {"sheets": 0, "filled": int(filled.sum()), "found": 0, "extra": 0, "read": 0}
    places = {(box.label, box.number): place for place, box in enumerate(sheet.layout.boxes)}
    got = [(places[each.box.label, each.box.number], each.cover) for each in sheet.filled]
    covers = {place: cover for place, cover in got if cover is not None}
    found = [place for place in covers if filled[place]]
    images = np.array([mnist_form(covers[place]) for place in found], np.uint8).reshape(-1, 1, 28, 28)
    return {
        "sheets": 1,
        "filled": int(filled.sum()),
        "found": len(found),
        "extra": len(covers) - len(found),
        "read": int((read(images) == labels[found]).sum()),
    }


def sheet_pictures(count: int, digits: Gray, labels: NDArray[np.int64]) -> dict[str, list[dict[str, int]]]:
    """Every sheet that is scanned, and `count` that are photographed; a tenth of the boxes stay empty."""
    layout = sheet_layout()
    own = np.array([box.label for box in layout.boxes])
    results: dict[str, list[dict[str, int]]] = {"scans": [], "photographs": []}
    for number, (dpi, degrees, turns) in enumerate(SCANS):
        written = written_in(own, digits, labels, seed=number)
        page = filled_sheet(layout, written, dpi=dpi, seed=number)
        picture = scanned(page, degrees=degrees, turns=turns, seed=number)
        results["scans"].append(measure_sheet(decode_gray(encoded(picture)), written, own))
    for number in range(count):
        written = written_in(own, digits, labels, seed=100 + number)
        jpeg = photographed(
            filled_sheet(layout, written, seed=number),
            width_px=WIDTHS_PX[number % len(WIDTHS_PX)],
            tilt=(0.05, 0.1, 0.16)[number % 3],
            shadow=(0.2, 0.5, 0.7)[number % 3],
            barrel=(0.0, -0.01, 0.01)[number % 3],
            seed=number,
        )
        results["photographs"].append(measure_sheet(decode_gray(jpeg), written, own))
    return results


def written_in(own: NDArray[np.int64], digits: Gray, labels: NDArray[np.int64], *, seed: int) -> Gray:
    """A digit of each box's class, uint8 [boxes, 28, 28]; every tenth or so is none."""
    rng = np.random.default_rng(seed)
    chosen = np.array([rng.choice(np.flatnonzero(labels == label)) for label in own])
    return np.where(rng.random(len(own))[:, None, None] < 0.1, 0, digits[chosen]).astype(np.uint8)


def tables(
    scenes: Mapping[str, Mapping[str, float]], sheets: Mapping[str, list[dict[str, int]]], *, untouched: float
) -> str:
    head = ["one digit a picture", "read as labelled", "refused", "mean difference, of 255", "ms each"]
    rows = [["untouched, as in MNIST", f"{untouched:.1%}", "–", "–", "–"]]
    rows += [
        [
            name,
            f"{found['read']:.1%}",
            f"{found['refused']:.1%}",
            f"{found['off']:.1f}",
            f"{found['seconds'] * 1000:.0f}",
        ]
        for name, found in scenes.items()
    ]
    sheet_head = ["sheets", "recognised", "filled boxes", "found", "empty ones taken", "read as written"]
    sheet_rows = []
    for name, each in sheets.items():
        total = {key: sum(one[key] for one in each) for key in each[0]}
        found, as_written = (f"{total[key] / total['filled']:.2%}" for key in ("found", "read"))
        sheet_rows.append(
            [
                name,
                f"{total['sheets']} of {len(each)}",
                str(total["filled"]),
                found,
                str(total["extra"]),
                as_written,
            ]
        )
    return f"{markdown_table(head, rows)}\n\n{markdown_table(sheet_head, sheet_rows)}"


def seconds_for_a_photograph(digits: Gray, *, count: int = 20) -> float:
    """Processor time of one thread for a JPEG of a megapixel, decoding included, as a loose picture has it."""
    files = [
        encoded(on_paper(digit, side_px=1000, room=0.6, seed=number), "JPEG") for number, digit in enumerate(digits)
    ]
    begun = time.process_time()
    for content in files[:count]:
        gray = decode_gray(content)
        read_sheet(gray)
        mnist_form(find_ink(gray).cover)
    return (time.process_time() - begun) / count


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--digits", type=int, default=2000, help="test digits to take for each scene (2000)")
    parser.add_argument("--sheets", type=int, default=10, help="photographs of sheets (10)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure there")
    parser.add_argument("--docs", type=Path, metavar="FILE", help="put the tables into that document, in their place")
    arguments = parser.parse_args()
    first = load_mnist("test").take(np.arange(arguments.digits))
    digits, labels = np.array(first.images[:, 0]), first.labels
    untouched = float((read(digits[:, None]) == labels).mean())
    scenes = {name: measure_scene(scene, digits, labels) for name, scene in SCENES.items()}
    sheets = sheet_pictures(arguments.sheets, *known_digits(4000))
    photograph = seconds_for_a_photograph(digits)
    record: dict[str, Any] = {
        "digits": len(digits),
        "untouched": untouched,
        "scenes": scenes,
        "sheets": sheets,
        "photograph_s": photograph,
    }
    text = (
        f"{tables(scenes, sheets, untouched=untouched)}\n\n"
        f"A photograph of a megapixel takes {photograph * 1000:.0f} ms of one core, with decoding it and looking for a "
        f"sheet; 300 take {photograph * 300:.0f} s.\n\n"
        f"`python benchmarks/scanning.py --digits {arguments.digits} --sheets {arguments.sheets}`: the first "
        f"{len(digits):,} test digits in each scene."
    )
    publish(arguments, "scanning", text=text, record=record)


if __name__ == "__main__":
    main()
