"""Make the weights that ship with the package: train, measure, put them in their place with their model card.

    python tools/ship_weights.py cgan
    python tools/ship_weights.py penman --run runs/penman    # a finished run is taken as it is

A report's model trains at its report's settings, penman at its preset's. Equal bits at the same number of threads on
the same kind of processor; the card beside the weights has every setting and figure.
"""

from __future__ import annotations

import argparse
import dataclasses
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from digitsmith import api
from digitsmith.assess import evaluate
from digitsmith.config import UNCONDITIONAL_MODELS
from digitsmith.console import ProgressLine
from digitsmith.drawing.loading import SHIPPED
from digitsmith.drawing.model import DigitModel
from digitsmith.report.documents import require_block, write_block
from digitsmith.report.evaluation_table import evaluation_table
from digitsmith.weights.folder import figures_table, save_folder, weights_checksum

NAME = "figures"  # of the block in the document
FAMILIES = ("fidelity", "diversity", "novelty", "style")
OF_LABELS = ("labels", "usefulness")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=0, help="CPU threads; 0: measured")
    parser.add_argument("--run", type=Path, help="the run's folder; a finished one is taken as it is")
    parser.add_argument(
        "--noise", type=float, default=1.0, help="penman: noise so many times as wide as in training (1)"
    )
    parser.add_argument("--docs", type=Path, metavar="FILE", help="put the figures into that document, in their place")
    arguments = parser.parse_args()
    if arguments.docs:
        require_block(arguments.docs, NAME)

    out = arguments.run or Path("runs") / f"shipped-{arguments.model}"
    if not (out / "weights").is_dir():
        progress, overrides = ProgressLine(arguments.model), {"threads": arguments.threads or None}
        seed, resume = arguments.seed, out.exists()
        api.train(arguments.model, out=out, seed=seed, resume=resume, overrides=overrides, observers=[progress])
    model = as_shipped(DigitModel.from_pretrained(out / "weights"), noise=arguments.noise)
    figures = figures_of(model)
    training = model.config.training | {"figures": figures}
    measured = dataclasses.replace(model, config=dataclasses.replace(model.config, training=training))
    shutil.rmtree(SHIPPED / arguments.model, ignore_errors=True)
    print(measured.save_pretrained(SHIPPED / arguments.model))
    if arguments.docs:
        write_block(arguments.docs, NAME, figures_table(figures))


def as_shipped(model: DigitModel, *, noise: float) -> DigitModel:
    """`model` with the styles of its training images in half precision, to 0.004 px and 0.008 degrees: 0.4 MB less.

    And as if its noise were `noise` times as wide: what meets the noise in the first layer is multiplied. An averaged
    generator draws a little more alike than its training images are; wider noise makes up for it.
    """
    weights, training = dict(model.weights), model.config.training
    if "style_table" in weights:
        weights["style_table"] = weights["style_table"].astype(np.float16)
    if noise != 1.0:
        weights["first.weight"] = weights["first.weight"].copy()
        weights["first.weight"][:, : model.z_dim] *= noise
        training = training | {"noise": noise}
    config = dataclasses.replace(model.config, training=training, weights_sha256=weights_checksum(weights))
    with TemporaryDirectory() as folder:
        save_folder(Path(folder), config, weights)
        return DigitModel.from_pretrained(folder)


def figures_of(model: DigitModel) -> dict[str, Any]:
    """Every figure of 10,000 drawn digits, for the card."""
    only = FAMILIES if model.config.model in UNCONDITIONAL_MODELS else (*FAMILIES, *OF_LABELS)
    families = evaluation_table(evaluate(model, only=only))
    rows = [
        [f"{row.name} {row.arrow}", str(row.generated), str(row.held_out), str(row.test)]
        for family in families
        for row in family.rows
        if row.measured
    ]
    return {"measured_by": f"digitsmith evaluate {model.config.model} --only {','.join(only)}", "rows": rows}


if __name__ == "__main__":
    main()
