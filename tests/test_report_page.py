"""The page of a run: complete in one file, safe with any name, and there at any moment of a run."""

import base64
import io
import json
import shlex
from dataclasses import fields
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

from digitsmith import config
from digitsmith.cli import app
from digitsmith.errors import DataError, InputError
from digitsmith.report.images import png_bytes, tile
from digitsmith.report.page import write_run_page
from digitsmith.report.story import commands
from digitsmith.report.words import MODELS, SETTINGS

TEN = [str(digit) for digit in range(10)]


def grid(rows, columns=10, channels=1, seed=0):
    shape = (rows, columns, channels, 8, 8)
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def steps(count):
    return [
        {
            "event": "step", "step": 100 * n, "images": 12800 * n, "epoch": 0.2133 * n, "seconds": 3.2 * n,
            "loss_d": 1.2, "loss_g": 1 + 1 / n, "real_score": 0.7, "fake_score": 0.3, "variety": 0.9,
            "images_per_s": 4000.0,
        }
        for n in range(1, count + 1)
    ]  # fmt: skip


def warning(kind="collapse", step=1000, message="its images vary 0.2 times as much"):
    return {"event": "warning", "step": step, "images": 128 * step, "kind": kind, "message": message}


def end(seconds=300.0):
    return {"event": "end", "images": 128000, "seconds": seconds}


@pytest.fixture
def run_dir(tmp_path):
    return make_run(tmp_path / "acgan mnist")


def make_run(folder, *, model="acgan", source="mnist (train)", rows=None, classes=TEN, **settings):
    folder.mkdir(parents=True)
    fixed = {"model": model, "epochs": 20.0, "batch_size": 128, "seed": 20240227, "augmentation": {"flip": False}}
    record = {
        "format": 1,
        "settings": fixed | settings,
        "data": {
            "source": source,
            "images": 60000,
            "classes": list(classes),
            "shape": [1, 8, 8],
            "fingerprint": "f" * 64,
        },
        "versions": {"torch": "2.13.0"},
        "machine": {"threads": 2},
    }
    (folder / "run.json").write_text(json.dumps(record))
    if rows is not None:
        (folder / "log.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


def keep(run, grids):
    """Sample grids as a run keeps them."""
    (run / "samples").mkdir(exist_ok=True)
    for epoch, kept in grids.items():
        np.save(run / "samples" / f"epoch-{epoch:04d}.npy", kept)


class Parsed(HTMLParser):
    """Elements with their attributes, and the text between them."""

    def __init__(self, page):
        super().__init__()
        self.elements, self.text = [], ""
        self.feed(page.read_text(encoding="utf-8"))
        self.text = " ".join(self.text.split())

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += f"{data} "

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]

    def pictures(self):
        """The inlined PNGs as arrays, in the order of the page."""
        sources = [image["src"].partition("base64,") for image in self.all("img")]
        pngs = [base64.b64decode(data) for head, _, data in sources if head.startswith("data:image/png")]
        return [np.asarray(Image.open(io.BytesIO(png))) for png in pngs]


def everything(run_dir):
    """A page with all that it can show."""
    (run_dir / "log.jsonl").write_text("".join(json.dumps(row) + "\n" for row in [*steps(30), warning(), end()]))
    for name in TEN:
        (run_dir / "digits" / name).mkdir(parents=True, exist_ok=True)
        for index, image in enumerate(grid(2)[:, int(name)]):
            (run_dir / "digits" / name / f"{index}.png").write_bytes(png_bytes(image))
    keep(run_dir, {epoch: grid(10, seed=epoch) for epoch in (1, 10, 20)})
    return write_run_page(
        run_dir,
        real=grid(2, seed=30),
        generated=grid(2, seed=31),
        columns=TEN,
        drawn=run_dir / "digits",
        facts=[("Read as asked", "97.9 % of 10,000")],
        downloads=[("1,000 labelled digits", "digits/")],
    )


def test_nothing_is_loaded_from_elsewhere(run_dir):
    parsed = Parsed(everything(run_dir))
    for tag, attributes in parsed.elements:
        assert tag not in {"script", "link", "iframe", "object", "base"}
        for key in ("src", "srcset", "href", "style", "poster"):
            value = attributes.get(key) or ""
            assert "//" not in value.split("base64,")[0]
            if key == "src" and value:
                assert value.startswith("data:image/")
    style = everything(run_dir).read_text().split("<style>")[1].split("</style>")[0]
    assert "url(" not in style
    assert "@import" not in style
    assert "@media print" in style


def test_every_image_says_what_it_shows(run_dir):
    images = Parsed(everything(run_dir)).all("img")
    assert len(images) == 1 + 3 + 2 + 2 + 1
    assert all(len(image["alt"]) > 20 for image in images)


def test_the_title_names_model_and_data(run_dir):
    page = write_run_page(run_dir)
    assert page == run_dir / "index.html"
    assert "<title>Auxiliary classifier GAN trained on mnist (train)</title>" in page.read_text()


