"""The experiment from its data to its page: recognisers take one real step each, and the GAN is a copyist."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from digitsmith.data.digits import Digits
from digitsmith.errors import InputError, TrainingInterrupted
from digitsmith.proving import bench, pools
from digitsmith.proving.choosing import SHARES, STRENGTHS
from digitsmith.proving.conclusion import Proof
from digitsmith.proving.proof import prove
from digitsmith.proving.records import Records
from digitsmith.proving.sets import few_of, folds_of
from proofs import Copyist, Trainer, digits

PER_CLASS, SEEDS = (4, 6), 2


@pytest.fixture(scope="module", autouse=True)
def few_drawn() -> Any:
    """Sixty generated digits of each class instead of a thousand."""
    before, pools.LEAST_GENERATED = pools.LEAST_GENERATED, 60
    yield
    pools.LEAST_GENERATED = before


@pytest.fixture(scope="module")
def pool() -> Digits:
    return digits(0, 8)


@pytest.fixture(scope="module")
def test_set() -> Digits:
    return digits(30_000, 20)


def proven(pool: Digits, test: Digits, out: Path, **settings: Any) -> Proof:
    usual = {"per_class": PER_CLASS, "seeds": SEEDS, "steps": 1, "threads": 1, "train": Trainer()}
    return prove(pool, test=test, out=out, **usual | settings)


def record(out: Path) -> dict[str, Any]:
    return json.loads((out / "proof.json").read_bytes())


def of_four(out: Path) -> dict[str, list[dict[str, Any]]]:
    """What was kept of four images a class, but for the times."""
    found = record(out)
    return {
        key: [{name: row[name] for name in row if name != "seconds"} for row in found[key] if row["per_class"] == 4]
        for key in ("runs", "choices", "gans")
    }


@pytest.fixture(scope="module")
def trainer() -> Trainer:
    return Trainer()


@pytest.fixture(scope="module")
def proof(pool: Digits, test_set: Digits, trainer: Trainer, tmp_path_factory: pytest.TempPathFactory) -> Proof:
    return proven(pool, test_set, tmp_path_factory.mktemp("proof") / "out", train=trainer, budget_per_gan=5)


def test_every_arm_that_fits_is_run_once_a_pair(proof: Proof, test_set: Digits) -> None:
    found = record(proof.folder)
    pairs = [(run["per_class"], run["seed"], run["arm"]) for run in found["runs"]]
    assert pairs == [(n, seed, arm) for n in PER_CLASS for seed in range(SEEDS) for arm in "abcd"]
    for run in found["runs"]:
        assert run["images"] == len(test_set) and run["accuracy"] == run["right"] / run["images"]
        assert (run["strength"] > 0) == (run["arm"] in "bd") and (run["share"] > 0) == (run["arm"] in "cd")
    assert found["experiment"]["budget_per_gan"] == 5


def test_what_is_chosen_is_the_best_of_what_was_tried(proof: Proof) -> None:
    found = record(proof.folder)
    assert {row["of"] for row in found["choices"]} == {"strength", "c", "d"}
    for row in found["choices"]:
        tried = row["candidates"]
        assert [one["value"] for one in tried] == list(STRENGTHS if row["of"] == "strength" else SHARES)
        examined = 3 * (row["per_class"] if row["of"] == "strength" else 2)  # every image once; or those of one fold
        assert all(one["images"] == examined for one in tried)
        best = max(tried, key=lambda one: (one["right"], -one["cross_entropy"]))
        assert row["chosen"] == best["value"]
    chosen = {(row["per_class"], row["seed"], row["of"]): row["chosen"] for row in found["choices"]}
    for run in found["runs"]:
        pair = (run["per_class"], run["seed"])
        assert run["strength"] == (chosen[(*pair, "strength")] if run["arm"] in "bd" else 0)
        assert run["share"] == (chosen[(*pair, run["arm"])] if run["arm"] in "cd" else 0)


def test_a_gan_has_seen_neither_the_test_nor_the_fold_that_examines_it(
    proof: Proof, trainer: Trainer, pool: Digits, test_set: Digits
) -> None:
    assert trainer.budgets == [5] * len(trainer.given)
    given = iter(trainer.given)
    test = {image.tobytes() for image in test_set.images}
    for per_class in PER_CLASS:
        for seed in range(SEEDS):
            few = few_of(pool, per_class, seed=seed)
            learning, _ = folds_of(few, 3)[0]
            assert (next(given).images == few.images[learning]).all()
            whole = next(given)
            assert (whole.images == few.images).all()
            assert not test & {image.tobytes() for image in whole.images}
    assert next(given, None) is None


def test_the_test_set_chooses_nothing(proof: Proof, pool: Digits, test_set: Digits, tmp_path: Path) -> None:
    """Poisoned, it changes what is read in it, and nothing else."""
    poisoned = replace(test_set, images=255 - test_set.images, labels=(test_set.labels + 1) % 3)
    proven(pool, poisoned, tmp_path / "out", budget_per_gan=5, per_class=(4,))
    clean, other = of_four(proof.folder), of_four(tmp_path / "out")
    assert clean["choices"] == other["choices"] and clean["gans"] == other["gans"]
    results = ("right", "accuracy")
    assert [run["right"] for run in clean["runs"]] != [run["right"] for run in other["runs"]]
    for one, two in zip(clean["runs"], other["runs"], strict=True):
        assert {key: one[key] for key in one if key not in results} == {
            key: two[key] for key in two if key not in results
        }
    drawn = sorted((tmp_path / "out" / "digits").iterdir())
    assert len(drawn) == SEEDS
    for kept in drawn:
        assert np.array_equal(np.load(kept)["images"], np.load(proof.folder / "digits" / kept.name)["images"])


def test_stopped_anywhere_it_goes_on_to_the_same_results(
    proof: Proof, pool: Digits, test_set: Digits, tmp_path: Path
) -> None:
    def stop(number: int) -> None:
        if number == 1:
            raise KeyboardInterrupt

    out, calls = tmp_path / "out", 0
    while True:
        try:
            proven(pool, test_set, out, train=Trainer(before=stop), budget_per_gan=5, per_class=(4,))
            break
        except TrainingInterrupted as error:
            assert error.exit_code == 130 and "goes on" in str(error)
            calls += 1
    assert calls == 3  # of 4 GANs, one a call
    assert of_four(out) == of_four(proof.folder)
    assert len(list((out / "digits").iterdir())) == SEEDS  # those of folds are gone


def test_not_one_recogniser_is_trained_twice(
    proof: Proof, pool: Digits, test_set: Digits, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped in every tenth training, wherever that is: in the middle of a choice, or in an arm."""
    finished, begun, real = 0, 0, bench.teach

    def teach(*arguments: Any, **settings: Any) -> Any:
        nonlocal finished, begun
        begun += 1
        if begun % 10 == 0:
            raise KeyboardInterrupt
        taught = real(*arguments, **settings)
        finished += 1
        return taught

    monkeypatch.setattr(bench, "teach", teach)
    while True:
        with suppress(TrainingInterrupted):
            proven(pool, test_set, tmp_path / "out", budget_per_gan=5, per_class=(4,))
            break
    assert finished == SEEDS * (len(STRENGTHS) * 3 + 2 * len(SHARES) + 4)
    assert of_four(tmp_path / "out") == of_four(proof.folder) and not record(tmp_path / "out")["pending"]


