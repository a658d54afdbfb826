"""The figures: the same bytes every time, every pixel of an image a square, and what the reports show on them."""

import base64
import io
import re
import warnings
from math import exp, sin

import matplotlib
import numpy as np
import pytest
from matplotlib.colors import to_hex
from PIL import Image

from digitsmith.errors import DataError, InputError
from digitsmith.report.curves import loss_curves, scores_figure, smoothed
from digitsmith.report.images import tile
from digitsmith.report.sheets import (
    closest_pairs,
    epochs_side_by_side,
    models_side_by_side,
    paired_rows,
    real_over_generated,
    sample_grid,
)
from digitsmith.report.style import figure_bytes, save_figure

TEN = [str(digit) for digit in range(10)]


@pytest.fixture(autouse=True)
def no_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def log(steps=60, **changes):
    """What a healthy ACGAN logs, with one collapse on the way."""
    rows = []
    for number in range(1, steps + 1):
        t = number / steps
        rows.append(
            {
                "event": "step", "step": 100 * number, "images": 12800 * number, "epoch": 12800 * number / 60000,
                "loss_d": 1.25 + 0.4 * exp(-6 * t), "loss_g": 0.9 + 1.6 * exp(-5 * t) + 0.1 * sin(number),
                "real_score": 0.62 + 0.3 * exp(-4 * t), "fake_score": 0.38 - 0.3 * exp(-4 * t),
                "variety": 0.93 - 0.7 * exp(-9 * t), "images_per_s": 4100.0, "seconds": 3.1 * number,
            } | changes
        )  # fmt: skip
        if number == steps // 4:
            at = {key: rows[-1][key] for key in ("step", "images")}
            rows.append({"event": "warning", **at, "kind": "collapse", "message": "too alike"})
    return [*rows, {"event": "end", "images": 12800 * steps, "seconds": 3.1 * steps}]


def strokes(rows, columns=10, channels=1, side=28):
    """Slanted bars of a slant for each column and a shift for each row: nearly handwriting, and no two alike."""
    y, x = np.mgrid[:side, :side]
    images = np.empty((rows, columns, channels, side, side), dtype=np.uint8)
    for row in range(rows):
        for column in range(columns):
            distance = np.abs(x - side / 2 - (column - columns / 2) * (y - side / 2) / columns - row / 2)
            ink = np.clip(255 - 60 * distance, 0, 255)
            images[row, column] = ink if channels == 1 else np.stack([ink, ink / 2, 255 - ink])
    return images


def pixels(figure):
    with Image.open(io.BytesIO(figure_bytes(figure, "png"))) as image:
        return np.asarray(image.convert("RGB"))


def embedded_images(figure):
    """What an SVG holds as pictures, each as uint8 [H, W, 3]."""
    found = re.findall(rb"data:image/png;base64,([^\"]+)", figure_bytes(figure, "svg"))
    return [np.asarray(Image.open(io.BytesIO(base64.b64decode(data))).convert("RGB")) for data in found]


def texts(figure):
    return [text.get_text() for text in figure.texts]


def line(axes, label):
    return next(line for line in axes.get_lines() if line.get_label() == label)


@pytest.mark.parametrize(
    "draw",
    [
        lambda: loss_curves(log()),
        lambda: scores_figure(log()),
        lambda: sample_grid(strokes(3), columns=TEN, title="ACGAN"),
        lambda: epochs_side_by_side({1: strokes(2), 10: strokes(2)}, columns=TEN),
        lambda: real_over_generated(strokes(2), strokes(2), columns=TEN),
    ],
)
def test_two_renderings_are_the_same_bytes(draw, tmp_path):
    first = save_figure(draw(), tmp_path / "a")
    figure = draw()
    with matplotlib.rc_context({"font.size": 20, "axes.facecolor": "red", "svg.fonttype": "none"}):
        second = save_figure(figure, tmp_path / "b")
    again = save_figure(figure, tmp_path / "c")
    assert [path.name for path in first] == ["a.png", "a.svg"]
    for one, two, three in zip(first, second, again, strict=True):
        assert one.read_bytes() == two.read_bytes() == three.read_bytes()
    assert not re.search(rb"\d{4}-\d\d-\d\d|Matplotlib v", first[1].read_bytes())


def test_the_users_settings_are_left_alone():
    with matplotlib.rc_context({"font.size": 20}):
        figure_bytes(loss_curves(log()), "svg")
        assert matplotlib.rcParams["font.size"] == 20


def test_stems_keep_their_dots_and_folders_are_made(tmp_path):
    png, svg = save_figure(loss_curves(log()), tmp_path / "deep" / "lr-0.001")
    assert (png.name, svg.name) == ("lr-0.001.png", "lr-0.001.svg")
    assert sorted(path.name for path in png.parent.iterdir()) == ["lr-0.001.png", "lr-0.001.svg"]


def test_a_path_that_cannot_be_is_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="a part of this path is a file"):
        save_figure(loss_curves(log()), tmp_path / "file" / "loss")


