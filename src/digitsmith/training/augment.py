"""Digit-safe augmentation of the real images (second report, section 4.2): shift, rotate, scale, stretch, shear, bend.

One sampling grid per image, all moves at once, so that pixels are interpolated a single time.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from digitsmith.config import Augmentation

BACKGROUND = -1.0  # of images in [-1, 1]
_ELASTIC_KNOTS = 5  # displacements are drawn on a 5x5 lattice and smoothed in between


def augment(images: Tensor, settings: Augmentation, generator: torch.Generator) -> Tensor:
    """Move each image by a random amount of its own.

    Args:
        images: float32 [B, C, H, W] in [-1, 1].
        settings: the largest amounts; all zero returns `images` itself.
        generator: all random numbers come from it, on the images' device.

    Returns:
        float32 [B, C, H, W] in [-1, 1]; what comes in from outside the frame is background.
    """
    if settings.is_identity:
        return images
    batch, _, height, width = images.shape

    def uniform(largest: float) -> Tensor:  # [B] in [-largest, largest]
        return (torch.rand(batch, generator=generator, device=images.device) * 2 - 1) * largest

    angle = uniform(math.radians(settings.rotate_deg))
    zoom = 1.0 / (1.0 + uniform(settings.scale))  # the grid shrinks where the digit grows
    shift_x = uniform(settings.shift_px) * 2 / width  # grid_sample's units: the frame is 2 wide
    shift_y = uniform(settings.shift_px) * 2 / height
    mirror = 1.0 - 2.0 * (uniform(1.0) < 0) if settings.flip else torch.ones_like(angle)
    cos, sin = zoom * angle.cos(), zoom * angle.sin()
    affine = torch.stack(
        [
            torch.stack([mirror * cos, -sin * height / width, shift_x], dim=1),
            torch.stack([mirror * sin * width / height, cos, shift_y], dim=1),
        ],
        dim=1,
    )  # [B, 2, 3]
    if settings.stretch > 0 or settings.shear_deg > 0:
        wider, higher = 1.0 / (1.0 + uniform(settings.stretch)), 1.0 / (1.0 + uniform(settings.stretch))
        lean = uniform(math.radians(settings.shear_deg)).tan() * height / width
        none = torch.zeros_like(lean)
        own = torch.stack([torch.stack([wider, lean], dim=1), torch.stack([none, higher], dim=1)], dim=1)
        affine = torch.cat([affine[:, :, :2] @ own, affine[:, :, 2:]], dim=2)
    grid = F.affine_grid(affine, list(images.shape), align_corners=False)  # [B, H, W, 2]
    if settings.elastic_px > 0:
        grid = grid + elastic_field(settings.elastic_px, images.shape, generator)
    # grid_sample pads with 0, so the background is moved there and back.
    moved = F.grid_sample(images - BACKGROUND, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
    return moved + BACKGROUND


def elastic_field(deviation_px: float, shape: torch.Size, generator: torch.Generator) -> Tensor:
    """A smooth random displacement [B, H, W, 2] in grid units for images of `shape`, [B, C, H, W]; its standard
    deviation is `deviation_px` at the knots."""
    batch, _, height, width = shape
    knots = torch.randn(batch, 2, _ELASTIC_KNOTS, _ELASTIC_KNOTS, generator=generator, device=generator.device)
    field = F.interpolate(knots, size=(height, width), mode="bicubic", align_corners=True)
    to_grid = torch.tensor([2 / width, 2 / height], device=generator.device)
    return field.permute(0, 2, 3, 1) * deviation_px * to_grid
