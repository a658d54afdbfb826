"""What is compared, and that it can be compared is known before anything is trained."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from digitsmith.comparing import compare
from digitsmith.data.mnist import load_mnist
from digitsmith.drawing.loading import load
from digitsmith.errors import InputError
from digitsmith.measure import own_reader

REAL = load_mnist("train").take(np.random.default_rng(3).permutation(60_000)[:1500])


def npz(path: Path, *, classes: int) -> str:
    """The real digits below `classes`, as a user's file."""
    some = REAL.take(np.flatnonzero(REAL.labels < classes))
    np.savez(path, images=some.images[:, 0], labels=some.labels)
    return str(path)


@pytest.mark.usefixtures("own_cache")
def test_models_with_and_without_classes_stand_beside_each_other_whatever_the_classes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three classes and the ten columns of a GAN were grids of two shapes: refused, after both were trained."""
    monkeypatch.setattr(own_reader, "STEPS", 30)  # the reader of these three classes need not be a good one
    data = npz(tmp_path / "three.npz", classes=3)
    page = compare(
        ["gan", "cgan"], out=tmp_path / "out", data=data, epochs=0.5, threads=1, count=150, only=["diversity"]
    )
    assert page.is_file()


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"only": ["sharpness"]}, "no family of figures 'sharpness'"),
        ({"count": 100}, "at least 129"),
        ({"augmented": ["dcgan"]}, "no architecture 'dcgan'"),
        ({"data": "stacked-mnist"}, "digitsmith evaluate"),
    ],
)
def test_what_cannot_be_compared_is_refused_before_training(asked: dict[str, Any], words: str, tmp_path: Path) -> None:
    data = npz(tmp_path / "ten.npz", classes=10)
    with pytest.raises(InputError, match=words):
        compare(["gan"], **({"out": tmp_path / "out", "data": data} | asked))
    assert not (tmp_path / "out").exists()


def test_a_model_of_other_classes_is_refused_before_training(tmp_path: Path) -> None:
    """Its labels count its own classes: a model of 3 and 7 would have been measured as one of 0 and 1."""
    data = npz(tmp_path / "three.npz", classes=3)
    load("cgan").save_pretrained(tmp_path / "ten")
    with pytest.raises(InputError, match="of 10 classes"):
        compare(["gan", str(tmp_path / "ten")], out=tmp_path / "out", data=data)
    assert not (tmp_path / "out").exists()


def test_a_comparison_is_not_written_over_another_page(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("somebody's")
    with pytest.raises(InputError, match="another page"):
        compare(["gan"], out=tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["index.html"]


@pytest.mark.parametrize(
    ("models", "asked", "words"),
    [
        (["gan", "penman"], {"augmented": ["penman"]}, "penman is asked for the style of each image"),
        (["gan", "cgan"], {"data": "odd"}, "30x30"),
        (["gan", "cgan"], {"data": "lacking"}, "has no image"),
    ],
)
def test_a_model_that_cannot_be_trained_is_refused_before_another_is(
    models: list[str], asked: dict[str, Any], words: str, tmp_path: Path
) -> None:
    """The models before it were trained first."""
    images, labels = REAL.images[:, 0], REAL.labels
    np.savez(tmp_path / "odd.npz", images=np.pad(images, ((0, 0), (1, 1), (1, 1))), labels=labels)
    few = labels != 4
    np.savez(tmp_path / "lacking.npz", images=images[few], labels=labels[few])
    np.savez(tmp_path / "ten.npz", images=images, labels=labels)
    data = str(tmp_path / f"{asked.get('data', 'ten')}.npz")
    with pytest.raises(InputError, match=words):
        compare(models, **(asked | {"data": data, "out": tmp_path / "out", "count": 150, "only": ["diversity"]}))
    assert not (tmp_path / "out").exists()
