"""The evaluation as a whole: real images score like real ones, and each way of being broken shows where it should."""

from __future__ import annotations

import json

import numpy as np
import pytest

from digitsmith.data.digits import Digits
from digitsmith.data.mnist import load_mnist
from digitsmith.errors import InputError
from digitsmith.measure.evaluation import FAMILIES, Evaluator
from digitsmith.measure.protocol import LARGEST_SEAT, seat_for
from digitsmith.report.compared_figures import compared_figures

COUNT = 1000
ORDER = np.random.default_rng(0).permutation(60_000)  # MNIST's own order is by writers: its halves differ


@pytest.fixture(scope="module")
def evaluator() -> Evaluator:
    """3,000 real training images to measure against, and 1,000 of the test set."""
    return Evaluator(
        load_mnist("train").take(ORDER[:3000]), load_mnist("test").take(np.arange(5000, 6000)), seeds=(0,), steps=60
    )


@pytest.fixture(scope="module")
def perfect() -> Digits:
    """What a perfect generator would draw: other real training images."""
    return load_mnist("train").take(ORDER[-COUNT:])


def test_what_lacks_labels_is_the_same_figure_as_with_them(evaluator: Evaluator, perfect: Digits) -> None:
    """Compared, it had a row of its own, beside that of the models with labels."""
    with_labels = evaluator.evaluate(perfect.images, perfect.labels, only=("labels",))
    without = evaluator.evaluate(perfect.images, None, only=("labels",))
    ((figure,),) = compared_figures({"gan": without, "cgan": with_labels}).values()
    assert list(figure.values) == ["cgan"] and figure.measurements["gan"].note.startswith("needs labels")
    assert with_labels.facts["with_labels"] and not without.facts["with_labels"]


def test_a_perfect_generator_scores_like_the_floor(evaluator: Evaluator, perfect: Digits) -> None:
    found = evaluator.evaluate(perfect.images, perfect.labels, only=("fidelity", "diversity", "labels", "novelty"))
    distance = found["fd"]
    assert distance.generated is not None and distance.held_out is not None
    assert distance.generated.low < distance.held_out.high and distance.held_out.low < distance.generated.high
    for key, low, high in (("two_sample", 0.45, 0.55), ("closeness", 0.4, 0.6), ("copies", 0.0, 0.03)):
        generated = found[key].generated
        assert generated is not None and low < generated.value < high
    coverage = found["coverage"]
    assert coverage.generated is not None and coverage.held_out is not None
    assert abs(coverage.generated.value - coverage.held_out.value) < 0.06
    read = found["read_as_asked"].generated
    assert read is not None and read.value > 0.99


def test_a_missing_class_shows_in_diversity(evaluator: Evaluator, perfect: Digits) -> None:
    sevens = np.flatnonzero(perfect.labels == 7)
    others = np.flatnonzero(perfect.labels != 7)
    broken = perfect.take(np.concatenate([others, others[: len(sevens)]]))
    whole, lacking = (
        evaluator.evaluate(digits.images, digits.labels, only=("fidelity", "diversity")) for digits in (perfect, broken)
    )
    for key in ("recall", "coverage"):
        before, after = whole[key].generated, lacking[key].generated
        assert before is not None and after is not None
        assert after.value < before.value - 0.05
    row = next(row for row in lacking.class_distances if row["name"] == "7")
    assert row["generated"] is None


