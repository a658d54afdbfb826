"""The page of a comparison: one table of all models, the best marked only where it is, and gaps left open."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest

from digitsmith.errors import DataError
from digitsmith.report.compared_figures import BEST, TIED, compared_figures
from digitsmith.report.comparison_page import ComparedModel, write_comparison_page
from digitsmith.report.comparison_plots import dots_figure
from digitsmith.report.comparison_table import compared_row, markdown_table
from digitsmith.report.findings import rankings
from digitsmith.report.images import tile
from digitsmith.report.style import figure_bytes
from evaluations import TEN, about, drawn_grid, evaluation, measurements, real_grid
from test_report_evaluation_page import EVIL, Parsed, refuses_the_web
from test_report_figures import log


def model(name="acgan", worse=1.0, **changes):
    """A model with everything a page can show."""
    given = ComparedModel(
        name,
        evaluation=evaluation(name, worse),
        samples=drawn_grid(seed=1),
        columns=TEN,
        log=log(),
        epochs={epoch: drawn_grid(3, seed=epoch) for epoch in (1, 2, 10, 20)},
        real=real_grid(2),
        generated=drawn_grid(2),
        augmented=drawn_grid(seed=9),
        settings={"model": name, "epochs": 20.0},
        command=f"digitsmith train {name}",
        seconds=100.0,
    )
    return replace(given, **changes)


def three_models():
    """A GAN, which knows no labels, and two conditional ones."""
    unlabelled = [m for m in measurements(1.9) if m.family not in ("Labels", "Usefulness")]
    gan = model("gan", columns=None, augmented=None)
    gan = replace(gan, evaluation=evaluation("gan", 1.9, measurements=unlabelled, confusion=None, class_distances=()))
    return [gan, model("cgan", augmented=None), model("acgan", 0.98)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The page of three models, written once and only read."""
    return write_comparison_page(tmp_path_factory.mktemp("comparison"), three_models()).parent


def only_row(measured, *, key="fd"):
    """The row of one figure, of models whose measurement of it is given."""
    evaluations = {name: evaluation(name, measurements=[m]) for name, m in measured.items()}
    (figures,) = compared_figures(evaluations).values()
    (figure,) = (figure for figure in figures if figure.first.key == key)
    return compared_row(figure, list(measured))


def fd(value, margin=0.1, **changes):
    measured = replace(measurements()[1], everything=None, generated=about(value, margin))
    return replace(measured, **changes)


def test_the_page_is_complete_in_one_file_and_every_link_leads_somewhere(folder):
    parsed = refuses_the_web(folder / "index.html")
    assert all(len(image["alt"]) > 20 for image in parsed.all("img"))
    stems = {path.stem for path in (folder / "figures").iterdir()}
    assert stems == {"samples", "against-the-floor", "augmentation-acgan"} | {
        f"{what}-{name}" for what in ("losses", "epochs", "real-over-generated") for name in ("gan", "cgan", "acgan")
    }
    plots = ["against-the-floor", "losses-acgan", "losses-cgan", "losses-gan"]
    assert sorted(path.stem for path in (folder / "figures").glob("*.json")) == plots
    assert len(parsed.all("a")) == 2 * len(stems) + len(plots) + 2


def test_the_same_models_are_the_same_bytes(tmp_path, folder):
    write_comparison_page(tmp_path, three_models())
    paths = [path.relative_to(folder) for path in folder.rglob("*") if path.is_file()]
    assert len(paths) == 31
    for path in paths:
        assert (folder / path).read_bytes() == (tmp_path / path).read_bytes()


def test_json_holds_every_evaluation_and_the_numbers_of_every_plot(folder):
    record = json.loads((folder / "comparison.json").read_text())
    assert [entry["name"] for entry in record["models"]] == ["gan", "cgan", "acgan"]
    assert record["models"][1]["evaluation"] == json.loads(json.dumps(evaluation("cgan").to_dict()))
    assert record["models"][1]["command"] == "digitsmith train cgan"
    losses = json.loads((folder / "figures" / "losses-cgan.json").read_text())
    assert losses["loss_g"] == [row["loss_g"] for row in log() if row["event"] == "step"]
    dots = json.loads((folder / "figures" / "against-the-floor.json").read_text())
    (kid,) = (entry for entry in dots if entry["key"] == "kid")
    assert kid["models"]["acgan"]["generated"]["value"] == evaluation("acgan", 0.98)["kid"].generated.value
    assert "fid" not in [entry["key"] for entry in dots]


def test_the_models_stand_side_by_side(folder):
    gan, cgan, acgan = Parsed(folder / "index.html").pictures()[:3]
    for picture in (gan, cgan, acgan):
        np.testing.assert_array_equal(picture, tile(drawn_grid(seed=1))[0])
    epochs = Parsed(folder / "index.html").pictures()[3:6]
    for picture, epoch in zip(epochs, (1, 10, 20), strict=True):
        np.testing.assert_array_equal(picture, tile(drawn_grid(3, seed=epoch))[0])


