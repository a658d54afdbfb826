from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from digitsmith.config import (
    BY_LENGTH,
    MODELS,
    Augmentation,
    TrainSettings,
    digit_safe,
    settings_from_dict,
    settings_to_dict,
)
from digitsmith.errors import ConfigError
from digitsmith.presets import PRESETS, settings_for


def test_report_1_has_its_reports_settings() -> None:
    settings = PRESETS["report-1"]()
    assert (settings.model, settings.learning_rate) == ("cgan-mlp", 2e-4)
    assert (settings.adam_beta1, settings.adam_beta2) == (0.5, 0.999)
    assert settings.generator_loss == "non-saturating"  # its L_G, section 5.3.3


def test_report_2_has_its_reports_settings() -> None:
    settings = PRESETS["report-2"]()
    assert (settings.learning_rate, settings.epochs) == (1e-3, 20)
    assert settings.decay_from == 1.0  # it names no schedule
    assert settings.augmentation.is_identity
    assert settings.sample_epochs == (1, 10, 20)


@pytest.mark.parametrize("model", MODELS)
def test_a_model_alone_chooses_its_own_report(model: str) -> None:
    settings = settings_for(model)
    assert settings.model == model
    assert settings.preset == {"cgan-mlp": "report-1", "penman": "penman", "sgan": "sgan"}.get(model, "report-2")


def test_penmans_preset_shrinks_its_steps_and_averages_by_the_length_of_the_run() -> None:
    settings = PRESETS["penman"]()
    assert (settings.model, settings.batch_size, settings.epochs) == ("penman", 128, 36)
    assert (settings.adam_beta1, settings.adam_beta2, settings.decay_from) == (0, 0.99, 0.2)
    assert settings.ema_half_life_images == BY_LENGTH
    assert settings_for("penman", preset="report-2").adam_beta1 == 0.5


def test_each_layer_lies_on_the_one_before(tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    file.write_text('epochs = 3\nseed = 4\nmodel = "gan"\n[augmentation]\nshift_px = 2\n')
    settings = settings_for("cgan", preset="demo", file=file, overrides={"seed": 5, "batch_size": None})
    assert (settings.model, settings.epochs, settings.seed, settings.batch_size) == ("cgan", 3.0, 5, 128)
    assert settings.augmentation == Augmentation(shift_px=2.0)
    assert settings.decay_from == PRESETS["demo"]().decay_from


def test_a_file_can_name_model_and_preset(tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    file.write_text('model = "cgan-mlp"\n')
    assert settings_for(file=file) == PRESETS["report-1"]()
    file.write_text('preset = "demo"\nmodel = "gan"\n')
    settings = settings_for(file=file)
    assert (settings.preset, settings.model, settings.epochs) == ("demo", "gan", PRESETS["demo"]().epochs)
    assert settings_for("acgan", preset="report-2", file=file).preset == "report-2"


def test_saved_settings_come_back() -> None:
    settings = settings_for("gan", overrides={"sample_epochs": [2, 3], "augmentation": digit_safe(), "seed": 2**62})
    assert settings_from_dict(settings_to_dict(settings), where="here") == settings


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        ({"epochs": -1}, "epochs must be above 0"),
        ({"epochs": 0}, "epochs must be above 0"),
        ({"epochs": float("nan")}, "epochs must be"),
        ({"epochs": "20"}, "epochs must be a number"),
        ({"batch_size": 1}, "batch_size must be at least 2"),
        ({"batch_size": 12.5}, "batch_size must be a whole number"),
        ({"batch_size": True}, "batch_size must be a whole number"),
        ({"learning_rate": 0}, "learning_rate must be above 0"),
        ({"seed": -3}, "seed must be at least 0"),
        ({"seed": 10**400}, "seed must be at least 0"),
        ({"model": "stylegan"}, "choose one of gan, cgan, acgan, cgan-mlp"),
        ({"generator_loss": "hinge"}, "choose one of minimax, non-saturating"),
        ({"precision": "float16"}, "choose one of auto"),
        ({"device": "tpu"}, "choose one of auto"),
        ({"sample_epochs": [1, "ten"]}, "sample_epochs must be a list of whole numbers"),
        ({"sample_epochs": [0]}, "sample_epochs must be at least 1"),
        ({"augmentation": {"flips": True}}, "there is no setting 'flips'"),
        ({"augmentation": {"shift_px": -1}}, "shift_px must be at least 0"),
        ({"augmentation": 3}, "augmentation must be a table"),
        ({"lr": 0.1}, "there is no setting 'lr'; there are model"),
        ({"ema_half_life_images": -2}, "ema_half_life_images must be at least 0"),
        ({"penalty_gamma": -0.1}, "penalty_gamma must be at least 0"),
        ({"penalty_every": 0}, "penalty_every must be at least 1"),
        ({"class_weight": float("nan")}, "class_weight must be at least 0"),
        ({"style_weight": -1}, "style_weight must be at least 0"),
        ({"labelled": 100}, "penman learns from every label; leave out labelled, or train sgan"),
        ({"unlabelled": "scans"}, "penman learns nothing from images without labels; leave out unlabelled"),
        ({"model": "sgan"}, "labelled must be at least 1"),
        ({"sure_from": 1.5}, "sure_from must be at least 0 and at most 1"),
        ({"consistency_weight": -1}, "consistency_weight must be at least 0"),
    ],
)
def test_what_cannot_be_right_is_named(overrides: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words.replace("(", r"\(")) as caught:
        settings_for(overrides=overrides)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("epochs = ", "is not TOML"),
        ("preset = 'best'", "choose one of report-1"),
        ("model = 3", "model must be a text"),
        ("epoch = 3", "there is no setting 'epoch'"),
        ("epochs = 'x'", "a number"),
    ],
)
def test_a_bad_file_is_named(tmp_path: Path, text: str, words: str) -> None:
    file = tmp_path / "bad.toml"
    file.write_text(text)
    with pytest.raises(ConfigError, match=words) as caught:
        settings_for("acgan", file=file)
    assert str(file) in str(caught.value)


def test_a_missing_file_or_preset_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        settings_for("acgan", file=tmp_path / "none.toml")
    with pytest.raises(ConfigError, match="choose one of report-1, report-2, demo"):
        settings_for("acgan", preset="report-3")


@pytest.mark.parametrize(
    ("model", "overrides", "words"),
    [
        ("acgan", {"channels": 64}, "acgan does not read channels"),
        ("cgan", {"style": "none"}, "cgan does not read style"),
        ("penman", {"generator_loss": "minimax"}, "penman does not read generator_loss"),
        ("penman", {"sure_from": 0.5}, "penman does not read sure_from"),
        ("sgan", {"penalty_gamma": 1.0}, "sgan does not read penalty_gamma"),
    ],
)
def test_what_a_model_does_not_read_is_refused_and_not_ignored(
    model: str, overrides: dict[str, Any], words: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=words):
        settings_for(model, overrides=overrides)
    ((name, value),) = overrides.items()
    file = tmp_path / "settings.toml"
    file.write_text(f"{name} = {value!r}\n")
    with pytest.raises(ConfigError, match=f"settings.toml: {words}"):
        settings_for(model, file=file)
    assert settings_for("acgan", preset="sgan", overrides={"labelled": 0}).labelled == 0  # the preset's is refused
    whole = settings_to_dict(settings_for(model))  # as `compare` asks, and as a run's record has them
    assert settings_for(model, overrides=whole) == settings_for(model)


def test_flips_are_never_on_unless_asked_for() -> None:
    assert not TrainSettings().augmentation.flip
    assert not digit_safe().flip
