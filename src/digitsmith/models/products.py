"""Layers of the tables, computed as the matrix products that they are.

Most of all the 4x4 / 2 convolutions between an image and its first or last feature maps. A convolution kernel is made
for many channels, and an image has one, two or three: then the kernel spends its time on bookkeeping (measured for 128
images of 28x28 and 32 maps, one core, bfloat16: 1.5 ms forward and 3.4 ms back to the image, where the arithmetic takes
0.1 ms). Here the 16 taps of every window are laid out side by side, and the layer is one product with them. The weights
are those of the readable layer, and so is the result, which tests/test_models_products.py proves for each.

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
from digitsmith.models import winograd


class ConvFromImage(nn.Conv2d):
    """`nn.Conv2d(channels, outputs, 4, stride=2, padding=1)` for few channels."""

    def __init__(self, channels: int, outputs: int, *, bias: bool = False) -> None:
        super().__init__(channels, outputs, 4, stride=2, padding=1, bias=bias)

    def forward(self, input: Tensor) -> Tensor:  # [B, C, 2h, 2w] -> [B, O, h, w]
        if input.device.type != "cpu":
            return super().forward(input)
        dtype = _product_dtype(input)
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
        dtype = _product_dtype(input)
        image: Tensor = _ToImage.apply(input.to(dtype), self.weight.to(dtype))  # type: ignore[no-untyped-call]
        return image + self.bias.to(dtype)[:, None, None]


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
        dtype = _product_dtype(input)
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
        if not self.training or not winograd.fits(input, self.weight, _product_dtype(input)):
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
    dtype = _product_dtype(maps)
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
        return _maps(rows, batch, height // 2, width // 2)

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
        rows = _rows(gradient)  # [B * h * w, O]
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
        rows = _rows(maps)  # [B * h * w, I]
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
            to_maps = _maps(windows @ weight.flatten(1).T, batch, height // 2, width // 2)
        if ctx.needs_input_grad[1]:
            to_weight = (windows.T @ given).T.reshape(weight.shape)
        return to_maps, to_weight


def _at_once(given: Tensor, weight: Tensor, *, positions: int) -> bool:
    """Whether `kernels.image_ends` can compute with these, for maps of so many positions."""
    return weight.shape[0] % 8 == 0 and positions % 4 == 0 and kernels.multiply_at_hand(given, weight)


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
        rows = _rows(gradient)  # [B * h * w, O]
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
        return added_up(_rows(maps) @ _tap_by_tap(weight), batch=batch, height=height, width=width)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None]:
        from digitsmith.kernels.columns import columns

        maps, weight = ctx.saved_tensors
        to_maps = to_weight = None
        if ctx.needs_input_grad[0]:
            to_maps = F.conv2d(gradient, weight, stride=2, padding=1)
        if ctx.needs_input_grad[1]:
            to_weight = _as_weight(columns(gradient).T @ _rows(maps), weight)
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


def _rows(maps: Tensor) -> Tensor:
    """[B, C, h, w] -> [B * h * w, C]; no copy where the maps lie channels-last."""
    return maps.permute(0, 2, 3, 1).reshape(-1, maps.shape[1])


def _maps(rows: Tensor, batch: int, height: int, width: int) -> Tensor:
    """[B * h * w, C] -> [B, C, h, w], channels-last in memory."""
    return rows.view(batch, height, width, -1).permute(0, 3, 1, 2)


def _as_products(maps: Tensor, dtype: torch.dtype) -> bool:
    """Whether products of windows are faster than PyTorch's convolution of many channels.

    In float32 the windows are twice as large as in bfloat16, and the products no faster: there its own way back to the
    maps takes 4.2 ms where windows take 9 (128 maps of 14x14, two threads, AVX2).
    """
    return dtype == torch.bfloat16 and kernels.at_hand(maps, dtype)


def _product_dtype(x: Tensor) -> torch.dtype:
    """What autocast would compute a convolution in."""
    return torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else x.dtype
