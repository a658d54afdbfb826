"""The benchmarks run, and compare what they say they compare; no clock is looked at."""

from __future__ import annotations

import argparse
import errno
import json
import math
import os
import resource
import shlex
import sys
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import ablation
import budgets
import drawing
import scanning
import semi_supervised
import startup
import textbook
import textbook_networks
import throughput
import time_to_quality
import usefulness
from arithmetic import flops_per_image
from budgets import Result, settings_of, table
from digitsmith.config import REPORT_MODELS, TrainSettings
from digitsmith.data.digits import Digits
from digitsmith.data.mnist import load_mnist
from digitsmith.drawing.loading import load
from digitsmith.errors import InputError
from digitsmith.models.registry import build_networks
from digitsmith.presets import settings_for
from digitsmith.report.documents import write_block
from digitsmith.scanning.cleaning import tight
from digitsmith.scanning.sheet_layout import sheet_layout
from digitsmith.scanning.sheet_reading import Filled, ReadSheet
from digitsmith.training.machine import resolve
from digitsmith.training.run_folder import RunFolder
from digitsmith.training.styles import with_style
from kept_runs import KeptRuns, recipe
from measuring import Spread, command_of, cost_of, in_turn, markdown_table, publish
from throughput_tables import Measured, limit_table, speed_table
from turns import Worker

DOCUMENT = Path(__file__).parents[1] / "docs" / "performance.md"
RESULTS = Path(__file__).parents[1] / "benchmarks" / "results"
LABELLED = {"cgan", "cgan-mlp"}  # whose discriminators are told the class


def with_weights_of(network: nn.Module, original: nn.Module) -> nn.Module:
    """`network` with `original`'s weights, in their order."""
    with torch.no_grad():
        for ours, theirs in zip(network.parameters(), original.parameters(), strict=True):
            ours.copy_(theirs)
    return network


