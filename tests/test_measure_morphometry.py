"""Style measures: known shapes, Morpho-MNIST's published figures, and each step against an independent one."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage
from skimage import morphology

from digitsmith.data.digits import Digits
from digitsmith.data.mnist import load_mnist
from digitsmith.errors import InputError
from digitsmith.measure.distance_map import distances_to_paper
from digitsmith.measure.morphometry import Style, measure_style
from digitsmith.measure.thinning import thin
from digitsmith.measure.upscaling import upscale

# The first ten of t10k-morpho.csv in the "original" data set that Castro et al. (2019) released:
# area (px²), length (px), thickness (px), slant (rad), width (px), height (px).
PUBLISHED = np.array(
    [
        [71.1875, 36.2561, 2.1106, 0.0710, 15.1243, 19.6207],
        [113.0625, 43.5490, 2.6501, -0.1739, 17.5939, 19.8462],
        [39.2500, 22.5459, 1.8666, 0.2904, 3.6797, 19.7047],
        [146.8125, 45.2487, 3.4805, 0.0724, 14.7127, 19.0331],
        [75.2500, 44.1703, 1.9515, -0.1288, 14.9195, 18.7916],
        [53.8125, 22.3995, 2.5627, 0.2960, 4.4132, 19.2832],
        [83.1250, 41.5061, 2.1251, -0.0866, 16.7161, 19.0696],
        [83.5000, 39.8523, 2.4243, -0.5162, 10.9246, 18.8235],
        [121.1250, 40.9883, 3.0968, 0.2641, 17.2079, 18.4846],
        [125.3750, 51.7414, 2.7860, 0.2903, 15.2047, 19.0158],
    ]
)

BLUR = 0.8  # what enlarging adds to the width or height of a shape with hard sides, px


def bar(
    *, left: float, right: float, top: int, bottom: int, lean_deg: float = 0.0, size: int = 28
) -> NDArray[np.uint8]:
    """A bar [1, 1, size, size] with exact shares of ink at its sides, leaning about its middle."""
    image = np.zeros((size, size))
    for y in range(top, bottom):
        shift = np.tan(np.radians(lean_deg)) * ((top + bottom) / 2 - y - 0.5)
        edges = np.arange(size + 1.0)
        inside = edges.clip(left + shift, right + shift)
        image[y] = np.diff(inside)
    return np.round(255 * image).astype(np.uint8)[None, None]


def disc(radius: float) -> NDArray[np.uint8]:
    fine = (np.arange(28 * 8) + 0.5) / 8 - 14
    inside = fine[:, None] ** 2 + fine**2 <= radius**2
    return np.round(255 * inside.reshape(28, 8, 28, 8).mean(axis=(1, 3))).astype(np.uint8)[None, None]


def table(style: Style) -> NDArray[np.float64]:
    return np.stack(list(vars(style).values()))


def blobs(smoothness: float, count: int = 24) -> NDArray[np.bool_]:
    """Random shapes [40, 37, count] with a margin of paper; 0 is plain noise."""
    noise = np.random.default_rng(int(10 * smoothness)).random((40, 37, count))
    ink = ndimage.gaussian_filter(noise, (smoothness, smoothness, 0)) > 0.5
    return np.pad(ink[1:-1, 1:-1], ((1, 1), (1, 1), (0, 0)))


@pytest.fixture
def two_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def test_an_upright_bar_has_the_measures_it_was_drawn_with() -> None:
    style = measure_style(bar(left=12, right=16, top=5, bottom=23))
    assert style.slant_deg[0] == pytest.approx(0, abs=1e-9)
    assert style.thickness_px[0] == pytest.approx(4, abs=0.2)
    assert style.width_px[0] == pytest.approx(4 + BLUR, abs=0.1)
    assert style.height_px[0] == pytest.approx(0.98 * 18 + BLUR, abs=0.5)
    assert style.area_px2[0] == pytest.approx(4 * 18, rel=0.02)
    assert style.length_px[0] == pytest.approx(18 - 4, abs=0.75)  # thinning takes half the thickness at each end


@pytest.mark.parametrize("lean_deg", [-30.0, -10.0, 15.0, 35.0])
def test_a_leaning_bar_has_its_angle_width_height_and_thickness(lean_deg: float) -> None:
    style = measure_style(bar(left=12, right=16, top=6, bottom=22, lean_deg=lean_deg))
    assert style.slant_deg[0] == pytest.approx(lean_deg, abs=0.6)
    assert style.width_px[0] == pytest.approx(4 + BLUR, abs=0.6)
    assert style.height_px[0] == pytest.approx(0.98 * 16 + BLUR, abs=0.5)
    assert style.thickness_px[0] == pytest.approx(4 * np.cos(np.radians(lean_deg)), abs=0.5)


def test_a_lying_bar_is_as_thick_and_long_as_an_upright_one() -> None:
    upright = bar(left=12, right=16, top=5, bottom=23)
    lying = measure_style(upright.swapaxes(2, 3))
    standing = measure_style(upright)
    assert lying.thickness_px[0] == pytest.approx(standing.thickness_px[0], abs=0.1)
    assert lying.length_px[0] == pytest.approx(standing.length_px[0], abs=0.5)
    assert lying.area_px2[0] == standing.area_px2[0]
    assert lying.width_px[0] == pytest.approx(standing.height_px[0], abs=0.05)
    assert lying.height_px[0] == pytest.approx(standing.width_px[0], abs=0.05)


def test_a_disc_has_its_area_and_next_to_no_length() -> None:
    style = measure_style(disc(8.0))
    assert style.area_px2[0] == pytest.approx(np.pi * 64, rel=0.01)
    assert style.slant_deg[0] == pytest.approx(0, abs=0.1)
    assert style.length_px[0] < 4


@pytest.mark.parametrize("radius", [2.0, 3.0, 4.0])
def test_thickness_grows_with_the_pen(radius: float) -> None:
    drawn = bar(left=14 - radius, right=14 + radius, top=4, bottom=24)
    assert measure_style(drawn).thickness_px[0] == pytest.approx(2 * radius, abs=0.25)


def test_dilated_digits_are_thicker_and_cover_more(few_digits: Digits) -> None:
    images = few_digits.images[:200]
    plain, bold = measure_style(images), measure_style(ndimage.grey_dilation(images, (1, 1, 3, 3)))
    assert (bold.thickness_px > plain.thickness_px).all()
    assert (bold.area_px2 > plain.area_px2).all()
    assert 2 < (bold.thickness_px - plain.thickness_px).mean() < 3.5


def test_real_digits_measure_what_morpho_mnist_published() -> None:
    style = measure_style(load_mnist("test").images[:10])
    area, length, thickness, slant, width, height = PUBLISHED.T
    np.testing.assert_allclose(style.area_px2, area, atol=0.2)
    np.testing.assert_allclose(np.radians(style.slant_deg), slant, atol=0.001)
    np.testing.assert_allclose(style.width_px, width, atol=0.02)
    np.testing.assert_allclose(style.height_px, height, atol=0.02)
    # The skeleton is another one: without the medial axis's spurs.
    np.testing.assert_allclose(style.thickness_px, thickness, atol=0.15)
    np.testing.assert_allclose(style.length_px, length, rtol=0.2)


def test_an_image_measures_the_same_in_any_company(few_digits: Digits) -> None:
    images = few_digits.images[:150]
    together = table(measure_style(images))
    np.testing.assert_array_equal(table(measure_style(images[::-1]))[:, ::-1], together)
    sevens = [table(measure_style(images[start : start + 7])) for start in range(0, 150, 7)]
    np.testing.assert_array_equal(np.concatenate(sevens, axis=1), together)
    ones = [table(measure_style(images[index : index + 1])) for index in range(20)]
    np.testing.assert_array_equal(np.concatenate(ones, axis=1), together[:, :20])


@pytest.mark.usefixtures("two_threads")
def test_two_threads_measure_the_same_and_count_up(few_digits: Digits) -> None:
    images, counted = few_digits.images[:150], list[int]()
    threaded = table(measure_style(images, on_progress=counted.append))
    torch.set_num_threads(1)
    np.testing.assert_array_equal(threaded, table(measure_style(images)))
    assert counted == sorted(set(counted)) and counted[-1] == 150


def test_paper_around_a_digit_changes_nothing(few_digits: Digits) -> None:
    inner = np.zeros((28, 28), bool)
    inner[4:-4, 4:-4] = True  # what is nearer to the border is mirrored there
    images = few_digits.images[~few_digits.images[:, 0, ~inner].any(axis=1)]
    assert len(images) > 100
    wider = np.pad(images, ((0, 0), (0, 0), (3, 5), (8, 2)))
    np.testing.assert_allclose(table(measure_style(wider)), table(measure_style(images)), rtol=1e-9)


def test_measures_are_in_pixels_of_the_image() -> None:
    small = measure_style(bar(left=12, right=16, top=5, bottom=23, lean_deg=20))
    large = measure_style(bar(left=24, right=32, top=10, bottom=46, lean_deg=20, size=56))
    assert large.slant_deg[0] == pytest.approx(small.slant_deg[0], abs=0.3)
    assert large.area_px2[0] == pytest.approx(4 * small.area_px2[0], rel=0.01)
    assert large.thickness_px[0] == pytest.approx(2 * small.thickness_px[0], rel=0.05)
    assert large.length_px[0] == pytest.approx(2 * small.length_px[0], rel=0.15)  # sharp corners grow spurs
    for key in ("width_px", "height_px"):
        assert getattr(large, key)[0] == pytest.approx(2 * getattr(small, key)[0], abs=2)  # the blur is as wide in both


def test_blank_images_are_nan_and_leave_the_others_alone(few_digits: Digits) -> None:
    images = few_digits.images[:12].copy()
    plain = table(measure_style(images))
    images[[0, 5]], images[11] = 0, 200
    style = measure_style(images)
    assert np.flatnonzero(~style.drawn).tolist() == [0, 5, 11]
    assert np.isnan(table(style)[:, ~style.drawn]).all()
    np.testing.assert_array_equal(table(style.take(style.drawn)), plain[:, style.drawn])
    assert not measure_style(np.zeros((70, 1, 28, 28), np.uint8)).drawn.any()
    assert len(measure_style(images[:0])) == 0


def test_odd_drawings_have_finite_measures() -> None:
    random = np.random.default_rng(3)
    odd = np.zeros((40, 1, 28, 28), np.uint8)
    odd[0, 0, 13, 9] = 255  # a dot
    odd[1, 0, ::5, ::5] = 255  # many dots
    odd[2, 0, :, 20:] = 255  # ink over the border
    odd[3, 0, 14] = 255  # one line from side to side
    odd[4, 0, 5:9, 3:9], odd[4, 0, 15:24, 18:21] = 255, 120  # two pieces
    odd[5] = 255
    odd[5, 0, 0, 0] = 0  # all ink but a corner
    odd[6:20] = random.integers(0, 256, (14, 1, 28, 28))
    odd[20:] = np.where(random.random((20, 1, 28, 28)) < 0.02, 255, 0)
    style = measure_style(odd)
    assert np.isfinite(table(style)).all()
    assert (style.thickness_px > 0).all() and (style.area_px2 > 0).all() and (np.abs(style.slant_deg) < 90).all()


@pytest.mark.parametrize("shape", [(3, 28, 28), (2, 3, 28, 28), (2, 1, 0, 28)])
def test_other_forms_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match=r"gray images, uint8 \[N, 1, H, W\], these are uint8"):
        measure_style(np.zeros(shape, np.uint8))
    with pytest.raises(InputError, match="float32"):
        measure_style(np.zeros((2, 1, 28, 28), np.float32))  # type: ignore[arg-type]


@pytest.mark.parametrize("smoothness", [0.0, 1.0, 2.0, 4.0])
def test_thinning_is_scikit_images_thin_bit_for_bit(smoothness: float) -> None:
    ink = blobs(smoothness)
    skeletons = thin(ink)
    for index in range(ink.shape[2]):
        np.testing.assert_array_equal(skeletons[..., index], morphology.thin(ink[..., index]))


@pytest.mark.parametrize("smoothness", [0.0, 2.0])
def test_thinning_keeps_pieces_and_holes(smoothness: float) -> None:
    ink = blobs(smoothness)
    skeletons = thin(ink)
    for index in range(ink.shape[2]):
        for before, after, neighbours in (
            (ink[..., index], skeletons[..., index], np.ones((3, 3))),
            (~ink[..., index], ~skeletons[..., index], None),
        ):
            assert ndimage.label(before, neighbours)[1] == ndimage.label(after, neighbours)[1]


@pytest.mark.parametrize("smoothness", [0.0, 1.0, 4.0])
def test_distances_are_scipys_exact_ones(smoothness: float) -> None:
    ink = blobs(smoothness)
    expected = np.stack([ndimage.distance_transform_edt(image) for image in ink.transpose(2, 0, 1)], axis=2)
    places = np.arange(ink.size)
    np.testing.assert_allclose(distances_to_paper(ink, places), expected.reshape(-1), rtol=1e-15)


def test_enlarging_is_pillows_bicubic_and_scipys_gaussian(few_digits: Digits) -> None:
    images = few_digits.images[:30, 0]
    large = upscale(images)
    for index, image in enumerate(images):
        wide = Image.fromarray(np.pad(image, 4, mode="reflect").astype(np.float32))  # Pillow does not mirror
        bicubic = np.asarray(wide.resize((144, 144), Image.Resampling.BICUBIC), np.float64)[16:-16, 16:-16]
        smooth = ndimage.gaussian_filter(bicubic.clip(0, 255), 4 / 3, mode="reflect")
        assert np.abs(large[..., index] + 0.5 - smooth).max() <= 0.6  # what is cut off, and weights of 12 bits
