"""Every architecture by its name. A new one is a file of its own and one row here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch

from digitsmith.config import STYLED_MODELS
from digitsmith.errors import ConfigError
from digitsmith.models.acgan import AcganDiscriminator, AcganGenerator
from digitsmith.models.blocks import Discriminator, Generator
from digitsmith.models.cgan import CganDiscriminator, CganGenerator
from digitsmith.models.cgan_mlp import CganMlpDiscriminator, CganMlpGenerator
from digitsmith.models.gan import GanDiscriminator, GanGenerator
from digitsmith.models.penman import PenmanDiscriminator, PenmanGenerator
from digitsmith.models.sgan import SganDiscriminator, SganGenerator
from digitsmith.randomness import Stream, derived_seed


@dataclass(frozen=True)
class Architecture:
    """A generator and the discriminator it learns from. Both are built from (C, H, W) and the class count."""

    generator: Callable[[tuple[int, int, int], int], Generator]
    discriminator: Callable[[tuple[int, int, int], int], Discriminator]


ARCHITECTURES = {
    "gan": Architecture(GanGenerator, GanDiscriminator),
    "cgan": Architecture(CganGenerator, CganDiscriminator),
    "acgan": Architecture(AcganGenerator, AcganDiscriminator),
    "cgan-mlp": Architecture(CganMlpGenerator, CganMlpDiscriminator),
    "penman": Architecture(PenmanGenerator, PenmanDiscriminator),
    "sgan": Architecture(SganGenerator, SganDiscriminator),
}


def architecture(name: str, *, channels: int | None = None, styled: bool = True) -> Architecture:
    """The architecture called `name`.

    Args:
        channels, styled: of penman, as its `width` and `styled`; the reports' models have no such choice.

    Raises:
        ConfigError: no architecture has that name; the message lists those there are.
    """
    if name not in ARCHITECTURES:
        raise ConfigError(f"there is no model {name!r}; choose one of {', '.join(ARCHITECTURES)}")
    chosen = ARCHITECTURES[name]
    if name not in STYLED_MODELS or (channels is None and styled):
        return chosen
    choices = {"styled": styled} | ({} if channels is None else {"width": channels})
    return Architecture(partial(chosen.generator, **choices), partial(chosen.discriminator, **choices))


def build_networks(
    name: str,
    image_shape: tuple[int, int, int],
    classes: int,
    *,
    seed: int,
    channels: int | None = None,
    styled: bool = True,
) -> tuple[Generator, Discriminator]:
    """Both networks of `name` with the initial weights that belong to `seed`, on the CPU, in float32.

    `channels` and `styled` are as in `architecture`.
    """
    chosen = architecture(name, channels=channels, styled=styled)
    with torch.random.fork_rng(devices=[]):  # the caller's random numbers go on as if nothing had happened
        torch.manual_seed(derived_seed(seed, Stream.WEIGHTS))
        return chosen.generator(image_shape, classes), chosen.discriminator(image_shape, classes)
