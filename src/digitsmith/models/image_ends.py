"""The 4x4 / 2 convolutions between an image and its first or last feature maps, computed as matrix products.

A convolution kernel is made for many channels, and an image has one, two or three: then the kernel spends its time on
bookkeeping (measured for 128 images of 28x28 and 32 maps, one core, bfloat16: 1.5 ms forward and 3.4 ms back to the
image, where the arithmetic takes 0.1 ms). Here the 16 taps of every window are laid out side by side, and the layer is
one product with them; in float32 `kernels.image_ends` does both at once. The weights are those of the readable layer,
and so is the result, which tests/test_models_products.py proves for each.

    gather:  images [B, C, 2h, 2w] -> windows [B * h * w, C * 16], a row the taps (c, y, x) of a window
    scatter: its transpose, planes [C * 16, B * h * w] -> images, plane (c, y, x) that tap of all windows; what several
             windows hold of one pixel is added up
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from digitsmith import kernels
from digitsmith.models.products import maps_of, product_dtype, rows_of


class ConvFromImage(nn.Conv2d):
    """`nn.Conv2d(channels, outputs, 4, stride=2, padding=1)` for few channels."""

    def __init__(self, channels: int, outputs: int, *, bias: bool = False) -> None:
        super().__init__(channels, outputs, 4, stride=2, padding=1, bias=bias)

    def forward(self, input: Tensor) -> Tensor:  # [B, C, 2h, 2w] -> [B, O, h, w]
        if input.device.type != "cpu":
            return super().forward(input)
        dtype = product_dtype(input)
        maps: Tensor = _FromImage.apply(input.to(dtype), self.weight.to(dtype))  # type: ignore[no-untyped-call]
        return maps if self.bias is None else maps + self.bias.to(dtype)[:, None, None]


class ConvTransposeToImage(nn.ConvTranspose2d):
    """`nn.ConvTranspose2d(inputs, channels, 4, stride=2, padding=1)` for few channels."""

    def __init__(self, inputs: int, channels: int) -> None:
        super().__init__(inputs, channels, 4, stride=2, padding=1)

    def forward(self, input: Tensor, output_size: list[int] | None = None) -> Tensor:  # [B, I, h, w] -> [B, C, 2h, 2w]
        if input.device.type != "cpu":
            return super().forward(input)
        assert self.bias is not None
        dtype = product_dtype(input)
        image: Tensor = _ToImage.apply(input.to(dtype), self.weight.to(dtype))  # type: ignore[no-untyped-call]
        return image + self.bias.to(dtype)[:, None, None]


def gather(images: Tensor) -> Tensor:
    """The windows of a 4x4 / 2 convolution with padding 1: [B, C, 2h, 2w] -> [B * h * w, C * 16]."""
    batch, channels, height, width = images.shape
    padded = F.pad(images.contiguous(), (1, 1, 1, 1))
    image, channel, row, pixel = padded.stride()
    return padded.as_strided(
        (batch, height // 2, width // 2, channels, 4, 4), (image, 2 * row, 2 * pixel, channel, row, pixel)
    ).reshape(-1, channels * 16)


def scatter(planes: Tensor, *, batch: int, height: int, width: int) -> Tensor:
    """The transpose of `gather`, planes [C * 16, B * h * w] -> [B, C, 2h, 2w], with h, w = `height`, `width`.

    Sums are in float32 (float64 for float64), which here is faster than bfloat16 and rounds once.
    """
    channels = len(planes) // 16
    taps = planes.view(channels, 2, 2, 2, 2, batch, height, width)  # [C, y / 2, y % 2, x / 2, x % 2, B, h, w]
    total = torch.promote_types(planes.dtype, torch.float32)
    padded = torch.zeros(channels, 2, 2, batch, height + 1, width + 1, dtype=total, device=planes.device)
    for down in range(2):
        for right in range(2):
            padded[..., down : height + down, right : width + right] += taps[:, down, :, right]
    images = padded.permute(3, 0, 4, 1, 5, 2).reshape(batch, channels, 2 * height + 2, 2 * width + 2)
    return images[:, :, 1:-1, 1:-1].to(planes.dtype, memory_format=torch.contiguous_format)


class _FromImage(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, images: Tensor, weight: Tensor) -> Tensor:
        batch, _, height, width = images.shape
        ctx.at_once = _at_once(images, weight, positions=height * width // 4)
        if ctx.at_once:
            from digitsmith.kernels.image_ends import from_images

            ctx.save_for_backward(images, weight)
            return from_images(images, weight)
        windows = _gathered(images)  # [B * h * w, C * 16]
        ctx.save_for_backward(windows, weight)
        rows = windows @ weight.flatten(1).T  # [B * h * w, O]
        return maps_of(rows, batch, height // 2, width // 2)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None]:
        given, weight = ctx.saved_tensors
        to_images = to_weight = None
        if ctx.at_once:
            from digitsmith.kernels.image_ends import to_images as back
            from digitsmith.kernels.image_ends import weight_between

            to_images = back(gradient, weight) if ctx.needs_input_grad[0] else None
            to_weight = weight_between(given, gradient) if ctx.needs_input_grad[1] else None
            return to_images, to_weight
        batch, _, height, width = gradient.shape
        rows = rows_of(gradient)  # [B * h * w, O]
        if ctx.needs_input_grad[0]:
            to_images = _scattered(weight.flatten(1).T @ rows.T, batch=batch, height=height, width=width)
        if ctx.needs_input_grad[1]:
            to_weight = (given.T @ rows).T.reshape(weight.shape)
        return to_images, to_weight


class _ToImage(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, maps: Tensor, weight: Tensor) -> Tensor:
        batch, _, height, width = maps.shape
        ctx.at_once = _at_once(maps, weight, positions=height * width)
        if ctx.at_once:
            from digitsmith.kernels.image_ends import to_images

            ctx.save_for_backward(maps, weight)
            return to_images(maps, weight)
        rows = rows_of(maps)  # [B * h * w, I]
        ctx.save_for_backward(rows, weight)
        return _scattered(weight.flatten(1).T @ rows.T, batch=batch, height=height, width=width)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None]:
        given, weight = ctx.saved_tensors
        to_maps = to_weight = None
        if ctx.at_once:
            from digitsmith.kernels.image_ends import from_images, weight_between

            to_maps = from_images(gradient, weight) if ctx.needs_input_grad[0] else None
            to_weight = weight_between(gradient, given) if ctx.needs_input_grad[1] else None
            return to_maps, to_weight
        batch, _, height, width = gradient.shape
        windows = _gathered(gradient)  # [B * h * w, C * 16]
        if ctx.needs_input_grad[0]:
            to_maps = maps_of(windows @ weight.flatten(1).T, batch, height // 2, width // 2)
        if ctx.needs_input_grad[1]:
            to_weight = (windows.T @ given).T.reshape(weight.shape)
        return to_maps, to_weight


def _at_once(given: Tensor, weight: Tensor, *, positions: int) -> bool:
    """Whether `kernels.image_ends` can compute with these, for maps of so many positions."""
    return weight.shape[0] % 8 == 0 and positions % 4 == 0 and kernels.multiply_at_hand(given, weight)


def _gathered(images: Tensor) -> Tensor:
    """`gather`, in one pass where there is a kernel for it."""
    if not kernels.at_hand(images, images.dtype):
        return gather(images)
    from digitsmith.kernels.windows import gathered

    return gathered(images)


def _scattered(planes: Tensor, *, batch: int, height: int, width: int) -> Tensor:
    """`scatter`, in one pass where there is a kernel for it."""
    if not kernels.at_hand(planes, planes.dtype):
        return scatter(planes, batch=batch, height=height, width=width)
    from digitsmith.kernels.windows import scattered

    return scattered(planes, batch=batch, height=height, width=width)
