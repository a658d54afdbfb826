"""The benchmark of time to quality: what its clock counts, what it looks at, and what it says."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

import contenders
import racing
from contenders import TextbookGenerator, digitsmith_steps, textbook_steps
from digitsmith.api import read_as_asked
from digitsmith.config import TrainSettings
from digitsmith.data.digits import Digits
from digitsmith.drawing.loading import load
from digitsmith.drawing.model import DigitModel
from digitsmith.errors import ConfigError, InputError, TrainingDiverged
from digitsmith.measure.evaluation import Evaluator
from digitsmith.models.blocks import Generator
from digitsmith.training.loop import train_gan
from quality import MARKS, Mark, Reading, Ruler, looks
from racing import Contender, Course, Rules, Run
from time_to_quality import main
from time_to_quality_table import Times, ratio, table

SCRIPT = Path(__file__).parent.parent / "benchmarks" / "time_to_quality.py"


def reading(seconds: float, share: float, distance: float = 100.0) -> Reading:
    return Reading(int(1000 * seconds), seconds, share, distance)


def test_what_is_timed_is_what_digitsmith_trains(
    few_digits: Digits, quick: Callable[..., TrainSettings], tmp_path: Path
) -> None:
    settings = quick("cgan", precision="float32", device="cpu", decay_from=0.5)
    train_gan(settings, few_digits, out=tmp_path / "run")
    trained = DigitModel.from_run(tmp_path / "run").generator.state_dict()
    *_, timed = digitsmith_steps(settings, few_digits)
    for name, tensor in timed.state_dict().items():
        assert torch.equal(tensor, trained[name]), name


def test_the_share_is_the_one_that_training_ends_with(few_digits: Digits) -> None:
    model = load("cgan")
    seen = Ruler.of(few_digits, count=200).look(model.generator, images=1, seconds=1.0)
    assert seen.read_as_asked == pytest.approx(read_as_asked(model, count=200), abs=1 / 200)
    assert seen.distance_over_floor < 10


def test_the_distance_and_its_floor_are_those_of_an_evaluation(few_digits: Digits) -> None:
    model = load("cgan")
    ruler = Ruler.of(few_digits, count=200)
    seen = ruler.look(model.generator, images=1, seconds=1.0)
    drawn = np.concatenate([images for images, _ in model.draw_chunks(ruler.labels, seed=1)])
    evaluation = Evaluator(few_digits, None, seed=0).evaluate(drawn, only=["fidelity"])
    figure = next(measurement for measurement in evaluation.measurements if measurement.key == "fd")
    assert figure.generated is not None and figure.held_out is not None
    assert ruler.floor == pytest.approx(figure.held_out.value, rel=1e-6)
    assert seen.distance_over_floor == pytest.approx(figure.generated.value / figure.held_out.value, rel=1e-3)


def test_a_look_leaves_the_training_as_it_was(few_digits: Digits, quick: Callable[..., TrainSettings]) -> None:
    settings = quick("acgan", device="cpu", precision="float32")
    ruler = Ruler.of(few_digits, count=200)
    watched = textbook_steps(settings, few_digits)
    *_, looked_at = (ruler.look(generator, images=1, seconds=1.0) and generator for generator in islice(watched, 2))
    *_, unseen = islice(textbook_steps(settings, few_digits), 2)  # which seeds PyTorch's random numbers again
    assert looked_at.training
    assert all(torch.equal(a, b) for a, b in zip(looked_at.parameters(), unseen.parameters(), strict=True))


def test_the_textbook_is_drawn_in_evaluation_mode(few_digits: Digits) -> None:
    generator = TextbookGenerator()
    modes: list[bool] = []
    generator.layers.register_forward_pre_hook(lambda layers, _: modes.append(layers.training))
    before = {name: tensor.clone() for name, tensor in generator.state_dict().items()}
    Ruler.of(few_digits, count=200).look(generator, images=1, seconds=1.0)
    assert modes == [False]
    assert all(torch.equal(tensor, before[name]) for name, tensor in generator.state_dict().items())


def test_looks_are_a_fixed_factor_apart() -> None:
    assert list(islice(looks(2000, 1.5), 4)) == [2000, 3000, 4500, 6750]


@pytest.mark.parametrize(
    ("mark", "values"),
    [(Mark("read_as_asked", 0.97), (0.96, 0.97, 0.9, 0.99)), (Mark("distance_over_floor", 5.0), (6.0, 5.0, 7.0, 1.0))],
)
def test_a_mark_counts_from_the_first_look_that_reaches_it(mark: Mark, values: tuple[float, ...]) -> None:
    readings = [
        Reading(second, float(second), **{"read_as_asked": 0.5, "distance_over_floor": 9.0} | {mark.figure: value})
        for second, value in enumerate(values)
    ]
    reached = mark.first(readings)
    assert reached is not None and reached.seconds == 1
    assert mark.first(readings[:1]) is None


class Clock:
    """Stands in for `time`: nothing passes but what is said to pass."""

    now = 0.0

    def perf_counter(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(racing, "time", clock)
    monkeypatch.setattr(racing, "read_digits", lambda source: None)
    return clock


def course(clock: Clock, *, steps: int, rules: Rules, diverges: bool = False) -> Course:
    """Steps of one second and 10 images each, and looks that take long."""

    def train(settings: TrainSettings, digits: Digits) -> Iterator[Generator]:
        for _ in range(steps):
            clock.now += 1.0
            yield Generator()
        if diverges:
            raise TrainingDiverged("the losses are gone")

    def look(generator: Generator, *, images: int, seconds: float) -> Reading:
        clock.now += 50.0
        return Reading(images, seconds, 0.1, 5000.0)

    ruler: Any = SimpleNamespace(look=look)
    return Course(Contender("one", train, 10), TrainSettings(device="cpu"), ruler, rules)


def test_the_clock_stands_still_while_one_looks_and_between_turns(clock: Clock) -> None:
    one = course(clock, steps=100, rules=Rules(limit_s=100, slice_s=5, first_images=20, ratio=2))
    seen = one.go_on(5)
    clock.now += 1000
    seen += one.go_on(10)
    assert [(look.images, look.seconds) for look in seen] == [(20, 2.0), (40, 4.0), (80, 8.0)]
    assert one.seconds == 10 and not one.ended


@pytest.mark.parametrize(("steps", "part"), [("digitsmith_steps", "prepared"), ("textbook_steps", "Pictures")])
def test_what_is_prepared_before_the_first_step_is_not_timed(
    steps: str,
    part: str,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
    few_digits: Digits,
    quick: Callable[..., TrainSettings],
) -> None:
    prepare = getattr(contenders, part)

    def slow(*args: object, **named: object) -> object:
        clock.now += 1000
        return prepare(*args, **named)

    def look(generator: Generator, *, images: int, seconds: float) -> Reading:
        raise InputError("one step is enough")

    monkeypatch.setattr(contenders, part, slow)
    monkeypatch.setattr(racing, "read_digits", lambda source: few_digits)
    settings, ruler = quick("acgan", device="cpu", precision="float32"), SimpleNamespace(look=look)
    rules = Rules(limit_s=100, slice_s=5, first_images=settings.batch_size, ratio=2)
    one: Any = Course(Contender("one", getattr(contenders, steps), settings.batch_size), settings, ruler, rules)
    one.go_on(5)
    assert (one.images, one.ended) == (settings.batch_size, "one step is enough")
    assert clock.now == 1000 and one.seconds == 0


def test_images_that_it_cannot_learn_from_end_its_own_run_only(clock: Clock) -> None:
    def refuses(settings: TrainSettings, digits: Digits) -> Iterator[Generator]:
        raise InputError("class 3 has no image")

    ruler: Any = SimpleNamespace()
    rules = Rules(limit_s=100, slice_s=5, first_images=20, ratio=2)
    one = Course(Contender("one", refuses, 10), TrainSettings(device="cpu"), ruler, rules)
    assert one.go_on(5) == [] and one.ended == "class 3 has no image"


@pytest.mark.parametrize(
    ("steps", "limit_s", "ended", "last"), [(7, 100, "its epochs are over", 7), (100, 6, "the time limit", 6)]
)
def test_it_looks_once_more_at_the_end(clock: Clock, steps: int, limit_s: float, ended: str, last: int) -> None:
    one = course(clock, steps=steps, rules=Rules(limit_s=limit_s, slice_s=5, first_images=20, ratio=2))
    seen = [look for turn in range(1, 4) for look in one.go_on(5.0 * turn)]
    assert one.ended == ended
    assert [look.images for look in seen] == [20, 40, 10 * last]


def test_nothing_is_looked_at_twice(clock: Clock) -> None:
    one = course(clock, steps=4, rules=Rules(limit_s=100, slice_s=50, first_images=40, ratio=2))
    assert [look.images for look in one.go_on(50)] == [40]
    assert one.ended == "its epochs are over"


def test_a_run_ends_when_no_mark_is_left() -> None:
    run = Run("one", 0)
    run.add([reading(1.0, 0.995, distance=4.0)], "")
    assert run.ended == ""
    run.add([reading(2.0, 0.5, distance=1.9)], "")  # all of them, but not at once
    assert run.ended == "all marks are reached"


def test_a_training_that_diverges_ends_its_own_run_only(clock: Clock) -> None:
    one = course(clock, steps=3, rules=Rules(limit_s=100, slice_s=50, first_images=20, ratio=2), diverges=True)
    assert [look.images for look in one.go_on(50)] == [20]
    assert one.ended == "the losses are gone"


def test_several_seeds_give_median_and_range_and_a_ratio() -> None:
    runs = [
        Run(name, seed, [reading(at, 0.971)])
        for name, times in (("ours", (20, 30, 10)), ("theirs", (61, 59, 60)))
        for seed, at in enumerate(times)
    ]
    row = next(line for line in table(runs, limit_s=300).splitlines() if "97 %" in line)
    assert row == "| 97 % read as asked | 20 (10 to 30) | 20,000 | 60 (59 to 61) | 60,000 | 3.0 |"


def test_a_mark_that_most_seeds_miss_is_not_reached() -> None:
    runs = [Run("ours", seed, [reading(9.5, share)]) for seed, share in enumerate((0.5, 0.98, 0.6))]
    rows = table(runs, limit_s=300).splitlines()
    assert "| 97 % read as asked | not reached (9.5 to not reached) | - |" in rows
    assert "| 99 % read as asked | not reached | - |" in rows


def test_a_ratio_against_what_never_came_is_a_bound() -> None:
    ours, never = Times((60.0,), (1.0,)), Times((math.inf,), (math.inf,))
    assert ratio(ours, never, limit_s=300) == "over 5.0"
    assert ratio(never, ours, limit_s=300) == "-"


@pytest.mark.parametrize("rule", ["limit_s", "slice_s", "first_images", "ratio"])
def test_rules_under_which_nothing_would_end_are_refused(rule: str) -> None:
    good = {"limit_s": 1.0, "slice_s": 1.0, "first_images": 1, "ratio": 1.1}
    with pytest.raises(ConfigError, match="must be above"):
        Rules(**good | {rule: 0 if rule != "ratio" else 1.0})  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def data(few_digits: Digits, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data") / "few.npz"
    np.savez(path, images=few_digits.images, labels=few_digits.labels)
    return path


def test_a_race_from_the_command_line(data: Path, tmp_path: Path) -> None:
    document = tmp_path / "performance.md"
    document.write_text("# Speed\n\n<!-- begin time-to-quality by hand -->\n<!-- end time-to-quality -->\nafter\n")
    settings = [f"data={str(data)!r}", "epochs=0.5", "batch_size=64", "threads=1"]
    command = [
        *(sys.executable, str(SCRIPT)),
        *(word for setting in settings for word in ("--set", setting)),
        *("--seeds", "3", "--limit-s", "1", "--slice-s", "0.5", "--digits", "200", "--first-images", "128"),
        *("--json", str(tmp_path / "out.json"), "--docs", str(document)),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    result = json.loads((tmp_path / "out.json").read_text())
    assert (result["digits"], result["reference_images"]) == (200, 440)
    assert list(result["marks"]) == [str(mark) for mark in MARKS]
    ours, theirs = result["runs"]
    assert (ours["contender"], theirs["contender"]) == ("digitsmith penman", "textbook acgan")
    for run in (ours, theirs):
        assert run["seed"] == 3
        assert run["ended"] in ("the time limit", "its epochs are over")
        assert run["readings"][-1]["seconds"] > 0
        assert 0 <= run["readings"][-1]["read_as_asked"] <= 1
        assert run["readings"][-1]["distance_over_floor"] > 1
    written = document.read_text()
    assert done.stdout.strip() in written and written.endswith("after\n")
    assert (tmp_path / "figures" / "time-to-quality.svg").stat().st_size > 1000


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--set", "learning_rte=0.1"], "there is no setting 'learning_rte'"),
        (["--set", 'model="gan"'], "gan cannot be asked for a digit"),
        (["--set", "seed=1"], "--seeds"),
        (["--seeds", "-1"], "seed must be at least 0"),
        (["--ratio", "1"], "ratio between looks"),
    ],
)
def test_what_cannot_be_is_one_line(options: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(options)
    assert ended.value.code == 2
    assert says in capsys.readouterr().err.splitlines()[-1]
