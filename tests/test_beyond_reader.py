"""Data that the shipped reader cannot read is judged by a reader of its own, which every figure names."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from beyond_data import CLOTHES, photographs
from digitsmith.assess import evaluate
from digitsmith.data.digits import Digits
from digitsmith.data.mnist import load_mnist
from digitsmith.errors import InputError
from digitsmith.measure import own_reader as room
from digitsmith.measure.evaluation import Evaluator
from digitsmith.measure.own_reader import own_reader, shipped_reader_reads, unlearned
from digitsmith.measure.protocol import LARGEST_SEAT
from digitsmith.measure.reader import READER, answers_of
from digitsmith.measure.results import Evaluation
from digitsmith.presets import settings_for
from digitsmith.report.evaluation_page import write_evaluation_page
from digitsmith.training.loop import train_gan

DIGITS = load_mnist("train").take(np.arange(1000))  # now, before a test has a cache of its own that lacks it
SHAPE = (3, 16, 16)
PICTURES = photographs(1200, SHAPE)
UNSEEN = replace(photographs(600, SHAPE, seed=1), source="photographs (test)")
STEPS = 40


@pytest.fixture(scope="module", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    cache = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DIGITSMITH_CACHE", str(cache))
        patch.setattr(room, "STEPS", STEPS)
        yield cache


@pytest.fixture(scope="module")
def evaluator() -> Evaluator:
    return Evaluator(PICTURES, UNSEEN, seeds=(0,), steps=20)


@pytest.fixture(scope="module")
def measured(evaluator: Evaluator) -> Evaluation:
    """Every family of other photographs."""
    other = photographs(600, SHAPE, seed=2)
    return evaluator.evaluate(other.images, other.labels)


def share_read(digits: Digits) -> float:
    _, probabilities = answers_of(own_reader(PICTURES), digits.images)
    return float((probabilities.argmax(1) == digits.labels).mean())


def test_the_shipped_reader_judges_the_digits_that_it_can_read() -> None:
    assert shipped_reader_reads(DIGITS)
    assert not shipped_reader_reads(replace(DIGITS, labels=(DIGITS.labels + 1) % 10))  # clothes by number, say
    assert not shipped_reader_reads(replace(DIGITS, classes=CLOTHES))
    assert not shipped_reader_reads(replace(DIGITS, images=DIGITS.images.repeat(3, axis=1)))
    assert not shipped_reader_reads(replace(DIGITS, images=255 - DIGITS.images))


def test_a_reader_of_its_own_learns_to_read_the_data_and_is_kept(_own_cache: Path) -> None:
    told: list[tuple[int, int]] = []
    first = own_reader(PICTURES, on_progress=lambda done, total: told.append((done, total)))
    assert told == [(step, STEPS) for step in range(1, STEPS + 1)]
    again = own_reader(PICTURES, on_progress=lambda done, total: told.append((done, total)))
    assert len(told) == STEPS  # not trained a second time
    images = UNSEEN.images[:50]
    for one, other in zip(answers_of(first, images), answers_of(again, images), strict=True):
        assert np.array_equal(one, other)
    assert share_read(UNSEEN) > 0.5
    assert len(list((_own_cache / "readers").iterdir())) == 1


def test_other_data_gets_another_reader_and_damage_is_made_good(_own_cache: Path) -> None:
    own_reader(PICTURES)
    (kept,) = (_own_cache / "readers").iterdir()
    whole = kept.read_bytes()
    own_reader(replace(PICTURES, labels=PICTURES.labels[::-1].copy()), steps=1)
    assert len(list((_own_cache / "readers").iterdir())) == 2
    for damaged in (whole[:1000], b""):
        kept.write_bytes(damaged)
        told: list[int] = []
        own_reader(PICTURES, on_progress=lambda done, total, told=told: told.append(done))
        assert len(told) == STEPS and kept.read_bytes() == whole


def test_its_training_leaves_other_random_numbers_alone() -> None:
    import torch

    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    own_reader(photographs(40), steps=2)
    assert torch.equal(torch.rand(3), expected)


def test_it_learns_from_none_of_the_held_out_images(evaluator: Evaluator) -> None:
    assert len(unlearned(1201)) == 600 and len(unlearned(70_000)) == LARGEST_SEAT
    assert np.array_equal(unlearned(70_000), np.unique(unlearned(70_000)))
    spoiled = PICTURES.images.copy()
    spoiled[unlearned(1200)] = 0
    learned_from: list[np.ndarray] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(room, "_train", lambda reader, digits, **how: learned_from.append(digits.images))
        own_reader(PICTURES, steps=3)
    seen = {image.tobytes() for image in learned_from[0]}
    assert len(seen) == 600 and not seen & {image.tobytes() for image in PICTURES.images[unlearned(1200)]}
    for seat in (150, 600):
        reference = evaluator._reference(seat)
        assert reference.new_to_reader and len(reference.held_out) == seat and len(reference.rest) == 1200 - seat
        assert not seen & {image.tobytes() for image in reference.held_out.images}


def test_every_figure_names_it_and_stands_beside_both_floors(measured: Evaluation) -> None:
    found = measured
    name = f"reader of photographs, {100 * share_read(UNSEEN):.1f} % of its test set"
    resting = {"fd", "kid", "two_sample", "is", "precision", "recall", "density", "coverage", "read_as_asked"}
    assert {one.key for one in found.measurements if one.network == name} == resting
    assert not [one.key for one in found.measurements if one.network == READER]
    assert found.facts["network"] == name and len(found.facts["reader_sha256"]) == 64
    for one in found.measurements:
        if one.key in resting:
            assert one.generated is not None and one.held_out is not None and one.test is not None, one.key
    read, distance = found["read_as_asked"], found["fd"]
    assert read.generated is not None and read.held_out is not None and read.test is not None
    assert 0.5 < read.generated.value <= 1 and abs(read.generated.value - read.test.value) < 0.1
    assert distance.generated is not None and distance.held_out is not None
    assert distance.generated.low < distance.held_out.high and distance.held_out.low < distance.generated.high
    assert found.confusion is not None and found.confusion.shape == (10, 10) and found.classes == PICTURES.classes
    assert found["cas"].generated is not None and found["closeness"].generated is not None


def test_a_broken_generator_of_photographs_shows(evaluator: Evaluator) -> None:
    other = photographs(600, SHAPE, seed=2)
    noise = np.random.default_rng(0).integers(0, 256, other.images.shape, dtype=np.uint8)
    sane, shifted, broken = (
        evaluator.evaluate(images, labels, only=("fidelity", "diversity", "labels"))
        for images, labels in (
            (other.images, other.labels),
            (other.images, (other.labels + 1) % 10),
            (noise, other.labels),
        )
    )

    def value(found, key):
        return found[key].generated.value

    assert value(shifted, "read_as_asked") < 0.2 < value(sane, "read_as_asked")
    assert value(broken, "fd") > 5 * value(sane, "fd") and value(broken, "coverage") < 0.5 * value(sane, "coverage")


def test_photographs_have_no_strokes_to_measure_and_no_reader_is_trained_for_them(_own_cache: Path) -> None:
    fresh = photographs(300, seed=8)
    evaluator, before = Evaluator(fresh, None), set((_own_cache / "readers").glob("*"))
    found = evaluator.evaluate(photographs(150, seed=9).images, only=("style", "novelty"))
    assert found["style"].generated is None and "not drawn in strokes" in found["style"].note
    assert set((_own_cache / "readers").glob("*")) == before
    assert found.facts["network"] == "reader of photographs, not needed" and "reader_sha256" not in found.facts


def test_without_a_test_set_its_share_is_of_images_new_to_it() -> None:
    evaluator = Evaluator(PICTURES, None)
    share = 100 * share_read(PICTURES.take(unlearned(1200)))
    assert evaluator.reader_name == f"reader of photographs, {share:.1f} % of training images new to it"


def test_strokes_in_colour_have_a_style() -> None:
    colour = replace(DIGITS, images=np.concatenate([DIGITS.images, DIGITS.images // 2, 0 * DIGITS.images], axis=1))
    found = Evaluator(colour, None).evaluate(colour.images[:200], colour.labels[:200], only=("style",))
    assert found["thickness_px"].generated is not None and found["thickness_px"].generated.value < 0.3


def test_the_page_speaks_of_no_writers(measured: Evaluation, tmp_path: Path) -> None:
    page = write_evaluation_page(tmp_path, measured).read_text()
    assert "reader of photographs, " in page and "was seen by no generator" in page
    for words in ("other people", "reader-1", "hands can write", "real digits", "digits 0 to 9"):
        assert words not in page


def test_too_small_images_are_one_line() -> None:
    tiny = photographs(300, (1, 8, 8))
    with pytest.raises(InputError, match="a reader needs images of at least 12x12 px") as error:
        Evaluator(tiny, None).evaluate(tiny.images[:150], only=("fidelity",))
    assert "\n" not in str(error.value)


def test_a_run_is_measured_against_what_it_was_trained_on(tmp_path: Path) -> None:
    """Never against MNIST because its images are not at hand."""
    from digitsmith.drawing.writers import write_data_set

    data = photographs(300, (1, 28, 28), tuple("0123456789"))
    chunks = [(data.images, data.labels)]
    write_data_set(tmp_path / "set", chunks, format="npz", classes=data.classes, count=300, manifest={})
    asked = {"batch_size": 64, "epochs": 0.5, "threads": 1, "data": str(tmp_path / "set")}
    from digitsmith.data.reading import read_digits

    train_gan(settings_for("cgan-mlp", overrides=asked), read_digits(tmp_path / "set"), out=tmp_path / "run")
    found = evaluate(tmp_path / "run", count=150, only=["style"])
    assert found.against == read_digits(tmp_path / "set").source
    (tmp_path / "set").rename(tmp_path / "elsewhere")
    with pytest.raises(InputError, match="not at hand as they were; say with --against") as error:
        evaluate(tmp_path / "run", count=150, only=["style"])
    assert "\n" not in str(error.value)
    write_data_set(
        tmp_path / "set", [(data.images[::-1], data.labels)], format="npz", classes=data.classes, count=300, manifest={}
    )
    with pytest.raises(InputError, match="not at hand as they were"):
        evaluate(tmp_path / "run", count=150, only=["style"])


def test_images_of_other_programs_are_not_measured_against_mnist_unasked() -> None:
    with pytest.raises(InputError, match="say with --against which real images"):
        evaluate(PICTURES.images[:150], only=["fidelity"])
