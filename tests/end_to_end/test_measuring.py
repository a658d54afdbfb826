"""`evaluate` and `compare` as a person meets them: real processes, real files, exit codes and what is printed."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from test_command_line import SMALL, digitsmith, refused

from digitsmith.data.mnist import load_mnist
from digitsmith.training.run_files import read_log

CHOSEN = np.random.default_rng(2).permutation(60_000)[:900]


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """900 real digits as a user's npz with a test split."""
    path = tmp_path_factory.mktemp("real") / "mine.npz"
    train, test = load_mnist("train").take(CHOSEN), load_mnist("test").take(np.arange(5000, 5400))
    np.savez(path, x_train=train.images[:, 0], y_train=train.labels, x_test=test.images[:, 0], y_test=test.labels)
    return path


def test_evaluate_prints_a_table_or_json(real: Path, tmp_path: Path) -> None:
    asked = ("evaluate", "cgan", "--against", real, "--test", real, "--count", "300", "--only", "fidelity,labels")
    table = digitsmith(*asked, "--report", tmp_path / "report")
    assert table.returncode == 0, table.stderr
    assert "Fréchet distance" in table.stdout and "floor" in table.stdout
    assert str(tmp_path / "report" / "index.html") in table.stdout
    record = json.loads(digitsmith(*asked, "--json").stdout)
    assert record == json.loads((tmp_path / "report" / "evaluation.json").read_text()) | {"facts": record["facts"]}
    distance = next(row for row in record["measurements"] if row["key"] == "fd")
    assert distance["generated"]["value"] > 0 and distance["images"] == 300 and distance["reference_images"] == 600
    assert distance["held_out"] is not None and distance["test"] is not None


def test_evaluate_measures_a_set_made_elsewhere(real: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "drawn.npy", load_mnist("train").images[30_000:30_200, 0])
    done = digitsmith("evaluate", tmp_path / "drawn.npy", "--against", real, "--only", "fidelity")
    assert done.returncode == 0, done.stderr
    assert "200 images against" in done.stdout


def test_compare_trains_measures_and_goes_on_where_it_was(real: Path, tmp_path: Path) -> None:
    out = tmp_path / "comparison"
    settings = ("--epochs", "1", "--threads", "1", "--count", "200", "--only", "fidelity,labels")
    asked = ("compare", "gan", "cgan", "--out", out, "--data", real, "--test", real, *settings)
    first = digitsmith(*asked)
    assert first.returncode == 0, first.stderr
    for name in ("index.html", "table.md", "comparison.json", "figures/samples.svg", "runs/gan/run.json"):
        assert (out / name).is_file(), name
    assert "| cgan" in (out / "table.md").read_text()
    steps = [row for row in read_log(out / "runs" / "cgan" / "log.jsonl") if row["event"] == "step"]
    again = digitsmith(*asked)
    assert again.returncode == 0, again.stderr
    rows = read_log(out / "runs" / "cgan" / "log.jsonl")
    assert [row for row in rows if row["event"] == "step"] == steps  # their times too: nothing was trained again
    other = digitsmith(*asked, "--seed", "1")
    assert other.returncode == 2 and "seed" in other.stderr, other.stderr


def test_compare_takes_runs_and_trains_a_twin_with_augmentation(real: Path, tmp_path: Path) -> None:
    run = tmp_path / "mine"
    assert digitsmith("train", "cgan", "--data", real, "--out", run, *SMALL).returncode == 0
    done = digitsmith(
        *("compare", "acgan", run, "--out", tmp_path / "both", "--data", real, "--epochs", "1", "--threads", "1"),
        *("--count", "150", "--only", "labels"),
    )
    assert done.returncode == 0, done.stderr
    twin = json.loads((tmp_path / "both" / "runs" / "acgan-augmented" / "run.json").read_text())
    assert twin["settings"]["augmentation"]["rotate_deg"] > 0
    page = (tmp_path / "both" / "index.html").read_text()
    assert "mine" in page and "with augmentation" in page.lower()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("evaluate", "nothing"), "nothing"),
        (("evaluate", "cgan", "--only", "sharpness"), "no family of figures 'sharpness'"),
        (("evaluate", "cgan", "--count", "100"), "at least 129"),
        (("evaluate", "cgan", "--against", "nowhere"), "nowhere"),
        (("evaluate", "cgan", "--inception-weights", "missing.pth", "--count", "200"), "missing.pth"),
        (("evaluate", "cgan", "--count", "1.5"), "whole number"),
        (("compare", "--out", "x"), "at least one model"),
        (("compare", "nothing", "--out", "x"), "nothing"),
        (("compare", "cgan", "cgan", "--out", "x"), "cgan"),
    ],
)
def test_what_cannot_be_right_is_one_line(
    arguments: tuple[str, ...], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    refused(*arguments, words=words)
    assert not list(tmp_path.iterdir())  # nothing half-made


def test_identical_images_and_nan_are_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "same.npy", np.zeros((200, 28, 28), np.uint8))
    refused("evaluate", tmp_path / "same.npy", words="the same one")
    np.save(tmp_path / "nan.npy", np.full((200, 28, 28), np.nan, np.float32))
    refused("evaluate", tmp_path / "nan.npy", words="nan")


def test_output_that_cannot_be_written_is_one_line_or_silence(real: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "digitsmith", "evaluate", str(real), "--against", str(real), "--only", "labels"]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run([*command, "--json"], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 1
    assert "disk is full" in done.stderr and "Traceback" not in done.stderr
    piped = subprocess.run(
        " ".join(map(shlex.quote, command)) + " | head -1", shell=True, capture_output=True, text=True, check=False
    )
    assert "Traceback" not in piped.stderr
    assert "against" in piped.stdout  # the result's first line, and no line of the progress


def test_a_place_that_cannot_be_is_refused_before_the_work(real: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    refused("evaluate", real, "--against", real, "--only", "labels", "--report", tmp_path / "file", words="is a file")
    refused("evaluate", real, "--against", real, "--only", "inception", words="--download-inception")