def test_a_second_call_trains_nothing_again_and_adds_what_is_new(
    pool: Digits, test_set: Digits, tmp_path: Path
) -> None:
    out, trainer = tmp_path / "out", Trainer()
    asked = {"per_class": (4,), "arms": ("a", "b")}
    first = proven(pool, test_set, out, **asked)
    before = record(out)
    (written,) = [one.folder / "manifest.json" for one in first.delivered]
    stamp = written.stat().st_mtime_ns
    proven(pool, test_set, out, train=trainer, **asked)
    assert record(out) == before and written.stat().st_mtime_ns == stamp and not trainer.given
    more = proven(pool, test_set, out, train=trainer, **asked | {"seeds": 3, "arms": ("a", "b", "c")})
    assert record(out)["runs"][: len(before["runs"])] == before["runs"]
    assert [one.pairs for one in more.findings.of("b")] == [3] and len(trainer.given) == 3 * 2
    fewer = proven(pool, test_set, out, **asked)
    assert [one.pairs for one in fewer.findings.of("b")] == [2] and not fewer.findings.of("c")


def test_results_of_another_experiment_are_not_mixed(proof: Proof, pool: Digits, test_set: Digits) -> None:
    before = (proof.folder / "proof.json").read_bytes()
    for changed, words in (
        ({"steps": 3}, "steps 1, and this one has 3"),
        ({"budget_per_gan": None}, "budget_per_gan 5, and this one has none"),
    ):
        with pytest.raises(InputError, match=words):
            proven(pool, test_set, proof.folder, **{"budget_per_gan": 5} | changed)
    with pytest.raises(InputError, match="holds a proof with other images"):
        proven(digits(100, 8), test_set, proof.folder, budget_per_gan=5)
    with pytest.raises(InputError, match="holds a proof with another test set"):
        proven(pool, digits(100, 20), proof.folder, budget_per_gan=5)
    assert (proof.folder / "proof.json").read_bytes() == before