def test_the_digits_come_first_and_as_they_are(run_dir):
    latest, *epochs = Parsed(everything(run_dir)).pictures()[:4]
    np.testing.assert_array_equal(latest, tile(grid(10, seed=20))[0])
    for picture, epoch in zip(epochs, (1, 10, 20), strict=True):
        np.testing.assert_array_equal(picture, tile(grid(10, seed=epoch))[0])


def test_every_figure_lies_beside_the_page_and_every_link_leads_somewhere(run_dir):
    parsed = Parsed(everything(run_dir))
    shown = ("drawn", "epochs", "losses", "real-over-generated", "samples", "scores")
    names = (*shown, "samples-epoch-0001", "samples-epoch-0010", "samples-epoch-0020")
    files = sorted(f"{name}.{ending}" for name in names for ending in ("png", "svg"))
    assert sorted(path.name for path in (run_dir / "figures").iterdir()) == files
    links = [link["href"] for link in parsed.all("a")]
    assert len(links) == 2 * len(shown) + 1
    assert all((run_dir / link).exists() for link in links)


def test_the_same_run_is_the_same_page(run_dir):
    assert everything(run_dir).read_bytes() == everything(run_dir).read_bytes()


def test_facts_settings_and_machine_are_told_in_words(run_dir):
    text = Parsed(everything(run_dir)).text
    for words in (
        "Read as asked 97.9 % of 10,000",
        "60,000 images of 8 × 8 pixels, gray, in 10 classes",
        "Training is finished: 128,000 images seen, 6.4 epochs, in 5 min 0 s",
        "Real images per step 128",
        "Seed 20240227",
        "Augmentation: mirrored no",
        "Torch 2.13.0",
        "CPU threads 2",
    ):
        assert words in text


def test_commands_name_the_runs_own_folder(run_dir):
    text = Parsed(everything(run_dir)).text
    assert f"digitsmith draw 2026 --model '{run_dir}' -o drawn.png" in text
    assert f"digitsmith make 1000 --model '{run_dir}' -o drawn" in text
    assert f"digitsmith train --out '{run_dir}' --resume --epochs 40" in text


@pytest.mark.parametrize("classes", [None, TEN, ["T-shirt/top", "Ankle boot"]])
@pytest.mark.parametrize("finished", [False, True])
def test_commands_are_such_as_the_program_takes(classes, finished):
    shown = commands(
        "a run", settings={"epochs": 20.0, "decay_from": 1.0}, classes=classes, begun=True, finished=finished
    )
    assert len(shown) == (1 if classes is None else 3)
    for _, command in shown:
        program, *arguments = shlex.split(command)
        _, bound, unused = app.parse_args(arguments, exit_on_error=False, print_error=False)[:3]
        assert program == "digitsmith"
        assert {bound.arguments.get("model"), str(bound.arguments.get("out"))} & {"./a run", "a run"}
        assert not unused


def test_names_cannot_become_markup(tmp_path):
    evil = "<script>alert('1')</script>"
    rows = [*steps(1), warning(evil, message=evil)]
    run = make_run(tmp_path / "x", model=evil, source=evil, rows=rows, classes=[evil, "b"], preset=evil)
    keep(run, {1: grid(2, 2)})
    page = write_run_page(
        run,
        columns=[evil, '" onload="x'],
        facts=[(evil, evil)],
        downloads=[(evil, "javascript:x()")],
    )
    parsed = Parsed(page)
    assert not parsed.all("script")
    assert not any("onload" in attributes for _, attributes in parsed.elements)
    assert parsed.all("a")[-1]["href"] == "javascript%3Ax%28%29"
    assert parsed.text.count(evil) >= 7


def test_warnings_are_explained_once_per_kind(tmp_path):
    rows = [
        *steps(40),
        warning(step=1000),
        warning("discriminator-wins", 2000),
        warning(step=3000),
        warning("odd_kind"),
    ]
    text = Parsed(write_run_page(make_run(tmp_path / "x", rows=rows))).text
    assert text.count("This is called mode collapse") == 1
    assert "2 times, first at step 1,000, after 128,000 images, last at step 3,000" in text
    assert "The discriminator was always right" in text
    assert "Odd kind Its images vary" in text


def test_a_run_without_warnings_shows_none(tmp_path):
    text = Parsed(write_run_page(make_run(tmp_path / "x", rows=[*steps(3), end()]))).text
    assert "Warnings" not in text


def test_a_killed_run_has_a_page(tmp_path):
    run = make_run(tmp_path / "x", rows=steps(5))
    with (run / "log.jsonl").open("a") as log:
        log.write('{"event": "st')
    text = Parsed(write_run_page(run, columns=TEN)).text
    assert "Training is not finished: 64,000 images seen, 1.07 epochs, in 16 s" in text
    assert "Go on training where it stopped digitsmith train --out" in text
    assert "x --resume How" in text


def test_a_run_that_has_just_begun_has_a_page(run_dir):
    parsed = Parsed(write_run_page(run_dir))
    assert "Training has not logged its first step yet" in parsed.text
    assert "digitsmith draw" not in parsed.text
    assert not parsed.all("img")


