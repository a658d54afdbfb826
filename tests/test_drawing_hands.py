"""A hand's digits resemble each other, are never copies, and depend on nothing but what they are said to depend on."""

from __future__ import annotations

import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from digitsmith.config import MAX_SEED
from digitsmith.drawing.hand_style import hand_styles
from digitsmith.drawing.hands import Hand, Variation
from digitsmith.drawing.loading import load
from digitsmith.drawing.model import CHUNK, DigitModel
from digitsmith.errors import InputError
from digitsmith.measure.reader import read
from digitsmith.randomness import normal_rows
from digitsmith.style import STYLE_NAMES, StyleRange, StyleTable
from random_penman import penman_model

LABELS = np.arange(CHUNK + 30) % 10


@pytest.fixture(scope="module")
def cgan() -> DigitModel:
    return load("cgan")


@pytest.fixture(scope="module")
def penman() -> DigitModel:
    return penman_model()


@pytest.fixture(params=["cgan", "penman"])
def model(request: pytest.FixtureRequest) -> DigitModel:
    drawer: DigitModel = request.getfixturevalue(request.param)
    return drawer


# --- digits


def test_image_k_depends_on_hand_seed_k_and_label_alone(model: DigitModel) -> None:
    drawn = Hand(3).draw(model, LABELS, seed=5)
    others = (LABELS + 4) % 10
    for k in (0, 17, CHUNK - 1, CHUNK, len(LABELS) - 1):
        others[k] = LABELS[k]
        assert np.array_equal(Hand(3).draw(model, others[: k + 1], seed=5)[k], drawn[k])
    assert not np.array_equal(Hand(3).draw(model, LABELS, seed=6), drawn)
    assert not np.array_equal(Hand(4).draw(model, LABELS, seed=5), drawn)


def test_digits_of_a_hand_are_alike_and_no_copies(cgan: DigitModel) -> None:
    """The distance of two 4s of a person is well below that of two 4s of two persons, and above none."""
    drawn = np.stack([Hand(hand).draw(cgan, np.full(20, 4), reject=False) for hand in range(12)]).astype(float)
    within = np.mean([np.abs(one - two).mean() for digits in drawn for one, two in pairwise(digits)])
    between = np.mean([np.abs(one - two).mean() for one, two in pairwise(drawn)])
    assert 0.2 * between < within < 0.75 * between


def test_all_hands_together_draw_what_the_model_draws(cgan: DigitModel) -> None:
    """The noise of a digit, over all hands, is standard normal, as the noise of training is."""
    rows = np.concatenate([Hand(hand)._noise(normal_rows(hand, np.arange(1), 100)) for hand in range(4000)])
    assert abs(rows.mean()) < 0.01
    assert abs(rows.std() - 1) < 0.01
    labels = np.tile(np.arange(10), 4)
    share = np.mean([read(Hand(hand).draw(cgan, labels, reject=False)) == labels for hand in range(40)])
    assert share > 0.97


def test_without_variation_a_hand_repeats_itself(model: DigitModel) -> None:
    still = Hand(9, Variation(shape=0, thickness=0, slant=0, width=0, height=0))
    drawn = still.draw(model, np.array([7, 3, 7, 7]), reject=False).astype(int)
    assert np.abs(drawn[0] - drawn[[2, 3]]).max() <= 1  # another row of a product has other last bits
    assert np.abs(drawn[0] - drawn[1]).max() > 50


@pytest.mark.parametrize("seed", [-1, MAX_SEED + 1])
def test_a_hand_and_a_seed_have_limits(cgan: DigitModel, seed: int) -> None:
    with pytest.raises(InputError, match=r"^hand must be 0 to 2\*\*63 - 1, not"):
        Hand(seed)
    with pytest.raises(InputError, match=r"^seed must be 0 to 2\*\*63 - 1, not"):
        Hand(0).draw(cgan, LABELS, seed=seed)
    with pytest.raises(InputError, match="there is no class 10"):
        Hand(0).draw(cgan, np.array([10]))
    assert Hand(MAX_SEED).draw(cgan, np.array([], np.int64), seed=MAX_SEED).shape == (0, 1, 28, 28)


# --- style


def table_of(classes: int = 3, rows: int = 1000) -> StyleTable:
    """Class k is 6 k wider than class 0; in all of them a wide digit leans less, and thickness goes its own way."""
    rng = np.random.default_rng(0)
    slant = rng.normal(5, 10, (classes, rows))
    width = 10 - 0.1 * (slant - 5) + rng.normal(0, 0.5, (classes, rows)) + 6 * np.arange(classes)[:, None]
    table = np.stack([rng.gamma(9, 0.3, (classes, rows)), slant, width, rng.normal(19, 1, (classes, rows))], axis=2)
    return StyleTable(np.zeros(4, np.float32), np.ones(4, np.float32), table.astype(np.float32))


