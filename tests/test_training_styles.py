"""The training images' styles: measured once, given to the batches, kept in the networks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from digitsmith.config import Augmentation, TrainSettings
from digitsmith.data.digits import Digits
from digitsmith.errors import ConfigError, InputError
from digitsmith.measure.morphometry import measure_style
from digitsmith.models.penman import PenmanGenerator
from digitsmith.training.batches import BatchSource
from digitsmith.training.loop import fixed_noise_grid, prepared
from digitsmith.training.machine import resolve
from digitsmith.training.observers import Observer
from digitsmith.training.relativistic import StyledBatch
from digitsmith.training.styles import training_styles

Settings = Callable[..., TrainSettings]


pytestmark = pytest.mark.usefixtures("own_cache")


def styled(source: BatchSource, step: int) -> StyledBatch:
    batch = source.batch(step)
    assert isinstance(batch, StyledBatch)
    return batch


def test_each_generated_image_is_asked_for_a_real_ones_class_and_style(few_digits: Digits, quick: Settings) -> None:
    settings = quick("penman", batch_size=32)
    _, source = prepared(resolve(settings), few_digits, Observer())
    batch, chosen = styled(source, 3), source.indices(3 * 32, 32).numpy()
    measured = measure_style(few_digits.images[chosen])
    assert torch.equal(batch.fake_labels, torch.from_numpy(few_digits.labels[chosen]))
    columns = (measured.thickness_px, measured.slant_deg, measured.width_px, measured.height_px)
    for column, values in enumerate(columns):
        np.testing.assert_allclose(batch.style[:, column].numpy(), values, rtol=1e-6)


def test_the_networks_keep_the_styles_of_the_training_images(few_digits: Digits, quick: Settings) -> None:
    settings = resolve(quick("penman"))
    state, _ = prepared(settings, few_digits, Observer())
    styles = training_styles(few_digits)
    generator, averaged = state.players.generator, state.averaged.network
    assert isinstance(generator, PenmanGenerator) and isinstance(averaged, PenmanGenerator)
    for network in (generator, averaged, state.players.discriminator):
        torch.testing.assert_close(network.style_mean, styles.mean(0))
        torch.testing.assert_close(network.style_deviation, styles.std(0, correction=0))
    assert torch.equal(generator.style_table, averaged.style_table)
    for label in range(10):
        of_class = {tuple(row) for row in styles[torch.from_numpy(few_digits.labels) == label].tolist()}
        in_table = {tuple(row) for row in generator.style_table[label].tolist()}
        assert in_table <= of_class and len(in_table) > 0.9 * len(of_class)
    other, _ = prepared(resolve(quick("penman", seed=1)), few_digits, Observer())
    assert not torch.equal(other.players.generator.get_buffer("style_table"), generator.style_table)


def test_a_class_of_many_images_has_none_twice_in_the_table(
    quick: Settings, few_digits: Digits, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("digitsmith.style._STYLES", 1000)
    twice = Digits(np.concatenate([few_digits.images] * 2), np.zeros(1280, np.int64), ("all",))
    rng = np.random.default_rng(0)
    twice.images[:] = np.maximum(twice.images, rng.integers(0, 60, twice.images.shape, dtype=np.uint8))  # no two alike
    state, _ = prepared(resolve(quick("penman")), twice, Observer())
    table = state.players.generator.get_buffer("style_table")[0]
    assert len({tuple(row) for row in table.tolist()}) == 1000


def test_styles_are_measured_once_and_progress_is_told(
    few_digits: Digits, quick: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DIGITSMITH_CACHE", str(tmp_path))

    class Told(Observer):
        def __init__(self) -> None:
            self.rows: list[tuple[int, int]] = []

        def measuring_styles(self, done: int, total: int) -> None:
            self.rows.append((done, total))

    first, second = Told(), Told()
    for told in (first, second):
        prepared(resolve(quick("penman")), few_digits, told)
    assert first.rows[-1] == (640, 640) and len(first.rows) > 5
    assert second.rows == []


def test_a_blank_image_has_its_classes_mean_style() -> None:
    images = np.zeros((6, 1, 28, 28), np.uint8)
    for image, thickness in ((0, 2), (1, 4), (3, 6)):
        images[image, 0, 4:24, 10 : 10 + thickness] = 255
    digits = Digits(images, np.array([0, 0, 0, 1, 1, 2]), ("a", "b", "c"))
    styles = training_styles(digits)
    torch.testing.assert_close(styles[2], styles[:2].mean(0))
    assert torch.equal(styles[4], styles[3])
    torch.testing.assert_close(styles[5], styles[[0, 1, 3]].mean(0))  # a class without ink has that of all
    with pytest.raises(InputError, match="nothing is drawn on any image"):
        training_styles(Digits(np.zeros_like(images), digits.labels, digits.classes))


def test_colour_images_are_measured_on_the_mean_of_their_channels(few_digits: Digits) -> None:
    gray = few_digits.take(np.arange(30))
    colour = Digits(np.repeat(gray.images, 3, axis=1), gray.labels, gray.classes)
    assert torch.equal(training_styles(colour), training_styles(gray))


def test_a_sample_grid_has_each_classes_own_styles_down_its_column(few_digits: Digits, quick: Settings) -> None:
    settings = resolve(quick("penman"))
    state, _ = prepared(settings, few_digits, Observer())
    asked: list[tuple[Tensor, ...]] = []
    state.averaged.network.register_forward_pre_hook(lambda module, args: asked.append(args))
    assert fixed_noise_grid(state.averaged.network, settings, few_digits).shape == (10, 10, 1, 28, 28)
    (_, labels, style), table = asked[0], state.averaged.network.get_buffer("style_table")
    assert labels[34] == 4 and torch.equal(style[34], table[4, 3])


def test_moves_that_would_change_the_style_are_refused(few_digits: Digits, quick: Settings) -> None:
    for move in ({"rotate_deg": 5.0}, {"scale": 0.1}, {"elastic_px": 1.0}, {"flip": True}):
        moved = Augmentation(shift_px=2.0, **move)
        with pytest.raises(ConfigError, match="measured before training") as caught:
            quick("penman", augmentation=moved, style="strokes")
        assert "\n" not in str(caught.value)
        with pytest.raises(ConfigError, match="--style none"):  # the images say it, where nobody did
            prepared(resolve(quick("penman", augmentation=moved)), few_digits, Observer())
        assert quick("penman", augmentation=moved, style="none").augmentation == moved
    settings = resolve(quick("penman", augmentation=Augmentation(shift_px=2.0)))
    assert styled(prepared(settings, few_digits, Observer())[1], 0).real.shape == (64, 1, 28, 28)