def test_digits_of_two_shipped_models_are_not_mixed(tmp_path: Path) -> None:
    def opened(**shipped: str) -> dict[str, Any]:
        with Records.opened(tmp_path, {"steps": 1} | shipped) as records:
            return dict(records.experiment)

    assert "shipped" not in opened()  # arm e was not asked for
    opened(shipped="one")
    assert opened()["shipped"] == "one"  # and is not now, but its runs are there
    with pytest.raises(InputError, match="holds a proof with another shipped model"):
        opened(shipped="another")


def test_a_record_with_a_damaged_row_is_refused(proof: Proof, tmp_path: Path) -> None:
    whole = json.loads((proof.folder / "proof.json").read_bytes())
    whole["pending"] = [{**whole["choices"][0], "value": 0.5, "fold": 0, "right": 1, "images": 2, "cross_entropy": 1.0}]
    del whole["pending"][0]["chosen"]
    for rows in ("runs", "choices", "gans", "pending"):
        row = whole[rows][0]
        damaged: list[Any] = ["a row", 3]
        for key in row.keys() - {"accuracy", "candidates", "repeats_itself"}:  # not read, or not in all records
            rest = {name: value for name, value in row.items() if name != key}
            damaged += [rest, *(rest | {key: bad} for bad in ([], None, -1, float("nan"), True))]
        for one in damaged:
            (tmp_path / "proof.json").write_text(json.dumps(whole | {rows: [one]}))
            with (
                pytest.raises(InputError, match="is no record of a proof, or damaged"),
                Records.opened(tmp_path, whole["experiment"]),
            ):
                pass
    (tmp_path / "proof.json").write_text(json.dumps(whole))
    with Records.opened(tmp_path, whole["experiment"]) as records:
        assert len(records.runs) == len(whole["runs"]) and len(records.pending) == 1


def test_the_disk_is_asked_before_any_training(pool: Digits, test_set: Digits, tmp_path: Path) -> None:
    (tmp_path / "letter.txt").touch()
    told: list[str] = []
    with pytest.raises(InputError, match="a part of this path is a file"):
        proven(pool, test_set, tmp_path / "letter.txt" / "out", on_stage=lambda stage, done, total: told.append(stage))
    assert not told


def test_two_do_not_write_into_one_folder(pool: Digits, test_set: Digits, tmp_path: Path) -> None:
    def second(number: int) -> None:
        with pytest.raises(InputError, match="another process is proving there"):
            proven(pool, test_set, tmp_path / "out", per_class=(4,))

    trainer = Trainer(before=second)
    proven(pool, test_set, tmp_path / "out", per_class=(4,), arms=("a", "c"), train=trainer)
    assert trainer.given


def test_what_a_killed_process_left_is_cleared_away(pool: Digits, test_set: Digits, tmp_path: Path) -> None:
    """Killed while it wrote the data set, whose half would be refused as somebody else's."""
    proven(pool, test_set, tmp_path / "out", per_class=(4,), arms=("a",))
    half = tmp_path / "out" / "augmented" / ".4-a-class.partial-1"
    (tmp_path / "out" / "augmented" / "4-a-class").rename(half)
    proof = proven(pool, test_set, tmp_path / "out", per_class=(4,), arms=("a",))
    assert not half.exists() and [one.folder.name for one in proof.delivered] == ["4-a-class"]


