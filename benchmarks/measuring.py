"""What the benchmarks share: contenders in turn, medians, the cost of a process, the machine, and where results go.

A result goes to three places: a Markdown table on the screen, the same between two comments of a document
(`--docs`), and every single measurement into a JSON file (`--json`).
"""

from __future__ import annotations

import argparse
import json
import math
import os
import shlex
import statistics
import subprocess
import sys
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from digitsmith.errors import DigitsmithError
from digitsmith.report.documents import write_block
from digitsmith.storage import write_bytes_atomically

K = TypeVar("K")
T = TypeVar("T")
LAUNCHER = Path(__file__).with_name("launcher.py")


def in_turn(contenders: Mapping[K, Callable[[], T]], *, rounds: int) -> dict[K, list[T]]:
    """Call every contender once, uncounted, to warm up; then all of them once a round: A B C, A B C, ...

    A machine whose speed drifts slows all of them alike, so that ratios taken round by round hold.

    Returns:
        What each gave, `rounds` results under its name.
    """
    for turn in contenders.values():
        turn()
    results: dict[K, list[T]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, turn in contenders.items():
            results[name].append(turn())
    return results


@dataclass(frozen=True)
class Spread:
    """The median of some measurements, and their range."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        return cls(statistics.median(values), min(values), max(values))

    def text(self, digits: int = 0) -> str:
        """As `4,443 (4,387 to 4,516)`."""
        return f"{self.median:,.{digits}f} ({self.low:,.{digits}f} to {self.high:,.{digits}f})"


@dataclass(frozen=True)
class Cost:
    """Of a whole process: seconds from its start to its end, and its largest resident memory."""

    seconds: float
    peak_mib: float


def cost_of(command: Sequence[str]) -> Cost:
    """Run `command`, whose first word is a program's path, and measure it; what it writes is thrown away."""
    launch = [sys.executable, "-I", "-S", str(LAUNCHER), *command]
    cost = json.loads(subprocess.run(launch, capture_output=True, text=True, check=True).stdout)
    if cost["status"] != 0:
        raise SystemExit(f"exit status {cost['status']}: {' '.join(command)}")
    return Cost(cost["seconds"], cost["peak_mib"])


def machine(*, threads: int | None = None) -> dict[str, str | int | float]:
    """The machine, how busy it was when this was asked, the versions, and the threads where they are pinned."""
    from digitsmith.config import TrainSettings
    from digitsmith.training.machine import describe, versions

    described = describe(TrainSettings())
    facts: dict[str, str | int | float] = {key: described[key] for key in ("processor", "cores", "system")}
    if threads is not None:
        facts["threads"] = threads
    return facts | {"load": round(os.getloadavg()[0], 2)} | versions()


def machine_line(facts: Mapping[str, str | int | float]) -> str:
    """`machine()` in a sentence for the document."""
    threads = f", {facts['threads']} thread{'s' * (facts['threads'] != 1)}" if "threads" in facts else ""
    return (
        f"{facts['processor']}, {facts['cores']} cores{threads}, {facts['system']}, load {facts['load']} before the "
        f"start; digitsmith {facts['digitsmith']}, torch {facts['torch']}, NumPy {facts['numpy']}, "
        f"Python {facts['python']}."
    )


def markdown_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """The first column names its row; all others are figures, to the right."""
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def arguments_of(description: str | None, *, rounds: int) -> argparse.ArgumentParser:
    """A parser with the options that every benchmark has."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=rounds, help=f"counted turns of each contender ({rounds})")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every single measurement there")
    parser.add_argument("--docs", type=Path, metavar="FILE", help="put the table into that document, in its place")
    return parser


def made_by(parser: argparse.ArgumentParser, arguments: argparse.Namespace) -> str:
    """The command of this run for the document, and its rounds."""
    return f"{command_of(parser, arguments)}, {arguments.rounds} round{'s' * (arguments.rounds != 1)}"


def command_of(
    parser: argparse.ArgumentParser, arguments: argparse.Namespace, *, repeated: Collection[str] = ()
) -> str:
    """The command of this run as code for the document: the options that are not their defaults, without those that
    say where results go.

    Args:
        repeated: names of options that are given once for each of their values.
    """
    words = ["python", f"benchmarks/{parser.prog}"]
    for name, value in vars(arguments).items():
        if name in ("json", "docs") or value == parser.get_default(name):
            continue
        option, values = f"--{name.replace('_', '-')}", value if isinstance(value, list) else [value]
        if value is True:
            words.append(option)
        elif name in repeated:
            words += [word for one in values for word in (option, _word(one))]
        else:
            words += [option, *map(_word, values)]
    return f"`{shlex.join(words)}`"


def _word(value: Any) -> str:
    """As it is written on a command line."""
    if isinstance(value, Mapping):
        return json.dumps(value)
    return f"{value:.15g}" if isinstance(value, float) else str(value)


def as_json(record: Any) -> str:
    """`record` as a file's text. What is not a finite number is null there: JSON knows no NaN, and other readers of it
    refuse one."""
    return json.dumps(_finite(record), indent=2, allow_nan=False) + "\n"


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _finite(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def write_record(file: Path, record: Mapping[str, Any]) -> None:
    """`record` as JSON into `file`, which is replaced as a whole.

    Raises:
        SystemExit: it cannot be written, and is as it was.
    """
    try:
        write_bytes_atomically(file, as_json(record).encode())
    except DigitsmithError as error:
        raise SystemExit(str(error)) from None


def publish(arguments: argparse.Namespace, name: str, *, text: str, record: Mapping[str, Any]) -> None:
    """Print `text`; write `record` to `--json`, and `text` into the block `name` of `--docs`, where asked for."""
    print(text)
    if arguments.json:
        write_record(arguments.json, record)
    if arguments.docs:
        try:
            write_block(arguments.docs, name, text)
        except DigitsmithError as error:
            raise SystemExit(str(error)) from None
