"""How the command line reads values that its library would bend."""

from __future__ import annotations

from collections.abc import Sequence

from cyclopts import Token


def whole(kind: object, tokens: Sequence[Token]) -> int:
    """A whole number as it is written: 1.5 is none, and is not rounded to one."""
    try:
        return int(tokens[0].value)
    except ValueError:
        raise ValueError(
            f"{tokens[0].keyword or 'the count'} must be a whole number, not {tokens[0].value!r}"
        ) from None
