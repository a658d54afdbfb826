"""Images without labels beside labelled ones: they are learned from, their labels never, and they decide the run."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

import digitsmith
from digitsmith import assess
from digitsmith.cli import run as run_command
from digitsmith.config import Augmentation, TrainSettings
from digitsmith.data.digits import Digits
from digitsmith.data.images import Images
from digitsmith.data.partly_labelled import PartlyLabelled
from digitsmith.drawing.loading import load
from digitsmith.errors import CheckpointError, ConfigError, DataError, InputError
from digitsmith.presets import settings_for
from digitsmith.recognising.recogniser import Recogniser, load_recogniser
from digitsmith.report.story import told
from digitsmith.training.batches import BatchSource
from digitsmith.training.labelled import labelled_images
from digitsmith.training.loop import train_gan
from digitsmith.training.run_files import read_run
from digitsmith.training.run_folder import RunFolder, identity
from digitsmith.training.semi_supervised import SemiSupervisedBatch
from digitsmith.weights.folder import licence_of

Settings = Callable[..., TrainSettings]
QUICK = {"epochs": 0.5, "batch_size": 64, "threads": 1, "log_every_steps": 2, "sample_epochs": [1]}


@pytest.fixture(scope="module")
def labelled(few_digits: Digits) -> Digits:
    """Three images of each class."""
    return few_digits.take(labelled_images(few_digits, 30, seed=7))


@pytest.fixture(scope="module")
def others(few_digits: Digits) -> NDArray[np.uint8]:
    """The 610 that are not among them, uint8 [610, 1, 28, 28]."""
    return few_digits.images[np.setdiff1d(np.arange(640), labelled_images(few_digits, 30, seed=7))]


@pytest.fixture(scope="module")
def both(labelled: Digits, others: NDArray[np.uint8]) -> PartlyLabelled:
    return PartlyLabelled(labelled, Images(others, source="scans"))


@pytest.fixture(scope="module")
def folders(labelled: Digits, others: NDArray[np.uint8], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """labelled/<class>/*.png, and scans/*.png without labels."""
    root = tmp_path_factory.mktemp("own")
    for number, (image, label) in enumerate(zip(labelled.images, labelled.labels, strict=True)):
        (root / "labelled" / str(label)).mkdir(parents=True, exist_ok=True)
        Image.fromarray(image[0]).save(root / "labelled" / str(label) / f"{number}.png")
    (root / "scans").mkdir()
    for number, image in enumerate(others):
        Image.fromarray(image[0]).save(root / "scans" / f"scan {number}.png")
    return root


@pytest.fixture(scope="module")
def run(folders: Path) -> Path:
    """A finished small run on both, made once and only read."""
    data, unlabelled, out = str(folders / "labelled"), folders / "scans", folders / "run"
    digitsmith.train("sgan", data=data, unlabelled=unlabelled, out=out, overrides=QUICK)
    return out


def weights_of(run: Path) -> bytes:
    return max((run / "checkpoints").glob("*.safetensors")).read_bytes()


def as_bytes(images: torch.Tensor) -> set[bytes]:
    return {image.tobytes() for image in images.add(1).mul(127.5).round().to(torch.uint8).numpy()}


def test_an_epoch_has_every_image_once_and_labels_come_from_the_labelled(both: PartlyLabelled, quick: Settings) -> None:
    settings = quick("sgan", labelled=30, augmentation=Augmentation())
    source = BatchSource(both, settings, z_dim=64, device="cpu")
    batches = [source.batch(step) for step in range(10)]
    assert all(isinstance(batch, SemiSupervisedBatch) for batch in batches)
    real = torch.cat([batch.real for batch in batches])
    assert len(real) == len(both) == 640
    assert as_bytes(real) == {image.tobytes() for image in both.images}  # the labelled ones stand among them
    known = {image.tobytes(): label for image, label in zip(both.labelled.images, both.labels.tolist(), strict=True)}
    for batch in batches:
        seen = batch.labelled.add(1).mul(127.5).round().to(torch.uint8).numpy()
        assert [known[image.tobytes()] for image in seen] == batch.labels.tolist()


def test_a_set_in_two_parts_is_the_set_in_one(few_digits: Digits, quick: Settings) -> None:
    settings = quick("sgan", labelled=100)
    two = PartlyLabelled(few_digits.take(np.arange(600)), Images(few_digits.images[600:]))
    parts, whole = (BatchSource(digits, settings, z_dim=64, device="cpu") for digits in (two, few_digits))
    assert torch.equal(parts.images, whole.images)
    assert parts.labelled.max() < 600 < whole.labelled.max()  # only those that have labels are asked for theirs
    one, other = parts.batch(13), whole.batch(13)
    assert isinstance(one, SemiSupervisedBatch)
    assert isinstance(other, SemiSupervisedBatch)
    assert torch.equal(one.real, other.real)


def test_labels_of_unlabelled_images_are_not_looked_at(
    labelled: Digits, few_digits: Digits, quick: Settings, tmp_path: Path
) -> None:
    right = few_digits.take(np.arange(200))
    wrong = Digits(right.images, np.zeros(200, np.int64), ("a cat",), "cats")
    for name, images in {"right": Images.of(right), "wrong": Images.of(wrong), "none": Images(right.images)}.items():
        train_gan(quick("sgan", labelled=30, epochs=1.0), PartlyLabelled(labelled, images), out=tmp_path / name)
    assert weights_of(tmp_path / "right") == weights_of(tmp_path / "wrong") == weights_of(tmp_path / "none")


def test_all_labels_are_looked_at_unless_a_number_is_named(tmp_path: Path) -> None:
    assert settings_for("sgan").labelled == 100
    assert settings_for("sgan", overrides={"unlabelled": "scans"}).labelled == 0
    assert settings_for("sgan", overrides={"unlabelled": "scans", "labelled": 20}).labelled == 20
    assert settings_for("sgan", overrides={"unlabelled": ""}).labelled == 100
    file = tmp_path / "settings.toml"
    file.write_text('unlabelled = "scans"\n')
    assert settings_for("sgan", file=file).labelled == 0
    file.write_text('unlabelled = "scans"\nlabelled = 12\n')
    assert settings_for("sgan", file=file).labelled == 12


def test_the_run_records_both_and_its_page_tells(run: Path, folders: Path) -> None:
    record = read_run(run / "run.json")
    assert record["settings"]["labelled"] == 30  # the number that "all" came to
    assert record["settings"]["unlabelled"] == str(folders / "scans")
    assert record["data"]["images"] == 640
    labelled, scans = record["data"]["source"], record["data"]["unlabelled"]["source"]
    assert (labelled, scans) == (str(folders / "labelled"), str(folders / "scans"))
    assert record["data"]["unlabelled"]["images"] == 610
    assert len((run / "labelled.csv").read_text().splitlines()) == 31
    page = " ".join((run / "index.html").read_text().split())
    assert "It learned from 640 images" in page
    assert f"610 of {scans} among them stand in no class" in page
    assert "30 of 640 images" in page
    assert record["data"]["unlabelled"]["fingerprint"] in page
    card = " ".join((run / "weights" / "recogniser" / "README.md").read_text().split())
    assert "from 640 images, of which 30 had a label that was looked at" in card
    assert f"Data: {labelled} and, without labels, {scans}, 640 images" in card
    assert len(load_recogniser(run).read(np.zeros((2, 28, 28), np.uint8))) == 2


def test_a_run_of_labelled_images_alone_says_nothing_of_others(trained_run: Path) -> None:
    record = read_run(trained_run / "run.json")
    assert "unlabelled" not in record["data"]
    story = told(record, [], folder="run", columns=None)
    assert story["unlabelled"] is None
    assert ("Images without labels", "none") in story["settings"]


def test_a_damaged_record_is_named(run: Path, tmp_path: Path) -> None:
    record = json.loads((run / "run.json").read_text())
    for damaged in ([], {}, record["data"]["unlabelled"] | {"images": "many"}):
        record["data"]["unlabelled"] = damaged
        (tmp_path / "run.json").write_text(json.dumps(record))
        with pytest.raises(DataError, match='"unlabelled" of "data" needs its "source"'):
            read_run(tmp_path / "run.json")


def test_it_is_resumed_to_the_same_bits(both: PartlyLabelled, quick: Settings, tmp_path: Path) -> None:
    settings = quick("sgan", labelled=30, decay_from=1.0, epochs=1.5)
    train_gan(settings, both, out=tmp_path / "whole")
    train_gan(dataclasses.replace(settings, epochs=0.7), both, out=tmp_path / "halves")
    train_gan(settings, both, out=tmp_path / "halves", resume=True)
    assert weights_of(tmp_path / "whole") == weights_of(tmp_path / "halves")


def test_it_is_resumed_from_another_place(
    run: Path, folders: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = tmp_path / "run"
    shutil.copytree(run, copy)
    (folders / "scans").rename(folders / "moved")
    try:
        resumed = ["train", "--out", str(copy), "--resume"]
        hint = "; this run's images without labels lay there: name them with --unlabelled"
        assert run_command(resumed) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert line.startswith(f"digitsmith: {folders / 'scans'}: no such file") and line.endswith(hint)
        assert run_command([*resumed, "--unlabelled", str(folders / "elsewhere")]) == 2
        assert hint not in capsys.readouterr().err  # that place was named just now
        assert run_command([*resumed, "--unlabelled", str(folders / "moved")]) == 0
    finally:
        (folders / "moved").rename(folders / "scans")
    assert weights_of(copy) == weights_of(run)
    assert RunFolder(copy).saved_settings().unlabelled == str(folders / "moved")


def test_images_that_cannot_be_read_on_a_resume_are_not_called_gone(
    run: Path, folders: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(run, tmp_path / "run")
    damaged = folders / "scans" / "scan 0.png"
    whole = damaged.read_bytes()
    damaged.write_bytes(b"no picture")
    try:
        assert run_command(["train", "--out", str(tmp_path / "run"), "--resume"]) == 2
    finally:
        damaged.write_bytes(whole)
    error = capsys.readouterr().err
    assert "scan 0.png" in error and "lay there" not in error


def test_a_labelled_set_that_shrank_is_another_one(both: PartlyLabelled, quick: Settings, tmp_path: Path) -> None:
    """And not too small for the number of labels that the run has recorded, which nobody gave."""
    settings = quick("sgan", labelled=30, epochs=0.2)
    train_gan(settings, both, out=tmp_path / "run")
    fewer = PartlyLabelled(both.labelled.take(np.arange(28)), both.unlabelled)
    with pytest.raises(CheckpointError, match="was trained on other images than mnist"):
        train_gan(settings, fewer, out=tmp_path / "run", resume=True)


@pytest.mark.parametrize(
    ("place", "side_px", "words"),
    [
        (Path("0.png"), 28, "holds no class folders"),
        (Path("3") / "0.png", 32, r"reads uint8 images \[N, 28, 28\]"),
        (Path("x") / "0.png", 28, "is of class 'x'"),
    ],
)
@pytest.mark.filterwarnings("always:the recogniser was not tested")  # on the command line it is a line and no error
def test_a_test_set_that_is_none_costs_no_run(
    place: Path, side_px: int, words: str, folders: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, out = tmp_path / "data", tmp_path / "run"
    shutil.copytree(folders / "labelled", data / "train")
    (data / "test" / place).parent.mkdir(parents=True)
    Image.fromarray(np.zeros((side_px, side_px), np.uint8)).save(data / "test" / place)
    with pytest.warns(UserWarning, match=f"the recogniser was not tested: .*{words}"):
        done = digitsmith.train("sgan", data=data, out=out, overrides=QUICK | {"labelled": 30, "epochs": 4.0})
    assert done.recogniser is not None and "test" not in done.recogniser.config.training
    assert (out / "weights" / "recogniser" / "config.json").is_file() and done.page.is_file()
    assert run_command(["train", "--out", str(out), "--resume"]) == 0
    assert "digitsmith: warning: the recogniser was not tested: " in capsys.readouterr().err


def test_a_test_set_that_was_learned_from_is_no_test(labelled: Digits, few_digits: Digits, tmp_path: Path) -> None:
    rest = few_digits.take(np.setdiff1d(np.arange(640), labelled_images(few_digits, 30, seed=7)))
    train = {"x_train": labelled.images[:, 0], "y_train": labelled.labels}
    test = {"x_test": rest.images[:40, 0], "y_test": rest.labels[:40]}
    np.savez(tmp_path / "data.npz", **train, **test)

    def trained(unlabelled: NDArray[np.uint8], name: str) -> Recogniser:
        data, out = tmp_path / "data.npz", tmp_path / name
        recogniser = digitsmith.train("sgan", data=data, unlabelled=unlabelled, out=out, overrides=QUICK).recogniser
        assert recogniser is not None
        return recogniser

    twice = np.concatenate([rest.images[25:], rest.images[30:40]])
    with pytest.warns(
        UserWarning, match="15 of the 40 test images were learned from; the recogniser was tested on the"
    ):
        assert trained(twice, "seen").config.training["test"]["images"] == 25
    assert trained(rest.images[40:], "unseen").config.training["test"]["images"] == 40
    own = {
        "x_test": np.concatenate([test["x_test"], train["x_train"][:3]]),
        "y_test": [*test["y_test"], *labelled.labels[:3]],
    }
    np.savez(tmp_path / "data.npz", **train, **own)
    with pytest.warns(UserWarning, match="3 of the 43 test images were learned from"):
        assert trained(rest.images[40:], "own").config.training["test"]["images"] == 40
    np.savez(tmp_path / "data.npz", **train, x_test=train["x_train"][:3], y_test=labelled.labels[:3])
    with pytest.warns(UserWarning, match="not tested: all test images were learned from"):
        assert "test" not in trained(rest.images[40:], "all").config.training


def test_other_unlabelled_images_are_another_run(
    both: PartlyLabelled, few_digits: Digits, quick: Settings, tmp_path: Path
) -> None:
    settings = quick("sgan", labelled=30, epochs=0.3)
    other = PartlyLabelled(both.labelled, Images(both.unlabelled.images[::-1]))
    runs = {identity(settings, digits) for digits in (both, other, both.labelled)}
    assert len(runs) == 3
    named = dataclasses.replace(settings, unlabelled="elsewhere")
    assert identity(named, both) in runs  # where they lie decides nothing
    train_gan(settings, both, out=tmp_path / "run")
    before = {path: path.read_bytes() for path in (tmp_path / "run").rglob("*") if path.is_file()}
    for digits, words in [
        (other, r"was trained on other images without labels than memory holds now; restore them, resume it"),
        (both.labelled, r"was trained on images without labels beside mnist .*; resume it with its own --unlabelled"),
        (PartlyLabelled(few_digits.take(np.arange(100)), both.unlabelled), "other images than mnist"),
    ]:
        with pytest.raises(CheckpointError, match=words):
            train_gan(settings, digits, out=tmp_path / "run", resume=True)
    assert before == {path: path.read_bytes() for path in (tmp_path / "run").rglob("*") if path.is_file()}
    train_gan(settings, both.labelled, out=tmp_path / "without")
    with pytest.raises(CheckpointError, match=r"on no images without labels .* with no --unlabelled"):
        train_gan(settings, both, out=tmp_path / "without", resume=True)


def test_images_at_hand_are_handed_over_again(labelled: Digits, others: NDArray[np.uint8], tmp_path: Path) -> None:
    out = tmp_path / "run"
    cats = Digits(others, np.zeros(len(others), np.int64), ("a cat",))
    digitsmith.train("sgan", data=labelled, unlabelled=cats, out=out, overrides=QUICK)
    before = weights_of(out)
    assert RunFolder(out).saved_settings().unlabelled == "in memory"
    assert "--resume" not in (out / "index.html").read_text()  # only who has the images can go on
    with pytest.raises(InputError, match="in memory; hand over the same ones as unlabelled"):
        digitsmith.train(data=labelled, out=out, resume=True)
    digitsmith.train(data=labelled, unlabelled=others[:, 0], out=out, resume=True)  # the same pixels, without labels
    assert weights_of(out) == before


@pytest.mark.parametrize("model", ["penman", "acgan", "gan"])
def test_other_models_refuse(model: str, folders: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data, out = ["--data", str(folders / "labelled")], tmp_path / "run"
    assert run_command(["train", model, *data, "--unlabelled", str(folders / "scans"), "--out", str(out)]) == 2
    assert f"{model} learns nothing from images without labels; leave out unlabelled, or train sgan" in (
        " ".join(capsys.readouterr().err.split())
    )
    assert not out.exists()


def test_what_does_not_fit_is_refused_in_one_line_before_anything_is_written(
    folders: Path, others: NDArray[np.uint8], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    np.savez(tmp_path / "large.npz", images=np.zeros((3, 32, 32), np.uint8))
    np.savez(tmp_path / "colour.npz", images=others[:3].transpose(0, 2, 3, 1).repeat(3, axis=3))
    out, data = tmp_path / "run", str(folders / "labelled")
    for unlabelled, words in [
        (tmp_path / "large.npz", f"1 × 32 × 32 (gray), and those with labels, of {data}, are 1 × 28 × 28 (gray)"),
        (tmp_path / "colour.npz", "3 × 28 × 28 (colour)"),
        (tmp_path / "missing", "no such file or folder"),
    ]:
        command = ["train", "sgan", "--data", data, "--unlabelled", str(unlabelled), "--out", str(out)]
        assert run_command(command) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert words in line and unlabelled.name in line
    assert not out.exists()
    with pytest.raises(DataError, match="in memory: images must be uint8"):
        digitsmith.train("sgan", data=data, unlabelled=others.astype(np.float32), out=out)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match=r"at most 30, the images of .*labelled, not 31; give --labelled 30 or fewer"):
        digitsmith.train("sgan", data=data, unlabelled=others, out=out, overrides={"labelled": 31})
    assert not out.exists()


def test_a_budget_counts_all_images(folders: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("digitsmith.training.budget.images_per_second", lambda *_, **__: 100.0)
    data, unlabelled, out = str(folders / "labelled"), str(folders / "scans"), tmp_path / "run"
    run = digitsmith.train(
        "sgan", data=data, unlabelled=unlabelled, out=out, budget="10s", overrides=QUICK | {"epochs": None}
    )
    epochs = read_run(run.folder / "run.json")["settings"]["epochs"]
    assert 0.5 < epochs <= 10 * 0.95 * 100 / 640


def test_it_is_measured_against_its_labelled_images_and_says_so(few_digits: Digits, tmp_path: Path) -> None:
    """These have the labels that figures need; of the others the record says that they are left out."""
    np.savez(tmp_path / "labelled.npz", images=few_digits.images[:300, 0], labels=few_digits.labels[:300])
    data, unlabelled = tmp_path / "labelled.npz", few_digits.images[300:]
    run = digitsmith.train("sgan", data=data, unlabelled=unlabelled, out=tmp_path / "run", overrides=QUICK)
    found = assess.evaluate(run.folder, count=200, only=["style"])
    assert found.against.startswith(str(data))
    assert found.facts["not_measured_against"] == "340 images of in memory, which it learned from without labels"
    assert load(run.folder).config.training["data"]["images"] == 640


def test_a_mixture_has_no_known_licence() -> None:
    data = {"source": "mnist (train)", "images": 200}
    assert licence_of(data) == "cc-by-sa-3.0"
    assert licence_of(data | {"unlabelled": {"source": "scans"}}) == "other"
