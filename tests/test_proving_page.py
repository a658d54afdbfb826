"""The page, the plots and the command of a proof: complete in one file, true to the figures, plain in its errors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from digitsmith import cli
from digitsmith.proving import pools, proof
from digitsmith.proving.conclusion import Proof
from digitsmith.proving.records import Run
from digitsmith.proving.verdict import findings
from digitsmith.report.proof_plots import accuracy_figure, differences_figure, differences_numbers
from digitsmith.report.style import figure_bytes
from proofs import Trainer, digits
from prove_table import proof_table
from test_report_evaluation_page import refuses_the_web


@pytest.fixture(scope="module")
def proven(tmp_path_factory: pytest.TempPathFactory) -> Proof:
    before, pools.LEAST_GENERATED = pools.LEAST_GENERATED, 60
    try:
        return proof.prove(
            digits(0, 12),
            out=tmp_path_factory.mktemp("proof") / "out",
            per_class=(3, 5),
            seeds=2,
            steps=1,
            threads=1,
            train=Trainer(),
        )
    finally:
        pools.LEAST_GENERATED = before


def test_the_page_is_whole_and_says_what_was_found(proven: Proof) -> None:
    parsed = refuses_the_web_but_folders(proven.page)
    for sentence in proven.verdicts:
        assert sentence.replace("\N{NO-BREAK SPACE}", " ") in parsed.text.replace("\N{NO-BREAK SPACE}", " ")
    assert "The data bring no test set. 15 images" in parsed.text  # 5 of each class
    assert "The test set has 15 images: one of them is 6.7 % of it" in parsed.text
    assert "2 seeds are few" in parsed.text
    assert "Left out: real + augmentation + shipped model. penman draws the classes" in parsed.text
    assert len([image for image in parsed.all("img") if "svg" in image["src"]]) == 2
    for name in ("accuracy", "differences", "gan-3-a-class", "gan-5-a-class"):
        assert (proven.folder / "figures" / f"{name}.svg").is_file(), name


def refuses_the_web_but_folders(page: Path) -> Any:
    """As `refuses_the_web`, where a link may also lead to a data set's folder."""
    content = page.read_text(encoding="utf-8")
    plain = page.with_name("plain.html")
    plain.write_text(content.replace('-a-class/"', '-a-class/manifest.json"'), encoding="utf-8")
    parsed = refuses_the_web(plain)
    plain.unlink()
    return parsed


def test_the_figures_are_those_of_the_record(proven: Proof) -> None:
    found = json.loads(proven.record.read_bytes())
    for one in found["findings"]["differences"]:
        by_arm = {
            arm: [run["accuracy"] for run in found["runs"] if (run["arm"], run["per_class"]) == (arm, one["per_class"])]
            for arm in (one["arm"], one["against"])
        }
        assert one["value"] == pytest.approx(np.mean(by_arm[one["arm"]]) - np.mean(by_arm[one["against"]]))
    assert json.loads((proven.folder / "figures" / "differences.json").read_bytes()) == found["findings"]["differences"]
    assert found["findings"]["verdicts"] == list(proven.verdicts)
    for one, told in zip(proven.delivered, found["findings"]["recommended"], strict=True):
        manifest = json.loads((proven.folder / told["folder"] / "manifest.json").read_bytes())
        assert manifest["count"] == told["images"] == one.images
        assert manifest["accuracy_learned_as_it_lies"] == told["accuracy_learned_as_it_lies"]


def test_the_plots_are_the_same_bytes_and_hold_perfect_scores(proven: Proof) -> None:
    one, again = (accuracy_figure(proven.findings, least_error=1 / 30) for _ in range(2))
    assert figure_bytes(one, "svg") == figure_bytes(again, "svg")
    figure_bytes(differences_figure(proven.findings.comparisons[:1]), "svg")
    numbers = differences_numbers(proven.findings.comparisons)
    assert {row["arm"] for row in numbers} == {"b", "c", "d"}
    json.dumps(numbers, allow_nan=False)


