"""The commands as a person meets them: real processes, real files, exit codes and the line that is printed."""

from __future__ import annotations

import errno
import json
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import digitsmith as digitsmith_api
from digitsmith import cli
from digitsmith.data.digits import Digits
from digitsmith.data.reading import read_digits
from digitsmith.errors import InputError, StorageError

ROOT = Path(__file__).parents[2]


def digitsmith(*arguments: object, **options: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "digitsmith", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, **options)  # type: ignore[call-overload]


def started(*arguments: object) -> subprocess.Popen[str]:
    """A command in the middle of its work, to be sent a signal. A shell starts its background jobs with Ctrl-C ignored,
    and so their children's children: a suite run as such a job would wait for a signal that nobody gets."""
    return subprocess.Popen(
        [sys.executable, "-m", "digitsmith", *map(str, arguments)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509  # no other thread
    )


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory, few_digits: Digits) -> Path:
    """640 real digits as a user's npz."""
    path = tmp_path_factory.mktemp("data") / "mine.npz"
    np.savez(path, x_train=few_digits.images[:, 0], y_train=few_digits.labels)
    return path


SMALL = ("--epochs", "2", "--batch-size", "64", "--threads", "1", "--sample-epochs", "1")


def refused(*arguments: object, words: str, code: int = 2) -> None:
    """One line on stderr with `words`, the exit code, no traceback."""
    done = digitsmith(*arguments)
    assert done.returncode == code, done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    assert done.stderr.startswith("digitsmith: ")
    assert words in done.stderr, done.stderr


def test_train_then_draw_then_make(tmp_path: Path, data: Path) -> None:
    run = tmp_path / "run"
    trained = digitsmith("train", "cgan", "--data", data, "--out", run, *SMALL)
    assert trained.returncode == 0, trained.stderr
    assert str(run / "index.html") in trained.stdout.replace("\n", "")
    assert (run / "index.html").stat().st_size > 10_000
    assert {path.suffix for path in (run / "figures").iterdir()} == {".png", ".svg"}
    assert {path.name for path in (run / "weights").iterdir()} == {"config.json", "model.safetensors", "README.md"}

    year = tmp_path / "year.png"
    assert digitsmith("draw", "2026", "--model", run, "-o", year).returncode == 0
    assert Image.open(year).height == 160
    assert (np.asarray(Image.open(year))[0] == 255).all()  # ink on white

    made = digitsmith("make", "50", "--model", run / "weights", "--format", "idx", "--out", tmp_path / "set")
    assert made.returncode == 0, made.stderr
    digits = read_digits(tmp_path / "set")
    assert digits.counts.tolist() == [5] * 10
    manifest = json.loads((tmp_path / "set" / "manifest.json").read_text())
    config = json.loads((run / "weights" / "config.json").read_text())
    assert manifest["weights_sha256"] == config["weights_sha256"]
    assert manifest["seed"] == 0
    assert manifest["versions"]["digitsmith"]


def test_the_shipped_model_draws_at_once(tmp_path: Path) -> None:
    picture = tmp_path / "7.png"
    assert digitsmith("draw", "7", "--size", "28", "--ground", "black", "-o", picture).returncode == 0
    assert Image.open(picture).height == 28
    assert np.asarray(Image.open(picture)).max() > 200
    assert "cgan" in digitsmith("models").stdout


