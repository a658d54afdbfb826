"""Whatever can be measured, however it is handed over: models, runs, data sets of other programs, arrays."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from digitsmith.assess import evaluate, generated_images
from digitsmith.data.digits import Digits
from digitsmith.data.mnist import load_mnist
from digitsmith.data.stacked import stack_digits
from digitsmith.drawing.loading import load
from digitsmith.errors import InputError
from digitsmith.measure import own_reader
from digitsmith.measure.evaluation import Evaluator
from digitsmith.measure.mode_evaluation import evaluate_modes

REAL = load_mnist("train").take(np.random.default_rng(1).permutation(60_000)[:600])
UNSEEN = load_mnist("test").take(np.arange(5000, 5300))


def test_a_model_draws_what_is_measured() -> None:
    found = evaluate("cgan", against=REAL, test=UNSEEN, count=300, only=["fidelity", "labels"])
    assert found.subject == "cgan"
    assert found["fd"].images == 300
    assert found["read_as_asked"].generated is not None and found["read_as_asked"].generated.value > 0.95
    assert found.facts["drawing_seed"] == 0 and len(found.facts["weights_sha256"]) == 64
    at_hand = evaluate(load("cgan"), against=REAL, test=UNSEEN, count=300, only=["fidelity", "labels"])
    assert at_hand["fd"] == found["fd"]


def test_a_model_is_asked_for_each_class_as_often_as_the_real_images_have_it() -> None:
    uneven = REAL.take(np.flatnonzero((REAL.labels != 3) & ((REAL.labels != 7) | (np.arange(600) % 2 == 0))))
    drawn = generated_images("cgan", count=200, like=uneven)
    assert drawn.labels is not None
    exact = 200 * uneven.counts / len(uneven)
    assert np.abs(np.bincount(drawn.labels, minlength=10) - exact).max() < 1
    evens = Digits(REAL.images, REAL.labels % 2, ("even", "odd"))
    of_other_names = generated_images("cgan", count=200, like=evens)
    assert of_other_names.labels is not None and np.bincount(of_other_names.labels).tolist() == [20] * 10


def test_a_run_is_measured_from_its_folder(trained_run: Path) -> None:
    generated = generated_images(trained_run, count=20)
    assert generated.images.shape == (20, 1, 28, 28)
    assert generated.labels is not None and generated.labels.tolist() == list(range(10)) * 2
    assert generated.facts["images_seen"] == 1280


def test_a_folder_of_loose_pictures_is_measured_without_labels(tmp_path: Path) -> None:
    for number, image in enumerate(REAL.images[:150]):
        Image.fromarray(image[0]).save(tmp_path / f"{number}.png")
    found = evaluate(tmp_path, against=REAL, test=UNSEEN, only=["fidelity"])
    assert found["fd"].generated is not None and found["fd"].images == 150
    with pytest.raises(InputError, match="has no labels, which labels needs"):
        evaluate(tmp_path, against=REAL, test=UNSEEN, only=["labels"])


def test_arrays_are_measured_with_and_without_a_channel() -> None:
    flat, full = (
        evaluate(images, labels=REAL.labels[:200], against=REAL, test=UNSEEN, only=["labels"])
        for images in (REAL.images[:200, 0], REAL.images[:200])
    )
    assert flat["read_as_asked"] == full["read_as_asked"]
    with pytest.raises(InputError, match="200 images need 200"):
        evaluate(REAL.images[:200], labels=REAL.labels[:199], against=REAL, only=["labels"])
    with pytest.raises(InputError, match="uint8"):
        evaluate(REAL.images[:200].astype(np.float32), against=REAL, only=["fidelity"])


def test_labels_are_matched_by_the_names_of_their_classes(tmp_path: Path) -> None:
    """A set of class folders without a 0 numbers its folders from 0 all the same."""
    from digitsmith.api import make

    make(out=tmp_path / "set", counts=dict.fromkeys(range(1, 10), 20))
    found = evaluate(tmp_path / "set", against=REAL, test=UNSEEN, only=["labels"])
    assert found["read_as_asked"].generated is not None and found["read_as_asked"].generated.value > 0.95
    assert found.confusion is not None and found.confusion[0].sum() == 0
    letters = Digits(REAL.images[:200], REAL.labels[:200] % 2, ("even", "odd"))
    with pytest.raises(InputError, match="class 'even'"):
        evaluate(letters, against=REAL, test=UNSEEN, only=["labels"])


def test_other_sizes_are_resized_only_when_asked() -> None:
    large = np.kron(REAL.images[:200], np.ones((1, 1, 2, 2), np.uint8))
    with pytest.raises(InputError, match="--resize"):
        evaluate(large, against=REAL, test=UNSEEN, only=["fidelity"])
    found = evaluate(large, labels=REAL.labels[:200], against=REAL, test=UNSEEN, resize=True, only=["labels"])
    assert found["read_as_asked"].generated is not None and found["read_as_asked"].generated.value > 0.95
    assert found.facts["resized"] is True


def test_a_part_of_a_set_is_chosen_by_the_seed() -> None:
    first, again, other = (generated_images(REAL, count=50, seed=seed).images for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
    with pytest.raises(InputError, match="ask for 1 to 600"):
        generated_images(REAL, count=601)
    with pytest.raises(InputError, match="ask for 1 to 600"):
        generated_images(REAL, count=0)


def test_a_test_set_of_another_size_is_resized_too_when_asked() -> None:
    large = replace(UNSEEN, images=np.kron(UNSEEN.images, np.ones((1, 1, 2, 2), np.uint8)))
    asked = {"labels": REAL.labels[:200], "against": REAL, "test": large, "only": ["labels"]}
    found = evaluate(REAL.images[:200], resize=True, **asked)
    assert found["read_as_asked"].test is not None and found["read_as_asked"].test.value > 0.95
    with pytest.raises(InputError, match="--resize"):
        evaluate(REAL.images[:200], **asked)


def test_the_part_that_is_chosen_is_not_the_floor() -> None:
    """Both were the same stream's permutation: training images, measured as generated ones, were their own floor."""
    found = evaluate(REAL, against=REAL, test=UNSEEN, count=300, only=["fidelity"])
    assert found["fd"].images == 300
    assert found["fd"].generated != found["fd"].held_out


