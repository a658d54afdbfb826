"""Seconds and memory of whole processes, from their start to their end: what a command costs before it does anything.

    python benchmarks/startup.py [--rounds 10] [--json FILE] [--docs FILE]

The bare interpreter stands beside them as the limit. Threads are left as the commands themselves choose.
"""

from __future__ import annotations

import sys
import sysconfig
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from measuring import (
    Cost,
    Spread,
    arguments_of,
    cost_of,
    in_turn,
    machine,
    machine_line,
    made_by,
    markdown_table,
    publish,
)


def commands(folder: Path) -> dict[str, list[str]]:
    """Each under the words of its row; a picture goes into `folder`."""
    digitsmith = str(Path(sysconfig.get_path("scripts")) / "digitsmith")
    return {
        "`digitsmith draw 7 -o 7.png`": [digitsmith, "draw", "7", "-o", str(folder / "7.png")],
        "`digitsmith --help`": [digitsmith, "--help"],
        "`python -c 'import digitsmith'`": [sys.executable, "-c", "import digitsmith"],
        "`python -c pass`": [sys.executable, "-c", "pass"],
    }


def measure(*, rounds: int) -> dict[str, list[Cost]]:
    """The cost of every command in every round."""
    with tempfile.TemporaryDirectory() as folder:
        turns = {name: partial(cost_of, command) for name, command in commands(Path(folder)).items()}
        return in_turn(turns, rounds=rounds)


def main(line: Sequence[str] | None = None) -> None:
    parser = arguments_of(__doc__, rounds=10)
    arguments = parser.parse_args(line)
    facts = machine()
    costs = measure(rounds=arguments.rounds)
    seconds = {name: [cost.seconds for cost in row] for name, row in costs.items()}
    peaks = {name: [cost.peak_mib for cost in row] for name, row in costs.items()}
    rows = [[name, Spread.of(seconds[name]).text(2), Spread.of(peaks[name]).text()] for name in costs]
    table = markdown_table(["whole process", "seconds", "peak memory, MiB"], rows)
    record = {"machine": facts, "seconds": seconds, "peak_mib": peaks}
    publish(arguments, "startup", text=f"{table}\n\n{made_by(parser, arguments)}: {machine_line(facts)}", record=record)


if __name__ == "__main__":
    main()
