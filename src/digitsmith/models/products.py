"""Layers between many channels and layers that see all of a map, computed as the matrix products that they are.

The weights are those of the readable layer, and so is the result, which tests/test_models_products.py proves for each.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from digitsmith import kernels
from digitsmith.models import winograd


class ConvDown(nn.Conv2d):
    """`nn.Conv2d(inputs, outputs, 4, stride=2, padding=1, bias=False)` for many channels."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs, 4, stride=2, padding=1, bias=False)

    def forward(self, input: Tensor) -> Tensor:  # [B, I, 2h, 2w] -> [B, O, h, w]
        return convolved(input, self.weight, training=self.training)


class ConvUp(nn.ConvTranspose2d):
    """`nn.ConvTranspose2d(inputs, outputs, 4, stride=2, padding=1, bias=False)` for many channels."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs, 4, stride=2, padding=1, bias=False)

    def forward(self, input: Tensor, output_size: list[int] | None = None) -> Tensor:  # [B, I, h, w] -> [B, O, 2h, 2w]
        dtype = product_dtype(input)
        if self.training and winograd.fits(input, self.weight, dtype):
            return winograd.up(input, self.weight)
        if not _as_products(input, dtype):
            return super().forward(input)
        maps: Tensor = _Up.apply(input.to(dtype), self.weight.to(dtype))  # type: ignore[no-untyped-call]
        return maps


class ConvSame(nn.Conv2d):
    """`nn.Conv2d(inputs, outputs, 3, padding=1)` for many channels."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs, 3, padding=1)

    def forward(self, input: Tensor) -> Tensor:  # [B, I, h, w] -> [B, O, h, w]
        if not self.training or not winograd.fits(input, self.weight, product_dtype(input)):
            return super().forward(input)
        assert self.bias is not None
        return winograd.same(input, self.weight).add_(self.bias[:, None, None])