def test_one_table_holds_all_figures(folder):
    text = Parsed(folder / "index.html").text
    for words in (
        "Figure gan cgan acgan Floor held-out training images Real test set",
        "Fréchet distance ↓ 10,000 images against 50,000 · reader-1 · 95 %, bootstrap over images "
        "0.924 ± 0.024 0.627 ☆ ± 0.024 0.620 ★ ± 0.024 0.297 ± 0.011 0.81 ± 0.04",
        "Fréchet distance, all images ↓ 50,000 images against 60,000",
        "Read as asked ↑ 10,000 images · reader-1 · 95 %, Wilson, over images – 97.90 % ☆",
        "FID ↓ Not measured: Inception's weights are not here",
    ):
        assert words in text
    order = [text.index(f"{family} {word}") for family, word in
             (("Fidelity", "How"), ("Labels", "How"), ("Usefulness", "How"), ("Style", "Whether"))]  # fmt: skip
    assert order == sorted(order)


def test_markdown_is_the_same_table(folder):
    lines = (folder / "table.md").read_text().splitlines()
    table = [line for line in lines if line.startswith("|")]
    assert {len(re.findall(r"(?<!\\)\|", line)) for line in table} == {7}
    (row,) = (line for line in table if line.startswith("| Fréchet distance ↓"))
    cells = [" ".join(cell.split()) for cell in row.split("|")[1:-1]]
    assert cells == [
        "Fréchet distance ↓ (10,000 images against 50,000 · reader-1 · 95 %, bootstrap over images)",
        "0.924 ± 0.024",
        "0.627 ± 0.024 ☆",
        "**0.620 ± 0.024 ★**",
        "0.297 ± 0.011",
        "0.81 ± 0.04",
    ]
    assert "not told apart" in lines[-1]


def test_names_cannot_become_markup_or_break_the_table(tmp_path):
    name = f"{EVIL}|*b*\n|x"
    rows = [replace(m, name=f"{m.name} {name}", note=name, network=name) for m in measurements()]
    given = model(name, command=EVIL, columns=(EVIL, *TEN[1:]), settings={EVIL: EVIL})
    page = write_comparison_page(tmp_path, [replace(given, evaluation=evaluation(EVIL, measurements=rows)), model("b")])
    parsed = refuses_the_web(page)
    assert parsed.text.count(EVIL) >= 8
    table = [line for line in (tmp_path / "table.md").read_text().splitlines() if "★" not in line or "|" in line]
    assert {len(re.findall(r"(?<!\\)\|", line)) for line in table if line.startswith("|")} == {6}
    assert "\\<script\\>" in table[0]
    assert (tmp_path / "figures" / "losses-script-alert-1-script-b-x.svg").exists()


def test_names_that_would_be_one_file_are_numbered(tmp_path):
    write_comparison_page(tmp_path, [ComparedModel(name, log=log()) for name in ("a b", "A-B", "あ")])
    assert sorted(path.name for path in (tmp_path / "figures").glob("losses-*.png")) == [
        "losses-3.png",
        "losses-a-b-1.png",
        "losses-a-b-2.png",
    ]


def test_missing_parts_are_left_out(tmp_path):
    page = write_comparison_page(tmp_path / "bare", [ComparedModel("a"), ComparedModel("b")])
    parsed = refuses_the_web(page)
    assert "None of these models was measured" in parsed.text
    assert not parsed.all("img")
    assert sorted(path.name for path in page.parent.iterdir()) == ["comparison.json", "index.html"]
    taken = ComparedModel("taken", evaluation=evaluation("taken"), samples=drawn_grid(), columns=TEN)
    parsed = refuses_the_web(write_comparison_page(tmp_path / "mixed", [taken, model("trained", evaluation=None)]))
    assert "losses-trained.svg" in [link["href"].removeprefix("figures/") for link in parsed.all("a")]
    assert "0.627 ± 0.024 – 0.297" in parsed.text
    assert not (tmp_path / "mixed" / "figures" / "losses-taken.svg").exists()


def test_the_best_is_the_lowest_the_highest_or_the_nearest_to_the_floor():
    lower = only_row({"a": fd(2.0), "b": fd(1.0), "c": fd(1.15), "d": fd(1.3)})
    assert [cell.mark for cell in lower.cells] == ["", BEST, TIED, ""]
    higher = only_row({"a": fd(2.0, better="higher"), "b": fd(1.0, better="higher")})
    assert [cell.mark for cell in higher.cells] == [BEST, ""]
    aim = only_row({"a": fd(0.6, better="as the floor"), "b": fd(0.1, better="as the floor")})  # the floor is 0.297
    assert [cell.mark for cell in aim.cells] == [TIED, BEST]  # 0.303 and 0.197 from it, on either side, by 0.1 each
    apart = [fd(value, 0.05, better="as the floor") for value in (0.6, 0.1)]
    assert [cell.mark for cell in only_row(dict(zip("ab", apart, strict=True))).cells] == ["", BEST]
    equal = only_row({"a": fd(1.0), "b": fd(1.0)})
    assert [cell.mark for cell in equal.cells] == [BEST, BEST]
    alone = only_row({"a": fd(1.0), "b": fd(1.0, generated=None, note="no weights")})
    assert [cell.mark for cell in alone.cells] == ["", ""]
    assert alone.notes == ["b: no weights"]


