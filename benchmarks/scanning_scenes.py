"""Pictures with a known answer for what reads scans: a digit on paper in bad light, a sheet on a table."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from digitsmith.drawing.ink import Ink as IdealInk
from digitsmith.scanning.homography import fit_homography, mapped
from digitsmith.scanning.sheet_layout import BOX_MM, SheetLayout
from digitsmith.scanning.sheet_print import draw_page

Gray = NDArray[np.uint8]


def on_paper(
    digit: NDArray[np.uint8],
    *,
    side_px: int = 200,
    room: float = 1.0,
    paper: float = 225.0,
    ink: float = 0.8,
    shadow: float = 0.5,
    noise: float = 6.0,
    seed: int = 0,
) -> Gray:
    """An MNIST image, uint8 [28, 28], as ink on a sheet: light falls off by `shadow` over it, in any direction.

    Args:
        side_px: of the picture.
        room: share of it that the 28 pixels take.
        ink: share of the light that it takes from the paper.
        noise: standard deviation, gray levels.
    """
    rng = np.random.default_rng(seed)
    scale = side_px * room / 28
    aside = side_px * (1 - room) / 2
    cover = IdealInk(digit[None]).coverage(left=aside, top=aside, scale=scale, window=(0, 0, side_px, side_px))
    rows, columns = np.mgrid[:side_px, :side_px] / side_px - 0.5
    angle = rng.uniform(0, 2 * np.pi)
    light = 1 - shadow * (0.5 + (rows * np.sin(angle) + columns * np.cos(angle)) / np.sqrt(2))
    picture = paper * light * (1 - ink * cover) + rng.normal(0, noise, cover.shape)
    pixels: NDArray[np.uint8] = np.clip(np.rint(picture), 0, 255).astype(np.uint8)
    return pixels


def ruled(picture: Gray, *, every_px: int = 60, width_px: int = 3, degrees: float = 2.0, squared: bool = False) -> Gray:
    """The same on ruled or squared paper."""
    rows, columns = np.indices(picture.shape)
    angle = np.deg2rad(degrees)
    along = [rows * np.cos(angle) - columns * np.sin(angle)]
    if squared:
        along.append(rows * np.sin(angle) + columns * np.cos(angle))
    lines = np.any([way % every_px < width_px for way in along], axis=0)
    dimmed: Gray = (picture * np.where(lines, 0.6, 1.0)).astype(np.uint8)
    return dimmed


def cut_out(picture: Gray, digit: NDArray[np.uint8]) -> Gray:
    """A picture of `on_paper` without any paper around the digit."""
    mask = np.asarray(Image.fromarray((digit > 100).astype(np.uint8)).resize(picture.shape[::-1], 0)) > 0
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    cut: Gray = picture[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return cut


def on_table(picture: Gray, *, degrees: float = 20.0, share: float = 0.3, table: float = 60.0, seed: int = 0) -> Gray:
    """The same, where the paper ends `share` of the picture's side from its middle, and a dark table begins."""
    rows, columns = np.indices(picture.shape) / np.array(picture.shape)[:, None, None] - 0.5
    beyond = columns * np.cos(np.deg2rad(degrees)) + rows * np.sin(np.deg2rad(degrees)) > share
    wood = np.random.default_rng(seed).normal(table, 6, picture.shape)
    table_too: Gray = np.where(beyond, wood, picture).clip(0, 255).astype(np.uint8)
    return table_too


def encoded(picture: Gray, name: str = "PNG", **options: object) -> bytes:
    """The file of uint8 [H, W] or [H, W, 3]."""
    stream = io.BytesIO()
    Image.fromarray(picture).save(stream, name, **options)
    return stream.getvalue()


def filled_sheet(
    layout: SheetLayout, digits: Gray, *, dpi: int = 200, height_mm: float = 8.0, ink: float = 0.85, seed: int = 0
) -> Gray:
    """A page whose boxes hold `digits`, uint8 [boxes, 28, 28], one each, a little off their middles; None-like images
    without ink leave a box empty.
    """
    rng = np.random.default_rng(seed)
    page = draw_page(layout, dpi=dpi).astype(np.float32)
    px = dpi / 25.4
    scale = height_mm / 20 * px
    for box, digit in zip(layout.boxes, digits, strict=True):
        aside = np.array([box.left, box.top]) + BOX_MM / 2 + rng.uniform(-0.6, 0.6, 2)
        left, top = aside * px - 14 * scale
        window = (int(left), int(top), int(left + 28 * scale) + 1, int(top + 28 * scale) + 1)
        cover = IdealInk(digit[None]).coverage(left=left, top=top, scale=scale, window=window)
        page[window[1] : window[3], window[0] : window[2]] *= 1 - ink * cover
    return np.clip(np.rint(page), 0, 255).astype(np.uint8)


