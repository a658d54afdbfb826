"""Convolutions by minimal filtering are PyTorch's: result and every derivative, for any size and number of threads."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from digitsmith import kernels
from digitsmith.kernels.winograd import filtering
from digitsmith.models import winograd
from digitsmith.models.products import ConvDown, ConvSame, ConvUp

Convolution = Callable[[Tensor, Tensor], Tensor]

OFF = 3e-5  # of the largest number of a result


def torch_down(maps: Tensor, weight: Tensor) -> Tensor:
    return F.conv2d(maps, weight, stride=2, padding=1)


def torch_up(maps: Tensor, weight: Tensor) -> Tensor:
    return F.conv_transpose2d(maps, weight, stride=2, padding=1)


def torch_same(maps: Tensor, weight: Tensor) -> Tensor:
    return F.conv2d(maps, weight, padding=1)


CASES = [
    (winograd.down, torch_down, (128, 32, 14, 14), (64, 32, 4, 4)),
    (winograd.down, torch_down, (3, 32, 16, 16), (64, 32, 4, 4)),
    (winograd.down, torch_down, (1, 8, 2, 30), (24, 8, 4, 4)),
    (winograd.up, torch_up, (128, 64, 7, 7), (64, 32, 4, 4)),
    (winograd.up, torch_up, (5, 24, 8, 3), (24, 16, 4, 4)),
    (winograd.up, torch_up, (2, 16, 1, 9), (16, 8, 4, 4)),
    (winograd.same, torch_same, (64, 32, 14, 14), (32, 32, 3, 3)),
    (winograd.same, torch_same, (9, 64, 7, 7), (128, 64, 3, 3)),
    (winograd.same, torch_same, (1, 24, 5, 10), (8, 24, 3, 3)),
]
NAMES = [f"{case[0].__name__} {case[2]}" for case in CASES]


@pytest.fixture(params=[1, 2, 3])
def threads(request: pytest.FixtureRequest) -> Iterator[int]:
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


def random(*shapes: tuple[int, ...], layout: torch.memory_format = torch.channels_last) -> list[Tensor]:
    """Float64 tensors of these shapes, the second a weight of sensible size."""
    torch.manual_seed(0)
    maps, weight = (torch.randn(shape, dtype=torch.float64).contiguous(memory_format=layout) for shape in shapes)
    return [maps, weight / weight[0].numel() ** 0.5]


def with_gradients(convolution: Convolution, maps: Tensor, weight: Tensor) -> list[Tensor]:
    """The result and the gradients of maps and weight, for what comes back to be the result's cosine."""
    maps, weight = maps.clone().requires_grad_(), weight.clone().requires_grad_()
    result = convolution(maps, weight)
    gradients = torch.autograd.grad(result, (maps, weight), result.detach().double().cos().to(result.dtype))
    return [result.detach(), *gradients]


def assert_close(found: list[Tensor], right: list[Tensor]) -> None:
    for ours, theirs in zip(found, right, strict=True):
        assert ours.dtype == torch.float32
        torch.testing.assert_close(ours.double(), theirs, rtol=0, atol=OFF * float(theirs.abs().max()))


