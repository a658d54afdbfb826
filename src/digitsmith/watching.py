"""Who is told how far long work is that any room may start: a line on stderr, or whatever the command line shows."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

Watch = Callable[[str, int], AbstractContextManager[Callable[[int], None]]]
"""Told what is under way and its bytes in all, for as long as it takes; what it gives is called with the bytes done."""

_MEGABYTE = 1_000_000


@contextmanager
def one_line(title: str, total: int) -> Iterator[Callable[[int], None]]:
    """A line when it begins, and silence after it: for scripts, notebooks and logs."""
    print(f"digitsmith: {title} ({megabytes(total)})", file=sys.stderr)
    yield lambda done: None


_watch: list[Watch] = [one_line]


def watch_with(watch: Watch) -> Watch:
    """From now on `watch` is told, in this process; returns who was until now."""
    before, _watch[0] = _watch[0], watch
    return before


def watched(title: str, total: int) -> AbstractContextManager[Callable[[int], None]]:
    """For the work in the block: call what it gives with the bytes done so far, of `total`."""
    return _watch[0](title, total)


def megabytes(count: int) -> str:
    """A number of bytes for people: "0.1 MB", "170 MB"."""
    return f"{count / _MEGABYTE:.0f} MB" if count >= 10 * _MEGABYTE else f"{count / _MEGABYTE:.1f} MB"
