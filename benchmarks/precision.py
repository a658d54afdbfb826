"""Does bfloat16 cost quality? The same trainings in float32 and in bfloat16, judged by what they draw.

    python benchmarks/precision.py [--model cgan] [--epochs 5] [--seeds 0,1,2,3,4] [--json FILE] [--docs FILE]

Each seed trains twice, with everything else equal, by the work of `digitsmith train` (`contenders.digitsmith_steps`).
The averaged generator of the end draws 10,000 digits. What the two precisions differ by is set against what seeds
differ by: Welch's interval of the difference of the means.
"""

from __future__ import annotations

import argparse
import math
import statistics
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

from scipy import stats  # type: ignore[import-untyped]

from digitsmith.config import settings_to_dict
from digitsmith.data.reading import read_digits
from digitsmith.presets import settings_for
from digitsmith.training.machine import resolve
from kept_runs import trained
from measuring import machine, machine_line, markdown_table, publish
from quality import Reading, Ruler

NAME = "precision"
PRECISIONS = ("float32", "bfloat16")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="cgan", help="with its preset's settings, the steps shrinking (cgan)")
    parser.add_argument("--epochs", type=float, default=5.0, help="of each training (5)")
    parser.add_argument("--seeds", default="0,1,2,3,4", help="each trains once in either precision")
    parser.add_argument("--threads", type=int, default=0, help="CPU threads; 0: measured")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every reading there")
    parser.add_argument("--docs", type=Path, metavar="FILE", help="put the table into that document, in its place")
    arguments = parser.parse_args()

    overrides = {"epochs": arguments.epochs, "decay_from": 0.5, "threads": arguments.threads}
    settings = resolve(settings_for(arguments.model, overrides=overrides))
    facts = machine(threads=settings.threads)
    digits = read_digits(settings.data)
    ruler = Ruler.of(digits, count=10_000)
    readings: dict[str, list[Reading]] = {precision: [] for precision in PRECISIONS}
    for seed in map(int, arguments.seeds.split(",")):
        for precision in PRECISIONS:
            generator = trained(replace(settings, seed=seed, precision=precision), digits)
            found = ruler.look(generator, images=round(settings.epochs * len(digits)), seconds=math.nan)
            print(f"seed {seed}, {precision}: {found}", file=sys.stderr)
            readings[precision].append(found)

    command = f"python benchmarks/precision.py --model {arguments.model} --epochs {arguments.epochs:g}"
    text = f"{table(readings)}\n\n`{command} --seeds {arguments.seeds}`: {machine_line(facts)}"
    record = {
        "machine": facts,
        "settings": settings_to_dict(settings),
        "floor": ruler.floor,
        "readings": {precision: [asdict(one) for one in found] for precision, found in readings.items()},
    }
    publish(arguments, NAME, text=text, record=record)


def table(readings: dict[str, list[Reading]]) -> str:
    """Means and standard deviations over the seeds, and the difference with its 95 % interval."""
    rows = []
    for words, figure, scale, digits in (
        ("read as asked, %", "read_as_asked", 100, 2),
        ("Frechet distance over the floor", "distance_over_floor", 1, 2),
    ):
        columns = [[scale * float(getattr(one, figure)) for one in readings[precision]] for precision in PRECISIONS]
        rows.append([words, *(f"{statistics.mean(c):.{digits}f} ± {statistics.stdev(c):.{digits}f}" for c in columns)])
        rows[-1].append(difference(columns[1], columns[0], digits))
    return markdown_table(["", *PRECISIONS, "difference (95 % interval)"], rows)


def difference(new: Sequence[float], old: Sequence[float], digits: int) -> str:
    """The mean of `new` less that of `old`, with Welch's interval."""
    interval = stats.ttest_ind(new, old, equal_var=False).confidence_interval(0.95)
    gap = statistics.mean(new) - statistics.mean(old)
    return f"{gap:+.{digits}f} ({interval.low:+.{digits}f} to {interval.high:+.{digits}f})"


if __name__ == "__main__":
    main()
