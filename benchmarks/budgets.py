"""How far penman comes in how much time, and whether every seed gets there.

    python benchmarks/budgets.py --epochs 7,86 --seeds 0 --json benchmarks/results/budgets.json --docs docs/flagship.md
    python benchmarks/budgets.py --epochs 7 --seeds 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19

A budget is given in epochs, because that is what `--budget` turns a time into; the seconds it took stand beside it,
with the building of the networks and, where the cache has none, the measuring of styles. The averaged generator of the
end draws 10,000 digits. Runs that the JSON file has already are not made again, and those that `digitsmith train
penman` finished into a folder are taken from there with `--run`, with the seconds of their log: from the first step on.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from digitsmith.config import TrainSettings, settings_to_dict
from digitsmith.data.digits import Digits
from digitsmith.data.reading import read_digits
from digitsmith.errors import InputError, TrainingDiverged
from digitsmith.presets import settings_for
from digitsmith.training.checkpoint import newest_checkpoint
from digitsmith.training.loop import prepared
from digitsmith.training.machine import resolve
from digitsmith.training.observers import Observer
from digitsmith.training.run_files import read_log
from digitsmith.training.run_folder import MAY_CHANGE, RunFolder
from digitsmith.training.styles import with_style
from kept_runs import MACHINES_OWN, KeptRuns, recipe, trained
from measuring import machine, machine_line, markdown_table, publish
from quality import Ruler

NAME = "budgets"
COLLAPSED = 0.9  # read as asked: below it, classes are missing or mixed up


@dataclass(frozen=True)
class Result:
    """What a run leaves; no figures where it diverged."""

    read_as_asked: float | None
    distance: float | None
    seconds: float

    @property
    def failed(self) -> bool:
        return self.read_as_asked is None or not self.read_as_asked >= COLLAPSED


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", default="7", help="one or several budgets (7)")
    parser.add_argument("--seeds", default="0", help="each trains at each budget (0)")
    parser.add_argument("--run", type=Path, action="append", default=[], help="a finished run of penman's preset")
    parser.add_argument("--threads", type=int, default=0, help="CPU threads; 0: measured")
    parser.add_argument("--json", type=Path, metavar="FILE", help="read and write every result there")
    parser.add_argument("--docs", type=Path, metavar="FILE", help="put the table into that document, in its place")
    arguments = parser.parse_args()

    facts = machine(threads=arguments.threads or None)
    digits = read_digits("mnist")
    ruler = Ruler.of(digits, count=10_000)
    kept = KeptRuns(arguments.json, {"floor": ruler.floor, "recipe": recipe(settings_for("penman"))})
    for folder in map(RunFolder, arguments.run):
        settings = settings_of(folder, digits)
        kept.make(f"{settings.epochs:g}", settings.seed, partial(taken, folder, settings, digits, ruler))
    for seed in map(int, arguments.seeds.split(",")):
        for epochs in arguments.epochs.split(","):
            run = partial(one, digits, ruler, float(epochs), seed=seed, threads=arguments.threads)
            kept.make(epochs, seed, run)
    kept.record["machine"] = facts
    command = f"`python benchmarks/budgets.py --epochs {arguments.epochs} --seeds {arguments.seeds}`"
    publish(arguments, NAME, text=f"{table(kept.runs)}\n\n{command}: {machine_line(facts)}", record=kept.record)


def one(digits: Digits, ruler: Ruler, epochs: float, *, seed: int, threads: int) -> Result:
    """Train and look; a run that diverges, or draws one image over and over, is a result too."""
    settings = resolve(settings_for("penman", overrides={"epochs": epochs, "seed": seed, "threads": threads}))
    began = time.perf_counter()
    try:
        generator = trained(settings, digits)
        seconds = time.perf_counter() - began
        reading = ruler.look(generator, images=round(epochs * len(digits)), seconds=seconds)
    except (TrainingDiverged, InputError):
        return Result(None, None, time.perf_counter() - began)
    return Result(reading.read_as_asked, reading.distance_over_floor, seconds)


def settings_of(run: RunFolder, digits: Digits) -> TrainSettings:
    """Those of a run that is like the ones made here: penman's preset, but for its epochs and its seed."""
    found = run.saved_settings()
    own = {"epochs": found.epochs, "seed": found.seed}
    of_machine = {name: getattr(found, name) for name in MACHINES_OWN}
    preset = with_style(settings_for("penman", overrides=own | of_machine), digits)
    unlike = [
        name
        for name, value in settings_to_dict(found).items()
        if value != settings_to_dict(preset)[name] and name not in MAY_CHANGE | {"ema_half_life_images"}
    ]
    if unlike:
        raise SystemExit(f"{run.root}: was not trained by the preset, but with its own {', '.join(unlike)}")
    return found


def taken(run: RunFolder, settings: TrainSettings, digits: Digits, ruler: Ruler) -> Result:
    """Look at the generator that a finished run ended with."""
    rows, checkpoint = read_log(run.log), newest_checkpoint(run.checkpoints, warn=print)
    if checkpoint is None or rows[-1]["event"] != "end":
        raise SystemExit(f"{run.root}: has not come to its end; go on with it: digitsmith train --out ... --resume")
    state, _ = prepared(settings, digits, Observer())
    state.load(checkpoint)
    seconds = rows[-1]["seconds"]  # those before a resume are in it
    reading = ruler.look(state.averaged.network, images=checkpoint.images, seconds=seconds)
    return Result(reading.read_as_asked, reading.distance_over_floor, seconds)


def table(runs: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> str:
    """A line for each budget: the median of its seeds, with the least and the most."""
    rows = []
    for epochs in sorted(runs, key=float):
        found = [Result(**one) for one in runs[epochs].values()]
        alive = [one for one in found if not one.failed]
        rows.append(
            [
                epochs,
                f"{len(found)}",
                f"{len(found) - len(alive)}",
                spread([100 * one.read_as_asked for one in alive if one.read_as_asked is not None], 2),
                spread([one.distance for one in alive if one.distance is not None], 2),
                spread([one.seconds for one in alive], 0),
            ]
        )
    head = [
        "epochs",
        "seeds",
        "diverged or collapsed",
        "read as asked, %",
        "Fréchet distance over the floor",
        "seconds of training",
    ]
    return markdown_table(head, rows)


def spread(values: Sequence[float], digits: int) -> str:
    """Median (least to most)."""
    if not values:
        return "–"
    if len(values) == 1:
        return f"{values[0]:.{digits}f}"
    return f"{statistics.median(values):.{digits}f} ({min(values):.{digits}f} to {max(values):.{digits}f})"


if __name__ == "__main__":
    main()
