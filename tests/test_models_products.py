"""The layers that are computed as products are the readable layers: same weights, same result, same gradients."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn

from digitsmith import kernels
from digitsmith.models.blocks import ConvTransposeFromVector
from digitsmith.models.image_ends import ConvFromImage, ConvTransposeToImage, gather, scatter
from digitsmith.models.products import ConvDown, ConvOfImageAndClass, ConvUp, of_whole_maps

PAIRS = [
    (lambda c: ConvFromImage(c, 8), lambda c: nn.Conv2d(c, 8, 4, stride=2, padding=1, bias=False), (5, None, 28, 28)),
    (lambda c: ConvTransposeToImage(8, c), lambda c: nn.ConvTranspose2d(8, c, 4, stride=2, padding=1), (5, 8, 14, 16)),
    (lambda c: ConvFromImage(c, 12), lambda c: nn.Conv2d(c, 12, 4, stride=2, padding=1, bias=False), (3, None, 8, 8)),
    (lambda c: ConvTransposeToImage(8, c), lambda c: nn.ConvTranspose2d(8, c, 4, stride=2, padding=1), (1, 8, 3, 5)),
    (lambda c: ConvTransposeFromVector(9, c, 7), lambda c: nn.ConvTranspose2d(9, c, 7, bias=False), (5, 9, 1, 1)),
]


WIDE = [
    (lambda: ConvDown(24, 8), lambda: nn.Conv2d(24, 8, 4, stride=2, padding=1, bias=False), (5, 24, 12, 8)),
    (lambda: ConvUp(8, 24), lambda: nn.ConvTranspose2d(8, 24, 4, stride=2, padding=1, bias=False), (5, 8, 6, 4)),
]


def run(layer: nn.Module, x: Tensor, gradient: Tensor) -> tuple[Tensor, ...]:
    """The layer's result, and the gradients of its input and of all its weights."""
    x = x.clone().requires_grad_()
    y = layer(x)
    y.backward(gradient.to(y.dtype))
    return y.detach(), x.grad, *(weight.grad for weight in layer.parameters())


@pytest.mark.parametrize(("dtype", "off"), [(torch.float64, 1e-12), (torch.float32, 2e-5)])
@pytest.mark.parametrize("channels", [1, 2, 3, 11])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("multiplying", [True, False])
@pytest.mark.parametrize(("fast", "readable", "shape"), PAIRS)
def test_a_product_is_its_layer(fast, readable, shape, channels, layout, dtype, off, multiplying, monkeypatch) -> None:
    """In float64 as it is defined, in float32 with the kernels; each against PyTorch's layer in float64."""
    monkeypatch.setattr(kernels, "_has_avx2_alone", lambda: multiplying)
    torch.manual_seed(0)
    quick, plain = fast(channels), readable(channels).double()
    plain.load_state_dict(quick.state_dict())
    x = torch.randn([side or channels for side in shape], dtype=torch.float64).contiguous(memory_format=layout)
    gradient = torch.randn_like(plain(x)).contiguous(memory_format=layout)
    ours = run(quick.to(dtype), x.to(dtype), gradient.to(dtype))
    for found, right in zip(ours, run(plain, x, gradient), strict=True):
        torch.testing.assert_close(found.double(), right, rtol=off, atol=off * float(right.abs().max()))


@pytest.mark.parametrize(("fast", "readable", "shape"), PAIRS[:2])
def test_under_autocast_it_rounds_no_worse_than_its_layer(fast, readable, shape) -> None:
    torch.manual_seed(0)
    quick, plain = fast(1), readable(1)
    plain.load_state_dict(quick.state_dict())
    x = torch.randn([side or 1 for side in shape]).contiguous(memory_format=torch.channels_last)
    gradient = torch.randn_like(plain(x))
    exact = run(plain, x, gradient)
    plain.zero_grad()
    with torch.autocast("cpu", torch.bfloat16):
        ours, theirs = run(quick, x, gradient), run(plain, x, gradient)
    assert ours[0].dtype == theirs[0].dtype == torch.bfloat16
    for our, their, right in zip(ours, theirs, exact, strict=True):
        assert our.dtype in (torch.bfloat16, torch.float32)
        assert (our - right).norm() < 1.1 * (their - right).norm() + 1e-3 * right.norm()


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize(("fast", "readable", "shape"), WIDE)
def test_between_many_channels_a_layer_is_pytorchs(fast, readable, shape, layout, monkeypatch) -> None:
    """In float32 against float64; then under autocast, where it rounds no worse than PyTorch's own.

    Without minimal filtering, which has its own tests (test_models_winograd.py)."""
    monkeypatch.setattr(kernels, "_has_avx2_alone", lambda: False)
    torch.manual_seed(0)
    quick, plain = fast().to(memory_format=layout), readable()
    plain.load_state_dict(quick.state_dict())
    x = torch.randn(shape).contiguous(memory_format=layout)
    gradient = torch.randn_like(plain(x)).contiguous(memory_format=layout)
    exact = run(plain.double(), x.double(), gradient.double())
    for ours, right in zip(run(quick, x, gradient), exact, strict=True):
        torch.testing.assert_close(ours.double(), right, rtol=1e-4, atol=1e-5)
    plain.float().zero_grad()
    quick.zero_grad()
    with torch.autocast("cpu", torch.bfloat16):
        ours, theirs = run(quick, x, gradient), run(plain, x, gradient)
    assert ours[0].dtype == theirs[0].dtype == torch.bfloat16
    for our, their, right in zip(ours, theirs, exact, strict=True):
        assert (our - right).norm() < 1.15 * (their - right).norm() + 1e-3 * right.norm()


