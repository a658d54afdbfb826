"""How many floating-point operations a step of each model is, as its report's tables define it."""

from __future__ import annotations

import numpy as np
from torch.utils.flop_counter import FlopCounterMode

from textbook import LOOPS, Pictures
from textbook_networks import NETWORKS


def flops_per_image(model: str, *, batch_size: int = 128) -> float:
    """Multiplications and additions of one training step (both players, forward and back), for each real image in it.

    Counted by torch in a step of the textbook loop: convolutions and matrix products of the layers as they stand in
    the tables, nothing for BatchNorm, activations, losses and Adam. Taken off is what no mathematics asks for: the
    gradients of D's weights in G's step, which the loop computes and throws away. The gradient of a layer's weights
    is as much arithmetic as its forward pass, so that is one forward pass of D.
    """
    generator, discriminator = NETWORKS[model]()
    images, labels = np.zeros((batch_size, 1, 28, 28), np.uint8), np.arange(batch_size) % 10
    steps = LOOPS[model](generator, discriminator, Pictures(images, labels, batch_size=batch_size))
    counter = FlopCounterMode(display=False)
    before: list[int] = []
    passes: list[int] = []
    discriminator.register_forward_pre_hook(lambda *_: before.append(counter.get_total_flops()))
    discriminator.register_forward_hook(lambda *_: passes.append(counter.get_total_flops() - before[-1]))
    with counter:
        next(steps)
    return (counter.get_total_flops() - passes[-1]) / batch_size
