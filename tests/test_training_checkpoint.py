"""Checkpoints and run folders: whole, verified, atomic, and never another run's."""

from __future__ import annotations

import dataclasses
import errno
import hashlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from digitsmith.config import MODELS, STYLED_MODELS, Augmentation, TrainSettings, digit_safe
from digitsmith.data.digits import Digits
from digitsmith.errors import CheckpointError, InputError, StorageError, TrainingDiverged
from digitsmith.training import state
from digitsmith.training.checkpoint import load_checkpoint, newest_checkpoint, save_checkpoint
from digitsmith.training.loop import train_gan
from digitsmith.training.machine import multiplies_in_bfloat16
from digitsmith.training.run_files import read_log
from digitsmith.training.run_folder import MAY_CHANGE, RunFolder
from digitsmith.training.step import Batch, Players, StepResult

Settings = Callable[..., TrainSettings]


def saved(folder: Path, images: int, keep: int = 3) -> Path:
    tensors = {"a.weight": torch.full((3, 4), float(images)), "n": torch.tensor(images)}
    return save_checkpoint(folder, step=images // 10, images=images, run="r", tensors=tensors, keep=keep)


def no_warning(line: str) -> None:
    raise AssertionError(line)


def test_a_checkpoint_comes_back(tmp_path: Path) -> None:
    path = saved(tmp_path, 640)
    checkpoint = load_checkpoint(path)
    assert (checkpoint.step, checkpoint.images) == (64, 640)
    assert torch.equal(checkpoint.tensors["a.weight"], torch.full((3, 4), 640.0))
    assert {file.suffix for file in tmp_path.iterdir()} == {".json", ".safetensors"}  # and nothing temporary


def test_the_last_k_are_kept(tmp_path: Path) -> None:
    for images in (10, 20, 30, 40, 1000):
        saved(tmp_path, images, keep=2)
    assert sorted(int(path.stem) for path in tmp_path.glob("*.json")) == [40, 1000]
    assert sorted(int(path.stem) for path in tmp_path.glob("*.safetensors")) == [40, 1000]


@pytest.mark.parametrize("suffix", [".json", ".safetensors"])
def test_any_changed_byte_is_noticed(tmp_path: Path, suffix: str) -> None:
    path = saved(tmp_path, 640)
    victim = path.with_suffix(suffix)
    good = victim.read_bytes()
    for position in range(0, len(good), max(1, len(good) // 60)):
        changed = bytearray(good)
        changed[position] ^= 0x01
        if suffix == ".json" and bytes(changed).split() == good.split():
            continue  # white space between two JSON values
        victim.write_bytes(bytes(changed))
        with pytest.raises(CheckpointError, match=r"damaged|cannot be read"):
            load_checkpoint(path)


@pytest.mark.parametrize("damage", ["truncate", "flip", "json", "remove"])
def test_a_damaged_newest_one_falls_back_with_a_warning(tmp_path: Path, damage: str) -> None:
    saved(tmp_path, 640)
    newest = saved(tmp_path, 1280)
    weights = newest.with_suffix(".safetensors")
    if damage == "truncate":
        weights.write_bytes(weights.read_bytes()[:-5])
    elif damage == "flip":
        weights.write_bytes(weights.read_bytes()[:-1] + b"\x7f")
    elif damage == "json":
        newest.write_text("{")
    else:
        weights.unlink()
    lines: list[str] = []
    checkpoint = newest_checkpoint(tmp_path, warn=lines.append)
    assert checkpoint is not None
    assert checkpoint.images == 640
    assert len(lines) == 1
    assert "000000001280" in lines[0]


def test_weights_without_their_json_are_not_a_checkpoint(tmp_path: Path) -> None:
    """What a kill between the two files leaves."""
    saved(tmp_path, 640)
    saved(tmp_path, 1280).unlink()
    checkpoint = newest_checkpoint(tmp_path, warn=no_warning)
    assert checkpoint is not None
    assert checkpoint.images == 640
    saved(tmp_path, 1920)
    assert not (tmp_path / "000000001280.safetensors").exists()


def test_no_checkpoint_is_none_and_only_damaged_ones_an_error(tmp_path: Path) -> None:
    assert newest_checkpoint(tmp_path, warn=no_warning) is None
    saved(tmp_path, 640).write_text("{}")
    with pytest.raises(CheckpointError, match=r"no checkpoint in .* is whole"):
        newest_checkpoint(tmp_path, warn=no_warning)


def test_no_pickle_is_anywhere_in_a_run(trained_run: Path) -> None:
    for path in trained_run.rglob("*"):
        if path.is_file() and path.suffix != ".npy":
            assert path.suffix not in (".pt", ".pth", ".pkl", ".ckpt")
            assert not path.read_bytes().startswith((b"\x80\x02", b"\x80\x04", b"PK\x03\x04"))
    for path in trained_run.rglob("*.npy"):
        np.load(path, allow_pickle=False)


def test_a_run_leaves_what_its_folder_says(trained_run: Path) -> None:
    folder = RunFolder(trained_run)
    rows = read_log(folder.log)
    steps = [row["step"] for row in rows if row["event"] == "step"]
    assert steps == [4, 8, 12, 16, 20]
    assert rows[-1]["event"] == "end"
    assert {"loss_d", "loss_g", "real_score", "fake_score", "variety", "images_per_s"} <= rows[0].keys()
    assert np.load(folder.samples(1)).shape == (10, 10, 1, 28, 28)
    assert np.load(folder.samples(2)).dtype == np.uint8  # the last epoch's grid always
    assert list(folder.tensorboard.iterdir())
    assert len(list(folder.checkpoints.glob("*.json"))) == 3
    record = folder.read_record()
    assert record["settings"]["precision"] in ("float32", "bfloat16")  # the choice, not "auto"
    assert record["machine"]["threads"] == 1


def test_tensorboard_holds_scalars_and_grids(trained_run: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(RunFolder(trained_run).tensorboard))
    events.Reload()
    assert {"loss/discriminator", "loss/generator", "health/variety"} <= set(events.Tags()["scalars"])
    assert [event.step for event in events.Scalars("loss/generator")] == [4, 8, 12, 16, 20]
    picture = events.Images("samples/fixed_noise")[0]
    assert (picture.width, picture.height) == (280, 280)


def test_a_resume_must_be_the_runs_own(trained_run: Path, tmp_path: Path, few_digits: Digits, quick: Settings) -> None:
    run = tmp_path / "run"
    shutil.copytree(trained_run, run)
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    assert run / ".lock" in before
    for settings, data, words in [
        (quick("cgan"), few_digits, "was trained with model acgan, not cgan"),
        (quick(learning_rate=0.01), few_digits, "learning_rate"),
        (quick(seed=9), few_digits, "seed 0, not 9"),
        (quick(), few_digits.take(np.arange(600)), "other images"),
    ]:
        with pytest.raises(CheckpointError, match=words):
            train_gan(settings, data, out=run, resume=True)
    with pytest.raises(InputError, match="--resume"):
        train_gan(quick(), few_digits, out=run)
    assert before == {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_resumed_run_ends_in_the_same_bits(
    model: str, precision: str, tmp_path: Path, few_digits: Digits, quick: Settings
) -> None:
    """In one process and in two halves; `tools/kill_and_resume.py` does it with SIGKILL."""
    if precision == "bfloat16" and not multiplies_in_bfloat16("cpu"):
        few_digits = few_digits.take(np.arange(160))  # emulated products take a hundred times as long
    augmentation = Augmentation(shift_px=2.0) if model in STYLED_MODELS else digit_safe()
    settings = quick(
        model, precision=precision, augmentation=augmentation, decay_from=1.0, ema_half_life_images=10_000.0
    )
    train_gan(settings, few_digits, out=tmp_path / "whole")
    train_gan(dataclasses.replace(settings, epochs=1.1), few_digits, out=tmp_path / "halves")
    train_gan(settings, few_digits, out=tmp_path / "halves", resume=True)
    whole, halves = (max((tmp_path / run / "checkpoints").glob("*.safetensors")) for run in ("whole", "halves"))
    assert whole.name == halves.name
    assert whole.read_bytes() == halves.read_bytes()


def test_a_run_that_goes_on_elsewhere_says_so_and_keeps_both(
    tmp_path: Path, few_digits: Digits, quick: Settings
) -> None:
    """Its record named the first machine and the first versions for the whole run."""
    run = RunFolder(tmp_path / "run")
    train_gan(quick("gan", epochs=1.0), few_digits, out=run.root)
    record = run.read_record()
    here = record["versions"]["torch"]
    record["versions"]["torch"], record["machine"]["processor"] = "2.0.1", "another one"
    run.record.write_text(json.dumps(record))
    train_gan(quick("gan", epochs=1.0), few_digits, out=run.root, resume=True)
    assert run.read_record()["versions"]["torch"] == "2.0.1"  # no step was left to take
    for _ in range(2):  # the second time it is at its end again
        train_gan(quick("gan", epochs=2.0), few_digits, out=run.root, resume=True)
        again = run.read_record()
        assert again["versions"]["torch"] == f"2.0.1, then {here}"
        assert again["machine"]["processor"].startswith("another one, then ")
    (warning,) = [row for row in read_log(run.log) if row["event"] == "warning" and row["kind"] == "another-machine"]
    assert f"torch {here}, was 2.0.1" in warning["message"]


def test_a_run_from_before_penman_had_settings_goes_on(tmp_path: Path, few_digits: Digits, quick: Settings) -> None:
    """Neither its record nor its identity knows of settings that its model does not read."""
    run = RunFolder(tmp_path / "run")
    train_gan(quick(epochs=1.0), few_digits, out=run.root)
    record = run.read_record()
    later = {"penalty_gamma", "penalty_every", "class_weight", "style_weight", "warm_up_images", "style", "channels"}
    later |= {"labelled", "adversarial_weight", "matching_weight", "consistency_weight", "sure_from", "differentiable"}
    later |= {"starts_at_mean", "unlabelled", "gradient_clip"}
    record["settings"] = {key: value for key, value in record["settings"].items() if key not in later}
    moves = record["settings"]["augmentation"]
    record["settings"]["augmentation"] = {key: moves[key] for key in moves if key not in ("stretch", "shear_deg")}
    run.record.write_text(json.dumps(record))
    fields = {field.name for field in dataclasses.fields(TrainSettings)}
    assert set(record["settings"]) == fields - later
    decisive = {key: value for key, value in record["settings"].items() if key not in MAY_CHANGE}
    digest = hashlib.sha256(json.dumps([decisive, few_digits.fingerprint()], sort_keys=True).encode()).hexdigest()
    checkpoint = newest_checkpoint(run.checkpoints, warn=no_warning)
    assert checkpoint is not None and checkpoint.run == digest  # as that digitsmith wrote it
    settings = run.saved_settings()
    train_gan(dataclasses.replace(settings, epochs=1.5), few_digits, out=run.root, resume=True)
    assert read_log(run.log)[-1]["step"] == 15


@pytest.mark.parametrize(("key", "value"), [("seed", 1), ("batch_size", 3), ("learning_rate", 0.5)])
def test_a_changed_record_is_noticed(
    key: str, value: float, trained_run: Path, tmp_path: Path, few_digits: Digits, quick: Settings
) -> None:
    """Resuming with what the changed record says, as `--resume` does, must not silently become another run."""
    run = tmp_path / "run"
    shutil.copytree(trained_run, run)
    record = json.loads((run / "run.json").read_text())
    record["settings"][key] = value
    (run / "run.json").write_text(json.dumps(record))
    before = (run / "run.json").read_bytes()
    settings = RunFolder(run).saved_settings()
    with pytest.raises(CheckpointError, match=r"is not what it was when|epochs already"):
        train_gan(settings, few_digits, out=run, resume=True)
    assert (run / "run.json").read_bytes() == before


def test_a_folder_with_other_files_is_left_alone(tmp_path: Path, few_digits: Digits, quick: Settings) -> None:
    (tmp_path / "thesis.tex").write_text("mine")
    for resume in (False, True):
        with pytest.raises(InputError, match=r"thesis\.tex"):
            train_gan(quick(), few_digits, out=tmp_path, resume=resume)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]
    assert (tmp_path / "thesis.tex").read_text() == "mine"


def test_two_processes_cannot_train_into_one_folder(tmp_path: Path, few_digits: Digits, quick: Settings) -> None:
    with RunFolder(tmp_path).locked(), pytest.raises(InputError, match="another process"):
        train_gan(quick(), few_digits, out=tmp_path)


def test_a_decaying_run_cannot_be_made_longer(tmp_path: Path, few_digits: Digits, quick: Settings) -> None:
    train_gan(quick(decay_from=0.5, epochs=0.5), few_digits, out=tmp_path / "run")
    with pytest.raises(CheckpointError, match=r"falls towards epoch 0\.5"):
        train_gan(quick(decay_from=0.5, epochs=1.0), few_digits, out=tmp_path / "run", resume=True)


@pytest.mark.parametrize("poison", [float("nan"), 1e30])
def test_a_broken_step_ends_the_run_with_good_checkpoints(
    poison: float, tmp_path: Path, few_digits: Digits, quick: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    real_step = state.adversarial_step
    calls = 0

    def step_that_breaks_a_weight(players: Players, batch: Batch) -> StepResult:
        nonlocal calls
        calls += 1
        result = real_step(players, batch)
        if calls == 12:  # checkpoints come every 4 steps: this one would be saved
            with torch.no_grad():
                next(players.discriminator.parameters()).fill_(poison)
        return result

    monkeypatch.setattr(state, "adversarial_step", step_that_breaks_a_weight)
    run = tmp_path / "run"
    with pytest.raises(TrainingDiverged, match="learning-rate") as caught:
        train_gan(quick(), few_digits, out=run)
    assert "\n" not in str(caught.value)
    checkpoint = newest_checkpoint(RunFolder(run).checkpoints, warn=no_warning)
    assert checkpoint is not None
    if np.isnan(poison):
        assert checkpoint.step == 8
    assert all(bool(tensor.isfinite().all()) for tensor in checkpoint.tensors.values())


def test_a_learning_rate_that_explodes_is_told(tmp_path: Path, few_digits: Digits, quick: Settings) -> None:
    settings = quick(learning_rate=1.0, generator_loss="minimax", precision="float32")
    with pytest.raises(TrainingDiverged, match="left every sensible range at step 1"):
        train_gan(settings, few_digits, out=tmp_path / "run")


def test_a_path_through_a_file_is_one_clear_line(tmp_path: Path, few_digits: Digits, quick: Settings) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    with pytest.raises(InputError, match="a part of this path is a file") as caught:
        train_gan(quick(), few_digits, out=blocked / "run")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("number", [errno.EROFS, errno.EACCES, errno.ENOSPC])
def test_a_disk_that_refuses_is_one_clear_line(
    number: int, tmp_path: Path, few_digits: Digits, quick: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tests run as root, whom no permission stops: the refusal itself is put in."""

    def refuse(path: Path, *arguments: object, **options: object) -> None:
        raise OSError(number, os.strerror(number), str(path))

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(StorageError, match=r"read-only|permission|full") as caught:
        train_gan(quick(), few_digits, out=tmp_path / "run")
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 1


def test_a_damaged_later_checkpoint_never_pushes_out_a_good_one(tmp_path: Path) -> None:
    saved(tmp_path, 640)
    damaged = saved(tmp_path, 1280).with_suffix(".safetensors")
    damaged.write_bytes(b"damaged")
    path = saved(tmp_path, 960, keep=1)
    assert [file.stem for file in tmp_path.glob("*.json")] == [path.stem]
    assert load_checkpoint(path).images == 960


def test_a_run_cannot_be_made_shorter_than_it_is(tmp_path: Path, few_digits: Digits, quick: Settings) -> None:
    run = tmp_path / "run"
    train_gan(quick(epochs=1.0), few_digits, out=run)
    record = (run / "run.json").read_bytes()
    with pytest.raises(CheckpointError, match=r"has seen 1 epochs already"):
        train_gan(quick(epochs=0.5), few_digits, out=run, resume=True)
    assert (run / "run.json").read_bytes() == record


def test_a_kill_while_the_record_is_written_does_not_block_a_resume(
    tmp_path: Path, few_digits: Digits, quick: Settings
) -> None:
    run = tmp_path / "run"
    run.mkdir()
    (run / ".lock").touch()
    (run / ".run.json.partial-4242").write_text("{")
    train_gan(quick(epochs=0.2), few_digits, out=run, resume=True)
    assert (run / "run.json").exists()
    assert not list(run.rglob(".*.partial-*"))


def test_lost_checkpoints_are_told(tmp_path: Path, few_digits: Digits, quick: Settings) -> None:
    run = tmp_path / "run"
    train_gan(quick(), few_digits, out=run)
    shutil.rmtree(run / "checkpoints")
    train_gan(quick(), few_digits, out=run, resume=True)
    warnings = [row["message"] for row in read_log(run / "log.jsonl") if row["event"] == "warning"]
    assert len(warnings) == 1
    assert "beginning again" in warnings[0]


def test_images_of_an_impossible_size_leave_no_folder(tmp_path: Path, quick: Settings) -> None:
    odd = Digits(np.zeros((20, 1, 30, 30), np.uint8), np.arange(20) % 2, ("a", "b"))
    with pytest.raises(InputError, match="multiple of 4"):
        train_gan(quick("acgan"), odd, out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_an_empty_class_is_named(tmp_path: Path, few_digits: Digits, quick: Settings) -> None:
    lacking = few_digits.take(np.flatnonzero(few_digits.labels != 7))
    with pytest.raises(InputError, match="class '7' has no image"):
        train_gan(quick(), lacking, out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_gpu_that_is_not_there_is_told(
    tmp_path: Path, few_digits: Digits, quick: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(InputError, match="no CUDA GPU"):
        train_gan(quick(device="cuda"), few_digits, out=tmp_path / "run")
    assert not (tmp_path / "run").exists()