def test_generator_is_blue_and_discriminator_pink():
    axes = loss_curves(log()).axes[0]
    assert [text.get_text() for text in axes.get_legend().get_texts()] == [
        "generator",
        "discriminator",
        "warning",
    ]
    red, green, blue = (int(to_hex(line(axes, "generator").get_color())[i : i + 2], 16) for i in (1, 3, 5))
    assert blue > 2 * max(red, green) * 0.9
    red, green, blue = (int(to_hex(line(axes, "discriminator").get_color())[i : i + 2], 16) for i in (1, 3, 5))
    assert red > blue > green


def test_losses_stand_over_images_with_epochs_on_top():
    figure = loss_curves(log(60))
    axes = figure.axes[0]
    assert axes.get_xlabel() == "images seen"
    assert axes.get_xlim() == (0, 60 * 12800)
    figure_bytes(figure, "png")
    top = axes.child_axes[0]
    assert top.get_xlabel() == "epoch"
    assert top.get_xlim() == pytest.approx((0, 12.8))
    raw = axes.get_lines()[0]
    np.testing.assert_allclose(raw.get_ydata()[[0, -1]], [log()[0]["loss_g"], log()[-2]["loss_g"]])


def test_a_spike_does_not_flatten_the_losses_and_is_told():
    rows = log(200)
    rows[2]["loss_g"] = 90.0
    figure = loss_curves(rows)
    assert figure.axes[0].get_ylim()[1] < 5
    assert any("peaks of up to 90 are cut off" in text for text in texts(figure))


def test_smoothing_passes_over_one_wild_step_and_keeps_gaps():
    values = np.array([1.0, 1.0, 50.0, 1.0, np.nan, 3.0, 3.0])
    np.testing.assert_array_equal(smoothed(values, window=3), [1, 1, 1, 25.5, np.nan, 3, 3])


def test_scores_and_variety_have_a_panel_each():
    above, below = scores_figure(log()).axes
    assert [above.get_yticks()[0], above.get_yticks()[-1]] == [0, 1]
    assert line(above, "on generated images").get_linestyle() != line(above, "on real images").get_linestyle()
    assert line(below, "variety").get_ydata()[-1] == pytest.approx(0.93, abs=0.01)
    assert line(below, "warning").get_xdata() == [15 * 12800]


@pytest.mark.parametrize("draw", [loss_curves, scores_figure])
@pytest.mark.parametrize(
    "rows",
    [
        log(1),
        log(2, loss_d=None, variety=None, real_score=float("nan")),
        log(3, loss_d=float("inf"), loss_g=float("nan")),
        log(1, images=0, epoch=0.0),
        log(30, loss_d=-4.0, variety=3.0),
    ],
    ids=["one step", "null", "infinite", "step 0", "negative"],
)
def test_odd_logs_are_drawn(draw, rows):
    assert figure_bytes(draw(rows), "svg").endswith(b"</svg>\n")


@pytest.mark.parametrize("draw", [loss_curves, scores_figure])
def test_a_log_without_steps_is_refused(draw):
    with pytest.raises(DataError, match="no step"):
        draw([{"event": "end", "images": 0, "seconds": 0.0}])


@pytest.mark.parametrize("channels", [1, 3])
def test_svg_keeps_the_pixels_and_shows_them_as_squares(channels):
    images = strokes(2, 3, channels)
    (embedded,) = embedded_images(sample_grid(images))
    np.testing.assert_array_equal(embedded, np.broadcast_to(tile(images).transpose(1, 2, 0), embedded.shape))
    assert b"image-rendering:pixelated" in figure_bytes(sample_grid(images), "svg").replace(b"crisp-edges;", b"")