def test_kills_and_resumes_end_in_the_same_bits(data: Path) -> None:
    script = [sys.executable, str(ROOT / "tools" / "kill_and_resume.py"), "--kills", "4", "--data", str(data)]
    settings = ["--epochs", "20", "--threads", "1", "--checkpoint-every-images", "256"]
    done = subprocess.run([*script, *settings], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "final state equal, log equal" in done.stdout


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_finishes_the_step_saves_and_says_how_to_go_on(
    tmp_path: Path, data: Path, number: signal.Signals, code: int
) -> None:
    run = tmp_path / "run"
    train = ("train", "gan", "--data", str(data), "--out", str(run), "--epochs", "2000", "--threads", "1")
    process = started(*train, "--checkpoint-every-images", "100000000")
    log = run / "log.jsonl"
    deadline = time.monotonic() + 60
    while not (log.exists() and log.stat().st_size) and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(number)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == code, stderr
    assert f"digitsmith train --out {run} --resume" in stderr
    assert stderr.count("\n") == 1
    assert len(list((run / "checkpoints").glob("*.json"))) == 1


def test_a_full_disk_ends_with_the_last_checkpoint_intact(tmp_path: Path, data: Path) -> None:
    """A limit on file sizes refuses the write as a full disk does, in the middle of the file."""
    run = tmp_path / "run"
    assert digitsmith("train", "acgan", "--data", data, "--out", run, *SMALL).returncode == 0
    before = {path.name: path.read_bytes() for path in (run / "checkpoints").iterdir()}

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))  # a checkpoint is 10 MB

    full = digitsmith("train", "--out", run, "--resume", "--epochs", "3", preexec_fn=limit)
    assert full.returncode == 1, full.stderr
    assert "cannot be written" in full.stderr or "grew past the size" in full.stderr
    assert "Traceback" not in full.stderr
    assert before == {path.name: path.read_bytes() for path in (run / "checkpoints").iterdir()}
    again = digitsmith("train", "--out", run, "--resume", "--epochs", "3")
    assert again.returncode == 0, again.stderr