def test_a_model_without_a_figure_shares_the_others_row_and_floor():
    row = only_row({"a": fd(1.0), "b": fd(1.0, images=0, generated=None, held_out=None, test=None, unit="%")})
    assert [str(cell.amount) for cell in row.cells][1] == "–"
    assert " ".join(str(row.held_out).split()) == "0.297 ± 0.011"
    assert "10,000 images" in row.about


def test_unequal_counts_are_told_and_not_ranked():
    row = only_row({"a": fd(1.0), "b": fd(0.5, images=5000)})
    assert [cell.mark for cell in row.cells] == ["", ""]
    assert row.cells[1].under.startswith("5,000 images against 50,000; floor 0.297")
    assert str(row.held_out) == "own"
    assert "images" not in row.about


def test_floors_that_differ_stand_with_their_models():
    row = only_row({"a": fd(1.0), "b": fd(0.5, held_out=about(0.4, 0.1))})
    assert [" ".join(cell.under.split()) for cell in row.cells] == [
        "floor 0.297 ± 0.011; test set 0.81 ± 0.04",
        "floor 0.40 ± 0.10; test set 0.81 ± 0.04",
    ]
    assert [cell.mark for cell in row.cells] == ["", BEST]


def test_another_reference_is_another_floor():
    evaluations = {"a": evaluation("a"), "b": replace(evaluation("b"), against="mnist (first half)")}
    figures = [figure for of_family in compared_figures(evaluations).values() for figure in of_family]
    assert not any(figure.one_floor for figure in figures if figure.has_floor)


def test_figures_of_different_networks_are_different_rows():
    evaluations = {
        "a": evaluation("a", measurements=[fd(1.0)]),
        "b": evaluation("b", measurements=[fd(1.0, network="reader-2")]),
    }
    (figures,) = compared_figures(evaluations).values()
    assert [figure.first.network for figure in figures] == ["reader-1", "reader-2"]
    assert "reader-2" in markdown_table({"Fidelity": figures}, ["a", "b"])


def test_rankings_follow_the_figures():
    told = rankings(compared_figures({"a": evaluation("a", 3.0), "b": evaluation("b"), "c": evaluation("c", 0.99)}))
    assert " ".join(told[0].split()) == (
        "Fréchet distance: c, 0.624 ± 0.024, where the floor is 0.297 ± 0.011; b cannot be told from it."
    )
    assert len(told) == 6
    assert rankings(compared_figures({"a": evaluation("a")})) == []


@pytest.mark.parametrize("models", [1, 4, 9])
def test_dots_stand_at_the_values(models):
    evaluations = {f"model {k}": evaluation(str(k), 1 + k) for k in range(models)}
    figures = [f for of_family in compared_figures(evaluations).values() for f in of_family if f.has_floor]
    figure = dots_figure(figures, list(evaluations))
    assert len(figure.axes) == len(figures)
    axes = figure.axes[0]
    (drawn,) = (line for line in axes.get_lines() if line.get_label() == "generated")
    np.testing.assert_allclose(drawn.get_xdata(), [e["fd"].generated.value for e in evaluations.values()])
    (floor,) = (line for line in axes.get_lines() if line.get_label().startswith("held-out"))
    np.testing.assert_allclose(floor.get_xdata(), 0.297)
    figure_bytes(figure, "svg")


def test_long_names_keep_their_ends_beside_the_dots():
    evaluations = {f"runs/acgan-mnist-seed{k}": evaluation(str(k), measurements=[fd(1.0 + k)]) for k in range(2)}
    (figures,) = compared_figures(evaluations).values()
    axes = dots_figure(figures, list(evaluations)).axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["…acgan-mnist-seed0", "…acgan-mnist-seed1"]


def test_models_with_floors_of_their_own_have_a_mark_each():
    evaluations = {
        "a": evaluation("a", measurements=[fd(1.0)]),
        "b": evaluation("b", measurements=[fd(0.5, held_out=about(0.4, 0.1))]),
    }
    (figures,) = compared_figures(evaluations).values()
    axes = dots_figure(figures, ["a", "b"]).axes[0]
    (floor,) = (line for line in axes.get_lines() if line.get_label().startswith("held-out"))
    np.testing.assert_allclose(floor.get_xydata(), [[0.297, 0], [0.4, 1]])


def test_what_cannot_be_is_refused(tmp_path):
    for entries, message in (
        ([], "no model"),
        ([model("a"), model("a")], "two models are called 'a'"),
        ([model("a", generated=None)], "a: real and generated images are shown together"),
        ([model("a"), model("b", samples=drawn_grid(3))], "must have one shape"),
    ):
        with pytest.raises(DataError, match=message):
            write_comparison_page(tmp_path, entries)
    assert not (tmp_path / "index.html").exists()