@pytest.mark.parametrize(("outputs", "taps"), [(7, 2), (4, 2), (4, 3), (2, 3)])
def test_the_matrices_filter(outputs: int, taps: int) -> None:
    rng = np.random.default_rng(0)
    matrices = filtering(outputs, taps)
    signal, filtered = rng.standard_normal(outputs + taps - 1), rng.standard_normal(taps)
    found = matrices.outputs @ ((matrices.weights @ filtered) * (matrices.inputs @ signal))
    np.testing.assert_allclose(found, np.correlate(signal, filtered), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("layout", [torch.channels_last, torch.contiguous_format])
@pytest.mark.parametrize(("ours", "theirs", "maps", "weight"), CASES, ids=NAMES)
def test_a_convolution_and_its_gradients_are_pytorchs(
    ours: Convolution,
    theirs: Convolution,
    maps: tuple[int, ...],
    weight: tuple[int, ...],
    layout: torch.memory_format,
    threads: int,
) -> None:
    """In float32, against PyTorch's in float64."""
    given = random(maps, weight, layout=layout)
    assert_close(with_gradients(ours, *(one.float() for one in given)), with_gradients(theirs, *given))


@pytest.mark.parametrize(("ours", "theirs", "maps", "weight"), CASES[6:], ids=NAMES[6:])
def test_a_3x3_convolution_is_differentiated_twice(
    ours: Convolution, theirs: Convolution, maps: tuple[int, ...], weight: tuple[int, ...]
) -> None:
    """As by a gradient penalty: the derivatives of the squared length of the gradients, through a nonlinearity."""

    def penalised(convolution: Convolution, maps: Tensor, weight: Tensor) -> list[Tensor]:
        maps, weight = maps.clone().requires_grad_(), weight.clone().requires_grad_()
        result = convolution(maps, weight).square().sum()
        to_maps, to_weight = torch.autograd.grad(result, (maps, weight), create_graph=True)
        return list(torch.autograd.grad(to_maps.square().sum() + to_weight.square().mean(), (maps, weight)))

    given = random(maps, weight)
    assert_close(penalised(ours, *(one.float() for one in given)), penalised(theirs, *given))


@pytest.mark.parametrize(("ours", "theirs", "maps", "weight"), CASES, ids=NAMES)
def test_results_are_the_same_for_any_number_of_threads(
    ours: Convolution, theirs: Convolution, maps: tuple[int, ...], weight: tuple[int, ...]
) -> None:
    """So are the maps' gradients. What comes back to weights goes through products of PyTorch's."""
    given, results = [one.float() for one in random(maps, weight)], []
    before = torch.get_num_threads()
    for threads in (1, 2, 3):
        torch.set_num_threads(threads)
        results.append(with_gradients(ours, *given)[:2])
    torch.set_num_threads(before)
    for one, *others in zip(*results, strict=True):
        assert all(torch.equal(one, other) for other in others)


@pytest.mark.parametrize(("ours", "theirs", "maps", "weight"), CASES, ids=NAMES)
def test_the_same_threads_find_the_same_gradients_again(
    ours: Convolution, theirs: Convolution, maps: tuple[int, ...], weight: tuple[int, ...], threads: int
) -> None:
    """Whichever of them takes a piece of the work: a run that goes on ends in the same bits."""
    given = [one.float() for one in random(maps, weight)]
    first = with_gradients(ours, *given)
    for _ in range(5):
        assert all(torch.equal(one, two) for one, two in zip(first, with_gradients(ours, *given), strict=True))


def test_of_no_images_there_is_nothing() -> None:
    maps = torch.empty(0, 8, 4, 4, requires_grad=True)
    weight = torch.randn(16, 8, 3, 3, requires_grad=True)
    result = winograd.same(maps, weight)
    assert result.shape == (0, 16, 4, 4)
    result.sum().backward()
    assert weight.grad is not None and not weight.grad.any()


def test_what_is_not_finite_stays_so() -> None:
    """A run that diverges must be noticed."""
    maps, weight = (one.float() for one in random((2, 8, 14, 14), (8, 8, 3, 3)))
    maps[0, 0, 3, 3] = torch.nan
    result = winograd.same(maps, weight)
    assert result[0, :, 2:5, 2:5].isnan().all() and result[1].isfinite().all()


def test_weights_that_need_no_gradient_get_none() -> None:
    for convolution, maps, weight in (
        (winograd.down, (2, 8, 4, 4), (8, 8, 4, 4)),
        (winograd.same, (2, 8, 4, 4), (8, 8, 3, 3)),
    ):
        given, frozen = (one.float() for one in random(maps, weight))
        given.requires_grad_()
        convolution(given, frozen).sum().backward()
        assert given.grad is not None and frozen.grad is None


LAYERS: list[tuple[Callable[[], nn.Module], tuple[int, ...]]] = [
    (lambda: ConvDown(8, 16), (3, 8, 14, 14)),
    (lambda: ConvUp(16, 8), (3, 16, 7, 7)),
    (lambda: ConvSame(8, 16), (3, 8, 14, 14)),
]


@pytest.mark.parametrize(("make", "shape"), LAYERS)
@pytest.mark.parametrize("pays", [True, False])
def test_a_layer_is_pytorchs_whether_it_pays_or_not(
    make: Callable[[], nn.Module], shape: tuple[int, ...], pays: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kernels, "_has_avx2_alone", lambda: pays)
    torch.manual_seed(0)
    layer, maps = make(), torch.randn(shape)
    exact = layer.double()(maps.double())
    found = layer.float()(maps)
    assert (found.grad_fn.name() in ("_DownBackward", "_UpBackward", "AddBackward0")) == pays
    torch.testing.assert_close(found.double(), exact, rtol=0, atol=OFF * float(exact.detach().abs().max()))


def test_what_it_cannot_do_is_left_to_pytorch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernels, "_has_avx2_alone", lambda: True)
    maps, weight = torch.randn(2, 8, 4, 4), torch.randn(16, 8, 3, 3)
    assert winograd.fits(maps, weight, torch.float32)
    assert not winograd.fits(maps, weight, torch.bfloat16)  # autocast
    assert not winograd.fits(maps.double(), weight.double(), torch.float64)
    assert not winograd.fits(maps.bfloat16(), weight, torch.float32)
    assert not winograd.fits(maps[:, :5], weight[:, :5], torch.float32)
    assert not winograd.fits(maps, weight[:12], torch.float32)
    monkeypatch.setattr("digitsmith.kernels.at_hand", lambda x, dtype: False)
    assert not winograd.fits(maps, weight, torch.float32)