def scanned(page: Gray, *, degrees: float = 0.0, turns: int = 0, noise: float = 3.0, seed: int = 0) -> Gray:
    """A page from a flatbed scanner: lying a little askew, perhaps the wrong way round."""
    rng = np.random.default_rng(seed)
    askew = Image.fromarray(page).rotate(degrees, Image.Resampling.BICUBIC, expand=True, fillcolor=250)
    turned = np.rot90(np.asarray(askew), turns).astype(np.float32) * 0.97
    return np.clip(turned + rng.normal(0, noise, turned.shape), 0, 255).astype(np.uint8)


def photographed(
    page: Gray,
    *,
    width_px: int = 1500,
    tilt: float = 0.12,
    turn_deg: float = 4.0,
    shadow: float = 0.5,
    barrel: float = 0.0,
    blur_px: float = 1.0,
    noise: float = 4.0,
    quality: int = 80,
    seed: int = 0,
) -> bytes:
    """A JPEG of a page on a table, held at a slant: perspective, light from one side, a hand's shadow, blur, noise.

    Args:
        tilt: how far the page's corners are pulled in, of its sides.
        barrel: how far a corner lies off for the lens, of the picture's half diagonal.
    """
    rng = np.random.default_rng(seed)
    height, width = page.shape
    size = np.array([width_px, round(width_px * 1.35)])
    corners = np.array([[0.08, 0.06], [0.92, 0.06], [0.92, 0.94], [0.08, 0.94]])
    pulled = corners + rng.uniform(0, tilt, (4, 2)) * np.sign(0.5 - corners)
    angle = np.deg2rad(rng.uniform(-turn_deg, turn_deg))
    rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    placed = ((pulled - 0.5) @ rotation.T * 0.95 + 0.5) * size
    to_page = fit_homography(placed, np.array([[0, 0], [width, 0], [width, height], [0, height]], float))
    rows, columns = np.mgrid[: size[1], : size[0]] + 0.5
    aside = np.stack([columns, rows], axis=-1) - size / 2
    far = (aside**2).sum(axis=-1, keepdims=True) / (size**2).sum() * 4
    source = mapped(to_page, aside * (1 + barrel * far) + size / 2)
    blurred = np.asarray(Image.fromarray(page).filter(ImageFilter.GaussianBlur(max(0.1, width / width_px / 2.5))))
    table = 90 + 25 * np.sin(rows / 9) * np.sin(columns / 171)
    seen = _sampled(blurred, source) * 0.93
    outside = ((source < 0) | (source > [width, height])).any(axis=-1)
    seen = np.where(outside, table, seen)
    direction = rng.uniform(0, 2 * np.pi)
    slope = (columns / size[0] - 0.5) * np.cos(direction) + (rows / size[1] - 0.5) * np.sin(direction)
    hand = 1 / (1 + np.exp((slope - rng.uniform(-0.1, 0.2)) * 60))  # a soft edge across the page
    lit = seen * (1 - shadow * 0.5 * (slope + 0.7) / 1.4) * (1 - shadow * 0.6 * hand)
    lens = np.asarray(Image.fromarray(lit.clip(0, 255).astype(np.uint8)).filter(ImageFilter.GaussianBlur(blur_px)))
    return encoded(np.clip(lens + rng.normal(0, noise, lit.shape), 0, 255).astype(np.uint8), "JPEG", quality=quality)


def _sampled(picture: Gray, places: NDArray[np.float64]) -> NDArray[np.float64]:
    """The gray at x and y, [..., 2], between the four pixels around; pixels have their middles at a half."""
    height, width = picture.shape
    x, y = (
        np.clip(at - 0.5, 0, last - 1.001) for at, last in zip(np.moveaxis(places, -1, 0), (width, height), strict=True)
    )
    left, top = x.astype(int), y.astype(int)
    right_share, below = x - left, y - top
    upper = picture[top, left] * (1 - right_share) + picture[top, left + 1] * right_share
    lower = picture[top + 1, left] * (1 - right_share) + picture[top + 1, left + 1] * right_share
    sampled: NDArray[np.float64] = upper * (1 - below) + lower * below
    return sampled
