"""A picture's file -> gray pixels: any size a camera or a scanner makes, upright as its EXIF says, and no bombs."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from digitsmith.data.pictures import FORMATS
from digitsmith.scanning.illumination import Gray
from digitsmith.scanning.refusals import Refused

MAX_PIXELS = 64_000_000  # A4 at 600 dpi has 35 million, a large telephone's camera 50
KEPT_PX = 3600  # the longer side that is kept, at least, of a larger picture: A4 at 300 dpi
_SIXTEEN_BITS = ("I;16", "I;16L", "I;16B", "I;16N")
_SEE_THROUGH = ("LA", "La", "PA", "RGBA", "RGBa")
_PLAIN = ("1", "L", "P", "RGB", "CMYK", "YCbCr", "LAB", "HSV")
_REDUCED, _MASK = 1, 4  # of TIFF's NewSubfileType: a page's thumbnail, and which of its pixels can be seen through
_NEW_SUBFILE_TYPE = 254
_FRAMES_A_PAGE = 3  # the page itself, a thumbnail of it, a mask
_OTHERS = {
    b"%PDF": "is a PDF; give it a name that ends in .pdf, and each of its pages is read",
    b"PK\x03\x04": "is an archive inside what is imported; unpack it, or import it by itself",
}


def decode_gray(encoded: bytes, *, frame: int | None = None) -> Gray:
    """The picture in a file, uint8 [H, W]; made smaller by a whole factor if it is larger than anything here needs.

    Colour becomes gray by ITU-R 601's luma; what can be seen through lies on white, or on black if it is light itself;
    16 bits become 8.

    Args:
        frame: of a TIFF, one of `tiff_pages`; left out, the picture must be the only one.

    Raises:
        Refused: no picture of a known format, more than MAX_PIXELS, several frames, or damaged.
    """
    with _opened(encoded, FORMATS) as image:
        if frame is None:
            _check_single(image)
        else:
            image.seek(frame)
        _check_pixels(image)  # the header alone has been read so far
        image.draft("L", (KEPT_PX, KEPT_PX))  # of JPEG: the luma alone, and no larger than it need be
        gray = _gray(ImageOps.exif_transpose(image))
        return np.asarray(_smaller(Image.fromarray(gray)))


def tiff_pages(encoded: bytes, *, at_most: int) -> list[int]:
    """The frames of a TIFF that are pages, at most `at_most`; thumbnails of pages and masks are none.

    A page that cannot be read is one of them, and refused when it is.

    Raises:
        Refused: no TIFF, one whose first frame is damaged or that ends before one of its frames, or more pages, or more
            frames than a thumbnail and a mask for each page.
    """
    pages: list[int] = []
    with _opened(encoded, ("TIFF",)) as image:
        for frame in _frames(image):
            if frame == _FRAMES_A_PAGE * at_most:
                raise Refused(f"has more than {frame:,} frames; split it")
            if image.tag_v2.get(_NEW_SUBFILE_TYPE, 0) & (_REDUCED | _MASK):  # type: ignore[attr-defined]
                continue
            if len(pages) == at_most:
                raise Refused(f"has more than {at_most:,} pages; split it")
            pages.append(frame)
    return pages or [0]


def _frames(image: Image.Image) -> Iterator[int]:
    """The number of each frame, to which the image has been turned: its tags are there, its pixels may not be."""
    for frame in count():
        try:
            image.seek(frame)
        except EOFError:
            return
        except Exception:  # of tags that say what no picture can be; those are read, and so is where the next frame is
            if image.tell() != frame or not image.tag_v2:  # type: ignore[attr-defined]
                raise
        yield frame


def check_header(encoded: bytes, format: str) -> int:
    """How many pixels a picture says in its own header that it has.

    Raises:
        Refused: a damaged one, or more than MAX_PIXELS.
    """
    with _opened(encoded, (format,)) as image:
        _check_pixels(image)
        return image.width * image.height


def _check_pixels(image: Image.Image) -> None:
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise Refused(
            f"has {width} × {height} pixels, {width * height / 1e6:.0f} megapixels, more than the "
            f"{MAX_PIXELS / 1e6:.0f} taken; save it smaller"
        )


@contextmanager
def _opened(encoded: bytes, formats: tuple[str, ...]) -> Iterator[Image.Image]:
    """The picture in a file, of which the header alone is read; what is wrong with it inside the block is Refused."""
    try:
        with Image.open(io.BytesIO(encoded), formats=formats) as image:
            yield image
    except Refused:
        raise
    except Image.DecompressionBombError:
        raise Refused(f"has far more than the {MAX_PIXELS / 1e6:.0f} megapixels taken; save it smaller") from None
    except UnidentifiedImageError:
        raise Refused(_unknown(encoded) if formats is FORMATS else _damaged(UnidentifiedImageError)) from None
    except MemoryError:
        raise Refused("does not fit in memory; save it smaller") from None
    except Exception as error:  # a damaged file trips Pillow's decoders anywhere: a dozen types, none documented
        raise Refused(_damaged(type(error))) from error


def _damaged(error: type[Exception]) -> str:
    return f"is damaged or cut short ({error.__name__}); save or copy it again"


def _check_single(image: Image.Image) -> None:
    # a camera's JPEG with a preview behind it is opened as MPO
    if image.format == "MPO" or getattr(image, "n_frames", 1) == 1:
        return
    if image.format == "TIFF":
        raise Refused("holds several pages; give it a name that ends in .tif, and each of them is read")
    raise Refused("holds several frames; save each as a file of its own")


def _gray(image: Image.Image) -> Gray:
    if image.mode in _SIXTEEN_BITS:
        return (np.asarray(image).astype(np.uint16) >> 8).astype(np.uint8)
    if image.mode in _SEE_THROUGH or "transparency" in image.info:
        return _flattened(np.asarray(_smaller(image.convert("LA"))))
    if image.mode not in _PLAIN:
        raise Refused(f"is a picture of mode {image.mode}; save it as 8-bit gray or RGB")
    plain = image.convert("RGB") if image.mode in ("P", "CMYK", "LAB", "HSV") else image
    return np.asarray(plain.convert("L"))


def _smaller(image: Image.Image) -> Image.Image:
    factor = max(image.size) // KEPT_PX
    return image.reduce(factor) if factor > 1 else image


def _flattened(pixels: Gray) -> Gray:
    """Gray and opacity, uint8 [H, W, 2] -> gray on a ground that it can be seen on."""
    shade, opacity = pixels[..., 0].astype(np.float32), pixels[..., 1].astype(np.float32) / 255
    seen = float(opacity.sum())
    ground = 0 if seen and float((shade * opacity).sum()) / seen > 127 else 255
    return np.rint(shade * opacity + ground * (1 - opacity)).astype(np.uint8)


def _unknown(encoded: bytes) -> str:
    for magic, reason in _OTHERS.items():
        if encoded.startswith(magic):
            return reason
    if encoded[4:8] == b"ftyp":
        return "is a HEIC, AVIF or video file; save it as JPEG or PNG"
    return f"is not a picture in a known format ({', '.join(FORMATS)})"
