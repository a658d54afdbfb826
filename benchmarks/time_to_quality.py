"""Seconds of training until digits are good: digitsmith's default model beside a textbook ACGAN, in turn in one run.

    python benchmarks/time_to_quality.py [--seeds 0,1,2] [--limit-s 300] [--json FILE] [--docs docs/performance.md]
    python benchmarks/time_to_quality.py --alone --seeds 0 --set learning_rate=0.002 --set batch_size=64

Both are looked at after 2,000 images, then each time they have seen a tenth more (`--ratio`), and when they end; a
mark's time is that of the first look at which it is reached, so at most a tenth too long. digitsmith is judged by its
averaged generator, the textbook loop by its only one, in evaluation mode. The clock counts training, from the very
first step: not the start of Python, not the reading of the images and the measuring of their styles, not the looks,
and no logs and checkpoints either.
"""

from __future__ import annotations

import argparse
import sys
import tomllib
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

from contenders import TEXTBOOK, digitsmith_contender
from digitsmith.config import UNCONDITIONAL_MODELS, TrainSettings, settings_to_dict
from digitsmith.data.reading import read_digits
from digitsmith.errors import ConfigError, DigitsmithError
from digitsmith.presets import settings_for
from digitsmith.report.style import save_plot
from digitsmith.training.machine import resolve
from measuring import command_of, machine, machine_line, publish
from quality import Ruler
from racing import Rules, Run, race
from time_to_quality_figure import quality_figure
from time_to_quality_table import table, times_of

LOOK_RATIO = 1.1
NAME = "time-to-quality"
REPEATED = ("set",)  # options given several times


def main(line: Sequence[str] | None = None) -> None:
    parser = parser_of_arguments()
    arguments = parser.parse_args(line)
    try:
        settings, seeds, rules = asked_for(arguments)
        facts = machine(threads=settings.threads)
        ruler = Ruler.of(read_digits(settings.data), count=arguments.digits)
    except (DigitsmithError, ValueError) as error:  # of a setting or the data; of TOML or a seed
        parser.error(str(error))

    contenders = [digitsmith_contender(settings), *([] if arguments.alone else [TEXTBOOK])]
    runs: list[Run] = []
    for seed in seeds:
        raced = race(contenders, replace(settings, seed=seed), ruler, rules)
        print(*map(last_words, raced), sep="\n", file=sys.stderr)
        runs += raced

    if arguments.docs:
        save_plot(
            quality_figure(runs), arguments.docs.parent / "figures" / arguments.name, [asdict(run) for run in runs]
        )
    how = f"{command_of(parser, arguments, repeated=REPEATED)}: {machine_line(facts)}"
    text = "\n\n".join([table(runs, limit_s=rules.limit_s), conditions_of(settings, ruler, rules), how])
    record = {
        "machine": facts,
        "settings": settings_to_dict(settings) | {"seed": seeds},
        "rules": asdict(rules),
        "digits": ruler.count,
        "reference_images": ruler.reference.count,
        "floor": ruler.floor,
        "marks": {
            mark: {name: times.as_json() for name, times in by_contender.items()}
            for mark, by_contender in times_of(runs).items()
        },
        "runs": [asdict(run) for run in runs],
    }
    publish(arguments, arguments.name, text=text, record=record)


def parser_of_arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preset", help="of digitsmith's settings (the default model's)")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="as in a settings file (TOML)")
    parser.add_argument("--seeds", default="0,1,2", help="a race for each (0,1,2)")
    parser.add_argument("--limit-s", type=float, default=300.0, help="seconds of training of each contender (300)")
    parser.add_argument("--slice-s", type=float, default=5.0, help="seconds of training of one turn (5)")
    parser.add_argument("--digits", type=int, default=10_000, help="drawn at each look (10000)")
    parser.add_argument("--first-images", type=int, default=2000, help="seen before the first look (2000)")
    parser.add_argument(
        "--ratio", type=float, default=LOOK_RATIO, help=f"images before a look, over those before ({LOOK_RATIO:g})"
    )
    parser.add_argument("--alone", action="store_true", help="without the textbook loop, to try settings")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every look at every run there")
    parser.add_argument(
        "--docs", type=Path, metavar="FILE", help="put the table into that document, the plot into figures/ beside it"
    )
    parser.add_argument("--name", default=NAME, help=f"of the block in that document, and of the plot ({NAME})")
    return parser


def asked_for(arguments: argparse.Namespace) -> tuple[TrainSettings, list[int], Rules]:
    """digitsmith's settings, the seeds of the races, and their rules.

    Raises:
        ConfigError: a setting, seed or rule that cannot be right, or a model that cannot be asked for a digit.
        ValueError: a seed that is no whole number, or a setting that is not TOML.
    """
    overrides = tomllib.loads("\n".join(arguments.set))
    if "seed" in overrides:
        raise ConfigError("the seed is not set but given with --seeds, one or several")
    settings = settings_for(preset=arguments.preset, overrides=overrides)
    if settings.model in UNCONDITIONAL_MODELS:
        raise ConfigError(f"{settings.model} cannot be asked for a digit, so none is read as asked")
    seeds = [replace(settings, seed=int(seed)).seed for seed in arguments.seeds.split(",")]  # each checked
    rules = Rules(arguments.limit_s, arguments.slice_s, arguments.first_images, arguments.ratio)
    return resolve(settings), seeds, rules


def conditions_of(settings: TrainSettings, ruler: Ruler, rules: Rules) -> str:
    """What the figures of the table depend on, in a few sentences."""
    return (
        f"Medians over the seeds, and their range. Each run was stopped after {rules.limit_s:g} s of training, "
        f"digitsmith's ({settings.preset}, {settings.precision}, {settings.device}) after {settings.epochs:g} epochs "
        f"at the latest. At each look {ruler.count:,} digits were drawn, and compared with "
        f"{ruler.reference.count:,} training images; as many held-out ones are at {ruler.floor:.3g}, the floor."
    )


def last_words(run: Run) -> str:
    """How a run ended, for whoever waits at the screen."""
    words = f"seed {run.seed}, {run.contender}: {run.ended}"
    if not run.readings:
        return f"{words}; it was never looked at"
    last = run.readings[-1]
    return (
        f"{words}; after {last.images:,} images in {last.seconds:,.1f} s {last.read_as_asked:.2%} read as asked, "
        f"{last.distance_over_floor:.3g} times the floor"
    )


if __name__ == "__main__":
    main()
