"""Where settings begin: the reports' and our own as functions, a TOML file and overrides on top.

Nothing heavy is imported here: `digitsmith --help` reads this file.
"""

from __future__ import annotations

import dataclasses
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from digitsmith.config import (
    BY_LENGTH,
    DEFAULT_MODEL,
    TrainSettings,
    digit_safe,
    replaced,
    require_one_of,
    with_overrides,
)
from digitsmith.errors import ConfigError


def report_1() -> TrainSettings:
    """The first report's settings (its sections 4.2 to 5.3): fully connected, BCE losses, Adam(2e-4, 0.5, 0.999).

    It gives neither epochs nor batch size: 50 epochs of batches of 128 are ours.
    """
    return TrainSettings(
        model="cgan-mlp",
        preset="report-1",
        epochs=50.0,
        learning_rate=2e-4,
        generator_loss="non-saturating",
        sample_epochs=(1, 10, 20, 50),
    )


def report_2() -> TrainSettings:
    """The second report's settings (its sections 2.1 and 3.3 to 3.5): lr 0.001, 20 epochs, DCGAN's protocol.

    Batch 128, betas (0.5, 0.999) and the non-saturating loss are DCGAN's, whose "protocols and
    implementations" the report follows; its own text writes the game as minimax, which is one option away.
    """
    return TrainSettings(preset="report-2")


def penman() -> TrainSettings:
    """The settings of digitsmith's own model: steps shrinking over the last four fifths, an average as long as the run.

    36 epochs of MNIST are 25 minutes on two cores (`docs/training.md`).
    """
    return TrainSettings(
        model="penman",
        preset="penman",
        epochs=36.0,
        learning_rate=1e-3,
        warm_up_images=10_000.0,
        decay_from=0.2,
        adam_beta1=0.0,
        adam_beta2=0.99,
        gradient_clip=2.0,  # the longest of a thousand ordinary steps are 1.8 (D) and 2.6 (G)
        ema_half_life_images=BY_LENGTH,
        sample_epochs=(1, 10, 20, 36),
    )


def sgan() -> TrainSettings:
    """The settings of the semi-supervised GAN, chosen on MNIST with 100 labels (`docs/semi-supervised.md` says how)."""
    return TrainSettings(
        model="sgan",
        preset="sgan",
        epochs=4.0,
        learning_rate=3e-3,
        warm_up_images=20_000.0,
        decay_from=0.3,
        labelled=100,
        adversarial_weight=0.03,
        sure_from=0.7,
        augmentation=digit_safe(),
        sample_epochs=(1, 2, 4),
    )


def few(per_class: int = 30) -> TrainSettings:
    """penman on `per_class` images of each class, moved before D sees them (`docs/training.md` says what differs).

    120,000 images are seen of data in ten classes, which takes about two minutes on one core.
    """
    return dataclasses.replace(
        penman(),
        preset="few",
        epochs=12_000.0 / per_class,
        channels=24,
        gradient_clip=0.0,
        batch_size=64,
        warm_up_images=10_000.0,
        ema_half_life_images=5_000.0,
        penalty_gamma=1.0,
        differentiable=1.0,
        starts_at_mean=True,
        sample_epochs=(1, 10, 100),
    )


def demo() -> TrainSettings:
    """The default model in two minutes on two cores."""
    return dataclasses.replace(penman(), preset="demo", epochs=3.0, sample_epochs=(1, 2, 3))


PRESETS = {"report-1": report_1, "report-2": report_2, "demo": demo, "penman": penman, "few": few, "sgan": sgan}
_PRESET_OF = {"cgan-mlp": "report-1", "penman": "penman", "sgan": "sgan"}  # the other models are the second report's


def settings_for(
    model: str | None = None,
    *,
    preset: str | None = None,
    file: Path | None = None,
    overrides: Mapping[str, Any] | None = None,
) -> TrainSettings:
    """The settings of a run: a preset, then a TOML file, then overrides, each on top of the one before.

    Args:
        model: the architecture, the default model if left out; without a preset it also chooses one: its own.
        preset: `report-1`, `report-2`, `demo`, `penman`, `few` or `sgan`.
        file: TOML whose keys are `TrainSettings`' fields, with `[augmentation]` as a table.
        overrides: the same keys; `None` values are left as they are.

    Where `unlabelled` is named and `labelled` is not, all labels are looked at: a preset's number goes by a whole set.

    Raises:
        ConfigError: an unknown preset, key or model, a value of another type or outside its range, one for a setting
            that the model does not read, or a file that is not TOML; the message names it.
    """
    values = {} if file is None else _read_toml(file)
    where = f"{file}: "
    model = model or _text(values, "model", where)
    preset = preset or _text(values, "preset", where) or _PRESET_OF.get(model or DEFAULT_MODEL, "report-2")
    require_one_of("preset", preset, tuple(PRESETS), where if "preset" in values else "")
    asked = {key: value for key, value in (overrides or {}).items() if value is not None}
    if (values | asked).get("unlabelled") and "labelled" not in values:
        asked = {"labelled": 0} | asked
    begun = PRESETS[preset]()
    settings = with_overrides(replaced(begun, values | {"preset": preset}, where=where), model, asked)
    for name in settings.unread:
        idle = (getattr(begun, name), getattr(TrainSettings(), name))  # where nobody has asked for anything
        if (name in values or name in asked) and getattr(settings, name) not in idle:
            raise ConfigError(f"{where if name in values else ''}{settings.model} does not read {name}; leave it out")
    return settings


def _read_toml(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{file}: cannot be read ({error.strerror}); give the path of a TOML file") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file}: is not TOML: {error}") from None


def _text(values: Mapping[str, Any], key: str, where: str) -> str | None:
    value = values.get(key)
    if value is not None and not isinstance(value, str):
        raise ConfigError(f"{where}{key} must be a text, not {value!r}")
    return value
