"""Evaluations made up for the tests of the pages: real digits, and figures such as a small GAN has."""

from __future__ import annotations

from functools import cache
from math import nan

import numpy as np

from digitsmith.data.mnist import load_mnist
from digitsmith.measure.estimate import Estimate, seeds_estimate, share_estimate, within_standard_error
from digitsmith.measure.results import Evaluation, Measurement, Pairs

TEN = tuple(str(digit) for digit in range(10))
BOOTSTRAP = "95 %, bootstrap over images"


def about(value, margin):
    return Estimate(value, value - margin, value + margin, BOOTSTRAP)


@cache
def digits(split="train"):
    """The first 2,000 real images."""
    return load_mnist(split).take(np.arange(2000))


def real_grid(rows=10, split="train", start=0):
    """uint8 [rows, 10, 1, 28, 28]: real digits, a column per class."""
    known = digits(split)
    places = [np.flatnonzero(known.labels == label)[start : start + rows] for label in range(10)]
    return known.images[np.stack(places, axis=1)]


def drawn_grid(rows=10, seed=0):
    """As `real_grid`, shifted by a pixel and with specks, as if a generator had drawn them."""
    grid = np.roll(real_grid(rows, split="test"), 1, axis=4).astype(int)
    specks = np.random.default_rng(seed).normal(0, 18, grid.shape)
    return np.clip(grid + np.where(grid > 0, specks, 0), 0, 255).astype(np.uint8)


def measurements(worse=1.0, images=10_000):
    """Figures of every family; `worse` multiplies how far they are from the floor."""
    share = 1 - 0.021 * worse
    common = {"network": "reader-1", "images": images, "reference_images": 50_000}
    return [
        Measurement(
            "fid", "FID", "Fidelity", "lower", network="inception-2015", images=images, reference_images=50_000,
            note="Inception's weights are not here; digitsmith evaluate --inception-weights PATH names them",
        ),
        Measurement(
            "fd", "Fréchet distance", "Fidelity", "lower", **common, generated=about(0.297 + 0.33 * worse, 0.024),
            held_out=about(0.297, 0.011), test=about(0.811, 0.037), everything=about(0.31 + 0.27 * worse, 0.009),
            everything_images=50_000, everything_reference=60_000,
        ),
        Measurement(
            "kid", "Kernel distance (KID)", "Fidelity", "lower", **common,
            generated=about(0.00123 * worse, 0.00011), held_out=about(-0.0000021, 0.000013), test=about(0.0021, 0.0001),
        ),
        Measurement(
            "precision", "Precision", "Diversity", "higher", unit="%", **common,
            generated=share_estimate(9712 - int(400 * worse), 10_000), held_out=share_estimate(9655, 10_000),
            test=share_estimate(9311, 10_000),
        ),
        Measurement(
            "recall", "Recall", "Diversity", "higher", unit="%", **common,
            generated=share_estimate(9498, 10_000), held_out=share_estimate(9511, 10_000),
            test=share_estimate(9480, 10_000),
        ),
        Measurement(
            "density", "Density", "Diversity", "higher", **common, generated=about(1.09, 0.006),
            held_out=about(1.00, 0.006), test=about(0.95, 0.007),
        ),
        Measurement(
            "read-as-asked", "Read as asked", "Labels", "higher", unit="%", network="reader-1", images=images,
            generated=share_estimate(int(share * 10_000), 10_000), held_out=share_estimate(9979, 10_000),
            test=share_estimate(9958, 10_000),
        ),
        Measurement(
            "cas", "Classification accuracy score", "Usefulness", "higher", unit="%", network="judge-1",
            images=50_000, generated=seeds_estimate([0.9862 - 0.002 * worse, 0.9855, 0.9871]),
            held_out=seeds_estimate([0.9951, 0.9948, 0.9955]), note="floor: the same network on as many real images",
        ),
        Measurement(
            "thickness", "Thickness", "Style", "lower", unit="px", images=images, reference_images=50_000,
            generated=about(0.21 * worse, 0.013), held_out=about(0.012, 0.005), test=about(0.09, 0.012),
        ),
        Measurement(
            "slant", "Slant", "Style", "lower", unit="deg", images=images, reference_images=50_000,
            generated=about(0.81 * worse, 0.21), held_out=about(0.31, 0.18), test=Estimate(1.2, nan, nan, "one value"),
        ),
        Measurement(
            "nearest", "Distance to the nearest training image", "Novelty", "as the floor", images=images,
            reference_images=50_000, generated=within_standard_error(5.11 + worse, 0.01, spread="95 %, over images"),
            held_out=within_standard_error(5.62, 0.011, spread="95 %, over images"),
            test=within_standard_error(5.60, 0.011, spread="95 %, over images"),
        ),
    ]  # fmt: skip


def confusion(worse=1.0):
    random = np.random.default_rng(3)
    counts = random.poisson(2.4 * worse, (10, 10)) * (random.random((10, 10)) < 0.6)
    counts[4, 9] += int(21 * worse)
    np.fill_diagonal(counts, 0)
    return counts + np.diag(1000 - counts.sum(axis=1))


def class_distances(worse=1.0):
    floors = np.random.default_rng(5).uniform(0.5, 1.1, 10)
    return [
        {
            "name": name,
            "images": 1000,
            "generated": about(floor * (1 + worse * (1 + (3 * place) % 7) / 4), 0.09),
            "held_out": about(floor, 0.05),
            "test": about(2.1 * floor, 0.12),
        }
        for place, (name, floor) in enumerate(zip(TEN, floors, strict=True))
    ]


def style(worse=1.0):
    """Distributions as different as two hands; one blank image has no measure."""
    random = np.random.default_rng(11)
    shapes = {"thickness": (3, 0.6), "slant": (8, 14.0), "width": (14, 3), "height": (19.5, 0.7), "length": (41, 9),
              "area": (104, 31)}  # fmt: skip
    found = {}
    for name, (middle, spread) in shapes.items():
        generated = random.normal(middle + 0.2 * worse * spread, 0.85 * spread, 4000)
        generated[0] = nan
        found[name] = {
            "generated": generated,
            "training": random.normal(middle, spread, 5000),
            "test": random.normal(middle + 0.1 * spread, spread, 5000),
        }
    return found


def pairs(count=10):
    drawn = drawn_grid(4).reshape(-1, 1, 28, 28)[:count]
    training = real_grid(4).reshape(-1, 1, 28, 28)[:count]
    distances = np.sqrt((((drawn.astype(float) - training) / 255) ** 2).sum(axis=(1, 2, 3))).astype(np.float32)
    order = np.argsort(distances)
    indices = np.stack([np.arange(count), 7 * np.arange(count)], axis=1)
    return Pairs(drawn[order], training[order], distances[order], indices[order])


def evaluation(subject="runs/acgan-mnist-seed0", worse=1.0, **changes):
    """An Evaluation with everything a page can show; keywords replace its parts."""
    parts = {
        "measurements": measurements(worse),
        "classes": TEN,
        "confusion": confusion(worse),
        "class_distances": class_distances(worse),
        "pairs": pairs(),
        "samples": drawn_grid(),
        "style": style(worse),
        "facts": {
            "seed": 0,
            "reader": "reader-1",
            "seconds": {"features": 41.2, "all": 163.0},
            "versions": {"torch": "2.13.0"},
        },
    }
    return Evaluation(subject, "mnist (train)", **(parts | changes))
