"""The one way to another size or colour: Pillow's own pixels, for all images at once."""

import numpy as np
import pytest
from PIL import Image

from digitsmith.data import load_mnist
from digitsmith.data.resize import require_shape, resized
from digitsmith.errors import InputError


def digits(count=20):
    return np.array(load_mnist("test").images[:count])


def noise(channels, height, width):
    """White noise and black-and-white noise: the latter makes the filter overshoot both ends of the gray levels."""
    gray = np.random.default_rng(0).integers(0, 256, (4, channels, height, width), dtype=np.uint8)
    return np.concatenate([gray, gray // 128 * np.uint8(255)])


def pillow(image, shape):
    """One image [C, H, W] by Pillow: gray if need be, the width, the height, colour if need be."""
    channels, height, width = shape
    picture = Image.fromarray(image[0] if len(image) == 1 else np.ascontiguousarray(image.transpose(1, 2, 0)))
    picture = picture.convert("L") if channels == 1 else picture
    picture = picture.resize((width, picture.height), Image.Resampling.BICUBIC)
    pixels = np.asarray(picture.resize((width, height), Image.Resampling.BICUBIC).convert("RGB"))
    return pixels.transpose(2, 0, 1)[:channels]


SIZES = [((28, 28), (32, 32)), ((28, 28), (64, 64)), ((64, 64), (28, 28)), ((33, 20), (28, 28)), ((28, 28), (28, 19))]
ODD_SIZES = [((1, 1), (5, 3)), ((3, 2), (1, 1)), ((57, 9), (4, 60)), ((28, 28), (1, 28)), ((300, 31), (28, 30))]


@pytest.mark.parametrize("channels", [(1, 1), (3, 3), (3, 1), (1, 3)], ids=["gray", "colour", "to gray", "to colour"])
@pytest.mark.parametrize(("old", "new"), SIZES + ODD_SIZES)
def test_every_pixel_is_pillows(old, new, channels):
    images, shape = noise(channels[0], *old), (channels[1], *new)
    result = resized(images, shape)
    assert result.dtype == np.uint8 and result.shape == (8, *shape)
    assert np.array_equal(result, [pillow(image, shape) for image in images])


def test_squares_are_pillows_in_one_call_too():
    for side in (14, 32, 299):
        expected = [Image.fromarray(image[0]).resize((side, side), Image.Resampling.BICUBIC) for image in digits()]
        assert np.array_equal(resized(digits(), (1, side, side))[:, 0], expected)


def test_colour_becomes_gray_by_luma_and_gray_colour_by_repeating():
    colours = np.array([[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255]], dtype=np.uint8)[:, :, None, None]
    assert resized(colours, (1, 1, 1)).ravel().tolist() == [76, 150, 29, 255]
    repeated = resized(digits(), (3, 28, 28))
    assert (repeated == digits()).all() and np.array_equal(resized(repeated, (1, 28, 28)), digits())


def test_what_has_the_shape_is_returned_untouched():
    images = load_mnist("test").images
    assert resized(images, (1, 28, 28)) is images


def test_an_image_does_not_depend_on_its_neighbours():
    many = resized(digits(700), (1, 32, 32))  # several blocks
    for start in (0, 127, 128, 699):
        assert np.array_equal(resized(digits(700)[start : start + 1], (1, 32, 32))[0], many[start])


def test_a_stroke_thinner_than_a_pixel_keeps_its_ink():
    images = np.zeros((4, 1, 112, 112), dtype=np.uint8)
    for image, column in zip(images, range(55, 59), strict=True):
        image[0, :, column] = 255  # a filter without antialiasing loses most of these lines, and doubles some
    ink = resized(images, (1, 28, 28)).sum(axis=(1, 2, 3), dtype=np.int64) / 28
    assert np.abs(ink - 255 / 4).max() < 10


@pytest.mark.parametrize("shape", [(2, 28, 28), (1, 0, 28), (1, 28, -1), (1, 100_000, 100_000)])
def test_shapes_that_cannot_be_are_refused(shape):
    with pytest.raises(InputError, match="20 images cannot be resized to") as caught:
        resized(digits(), shape)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("images", [digits()[:, 0], digits() / 255, digits()[:0], digits()[:, :, :0], noise(2, 4, 4)])
def test_images_that_are_none_are_refused(images):
    with pytest.raises(InputError, match="the images to resize: "):
        resized(images, (1, 32, 32))


def test_another_shape_is_one_line_with_both_shapes_and_the_remedy():
    require_shape(digits(), (1, 28, 28), source="a")
    with pytest.raises(InputError) as caught:
        require_shape(noise(3, 32, 30), (1, 28, 28), source="my/set")
    assert str(caught.value) == (
        "my/set: its images are 3 × 32 × 30 (colour), and 1 × 28 × 28 (gray) is needed; "
        "add --resize to have them resized"
    )
