"""Whatever can be measured, however it is handed over: models, runs, data sets of other programs, arrays."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from digitsmith.assess import evaluate, generated_images
from digitsmith.data.digits import Digits
from digitsmith.data.mnist import load_mnist
from digitsmith.data.stacked import stack_digits
from digitsmith.drawing.model import load
from digitsmith.errors import InputError
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


def test_a_report_is_written_whole(tmp_path: Path) -> None:
    evaluate(
        REAL.images[:200], labels=REAL.labels[:200], against=REAL, test=UNSEEN, only=["labels"], report=tmp_path / "r"
    )
    assert {"index.html", "evaluation.json", "figures"} <= {path.name for path in (tmp_path / "r").iterdir()}
