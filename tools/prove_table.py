"""Write the figures of a proof into a document: python tools/prove_table.py OUT/proof.json --docs docs/prove.md

The document holds the comments `<!-- begin proof ... -->` and `<!-- end proof -->`; what stands between them is
replaced.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from digitsmith.errors import DigitsmithError, InputError
from digitsmith.proving.arms import ARMS
from digitsmith.proving.records import Run
from digitsmith.proving.verdict import Findings, findings
from digitsmith.report.cells import cell
from digitsmith.report.documents import require_block, write_block
from digitsmith.report.proof_words import cut, points, verdicts
from digitsmith.report.words import amount

BLOCK = "proof"


def proof_table(record: Mapping[str, Any]) -> str:
    """Accuracies, then paired differences, then the verdicts, in Markdown."""
    runs = [Run(**{key: run[key] for key in Run.__dataclass_fields__}) for run in record["runs"]]
    seen = record["findings"]["pool_images_seen_by_shipped"]
    if record["findings"].get("test_images_seen_by_shipped"):
        raise SystemExit("the shipped model was trained on the test images; prove with others")
    found = findings(runs, not_recommended=("e",) if seen else ())
    parts = [_accuracies(found, seen=seen), _differences(found, seen=seen)]
    parts.append("\n".join(f"- {sentence}" for sentence in verdicts(found)))
    parts.append(_how(record, runs, seen=seen))
    return "\n\n".join(parts)


def _accuracies(found: Findings, *, seen: int) -> str:
    numbers = sorted({number for number, _ in found.accuracies})
    arms = [key for key in ARMS if any(arm == key for _, arm in found.accuracies)]
    rows = []
    for number in numbers:
        cells = [str(cell(found.accuracies.get((number, arm)), unit="%", times=100.0)) for arm in arms]
        best = found.recommended.get(number)
        rows.append(
            [amount(number)] + [f"**{text}**" if arm == best else text for arm, text in zip(arms, cells, strict=True)]
        )
    heads = [f"{arm}: {ARMS[arm].name}{_mark(arm, seen)}" for arm in arms]
    return _table(["real images a class", *heads], rows)


def _differences(found: Findings, *, seen: int) -> str:
    rows = [
        [
            amount(one.per_class),
            f"{one.arm} − {one.against}{_mark(one.arm, seen)}",
            points(one.difference, signed=True),
            cut(one),
            one.verdict,
        ]
        for one in found.comparisons
    ]
    return _table(["real images a class", "arms", "points of accuracy", "errors", "verdict"], rows)


def _mark(arm: str, seen: int) -> str:
    return " †" if arm == "e" and seen else ""


def _how(record: Mapping[str, Any], runs: Sequence[Run], *, seen: int) -> str:
    experiment = record["experiment"]
    words = (
        f"{len({run.seed for run in runs})} paired seeds, {amount(runs[0].images)} test images, "
        f"{amount(experiment['steps'])} steps of {experiment['batch']} images for every recogniser; 95 % intervals, t "
        "over seeds; bold: recommended."
    )
    if seen:
        words += (
            f" † The shipped model's training images hold {amount(seen)} of those that the few are drawn from: no "
            "low-data result, and never recommended."
        )
    return words


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def main() -> int:
    parser = argparse.ArgumentParser(description="Write the figures of a proof into a document.")
    parser.add_argument("record", type=Path, help="the proof.json of `digitsmith prove`")
    parser.add_argument("--docs", type=Path, help="the document; left out: printed")
    asked = parser.parse_args()
    try:
        if asked.docs is not None:
            require_block(asked.docs, BLOCK)
        try:
            table = proof_table(json.loads(asked.record.read_bytes()))
        except (OSError, ValueError, KeyError, TypeError):
            raise InputError(f"{asked.record}: is no record of a finished proof; give OUT/proof.json") from None
        if asked.docs is None:
            print(table)
        else:
            write_block(asked.docs, BLOCK, table)
    except DigitsmithError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
