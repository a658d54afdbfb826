"""Work that goes on in threads ahead of whoever takes its results, in order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

_AHEAD = 2  # results that each thread may have waiting: enough to bridge a slow write, and little memory


def in_order(work: Callable[[Item], Result], items: Iterable[Item], *, threads: int) -> Iterator[Result]:
    """`work` of every item, in the items' order, done by `threads` threads ahead of the one that asks for it.

    What `work` raises comes out in its item's place. When the one that asks stops asking (an exception of its own,
    Ctrl-C, a closed iterator), what was not begun is dropped and what was begun is waited for.
    """
    waiting: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(threads, thread_name_prefix="digitsmith") as pool:
        try:
            for item in items:
                waiting.append(pool.submit(work, item))
                if len(waiting) > _AHEAD * threads:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
