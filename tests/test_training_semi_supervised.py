"""The semi-supervised step and its data: which labels are looked at, what is learned from what, and exact resume."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from digitsmith.config import Augmentation, TrainSettings
from digitsmith.data.digits import Digits
from digitsmith.errors import ConfigError, DataError
from digitsmith.models.sgan import SganDiscriminator, SganVerdict
from digitsmith.training.batches import BatchSource, to_float
from digitsmith.training.checkpoint import newest_checkpoint
from digitsmith.training.health import HealthWatch
from digitsmith.training.labelled import labelled_images
from digitsmith.training.loop import prepared, train_gan
from digitsmith.training.machine import resolve
from digitsmith.training.observers import Observer
from digitsmith.training.run_files import read_log
from digitsmith.training.semi_supervised import SemiSupervisedBatch, asked_for
from digitsmith.training.state import TrainingState

Settings = Callable[..., TrainSettings]


def started(settings: TrainSettings, digits: Digits) -> tuple[TrainingState, BatchSource]:
    return prepared(resolve(settings), digits, Observer())


def batch_of(source: BatchSource, step: int) -> SemiSupervisedBatch:
    batch = source.batch(step)
    assert isinstance(batch, SemiSupervisedBatch)
    return batch


def test_labels_are_chosen_evenly_and_by_the_seed_alone(few_digits: Digits) -> None:
    chosen = labelled_images(few_digits, 100, seed=3)
    assert np.array_equal(chosen, labelled_images(few_digits, 100, seed=3))
    assert not np.array_equal(chosen, labelled_images(few_digits, 100, seed=4))
    assert len(np.unique(chosen)) == 100
    assert np.bincount(few_digits.labels[chosen]).tolist() == [10] * 10
    more = labelled_images(few_digits, 137, seed=3)
    assert set(chosen) < set(more)
    assert sorted(np.bincount(few_digits.labels[more])) == [13] * 3 + [14] * 7


def test_a_small_class_gives_all_it_has(few_digits: Digits) -> None:
    sevens = np.flatnonzero(few_digits.labels == 7)
    lacking = few_digits.take(np.setdiff1d(np.arange(640), sevens[2:]))
    counts = np.bincount(lacking.labels[labelled_images(lacking, 92, seed=0)])
    assert counts.tolist() == [10] * 7 + [2] + [10] * 2
    assert len(labelled_images(lacking, len(lacking), seed=0)) == len(lacking)


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (9, "at least 10, one image of each class, not 9; give --labelled 10 or more"),
        (641, r"at most 640, the images of mnist \(train\), not 641; give --labelled 640 or fewer"),
    ],
)
def test_too_few_or_too_many_labels_are_refused(
    count: int, words: str, tmp_path: Path, few_digits: Digits, quick: Settings
) -> None:
    with pytest.raises(ConfigError, match=words):
        train_gan(quick("sgan", labelled=count), few_digits, out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_class_without_an_image_is_named(few_digits: Digits) -> None:
    lacking = few_digits.take(np.flatnonzero(few_digits.labels != 7))
    with pytest.raises(DataError, match="class '7' has no image"):
        labelled_images(lacking, 100, seed=0)


def test_other_labels_change_nothing(few_digits: Digits, quick: Settings) -> None:
    """Two data sets that differ in the labels of images whose labels are not looked at train to the same weights."""
    settings = quick("sgan", epochs=0.5)
    kept = labelled_images(few_digits, settings.labelled, seed=settings.seed)
    labels = few_digits.labels.copy()
    others = np.setdiff1d(np.arange(640), kept)
    within = [others[few_digits.labels[others] == label] for label in (3, 8)]
    labels[within[0]], labels[within[1]] = 8, 3  # the turn in which a class's own come may change with this
    turned = Digits(few_digits.images, labels, few_digits.classes)
    weights = []
    for digits in (few_digits, turned):
        state, source = started(settings, digits)
        source.labelled = torch.from_numpy(kept)
        for step in range(4):
            state.play(source.batch(step))
            state.step += 1
        weights.append(state.tensors())
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])


def test_batches_hold_all_images_and_labels_of_the_chosen(few_digits: Digits, quick: Settings) -> None:
    settings = quick("sgan", augmentation=Augmentation())
    _, source = started(settings, few_digits)
    batches = [batch_of(source, step) for step in range(10)]
    real = torch.cat([batch.real for batch in batches])
    assert torch.equal(  # an epoch of 640 images, each once
        real.flatten(1).sum(1).sort().values, to_float(torch.tensor(few_digits.images)).flatten(1).sum(1).sort().values
    )
    first = batches[0]
    assert (len(first.real), len(first.labelled), len(first.labels), len(first.z)) == (64, 16, 16, 32)
    kept = few_digits.take(labelled_images(few_digits, 100, seed=0))
    known = {image.tobytes(): label for image, label in zip(kept.images, kept.labels.tolist(), strict=True)}
    seen = torch.cat([batch.labelled for batch in batches]).add(1).mul(127.5).round().to(torch.uint8).numpy()
    labels = torch.cat([batch.labels for batch in batches]).tolist()
    assert [known[image.tobytes()] for image in seen] == labels
    assert len(set(map(bytes, seen))) > 60  # in 160 draws of 100
    again = batch_of(source, 7)
    assert torch.equal(again.labelled, batches[7].labelled)
    assert torch.equal(again.z, batches[7].z)


def test_the_smallest_batch_has_one_of_each_kind(few_digits: Digits, quick: Settings) -> None:
    state, source = started(quick("sgan", batch_size=2), few_digits)
    batch = batch_of(source, 0)
    assert (len(batch.real), len(batch.labelled), len(batch.z)) == (2, 1, 1)
    assert state.play(batch).loss_d.isfinite()


def test_g_is_asked_for_a_real_image_of_a_class() -> None:
    """- log p(c) of a softmax over the K logits and 0."""
    logits = torch.tensor([[2.0, -1.0, 0.5], [0.0, 0.0, 3.0]])
    verdict = SganVerdict(logits.logsumexp(1), logits, logits)
    expected = -(2.0 - np.log(np.exp([2.0, -1.0, 0.5]).sum() + 1) + 0.0 - np.log(2 + np.exp(3.0) + 1)) / 2
    assert asked_for(verdict, torch.tensor([0, 1])).item() == pytest.approx(expected, rel=1e-6)


def test_the_losses_are_the_papers(few_digits: Digits, quick: Settings) -> None:
    """Each term of both losses, computed here once more, in float32 and of images that are not moved.

    G's matches the features that D gave of real images before its update, among the others of its batch, to those that
    it gives of generated ones after it, each by itself.
    """
    off = {"adversarial_weight": 0.0, "consistency_weight": 0.0, "matching_weight": 0.0, "sure_from": 0.0}
    plain = {"precision": "float32", "augmentation": Augmentation()}
    state, source = started(quick("sgan", **plain), few_digits)
    batch, players = batch_of(source, 0), state.players
    discriminator = players.discriminator
    assert isinstance(discriminator, SganDiscriminator)
    assert state.recogniser is not None
    with torch.no_grad():
        guess = state.recogniser.network(batch.real).classes.argmax(1)
        fake = players.generator(batch.z, batch.fake_labels)
        verdict = discriminator(torch.cat([batch.labelled, batch.real, fake]))
    labelled, real, generated = verdict.classes.split([16, 64, 32])
    supervised = F.cross_entropy(labelled, batch.labels).item()
    consistency = F.cross_entropy(real, guess).item()
    is_real = (real.exp().sum(1) / (real.exp().sum(1) + 1)).log().mean()
    is_fake = (1 / (generated.exp().sum(1) + 1)).log().mean()

    def loss_d(**weights: float) -> float:
        state, source = started(quick("sgan", **plain, **(off | weights)), few_digits)
        return state.play(source.batch(0)).loss_d.item()

    assert loss_d() == pytest.approx(supervised, rel=1e-4)
    assert loss_d(consistency_weight=2.0) == pytest.approx(supervised + 2 * consistency, rel=1e-4)
    assert loss_d(consistency_weight=2.0, sure_from=1.0) == pytest.approx(supervised, rel=1e-4)
    assert loss_d(adversarial_weight=1.0) == pytest.approx(supervised - is_real.item() - is_fake.item(), rel=1e-4)

    state, source = started(quick("sgan", **plain, **(off | {"matching_weight": 2.0})), few_digits)
    loss_g = state.play(batch_of(source, 0)).loss_g.item()
    with torch.no_grad():
        afterwards = state.players.discriminator.eval()(fake)
    matching = (afterwards.features.mean(0) - verdict.features[16:80].mean(0)).abs().mean().item()
    assert matching > 0.01
    assert loss_g == pytest.approx(asked_for(afterwards, batch.fake_labels).item() + 2 * matching, rel=1e-4)


def test_d_reads_moved_images_and_its_average_unmoved_ones(few_digits: Digits, quick: Settings) -> None:
    settings = quick("sgan", augmentation=Augmentation(shift_px=6.0))
    state, source = started(settings, few_digits)
    seen: dict[str, torch.Tensor] = {}
    assert state.recogniser is not None

    def look(name: str) -> Callable[..., None]:
        def keep(module: torch.nn.Module, given: tuple[torch.Tensor, ...]) -> None:
            seen.setdefault(name, given[0].detach())

        return keep

    state.recogniser.network.register_forward_pre_hook(look("average"))
    state.players.discriminator.register_forward_pre_hook(look("player"))
    batch = batch_of(source, 0)
    state.play(batch)
    assert torch.equal(seen["average"], batch.real)
    assert len(seen["player"]) == 16 + 64 + 32
    assert not torch.equal(seen["player"][16:80], batch.real)
    both = (seen["player"][16:80].flatten(1).sum(1), batch.real.flatten(1).sum(1))  # the ink is the same, mostly
    assert torch.corrcoef(torch.stack(both))[0, 1] > 0.9


def test_g_learns_through_the_moves_and_d_stays_as_it_was(few_digits: Digits, quick: Settings) -> None:
    state, source = started(quick("sgan"), few_digits)
    before = {name: tensor.clone() for name, tensor in state.players.generator.state_dict().items()}
    state.play(source.batch(0))
    changed = [not torch.equal(tensor, before[name]) for name, tensor in state.players.generator.state_dict().items()]
    assert all(changed)
    discriminator = state.players.discriminator
    assert discriminator.training
    assert all(parameter.requires_grad for parameter in discriminator.parameters())
    batches = discriminator.get_buffer("layers.1.num_batches_tracked")
    assert batches.item() == 1  # G's turn leaves no trace in D's statistics


def test_it_learns_to_read_from_few_labels(tmp_path: Path, few_digits: Digits, quick: Settings) -> None:
    """From 50 labels among 640 images it reads far more than chance would, and more than it was told."""
    settings = quick("sgan", labelled=50, epochs=7.0, warm_up_images=640.0, learning_rate=3e-3)
    train_gan(settings, few_digits, out=tmp_path / "run")
    rows = [row for row in read_log(tmp_path / "run" / "log.jsonl") if row["event"] == "step"]
    assert rows[-1]["labelled_accuracy"] > 0.8
    assert rows[-1]["sure"] > rows[0]["sure"]
    checkpoint = newest_checkpoint(tmp_path / "run" / "checkpoints", warn=print)
    assert checkpoint is not None
    recogniser = SganDiscriminator((1, 28, 28), 10)
    names = {name.removeprefix("recogniser.") for name in checkpoint.tensors if name.startswith("recogniser.")}
    assert names == set(recogniser.state_dict())
    recogniser.load_state_dict({name: checkpoint.tensors[f"recogniser.{name}"] for name in names})
    with torch.no_grad():
        answers = recogniser.eval()(to_float(torch.tensor(few_digits.images))).classes.argmax(1).numpy()
    others = np.setdiff1d(np.arange(640), labelled_images(few_digits, 50, seed=0))
    assert (answers == few_digits.labels)[others].mean() > 0.6


def test_a_run_records_whose_labels_it_looked_at(tmp_path: Path, few_digits: Digits, quick: Settings) -> None:
    train_gan(quick("sgan", labelled=20, epochs=0.2), few_digits, out=tmp_path / "run")
    with (tmp_path / "run" / "labelled.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [int(row["image"]) for row in rows] == labelled_images(few_digits, 20, seed=0).tolist()
    assert [row["class"] for row in rows] == [str(few_digits.labels[int(row["image"])]) for row in rows]
    assert json.loads((tmp_path / "run" / "run.json").read_text())["settings"]["labelled"] == 20


def test_rows_of_other_models_are_as_before(trained_run: Path) -> None:
    rows = [row for row in read_log(trained_run / "log.jsonl") if row["event"] == "step"]
    assert not {"labelled_accuracy", "sure"} & set(rows[0])
    HealthWatch(settled_after_images=0).replay(rows)