def test_one_image_a_class_repeated_shows_in_coverage(evaluator: Evaluator, perfect: Digits) -> None:
    first = np.array([np.flatnonzero(perfect.labels == label)[0] for label in range(10)])
    collapsed = perfect.take(np.tile(first, COUNT // 10))
    found = evaluator.evaluate(collapsed.images, collapsed.labels, only=("diversity", "labels"))
    coverage, read = found["coverage"].generated, found["read_as_asked"].generated
    assert coverage is not None and read is not None
    assert coverage.value < 0.05
    assert read.value == 1.0  # every image is a good digit: labels alone do not see it


def test_labels_shifted_by_one_show_in_the_confusion_and_in_what_they_teach(
    evaluator: Evaluator, perfect: Digits
) -> None:
    shifted = (perfect.labels + 1) % 10
    found = evaluator.evaluate(perfect.images, shifted, only=("labels", "usefulness"))
    read, cas = found["read_as_asked"].generated, found["cas"].generated
    assert read is not None and cas is not None
    assert read.value < 0.02
    assert cas.value < 0.1
    assert found.confusion is not None
    assert (found.confusion.argmax(axis=1) == (np.arange(10) - 1) % 10).all()


def test_copied_training_images_show_in_novelty_alone(evaluator: Evaluator) -> None:
    copied = evaluator.training.take(np.arange(0, 3 * COUNT, 3))
    found = evaluator.evaluate(copied.images, copied.labels, only=("diversity", "labels", "novelty"))
    closeness, copies = found["closeness"].generated, found["copies"].generated
    assert closeness is not None and copies is not None
    assert closeness.value > 0.99
    assert copies.value == 1.0
    assert found.pairs is not None and (found.pairs.distances == 0).all()
    np.testing.assert_array_equal(found.pairs.generated, found.pairs.training)


def test_every_family_has_a_floor_and_the_record_is_json(evaluator: Evaluator, perfect: Digits) -> None:
    found = evaluator.evaluate(perfect.images, perfect.labels, name="perfect", facts={"drawing_seed": 3})
    record = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert record["subject"] == "perfect"
    assert record["facts"]["drawing_seed"] == 3
    for measurement in record["measurements"]:
        if measurement["key"] == "fid":  # its weights are not here, and the note says how to get them
            assert measurement["generated"] is None and "--download-inception" in measurement["note"]
            continue
        assert measurement["generated"]["spread"], measurement["key"]
        assert measurement["held_out"] or measurement["test"], measurement["key"]
        assert measurement["images"] == COUNT


def test_more_images_than_seats_are_measured_besides(evaluator: Evaluator, perfect: Digits) -> None:
    many = load_mnist("train").take(ORDER[-2000:])
    found = evaluator.evaluate(many.images, many.labels, only=("fidelity",))["fd"]
    assert (found.images, found.reference_images) == (1500, 1500)  # half of the reference is the largest seat
    assert (found.everything_images, found.everything_reference) == (2000, 3000)
    assert found.everything is not None and found.generated is not None
    assert found.everything.value < found.generated.value  # fewer images, larger distance


def test_the_same_seed_gives_the_same_figures(evaluator: Evaluator, perfect: Digits) -> None:
    first, second = (evaluator.evaluate(perfect.images, perfect.labels, only=("fidelity", "style")) for _ in range(2))
    assert first.measurements == second.measurements


def test_without_labels_the_figures_that_need_them_say_so(evaluator: Evaluator, perfect: Digits) -> None:
    found = evaluator.evaluate(perfect.images, None, only=tuple(FAMILIES))
    for key in ("read_as_asked", "cas", "gan_test"):
        assert found[key].generated is None and "labels" in found[key].note
    assert found["fd"].generated is not None


def test_without_a_test_set_the_figures_that_need_it_say_so(perfect: Digits) -> None:
    alone = Evaluator(load_mnist("train").take(np.arange(600)), None)
    found = alone.evaluate(perfect.images[:200], perfect.labels[:200], only=("novelty", "usefulness", "labels"))
    for key in ("closeness", "copies", "cas"):
        assert found[key].generated is None and "test set" in found[key].note
    assert found["read_as_asked"].test is None


@pytest.mark.parametrize(
    ("images", "labels", "only", "words"),
    [
        (np.zeros((200, 1, 28, 28), np.uint8), None, ("fidelity",), "the same one"),
        (np.eye(784, dtype=np.uint8)[:50].reshape(50, 1, 28, 28), None, ("fidelity",), "at least 129"),
        (np.zeros((200, 1, 32, 32), np.uint8), None, ("fidelity",), "--resize"),
        (np.zeros((200, 3, 28, 28), np.uint8), None, ("fidelity",), "--resize"),
        (None, None, ("sharpness",), "no family"),
        (None, np.full(200, 11), ("labels",), "11"),
    ],
)
def test_what_cannot_be_measured_is_one_line(
    evaluator: Evaluator,
    perfect: Digits,
    images: np.ndarray | None,
    labels: np.ndarray | None,
    only: tuple[str, ...],
    words: str,
) -> None:
    with pytest.raises(InputError, match=words) as error:
        evaluator.evaluate(perfect.images[:200] if images is None else images, labels, only=only)
    assert "\n" not in str(error.value)


def test_a_seat_is_as_large_as_both_sides_allow() -> None:
    assert seat_for(50_000, 60_000, minimum=129, why="") == LARGEST_SEAT
    assert seat_for(2_000, 60_000, minimum=129, why="") == 2_000
    assert seat_for(2_000, 1_000, minimum=129, why="") == 500
    with pytest.raises(InputError, match="258"):
        seat_for(2_000, 200, minimum=129, why="")