def test_grids_kept_by_the_run_are_shown(run_dir):
    keep(run_dir, {epoch: grid(3, seed=epoch) for epoch in (1, 2, 9, 10, 12, 20)})
    pictures = Parsed(write_run_page(run_dir, columns=TEN)).pictures()
    for picture, epoch in zip(pictures, (20, 1, 10, 20), strict=True):
        np.testing.assert_array_equal(picture, tile(grid(3, seed=epoch))[0])


@pytest.mark.parametrize("content", [b"", b"\x93NUMPY", b"PK\x03\x04", "cut short"])
def test_a_damaged_sample_is_named(run_dir, content):
    path = run_dir / "samples" / "epoch-0001.npy"
    path.parent.mkdir()
    if content == "cut short":
        np.save(path, np.zeros((1, 2, 1, 8, 8), dtype=np.uint8))
        path.write_bytes(path.read_bytes()[:-1])
    else:
        path.write_bytes(content)
    with pytest.raises(DataError, match=r"epoch-0001\.npy: is no sample grid"):
        write_run_page(run_dir)


def test_a_gan_has_no_column_heads_and_no_class_to_ask_for(tmp_path):
    run = make_run(tmp_path / "x", model="gan", rows=[*steps(3), end()])
    keep(run, {1: grid(4), 20: grid(4)})
    parsed = Parsed(write_run_page(run, real=grid(1)[0], generated=grid(1)[0]))
    assert not any("heads" in (attributes.get("class") or "") for attributes in parsed.all("div"))
    assert "one column for each class" not in "".join(image["alt"] for image in parsed.all("img"))
    assert "digitsmith draw" not in parsed.text
    assert "x --resume" in parsed.text


def test_colour_and_26_letters(tmp_path):
    letters = [chr(65 + k) for k in range(26)]
    run = make_run(tmp_path / "x", classes=letters, rows=steps(3))
    keep(run, {1: grid(2, 26, 3), 5: grid(2, 26, 3)})
    parsed = Parsed(write_run_page(run, columns=letters))
    assert parsed.pictures()[0].shape == (2 * 8 + 2, 26 * 8 + 25 * 2, 3)
    assert " ".join(letters) in parsed.text
    assert "digitsmith draw A --model" in parsed.text


def test_long_names_stand_upright(run_dir):
    names = [f"class number {k}" for k in range(10)]
    keep(run_dir, {1: grid(2)})
    parsed = Parsed(write_run_page(run_dir, columns=names))
    assert any(attributes.get("class") == "grid upright" for attributes in parsed.all("div"))


def test_what_does_not_fit_is_refused_and_the_old_page_stays(run_dir):
    before = write_run_page(run_dir).read_bytes()
    with pytest.raises(DataError, match="both or neither"):
        write_run_page(run_dir, real=grid(1))
    with pytest.raises(DataError, match="9 names for 10 columns"):
        write_run_page(run_dir, real=grid(1), generated=grid(1), columns=TEN[:9])
    (run_dir / "empty").mkdir()
    with pytest.raises(DataError, match="holds no folder of a class"):
        write_run_page(run_dir, drawn=run_dir / "empty")
    (run_dir / "empty" / "0").mkdir()
    with pytest.raises(DataError, match="holds no pictures"):
        write_run_page(run_dir, drawn=run_dir / "empty")
    assert (run_dir / "index.html").read_bytes() == before


def test_a_path_that_cannot_be_is_one_line(run_dir):
    (run_dir / "index.html").mkdir()
    with pytest.raises(InputError, match="is a folder; name a file"):
        write_run_page(run_dir)


def test_every_model_and_setting_has_its_words_in_the_order_of_the_settings():
    assert set(MODELS) == set(config.MODELS)
    nested = {field.name for field in fields(config.Augmentation)}
    assert nested < set(SETTINGS)
    assert [key for key in SETTINGS if key not in nested] == [field.name for field in fields(config.TrainSettings)]


def test_settings_stand_in_their_own_order(tmp_path):
    run = make_run(tmp_path / "x", added_later=1, learning_rate=0.0002)
    text = Parsed(write_run_page(run)).text
    words = ["Model acgan", "Real images per step", "Learning rate 0.0002", "Seed", "Added later 1"]
    assert sorted(words, key=text.index) == words


def test_a_run_whose_learning_rate_fell_is_not_asked_to_go_on():
    assert commands("run", settings={"epochs": 9.0, "decay_from": 0.5}, classes=None, begun=True, finished=True) == []


def test_commands_are_such_as_can_work():
    twelve = [str(number) for number in range(12)]
    settings = {"epochs": 9.0, "data": "in memory"}
    shown = commands("cgan", settings=settings, classes=twelve, begun=True, finished=False)
    assert [command for _, command in shown] == [
        "digitsmith draw 0 --model ./cgan -o drawn.png",  # not the shipped model of that name; not "2026"
        "digitsmith make 1000 --model ./cgan -o drawn",
    ]
