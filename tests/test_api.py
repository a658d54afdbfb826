"""Training as a function: where a run goes, and what it keeps when it goes on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import digitsmith
from digitsmith.api import default_folder
from digitsmith.data.digits import Digits
from digitsmith.errors import InputError
from digitsmith.presets import settings_for
from digitsmith.training import machine

QUICK = {"batch_size": 32, "threads": 1}


@pytest.fixture
def mine(tmp_path: Path, few_digits: Digits, monkeypatch: pytest.MonkeyPatch) -> str:
    """A user's own file, in the folder where the commands are given."""
    np.savez(tmp_path / "mine.npz", images=few_digits.images[:, 0], labels=few_digits.labels)
    monkeypatch.chdir(tmp_path)
    return "mine.npz"


def test_a_run_of_a_settings_file_goes_where_its_settings_say(mine: str) -> None:
    """It went to the default model's folder, as every other run of a file did."""
    Path("settings.toml").write_text(f'model = "sgan"\ndata = "{mine}"\nseed = 3\nepochs = 0.2\n')
    run = digitsmith.train(config=Path("settings.toml"), overrides=QUICK | {"labelled": 50})
    assert run.folder == Path("runs/sgan-mine-seed3")


def test_what_was_left_to_the_machine_stays_as_it_was(mine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same command goes on, though another number of threads would be best by now."""
    for best, epochs in ((1, 0.2), (2, 0.4)):
        monkeypatch.setattr(machine, "threads_that_help", lambda best=best: best)
        asked = {"batch_size": 32, "threads": 0, "precision": "auto", "device": "auto"}
        run = digitsmith.train("gan", data=mine, epochs=epochs, out="run", resume=True, overrides=asked)
    assert run.model.config.training["settings"]["threads"] == 1
    with pytest.raises(InputError, match="was trained with threads 1, not 2"):
        digitsmith.train("gan", epochs=0.6, out="run", resume=True, overrides={"threads": 2})


def test_a_run_is_not_written_into_its_own_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Read again, as a resume reads them, the run's folder was taken for a class."""
    (tmp_path / "digits" / "7").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "digits")
    assert default_folder(settings_for("gan", overrides={"data": "."})) == Path("runs/gan-digits-seed0")
    for data, out in ((".", None), (str(tmp_path / "digits"), "../digits/run")):
        with pytest.raises(InputError, match=r"lies within .*, which is read; choose a place outside it"):
            digitsmith.train("gan", data=data, out=out)
    with pytest.raises(InputError, match="lies within"):
        digitsmith.compare(["gan"], data=".", out="comparison")
    with pytest.raises(InputError, match="lies within"):
        digitsmith.evaluate(".", report="report")
    assert [path.name for path in (tmp_path / "digits").iterdir()] == ["7"]
