"""The page of an evaluation: complete in one file, true to the figures, and there when parts are missing."""

import base64
import io
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from math import inf, nan

import numpy as np
import pytest
from PIL import Image

from digitsmith.measure.estimate import Estimate, share_estimate
from digitsmith.measure.results import Evaluation, Measurement
from digitsmith.report.cells import cell, factor, multiple, standing
from digitsmith.report.evaluation_page import write_evaluation_page
from digitsmith.report.evaluation_plots import class_distances_figure, confusion_figure, style_figure, style_numbers
from digitsmith.report.evaluation_table import about as rests_on
from digitsmith.report.findings import findings
from digitsmith.report.images import tile
from digitsmith.report.style import figure_bytes
from evaluations import TEN, about, class_distances, confusion, drawn_grid, evaluation, measurements, pairs

EVIL = "<script>alert('1')</script>"
BARE = {"confusion": None, "class_distances": (), "pairs": None, "samples": None, "style": {}}
VOID = {"meta", "img", "br", "hr", "link", "input"}


class Parsed(HTMLParser):
    """Elements with their attributes, the text between them, and whether every tag is closed in its order."""

    def __init__(self, page):
        super().__init__()
        self.elements, self.text, self.open = [], "", []
        self.feed(page.read_text(encoding="utf-8"))
        assert self.open == []
        self.text = " ".join(self.text.split())

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += f"{data} "

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]

    def pictures(self):
        sources = [image["src"].partition("base64,") for image in self.all("img")]
        pngs = [base64.b64decode(data) for head, _, data in sources if head.startswith("data:image/png")]
        return [np.asarray(Image.open(io.BytesIO(png))) for png in pngs]


def refuses_the_web(page):
    """Nothing on the page is loaded from anywhere."""
    parsed = Parsed(page)
    for tag, attributes in parsed.elements:
        assert tag not in {"script", "link", "iframe", "object", "base", "form"}
        assert not any(key.startswith("on") for key in attributes)
        if "src" in attributes:
            assert attributes["src"].startswith("data:image/")
        if "href" in attributes:
            assert (page.parent / attributes["href"]).is_file()
    content = page.read_text(encoding="utf-8")
    assert "default-src 'none'" in content
    assert "url(" not in content
    assert "@import" not in content
    return parsed


def test_the_page_is_complete_in_one_file_and_every_link_leads_somewhere(tmp_path):
    page = write_evaluation_page(tmp_path / "deep" / "report", evaluation())
    parsed = refuses_the_web(page)
    assert page == tmp_path / "deep" / "report" / "index.html"
    assert all(len(image["alt"]) > 20 for image in parsed.all("img"))
    plots = ("class-distances", "closest-pairs", "confusion", "style")
    files = [f"{name}.{ending}" for name in plots for ending in ("json", "png", "svg")] + ["samples.png", "samples.svg"]
    assert sorted(path.name for path in (page.parent / "figures").iterdir()) == sorted(files)
    assert len(parsed.all("a")) == len(files) + 1


def test_the_same_evaluation_is_the_same_bytes(tmp_path):
    for name in ("a", "b"):
        write_evaluation_page(tmp_path / name, evaluation())
    paths = [path.relative_to(tmp_path / "a") for path in (tmp_path / "a").rglob("*") if path.is_file()]
    assert len(paths) == 16
    for path in paths:
        assert (tmp_path / "a" / path).read_bytes() == (tmp_path / "b" / path).read_bytes()


