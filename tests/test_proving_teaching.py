"""What two arms of a seed have in common, and what their batches are made of."""

from __future__ import annotations

from itertools import islice

import numpy as np
import pytest
import torch

from digitsmith.data.digits import Digits
from digitsmith.data.reading import read_digits
from digitsmith.measure.recogniser import shuffled
from digitsmith.proving.delivery import mix_of, write_mix
from digitsmith.proving.pools import generated_per_class
from digitsmith.proving.teaching import BATCH, Examined, Lesson, _batches, examine, moves_of, teach
from digitsmith.training.batches import to_float
from proofs import CLASSES, digits


@pytest.fixture(scope="module")
def few() -> Digits:
    return digits(0, 5)


@pytest.fixture(scope="module")
def drawn() -> Digits:
    return digits(20_000, 40)


@pytest.mark.parametrize("share", [0.25, 0.5, 0.75])
def test_real_images_come_in_the_same_order_whatever_stands_beside_them(
    few: Digits, drawn: Digits, share: float
) -> None:
    order = shuffled(len(few), BATCH, seed=3)
    expected = torch.cat([next(order) for _ in range(4)])
    real = round((1 - share) * BATCH)
    batches = list(islice(_batches(few, Lesson(share=share), drawn, seed=3), 4))
    seen = torch.cat([images[:real] for images, _ in batches])
    as_they_are = to_float(torch.from_numpy(few.images)[expected[: len(seen)]]).add(1).div(2)
    torch.testing.assert_close(seen, as_they_are, atol=1e-6, rtol=0)
    generated = {image.tobytes() for image in drawn.images}
    for images, labels in batches:
        assert images.shape == (BATCH, 1, 28, 28) and labels.shape == (BATCH,)
        others = (images[real:] * 255).round().to(torch.uint8).numpy()
        assert all(image.tobytes() in generated for image in others)


def test_moves_are_multiples_of_the_digit_safe_ones(few: Digits) -> None:
    assert moves_of(0.0).is_identity and moves_of(2.0).rotate_deg == 2 * moves_of(1.0).rotate_deg
    still, moved, again = (next(_batches(few, Lesson(strength), None, seed=0))[0] for strength in (0.0, 1.0, 1.0))
    assert torch.equal(moved, again) and not torch.equal(still, moved)
    assert moved.min() >= -1e-6 and moved.max() <= 1 + 1e-6


def test_a_recogniser_follows_from_its_seed_alone(few: Digits, drawn: Digits) -> None:
    lesson = Lesson(1.0, 0.5)
    one, again, other = (teach(few, lesson, drawn, seed=seed, steps=2) for seed in (0, 0, 1))
    assert all(map(torch.equal, one.state_dict().values(), again.state_dict().values()))
    assert not torch.equal(one.classes.weight, other.classes.weight)
    assert not one.training


def test_it_learns_and_is_examined(few: Digits) -> None:
    taught, fresh = teach(few, Lesson(), seed=0, steps=60), teach(few, Lesson(), seed=0, steps=1)
    good, bad = examine(taught, few), examine(fresh, few)
    assert good.right > bad.right and good.cross_entropy < bad.cross_entropy and good.images == len(few)
    assert Examined(1, 2, 0.5) + Examined(3, 6, 0.1) == Examined(4, 8, pytest.approx(0.2))


@pytest.mark.parametrize("per_class", [3, 10, 30, 100, 1000])
def test_every_share_is_that_of_a_set_with_whole_copies(per_class: int) -> None:
    generated = generated_per_class(per_class)
    assert generated >= 1000 and generated % (3 * per_class) == 0


@pytest.mark.parametrize("lesson", [Lesson(), Lesson(1.5), Lesson(0.0, 0.25), Lesson(1.0, 0.5), Lesson(0.5, 0.75)])
def test_the_set_on_the_disk_has_the_arms_share(few: Digits, lesson: Lesson, tmp_path) -> None:
    labels = np.tile(np.arange(CLASSES), generated_per_class(5))
    source = digits(20_000, 40)
    own = [np.flatnonzero(source.labels == label)[0] for label in labels]
    generated = Digits(source.images[own], labels, few.classes, "drawn") if lesson.share else None
    mix = mix_of(few, lesson, generated, per_class=5, seed=0)
    read = read_digits(write_mix(tmp_path / "set", mix, format="npz", manifest={}) / "digits.npz")
    assert len(read) == mix.real * mix.copies + mix.generated and mix.real == len(few)
    assert mix.generated / len(read) == pytest.approx(lesson.share)
    assert (read.images[: mix.real] == few.images).all() and (read.labels[: mix.real] == few.labels).all()
    assert len(set(read.counts.tolist())) == 1
    known = {image.tobytes() for image in few.images} | {image.tobytes() for image in source.images}
    moved = sum(image.tobytes() not in known for image in read.images)
    assert (moved == 0) if not lesson.strength else (moved > 0.9 * (len(read) - mix.real))
    if not lesson.strength and not lesson.share:
        assert mix.copies == 1
