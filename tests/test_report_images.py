"""Plain grids: where each image lands, and PNG files that say the same pixels."""

import io

import numpy as np
import pytest
from PIL import Image

from digitsmith.errors import DataError
from digitsmith.report.images import GAP_VALUE, png_bytes, tile


def numbered(rows, columns, channels=1, side=5):
    """Images that differ in every pixel from each other, so that a swap of any two axes shows."""
    return np.random.default_rng(0).integers(0, 200, (rows, columns, channels, side, side + 2), dtype=np.uint8)


@pytest.mark.parametrize("channels", [1, 3])
def test_every_image_lies_in_its_row_and_column(channels):
    images = numbered(2, 3, channels)
    picture = tile(images, gap_px=4)
    assert picture.shape == (channels, 2 * 5 + 4, 3 * 7 + 2 * 4)
    for row in range(2):
        for column in range(3):
            top, left = row * 9, column * 11
            np.testing.assert_array_equal(picture[:, top : top + 5, left : left + 7], images[row, column])


def test_gaps_are_white_and_only_between_images():
    picture = tile(numbered(2, 2), gap_px=1)
    assert (picture[:, 5, :] == GAP_VALUE).all()
    assert (picture[:, :, 7] == GAP_VALUE).all()
    assert (picture == GAP_VALUE).sum() == picture.shape[1] + picture.shape[2] - 1


def test_no_gap_is_allowed():
    assert tile(numbered(2, 3), gap_px=0).shape == (1, 10, 21)


@pytest.mark.parametrize(
    "images",
    [
        np.zeros((2, 2, 1, 4, 4), dtype=np.float32),
        np.zeros((2, 1, 4, 4), dtype=np.uint8),
        np.zeros((2, 2, 2, 4, 4), dtype=np.uint8),
        np.zeros((0, 2, 1, 4, 4), dtype=np.uint8),
    ],
)
def test_a_grid_of_another_form_is_refused(images):
    with pytest.raises(DataError, match="a grid must be uint8"):
        tile(images)


def test_a_negative_gap_is_refused():
    with pytest.raises(DataError, match="gap_px"):
        tile(numbered(1, 1), gap_px=-1)


@pytest.mark.parametrize(("channels", "mode"), [(1, "L"), (3, "RGB")])
def test_png_holds_the_pixels(channels, mode):
    image = numbered(1, 1, channels)[0, 0]
    with Image.open(io.BytesIO(png_bytes(image))) as read:
        assert (read.format, read.mode) == ("PNG", mode)
        pixels = np.asarray(read)
    np.testing.assert_array_equal(pixels if channels == 3 else pixels[..., None], image.transpose(1, 2, 0))


def test_png_of_no_image_is_refused():
    with pytest.raises(DataError, match="an image must be uint8"):
        png_bytes(np.zeros((28, 28), dtype=np.uint8))
