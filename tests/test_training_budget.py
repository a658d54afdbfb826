"""Durations as people write them, and the epochs that fit into them. No clock is asserted: the speed is put in."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from digitsmith import api
from digitsmith.cli import run as run_command
from digitsmith.config import MODELS, TrainSettings
from digitsmith.data.digits import Digits
from digitsmith.errors import ConfigError, InputError
from digitsmith.training import budget
from digitsmith.training.budget import epochs_in, images_per_second, seconds_in, within
from digitsmith.training.loop import train_gan
from digitsmith.training.machine import resolve
from digitsmith.training.observers import Observer
from digitsmith.training.run_files import read_log

Settings = Callable[..., TrainSettings]


@pytest.fixture
def at_1000_images_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(budget, "images_per_second", lambda *inputs, **options: 1000.0)
    monkeypatch.setattr(budget, "time", SimpleNamespace(perf_counter=lambda: 0.0))


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("5m", 300), ("12m", 720), ("1.5h", 5400), ("8h", 28_800), (" 10s ", 10)]
)
def test_durations_are_numbers_with_a_unit(text: str, seconds: float) -> None:
    assert seconds_in(text) == seconds


@pytest.mark.parametrize("text", ["", "5", "m", "5 minutes", "-5m", "1h30m", "1,5h", "5M", "nan", "infh", "1e3s", "٥m"])
def test_other_durations_are_refused_in_one_line(text: str) -> None:
    with pytest.raises(ConfigError, match=r"is no duration; write it as 90s, 12m or 1\.5h") as caught:
        seconds_in(text)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["0s", "9.9s", "0.1m", "10001h", "9" * 400 + "h"])
def test_durations_that_make_no_run_are_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="at least 10s and at most 10000h"):
        seconds_in(text)


def test_epochs_are_what_fits_with_a_margin() -> None:
    assert epochs_in(300, 1000, images=60_000) == 4.75  # 285 of 300 seconds
    assert epochs_in(28_800, 1234.5, images=60_000) == 562.9
    assert epochs_in(-3, 1000, images=640) == pytest.approx(1 / 640, rel=1e-3)  # the time is over: one step


@pytest.mark.parametrize("model", ["penman", "cgan"])
def test_a_budget_sets_the_epochs_and_the_machines_choices_alone(
    model: str, few_digits: Digits, quick: Settings, at_1000_images_a_second: None
) -> None:
    asked = quick(model, decay_from=0.5)
    found = within(120, asked, few_digits, Observer())
    assert found.epochs == 178.1
    changed = {name for name, value in vars(found).items() if value != getattr(asked, name)}
    assert changed <= {"epochs", "precision", "threads", "device", "style"}
    assert "auto" not in (found.precision, found.device)


class Told(Observer):
    """Keeps the lines."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def planned(self, line: str) -> None:
        self.lines.append(line)


