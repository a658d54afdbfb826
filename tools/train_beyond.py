"""Train penman on clothes or photographs, measure it, and put figures and samples into docs/beyond.md.

    python tools/train_beyond.py fashion-mnist --docs docs/beyond.md
    python tools/train_beyond.py cifar10 --docs docs/beyond.md

The training is the command that the document shows; stopped, the script goes on where it was. The reader of the data is
trained once, in about three minutes of one core, and kept in the cache.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np

from digitsmith import api
from digitsmith.assess import evaluate
from digitsmith.console import ProgressLine, staging
from digitsmith.data.reading import read_digits
from digitsmith.drawing.model import DigitModel
from digitsmith.report.documents import require_block, write_block
from digitsmith.report.evaluation_page import write_evaluation_page
from digitsmith.report.evaluation_table import evaluation_table
from digitsmith.report.sheets import real_over_generated, sample_grid
from digitsmith.report.style import figure_bytes
from digitsmith.storage import write_bytes_atomically
from digitsmith.training.run_folder import RunFolder
from digitsmith.weights.folder import figures_table

OPTIONS = {
    "fashion-mnist": {"epochs": 20.0, "channels": 24, "gradient_clip": 0.0},
    "cifar10": {"epochs": 15.0, "channels": 24, "gradient_clip": 0.0, "flip": True},
}
"""What penman is told besides its preset's settings: what it was when the document's figures were measured."""
ROWS, PAIRS = 8, 2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", choices=sorted(OPTIONS))
    parser.add_argument("--run", type=Path, help="the run's folder; runs/beyond-DATA if left out")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--epochs", type=float, help="instead of the table's: for a trial")
    parser.add_argument("--docs", type=Path, metavar="FILE", help="put the figures into that document")
    parser.add_argument("--images", type=Path, metavar="DIR", help="put the samples there; docs/images with --docs")
    arguments = parser.parse_args()
    if arguments.docs:
        require_block(arguments.docs, arguments.data)

    options = OPTIONS[arguments.data] | ({"epochs": arguments.epochs} if arguments.epochs else {})
    run = RunFolder(arguments.run or Path("runs") / f"beyond-{arguments.data}")
    if not run.weights.is_dir():
        train(arguments.data, options, run, threads=arguments.threads)
    model = DigitModel.from_pretrained(run.weights)
    with staging(arguments.data) as on_stage:
        found = evaluate(run.root, on_stage=on_stage)
    print(write_evaluation_page(run.root / "evaluation", found))
    images = arguments.images or (Path("docs/images") if arguments.docs else None)
    if images:
        save_samples(model, arguments.data, images)
    if arguments.docs:
        rows = [
            [f"{row.name} {row.arrow}", str(row.generated), str(row.held_out), str(row.test)]
            for family in evaluation_table(found)
            for row in family.rows
            if row.measured
        ]
        seconds = max(row.get("seconds", 0.0) for row in read_rows(run))
        about = (
            f"{model.config.training['images_seen']:,} images seen in {seconds / 60:.0f} minutes, "
            f"{arguments.threads} thread, a shared machine. Figures by the {found.facts['network']}."
        )
        measured_by = f"digitsmith evaluate {run.root}"
        text = f"`python tools/train_beyond.py {arguments.data} --epochs {options['epochs']:g}`\n\n{about}\n\n"
        write_block(arguments.docs, arguments.data, text + figures_table({"measured_by": measured_by, "rows": rows}))


def train(data: str, options: dict[str, Any], run: RunFolder, *, threads: int) -> None:
    """As the command of the document, in `run`."""
    overrides: dict[str, Any] = {"threads": threads, "sample_epochs": [1, 2, 4, 8]}
    overrides |= {key: value for key, value in options.items() if key not in ("epochs", "flip")}
    if options.get("flip"):
        overrides["augmentation"] = {"flip": True}
    api.train(
        "penman",
        data=data,
        epochs=options["epochs"],
        out=run.root,
        resume=run.is_run(),
        overrides=overrides,
        observers=[ProgressLine(data)],
    )


def read_rows(run: RunFolder) -> list[dict[str, Any]]:
    """The rows of the run's log."""
    from digitsmith.training.run_files import read_log

    return read_log(run.log)


def save_samples(model: DigitModel, data: str, folder: Path) -> None:
    """A column for each class, and real test images over drawn ones."""
    classes = model.config.classes

    def drawn(rows: int, seed: int) -> np.ndarray[Any, np.dtype[np.uint8]]:
        labels = np.tile(np.arange(len(classes)), rows)
        images = np.concatenate([images for images, _ in model.draw_chunks(labels, seed=seed)])
        return images.reshape(rows, len(classes), *images.shape[1:])

    grid = sample_grid(drawn(ROWS, seed=0), columns=classes)
    real = api.real_rows(read_digits(data, split="test"), by_class=True)[:PAIRS]
    pairs = real_over_generated(real, drawn(PAIRS, seed=1), columns=classes)
    for name, figure in ((f"beyond-{data}.png", grid), (f"beyond-{data}-real-over-drawn.png", pairs)):
        write_bytes_atomically(folder / name, figure_bytes(figure, "png"))
        print(folder / name)


if __name__ == "__main__":
    main()
