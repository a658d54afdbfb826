"""Measure how well a model with style draws the style that it is asked for; see measure/style_control.py for how.

    python tools/measure_style_control.py --model penman --docs docs/flagship.md \\
        --figure docs/figures/style-control.png --json style-control.json

20,000 images over the four ranges and 40,000 at their edges, of MNIST's digits: about a minute on two cores.
"""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Sequence
from pathlib import Path

from digitsmith.drawing.loading import load
from digitsmith.errors import DigitsmithError
from digitsmith.host import versions
from digitsmith.measure.reader import READER
from digitsmith.measure.style_control import Control, control, range_sweep
from digitsmith.report.control_plots import control_figure
from digitsmith.report.documents import require_block, write_block
from digitsmith.report.style import figure_bytes
from digitsmith.storage import write_bytes_atomically, write_json_atomically
from digitsmith.style import STYLE_NAMES

NAME = "style-control"  # of the block in the document


def tables(controls: Sequence[Control]) -> str:
    """Two Markdown tables: the errors with what is read at the edges, and the errors by tenths of the range."""
    lines = [
        "| asked for | median error | bias | correlation | read as asked, 5th percentile | 95th percentile |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for found in controls:
        shares = (found.read_low, found.read_high)
        low, high = (f"{100 * share.value:.2f} % ± {100 * share.margin:.2f}" for share in shares)
        error = f"{found.error.value:.3f} ± {found.error.margin:.3f} {found.unit}"
        bias = f"{found.bias:+.3f} {found.unit}"
        lines.append(f"| {found.name} | {error} | {bias} | {found.correlation:.4f} | {low} | {high} |")
    tenths = " | ".join(f"{tenth}" for tenth in range(1, 11))
    lines += ["", f"| median error in tenth | {tenths} |", f"| --- |{' ---: |' * 10}"]
    for found in controls:
        lines.append(f"| {found.name}, {found.unit} | {' | '.join(f'{error:.3f}' for error in found.deciles)} |")
    return "\n".join(lines)


def main(line: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="penman", help="a shipped model's name, a run's folder, or a saved model's")
    parser.add_argument("--per-class", type=int, default=500, help="images of a class over a range and at an edge")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure there")
    parser.add_argument("--figure", type=Path, metavar="FILE.png", help="draw what was measured over what was asked")
    parser.add_argument("--docs", type=Path, metavar="FILE", help="put the tables into that document, in their place")
    arguments = parser.parse_args(line)
    try:
        if arguments.docs:
            require_block(arguments.docs, NAME)
        model = load(arguments.model)
        amount = {"per_class": arguments.per_class, "seed": arguments.seed}
        sweeps = [range_sweep(model, name, **amount) for name in STYLE_NAMES]
        controls = [control(model, within, **amount) for within in sweeps]
    except DigitsmithError as error:
        raise SystemExit(str(error)) from None
    words = [f"--{name} {getattr(arguments, name.replace('-', '_'))}" for name in ("per-class", "seed")]
    command = f"python tools/measure_style_control.py --model {shlex.quote(arguments.model)} {' '.join(words)}"
    made_by = (
        f"`{command}`: {controls[0].images:,} images for a coordinate's range, {controls[0].at_edges:,} at each edge, "
        f"read by {READER}; weights `{model.config.weights_sha256[:16]}`."
    )
    text = f"{tables(controls)}\n\n{made_by}"
    print(text)
    if arguments.json:
        record = {"model": model.config.model, "weights_sha256": model.config.weights_sha256, "versions": versions()}
        found = {"control": [one.to_dict() for one in controls]}
        write_json_atomically(arguments.json, record | amount | {"reader": READER} | found)
    if arguments.figure:
        write_bytes_atomically(arguments.figure, figure_bytes(control_figure(sweeps, controls), "png"))
    if arguments.docs:
        write_block(arguments.docs, NAME, text)


if __name__ == "__main__":
    main()
