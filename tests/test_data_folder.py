"""Folders of class folders: what Pillow reads exactly comes back exactly, the rest is an error that names the file."""

import io
import os
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from digitsmith.data import load_mnist
from digitsmith.data.folder import read_folder
from digitsmith.errors import DataError


def digits():
    return load_mnist("test").take(np.arange(22, 62))


def write(root, data, *, end="png", names=None):
    """One file per image, named so that the classes' order of files is the images' own order."""
    for index, (image, label) in enumerate(zip(data.images, data.labels, strict=True)):
        folder = root / (names or data.classes)[label]
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image[0]).save(folder / f"{index:05d}.{end}")
    return root


def by_class(data):
    return data.take(np.argsort(data.labels, kind="stable"))


@pytest.mark.parametrize("end", ["png", "bmp", "gif", "tiff"])
def test_lossless_formats_round_trip(tmp_path, end):
    assert read_folder(write(tmp_path, digits(), end=end)).fingerprint() == by_class(digits()).fingerprint()


def test_class_folders_stand_in_numerical_order_else_by_name(tmp_path):
    numbers = [str(number) for number in (0, 1, 2, 3, 4, 5, 6, 10, 11, 100)]
    assert read_folder(write(tmp_path / "n", digits(), names=numbers)).classes == tuple(numbers)
    words = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
    named = read_folder(write(tmp_path / "w", digits(), names=words))
    assert named.classes == tuple(sorted(words))
    assert np.array_equal(named.counts, digits().counts[[words.index(name) for name in named.classes]])


def test_split_folders_are_found(tmp_path):
    write(tmp_path / "train", digits())
    write(tmp_path / "test", load_mnist("test").take(np.arange(100, 200)))
    (tmp_path / "README.md").write_text("splits")
    assert len(read_folder(tmp_path)) == 40 and len(read_folder(tmp_path, split="test")) == 100
    with pytest.raises(DataError, match="has no test split"):
        read_folder(tmp_path / "train", split="test")


def test_hidden_files_and_companions_are_ignored(tmp_path):
    write(tmp_path, digits())
    for name in (".DS_Store", "Thumbs.db", "manifest.json", "README.md", "NOTICE", "3/.DS_Store", "3/Thumbs.db"):
        (tmp_path / name).write_bytes(b"not a picture")
    assert len(read_folder(tmp_path)) == 40


def one(tmp_path, save):
    (tmp_path / "0").mkdir(parents=True)
    save(tmp_path / "0" / "a.png")
    return read_folder(tmp_path).images[0]


def test_one_bit_is_black_and_white(tmp_path):
    bits = digits().images[0, 0] > 127
    assert np.array_equal(one(tmp_path, Image.fromarray(bits).save)[0], bits * np.uint8(255))


def test_a_palette_is_read_by_its_content(tmp_path):
    grays = Image.fromarray(digits().images[0, 0]).convert("P")
    assert np.array_equal(one(tmp_path, grays.save), digits().images[0])


def test_rgb_and_colour_palettes_have_three_channels(tmp_path):
    red = np.zeros((28, 28, 3), dtype=np.uint8)
    red[..., 0] = digits().images[0, 0] // 64 * 64
    for name, image in (("rgb", Image.fromarray(red)), ("palette", Image.fromarray(red).quantize(8))):
        (tmp_path / name / "0").mkdir(parents=True)
        image.save(tmp_path / name / "0" / "a.png")
        assert np.array_equal(read_folder(tmp_path / name).images[0], red.transpose(2, 0, 1))


def test_a_photo_is_turned_upright(tmp_path):
    turned = Image.fromarray(np.rot90(digits().images[0, 0]))
    exif = Image.Exif()
    exif[0x0112] = 6  # "turn by 90 degrees clockwise to show"
    assert np.array_equal(one(tmp_path, lambda path: turned.save(path, exif=exif))[0], digits().images[0, 0])


def png_16_bit_rgb():
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">2I5B", 28, 28, 16, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(bytes(28 * 169))) + chunk(b"IEND", b"")


