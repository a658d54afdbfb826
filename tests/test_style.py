"""Styles: of training images where nothing is asked for, as asked where it is, and the same however they are asked."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given as examples
from hypothesis import strategies as st

from digitsmith.errors import InputError
from digitsmith.measure.morphometry import Style
from digitsmith.measure.style import MEASURES
from digitsmith.style import (
    STYLE_COLUMNS,
    STYLE_NAMES,
    STYLE_UNITS,
    StyleRange,
    StyleTable,
    given_style,
    part_of,
    wished_style,
)

MEAN, DEVIATION = np.float32([2.5, 5, 10, 19]), np.float32([0.5, 10, 3, 1])


def table_of(rows: int = 1000, classes: int = 3) -> StyleTable:
    """Classes of different means; width goes with thickness, whatever the class."""
    rng = np.random.default_rng(0)
    table = rng.normal(MEAN, DEVIATION, (classes, rows, 4))
    table[..., 2] = 4 * table[..., 0] + rng.normal(0, 0.1, (classes, rows))
    table[..., 3] += np.arange(classes)[:, None]
    return StyleTable(MEAN, DEVIATION, table.astype(np.float32))


TABLE = table_of()
LABELS = np.arange(2500) % 3  # more than are chosen at once
ASKED: dict[str, dict[str, object]] = {
    "nothing": {},
    "one": {"slant": np.float64(3)},
    "a range": {"thickness": StyleRange(2, 3)},
    "three": {"thickness": np.float64(2.5), "width": StyleRange(8, 12), "height": np.float64(20)},
    "all": {"thickness": np.float64(2), "slant": np.float64(-4), "width": np.float64(8), "height": np.float64(19)},
    "each": {"width": np.linspace(8, 12, len(LABELS))},
}


def test_the_names_are_those_of_what_measures_them() -> None:
    assert set(STYLE_COLUMNS) < {field.name for field in fields(Style)}
    units = {measure.key: measure.unit for measure in MEASURES}
    assert [units[column] for column in STYLE_COLUMNS] == list(STYLE_UNITS)


@pytest.mark.parametrize("asked", ASKED.values(), ids=ASKED)
def test_an_image_has_the_same_style_in_any_company(asked: dict) -> None:
    together = TABLE.sample(LABELS, seed=5, given=asked)
    assert together.dtype == np.float32
    assert together.shape == (2500, 4)
    for rows in (slice(0, 1), slice(1, 40), slice(1000, 1100), slice(2499, 2500)):
        part = TABLE.sample(LABELS[rows], seed=5, start=rows.start, given=part_of(asked, rows))
        assert np.array_equal(part, together[rows])


@examples(st.integers(0, 2**63 - 1), st.integers(0, 10**9), st.integers(0, 2))
def test_without_a_wish_it_is_a_style_of_the_class(seed: int, index: int, label: int) -> None:
    style = TABLE.sample(np.array([label]), seed=seed, start=index)[0]
    assert (style == TABLE.table[label]).all(axis=1).any()


def test_every_style_of_a_class_is_as_likely() -> None:
    styles = TABLE.sample(np.zeros(50_000, np.int64), seed=1)
    _, counts = np.unique(styles, axis=0, return_counts=True)
    assert len(counts) == 1000
    assert abs(counts.std() / np.sqrt(50) - 1) < 0.15  # as of a Poisson distribution with a mean of 50


def test_seed_index_and_label_each_matter() -> None:
    style = TABLE.sample(np.array([1]), seed=3, start=7)
    for other in ((1, 4, 7), (1, 3, 8), (2, 3, 7)):
        label, seed, start = other
        assert not np.array_equal(TABLE.sample(np.array([label]), seed=seed, start=start), style)


@pytest.mark.parametrize("asked", [{"slant": 3.0}, {"thickness": 2.9, "height": 18.0}, {"slant": 60.0}], ids=str)
def test_what_is_left_out_goes_with_what_is_asked(asked: dict[str, float]) -> None:
    table = TABLE.table.copy()
    table[0, 0, 1] = 60  # the only one so far out, so that a value at the edge can be asked for
    known = StyleTable(MEAN, DEVIATION, table)
    columns = [STYLE_NAMES.index(name) for name in asked]
    others = [column for column in range(4) if column not in columns]
    values = np.array(list(asked.values()))
    for label in range(3):
        styles = known.sample(np.full(400, label), seed=2, given=given_style(**asked))
        assert np.array_equal(styles[:, columns], np.tile(values.astype(np.float32), (400, 1)))
        distance = (((table[label][:, columns] - values) / DEVIATION[columns]) ** 2).sum(axis=1)
        nearest = table[label][np.argsort(distance)[:25]]
        assert len(np.unique(styles[:, others], axis=0)) == 25
        assert {tuple(row) for row in styles[:, others]} == {tuple(row) for row in nearest[:, others]}


def test_thick_digits_are_as_wide_as_thick_ones_are() -> None:
    labels = np.zeros(200, np.int64)
    for thickness in (1.8, 2.5, 3.2):
        styles = TABLE.sample(labels, seed=0, given=given_style(thickness=thickness))
        assert abs(styles[:, 2].mean() - 4 * thickness) < 0.2


def test_what_is_asked_in_full_is_what_there_is() -> None:
    rows = TABLE.table[LABELS[:50], np.arange(50)]
    asked = dict(zip(STYLE_NAMES, rows.T, strict=True))
    assert np.array_equal(TABLE.sample(LABELS[:50], seed=9, given=given_style(**asked)), rows)


def test_a_range_is_drawn_from_evenly_and_each_for_itself() -> None:
    given = wished_style(thickness=(2, 3), slant=(-10, 10), height=StyleRange(19, 19))
    styles = TABLE.sample(np.zeros(20_000, np.int64), seed=4, given=given)
    for values, low, high in ((styles[:, 0], 2, 3), (styles[:, 1], -10, 10)):
        places = (values - low) / (high - low)
        assert 0 <= places.min() < 0.001
        assert 0.999 < places.max() <= 1
        assert np.abs(np.histogram(places, bins=10)[0] / 2000 - 1).max() < 0.12
    assert abs(np.corrcoef(styles[:, 0], styles[:, 1])[0, 1]) < 0.04
    assert (styles[:, 3] == 19).all()


def test_a_table_may_be_shorter_than_what_is_looked_at() -> None:
    few = table_of(rows=7)
    styles = few.sample(np.zeros(300, np.int64), seed=0, given=given_style(thickness=2.5))
    assert len(np.unique(styles, axis=0)) == 7


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"thickness": 99.0}, r"thickness 99 px is beyond .*; choose 0\.\d+ to 4\.\d+ px"),
        ({"slant": -90.0}, r"slant -90 deg is beyond .*; choose -\d.* to \d.* deg"),
        ({"width": float("nan")}, "width nan px is beyond"),
        ({"height": float("inf")}, "height inf px is beyond"),
        ({"thickness": [2.5, 2.5, 99.0]}, "thickness 99 px is beyond"),
        ({"thickness": [2.5, 2.5]}, "one number or one for each of 3 images, not 2"),
        ({"thickness": StyleRange(2, 99)}, "thickness 99 px is beyond"),
        ({"thickness": StyleRange(float("nan"), 3)}, "thickness nan px is beyond"),
        ({"thickness": StyleRange(3, 2)}, "thickness 3:2 runs backwards; write it as 2:3"),
        ({"thickness": "fat"}, "thickness must be a number"),
    ],
    ids=str,
)
def test_what_cannot_be_asked_is_one_line(asked: dict, words: str) -> None:
    with pytest.raises(InputError, match=words) as error:
        TABLE.sample(np.arange(3), seed=0, given=given_style(**asked))
    assert "\n" not in str(error.value)


def test_the_limits_that_are_named_can_be_asked_for() -> None:
    for name in STYLE_NAMES:
        with pytest.raises(InputError) as error:
            TABLE.sample(np.arange(3), seed=0, given=given_style(**{name: 1e4}))
        low, _, high, _ = str(error.value).rpartition("choose ")[2].split()
        for value in (low, high):
            TABLE.sample(np.arange(3), seed=0, given=given_style(**{name: float(value)}))
        assert TABLE.limits(name)[0] <= float(low) < float(high) <= TABLE.limits(name)[1]


@pytest.mark.parametrize("wish", [[2.0, 3.0], (1, 2, 3), "2:3", np.array([2.0])], ids=str)
def test_a_wish_is_a_number_or_a_pair(wish: object) -> None:
    with pytest.raises(InputError, match="slant must be a number or a range"):
        wished_style(slant=wish)  # type: ignore[arg-type]


def test_the_pair_is_of_numbers() -> None:
    with pytest.raises(InputError, match="from a number to a number, not from '2' to 3"):
        wished_style(slant=("2", 3))  # type: ignore[arg-type]