def test_json_says_what_was_measured(tmp_path):
    given = evaluation()
    write_evaluation_page(tmp_path, given)
    assert json.loads((tmp_path / "evaluation.json").read_text()) == json.loads(json.dumps(given.to_dict()))

    def numbers(name):
        return json.loads((tmp_path / "figures" / f"{name}.json").read_text())

    assert numbers("confusion")["counts"] == given.confusion.tolist()
    assert [row["generated"]["value"] for row in numbers("class-distances")] == [
        row["generated"].value for row in given.class_distances
    ]
    assert [pair["distance"] for pair in numbers("closest-pairs")] == pytest.approx(given.pairs.distances.tolist())
    slant = numbers("style")["slant"]
    values = given.style["slant"]["test"]
    expected = np.histogram(values, slant["edges"])[0] / len(values)
    assert slant["shares"]["test"] == pytest.approx(expected.tolist())
    assert slant["images"] == {"generated": 4000, "training": 5000, "test": 5000}
    assert slant["without"]["generated"] == 1


def test_the_table_shows_every_figure_with_its_floors_counts_and_network(tmp_path):
    text = Parsed(write_evaluation_page(tmp_path, evaluation(**BARE))).text
    for words in (
        "Fréchet distance ↓ 10,000 images against 50,000 · reader-1 · 95 %, bootstrap over images "
        "0.627 ± 0.024 0.297 ± 0.011 0.81 ± 0.04 2.1 × worse 0.580 ± 0.009 50,000 images against 60,000",
        "Kernel distance (KID) × 1000 ↓",
        "1.23 ± 0.11 −0.002 ± 0.013 2.10 ± 0.10 worse",
        "Recall ↑",
        "95.0 % ± 0.4 95.1 % ± 0.4 94.8 % 94.3–95.2 like the floor",
        "0.81° ± 0.21 0.31° ± 0.18 1.20°",
        "50,000 images · judge-1 · deviation of 3 seeds floor: the same network on as many real images",
        "Distance to the nearest training image ≈",
        "5.600 ± 0.022 differs",
        "FID ↓ Not measured: Inception's weights are not here",
    ):
        assert words in text
    assert text.index("Fidelity") < text.index("Diversity") < text.index("Novelty")


def test_the_text_on_top_follows_the_figures():
    told = " ".join(" ".join(findings(evaluation())).split())
    for words in (
        "2.1 times as far from the training images as held-out training images are (0.627 against 0.297)",
        "they are nearer than the real test set",
        "98.1 % of the generated images",
        "4 read as 9 (2.1 % of that class)",
        "2 is the farthest from real images (2.8 times its floor) and 0 the nearest (1.2 times)",
        "held-out training images: 1 like theirs, 1 better, 7 worse and 1 different.",
        "Not measured: FID; the table says why.",
    ):
        assert words in told
    told = " ".join(findings(evaluation(worse=8.0)))
    assert "farther than the real test set" in told
    perfect = replace(evaluation(), confusion=np.diag(np.full(10, 100)))
    assert "Every generated image is read as the class it was asked for." in findings(perfect)


def test_a_mistake_in_thousands_does_not_leave_all_of_them_right():
    counts = np.diag([1000, 1499])
    counts[0, 1] = 1
    told = " ".join(" ".join(findings(evaluation(classes=("3", "8"), confusion=counts))).split())
    assert "99.96 % of the generated images are read as the class they were asked for" in told
    assert "3 read as 8" in told


def test_missing_parts_are_left_out(tmp_path):
    bare = Evaluation("drawn by hand", "mnist (train)", [])
    parsed = refuses_the_web(write_evaluation_page(tmp_path / "bare", bare))
    assert not parsed.all("img")
    assert not (tmp_path / "bare" / "figures").exists()
    unlabelled = evaluation(**BARE | {"samples": drawn_grid(2)})
    parsed = refuses_the_web(write_evaluation_page(tmp_path / "unlabelled", unlabelled))
    assert "in no order of classes" in parsed.text
    assert "Class by class" not in parsed.text
    in_columns = evaluation(**BARE | {"samples": drawn_grid(), "facts": {"with_labels": True}})
    parsed = refuses_the_web(write_evaluation_page(tmp_path / "diversity alone", in_columns))
    assert "in no order of classes" not in parsed.text
    too_few = [row | {"generated": None, "held_out": None, "test": None} for row in class_distances()]
    parsed = refuses_the_web(write_evaluation_page(tmp_path / "few", evaluation(**BARE | {"class_distances": too_few})))
    assert not (tmp_path / "few" / "figures" / "class-distances.png").exists()
    no_test = [replace(measurement, test=None, everything=None) for measurement in measurements()]
    parsed = refuses_the_web(write_evaluation_page(tmp_path / "no test", evaluation(measurements=no_test, **BARE)))
    assert "the whole reference" not in parsed.text