class ConvOfImageAndClass(nn.Conv2d):
    """`nn.Conv2d(2 * inputs, outputs, 4, stride=2, padding=1, bias=False)` of an image's maps stacked on its class's.

    A convolution of stacked maps is the sum of the convolutions of either half, and images of one class share the
    half that is the class's. So that half is computed once a class, and a product with the one-hot labels hands it out.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(2 * inputs, outputs, 4, stride=2, padding=1, bias=False)

    def forward(self, input: Tensor, class_maps: Tensor | None = None, labels: Tensor | None = None) -> Tensor:
        """Image maps [B, C, 2h, 2w], class maps [K, C, 2h, 2w], labels [B] -> [B, O, h, w]."""
        assert class_maps is not None and labels is not None
        of_image, of_class = self.weight.chunk(2, dim=1)
        maps = convolved(input, of_image, training=self.training)
        rows = F.conv2d(class_maps, of_class, stride=2, padding=1).permute(0, 2, 3, 1)  # [K, h, w, O]
        handed_out = F.one_hot(labels, len(class_maps)).to(rows.dtype) @ rows.flatten(1)
        return maps + handed_out.view(-1, *rows.shape[1:]).permute(0, 3, 1, 2)


def convolved(maps: Tensor, weight: Tensor, *, training: bool) -> Tensor:
    """`F.conv2d(maps, weight, stride=2, padding=1)` for weights [O, I, 4, 4], [B, I, 2h, 2w] -> [B, O, h, w].

    Under autocast it is that forward, and back two products, with the rows of `kernels.columns`: for these shapes
    PyTorch's own way back takes a third longer in bfloat16. In float32, in training, it may be `models.winograd`'s.
    """
    dtype = product_dtype(maps)
    if training and winograd.fits(maps, weight, dtype):
        return winograd.down(maps, weight)
    if not _as_products(maps, dtype):
        return F.conv2d(maps, weight, stride=2, padding=1)
    result: Tensor = _Down.apply(maps.to(dtype), weight.to(dtype))  # type: ignore[no-untyped-call]
    return result


def of_whole_maps(maps: Tensor, *layers: nn.Conv2d | nn.Linear) -> tuple[Tensor, ...]:
    """What `layers` say of maps [B, C, h, w], each [B, outputs]: layers that see all of a map, in one product.

    Such a layer is a convolution with a kernel as large as the map, or a linear layer of the flattened map. Apart, they
    would read the maps once each and send back a gradient each, and flattening would first put maps that lie
    channels-last into another order (measured: together a tenth of the ACGAN's step). Here the weights are reordered.
    """
    shape = maps.shape[1:]
    weights = [layer.weight.view(-1, *shape).permute(0, 2, 3, 1).flatten(1) for layer in layers]
    biases = [layer.bias for layer in layers if layer.bias is not None]
    rows = maps.permute(0, 2, 3, 1).flatten(1)  # a view, where the maps lie channels-last
    answers = F.linear(rows, torch.cat(weights), torch.cat(biases))
    apart: tuple[Tensor, ...] = answers.split([len(weight) for weight in weights], dim=1)
    return apart


class _Down(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, maps: Tensor, weight: Tensor) -> Tensor:
        ctx.save_for_backward(maps, weight)
        return F.conv2d(maps, weight, stride=2, padding=1)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None]:
        from digitsmith.kernels.columns import added_up, columns

        maps, weight = ctx.saved_tensors
        batch, _, height, width = gradient.shape
        rows = rows_of(gradient)  # [B * h * w, O]
        to_maps = to_weight = None
        if ctx.needs_input_grad[0]:
            to_maps = added_up(rows @ _tap_by_tap(weight), batch=batch, height=height, width=width)
        if ctx.needs_input_grad[1]:
            to_weight = _as_weight(columns(maps).T @ rows, weight)
        return to_maps, to_weight


class _Up(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, maps: Tensor, weight: Tensor) -> Tensor:
        from digitsmith.kernels.columns import added_up

        batch, _, height, width = maps.shape
        ctx.save_for_backward(maps, weight)
        return added_up(rows_of(maps) @ _tap_by_tap(weight), batch=batch, height=height, width=width)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None]:
        from digitsmith.kernels.columns import columns

        maps, weight = ctx.saved_tensors
        to_maps = to_weight = None
        if ctx.needs_input_grad[0]:
            to_maps = F.conv2d(gradient, weight, stride=2, padding=1)
        if ctx.needs_input_grad[1]:
            to_weight = _as_weight(columns(gradient).T @ rows_of(maps), weight)
        return to_maps, to_weight


def _tap_by_tap(weight: Tensor) -> Tensor:
    """[O, I, 4, 4] -> [O, 16 * I], in the order of `kernels.columns`."""
    return weight.permute(0, 2, 3, 1).flatten(1)


def _as_weight(product: Tensor, weight: Tensor) -> Tensor:
    """The inverse of `_tap_by_tap`, transposed: [16 * I, O] -> the shape of `weight`.

    It is this way round because two threads compute the product so in two thirds of the time.
    """
    outputs, inputs = weight.shape[:2]
    return product.view(4, 4, inputs, outputs).permute(3, 2, 0, 1)


def rows_of(maps: Tensor) -> Tensor:
    """[B, C, h, w] -> [B * h * w, C]; no copy where the maps lie channels-last."""
    return maps.permute(0, 2, 3, 1).reshape(-1, maps.shape[1])


def maps_of(rows: Tensor, batch: int, height: int, width: int) -> Tensor:
    """[B * h * w, C] -> [B, C, h, w], channels-last in memory."""
    return rows.view(batch, height, width, -1).permute(0, 3, 1, 2)


def _as_products(maps: Tensor, dtype: torch.dtype) -> bool:
    """Whether products of windows are faster than PyTorch's convolution of many channels.

    In float32 the windows are twice as large as in bfloat16, and the products no faster: there its own way back to the
    maps takes 4.2 ms where windows take 9 (128 maps of 14x14, two threads, AVX2).
    """
    return dtype == torch.bfloat16 and kernels.at_hand(maps, dtype)


def product_dtype(x: Tensor) -> torch.dtype:
    """What autocast would compute a convolution in."""
    return torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else x.dtype
