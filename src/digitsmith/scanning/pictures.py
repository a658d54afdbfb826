"""A picture's file -> gray pixels: any size a camera or a scanner makes, upright as its EXIF says, and no bombs."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from digitsmith.data.pictures import FORMATS
from digitsmith.scanning.illumination import Gray
from digitsmith.scanning.refusals import Refused

MAX_PIXELS = 64_000_000  # A4 at 600 dpi has 35 million, a large telephone's camera 50
_KEPT_PX = 3600  # the longer side that is kept, at least, of a larger picture: A4 at 300 dpi
_SIXTEEN_BITS = ("I;16", "I;16L", "I;16B", "I;16N")
_SEE_THROUGH = ("LA", "La", "PA", "RGBA", "RGBa")
_PLAIN = ("1", "L", "P", "RGB", "CMYK", "YCbCr", "LAB", "HSV")
_OTHERS = {
    b"%PDF": "is a PDF; save its pages as JPEG, PNG or TIFF",
    b"PK\x03\x04": "is an archive inside what is imported; unpack it, or import it by itself",
}


def decode_gray(encoded: bytes) -> Gray:
    """The picture in a file, uint8 [H, W]; made smaller by a whole factor if it is larger than anything here needs.

    Colour becomes gray by ITU-R 601's luma; what can be seen through lies on white, or on black if it is light itself;
    16 bits become 8.

    Raises:
        Refused: no picture of a known format, more than MAX_PIXELS, several frames, or damaged.
    """
    try:
        with Image.open(io.BytesIO(encoded), formats=FORMATS) as image:
            _check(image)  # the header alone has been read so far
            image.draft("L", (_KEPT_PX, _KEPT_PX))  # of JPEG: the luma alone, and no larger than it need be
            gray = _gray(ImageOps.exif_transpose(image))
        return np.asarray(_smaller(Image.fromarray(gray)))
    except Refused:
        raise
    except Image.DecompressionBombError:
        raise Refused(f"has far more than the {MAX_PIXELS / 1e6:.0f} megapixels taken; save it smaller") from None
    except UnidentifiedImageError:
        raise Refused(_unknown(encoded)) from None
    except MemoryError:
        raise Refused("does not fit in memory; save it smaller") from None
    except Exception as error:  # a damaged file trips Pillow's decoders anywhere: a dozen types, none documented
        raise Refused(f"is damaged or cut short ({type(error).__name__}); save or copy it again") from error


def _check(image: Image.Image) -> None:
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise Refused(
            f"has {width} × {height} pixels, {width * height / 1e6:.0f} megapixels, more than the "
            f"{MAX_PIXELS / 1e6:.0f} taken; save it smaller"
        )
    # a camera's JPEG with a preview behind it is opened as MPO
    if image.format != "MPO" and getattr(image, "n_frames", 1) > 1:
        raise Refused("holds several frames or pages; save each as a file of its own")


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
    factor = max(image.size) // _KEPT_PX
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