@pytest.mark.parametrize(("dtype", "off"), [(torch.float64, 1e-12), (torch.float32, 2e-5)])
def test_image_and_class_are_convolved_as_if_stacked(dtype: torch.dtype, off: float) -> None:
    torch.manual_seed(0)
    quick, plain = ConvOfImageAndClass(3, 8).to(dtype), nn.Conv2d(6, 8, 4, stride=2, padding=1, bias=False).to(dtype)
    plain.load_state_dict(quick.state_dict())
    of_image = torch.randn(5, 3, 14, 14, dtype=dtype, requires_grad=True)
    of_class = torch.randn(4, 3, 14, 14, dtype=dtype, requires_grad=True)
    labels = torch.tensor([3, 0, 3, 1, 1])
    results = []
    for y, layer in (
        (quick(of_image, of_class, labels), quick),
        (plain(torch.cat([of_image, of_class[labels]], dim=1)), plain),
    ):
        gradients = torch.autograd.grad(y.square().sum(), [of_image, of_class, layer.weight])
        results.append((y, *gradients))
    for ours, theirs in zip(*results, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=off, atol=off * float(theirs.detach().abs().max()))


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_layers_that_see_all_of_a_map_are_one_product(layout) -> None:
    torch.manual_seed(0)
    convolution, linear = nn.Conv2d(6, 1, 7).double().to(memory_format=layout), nn.Linear(6 * 7 * 7, 5).double()
    maps = torch.randn(4, 6, 7, 7, dtype=torch.float64).contiguous(memory_format=layout).requires_grad_()
    results = []
    for answers in (
        of_whole_maps(maps, convolution, linear),
        (convolution(maps).flatten(1), linear(maps.flatten(1))),
    ):
        wanted = [maps, *convolution.parameters(), *linear.parameters()]
        gradients = torch.autograd.grad(sum(answer.square().sum() for answer in answers), wanted)
        results.append((*answers, *gradients))
    for ours, theirs in zip(*results, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-12)


def test_gather_and_scatter_are_each_other_s_transposes() -> None:
    torch.manual_seed(0)
    images, planes = torch.randn(3, 2, 12, 8, dtype=torch.float64), torch.randn(32, 3 * 6 * 4, dtype=torch.float64)
    one = (gather(images).T * planes).sum()
    other = (images * scatter(planes, batch=3, height=6, width=4)).sum()
    torch.testing.assert_close(one, other)


def test_weights_that_need_no_gradient_get_none() -> None:
    layer = ConvFromImage(1, 4).requires_grad_(False)
    x = torch.randn(2, 1, 8, 8, requires_grad=True)
    layer(x).sum().backward()
    assert layer.weight.grad is None and x.grad is not None


def test_a_second_derivative_is_refused_and_not_wrong() -> None:
    layer = ConvFromImage(1, 4)
    x = torch.randn(2, 1, 8, 8, requires_grad=True)
    (first,) = torch.autograd.grad(layer(x).square().sum(), x, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        first.sum().backward()


@pytest.mark.parametrize("layer", [ConvUp(8, 4), ConvDown(8, 4), ConvTransposeToImage(8, 1)])
def test_types_without_a_kernel_take_pytorchs_way(layer: nn.Module) -> None:
    """float16 has half the bytes that a float32 kernel would read and write."""
    x = torch.randn(2, 8, 6, 6)
    expected = layer(x)
    with torch.autocast("cpu", torch.float16):
        found = layer(x)
    assert found.dtype == torch.float16
    torch.testing.assert_close(found.float(), expected, rtol=0.02, atol=0.02)
    torch.testing.assert_close(copy.deepcopy(layer).half()(x.half()).float(), expected, rtol=0.02, atol=0.02)
