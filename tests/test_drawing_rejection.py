"""Drawing what can be read: what is readable stays, what is not is drawn again, and measuring never does so."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from digitsmith import api, assess
from digitsmith.config import STYLED_MODELS
from digitsmith.drawing import rejection
from digitsmith.drawing.hands import Hand
from digitsmith.drawing.loading import load
from digitsmith.drawing.model import CHUNK, DigitModel
from digitsmith.drawing.proofreader import THRESHOLD, load_proofreader
from digitsmith.drawing.rejection import REDRAWS, Proofread, Tally, draw_proofread, noise_again, why_not
from digitsmith.models.registry import architecture
from digitsmith.style import given_style
from digitsmith.weights.folder import GeneratorConfig

LABELS = np.arange(3 * CHUNK + 11) % 10
MNIST = {"data": {"source": "mnist (train)"}}


@pytest.fixture(scope="module")
def model() -> DigitModel:
    return load("cgan")


@pytest.fixture
def strict(monkeypatch: pytest.MonkeyPatch) -> float:
    """A threshold that turns every sixth image down or so."""
    monkeypatch.setattr(rejection, "THRESHOLD", 0.92)
    return 0.92


def together(pieces: Iterator[Proofread]) -> Proofread:
    parts = list(pieces)
    names = ("images", "labels", "attempts", "sureness")
    return Proofread(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


def raw(model: DigitModel, labels: np.ndarray, seed: int = 0) -> np.ndarray:
    return np.concatenate([images for images, _ in model.draw_chunks(labels, seed=seed)])


def unlearned(name: str, *, source: str = "mnist (train)") -> DigitModel:
    """A model of random weights, whose digits nobody can read."""
    module = architecture(name).generator((1, 28, 28), 10).eval()
    weights = {key: tensor.numpy() for key, tensor in module.state_dict().items()}
    training = {"data": {"source": source}}
    return DigitModel._of(GeneratorConfig(name, (1, 28, 28), tuple("0123456789"), "0", training), weights, where="here")


# --- what is kept, and what is drawn again


def test_what_is_readable_is_what_is_drawn_without(model: DigitModel, strict: float) -> None:
    found, first = together(draw_proofread(model, LABELS, seed=3)), raw(model, LABELS, seed=3)
    same = (found.images == first).all(axis=(1, 2, 3))
    readable = load_proofreader().sureness(first, LABELS) >= strict
    assert np.array_equal(same, readable) and np.array_equal(found.attempts == 1, readable)
    assert 20 < (~readable).sum() < 200
    assert np.array_equal(found.labels, LABELS)


def test_everything_that_comes_out_is_readable(model: DigitModel) -> None:
    labels = np.arange(4_000) % 10
    kept = together(draw_proofread(model, labels))
    assert (load_proofreader().sureness(raw(model, labels), labels) < THRESHOLD).sum() >= 5
    assert (kept.sureness >= THRESHOLD).all()
    np.testing.assert_allclose(load_proofreader().sureness(kept.images, labels), kept.sureness, atol=1e-5)


@pytest.mark.parametrize("size", [1, CHUNK - 1, CHUNK + 1])
def test_an_image_is_the_same_however_many_are_asked_for(model: DigitModel, strict: float, size: int) -> None:
    whole = together(draw_proofread(model, LABELS, seed=3))
    for start in (0, 5, CHUNK - 1, CHUNK, 300) if size == 1 else range(0, len(LABELS), size):
        part = together(draw_proofread(model, LABELS[start : start + size], seed=3, start=start))
        for name in ("images", "attempts", "sureness"):
            assert np.array_equal(getattr(part, name), getattr(whole, name)[start : start + size]), name


@pytest.mark.parametrize("threads", [1, 3])
def test_threads_do_not_change_a_byte(model: DigitModel, strict: float, threads: int) -> None:
    one = together(draw_proofread(model, LABELS, seed=3, threads=2))
    other = together(draw_proofread(model, LABELS, seed=3, threads=threads))
    assert one.images.tobytes() == other.images.tobytes() and np.array_equal(one.attempts, other.attempts)


def test_other_images_do_not_matter(model: DigitModel, strict: float) -> None:
    whole = together(draw_proofread(model, LABELS, seed=3))
    again = np.flatnonzero(whole.attempts > 1)[:5]
    others = (LABELS + 1) % 10
    others[again] = LABELS[again]
    found = together(draw_proofread(model, others, seed=3))
    assert np.array_equal(found.images[again], whole.images[again])


def test_an_attempt_is_drawn_from_noise_of_its_own(model: DigitModel, strict: float) -> None:
    found = together(draw_proofread(model, LABELS, seed=3))
    for index in np.flatnonzero(found.attempts > 1)[:20].tolist():
        attempt = found.attempts[index] - 1
        z = noise_again(3, index, np.arange(1, attempt + 1), model.z_dim)
        drawn = model.render(z, LABELS[[index]].repeat(attempt))
        assert np.abs(drawn[-1].astype(int) - found.images[index]).max() <= 1  # another row of another pass
        assert (load_proofreader().sureness(drawn, LABELS[[index]].repeat(attempt))[:-1] < strict).all()


def test_noise_of_attempts_has_nothing_in_common() -> None:
    rows = [noise_again(seed, index, np.arange(1, 4), 100) for seed in (0, 1) for index in (0, 1)]
    rows = [row for part in rows for row in part]
    assert np.abs(np.corrcoef(rows)[np.triu_indices(len(rows), 1)]).max() < 0.4
    assert np.array_equal(noise_again(1, 1, np.array([3]), 100)[0], rows[-1])


def test_what_nobody_can_read_ends_with_the_best_of_all_attempts() -> None:
    model, labels = unlearned("cgan"), np.arange(15) % 10
    found = together(draw_proofread(model, labels))
    stuck = found.sureness < THRESHOLD
    assert stuck.sum() >= 5
    assert (found.attempts[stuck] == 1 + REDRAWS).all()
    for index in np.flatnonzero(stuck).tolist():
        noise = noise_again(0, index, np.arange(1, 1 + REDRAWS), model.z_dim)
        drawn = np.concatenate([raw(model, labels)[[index]], model.render(noise, labels[[index]].repeat(REDRAWS))])
        sure = load_proofreader().sureness(drawn, labels[[index]].repeat(1 + REDRAWS))
        assert found.sureness[index] == pytest.approx(sure.max(), abs=1e-3)
    tally = Tally(model.config, asked=True)
    tally.add(found)
    assert tally.record["kept_below"] == stuck.sum()
    assert (tally.record["redrawn"], tally.record["attempts"]) == ((found.attempts > 1).sum(), found.attempts.sum())


def test_a_redrawn_image_keeps_the_style_that_was_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    model, labels = unlearned(STYLED_MODELS[0]), np.arange(7) % 10
    drawn: list[np.ndarray] = []
    pixels = type(model.network).pixels

    def watched(network: object, z: np.ndarray, labels: np.ndarray, style: np.ndarray) -> np.ndarray:
        if len(z) < CHUNK:
            drawn.append(style)
        return pixels(network, z, labels, style)

    monkeypatch.setattr(type(model.network), "pixels", watched)
    monkeypatch.setattr(rejection, "THRESHOLD", 2.0)  # nothing is ever readable
    given = given_style(thickness=np.linspace(0, 0, 7))
    list(draw_proofread(model, labels, seed=5, start=200, given=given))
    style = model.styles_of(labels, seed=5, start=200, given=given)
    assert style is not None
    assert np.array_equal(np.concatenate(drawn), style.repeat(REDRAWS, axis=0))


# --- numbers


def test_a_hands_digits_are_drawn_again_by_the_same_hand(model: DigitModel, strict: float) -> None:
    hand = Hand(4)
    plain, kept = (hand.draw(model, LABELS, seed=2, reject=reject) for reject in (False, True))
    sure = load_proofreader().sureness(plain, LABELS)
    changed = (plain != kept).any(axis=(1, 2, 3))
    assert changed.sum() > 5 and not changed[sure >= strict].any()
    assert load_proofreader().sureness(kept, LABELS).mean() > sure.mean()
    a_few = hand.draw(model, LABELS[:20], seed=2)
    assert np.array_equal(a_few, kept[:20])


def test_a_number_is_readable_unless_that_is_not_asked_for(model: DigitModel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rejection, "THRESHOLD", 0.95)
    kept, plain = (api.draw_number("38526", model=model, seed=1, reject=reject) for reject in (True, False))
    assert kept.shape[1] == plain.shape[1] and not np.array_equal(kept, plain)


# --- models of other things


def test_the_proofreader_judges_mnist_digits_alone(model: DigitModel) -> None:
    config = model.config
    assert why_not(config) == ""
    letters = replace(config, classes=tuple("abcdefghij"))
    assert "other classes" in why_not(letters)
    assert "[1, 32, 32]" in why_not(replace(config, image_shape=(1, 32, 32)))
    assert "the data of this model is fashion" in why_not(replace(config, training={"data": {"source": "fashion"}}))
    assert "not asked for a digit" in why_not(replace(config, model="gan"))


def test_a_hand_writes_what_the_proofreader_cannot_judge() -> None:
    other = unlearned("cgan", source="fashion.npz")
    plain, kept = (Hand(0).draw(other, np.arange(5), reject=reject) for reject in (False, True))
    assert np.array_equal(plain, kept)


# --- measuring looks at all that is drawn


@pytest.fixture
def no_proofreader(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> None:
        raise AssertionError("measuring must not choose")

    monkeypatch.setattr(rejection, "load_proofreader", refuse)


def test_what_is_measured_is_never_chosen(model: DigitModel, no_proofreader: None) -> None:
    measured = assess.generated_images("cgan", count=300, seed=11)
    assert np.array_equal(measured.images, raw(model, np.arange(300) % 10, seed=11))
    at_hand = assess.generated_images(model, count=300, seed=11)
    assert np.array_equal(at_hand.images, measured.images)


def test_the_share_read_as_asked_is_of_all_that_is_drawn(
    model: DigitModel, no_proofreader: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[np.ndarray] = []

    def read(images: np.ndarray) -> np.ndarray:
        seen.append(images)
        return np.arange(len(images)) % 10

    monkeypatch.setattr(api, "read", read)
    assert api.read_as_asked(model, count=300, seed=11) == 1
    assert np.array_equal(seen[0], raw(model, np.arange(300) % 10, seed=11))


def test_the_api_draws_what_the_model_draws(model: DigitModel, no_proofreader: None) -> None:
    assert model.draw([7, 3], seed=1).shape == (2, 28, 28)


def test_without_the_file_a_data_set_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: DigitModel
) -> None:
    from digitsmith.drawing import proofreader
    from digitsmith.errors import CheckpointError

    monkeypatch.setattr(proofreader, "_WEIGHTS", tmp_path / "none.safetensors")
    load_proofreader.cache_clear()
    try:
        with pytest.raises(CheckpointError, match="install digitsmith again"):
            api.make(10, out=tmp_path / "set", model=model)
        assert not (tmp_path / "set").exists()
        api.make(10, out=tmp_path / "set", model=model, reject=False)
    finally:
        load_proofreader.cache_clear()
