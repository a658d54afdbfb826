"""What a training run leaves behind as text: `run.json` (what was trained) and `log.jsonl` (how it went)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from digitsmith.errors import DataError

RUN_FORMAT = 1

# What the figures and the page need of each kind of row. Rows of other events are passed on as they are.
_NUMBERS = {
    "step": ("step", "images", "epoch", "seconds"),
    "warning": ("step", "images"),
    "end": ("images", "seconds"),
}
_MEASURED = ("loss_d", "loss_g", "real_score", "fake_score", "variety", "images_per_s")  # null: not measured
_TEXTS = {"warning": ("kind", "message")}


def read_log(path: Path) -> list[dict[str, Any]]:
    """The rows of a run's `log.jsonl`, in order: `step`, `warning`, `end` and whatever else was logged.

    A run that was killed may have left half a row at the end, without its newline: that one is dropped.
    Everything else has to be right. A measured value (a loss, a score) may be null or NaN.

    Raises:
        DataError: the file is missing, or a line is no row; the message names the line.
    """
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as problem:
        raise DataError(f"{path}: cannot be read ({problem.strerror}); is this the folder of a run?") from None
    rows = []
    for number, line in enumerate(lines, start=1):
        last = number == len(lines)  # what follows the last newline: nothing, or a torn row
        if last and not line:
            break
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            if last:
                break
            raise DataError(f"{path}, line {number}: not JSON; restore the file or remove the line") from None
        _check_row(row, where=f"{path}, line {number}")
        rows.append(row)
    return rows


def rows_until(path: Path, step: int) -> list[dict[str, Any]]:
    """The rows that a run resumed after `step` keeps: those up to it, without an `end`; [] for no log yet."""
    rows = read_log(path) if path.exists() else []
    return [row for row in rows if row["event"] != "end" and row["step"] <= step]


def _check_row(row: Any, *, where: str) -> None:
    if not isinstance(row, dict) or not isinstance(row.get("event"), str):
        raise DataError(f'{where}: a row must be an object with an "event"; restore the file or remove the line')
    event = row["event"]
    for key in _NUMBERS.get(event, ()):
        if not _is_amount(row.get(key)):
            raise DataError(f'{where}: a {event} row needs the number "{key}"; restore the file or remove the line')
    for key in _MEASURED if event == "step" else ():
        if key not in row or not (row[key] is None or _is_number(row[key])):
            raise DataError(f'{where}: a step row needs "{key}", a number or null; restore the file or remove the line')
    for key in _TEXTS.get(event, ()):
        if not isinstance(row.get(key), str):
            raise DataError(f'{where}: a {event} row needs the text "{key}"; restore the file or remove the line')


def _is_number(value: Any) -> bool:
    """A float, NaN and infinity included, or an integer that fits into 64 bits."""
    return isinstance(value, float) or (type(value) is int and abs(value) < 2**63)


def _is_amount(value: Any) -> bool:
    """A number that counts something: neither negative nor NaN nor infinite."""
    return _is_number(value) and 0 <= value < 2**63


def read_run(path: Path) -> dict[str, Any]:
    """A run's `run.json`: its `settings`, `data`, `versions` and `machine`.

    Raises:
        DataError: missing, not JSON, of another format, or without one of the parts the page shows.
    """
    try:
        run = json.loads(path.read_bytes())
    except OSError as problem:
        raise DataError(f"{path}: cannot be read ({problem.strerror}); is this the folder of a run?") from None
    except (ValueError, RecursionError):
        raise DataError(f"{path}: not JSON; restore the file") from None
    if not isinstance(run, dict) or run.get("format") != RUN_FORMAT:
        raise DataError(f"{path}: not a run of format {RUN_FORMAT}; read it with the digitsmith that wrote it")
    for part in ("settings", "data", "versions", "machine"):
        if not isinstance(run.get(part), dict):
            raise DataError(f'{path}: "{part}" is missing or no object; restore the file')
    settings = run["settings"]
    if not isinstance(settings.get("model"), str) or not _is_amount(settings.get("epochs")):
        raise DataError(f'{path}: "settings" must name the "model" and its "epochs"; restore the file')
    data = run["data"]
    shape, classes = data.get("shape"), data.get("classes")
    if not (isinstance(shape, list) and len(shape) == 3 and all(type(n) is int and 0 < n <= 4096 for n in shape)):
        raise DataError(f'{path}: "data" needs the image "shape" [channels, height, width]; restore the file')
    if not (isinstance(classes, list) and all(isinstance(name, str) for name in classes)):
        raise DataError(f'{path}: "data" needs its "classes", a list of names; restore the file')
    if not isinstance(data.get("source"), str) or not isinstance(data.get("fingerprint"), str):
        raise DataError(f'{path}: "data" needs its "source" and its "fingerprint"; restore the file')
    if not _is_amount(data.get("images")):
        raise DataError(f'{path}: "data" needs its number of "images"; restore the file')
    more = data.get("unlabelled", {"source": "", "images": 0, "fingerprint": ""})  # most runs have none
    texts = isinstance(more, dict) and all(isinstance(more.get(key), str) for key in ("source", "fingerprint"))
    if not texts or not _is_amount(more.get("images")):
        raise DataError(
            f'{path}: "unlabelled" of "data" needs its "source", number of "images" and "fingerprint"; restore the file'
        )
    return run