def test_a_full_disk_is_one_line_whoever_meets_it_first(tmp_path: Path, data: Path) -> None:
    """Here it is the log or TensorBoard's file, long before the first checkpoint."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (9_000, 9_000))

    often = ("--batch-size", "8", "--log-every-steps", "1", "--epochs", "500", "--threads", "1")
    full = digitsmith("train", "gan", "--data", data, "--out", tmp_path / "run", *often, preexec_fn=limit)
    assert full.returncode == 1, full.stderr
    assert full.stderr.count("\n") == 1, full.stderr
    assert "grew past the size allowed here" in full.stderr


@pytest.mark.parametrize(
    ("arguments", "place", "reason"),
    [
        (("draw", "7", "-o", "7.png"), "/dev/full", "the disk is full"),
        (("models",), "/dev/full", "the disk is full"),
        (("models",), "models.txt", "File too large"),
    ],
)
def test_an_output_that_is_refused_is_one_line(
    tmp_path: Path, arguments: tuple[str, ...], place: str, reason: str
) -> None:
    """Python itself would say it in lines of its own, with the exit code 120, or with a traceback."""

    def limit() -> None:
        if place == "models.txt":
            resource.setrlimit(resource.RLIMIT_FSIZE, (10, 10))

    command = [sys.executable, "-m", "digitsmith", *arguments]
    with (tmp_path / place).open("w") as out:
        done = subprocess.run(
            command, stdout=out, stderr=subprocess.PIPE, text=True, check=False, cwd=tmp_path, preexec_fn=limit
        )
    line = f"digitsmith: the output cannot be written: {reason}; what was finished before is intact\n"
    assert (done.returncode, done.stderr) == (1, line)
    assert (tmp_path / "7.png").exists() == ("draw" in arguments)


@pytest.mark.parametrize("words", [("draw", "7", "-o", "7.png"), ("models",)])
def test_a_reader_that_has_gone_before_anything_was_written_is_no_error(words: tuple[str, ...], tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "digitsmith", *words]
    with os.fdopen(writing, "w") as gone:
        done = subprocess.run(command, stdout=gone, stderr=subprocess.PIPE, text=True, check=False, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (141, "")


def test_what_another_file_refuses_is_not_laid_to_the_output(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(arguments: list[str]) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(cli, "app", refuse)
    with pytest.raises(OSError, match="Input/output error") as error:
        cli.run(["models"])
    assert not isinstance(error.value, StorageError)


def test_characters_that_the_output_cannot_encode_do_not_end_a_command() -> None:
    done = digitsmith("models", encoding="latin-1", env=os.environ | {"PYTHONIOENCODING": "latin-1"})
    assert done.returncode == 0, done.stderr
    assert "\\u2013" in done.stdout  # of "99.57–99.79", which Latin-1 has no dash for


def test_a_loop_of_links_is_refused_wherever_prove_is_given_it(
    tmp_path: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "one").symlink_to("other")
    (tmp_path / "other").symlink_to("one")
    small = ("--per-class", "3", "--arms", "a", "--threads", "1")
    for read, out in ((tmp_path / "one", tmp_path / "proof"), (data, tmp_path / "one" / "proof")):
        assert cli.run(("prove", "--data", str(read), "--out", str(out), *small)) == 2
        said = capsys.readouterr().err
        assert said.count("\n") == 1 and f"digitsmith: {tmp_path / 'one'}" in said, said


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_stopped_make_leaves_nothing(tmp_path: Path, number: signal.Signals, code: int) -> None:
    make = ("make", "5000000", "--format", "idx", "--out", str(tmp_path / "set"))
    process = started(*make)
    deadline = time.monotonic() + 60
    while not list(tmp_path.rglob("*-ubyte")) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert list(tmp_path.rglob("*-ubyte"))  # it was in the middle of writing
    process.send_signal(number)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == code, stderr
    assert stderr.splitlines()[-1] == "digitsmith: stopped; what was finished before is intact"
    assert "Traceback" not in stderr
    assert list(tmp_path.iterdir()) == []


def test_a_resume_without_a_folder_keeps_the_runs_own_settings(tmp_path: Path, data: Path) -> None:
    train = ("train", "gan", "--data", data)
    assert digitsmith(*train, *SMALL, cwd=tmp_path).returncode == 0
    run = tmp_path / "runs" / "gan-mine-seed0"
    before = json.loads((run / "run.json").read_text())["settings"]
    again = digitsmith(*train, "--resume", cwd=tmp_path)
    assert again.returncode == 0, again.stderr
    assert json.loads((run / "run.json").read_text())["settings"] == before


def test_a_damaged_newest_checkpoint_is_passed_over_with_a_warning(tmp_path: Path, data: Path) -> None:
    run = tmp_path / "run"
    every = ("--checkpoint-every-images", "640")
    assert digitsmith("train", "acgan", "--data", data, "--out", run, *SMALL, *every).returncode == 0
    newest = max((run / "checkpoints").glob("*.safetensors"))
    good = newest.read_bytes()
    newest.write_bytes(good[:5000] + bytes([good[5000] ^ 1]) + good[5001:])
    again = digitsmith("train", "--out", run, "--resume")
    assert again.returncode == 0, again.stderr
    assert "damaged" in again.stdout
    assert newest.read_bytes() == good  # the steps after the one before it were taken again, to the same bits
    for path in (run / "checkpoints").glob("*.safetensors"):
        path.write_bytes(path.read_bytes()[:-1])
    refused("train", "--out", run, "--resume", words="no checkpoint")
    refused("draw", "3", "--model", run, "-o", tmp_path / "3.png", words="no checkpoint")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("train", "stylegan"), "choose one of gan, cgan, acgan, cgan-mlp"),
        (("train", "acgan", "--epochs", "-1"), "epochs must be above 0"),
        (("train", "acgan", "--epochs", "many"), "epochs"),
        (("train", "acgan", "--learnig-rate", "1"), "--learnig-rate"),
        (("train", "acgan", "--preset", "report-9"), "report-1, report-2, demo"),
        (("train", "acgan", "--sample-epochs", "1,x"), "--sample-epochs"),
        (("train", "acgan", "--data", "nowhere/at/all"), "nowhere/at/all"),
        (("train", "acgan", "--config", "nowhere.toml"), "nowhere.toml"),
        (("draw", "20x6", "-o", "x.png"), "'x'"),
        (("draw", "", "-o", "x.png"), "nothing to draw"),
        (("draw", "7", "-o", "x.docx"), ".png"),
        (("draw", "7", "-o", "x.jpg", "--ground", "transparent"), "use .png"),
        (("draw", "7", "-o", "x.png", "--ground", "gray"), "white, black, transparent"),
        (("draw", "7", "-o", "x.png", "--ink", "navy"), "#1a2b6d"),
        (("draw", "7", "-o", "x.png", "--size", "0"), "height"),
        (("draw", "7", "-o", "x.png", "--size", "20.5"), "whole number"),
        (("draw", "7", "-o", "x.png", "--hand", "-1"), "hand"),
        (("draw", "7", "-o", "x.png", "--model", "nowhere"), "nowhere"),
        (("draw", "7", "-o", "x.png", "--seed", "-1"), "seed"),
        (("make", "10", "-o", "set", "--format", "tfrecord"), "parquet"),
        (("make", "0", "-o", "set"), "0"),
        (("make", "12.7", "-o", "set"), "whole number"),
        (("train", "acgan", "--seed", "1.5"), "whole number"),
        (("draw", "7", "-o", "x.png", "--seed", "1.7"), "whole number"),
        (("train", "--out", "mistyped", "--resume"), "no run to go on with"),
        (("make", "-o", "set"), "count"),
        (("make", "5", "-o", "set", "--counts", "1=5"), "count"),
        (("make", "-o", "set", "--counts", "12=5"), "12"),
        (("make",), "out"),
        (("paint",), "paint"),
    ],
)
def test_bad_input_is_one_line(tmp_path: Path, arguments: tuple[str, ...], words: str) -> None:
    here = Path.cwd()
    os.chdir(tmp_path)
    try:
        refused(*arguments, words=words)
        assert list(tmp_path.iterdir()) == []
    finally:
        os.chdir(here)


def test_the_api_trains_on_images_at_hand(tmp_path: Path, few_digits: Digits) -> None:
    """Overrides are not erased by defaults; a run on images in memory asks for them again."""
    run = digitsmith_api.train(
        "acgan",
        data=few_digits,
        out=tmp_path / "run",
        overrides={"epochs": 0.5, "seed": 7, "batch_size": 32, "threads": 1},
    )
    settings = run.model.config.training["settings"]
    assert (settings["epochs"], settings["seed"], settings["batch_size"]) == (0.5, 7, 32)
    assert run.model.draw([1, 2, 3]).shape == (3, 28, 28)
    with pytest.raises(InputError, match="images in memory"):
        digitsmith_api.train(out=tmp_path / "run", resume=True)
    again = digitsmith_api.train(data=few_digits, out=tmp_path / "run", resume=True, epochs=0.7)
    assert again.model.config.training["images_seen"] > run.model.config.training["images_seen"]


def test_the_unconditional_model_is_not_asked_for_digits(tmp_path: Path, data: Path) -> None:
    run = tmp_path / "run"
    trained = digitsmith("train", "gan", "--data", data, "--out", run, *SMALL)
    assert trained.returncode == 0, trained.stderr
    assert (run / "index.html").exists()
    refused("draw", "7", "--model", run, "-o", tmp_path / "7.png", words="conditional")
    refused("make", "10", "--model", run, "-o", tmp_path / "set", words="conditional")


def test_nothing_heavy_is_loaded_before_it_is_needed() -> None:
    heavy = ("torch", "numpy", "matplotlib", "pyarrow", "tensorboard", "PIL", "scipy", "huggingface_hub")
    for code in ("import digitsmith", "import digitsmith.cli as c; c.run(['--help'])"):
        shown = subprocess.run(
            [sys.executable, "-c", f"{code}\nimport sys; print('|'.join(sorted(sys.modules)))"],
            capture_output=True,
            text=True,
            check=True,
        )
        loaded = set(shown.stdout.splitlines()[-1].split("|"))
        assert not loaded & set(heavy), code


def test_colour_images_of_another_size_train_and_draw(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    images = generator.integers(0, 255, (120, 32, 32, 3), dtype=np.uint8)
    np.savez(tmp_path / "c.npz", x_train=images, y_train=np.arange(120) % 3)
    for model in ("acgan", "cgan-mlp"):
        run = tmp_path / model
        trained = digitsmith("train", model, "--data", tmp_path / "c.npz", "--out", run, *SMALL)
        assert trained.returncode == 0, trained.stderr
        picture = tmp_path / f"{model}.png"
        assert digitsmith("draw", "012", "--model", run, "--size", "32", "-o", picture).returncode == 0
        assert Image.open(picture).height == 38  # and a margin of 3 on either side
        assert Image.open(picture).mode == "RGB"
