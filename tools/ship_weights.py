"""Make the weights that ship with the package: train at the report's own settings, measure, put them in their place.

    python tools/ship_weights.py cgan

Equal bits at two threads on the same kind of processor; the model card beside the weights has every setting.
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

from digitsmith import api
from digitsmith.console import ProgressLine
from digitsmith.drawing.model import SHIPPED


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--run", type=Path, help="the run's folder; a finished one is taken as it is")
    arguments = parser.parse_args()

    out = arguments.run or Path("runs") / f"shipped-{arguments.model}"
    progress = ProgressLine(arguments.model)
    run = api.train(arguments.model, out=out, seed=arguments.seed, resume=out.exists(), observers=[progress])
    shutil.copytree(run.folder / "weights", SHIPPED / arguments.model, dirs_exist_ok=True)
    share = "not measured" if run.read_as_asked is None else f"{run.read_as_asked:.2%} read as asked"
    print(f"{share}; {SHIPPED / arguments.model}")


if __name__ == "__main__":
    main()
