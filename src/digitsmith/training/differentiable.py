"""Moves of real and generated images alike before D sees them, so that D cannot learn a few real images by heart.

Zhao et al.: "Differentiable Augmentation for Data-Efficient GAN Training", NeurIPS 2020, and Karras et al.: "Training
Generative Adversarial Networks with Limited Data", NeurIPS 2020. Moving the real images alone would teach G to draw
moved images; moving both teaches D to look at what the moves leave as it is, and G's gradient flows back through them.

What penman is asked for makes a difference between two kinds of move. A shift and a bend leave the measured style of a
digit as it is: they are made to both images of a pair, the same to both. Stretching and shearing change the style in a
way that is known exactly, so nothing has to be hidden from G: they are made to the real image, and G is asked for the
style that the image has then. A handful of styles becomes a continuum of them. Images without style are stretched and
sheared like they are shifted.

The gradient penalties are taken at the images that D sees, that is moved: PyTorch cannot differentiate `grid_sample`
twice, and need not.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from digitsmith.training.augment import BACKGROUND, elastic_field

# The amounts at strength 1; others are in proportion.
SHIFT_PX = 2.0  # at most, along each axis
ELASTIC_PX = 0.7  # deviation of the displacements
STRETCH = 0.2  # logarithm of the largest change of size, and half of it more along each axis by itself
SHEAR = 0.3  # at most: the tangent by which the slant changes


class Moves(NamedTuple):
    """How the images of a batch are moved. A grid is what `F.grid_sample` takes: [B, H, W, 2], where in the image
    each pixel of the moved one comes from."""

    of_real: Tensor
    of_fake: Tensor
    style: Tensor | None  # float32 [B, 4], what the real images have when they are moved


def random_moves(shape: torch.Size, style: Tensor | None, strength: float, generator: torch.Generator) -> Moves:
    """Moves of a batch, every image by random amounts of its own.

    Args:
        shape: of the images, [B, C, H, W].
        style: float32 [B, 4] of the unmoved real images, in px and degrees; None for images without.
        strength: 1 for the amounts above.
        generator: all random numbers come from it, on the device that the moves are for.
    """
    batch, _, height, width = shape
    device = generator.device

    size, shear = random_stretch(batch, strength, generator)
    straight = torch.eye(2, 3, device=device).expand(batch, 2, 3)
    grid = F.affine_grid(straight, [batch, 1, height, width], align_corners=False)  # [B, H, W, 2]
    to_grid = torch.tensor([2 / width, 2 / height], device=device)  # the frame is 2 wide
    grid = grid + _uniform(SHIFT_PX * strength, (batch, 1, 1, 2), generator) * to_grid
    grid = grid + elastic_field(ELASTIC_PX * strength, shape, generator)
    stretched = torch.einsum("bij,bhwj->bhwi", _inverse(size, shear * height / width), grid)
    if style is None:
        return Moves(stretched, stretched, None)
    return Moves(stretched, grid, moved_style(style, size, shear))


def random_stretch(count: int, strength: float, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """(size [N, 2], shear [N]) as `moved_style` takes them, on the generator's device."""
    size = _uniform(STRETCH * strength, (count, 1), generator) + _uniform(STRETCH / 2 * strength, (count, 2), generator)
    return size, _uniform(SHEAR * strength, (count,), generator)


def moved(images: Tensor, grid: Tensor) -> Tensor:
    """Images [B, C, H, W] in [-1, 1], moved by a grid [B, H, W, 2]: float32, differentiable once.

    Interpolated with cubics: a bilinear one blurs, and D would see that of the two images of a pair the one that was
    stretched is blurred more. What comes in from outside the frame is background.
    """
    inside = F.grid_sample(images.float() - BACKGROUND, grid, mode="bicubic", align_corners=False)
    return (inside + BACKGROUND).clamp(-1, 1).contiguous(memory_format=torch.channels_last)


def moved_style(style: Tensor, size: Tensor, shear: Tensor) -> Tensor:
    """The style [B, 4] (px, degrees, px, px) of digits that are first stretched, then sheared.

    Args:
        style: before.
        size: [B, 2], logarithms of the factors along x and y.
        shear: [B], how many pixels further right what stands a pixel higher comes to stand.
    """
    thickness, slant, width, height = style.unbind(1)
    along_x, along_y = size.exp().unbind(1)
    leaning = slant.deg2rad().tan() * along_x / along_y + shear
    columns = [thickness * (along_x * along_y).sqrt(), leaning.atan().rad2deg(), width * along_x, height * along_y]
    return torch.stack(columns, dim=1)


def _uniform(largest: float, size: tuple[int, ...], generator: torch.Generator) -> Tensor:
    """Numbers in [-largest, largest]."""
    return (torch.rand(size, generator=generator, device=generator.device) * 2 - 1) * largest


def _inverse(size: Tensor, shear: Tensor) -> Tensor:
    """From where a pixel is to where it comes from, [B, 2, 2]: a grid's y points down, so leaning right is -x."""
    along_x, along_y = (-size).exp().unbind(1)
    none = torch.zeros_like(shear)
    return torch.stack(
        [torch.stack([along_x, shear * along_x], dim=1), torch.stack([none, along_y], dim=1)],
        dim=1,
    )
