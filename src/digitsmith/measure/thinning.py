"""Skeletons by Guo and Hall's thinning, eight images to a byte.

The rule asks of a pixel only which of its eight neighbours are ink, so it is a boolean formula, and a bitwise
operation on packed pixels answers it for all images of a block at once.

Guo, Hall: "Parallel thinning with two-subiteration algorithms", Communications of the ACM 32(3), 1989,
algorithm A1. It keeps every component and never cuts or closes a line; the older rule of Zhang and Suen (1984)
deletes a square of two by two pixels whole.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Bits = NDArray[np.uint8]


def thin(ink: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The skeletons of a block of images.

    Args:
        ink: bool [H, W, N], N a multiple of 8; the first and last row and column are free of ink.

    Returns:
        bool [H, W, N]: lines one pixel wide where there were strokes.
    """
    width, images = ink.shape[1:]
    packed = np.packbits(ink, axis=2)  # [H, W, N / 8]
    bits, column, row = packed.reshape(-1), images // 8, width * images // 8
    # Rows without ink in any image of the block stay without: they are left out.
    inked = np.flatnonzero(ink.any(axis=(1, 2)))
    if len(inked):
        part = bits[(inked[0] - 1) * row : (inked[-1] + 2) * row]
        while _peel(part, column, row, first=True) | _peel(part, column, row, first=False):
            pass
    return np.unpackbits(packed, axis=2).view(np.bool_)


def _peel(bits: Bits, column: int, row: int, *, first: bool) -> bool:
    """One subiteration, in place: takes off what the rule allows; whether that was anything.

    `bits` is flat, so a neighbour's bits are the same array some bytes further on (`column` to the next pixel, `row`
    to the next line). Across the ends of a line that reads the empty margin, and what is empty is never set.
    """
    start, stop = row + column, len(bits) - row - column

    def shifted(dy: int, dx: int) -> Bits:
        by = dy * row + dx * column
        return bits[start + by : stop + by]

    n, ne, e, se = shifted(-1, 0), shifted(-1, 1), shifted(0, 1), shifted(1, 1)
    s, sw, w, nw = shifted(1, 0), shifted(1, -1), shifted(0, -1), shifted(-1, -1)
    # In the paper's numbering: n = p2, then clockwise to nw = p9. One pair of neighbours per corner, twice.
    nw_n, ne_e, se_s, sw_w = nw | n, ne | e, se | s, sw | w
    # C(p) = 1: going round, the ink is met in one stretch.
    gone = _exactly_one(ne_e & ~n, se_s & ~e, sw_w & ~s, nw_n & ~w)
    # 2 <= N(p) <= 3, N(p) being the smaller of the pairs with ink in the two ways to pair: no end, not the inside.
    gone &= _two_or_more(nw_n, ne_e, se_s, sw_w)
    n_ne, e_se, s_sw, w_nw = n | ne, e | se, s | sw, w | nw
    gone &= _two_or_more(n_ne, e_se, s_sw, w_nw)
    gone &= ~(nw_n & ne_e & se_s & sw_w & n_ne & e_se & s_sw & w_nw)
    # Turn about, the pixels of opposite sides.
    gone &= ~((n_ne | ~se) & e) if first else ~((s_sw | ~nw) & w)
    middle = shifted(0, 0)
    gone &= middle
    middle ^= gone
    return bool(gone.any())


def _exactly_one(a: Bits, b: Bits, c: Bits, d: Bits) -> Bits:
    return (a ^ b ^ c ^ d) & ~(a & b | c & d)  # an odd number of them, and not three


def _two_or_more(a: Bits, b: Bits, c: Bits, d: Bits) -> Bits:
    within_a_half: Bits = a & b | c & d
    return within_a_half | (a | b) & (c | d)