def test_names_cannot_become_markup(tmp_path):
    classes = (EVIL, '"onload="x', *TEN[2:])
    named = [row | {"name": name} for row, name in zip(class_distances(), classes, strict=True)]
    rows = [replace(measurements()[1], name=EVIL, family=EVIL, network=EVIL, note=EVIL)]
    given = evaluation(EVIL, classes=classes, class_distances=named, measurements=rows, facts={EVIL: EVIL})
    parsed = refuses_the_web(write_evaluation_page(tmp_path, given))
    assert not any("onload" in attributes for _, attributes in parsed.elements)
    assert parsed.text.count(EVIL) >= 8


def test_the_pictures_are_the_images_themselves(tmp_path):
    samples, ten, three = Parsed(
        write_evaluation_page(tmp_path, evaluation(**BARE | {"samples": drawn_grid(), "pairs": pairs(13)}))
    ).pictures()
    np.testing.assert_array_equal(samples, tile(drawn_grid())[0])
    given = pairs(13)
    both = np.stack([given.generated, given.training])
    np.testing.assert_array_equal(ten, tile(both[:, :10])[0])
    np.testing.assert_array_equal(three, tile(both[:, 10:])[0])


def test_ends_that_are_not_known_are_neither_shown_nor_drawn(tmp_path):
    unknown = Estimate(0.5, nan, nan, "one seed")
    rows = [replace(measurements()[1], generated=unknown, held_out=unknown, test=unknown)]
    per_class = [row | {"generated": unknown, "held_out": None} for row in class_distances()]
    given = evaluation(measurements=rows, **BARE | {"class_distances": per_class})
    page = write_evaluation_page(tmp_path, given)
    assert "nan" not in re.sub(r"base64,[^\"]+", "", page.read_text()).lower()
    numbers = json.loads((tmp_path / "figures" / "class-distances.json").read_text())
    assert numbers[0]["generated"] == {"value": 0.5, "low": None, "high": None, "spread": "one seed"}


@pytest.mark.parametrize(
    ("estimate", "unit", "shown"),
    [
        (about(12.3456, 0.1234), "", "12.35 ± 0.12"),
        (about(12.3456, 0.4), "px", "12.3 px ± 0.4"),
        (about(1234.5, 41), "", "1,234 ± 41"),
        (share_estimate(9790, 10_000), "%", "97.90 % (97.60–98.16)"),
        (share_estimate(100, 100), "%", "100.0 % (96.3–100.0)"),
        (Estimate(0.25, 0.25, 0.25, "exact"), "%", "25.0 %"),
        (Estimate(941.0, nan, nan, "exact"), "", "941"),
        (Estimate(0.0, nan, nan, "exact"), "", "0"),
        (Estimate(-0.31, -0.5, 0.4, "odd"), "deg", "−0.3° (−0.5 to 0.4)"),
        (Estimate(nan, nan, nan, "none"), "", "–"),
        (Estimate(inf, nan, nan, "none"), "", "–"),
        (None, "px²", "–"),
    ],
)
def test_values_are_rounded_by_their_intervals(estimate, unit, shown):
    assert " ".join(str(cell(estimate, unit=unit, times=factor(unit, [estimate]))).split()) == shown


def test_small_values_are_shown_a_thousandfold():
    assert factor("", [about(0.0012, 0.0001), None, about(-0.004, 0.001)]) == 1000
    assert factor("", [about(0.0012, 0.0001), about(0.4, 0.1)]) == 1
    assert factor("px", [about(0.0012, 0.0001)]) == 1