def test_nothing_is_written_into_what_is_read(tmp_path: Path, pool: Digits) -> None:
    np.savez(tmp_path / "mine.npz", x_train=pool.images[:, 0], y_train=pool.labels)
    with pytest.raises(InputError, match="lies within"):
        prove(tmp_path, out=tmp_path / "proof", per_class=(3,))
    assert [path.name for path in tmp_path.iterdir()] == ["mine.npz"]


def test_what_has_to_be_known_is_told(proof: Proof, pool: Digits, test_set: Digits, tmp_path: Path) -> None:
    notes = " ".join(proof.notes)
    assert "Left out: real + augmentation + shipped model. penman draws the classes" in notes
    assert "With 6 images a class the seeds have most of their images in common" in notes  # of 8
    mostly_new = Digits(
        np.concatenate([test_set.images, pool.images[:2]]),
        np.concatenate([test_set.labels, pool.labels[:2]]),
        pool.classes,
    )
    other = proven(pool, mostly_new, tmp_path / "out", per_class=(4,), arms=("a",))
    assert "2 of the 62 test images are also among the images that the few are drawn from" in " ".join(other.notes)
    for one in (proof, other):
        page = " ".join(one.page.read_text().split())
        assert all(" ".join(note.split()) in page for note in one.notes)


@pytest.mark.parametrize("content", [b"", b"{}", b'{"format": 1}', b'{"format": 1, "runs": 3}', b"[]", b"\xff"])
def test_a_damaged_record_is_refused(pool: Digits, test_set: Digits, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "proof.json").write_bytes(content)
    with pytest.raises(InputError, match="is no record of a proof, or damaged"):
        proven(pool, test_set, tmp_path)
    assert (tmp_path / "proof.json").read_bytes() == content


def test_a_folder_of_something_else_is_left_alone(pool: Digits, test_set: Digits, tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("dear")
    for out, words in ((tmp_path, "holds something else"), (tmp_path / "letter.txt", "is a file")):
        with pytest.raises(InputError, match=words):
            proven(pool, test_set, out)
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]


@pytest.mark.parametrize("places", [range(4, 5), range(6, 7), range(8, 9)])
def test_damaged_digits_are_none(pool: Digits, tmp_path: Path, places: range) -> None:
    kept = pools.Pools(tmp_path, Trainer(), None, 1)
    kept.trained("some", few_of(pool, 3, seed=0), per_class=3, seed=0)
    path = tmp_path / "some.npz"
    assert kept.kept("some", pool) is not None
    content = bytearray(path.read_bytes())
    first = content.index(b"PK\x01\x02")  # of the directory: version, flags, method of an array
    for place in places:
        content[first + place + 2] = 0xFF
    path.write_bytes(content)
    assert kept.kept("some", pool) is None


def test_digits_that_were_cut_off_are_made_anew(pool: Digits, test_set: Digits, tmp_path: Path) -> None:
    asked = {"per_class": (4,), "arms": ("a", "c")}
    proven(pool, test_set, tmp_path / "out", **asked)
    for kept in (tmp_path / "out" / "digits").iterdir():
        kept.write_bytes(kept.read_bytes()[:500])
    trainer = Trainer()
    proven(pool, test_set, tmp_path / "out", train=trainer, **asked | {"seeds": 3})
    assert len(trainer.given) >= 2  # of the new seed; and of the old ones, where they are needed


def test_the_shipped_model_is_asked_for_digits_alone(pool: Digits, test_set: Digits, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="arm e does not fit: penman draws the classes"):
        proven(pool, test_set, tmp_path / "out", arms=("b", "e"))
    ten, test = digits(0, 4, classes=10), digits(30_000, 2, classes=10)
    proof = proven(ten, test, tmp_path / "ten", per_class=(3,), arms=("b", "e"))
    assert {run["arm"] for run in record(tmp_path / "ten")["runs"]} == {"b", "e"}
    page = proof.page.read_text()
    assert "60,000 training images, and 40 of the 40 images" in " ".join(page.split())
    assert proof.findings.recommended == {3: "b"}
    unseen = digits(0, 4, classes=10, split="test")
    proof = proven(unseen, test, tmp_path / "learned", per_class=(3,), arms=("b", "e"))
    assert proof.findings.recommended == {3: "b"}
    assert "was trained on 20 of the 20 test images" in " ".join(proof.page.read_text().split())
    mirrored = replace(ten, images=255 - ten.images)
    assert "reads" in pools.why_not_shipped(mirrored) and not pools.why_not_shipped(ten)
    assert pools.seen_by_shipped(test) == 20 and pools.seen_by_shipped(digits(0, 5, split="test")) == 0