TABLE = table_of()
NOTHING = np.full((4000, 4), np.nan)
PEOPLE = np.random.default_rng(1).normal(size=(4000, 4))


def test_people_together_have_the_styles_of_the_class() -> None:
    styles = hand_styles(TABLE, np.full(4000, 1), PEOPLE, NOTHING)
    for column in range(4):
        shares = np.linspace(0.02, 0.98, 25)
        spread = TABLE.table[1, :, column].std()
        of_class, of_people = (np.quantile(values[..., column], shares) for values in (TABLE.table[1], styles))
        assert np.abs(of_class - of_people).max() < 0.25 * spread
    assert np.abs(np.corrcoef(styles.T) - np.corrcoef(TABLE.table[1].T)).max() < 0.06


def test_a_person_is_narrow_among_the_narrow_and_wide_among_the_wide() -> None:
    narrow, wide = (hand_styles(TABLE, np.full(4000, label), PEOPLE, NOTHING) for label in (0, 2))
    assert (wide[:, 2] > narrow[:, 2]).all()
    assert np.corrcoef(wide[:, 2], narrow[:, 2])[0, 1] > 0.98


def test_what_is_asked_is_had_exactly_and_the_rest_goes_with_it() -> None:
    asked = NOTHING.copy()
    asked[:, 1] = np.float32(20.3)
    styles = hand_styles(TABLE, np.full(4000, 1), PEOPLE, asked)
    assert (styles[:, 1] == np.float32(20.3)).all()
    near = np.abs(TABLE.table[1, :, 1] - 20.3) < 2
    assert abs(styles[:, 2].mean() - TABLE.table[1, near, 2].mean()) < 0.3  # leaning that much, digits are narrow
    assert abs(styles[:, 2].std() - TABLE.table[1, near, 2].std()) < 0.15
    plain = hand_styles(TABLE, np.full(4000, 1), PEOPLE, NOTHING)
    assert np.array_equal(styles[:, 0], plain[:, 0])  # the person's pen is what it was


@pytest.mark.parametrize("rows", [np.ones((1, 5, 4)), np.arange(20).reshape(1, 5, 4)], ids=["alike", "in step"])
def test_styles_of_which_one_decides_the_other_are_no_trouble(rows: np.ndarray) -> None:
    table = StyleTable(np.zeros(4, np.float32), np.ones(4, np.float32), rows.astype(np.float32))
    asked = NOTHING.copy()
    asked[::2, 2] = rows[0, 0, 2]
    styles = hand_styles(table, np.zeros(4000, np.int64), PEOPLE, asked)
    assert (styles >= rows.min(axis=(0, 1))).all()
    assert (styles[1::2] <= rows.max(axis=(0, 1))).all()


def test_a_hand_keeps_its_pen_and_takes_what_is_asked(penman: DigitModel) -> None:
    labels = np.full(200, 8)
    assert penman.styles is not None
    middle = penman.styles.table[8].std(axis=0)
    for hand in range(5):
        styles = Hand(hand)._style(penman, labels, 0, None)
        assert styles is not None
        assert (styles.std(axis=0) < 1.5 * Variation().style * middle).all()
        assert (styles.std(axis=0) > 0.05 * middle).all()
    given = {"slant": np.asarray(-4.0), "width": StyleRange(11, 12)}
    asked = Hand(0)._style(penman, labels, 0, given)
    assert asked is not None
    assert (asked[:, STYLE_NAMES.index("slant")] == -4).all()
    assert 11 <= asked[:, 2].min() < 11.1
    assert 11.9 < asked[:, 2].max() <= 12
    assert not np.array_equal(Hand(0).draw(penman, labels, given=given), Hand(0).draw(penman, labels))


def test_a_model_without_style_is_asked_for_none(cgan: DigitModel) -> None:
    with pytest.raises(InputError, match="cgan cannot be asked for a slant; use a model with style"):
        Hand(0).draw(cgan, LABELS, given={"slant": 3.0})


# --- without what trains


@pytest.mark.parametrize(
    "command",
    [
        ["draw", "2026", "-o", "year.png", "--hand", "3", "--ground", "transparent"],
        ["page", "sums", "-o", "sums.png", "--count", "5"],
        ["page", "form", "-o", "form.pdf", "--count", "5"],
    ],
    ids=" ".join,
)
def test_writing_loads_nothing_that_trains(tmp_path: Path, command: list[str]) -> None:
    script = f"import sys, digitsmith.cli as c; assert c.run({command}) == 0; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "False"
