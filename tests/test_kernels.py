"""The compiled kernels compute what PyTorch's own operations do: result and gradients, for any number of threads."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import numba
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from digitsmith.kernels.columns import added_up, columns
from digitsmith.kernels.native import kernel
from digitsmith.kernels.team import parallel_region, run
from digitsmith.kernels.windows import gathered, scattered
from digitsmith.models.blocks import Layers
from digitsmith.models.image_ends import gather, scatter

SHAPES = [(128, 32, 14, 14), (40, 24, 8, 8), (3, 300, 2, 2), (7, 3, 5, 4), (2, 1, 1, 1)]
PRECISIONS = [torch.float32, torch.bfloat16]


@pytest.fixture(params=[1, 2])
def threads(request: pytest.FixtureRequest) -> Iterator[int]:
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


def block(shape: tuple[int, ...]) -> Layers:
    """A BatchNorm that has learned something and the ReLU behind it."""
    normalise = nn.BatchNorm2d(shape[1])
    nn.init.normal_(normalise.weight, 1.0, 0.3)
    nn.init.normal_(normalise.bias, 0.0, 0.3)
    return Layers(normalise, nn.ReLU(inplace=True))


def in_training(layers: nn.Module, x: Tensor, gradient: Tensor) -> list[Tensor]:
    """Result, gradients of the input and of the weights, and the running statistics afterwards."""
    x = x.clone().requires_grad_()
    y = layers(x)
    y.backward(gradient)
    assert y.dtype == x.dtype and x.grad is not None
    return [
        y.detach(),
        x.grad,
        *(weight.grad for weight in layers.parameters()),
        *(kept for kept in layers.buffers() if kept.is_floating_point()),
    ]


def random_maps(shape: tuple[int, ...], *, far: float = 0.0) -> Tensor:
    """Float64; each channel has a mean of its own, `far` deviations from 0 and more."""
    maps = torch.randn(*shape, dtype=torch.float64)
    offsets = far + torch.randn(shape[1], dtype=torch.float64)
    return (maps + offsets[:, None, None]).contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("shape", SHAPES)
def test_batch_norm_and_relu_are_pytorchs(shape: tuple[int, ...], threads: int) -> None:
    """In float32 within rounding of what PyTorch computes in float64, where `Layers` calls its layers one by one."""
    torch.manual_seed(0)
    ours = block(shape)
    exact = deepcopy(ours).double()
    x, gradient = random_maps(shape), random_maps(shape)
    for found, right in zip(
        in_training(ours, x.float(), gradient.float()), in_training(exact, x, gradient), strict=True
    ):
        largest = float(right.double().abs().max())
        torch.testing.assert_close(found.double(), right.double(), rtol=2e-4, atol=1e-6 + 2e-4 * largest)


@pytest.mark.parametrize("shape", SHAPES[:3])
def test_in_bfloat16_they_round_no_worse_than_pytorchs(shape: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    ours = block(shape)
    theirs, exact = nn.Sequential(*deepcopy(ours)), deepcopy(ours).double()
    x, gradient = random_maps(shape).bfloat16(), random_maps(shape).bfloat16()
    results = (in_training(ours, x, gradient), in_training(theirs, x, gradient))
    for our, their, right in zip(*results, in_training(exact, x.double(), gradient.double()), strict=True):
        assert (our - right).norm() < 1.1 * (their - right).norm() + 1e-3 * right.norm()


def test_a_mean_far_from_zero_leaves_the_variance_right() -> None:
    torch.manual_seed(0)
    shape = (128, 32, 14, 14)
    ours = block(shape)
    exact = deepcopy(ours).double()
    x = random_maps(shape, far=1000.0).float()
    gradient = random_maps(shape)
    found, right = in_training(ours, x, gradient.float()), in_training(exact, x.double(), gradient)
    torch.testing.assert_close(found[0].double(), right[0], rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("dtype", PRECISIONS)
def test_results_are_the_same_for_any_number_of_threads(dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    shape = (128, 32, 14, 14)
    x, gradient, layers = random_maps(shape).to(dtype), random_maps(shape).to(dtype), block(shape)
    before, results = torch.get_num_threads(), []
    for threads in (1, 2, 3):
        torch.set_num_threads(threads)
        results.append(in_training(deepcopy(layers), x, gradient))
    torch.set_num_threads(before)
    for one, two, three in zip(*results, strict=True):
        assert torch.equal(one, two) and torch.equal(one, three)


@pytest.mark.parametrize("dtype", PRECISIONS)
@pytest.mark.parametrize("poison", [float("nan"), float("inf")])
def test_what_is_not_finite_stays_so(dtype: torch.dtype, poison: float) -> None:
    """A run that diverges must be noticed: ReLU of NaN is NaN."""
    x = torch.ones(4, 2, 4, 4, dtype=dtype).contiguous(memory_format=torch.channels_last)
    x[0, 0, 0, 0] = poison
    y = block((4, 2, 4, 4))(x)
    assert y[:, 0].isnan().all() and y[:, 1].isfinite().all()


def test_maps_and_gradients_may_lie_in_any_way() -> None:
    torch.manual_seed(0)
    shape = (5, 6, 4, 4)
    layers, x = block(shape), random_maps(shape).float()
    gradient = torch.randn(5, 1, 1, 1).expand(shape)  # as sums send it back: one number for many
    results = [
        in_training(copy, maps, back)
        for copy, maps, back in (
            (deepcopy(layers), x, gradient.contiguous(memory_format=torch.channels_last)),
            (deepcopy(layers), x.contiguous(), gradient),
            (deepcopy(layers), torch.cat([x, x], dim=3)[..., :4], gradient.contiguous()),
        )
    ]
    for first, *others in zip(*results, strict=True):
        assert all(torch.equal(first, other) for other in others)


@pytest.mark.parametrize(
    "normalise",
    [
        nn.BatchNorm2d(3, affine=False),
        nn.BatchNorm2d(3, momentum=None),
        nn.BatchNorm2d(3, track_running_stats=False),
        nn.BatchNorm2d(3).double(),
    ],
    ids=["no weights", "plain mean", "no statistics", "float64"],
)
def test_what_the_kernel_cannot_do_is_left_to_pytorch(normalise: nn.BatchNorm2d) -> None:
    x = torch.randn(4, 3, 5, 5, dtype=torch.float64 if normalise.weight is not None else torch.float32)
    x = x if normalise.weight is not None and normalise.weight.dtype == torch.float64 else x.float()
    plain = nn.Sequential(deepcopy(normalise), nn.ReLU())
    assert torch.equal(Layers(normalise, nn.ReLU())(x), plain(x))
    with pytest.raises(RuntimeError, match="running_mean"):
        Layers(nn.BatchNorm2d(3), nn.ReLU())(torch.randn(4, 2, 5, 5))


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere PyTorch computes with other threads than GNU's")
def test_pytorchs_threads_are_found() -> None:
    assert parallel_region() is not None


def test_kernels_are_kept_for_these_files_alone_and_do_without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(words: Any) -> None:
        words[0] = 1

    before = numba.config.CACHE_DIR
    for kept in (tmp_path / "kept", tmp_path / "file" / "no folder can be here"):
        (tmp_path / "file").write_bytes(b"")
        monkeypatch.setattr("digitsmith.kernels.native._kept_in", lambda kept=kept: kept)
        run(kernel(nothing))
        assert before == numba.config.CACHE_DIR
    index = next((tmp_path / "kept").rglob("*.nbi"))
    index.write_bytes(b"")  # cut short by a power failure
    monkeypatch.setattr("digitsmith.kernels.native._kept_in", lambda: tmp_path / "kept")
    run(kernel(nothing))


def test_in_evaluation_the_layers_are_called_one_by_one() -> None:
    layers = block((4, 2, 4, 4)).eval()
    called: list[nn.Module] = []
    for layer in layers:
        layer.register_forward_hook(lambda module, args, output: called.append(module))
    x = torch.randn(4, 2, 4, 4)
    assert torch.equal(layers(x), nn.Sequential(*layers)(x))
    assert called[:2] == list(layers)


@pytest.mark.parametrize("dtype", PRECISIONS)
@pytest.mark.parametrize("shape", [(1, 1, 2, 2), (5, 1, 28, 28), (3, 2, 8, 4), (200, 3, 32, 32)])
def test_windows_are_those_of_the_definition(shape: tuple[int, ...], dtype: torch.dtype, threads: int) -> None:
    torch.manual_seed(0)
    batch, _, height, width = shape
    images = torch.randn(shape).to(dtype)
    windows = gather(images)
    assert torch.equal(gathered(images), windows)
    planes = torch.randn(windows.T.shape).to(dtype)
    sides = {"batch": batch, "height": height // 2, "width": width // 2}
    found, right = scattered(planes, **sides), scatter(planes.double(), **sides)
    torch.testing.assert_close(found.double(), right, rtol=1e-6 if dtype == torch.float32 else 4e-3, atol=1e-5)


@pytest.mark.parametrize("dtype", PRECISIONS)
@pytest.mark.parametrize("shape", [(1, 1, 2, 2), (5, 32, 14, 14), (3, 5, 8, 4)])
def test_windows_of_many_channels_are_pytorchs(shape: tuple[int, ...], dtype: torch.dtype, threads: int) -> None:
    torch.manual_seed(0)
    batch, channels, height, width = shape
    how = {"kernel_size": 4, "padding": 1, "stride": 2}
    maps = torch.randn(shape).to(dtype).contiguous(memory_format=torch.channels_last)
    unfolded = F.unfold(maps.double(), **how)  # [B, C * 16, h * w]
    rows = unfolded.view(batch, channels, 16, -1).permute(0, 3, 2, 1).reshape(-1, 16 * channels)
    windows = columns(maps)
    assert torch.equal(windows.double(), rows)
    right = F.fold(unfolded, (height, width), **how)
    found = added_up(windows, batch=batch, height=height // 2, width=width // 2)
    assert found.is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(found.double(), right, rtol=1e-6 if dtype == torch.float32 else 4e-3, atol=1e-5)
