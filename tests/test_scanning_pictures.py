"""Files of pictures: every kind upright and gray, and one line for what is damaged, too large or no picture."""

from __future__ import annotations

import io
import struct
import tracemalloc
import zlib

import numpy as np
import pytest
from PIL import Image

from digitsmith.scanning.pictures import MAX_PIXELS, decode_gray
from digitsmith.scanning.refusals import Refused

RAMP = (np.add.outer(np.arange(60) * 2, np.arange(80)) + 20).astype(np.uint8)  # [60, 80]
COLOUR = np.stack([RAMP, RAMP // 2, 255 - RAMP], axis=-1)
LUMA = np.rint(COLOUR @ [0.299, 0.587, 0.114])


def file_of(image: Image.Image, name: str, **options: object) -> bytes:
    content = io.BytesIO()
    image.save(content, name, **options)
    return content.getvalue()


def empty_png(width: int, height: int) -> bytes:
    """A PNG that says it is as large as that, and has next to nothing in it."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("PNG", {}),
        ("BMP", {}),
        ("TIFF", {"compression": "tiff_lzw"}),
        ("WEBP", {"lossless": True}),
        ("JPEG", {"quality": 100, "subsampling": 0}),
    ],
)
def test_every_format_becomes_gray(name: str, options: dict[str, object]) -> None:
    gray = decode_gray(file_of(Image.fromarray(COLOUR), name, **options))
    assert gray.dtype == np.uint8
    assert np.abs(gray - LUMA).max() <= (4 if name == "JPEG" else 1)


def test_every_mode_becomes_gray() -> None:
    plain = Image.fromarray(RAMP)
    assert (decode_gray(file_of(plain, "PNG")) == RAMP).all()
    assert np.abs(decode_gray(file_of(plain.convert("P"), "GIF")).astype(int) - RAMP).max() <= 4
    deep = Image.fromarray(RAMP.astype(np.uint16) * 257)
    assert (decode_gray(file_of(deep, "PNG")) == RAMP).all()
    assert (
        decode_gray(file_of(plain.point(lambda value: 255 * (value > 90)).convert("1"), "PNG")) == (RAMP > 90) * 255
    ).all()
    printed = Image.fromarray(COLOUR).convert("CMYK")
    assert np.abs(decode_gray(file_of(printed, "TIFF")) - LUMA).max() <= 2


@pytest.mark.parametrize(("shade", "ground"), [(20, 255), (240, 0)])
def test_what_can_be_seen_through_lies_on_what_it_stands_out_from(shade: int, ground: int) -> None:
    pixels = np.zeros((40, 40, 4), np.uint8)
    pixels[10:30, 10:30] = (shade, shade, shade, 255)
    gray = decode_gray(file_of(Image.fromarray(pixels), "PNG"))
    assert (gray[20, 20], gray[0, 0]) == (shade, ground)


@pytest.mark.parametrize(("orientation", "turns"), [(1, 0), (3, 2), (6, 1), (8, 3)])
def test_pictures_are_turned_as_their_exif_says(orientation: int, turns: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = Image.fromarray(np.rot90(RAMP, turns))  # what a camera held so has written
    gray = decode_gray(file_of(stored, "JPEG", quality=100, exif=exif))
    assert np.abs(gray.astype(int) - RAMP).max() <= 4


def test_a_cameras_preview_is_no_second_frame() -> None:
    content = io.BytesIO()
    Image.fromarray(RAMP).save(content, "MPO", save_all=True, append_images=[Image.fromarray(RAMP[::2, ::2])])
    assert decode_gray(content.getvalue()).shape == RAMP.shape


def test_a_large_photograph_is_made_smaller() -> None:
    gray = decode_gray(file_of(Image.new("L", (8000, 6000), 200), "JPEG"))
    assert 3600 <= max(gray.shape) <= 7200
    assert abs(int(gray.mean()) - 200) <= 1


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")  # `import_scans` is silent about it too
@pytest.mark.parametrize(
    ("size", "words"),
    [((10_000, 10_000), "100 megapixels, more than the 64"), ((65_000, 65_000), "far more than the 64 megapixels")],
)
def test_a_bomb_is_refused_before_it_is_unpacked(size: tuple[int, int], words: str) -> None:
    tracemalloc.start()
    with pytest.raises(Refused, match=words):
        decode_gray(empty_png(*size))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert size[0] * size[1] > MAX_PIXELS
    assert peak < 2**20


ANIMATION = io.BytesIO()
Image.fromarray(RAMP).save(ANIMATION, "GIF", save_all=True, append_images=[Image.fromarray(255 - RAMP)])
PNG = file_of(Image.fromarray(np.random.default_rng(0).integers(0, 255, (200, 200), np.uint8)), "PNG")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (PNG[:2000], "damaged or cut short"),
        (PNG[:20], "damaged or cut short|not a picture"),
        (PNG[:300] + bytes(50) + PNG[350:], "damaged or cut short"),
        (file_of(Image.fromarray(COLOUR), "JPEG")[:700], "damaged or cut short"),
        (ANIMATION.getvalue(), "several frames"),
        (b"", "not a picture"),
        (b"a text, and no picture", "not a picture"),
        (b"%PDF-1.4 ...", "is a PDF"),
        (b"PK\x03\x04" + bytes(50), "archive"),
        (b"\x00\x00\x00\x18ftypheic" + bytes(50), "HEIC"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n", "not a picture"),
        (file_of(Image.fromarray(RAMP.astype(np.float32)), "TIFF"), "mode F"),
    ],
)
def test_what_is_no_whole_picture_is_refused_with_its_reason(content: bytes, words: str) -> None:
    with pytest.raises(Refused, match=words) as refusal:
        decode_gray(content)
    assert "\n" not in str(refusal.value)