@pytest.mark.parametrize("model", REPORT_MODELS)
def test_the_textbooks_networks_are_digitsmiths(model: str) -> None:
    torch.manual_seed(0)
    plain = textbook_networks.NETWORKS[model]()
    ours = build_networks(model, (1, 28, 28), 10, seed=0)
    generator, discriminator = (with_weights_of(*pair) for pair in zip(plain, ours, strict=True))
    z, labels, images = torch.randn(8, 100), torch.arange(8), torch.rand(8, 1, 28, 28) * 2 - 1
    code = z if model == "gan" else torch.cat([z, nn.functional.one_hot(labels, 10)], 1)
    drawn = generator(code if model == "cgan-mlp" else code[:, :, None, None])
    torch.testing.assert_close(drawn, ours[0](z, labels), rtol=1e-4, atol=1e-5)

    said = discriminator(images, labels) if model in LABELLED else discriminator(images)
    verdict = ours[1](images, labels)
    if verdict.classes is not None:
        said, classes = said
        torch.testing.assert_close(classes, verdict.classes, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(said, verdict.source.sigmoid(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("model", REPORT_MODELS)
def test_a_textbook_step_moves_every_weight(model: str, few_digits: Digits) -> None:
    networks = textbook_networks.NETWORKS[model]()
    before = [[weight.detach().clone() for weight in network.parameters()] for network in networks]
    pictures = textbook.Pictures(few_digits.images[:256], few_digits.labels[:256])
    next(textbook.LOOPS[model](*networks, pictures))
    for network, old in zip(networks, before, strict=True):
        moved = [not torch.equal(a, b) for a, b in zip(network.parameters(), old, strict=True)]
        assert all(moved)


def test_the_textbooks_pictures_are_the_images_in_minus_one_to_one(few_digits: Digits) -> None:
    picture, label = textbook.PictureDataset(few_digits.images, few_digits.labels)[3]
    expected = torch.tensor(few_digits.images[3]) / 127.5 - 1
    torch.testing.assert_close(picture, expected)
    assert label == few_digits.labels[3]


@pytest.mark.parametrize("module", [textbook, textbook_networks])
def test_the_textbook_has_nothing_of_digitsmiths(module: object) -> None:
    lines = Path(str(module.__file__)).read_text().splitlines()
    assert not [line for line in lines if line.startswith(("from digitsmith", "import digitsmith"))]


def macs_of_step(generator: list[int], discriminator: list[int], *, together: bool = False) -> int:
    """By hand, for an image: multiplications of every layer, times the passes that a step makes through it."""
    g, d = sum(generator), sum(discriminator)
    back_through_g = 2 * g - generator[0]  # weights and inputs; z asks for no gradient
    d_step = 2 * d + 2 * d + 2 * (d - discriminator[0])  # real and generated: forward, weights, inputs
    g_step = (2 if together else 1) * 2 * d  # forward and inputs, of both where they stand together
    return g + d_step + g_step + back_through_g


def test_the_arithmetic_of_a_step_is_that_of_the_tables() -> None:
    generator = [100 * 64 * 49, 49 * 64 * 32 * 16, 196 * 32 * 16]
    block_1, block_2, source = 196 * 32 * 16, 49 * 32 * 64 * 16, 3136
    assert flops_per_image("gan", batch_size=4) == 2 * macs_of_step(generator, [block_1, block_2, source])
    generator[0] = 110 * 64 * 49
    auxiliary = [3136 * 128, 1280]
    assert flops_per_image("acgan", batch_size=4) == 2 * macs_of_step(generator, [block_1, block_2, source, *auxiliary])
    generator = [a * b for a, b in pairwise([110, 256, 512, 1024, 784])]
    discriminator = [a * b for a, b in pairwise([794, 512, 256, 1])]
    assert flops_per_image("cgan-mlp", batch_size=4) == 2 * macs_of_step(generator, discriminator, together=True)


class Enough(Exception):
    """Ends a contender that would go on for ever."""


@pytest.mark.parametrize("contender", ["digitsmith_training", "textbook_training", "matrix_products"])
def test_every_contender_takes_steps(contender: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throughput, "SIDE", 256)  # a product of 2048 takes half a minute where bfloat16 is emulated
    steps = 0

    def step_done() -> None:
        nonlocal steps
        steps += 1
        if steps == 2:
            raise Enough

    work = getattr(throughput, contender)
    if contender == "matrix_products":
        work = partial(work, precision="bfloat16")
    with pytest.raises(Enough):
        work(resolve(settings_for("acgan", overrides={"threads": 1, "device": "cpu"})), step_done)


def counted_in_a_file(settings: TrainSettings, step_done: Callable[[], None], *, file: Path) -> None:
    while True:
        with file.open("a") as steps:
            steps.write(".")
        step_done()


def test_a_worker_takes_the_steps_asked_for_and_waits(tmp_path: Path) -> None:
    file = tmp_path / "steps"
    with Worker(partial(counted_in_a_file, file=file), settings_for("gan", overrides={"threads": 1})) as worker:
        assert file.read_text() == "."  # its first step, before it is ready
        worker.seconds(3)
        assert file.read_text() == "...."
        worker.seconds(2)
    assert file.read_text() == "......"


def dies(settings: TrainSettings, step_done: Callable[[], None]) -> None:
    step_done()
    raise SystemExit


def test_a_worker_that_dies_is_noticed() -> None:
    with Worker(dies, settings_for("gan", overrides={"threads": 1})) as worker, pytest.raises(EOFError):
        worker.seconds(1)


def test_the_command_whose_memory_is_measured_runs() -> None:
    settings = resolve(settings_for("cgan-mlp", overrides={"threads": 1, "device": "cpu"}))
    assert throughput.peak_mib(settings, epochs=0.01) > 100


def test_contenders_take_turns() -> None:
    calls: list[str] = []
    turns = {name: partial(lambda name: calls.append(name) or len(calls), name) for name in "ab"}
    assert in_turn(turns, rounds=2) == {"a": [3, 5], "b": [4, 6]}
    assert "".join(calls) == "ababab"


def test_a_process_is_measured_without_the_memory_of_the_one_that_starts_it() -> None:
    own_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    small = cost_of([sys.executable, "-c", "pass"]).peak_mib
    large = cost_of([sys.executable, "-c", f"x = b'x' * {200 << 20}"]).peak_mib
    assert small < 50 < own_mib
    assert 200 < large - small + 5 < 210


def test_a_process_that_fails_is_no_measurement() -> None:
    with pytest.raises(SystemExit, match="exit status 3"):
        cost_of([sys.executable, "-c", "raise SystemExit(3)"])


def made_up(model: str = "acgan") -> Measured:
    return Measured(
        model=model,
        precision="bfloat16",
        batch_size=128,
        images_per_s={"digitsmith": [3000.0, 4000.0, 6000.0], "textbook": [1000.0, 2000.0, 1500.0]},
        product_flops_per_s={"float32": [1e11, 1e11, 1e11], "bfloat16": [4e11, 5e11, 4e11]},
        flops_per_image=5e7,
        peak_mib=700.0,
    )


def test_ratios_and_shares_are_taken_round_by_round() -> None:
    assert made_up().ratio() == [3.0, 2.0, 4.0]
    assert made_up().share_of_peak("digitsmith") == pytest.approx([0.375, 0.4, 0.75])  # of bfloat16
    assert made_up().share_of_peak("textbook") == pytest.approx([0.5, 1.0, 0.75])  # of float32
    assert made_up().epoch_s("digitsmith") == 15.0
    speed = "| `acgan`, bfloat16 | 4,000 (3,000 to 6,000) | 1,500 (1,000 to 2,000) | **3.00 (2.00 to 4.00)** |"
    assert f"{speed} 15.0 s | 40.0 s | 700 MiB |" in speed_table([made_up()])
    shares = "| 3.00 TFLOP | 100 (100 to 100) | 400 (400 to 500) | 40 (38 to 75) | 75 (50 to 100) |"
    assert shares in limit_table([made_up()])


def test_a_machine_without_bfloat16_is_measured_without_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Emulated, its products took a minute each, and the command for ever."""

    class Instead:
        def __init__(self, *inputs: object) -> None:
            pass

        def __enter__(self) -> Instead:
            return self

        def __exit__(self, *error: object) -> None:
            pass

        def seconds(self, steps: int) -> float:
            return steps / 100

    monkeypatch.setattr(throughput, "Worker", Instead)
    monkeypatch.setattr(throughput, "peak_mib", lambda settings: 700.0)
    monkeypatch.setattr(throughput, "multiplies_in_bfloat16", lambda device: False)
    settings = resolve(settings_for("acgan", overrides={"threads": 1, "device": "cpu", "precision": "float32"}))
    found = throughput.measure(settings, rounds=2, steps=10)
    assert set(found.product_flops_per_s) == {"float32"} and "bfloat16" not in found.record()["product_flops_per_s"]
    assert "| – |" in limit_table([found])
    monkeypatch.setattr(throughput, "multiplies_in_bfloat16", lambda device: True)
    assert set(throughput.measure(settings, rounds=2, steps=10).product_flops_per_s) == {"float32", "bfloat16"}


def outputs(folder: Path) -> tuple[Path, list[str]]:
    """A copy of the document, and the options that send results to it and into a JSON file."""
    document = folder / "performance.md"
    document.write_text(DOCUMENT.read_text())
    return document, ["--docs", str(document), "--json", str(folder / "results" / "it.json")]


def test_training_is_published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    document, options = outputs(tmp_path)
    monkeypatch.setattr(throughput, "measure", lambda settings, **how: made_up(settings.model))
    throughput.main([*options, "--threads", "1", "--device", "cpu"])
    text = document.read_text()
    assert [text.count(f"\n| `{model}`, bfloat16 |") for model in REPORT_MODELS] == [2] * 4
    assert "--threads 1 --device cpu`, 7 rounds: " in text and str(tmp_path) not in text
    record = json.loads((tmp_path / "results" / "it.json").read_text())
    assert [row["ratio"] for row in record["models"]] == [[3.0, 2.0, 4.0]] * 4
    assert record["machine"]["threads"] == 1


def test_drawing_is_measured_and_published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    document, options = outputs(tmp_path)
    few = partial(drawing.contenders, in_memory=200, to_disk=dict.fromkeys(drawing.TO_DISK, 30))
    monkeypatch.setattr(drawing, "contenders", few)
    drawing.main([*options, "--rounds", "1", "--threads", "1", "--folder", str(tmp_path)])
    text = document.read_text()
    rows = [*(f"written, 30 as {format}" for format in drawing.TO_DISK), "PNG encoder alone, Pillow"]
    assert all(f"\n| {row} | " in text for row in ["drawn, 200 in memory", *rows])
    assert f"| {' | '.join(f'`{model}`' for model in drawing.MODELS)} |" in text
    assert {path.name for path in tmp_path.iterdir()} == {"performance.md", "results"}  # nothing else is left


def test_every_format_is_timed() -> None:
    from digitsmith.drawing.writers import FORMATS

    assert set(drawing.TO_DISK) == set(FORMATS)


def test_encoders_write_the_same_pictures(few_digits: Digits) -> None:
    sizes = [encode(few_digits.images[:20]) for encode in (drawing.encode_with_pillow, drawing.encode_with_digitsmith)]
    assert all(20 * 100 < size < 20 * 784 for size in sizes)


def test_start_up_is_measured_and_published(tmp_path: Path) -> None:
    document, options = outputs(tmp_path)
    startup.main([*options, "--rounds", "1"])
    text = document.read_text()
    assert all(f"\n| {name} | " in text for name in startup.commands(tmp_path))
    assert " --rounds 1`, 1 round: " in text
    record = json.loads((tmp_path / "results" / "it.json").read_text())
    assert [len(row) for row in record["seconds"].values()] == [1] * 4


@pytest.mark.parametrize("name", ["training", "precision", "drawing", "startup", "time-to-quality"])
def test_a_block_of_the_document_is_replaced_and_nothing_else(tmp_path: Path, name: str) -> None:
    document, _ = outputs(tmp_path)
    write_block(document, name, "| one |")
    once = document.read_text()
    write_block(document, name, "| another |")
    write_block(document, name, "| one |")
    assert document.read_text() == once
    assert once.count("| one |") == 1 and "| another |" not in once
    kept = [line for line in once.splitlines() if line not in ("", "| one |")]
    block = False
    expected = []
    for line in DOCUMENT.read_text().splitlines():
        block = block and line != f"<!-- end {name} -->"
        if line and not block:
            expected.append(line)
        block = block or line.startswith(f"<!-- begin {name} ")
    assert kept == expected


def test_a_document_without_the_block_is_left_alone(tmp_path: Path) -> None:
    document = tmp_path / "performance.md"
    document.write_text("<!-- begin training (x) -->\nno end\n")
    with pytest.raises(InputError, match=r"has no comments '<!-- begin training \.\.\. -->'"):
        write_block(document, "training", "| one |")
    assert document.read_text() == "<!-- begin training (x) -->\nno end\n"


def test_a_spread_reads_as_median_and_range() -> None:
    assert Spread.of([3.0, 1000.0, 1234.5]).text(1) == "1,000.0 (3.0 to 1,234.5)"
    assert markdown_table(["a", "b"], [["c", "d"]]) == "| a | b |\n| --- | ---: |\n| c | d |"


def test_a_published_record_is_json_that_every_reader_knows(tmp_path: Path) -> None:
    file = tmp_path / "record.json"
    arguments = argparse.Namespace(json=file, docs=None)
    publish(arguments, "none", text="", record={"runs": [{"seconds": math.nan}, (1.5, math.inf)], "floor": 2})

    def refuse(word: str) -> None:
        raise AssertionError(f"{word} is no JSON")

    read = json.loads(file.read_text(), parse_constant=refuse)
    assert read == {"runs": [{"seconds": None}, [1.5, None]], "floor": 2}


def test_a_run_that_diverged_is_counted_again_from_the_file(tmp_path: Path) -> None:
    kept = KeptRuns(tmp_path / "budgets.json", {"floor": 0.5})
    for seed, result in enumerate([Result(0.99, 3.0, 60.0), Result(None, None, 5.0), Result(0.5, 90.0, 61.0)]):
        kept.make("7", seed, lambda result=result: result)
    again = KeptRuns(tmp_path / "budgets.json", {"floor": 0.5})
    assert again.runs == kept.runs
    assert "| 7 | 3 | 2 | 99.00 | 3.00 | 60 |" in table(again.runs)


def test_what_recognisers_learn_is_compared_seed_by_seed() -> None:
    def errors(*counts: int) -> dict[str, dict[str, int]]:
        return {str(seed): {"errors": count, "images": 1000} for seed, count in enumerate(counts)}

    text = usefulness.table({"real": errors(10, 20, 30), "generated": errors(12, 21, 33)}, 500)
    assert "| the real images | 500 | 98.00 ± 1.00 | 3 | – |" in text
    assert "| as many generated ones | 500 | 97.80 ± 1.05 | 3 | -0.20 ± 0.25 |" in text  # 4.303 * 0.1 / sqrt(3)


def test_an_arm_is_taught_by_what_it_says(few_digits: Digits) -> None:
    taught: list[Digits] = []
    with pytest.MonkeyPatch.context() as patched:

        def teach(digits: Digits, *, seed: int, steps: int) -> None:
            taught.append(digits)

        patched.setattr(usefulness, "train_recogniser", teach)
        patched.setattr(usefulness, "recognise", lambda recogniser, images: few_digits.labels)
        found = [usefulness.one(arm, load("cgan"), few_digits, few_digits, seed=3, steps=1) for arm in usefulness.ARMS]
    real, generated, both = taught
    assert found == [usefulness.Result(0, len(few_digits))] * 3
    assert len(generated) == len(real) and np.array_equal(generated.counts, real.counts)
    assert not np.array_equal(generated.images, real.images)
    assert np.array_equal(both.images, np.concatenate([real.images, generated.images]))


def test_only_runs_of_the_preset_stand_beside_those_made_here(few_digits: Digits, tmp_path: Path) -> None:
    for name, settings in (("own", {"channels": 24}), ("preset", {"epochs": 3.0, "seed": 5})):
        resolved = with_style(resolve(settings_for("penman", overrides=settings)), few_digits)
        RunFolder(tmp_path / name).root.mkdir()
        RunFolder(tmp_path / name).begin(resolved, few_digits, {"versions": {}, "machine": {}})
    assert settings_of(RunFolder(tmp_path / "preset"), few_digits).seed == 5
    with pytest.raises(SystemExit, match="own channels"):
        settings_of(RunFolder(tmp_path / "own"), few_digits)


def test_runs_of_another_recipe_never_share_a_table(tmp_path: Path) -> None:
    file = tmp_path / "budgets.json"
    same = {"floor": 0.5, "recipe": recipe(settings_for("penman"))}
    KeptRuns(file, same).make("7", 0, lambda: Result(0.99, 3.0, 60.0))
    assert list(KeptRuns(file, same).runs) == ["7"]
    other = recipe(settings_for("penman", overrides={"penalty_gamma": 1.0, "channels": 16}))
    with pytest.raises(
        SystemExit, match=r"has recipe\.penalty_gamma 0\.2, not 1\.0, recipe\.channels 32, not 16; name another file"
    ):
        KeptRuns(file, same | {"recipe": other})


def test_a_recipe_is_not_how_long_and_where_a_run_goes() -> None:
    own = {"epochs": 3.0, "seed": 5, "threads": 2, "precision": "float32", "device": "cpu", "log_every_steps": 7}
    assert recipe(settings_for("penman", overrides=own)) == recipe(settings_for("penman"))
    assert "sure_from" in recipe(settings_for("sgan")) and "sure_from" not in recipe(settings_for("penman"))


def test_the_kept_runs_of_sgan_are_of_its_recipe() -> None:
    record = json.loads((RESULTS / "semi-supervised.json").read_text())
    assert record["recipe"] == recipe(settings_for("sgan", overrides=record["settings"]))


WITHOUT_RECIPE: dict[ModuleType, dict[str, Any]] = {
    budgets: {"floor": 0.5},
    ablation: {"epochs": 2.0, "floor": 0.5},
    semi_supervised: {"settings": {"labelled": 100, "epochs": None, "threads": 1}, "tested_on": "mnist (test)"},
}


@pytest.mark.parametrize("module", WITHOUT_RECIPE, ids=lambda module: module.__name__)
def test_a_record_that_says_no_recipe_is_refused(
    module: ModuleType, few_digits: Digits, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "old.json"
    file.write_text(json.dumps(WITHOUT_RECIPE[module] | {"runs": {}}))
    monkeypatch.setattr(sys, "argv", [f"{module.__name__}.py", "--json", str(file), "--threads", "1"])
    monkeypatch.setattr(module, "machine", lambda *, threads: {})
    monkeypatch.setattr(module, "read_digits", lambda *name, **how: few_digits)
    ruler = SimpleNamespace(of=lambda digits, *, count: SimpleNamespace(floor=0.5))
    monkeypatch.setattr(module, "Ruler", ruler, raising=False)  # sgan is not judged by one
    with pytest.raises(SystemExit, match=r"old\.json: does not say which recipe its runs had; name another file"):
        module.main()


def test_what_was_kept_outlives_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "budgets.json"
    kept = KeptRuns(file, {"floor": 0.5})
    kept.make("7", 0, lambda: Result(0.99, 3.0, 60.0))
    before = file.read_bytes()

    def full(path: Path, *content: object, **how: object) -> int:
        path.open("w").close()  # what was there goes before the first byte is refused
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "write_bytes", full)
    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(SystemExit, match="the disk is full"):
        kept.make("7", 1, lambda: Result(0.98, 4.0, 61.0))
    with pytest.raises(SystemExit, match="the disk is full"):
        publish(argparse.Namespace(json=file, docs=None), "none", text="", record=kept.record)
    assert file.read_bytes() == before and list(tmp_path.iterdir()) == [file]


def test_a_variant_that_draws_one_image_over_and_over_has_died(
    few_digits: Digits, monkeypatch: pytest.MonkeyPatch
) -> None:
    generator, _ = build_networks("penman", (1, 28, 28), 10, seed=0)
    monkeypatch.setattr(ablation, "trained", lambda settings, digits: generator)

    def look(generator: nn.Module, *, images: int, seconds: float) -> None:
        raise InputError("all drawn digits are the same")

    ruler: Any = SimpleNamespace(look=look)
    assert ablation.one(ablation.VARIANTS["recipe"], few_digits, ruler, 0.5, seed=0, threads=1).died


COMMANDS = {
    time_to_quality: [
        *("--preset", "demo", "--set", "epochs=0.5", "--set", 'data="my digits"', "--seeds", "0,7", "--alone"),
        *("--limit-s", "480", "--slice-s", "2.5", "--digits", "200", "--first-images", "128", "--ratio", "1.25"),
        *("--name", "time-to-quality-longer"),
    ],
    semi_supervised: [
        *("--seeds", "100,101", "--labelled", "50", "--arms", "sgan", "--epochs", "2.5", "--threads", "2"),
        *("--settings", '{"adversarial_weight": 0.3, "sure_from": 0.9}', "--validate"),
    ],
}


@pytest.mark.parametrize("module", COMMANDS, ids=lambda module: module.__name__)
def test_the_published_command_makes_the_same_table_again(module: ModuleType) -> None:
    parser, repeated = module.parser_of_arguments(), getattr(module, "REPEATED", ())
    asked = parser.parse_args([*COMMANDS[module], "--json", "out.json"])
    python, script, *line = shlex.split(command_of(parser, asked, repeated=repeated).strip("`"))
    assert (python, script) == ("python", f"benchmarks/{parser.prog}")
    assert parser.parse_args(line) == parser.parse_args(COMMANDS[module])
    assert command_of(parser, parser.parse_args([]), repeated=repeated) == f"`python {script}`"


def test_only_filled_boxes_count_on_a_sheet(monkeypatch: pytest.MonkeyPatch) -> None:
    layout, digits = sheet_layout(per_class=1), load_mnist("test").take(np.arange(2))
    labels = np.array([box.label for box in layout.boxes])
    written = np.zeros((len(labels), 28, 28), np.uint8)
    written[digits.labels[0]] = digits.images[0, 0]  # and ink in the other one's box, which nobody filled in
    nothing = np.zeros((1, 1), np.uint8)
    filled = [
        Filled(layout.boxes[label], tight((image[0] / 255).astype(np.float32)), nothing, nothing > 0)
        for image, label in zip(digits.images, digits.labels, strict=True)
    ]
    sheet = ReadSheet(layout, filled, nothing, np.zeros((len(labels), 2)))
    monkeypatch.setattr(scanning, "read_sheet", lambda picture: sheet)
    found = scanning.measure_sheet(nothing, written, labels)
    assert found == {"sheets": 1, "filled": 1, "found": 1, "extra": 1, "read": 1}
    text = scanning.tables({}, {"scans": [found]}, untouched=1.0)
    assert "| scans | 1 of 1 | 1 | 100.00% | 1 | 100.00% |" in text
