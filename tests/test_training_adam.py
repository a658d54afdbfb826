"""The optimiser is torch.optim.Adam to the bit, before and after its state went through a checkpoint."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from digitsmith.training.adam import Adam


def network() -> nn.Module:
    torch.manual_seed(0)
    layers = nn.Sequential(nn.Conv2d(3, 8, 4), nn.BatchNorm2d(8), nn.Flatten(), nn.Linear(8 * 5 * 5, 4))
    return layers.to(memory_format=torch.channels_last)


def learn(layers: nn.Module, optimiser: Adam | torch.optim.Adam, *, steps: range) -> list[Tensor]:
    for step in steps:
        images = torch.randn(6, 3, 8, 8, generator=torch.Generator().manual_seed(step))
        optimiser.zero_grad()
        layers(images).square().mean().backward()
        optimiser.step()
    return list(layers.parameters())


@pytest.mark.parametrize("betas", [(0.5, 0.999), (0.0, 0.99)])
def test_it_moves_weights_as_pytorch_does(betas) -> None:
    ours, theirs = network(), network()
    moved = learn(ours, Adam(ours.parameters(), 1e-2, betas), steps=range(5))
    expected = learn(theirs, torch.optim.Adam(theirs.parameters(), 1e-2, betas, fused=True), steps=range(5))
    assert all(torch.equal(one, other) for one, other in zip(moved, expected, strict=True))


def test_it_goes_on_from_its_tensors_whatever_their_layout() -> None:
    whole, half = network(), network()
    expected = learn(whole, Adam(whole.parameters(), 1e-2, (0.5, 0.999)), steps=range(6))
    first = Adam(half.parameters(), 1e-2, (0.5, 0.999))
    learn(half, first, steps=range(3))
    tensors = {name: tensor.clone().contiguous() for name, tensor in first.tensors("adam").items()}
    second = Adam(half.parameters(), 1e-2, (0.5, 0.999))
    second.load(tensors, "adam")
    resumed = learn(half, second, steps=range(3, 6))
    assert all(torch.equal(one, other) for one, other in zip(resumed, expected, strict=True))


def test_a_weight_without_a_gradient_stays() -> None:
    used, unused = nn.Parameter(torch.ones(3)), nn.Parameter(torch.ones(3))
    optimiser = Adam([unused, used], 0.1, (0.5, 0.999))
    used.square().sum().backward()
    optimiser.step()
    assert torch.equal(unused, torch.ones(3)) and not torch.equal(used, torch.ones(3))


def test_a_gradient_too_long_is_shortened_to_so_many_times_its_usual_length() -> None:
    """Usual is the root of the running mean square, as Adam has it, corrected for its start."""
    ordinary, outlier = [torch.randn(50, generator=torch.Generator().manual_seed(seed)) for seed in range(5)], 100.0
    usual = torch.stack([0.01 * 0.99 ** (4 - age) * g.square().sum() for age, g in enumerate(ordinary)]).sum()
    longest = 2 * (usual / (1 - 0.99**5)).sqrt()
    found = []
    for clip in (2.0, 0.0):
        weight = nn.Parameter(torch.zeros(50))
        optimiser = Adam([weight], 0.1, (0.0, 0.99), clip=clip)
        for gradient in [*ordinary, outlier * ordinary[0]]:
            weight.grad = gradient.clone()
            optimiser.step()
            found.append(float(optimiser.averages[0].norm()))  # with a first beta of 0, the gradient that was taken
    assert found[:5] == found[6:11]  # an ordinary one is not touched
    assert found[5] == pytest.approx(float(longest), rel=1e-4)
    assert found[11] == pytest.approx(outlier * float(ordinary[0].norm()))


def test_a_gradient_that_is_not_finite_is_not_hidden_by_shortening() -> None:
    for broken in (float("nan"), float("inf")):
        weight = nn.Parameter(torch.ones(3))
        optimiser = Adam([weight], 0.1, (0.0, 0.99), clip=2.0)
        for gradient in (torch.ones(3), torch.tensor([1.0, broken, 1.0])):
            weight.grad = gradient
            optimiser.step()
        assert not weight.isfinite().all()