@pytest.mark.parametrize("shares", [(0.957, 0.968), (0.12, 0.23), (0.9, 0.99), (0.999, 1.0), (0.5, 0.5)])
def test_accuracies_stand_at_marks_wherever_they_lie(shares: tuple[float, float]) -> None:
    runs = [
        Run(10, seed, arm, round(10_000 * share) - seed, 10_000, 1.0, 0.0, 1.0)
        for arm, share in zip("ab", shares, strict=True)
        for seed in range(3)
    ]
    (axes,) = accuracy_figure(findings(runs), least_error=0.5 / 10_000).axes
    bottom, top = axes.get_ylim()
    marks = dict(zip(axes.get_yticks(), (text.get_text() for text in axes.get_yticklabels()), strict=True))
    seen = {text for place, text in marks.items() if top <= place <= bottom}
    assert len(seen) >= 2 and all(text.endswith(" %") for text in seen)


def test_the_table_of_a_document_has_a_row_for_each_number(proven: Proof) -> None:
    table = proof_table(json.loads(proven.record.read_bytes()))
    rows = [line for line in table.splitlines() if line.startswith("| 3 ") or line.startswith("| 5 ")]
    assert len(rows) == 2 + 2 * 3  # accuracies; and three differences
    assert "2 paired seeds" in table and "15 test images" in table


SCANS = ("prove", "--data", "scans", "--out", "out")


@pytest.fixture
def scans(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    few = digits(0, 8)
    for place, (image, label) in enumerate(zip(few.images, few.labels, strict=True)):
        folder = tmp_path / "scans" / str(label)
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image[0]).save(folder / f"{place}.png")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((*SCANS, "--per-class", "3,x"), "--per-class '3,x' is not a list of whole numbers"),
        ((*SCANS, "--per-class", ""), "--per-class '' is not a list of whole numbers"),
        ((*SCANS, "--per-class", "3,10"), "class '0' has 3 images to learn from, not the 10 asked for"),
        ((*SCANS, "--per-class", "3,3"), "list of different numbers"),
        ((*SCANS, "--per-class", "3", "--arms", "a;b"), "there is no arm 'a;b'"),
        ((*SCANS, "--per-class", "3", "--arms", "b,e"), "arm e does not fit"),
        ((*SCANS, "--per-class", "3", "--arms", "d"), "arm d is compared with arm b"),
        ((*SCANS, "--per-class", "3", "--test", "scans/"), "most of the test images are also among those to learn"),
        (("prove", "--data", "scans", "--out", "scans/out", "--per-class", "3"), "scans/out: lies within scans"),
        ((*SCANS, "--per-class", "3", "--seeds", "1"), "takes 2 seeds at the least"),
        ((*SCANS, "--per-class", "3", "--format", "gif"), "unknown format 'gif'"),
        ((*SCANS, "--per-class", "3", "--test", "nowhere"), "nowhere: no such file or folder"),
        (("prove", "--data", "scans", "--out", "scans", "--per-class", "3"), "scans: holds something else"),
        (("prove", "--data", "nowhere", "--out", "out"), "nowhere: no such file or folder"),
    ],
)
def test_an_error_is_one_line_and_leaves_nothing(
    scans: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], words: str
) -> None:
    assert cli.run(arguments) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and words in said, said
    assert not (scans / "out").exists()


def test_the_command_proves_stops_and_goes_on(
    scans: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = (*SCANS, "--per-class", "3", "--arms", "a,b", "--seeds", "2", "--steps", "1", "--threads", "1")
    whole = proof.Bench.pair

    def stopped(bench: Any, per_class: int, seed: int, arms: tuple[str, ...]) -> None:
        if seed == 1:
            raise KeyboardInterrupt
        whole(bench, per_class, seed, arms)

    with monkeypatch.context() as patched:
        patched.setattr(proof.Bench, "pair", stopped)
        assert cli.run(asked) == 130
    assert "goes on from there" in capsys.readouterr().err
    assert len(json.loads((scans / "out" / "proof.json").read_bytes())["runs"]) == 2
    assert cli.run((*asked, "--format", "png")) == 0
    said = capsys.readouterr()
    assert "Augmentation: " in said.out and "out/index.html" in said.out and "out/augmented/3-a-class" in said.out
    assert "left" in said.err  # how far it is, where no one watches
    pictures = list((scans / "out" / "augmented" / "3-a-class").glob("*/*.png"))
    manifest = json.loads((scans / "out" / "augmented" / "3-a-class" / "manifest.json").read_bytes())
    assert len(pictures) == manifest["count"]