@pytest.mark.parametrize(("ratio", "shown"), [(2.14, "2.1 ×"), (0.84, "0.84 ×"), (137.2, "137 ×"), (1.0, "1.0 ×")])
def test_multiples(ratio, shown):
    assert " ".join(multiple(ratio).split()) == shown


@pytest.mark.parametrize(
    ("better", "generated", "where"),
    [
        ("lower", about(2.0, 0.1), "worse"),
        ("lower", about(0.5, 0.1), "better"),
        ("higher", about(2.0, 0.1), "better"),
        ("higher", about(0.5, 0.1), "worse"),
        ("as the floor", about(2.0, 0.1), "off"),
        ("lower", about(1.25, 0.2), "like real"),
        ("lower", Estimate(1.05, nan, nan, "one seed"), "like real"),
        ("lower", Estimate(nan, nan, nan, "none"), ""),
        ("lower", None, ""),
    ],
)
def test_standing_compares_intervals(better, generated, where):
    measured = Measurement("x", "X", "Fidelity", better, generated=generated, held_out=about(1.0, 0.1))
    assert standing(measured) == where


def test_confusions_show_the_share_of_those_asked_for():
    counts = confusion()
    counts[7] = 0  # nobody asked for a seven
    texts = [text.get_text() for text in confusion_figure(counts, TEN).axes[0].texts]
    assert texts[4 * 10 + 9] == f"{counts[4, 9] / 10:.1f}"
    assert texts[0] == f"{counts[0, 0] / 10:.1f}"
    assert texts[70:80] == ["·"] * 10
    letters = confusion_figure(np.eye(26, dtype=np.int64), [chr(65 + k) for k in range(26)])
    assert not list(letters.axes[0].texts)


def test_a_class_far_off_does_not_hide_the_others():
    rows = class_distances()
    rows[3] |= {"generated": about(900.0, 5.0)}
    assert class_distances_figure(rows).axes[0].get_xscale() == "log"
    figure_bytes(class_distances_figure(rows), "png")
    axes = class_distances_figure(class_distances()).axes[0]
    assert axes.get_xscale() == "linear"
    assert axes.get_xlim()[0] == 0
    drawn = next(line for line in axes.get_lines() if line.get_label() == "generated")
    np.testing.assert_allclose(drawn.get_xdata(), [row["generated"].value for row in class_distances()])


def test_style_of_equal_or_missing_values_is_drawn():
    style = {"slant": {"generated": np.full(9, 3.0)}, "area": {"generated": np.full(4, nan), "test": np.arange(4.0)}}
    numbers = style_numbers(style)
    assert sum(numbers["slant"]["shares"]["generated"]) == 1
    assert numbers["area"]["mean"] == {"generated": None, "test": 1.5}
    assert numbers["area"]["without"] == {"generated": 4, "test": 0}
    figure = style_figure(numbers, {"slant": "deg"})
    assert [axes.get_xlabel() for axes in figure.axes] == ["Slant (°)", "Area"]
    figure_bytes(figure, "svg")


def test_a_floor_that_is_not_told_apart_from_zero_has_no_multiples() -> None:
    row = Measurement("kid", "KID", "Fidelity", "lower", generated=Estimate(0.001, 0.0009, 0.0011, ""))
    assert replace(row, held_out=Estimate(1e-7, -1e-5, 1e-5, "")).times_floor is None
    assert replace(row, held_out=Estimate(1e-4, 9e-5, 1.1e-4, "")).times_floor == pytest.approx(10)
    assert replace(row, held_out=Estimate(1e-4, nan, nan, "")).times_floor == pytest.approx(10)


def test_a_figure_without_an_interval_ends_its_line_with_the_network() -> None:
    row = Measurement("modes", "Modes", "Diversity", "higher", network="reader-1", images=5)
    assert rests_on(replace(row, generated=Estimate(7.0, nan, nan, ""))) == "5 images · reader-1"