def test_a_test_set_is_counted_as_the_training_images_are() -> None:
    """Class folders without a 0 number the others from 0."""
    some = UNSEEN.take(np.flatnonzero(UNSEEN.labels > 0))
    shifted = Digits(some.images, some.labels - 1, UNSEEN.classes[1:])
    found = evaluate(REAL.take(np.arange(150)), against=REAL, test=shifted, only=["labels"])
    assert found["read_as_asked"].test is not None and found["read_as_asked"].test.value > 0.95
    with pytest.raises(InputError, match="class 'even'"):
        letters = Digits(UNSEEN.images, UNSEEN.labels % 2, ("even", "odd"))
        evaluate(REAL.take(np.arange(150)), against=REAL, test=letters, only=["labels"])
    with pytest.raises(InputError, match="different classes"):
        Evaluator(REAL, shifted)


def test_the_shipped_reader_is_not_asked_for_classes_that_are_no_digits(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Ten classes need not be the ten digits, and "eight" comes before "one" in a folder."""
    monkeypatch.setenv("DIGITSMITH_CACHE", str(tmp_path))
    monkeypatch.setattr(own_reader, "STEPS", 2)
    clothes = Digits(REAL.images, REAL.labels, tuple("abcdefghij"))
    found = evaluate(clothes.take(np.arange(150)), against=clothes, only=["labels"])
    assert (found["read_as_asked"].network or "").startswith("reader of memory, ")


def test_too_little_for_recognisers_leaves_the_other_figures() -> None:
    halves = REAL.labels * 2 + np.arange(len(REAL)) % 2
    many = Digits(REAL.images, halves, tuple(f"{label:02d}" for label in range(20)))
    found = evaluate(many.take(np.arange(150)), against=many, test=many.take(np.arange(200)), only=["usefulness"])
    assert found["cas"].generated is None and "at least 200 images" in found["cas"].note
    lacking = REAL.take(np.flatnonzero(REAL.labels != 7))
    found = evaluate(lacking.take(np.arange(150)), against=lacking, test=UNSEEN, only=["usefulness"])
    assert found["cas"].generated is None and "every class" in found["cas"].note


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"seed": -1}, "seed must be"),
        ({"only": []}, "no family of figures is asked for"),
        ({"against": "stacked-mnist", "only": ["style"]}, "modes alone"),
        ({"subject": REAL, "labels": [1, 2]}, "for an array of images only"),
        ({"subject": "cgan", "count": 0}, "at least 1"),
        ({"subject": "a" * 300}, "a" * 30),
    ],
)
def test_what_was_a_traceback_or_passed_over_is_one_line(asked: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words) as error:
        evaluate(**({"subject": REAL.images[:150], "against": REAL, "only": ["fidelity"]} | asked))
    assert "\n" not in str(error.value)


def test_labels_may_be_any_sequence_of_whole_numbers() -> None:
    found = generated_images(REAL.images[:3], labels=[int(label) for label in REAL.labels[:3]])
    np.testing.assert_array_equal(found.labels, REAL.labels[:3])


def test_stacks_are_measured_by_their_modes() -> None:
    training, test = (stack_digits(digits, count=1200, seed=0) for digits in (REAL, UNSEEN))
    narrow = stack_digits(REAL.take(np.flatnonzero(REAL.labels < 3)), count=1200, seed=1)
    found = evaluate_modes(narrow.images, training, test, name="three digits")
    modes, kl = found["modes"], found["mode_kl"]
    assert modes.generated is not None and modes.test is not None and kl.generated is not None and kl.test is not None
    assert modes.generated.value <= 40 < modes.test.value  # 27, and a few misread
    assert kl.generated.value > 3 > kl.test.value
    with pytest.raises(InputError, match="cannot cover"):
        evaluate_modes(narrow.images[:999], training, test, name="few")
    with pytest.raises(InputError, match=r"\[3, 28, 28\]|--resize"):
        evaluate_modes(REAL.images, training, test, name="gray")


def test_a_report_is_written_whole_and_over_an_earlier_one(tmp_path: Path) -> None:
    for count in (200, 300):
        images, labels = REAL.images[:count], REAL.labels[:count]
        found = evaluate(images, labels=labels, against=REAL, test=UNSEEN, only=["labels"], report=tmp_path / "r")
        assert {"index.html", "evaluation.json", "figures"} <= {path.name for path in (tmp_path / "r").iterdir()}
        assert json.loads((tmp_path / "r" / "evaluation.json").read_text()) == found.to_dict()


def test_a_report_is_not_written_over_another_page(tmp_path: Path) -> None:
    """As that of the run which is evaluated: `digitsmith evaluate runs/mine --report runs/mine`."""
    (tmp_path / "index.html").write_text("how it was trained")
    with pytest.raises(InputError, match="another page"):
        evaluate(REAL.images[:200], labels=REAL.labels[:200], against=REAL, report=tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["index.html"]