def test_gans_that_draw_one_image_over_and_over_are_named(
    pool: Digits, test_set: Digits, proof: Proof, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def draw(self: Copyist, labels: NDArray[np.int64], *, seed: int) -> NDArray[np.uint8]:
        return np.stack([self.shown.images[self.shown.labels == label][0] for label in labels])

    words = "of the GANs draw one image of a class over and over"
    assert not any(row["repeats_itself"] for row in record(proof.folder)["gans"])
    assert words not in proof.page.read_text()
    monkeypatch.setattr(Copyist, "draw", draw)
    stuck = proven(pool, test_set, tmp_path / "out", per_class=(4,), arms=("a", "c"))
    assert all(row["repeats_itself"] for row in record(stuck.folder)["gans"])
    assert words in " ".join(stuck.page.read_text().split())


def test_the_page_tells_of_this_calls_runs_alone(pool: Digits, test_set: Digits, tmp_path: Path) -> None:
    out = tmp_path / "out"
    whole = proven(pool, test_set, out, arms=("a", "b"), seeds=3).page.read_text()
    part = proven(pool, test_set, out, arms=("a", "b"), per_class=(4,)).page.read_text()
    chosen = {row["seed"]: f"{row['chosen']:g}" for row in record(out)["choices"] if row["per_class"] == 4}
    three = f">{chosen[0]}, {chosen[1]}, {chosen[2]}<"
    assert three in whole and three not in part
    assert f">{chosen[0]}, {chosen[1]}<" in part
    assert len(record(out)["runs"]) == 12  # and the record keeps all


def test_progress_counts_every_training_once(pool: Digits, test_set: Digits, tmp_path: Path) -> None:
    told: list[tuple[str, int, int]] = []
    proven(pool, test_set, tmp_path / "out", per_class=(4,), on_stage=lambda *stage: told.append(stage))
    assert all(0 <= done <= total for _, done, total in told)
    words = [words for words, _, _ in told]
    assert words[-1].startswith("4-a-class: the augmented set as it lies, 0 s left")
    assert any(line.startswith("4-a-class/seed-1: training a GAN, ") for line in words)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"seeds": 1}, "takes 2 seeds at the least"),
        ({"steps": 0}, "0 steps"),
        ({"threads": -1}, "-1 threads"),
        ({"budget_per_gan": 0}, "sees 0 images"),
        ({"arms": ("a", "x")}, "no arm 'x'"),
        ({"arms": ()}, "no arm ''"),
        ({"arms": ("a", "a")}, "named twice"),
        ({"arms": ("a", "d")}, "arm d is compared with arm b .*; ask for both, as b,d"),
        ({"seeds": 10_000_000}, "1,000 at most"),
        ({"format": "gif"}, "unknown format"),
        ({"per_class": (9,)}, "class '0' has 8 images to learn from, not the 9"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_made(
    pool: Digits, test_set: Digits, tmp_path: Path, wrong: dict[str, Any], words: str
) -> None:
    with pytest.raises(InputError, match=words):
        proven(pool, test_set, tmp_path / "out", **wrong)
    assert not (tmp_path / "out").exists()


def test_images_that_no_gan_can_draw_are_refused_at_once(pool: Digits, tmp_path: Path) -> None:
    odd = replace(pool, images=pool.images[:, :, 1:, :].copy())
    with pytest.raises(InputError, match="images are 27x28, and a GAN takes square ones"):
        proven(odd, replace(odd, images=255 - odd.images), tmp_path / "out")
    proven(odd, replace(odd, images=255 - odd.images), tmp_path / "out", arms=("a", "b"), per_class=(3,))


def test_images_too_small_for_a_recogniser_are_refused_at_once(pool: Digits, tmp_path: Path) -> None:
    tiny = replace(pool, images=pool.images[:, :, 9:19, 9:19].copy())
    with pytest.raises(InputError, match="10x10"):
        proven(tiny, None, tmp_path / "out", per_class=(3,))