@pytest.mark.parametrize("columns", [1, 10, 26])
def test_png_shows_every_pixel_as_a_square_of_one_size(columns):
    images = strokes(2, columns)
    picture = tile(images)[0]
    drawn = pixels(sample_grid(images, columns=[chr(65 + k) for k in range(columns)]))[:, :, 0]
    height, width = picture.shape
    scale = min(8, 1800 // width)
    top, left = drawn.shape[0] - 16 - height * scale, 16
    shown = drawn[top : top + height * scale, left : left + width * scale]
    np.testing.assert_array_equal(shown, picture.repeat(scale, 0).repeat(scale, 1))


def test_heads_stand_over_their_columns_in_order():
    figure = sample_grid(strokes(2, 4), columns=list("abcd"), title="all")
    assert texts(figure) == ["all", "a", "b", "c", "d"]
    places = [text.get_position()[0] for text in figure.texts[1:]]
    left, right = figure.axes[0].get_position().x0, figure.axes[0].get_position().x1
    assert left < places[0] < places[1] < places[2] < places[3] < right
    assert places[0] - left == pytest.approx(right - places[3])


def test_names_too_wide_for_a_column_stand_upright_and_are_cut():
    figure = sample_grid(
        strokes(1, 26), columns=["a name of a folder that is a sentence", *"bcdefghijklmnopqrstuvwxyz"]
    )
    assert texts(figure)[0] == "a name of a fol…"
    assert {text.get_rotation() for text in figure.texts} == {90}


def test_names_are_no_formulas_and_letters_the_font_lacks_become_numbers():
    figure = sample_grid(strokes(1, 3), columns=["$x_", "あ", "<script>"], title="あ $y^")
    assert texts(figure) == ["\N{REPLACEMENT CHARACTER} $y^", "$x_", "1", "<script>"]
    figure_bytes(figure, "png")


def test_epochs_stand_side_by_side_in_their_order():
    grids = {10: strokes(2), 1: 255 - strokes(2), 20: strokes(2) // 2}
    figure = epochs_side_by_side(grids, columns=TEN)
    assert [text for text in texts(figure) if text.startswith("Epoch")] == ["Epoch 1", "Epoch 10", "Epoch 20"]
    assert len({axes.get_position().y0 for axes in figure.axes}) == 1
    for embedded, epoch in zip(embedded_images(figure), (1, 10, 20), strict=True):
        np.testing.assert_array_equal(embedded[:, :, 0], tile(grids[epoch])[0])


def test_wide_grids_stand_below_each_other():
    figure = epochs_side_by_side({1: strokes(2, 26), 20: strokes(2, 26)})
    assert len({axes.get_position().x0 for axes in figure.axes}) == 1
    first, second = (axes.get_position().y0 for axes in figure.axes)
    assert first > second


@pytest.mark.parametrize(("models", "lines"), [(1, 1), (2, 1), (3, 1), (4, 2), (5, 2)])
def test_models_stand_beside_each_other_each_under_its_name(models, lines):
    grids = {f"model {k}": strokes(2) // (k + 1) for k in range(models)}
    heads = {name: TEN if k else None for k, name in enumerate(grids)}  # the first one cannot be asked for a class
    figure = models_side_by_side(grids, columns=heads)
    assert [text for text in texts(figure) if text.startswith("model")] == list(grids)
    assert texts(figure).count("9") == models - 1
    assert len({axes.get_position().y0 for axes in figure.axes}) == lines
    for embedded, grid in zip(embedded_images(figure), grids.values(), strict=True):
        np.testing.assert_array_equal(embedded[:, :, 0], tile(grid)[0])


def test_closest_pairs_are_told_with_their_distances():
    generated = strokes(1, 13)[0]
    figure = closest_pairs(generated, 255 - generated, [f"{k}.5" for k in range(13)], per_line=10)
    assert [text for text in texts(figure) if text.endswith(".5")] == [f"{k}.5" for k in range(13)]
    assert texts(figure).count("training") == 2
    pair = np.stack([generated, 255 - generated])
    for embedded, line in zip(embedded_images(figure), (slice(0, 10), slice(10, 13)), strict=True):
        np.testing.assert_array_equal(embedded[:, :, 0], tile(pair[:, line])[0])


@pytest.mark.parametrize("pairs", [None, 1, 3])
def test_real_stands_over_generated(pairs):
    real = strokes(pairs or 1, 4)
    real = real if pairs else real[0]
    figure = real_over_generated(real, 255 - real, columns=list("abcd"))
    assert texts(figure).count("real") == texts(figure).count("generated") == (pairs or 1)
    assert texts(figure).count("a") == 1
    names = {text.get_text(): text.get_position()[1] for text in figure.texts}
    assert names["real"] > names["generated"]
    for embedded, rows in zip(embedded_images(figure), paired_rows(real, 255 - real), strict=True):
        np.testing.assert_array_equal(embedded[:, :, 0], tile(rows)[0])
        np.testing.assert_array_equal(rows[0], 255 - rows[1])


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (lambda: sample_grid(strokes(1, 4), columns=list("abc")), "3 names for 4 columns"),
        (lambda: sample_grid(strokes(1, 4)[0]), "a grid must be"),
        (lambda: epochs_side_by_side({}), "no grid"),
        (lambda: epochs_side_by_side({1: strokes(1), 2: strokes(2)}), "one shape"),
        (lambda: models_side_by_side({"a": strokes(1, 3), "b": strokes(1)}, columns={"a": None, "b": None}), "b: "),
        (lambda: closest_pairs(strokes(1)[0], strokes(1)[0], ["1.0"]), "1 names for 10 columns"),
        (lambda: real_over_generated(strokes(1), strokes(2)), "one shape"),
        (lambda: real_over_generated(strokes(1)[0, 0], strokes(1)[0, 0]), "one shape"),
        (lambda: real_over_generated(strokes(1)[0].astype(float), strokes(1)[0].astype(float)), "a grid must be"),
    ],
)
def test_images_that_do_not_fit_are_refused(draw, message):
    with pytest.raises(DataError, match=message):
        draw()


@pytest.mark.parametrize("score", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("variety", [0.05, 1.0, 2.5])
def test_legends_cover_no_curve(score, variety):
    for figure in (
        scores_figure(log(real_score=score, fake_score=score, variety=variety)),
        loss_curves(log(loss_d=score, loss_g=variety)),
    ):
        figure_bytes(figure, "png")
        for axes in figure.axes:
            legend = axes.get_legend().get_window_extent()
            for curve in axes.get_lines():
                if curve.get_transform() == axes.transData:
                    points = axes.transData.transform(curve.get_xydata())
                    assert not any(legend.contains(x, y) for x, y in points)