@pytest.mark.parametrize(
    ("model", "speed", "times", "may_narrow", "channels"),
    [
        ("penman", 1700.0, 3.0, True, 32),  # enough images
        ("penman", 250.0, 3.0, True, 16),
        ("penman", 250.0, 1.4, True, 32),  # too few more
        ("penman", 250.0, 3.0, False, 32),
        ("cgan", 250.0, 3.0, True, 32),
    ],
)
def test_penman_is_narrower_where_its_width_would_see_too_few_images(
    model: str,
    speed: float,
    times: float,
    may_narrow: bool,
    channels: int,
    few_digits: Digits,
    quick: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Without bfloat16 five minutes are one epoch of 32 channels and four of 16."""

    def speed_of(settings: TrainSettings, *inputs: object, **options: object) -> float:
        return speed * (1 if settings.channels == 32 else times)

    monkeypatch.setattr(budget, "time", SimpleNamespace(perf_counter=lambda: 0.0))
    monkeypatch.setattr(budget, "images_per_second", speed_of)
    told = Told()
    found = within(300, quick(model), few_digits, told, may_narrow=may_narrow)
    assert found.channels == channels
    assert found.epochs == epochs_in(300, speed_of(found), images=640)
    (line,) = told.lines
    assert line.startswith(f"{found.epochs:.3g} epochs") and "fit into 300 s here" in line
    assert ("32 would be too few" in line) == (channels == 16)


def test_a_width_that_was_asked_for_stays(few_digits: Digits, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def within_it(budget_s: float, settings: TrainSettings, *inputs: object, may_narrow: bool) -> TrainSettings:
        seen.append(may_narrow)
        raise ConfigError("enough")

    monkeypatch.setattr(api, "within", within_it)
    for asked in ({}, {"channels": 32}, {"channels": 24}):
        with pytest.raises(ConfigError, match="enough"):
            api.train("penman", out=tmp_path / "run", data=few_digits, budget="10s", overrides=asked)
    with pytest.raises(ConfigError, match="enough"):
        api.train(preset="few", out=tmp_path / "run", data=few_digits, budget="10s")
    assert seen == [True, False, False, False]


def test_what_measuring_takes_is_not_spent_again(
    few_digits: Digits, quick: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter([100.0, 120.0])
    monkeypatch.setattr(budget, "images_per_second", lambda *inputs, **options: 1000.0)
    monkeypatch.setattr(budget, "resolve", lambda settings: settings)
    monkeypatch.setattr(budget, "time", SimpleNamespace(perf_counter=lambda: next(clock)))
    assert within(120, quick("cgan"), few_digits, Observer()).epochs == epochs_in(100, 1000, images=640)


@pytest.mark.parametrize("model", MODELS)
def test_a_speed_can_be_measured_for_every_model(model: str, few_digits: Digits, quick: Settings) -> None:
    assert images_per_second(resolve(quick(model)), few_digits, Observer(), measured_s=0.0) > 0


@pytest.mark.parametrize("model", ["penman", "cgan"])
def test_measuring_changes_nothing_of_the_run(
    model: str, few_digits: Digits, quick: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same epochs, found by a budget or named, end in the same bits."""
    monkeypatch.setattr(budget, "epochs_in", lambda *inputs, **options: 1.2)
    train_gan(within(10, quick(model), few_digits, Observer()), few_digits, out=tmp_path / "budget")
    train_gan(quick(model, epochs=1.2), few_digits, out=tmp_path / "epochs")
    one, two = (max((tmp_path / run / "checkpoints").glob("*.safetensors")) for run in ("budget", "epochs"))
    assert (one.name, one.read_bytes()) == (two.name, two.read_bytes())


def test_a_run_keeps_the_epochs_its_budget_gave(
    few_digits: Digits, tmp_path: Path, at_1000_images_a_second: None
) -> None:
    """Whatever the machine does when it is resumed, and whether the budget is named again."""
    mine = Digits(few_digits.images[:100], few_digits.labels[:100], few_digits.classes)
    small = {"batch_size": 50, "threads": 1}
    api.train("cgan-mlp", out=tmp_path / "run", data=mine, budget="10s", overrides=small)
    record = (tmp_path / "run" / "run.json").read_bytes()
    assert json.loads(record)["settings"]["epochs"] == 95
    assert b"budget" not in record
    api.train(out=tmp_path / "run", data=mine, resume=True, budget="90s")
    assert (tmp_path / "run" / "run.json").read_bytes() == record


def test_epochs_and_a_budget_are_not_both_taken(few_digits: Digits, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="give one of them"):
        api.train("cgan", out=tmp_path / "run", data=few_digits, epochs=2, budget="10s")
    with pytest.raises(InputError, match="give one of them"):
        api.train("cgan", out=tmp_path / "run", data=few_digits, overrides={"epochs": 2.0}, budget="10s")
    assert list(tmp_path.iterdir()) == []


def test_the_command_line_tells_a_bad_budget_in_one_line(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert run_command(["train", "penman", "--budget", "soon", "--out", str(tmp_path / "run")]) == 2
    told = capfd.readouterr().err
    assert told == "digitsmith: the budget 'soon' is no duration; write it as 90s, 12m or 1.5h\n"


def test_a_run_that_ends_before_it_has_learned_says_so(tmp_path: Path, few_digits: Digits, quick: Settings) -> None:
    for name, epochs in (("short", 1.0), ("long", 1.6)):
        train_gan(quick("penman", epochs=epochs, warm_up_images=160.0), few_digits, out=tmp_path / name)
    short, long = (
        [row["message"] for row in read_log(tmp_path / name / "log.jsonl") if row["event"] == "warning"]
        for name in ("short", "long")
    )
    assert [line for line in short if "rises over the first 160 images" in line and "--epochs 2 or more" in line]
    assert not [line for line in long if "rises over" in line]