def png(image, kind="PNG", **options):
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


GRAY = Image.new("L", (28, 28))
BAD = {
    "other size": (png(Image.new("L", (32, 28))), "is 32 × 28 pixels, but"),
    "colour among gray": (png(Image.new("RGB", (28, 28))), "is colour, but"),
    "alpha": (png(Image.new("RGBA", (28, 28))), "alpha channel; flatten"),
    "gray with alpha": (png(Image.new("LA", (28, 28))), "alpha channel"),
    "transparent colour": (png(GRAY, transparency=0), "alpha channel"),
    "16-bit gray": (png(Image.new("I;16", (28, 28))), "more than 8 bits"),
    "16-bit RGB": (png_16_bit_rgb(), "more than 8 bits"),
    "float": (png(Image.new("F", (28, 28)), "TIFF"), "more than 8 bits"),
    "CMYK": (png(Image.new("CMYK", (28, 28)), "JPEG"), "is a CMYK picture; save"),
    "several frames": (png(GRAY, "GIF", save_all=True, append_images=[Image.new("L", (28, 28), 9)]), "several frames"),
    "too large": (png(Image.new("1", (4097, 1))), "4097 × 1 pixels, more than 4096"),
    "bomb": (png(Image.new("1", (20_000, 20_000))), "damaged picture (DecompressionBombError)"),
    "cut": (png(Image.effect_noise((28, 28), 50))[:-100], "is a damaged picture"),
    "empty": (b"", "is not a PNG, JPEG"),
    "text": (b"hello", "is not a PNG, JPEG"),
    "PostScript": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "is not a PNG, JPEG"),
}


@pytest.mark.parametrize("case", BAD)
@pytest.mark.filterwarnings("error")
def test_a_bad_picture_is_one_line_with_file_and_cause(tmp_path, case):
    content, cause = BAD[case]
    write(tmp_path, digits())
    (tmp_path / "9" / "odd.png").write_bytes(content)
    with pytest.raises(DataError) as caught:
        read_folder(tmp_path)
    line = str(caught.value)
    assert line.startswith(f"{tmp_path / '9' / 'odd.png'}: ") and cause in line and "\n" not in line


def broken_link(root):
    (root / "3" / "odd").symlink_to("gone")


def pipe(root):
    os.mkfifo(root / "3" / "odd")


ODD_FOLDERS = {
    "an empty class": (lambda root: (root / "odd").mkdir(), "holds no pictures"),
    "a folder in a class": (lambda root: (root / "3" / "odd").mkdir(), "is a folder"),
    "a broken link": (broken_link, "a link to something that is gone"),
    "a pipe": (pipe, "not a regular file"),
    "a manifest in a class": (lambda root: (root / "3" / "odd").write_text("{}"), "is not a PNG"),
    "a picture beside the classes": (lambda root: GRAY.save(root / "odd.png"), "lies beside the class folders"),
    "a name with a line end": (lambda root: (root / "3" / "odd\n").write_text(""), "is not a PNG"),
    "a name that is no text": (lambda root: (root / "3" / os.fsdecode(b"odd\xff")).write_text(""), "is not a PNG"),
    "a class name that is no text": (lambda root: write(root, digits(), names=["odd\n"] * 10), "be a class name"),
}


@pytest.mark.parametrize("case", ODD_FOLDERS)
def test_an_odd_entry_is_one_line_that_names_it(tmp_path, case):
    spoil, cause = ODD_FOLDERS[case]
    spoil(write(tmp_path, digits()))
    with pytest.raises(DataError) as caught:
        read_folder(tmp_path)
    assert "odd" in str(caught.value) and cause in str(caught.value) and "\n" not in str(caught.value)


def test_what_is_no_folder_of_classes_is_said(tmp_path):
    with pytest.raises(DataError, match="holds no class folders"):
        read_folder(tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="file: cannot be read"):
        read_folder(tmp_path / "file")
    with pytest.raises(DataError, match="gone: does not exist"):
        read_folder(tmp_path / "gone")
