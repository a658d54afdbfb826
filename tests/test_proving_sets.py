"""Which real images learn, which choose and which test: never the same ones."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from digitsmith.data.digits import Digits
from digitsmith.data.mnist import load_mnist
from digitsmith.errors import InputError
from digitsmith.proving.choosing import Candidate, best, parts_of, turns
from digitsmith.proving.sets import check_per_class, few_of, folds_of, real_sets
from digitsmith.proving.teaching import Examined
from proofs import CLASSES, digits


def together(*sets: Digits) -> set[bytes]:
    return {image.tobytes() for part in sets for image in part.images}


@pytest.fixture(scope="module")
def pool() -> Digits:
    return digits(0, 30)


def test_the_few_are_balanced_and_a_larger_number_begins_with_the_smaller(pool: Digits) -> None:
    ten, thirty, other = few_of(pool, 10, seed=3), few_of(pool, 30, seed=3), few_of(pool, 10, seed=4)
    assert (ten.counts == 10).all() and (thirty.counts == 30).all()
    assert together(ten) < together(thirty) == together(pool)
    assert together(ten) != together(other)
    assert (few_of(pool, 10, seed=3).images == ten.images).all()


@pytest.mark.parametrize("per_class", [3, 10, 11])
def test_every_image_examines_once_and_never_what_has_learned_from_it(pool: Digits, per_class: int) -> None:
    few = few_of(pool, per_class, seed=0)
    folds = folds_of(few, 3)
    assert sorted(np.concatenate([validating for _, validating in folds])) == list(range(len(few)))
    for learning, validating in folds:
        assert not set(learning) & set(validating) and len(learning) + len(validating) == len(few)
        held = np.bincount(few.labels[validating], minlength=CLASSES)
        assert held.min() == held.max() >= per_class // 3


def test_as_many_folds_take_their_turn_as_make_enough_images() -> None:
    assert [turns(images) for images in (100, 300, 301, 449, 450, 900, 10_000)] == [3, 3, 3, 3, 2, 1, 1]
    few = few_of(digits(0, 200), 150, seed=0)
    (first, second) = parts_of(few)
    assert len(first[1]) == len(second[1]) == 150 and not together(first[1]) & together(second[1])


def test_the_best_reads_most_and_of_equals_is_surer() -> None:
    tried = [Candidate(0.5, Examined(90, 100, 0.1)), Candidate(1.0, Examined(91, 100, 0.9))]
    assert best(tried) == 1.0
    assert best([*tried, Candidate(2.0, Examined(91, 100, 0.8))]) == 2.0


def test_data_without_a_test_set_give_a_fifth_of_each_class(pool: Digits) -> None:
    sets = real_sets(pool)
    assert sets.held_out and (sets.test.counts == 6).all() and (sets.pool.counts == 24).all()
    assert not together(sets.test) & together(sets.pool) and together(sets.test, sets.pool) == together(pool)
    assert (real_sets(pool).test.images == sets.test.images).all()
    assert (real_sets(digits(0, 10)).test.counts == 5).all()  # not 2
    with pytest.raises(InputError, match=r"class '0' has 7 images; there is no test set, so 5 of each"):
        real_sets(digits(0, 7))


def test_a_test_set_is_taken_where_there_is_one(pool: Digits, tmp_path: Path) -> None:
    test = digits(30_000, 4)
    path = tmp_path / "mine.npz"
    np.savez(path, x_train=pool.images[:, 0], y_train=pool.labels, x_test=test.images[:, 0], y_test=test.labels)
    sets = real_sets(path)
    assert not sets.held_out and len(sets.pool) == len(pool) and (sets.test.images == test.images).all()
    np.savez(tmp_path / "train.npz", x_train=pool.images[:, 0], y_train=pool.labels)
    assert real_sets(tmp_path / "train.npz").held_out
    assert (real_sets(test, tmp_path / "train.npz").test.images == pool.images).all()  # it marks none: all of it
    with pytest.raises(InputError, match="most of the test images are also among those to learn from"):
        real_sets(pool, tmp_path / "train.npz")


def test_of_a_test_set_with_splits_the_test_split_is_taken(pool: Digits, tmp_path: Path) -> None:
    """`--test mnist` tested by the 60,000 images that the shipped model was trained on."""
    test = digits(30_000, 4)
    path = tmp_path / "theirs.npz"
    np.savez(path, x_train=pool.images[:, 0], y_train=pool.labels, x_test=test.images[:, 0], y_test=test.labels)
    assert (real_sets(digits(50_000, 30), path).test.images == test.images).all()
    ten = digits(0, 10, classes=10)
    assert (real_sets(ten, "mnist").test.images == load_mnist("test").images).all()
    assert not real_sets(path, path).held_out


def test_a_damaged_test_set_is_no_missing_one(pool: Digits, tmp_path: Path) -> None:
    path = tmp_path / "mine.npz"
    np.savez(path, x_train=pool.images[:, 0], y_train=pool.labels, x_test=pool.images[:4, 0], y_test=pool.labels[:3])
    with pytest.raises(InputError):
        real_sets(path)


def test_a_test_set_is_labelled_as_the_pool_is(pool: Digits) -> None:
    test = digits(30_000, 4)
    only = test.take(np.flatnonzero(test.labels > 0))
    renumbered = Digits(only.images, only.labels - 1, test.classes[1:], "without zeros")
    assert (real_sets(pool, renumbered).test.labels == only.labels).all()
    with pytest.raises(InputError, match="has a class 'seven'"):
        real_sets(pool, replace(test, classes=("0", "1", "seven")))
    with pytest.raises(InputError, match="images of one shape"):
        real_sets(pool, Digits(test.images[:, :, 2:, 2:].copy(), test.labels, test.classes))


def test_too_few_images_of_a_class_are_named(pool: Digits) -> None:
    assert check_per_class(pool, [30, 3]) == (3, 30)
    short = pool.take(np.flatnonzero((pool.labels != 1) | (np.arange(len(pool)) < 40)))
    left = int(short.counts[1])
    with pytest.raises(InputError, match=rf"class '1' has {left} images to learn from, not the 30 asked for"):
        check_per_class(short, [30])
    for wrong, words in (([], "list of different"), ([10, 10], "list of different"), ([2, 10], "3 is the least")):
        with pytest.raises(InputError, match=words):
            check_per_class(pool, wrong)
