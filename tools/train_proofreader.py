"""Train the reader that checks what is drawn: src/digitsmith/drawing/proofreader-1.safetensors.

    python tools/train_proofreader.py --out src/digitsmith/drawing/proofreader-1.safetensors

It is one more of the recognisers that `measure/recogniser.py` trains, on the first 50,000 of MNIST's training images.
The other 10,000 say how sure it is of real digits that it has not learned: what it is less sure of than of 99 % of
those is drawn again. The test set is looked at once, at the end, and chooses nothing. A minute on one core.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file

from digitsmith.data.digits import Digits
from digitsmith.data.mnist import load_mnist
from digitsmith.drawing.proofreader import SHARE_OF_REAL, THRESHOLD, Proofreader
from digitsmith.measure.recogniser import train_recogniser

STEPS, SEED, THREADS = 2_500, 0, 1
LEARNED = 50_000
QUANTILES = (0.001, 0.005, SHARE_OF_REAL, 0.02, 0.05)


def sureness_of(reader: Proofreader, digits: Digits) -> NDArray[np.float32]:
    """How sure the proofreader is of each digit's own label, float32 [N]."""
    parts = np.array_split(np.arange(len(digits)), len(digits) // 500)
    return np.concatenate([reader.sureness(digits.images[part], digits.labels[part]) for part in parts])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()

    torch.set_num_threads(THREADS)  # another number gives other bits
    training = load_mnist("train")
    learned, held_out = training.take(np.arange(LEARNED)), training.take(np.arange(LEARNED, len(training)))
    recogniser = train_recogniser(learned, seed=SEED, steps=STEPS)
    save_file({name: tensor.contiguous() for name, tensor in recogniser.state_dict().items()}, arguments.out)

    reader = Proofreader.from_file(arguments.out)
    for name, digits in (("held out", held_out), ("learned", learned), ("test", load_mnist("test"))):
        sure = sureness_of(reader, digits)
        at = ", ".join(f"{share:.1%} below {np.quantile(sure, share):.3f}" for share in QUANTILES)
        print(f"{name}: {at}; {(sure < THRESHOLD).mean():.2%} below the threshold of {THRESHOLD}")


if __name__ == "__main__":
    main()
