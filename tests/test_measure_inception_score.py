"""The inception score against torchmetrics', at its two ends, and where torchmetrics has none."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from digitsmith.errors import InputError
from digitsmith.measure.inception_score import inception_score
from oracles import torchmetrics_image


def logits(count: int, classes: int = 10) -> torch.Tensor:
    return 3 * torch.randn(count, classes, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def softmax(values: torch.Tensor) -> NDArray[np.float32]:
    return values.softmax(1).float().numpy()


@pytest.mark.filterwarnings("ignore:Metric `InceptionScore` will save")
@pytest.mark.filterwarnings("ignore:std():UserWarning")  # torchmetrics' own, of one split
@pytest.mark.parametrize("splits", [1, 2, 10])
def test_it_equals_torchmetrics(splits: int, monkeypatch: pytest.MonkeyPatch) -> None:
    values = logits(1_000)
    module = torchmetrics_image("inception")
    theirs = module.InceptionScore(feature=torch.nn.Identity(), splits=splits)
    theirs.update(values)
    order = np.random.default_rng(4).permutation(1_000)
    monkeypatch.setattr(torch, "randperm", lambda count: torch.from_numpy(order))  # both divide the images alike
    mean, deviation = theirs.compute()
    ours = inception_score(softmax(values), splits=splits, seed=4)
    assert ours.value == pytest.approx(float(mean), rel=1e-5)
    if splits > 1:
        assert ours.margin == pytest.approx(float(deviation), rel=1e-5)
        assert ours.spread == f"deviation of {splits} splits"


def test_it_is_the_number_of_classes_where_each_is_certain() -> None:
    """The classes that are never predicted have no part in it, and leave it finite."""
    certain = np.eye(10, dtype=np.float32)[np.arange(600) % 6]
    assert inception_score(certain, splits=1).value == pytest.approx(6, rel=1e-12)
    assert np.isfinite(inception_score(certain, splits=7).margin)


def test_it_is_one_where_all_are_read_alike() -> None:
    estimate = inception_score(np.tile(softmax(logits(1)), (50, 1)), splits=5)
    assert (estimate.value, estimate.margin) == pytest.approx((1, 0), abs=1e-7)


def test_a_lost_class_lowers_it() -> None:
    certain = softmax(5 * logits(2_000))
    missing = certain[certain.argmax(1) != 3]
    assert inception_score(missing).value < inception_score(certain).value - 0.5


def test_probabilities_too_small_to_divide_do_no_harm() -> None:
    tiny = np.zeros((64, 3))
    tiny[:, 0] = 1
    tiny[0, 1] = 5e-324
    assert inception_score(tiny, splits=1).value == pytest.approx(1)


def test_the_seed_alone_decides_the_splits() -> None:
    probabilities = softmax(logits(200))
    assert inception_score(probabilities, seed=1) == inception_score(probabilities, seed=1)
    assert inception_score(probabilities, seed=1) != inception_score(probabilities, seed=2)


def test_one_split_has_no_deviation() -> None:
    assert math.isnan(inception_score(softmax(logits(20)), splits=1).margin)


def _with_nan() -> NDArray[np.float32]:
    probabilities = softmax(logits(20))
    probabilities[7, 2] = np.nan
    return probabilities


def _with_inf() -> NDArray[np.float32]:
    probabilities = softmax(logits(20))
    probabilities[7, 2] = np.inf
    return probabilities


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        (logits(20).numpy(), "of image 0 sum to .* not logits"),
        (_with_nan(), "of image 7 sum to nan"),
        (_with_inf(), "of image 7 sum to inf"),
        (np.array([[0.5, 0.5], [1.5, -0.5]], np.float32), "of image 1 sum to 1, the lowest is -0.5"),
        (np.eye(10, dtype=np.int64), r"float \[N, K\], these are int64 \[10, 10\]"),
        (np.ones(10, np.float32), r"these are float32 \[10\]"),
        (np.zeros((20, 0), np.float32), "of image 0 sum to 0"),
        (softmax(logits(9)), "9 cannot be divided into 10 splits"),
    ],
)
def test_what_is_no_probability_is_refused_in_one_line(bad: NDArray[np.float32], says: str) -> None:
    with pytest.raises(InputError, match=f"^the generated images: .*{says}") as caught:
        inception_score(bad)
    assert "\n" not in str(caught.value)


def test_there_is_at_least_one_split() -> None:
    with pytest.raises(InputError, match="into 0 splits"):
        inception_score(softmax(logits(20)), splits=0)
