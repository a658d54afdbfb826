"""Drawing in threads: the same bytes in the same order, errors in their place, nothing left running."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from digitsmith.drawing.loading import load
from digitsmith.drawing.making import make
from digitsmith.drawing.model import CHUNK, DigitModel
from digitsmith.drawing.workers import in_order

LABELS = np.arange(9 * CHUNK + 11) % 10


@pytest.fixture(scope="module")
def model() -> DigitModel:
    return load("cgan")


def workers() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("digitsmith")]


# --- the same bytes


def drawn(model: DigitModel, threads: int) -> bytes:
    return b"".join(images.tobytes() for images, _ in model.draw_chunks(LABELS, seed=4, threads=threads))


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_threads_do_not_change_a_byte(model: DigitModel, threads: int) -> None:
    one_by_one = b"".join(
        model.draw(LABELS[start : start + CHUNK], seed=4, start=start).tobytes()  # one pass: without a thread
        for start in range(0, len(LABELS), CHUNK)
    )
    assert drawn(model, threads) == one_by_one


def test_labels_come_with_their_images(model: DigitModel) -> None:
    chunks = list(model.draw_chunks(LABELS, threads=3))
    assert np.array_equal(np.concatenate([labels for _, labels in chunks]), LABELS)
    assert [len(images) for images, _ in chunks] == [CHUNK] * 9 + [11]


# --- in order


def test_results_keep_the_order_of_their_items() -> None:
    slow_first = threading.Event()

    def work(item: int) -> int:
        if item == 0:
            assert slow_first.wait(30)
        elif item == 3:
            slow_first.set()  # by the other thread: item 0 ends after items 1 to 3
        return item * item

    assert list(in_order(work, range(20), threads=2)) == [item * item for item in range(20)]
    assert list(in_order(work, [], threads=2)) == []


def test_only_a_little_is_done_ahead() -> None:
    taken: list[int] = []

    def items() -> Iterator[int]:
        for item in range(10**9):
            taken.append(item)
            yield item

    results = in_order(lambda item: item, items(), threads=2)
    for asked in range(1, 50):
        next(results)
        assert len(taken) <= asked + 4
    results.close()  # type: ignore[attr-defined]
    assert not workers()


def test_an_error_comes_out_in_its_place_and_ends_the_threads() -> None:
    def work(item: int) -> int:
        if item == 5:
            raise ValueError("five")
        return item

    got = []
    with pytest.raises(ValueError, match="five"):
        for result in in_order(work, range(100), threads=2):
            got.append(result)  # noqa: PERF402
    assert got == [0, 1, 2, 3, 4]
    assert not workers()


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_whoever_stops_asking_leaves_nothing_running(
    model: DigitModel, tmp_path: Path, error: type[BaseException]
) -> None:
    def stop(done: int) -> None:
        if done > 2 * CHUNK:
            raise error

    with pytest.raises(error):
        make(50 * CHUNK, out=tmp_path / "set", model=model, format="idx", on_progress=stop)
    assert not workers()
    assert list(tmp_path.iterdir()) == []


def test_a_data_set_is_the_same_from_one_thread_and_from_many(
    model: DigitModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for cores in (1, 4):
        monkeypatch.setattr("digitsmith.drawing.model.available_cores", lambda cores=cores: cores)
        make(5 * CHUNK + 3, out=tmp_path / str(cores), model=model, format="png")
    one, four = (
        {path.relative_to(root): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}
        for root in (tmp_path / "1", tmp_path / "4")
    )
    assert one == four
    assert len(one) > 5 * CHUNK
