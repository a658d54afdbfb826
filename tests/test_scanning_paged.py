"""PDFs and TIFFs of several pages: each page a picture, pixel for pixel, and one line for what cannot be read."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import weakref
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from digitsmith.cli import run
from digitsmith.data.mnist import load_mnist
from digitsmith.data.reading import read_digits, read_images
from digitsmith.errors import DataError
from digitsmith.measure.reader import read
from digitsmith.scanning import importing, paged
from digitsmith.scanning.importing import import_scans
from digitsmith.scanning.paged import pages_of
from digitsmith.scanning.pdf import count_pages, page_gray
from digitsmith.scanning.pictures import MAX_PIXELS, decode_gray
from digitsmith.scanning.reading import Settings
from digitsmith.scanning.refusals import Refused
from digitsmith.scanning.sheet_layout import sheet_layout
from digitsmith.scanning.sheet_print import sheet
from digitsmith.scanning.sources import Picture
from scanning_scenes import encoded, filled_sheet, on_paper, scanned

Gray = NDArray[np.uint8]
MNIST = load_mnist("test")
WHOLE = b"q 60 0 0 90 0 0 cm /I0 Do Q "  # its only picture, over the whole page
NOISE = np.random.default_rng(0).integers(0, 255, (90, 60), np.uint8)


def photo(index: int) -> Gray:
    return on_paper(np.array(MNIST.images[index, 0]), side_px=160, seed=index)


def file_of(pages: list[Gray], kind: str, **options: object) -> bytes:
    """A PDF or TIFF of these pages, as Pillow writes it."""
    content = io.BytesIO()
    first, *others = (Image.fromarray(page) for page in pages)
    first.save(content, kind, save_all=True, append_images=others, **options)
    return content.getvalue()


def tiff_of(*frames: tuple[Gray, int]) -> bytes:
    """A TIFF of frames, each with its NewSubfileType: 2 for a page of several, 1 for a thumbnail, 4 for a mask."""
    content = io.BytesIO()
    first, *others = (Image.fromarray(pixels) for pixels, _ in frames)
    for frame, (_, kind) in zip((first, *others), frames, strict=True):
        frame.encoderinfo = {"tiffinfo": {254: kind}}  # of save_all, which has no other place for it
    first.save(content, "TIFF", save_all=True, append_images=others, tiffinfo={254: frames[0][1]})
    return content.getvalue()


def with_tag(tiff: bytes, frame: int, tag: int, value: int) -> bytes:
    """A TIFF of which one frame has another value in one of its tags."""
    spoilt, place = bytearray(tiff), 4
    for _ in range(frame + 1):
        place = int.from_bytes(tiff[place : place + 4], "little")
        entries, place = place + 2, place + 2 + 12 * int.from_bytes(tiff[place : place + 2], "little")
    (entry,) = (at for at in range(entries, place, 12) if int.from_bytes(tiff[at : at + 2], "little") == tag)
    spoilt[entry + 8 : entry + 12] = value.to_bytes(4, "little")
    return bytes(spoilt)


def pdf_of(
    drawn: bytes, *pictures: bytes, fonts: bytes = b"", box: str = "0 0 60 90", pages: int = 1, more: bytes = b""
) -> bytes:
    """A PDF written by hand: pages that all show the same, with `pictures` as objects /I0, /I1, ... to draw."""
    named = b" ".join(b"/I%d %d 0 R" % (number, 5 + number) for number in range(len(pictures)))
    page = b"<< /Type /Page /Parent 2 0 R /MediaBox [%b] /Contents 4 0 R %b " % (box.encode(), more)
    page += b"/Resources << /XObject << %b >> /Font << %b >> >> >>" % (named, fonts)
    bodies = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [%b] /Count %d >>" % (b"3 0 R " * pages, pages),
        page,
        b"<< /Length %d >>\nstream\n%b\nendstream" % (len(drawn), drawn),
        *pictures,
    ]
    written, places = b"%PDF-1.7\n", []
    for number, body in enumerate(bodies, start=1):
        places.append(len(written))
        written += b"%d 0 obj\n%b\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    size = len(bodies) + 1
    return b"%bxref\n0 %d\n0000000000 65535 f \n%btrailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (
        written,
        size,
        table,
        size,
        len(written),
    )


def pdf_picture(width: int, height: int, data: bytes, coding: str) -> bytes:
    head = f"/Type /XObject /Subtype /Image /Width {width} /Height {height} /ColorSpace /DeviceGray /BitsPerComponent 8"
    return f"<< {head} /Filter /{coding} /Length {len(data)} >>\nstream\n".encode() + data + b"\nendstream"


def packed(pixels: Gray) -> bytes:
    height, width = pixels.shape
    return pdf_picture(width, height, zlib.compress(pixels.tobytes()), "FlateDecode")


# --- the pages of a PDF


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 150), st.integers(1, 150), st.floats(20, 1200), st.integers(0, 9))
def test_a_scan_in_a_pdf_comes_out_pixel_for_pixel(width: int, height: int, dpi: float, seed: int) -> None:
    pixels = np.random.default_rng(seed).integers(0, 255, (height, width), np.uint8)
    pdf = file_of([pixels], "PDF", resolution=dpi, quality=90)
    jpeg = pdf[pdf.index(b"\xff\xd8") :]
    assert (page_gray(pdf, 0) == decode_gray(jpeg)).all()


@pytest.mark.parametrize("turns", [0, 1, 2, 3])
def test_a_page_is_turned_as_it_says(turns: int) -> None:
    page = pdf_of(WHOLE, packed(NOISE), more=b"/Rotate %d" % (90 * turns))
    assert (page_gray(page, 0) == np.rot90(NOISE, -turns)).all()


def test_colour_becomes_gray_as_in_other_pictures() -> None:
    colour = np.random.default_rng(0).integers(0, 255, (50, 70, 3), np.uint8)
    pdf = file_of([colour], "PDF", resolution=150, quality=95)
    seen = Image.open(io.BytesIO(pdf[pdf.index(b"\xff\xd8") :])).convert("L")
    assert np.abs(page_gray(pdf, 0) - np.asarray(seen, np.int16)).max() <= 1


def test_strips_and_layers_of_a_page_are_as_fine_as_the_finest() -> None:
    shades = np.repeat(np.arange(90, dtype=np.uint8)[:, None], 60, axis=1)
    strips = pdf_of(
        b"q 60 0 0 45 0 45 cm /I0 Do Q q 60 0 0 45 0 0 cm /I1 Do Q", packed(shades[:45]), packed(shades[45:])
    )
    assert page_gray(strips, 0).shape == shades.shape
    assert np.abs(page_gray(strips, 0) - shades.astype(int)).max() <= 1  # PDFium lets strips overlap
    layers = pdf_of(b"q 60 0 0 90 0 0 cm /I0 Do /I1 Do Q", packed(NOISE[::3, ::3]), packed(NOISE))
    assert (page_gray(layers, 0) == NOISE).all()


@pytest.mark.parametrize(
    ("box", "drawn", "shape"),
    [
        ("0 0 595 842", b"9 w 100 100 m 400 700 l S", (3508, 2479)),  # in lines, as from a tablet: 300 dpi
        ("0 0 5950 8420", b"9 w 100 100 m 400 700 l S", (3600, 2544)),
        ("0 0 595 842", b"q 60 0 0 90 0 0 cm /I0 Do Q", (3508, 2479)),  # a small picture is not the scan
        ("0 0 595 842", b"q 595 0 0 842 0 0 cm /I0 Do Q 9 w 9 9 m 99 99 l S", (3508, 2479)),
        ("0 0 1000000000 1000000000", b"9 w 9 9 m 99 99 l S", (3600, 3600)),
        ("0 0 1000000000 1", b"9 w 9 9 m 99 99 l S", (1, 3600)),
    ],
)
def test_no_page_is_coarser_or_larger_than_it_need_be(box: str, drawn: bytes, shape: tuple[int, int]) -> None:
    assert page_gray(pdf_of(drawn, packed(NOISE), box=box), 0).shape == shape


INK = b"/Annots [<< /Type /Annot /Subtype /Ink /Rect [0 0 60 90] /InkList [[9 9 50 80]] /BS << /W 3 >> >>]"


def test_ink_that_a_tablet_laid_over_the_page_is_seen_as_finely_as_lines() -> None:
    white = packed(np.full((9, 6), 255, np.uint8))
    assert page_gray(pdf_of(WHOLE, white), 0).shape == (9, 6)
    page = page_gray(pdf_of(WHOLE, white, more=INK), 0)
    assert page.shape == (375, 250) and page.min() < 20


def test_a_very_large_scan_is_made_smaller() -> None:
    page = page_gray(file_of([np.full((8000, 6000), 200, np.uint8)], "PDF", resolution=600), 0)
    assert 3600 <= max(page.shape) <= 7200
    assert abs(int(page.mean()) - 200) <= 1


FONT = b"/F << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"
TEXT = b"BT %d Tr /F 24 Tf 10 10 Td (7) Tj ET "


def test_words_that_a_scanner_read_and_laid_over_the_scan_do_not_matter() -> None:
    assert (page_gray(pdf_of(WHOLE + TEXT % 3, packed(NOISE), fonts=FONT), 0) == NOISE).all()


def test_ink_over_a_page_of_text_is_handwriting() -> None:
    page = page_gray(pdf_of(TEXT % 0, fonts=FONT, more=INK), 0)
    assert page.shape == (375, 250) and page[100:200].min() < 20  # above the text


def jpeg_that_says(side_px: int) -> bytes:
    """A JPEG whose header tells of a square of that side."""
    jpeg = bytearray(encoded(NOISE, "JPEG"))
    frame = jpeg.index(b"\xff\xc0")
    jpeg[frame + 5 : frame + 9] = side_px.to_bytes(2, "big") * 2
    return bytes(jpeg)


LOCKED = (  # of no page that could be read: the key's check fails for an empty password
    b"/Encrypt << /Filter /Standard /V 1 /R 2 /P -4 /O <%b> /U <%b> >> /ID [<00> <00>] " % (b"41" * 32, b"42" * 32)
)


@pytest.mark.parametrize(
    ("pdf", "words"),
    [
        (pdf_of(b""), "is empty: there is no picture"),
        (pdf_of(TEXT % 0, fonts=FONT), "text and no picture"),
        (pdf_of(TEXT % 0 + b"9 9 m 50 80 l S", fonts=FONT), "text and no picture"),
        (pdf_of(b"", pages=0), "has no pages"),
        (pdf_of(WHOLE, packed(NOISE)).replace(b"/Root", LOCKED + b"/Root"), "has a password"),
        (pdf_of(WHOLE, packed(NOISE))[:-800], "damaged or cut short"),
        (file_of([NOISE] * 3, "PDF")[:-200], "damaged or cut short"),
        (b"%PDF-1.7\n and nothing that is one", "damaged or cut short"),
        (pdf_of(WHOLE, pdf_picture(60, 90, b"no JPEG", "DCTDecode")), "damaged or cut short"),
        (pdf_of(WHOLE, pdf_picture(9000, 9000, zlib.compress(bytes(81_000_000)), "FlateDecode")), "81 megapixels"),
        (pdf_of(WHOLE * 8000, pdf_picture(90, 100, b"", "FlateDecode")), "more than the 64"),
        (pdf_of(WHOLE, pdf_picture(60, 90, jpeg_that_says(60_000), "DCTDecode")), "far more than the 64"),
        (pdf_of(WHOLE * 2, pdf_picture(60, 90, jpeg_that_says(6000), "DCTDecode")), "of 72 megapixels on it"),
    ],
)
def test_a_pdf_that_cannot_be_read_is_refused_with_its_reason(pdf: bytes, words: str) -> None:
    with pytest.raises(Refused, match=words) as refusal:
        for page in range(count_pages(pdf)):
            page_gray(pdf, page)
    assert "\n" not in str(refusal.value)
    assert MAX_PIXELS < 81_000_000


def test_the_reason_is_the_files_own_and_not_that_of_the_one_before() -> None:
    locked = pdf_of(WHOLE, packed(NOISE)).replace(b"/Root", LOCKED + b"/Root")
    for pdf, words in ((locked, "password"), (pdf_of(b"", pages=0), "no pages"), (b"%PDF-1.7 x", "damaged")):
        with pytest.raises(Refused, match=words):
            count_pages(pdf)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_spoilt_pdf_is_a_picture_or_a_refusal(data: st.DataObject) -> None:
    whole = bytearray(pdf_of(WHOLE, packed(NOISE)))
    for place in data.draw(st.lists(st.integers(0, len(whole) - 1), min_size=1, max_size=8)):
        whole[place] = data.draw(st.integers(0, 255))
    pdf = bytes(whole[: data.draw(st.integers(0, len(whole)))])
    try:
        pages = [page_gray(pdf, page) for page in range(count_pages(pdf))]
    except Refused as refusal:
        assert "\n" not in str(refusal)
    else:
        assert pages and all(page.dtype == np.uint8 for page in pages)


# --- the pages of a file


def opened(content: bytes, name: str) -> list[paged.Page]:
    return pages_of(Picture(name, "7", lambda: content))


@pytest.mark.parametrize(("kind", "name"), [("PDF", "a.pdf"), ("TIFF", "a.TIF"), ("TIFF", "a.tiff")])
def test_every_page_is_a_picture_with_its_number(kind: str, name: str) -> None:
    shades = [np.full((40, 30), shade, np.uint8) for shade in (20, 120, 220)]
    pages = opened(file_of(shades, kind), name)
    assert [page.name for page in pages] == [f"{name} page {number}" for number in (1, 2, 3)]
    assert [page.label for page in pages] == ["7"] * 3
    for page, shade in zip(pages[::-1], shades[::-1], strict=True):  # in any order
        assert np.abs(page.gray() - shade.astype(int)).max() <= 1
    (only,) = opened(file_of(shades[:1], kind), name)
    assert only.name == name and only.gray().shape == (40, 30)


def test_a_file_is_what_it_holds_whatever_it_is_called() -> None:
    (only,) = opened(encoded(NOISE), "scan.pdf")
    assert (only.gray() == NOISE).all()
    assert len(opened(file_of([NOISE, NOISE], "TIFF"), "scan.pdf")) == 2
    for kind, words in (("PDF", r"ends in \.pdf"), ("TIFF", r"ends in \.tif")):
        (only,) = opened(file_of([NOISE, NOISE], kind), "scan.jpg")
        with pytest.raises(Refused, match=words):
            only.gray()


def test_thumbnails_and_masks_of_a_tiff_are_no_pages() -> None:
    content = tiff_of((NOISE, 2), (NOISE[::4, ::4], 1), (NOISE, 4), (255 - NOISE, 2))
    first, second = opened(content, "a.tif")
    assert (first.gray() == NOISE).all() and (second.gray() == 255 - NOISE).all()


def test_thumbnails_do_not_count_as_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    page, thumbnail = (NOISE, 2), (NOISE[::4, ::4], 1)
    monkeypatch.setattr(paged, "MAX_PAGES", 2)
    assert len(opened(tiff_of(*[page, thumbnail, thumbnail] * 2), "a.tif")) == 2
    for frames, words in (([page, thumbnail] * 3, "2 pages"), ([page, *[thumbnail] * 6], "6 frames")):
        (only,) = opened(tiff_of(*frames), "a.tif")
        with pytest.raises(Refused, match=f"has more than {words}; split it"):
            only.gray()


@pytest.mark.parametrize(("kind", "name"), [("PDF", "a.pdf"), ("TIFF", "a.tif")])
def test_a_file_of_too_many_pages_is_refused(kind: str, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    content = file_of([NOISE] * 4, kind)
    monkeypatch.setattr(paged, "MAX_PAGES", 3)
    (only,) = opened(content, name)
    with pytest.raises(Refused, match=r"more than (the 3 taken|3 pages); split it"):
        only.gray()
    monkeypatch.setattr(paged, "MAX_PAGES", 4)
    assert len(opened(content, name)) == 4


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")  # `import_scans` is silent about it
def test_a_page_of_a_cut_tiff_is_refused_alone_or_the_file() -> None:
    whole = file_of([NOISE] * 3, "TIFF")
    (only,) = opened(whole[: len(whole) // 2], "a.tif")
    with pytest.raises(Refused, match="damaged or cut short"):
        only.gray()
    *good, last = opened(whole[:-50], "a.tif")
    assert all((page.gray() == NOISE).all() for page in good)
    with pytest.raises(Refused, match="damaged or cut short"):
        last.gray()


@pytest.mark.parametrize(("tag", "value"), [(256, 0), (258, 9), (259, 12_345)])  # width, bits, compression
def test_a_page_of_a_tiff_that_cannot_be_read_is_refused_alone(tag: int, value: int) -> None:
    whole = file_of([NOISE, NOISE, 255 - NOISE], "TIFF")
    first, second, third = opened(with_tag(whole, 1, tag, value), "a.tif")
    assert (first.gray() == NOISE).all() and (third.gray() == 255 - NOISE).all()
    with pytest.raises(Refused, match="damaged or cut short"):
        second.gray()
    (only,) = opened(with_tag(whole, 0, tag, value), "a.tif")  # without the first one nothing is known of the others
    with pytest.raises(Refused, match="damaged or cut short"):
        only.gray()


# --- what `import_scans` makes of them


@pytest.mark.parametrize(("kind", "name"), [("PDF", "batch.pdf"), ("TIFF", "batch.tif")])
def test_pages_in_class_folders_are_digits_of_the_class(tmp_path: Path, kind: str, name: str) -> None:
    blank = on_paper(np.zeros((28, 28), np.uint8), side_px=160)
    for digit in (1, 7):
        own = np.flatnonzero(MNIST.labels == digit)[:3].tolist()
        (tmp_path / "in" / str(digit)).mkdir(parents=True)
        pages = [photo(index) for index in own]
        (tmp_path / "in" / str(digit) / name).write_bytes(file_of([*pages[:2], blank, pages[2]], kind))
    (tmp_path / "in" / "1" / "single.png").write_bytes(encoded(photo(2)))
    steps: list[tuple[int, int]] = []
    done = import_scans(
        tmp_path / "in", out=tmp_path / "out", on_progress=lambda count, total: steps.append((count, total))
    )
    assert (dict(done.counts), steps[-1]) == ({"1": 4, "7": 3}, (9, 9))
    assert [each.name for each in done.refused] == [f"1/{name} page 3", f"7/{name} page 3"]
    back = read_digits(done.folder)
    assert read(np.array(back.images)).tolist() == [int(back.classes[label]) for label in back.labels]
    sources = json.loads((done.folder / "manifest.json").read_text())["sources"]
    assert sources == [
        *(f"1/{name} page {number}" for number in (1, 2, 4)),
        "1/single.png",
        *(f"7/{name} page {number}" for number in (1, 2, 4)),
    ]
    assert f"7/{name} page 4" in done.page.read_text()


@pytest.mark.parametrize(("kind", "name"), [("PDF", "scan.pdf"), ("TIFF", "scan.tif")])
def test_sheets_scanned_into_one_file_come_back_labelled(tmp_path: Path, kind: str, name: str) -> None:
    layout = sheet_layout(classes=("1", "7"), per_class=6)
    first_of = {"1": 2, "7": 0}
    digits = np.stack([MNIST.images[first_of[layout.classes[box.label]], 0] for box in layout.boxes])
    pages = [
        scanned(filled_sheet(layout, digits, dpi=150, seed=seed), degrees=seed - 1.5, turns=2 * seed, seed=seed)
        for seed in (0, 1)
    ]
    (tmp_path / name).write_bytes(file_of(pages, kind, **({"resolution": 150} if kind == "PDF" else {})))
    done = import_scans(tmp_path / name, out=tmp_path / "out")
    assert (done.sheets, dict(done.counts), list(done.refused)) == (2, {"1": 12, "7": 12}, [])
    back = read_digits(done.folder)
    assert read(np.array(back.images)).tolist() == [int(back.classes[label]) for label in back.labels]
    sources = json.loads((done.folder / "manifest.json").read_text())["sources"]
    assert {source.partition(",")[0] for source in sources} == {f"{name} page 1", f"{name} page 2"}


def test_the_printed_sheet_itself_is_read_and_all_its_boxes_are_empty(tmp_path: Path) -> None:
    sheet(tmp_path / "sheet.pdf", classes=("a", "b"), per_class=150)
    with pytest.raises(DataError, match=r"none of 2 pictures .* sheet\.pdf page 1 is a sheet, and all its boxes are"):
        import_scans(tmp_path / "sheet.pdf", out=tmp_path / "out")


def test_a_zip_of_pdfs_gives_what_the_folder_gives_and_the_same_bytes_twice(tmp_path: Path) -> None:
    (tmp_path / "in" / "7").mkdir(parents=True)
    (tmp_path / "in" / "7" / "a.pdf").write_bytes(file_of([photo(0), photo(17), photo(26)], "PDF"))
    with zipfile.ZipFile(tmp_path / "in.zip", "w") as made:
        made.write(tmp_path / "in" / "7" / "a.pdf", "7/a.pdf")
    sets = [import_scans(tmp_path / place, out=tmp_path / f"{place} out").folder for place in ("in", "in.zip")]
    again = import_scans(tmp_path / "in", out=tmp_path / "again").folder
    files = [
        {path.relative_to(each): path.read_bytes() for path in each.rglob("*") if path.is_file()}
        for each in (sets[0], again)
    ]
    assert files[0] == files[1]
    first, second = (read_digits(each) for each in sets)
    assert (first.images == second.images).all()
    assert first.images.shape[0] == 3


def test_the_contact_sheet_keeps_no_more_pictures_than_it_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    layout = sheet_layout(classes=("1",), per_class=4)
    page = filled_sheet(layout, np.repeat(np.array(MNIST.images[2]), 4, axis=0), dpi=120)
    (tmp_path / "scan.pdf").write_bytes(file_of([page] * 3, "PDF", resolution=120))
    monkeypatch.setattr(importing, "MOST_SHOWN", 6)
    monkeypatch.setattr(importing, "MOST_SHEETS_SHOWN", 2)
    done = import_scans(tmp_path / "scan.pdf", out=tmp_path / "out")
    assert (done.images, done.sheets) == (12, 3)
    shown = done.page.read_text()
    assert shown.count("data:image/jpeg") == 6 + 2
    assert "The first 6 of 12." in shown and "The first 2 of 3." in shown


def test_what_is_read_does_not_keep_its_file_in_memory() -> None:
    first, second = opened(file_of([photo(0), photo(17)], "PDF"), "a.pdf")
    label, reading = importing._read(first, settings=Settings(28, False, "auto", None), label=None)
    assert label == "7" and len(reading.taken) == 1
    kept = weakref.ref(first)
    del first
    assert kept() is None and second.gray().size


def test_loose_pages_get_the_label_that_is_given_or_none(tmp_path: Path) -> None:
    (tmp_path / "sevens.pdf").write_bytes(file_of([photo(0), photo(17)], "PDF"))
    done = import_scans(tmp_path / "sevens.pdf", out=tmp_path / "out", label="7")
    assert dict(done.counts) == {"7": 2}
    done = import_scans(tmp_path / "sevens.pdf", out=tmp_path / "unlabelled")
    assert read_images(done.folder).labels is None and done.images == 2


# --- at the command line


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.pdf", pdf_of(b"", pages=2), "none of 2 pictures gave an image; the first: a.pdf page 1 is empty"),
        ("a.pdf", b"%PDF-1.7 x", "none of 1 pictures gave an image; the first: a.pdf is damaged"),
        ("a.tif", b"II*\0" + bytes(20), "none of 1 pictures gave an image; the first: a.tif is damaged"),
    ],
)
def test_a_bad_file_is_one_line_and_leaves_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, content: bytes, words: str
) -> None:
    (tmp_path / name).write_bytes(content)
    assert run(["import", str(tmp_path / name), "--out", str(tmp_path / "out")]) == 2
    last = capsys.readouterr().err.strip().splitlines()[-1]
    assert last.startswith("digitsmith: ") and words in last
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_pdfium_is_loaded_for_pdfs_alone(tmp_path: Path) -> None:
    (tmp_path / "7.png").write_bytes(encoded(photo(0)))
    code = (
        "import sys, digitsmith\n"
        f"digitsmith.import_scans({str(tmp_path / '7.png')!r}, out={str(tmp_path / 'out')!r}, label='7')\n"
        "print([name for name in sys.modules if 'pdfium' in name])"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"
