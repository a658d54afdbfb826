"""Reading what a run left: torn logs are taken, damaged ones are refused by line."""

import json

import pytest

from digitsmith.errors import DataError
from digitsmith.training.run_files import read_log, read_run

STEP = {
    "event": "step", "step": 100, "images": 12800, "epoch": 0.213, "loss_d": 1.23, "loss_g": 0.9, "real_score": 0.71,
    "fake_score": 0.31, "variety": 0.93, "images_per_s": 4100.0, "seconds": 3.1,
}  # fmt: skip
WARNING = {"event": "warning", "step": 900, "images": 115200, "kind": "collapse", "message": "too alike"}
END = {"event": "end", "images": 1200000, "seconds": 300.0}
RUN = {
    "format": 1,
    "settings": {"model": "acgan", "epochs": 20.0},
    "data": {
        "source": "mnist",
        "images": 60000,
        "classes": ["0", "1"],
        "shape": [1, 28, 28],
        "fingerprint": "ab",
    },
    "versions": {},
    "machine": {},
}


def log_of(tmp_path, *lines):
    path = tmp_path / "log.jsonl"
    path.write_bytes(b"".join(line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines))
    return path


def test_rows_come_back_in_order(tmp_path):
    note = {"event": "note", "text": "größer"}
    path = log_of(tmp_path, STEP, b"\n", note, b"\n", WARNING, b"\n", END, b"\n")
    assert read_log(path) == [STEP, note, WARNING, END]


@pytest.mark.parametrize("torn", [b'{"event": "st', b'{"event": "gr\xc3', b"\x00\x00\x00", b"{"])
def test_a_torn_last_line_is_dropped(tmp_path, torn):
    assert read_log(log_of(tmp_path, STEP, b"\n", torn)) == [STEP]


def test_a_whole_last_row_counts_without_its_newline(tmp_path):
    assert read_log(log_of(tmp_path, STEP, b"\n", END)) == [STEP, END]


def test_an_empty_log_has_no_rows(tmp_path):
    assert read_log(log_of(tmp_path)) == []


def test_a_value_that_was_not_measured_is_taken(tmp_path):
    rows = read_log(log_of(tmp_path, STEP | {"variety": None, "loss_g": float("nan")}, b"\n"))
    assert rows[0]["variety"] is None


@pytest.mark.parametrize(
    "line",
    [
        b'{"event": "st',
        b"",
        b"[" * 100_000,
        b"[1]",
        json.dumps(STEP | {"event": 3}).encode(),
        json.dumps({key: STEP[key] for key in STEP if key != "variety"}).encode(),
        json.dumps(STEP | {"images": "12800"}).encode(),
        json.dumps(STEP | {"images": float("inf")}).encode(),
        json.dumps(STEP | {"images": -1}).encode(),
        json.dumps(STEP | {"loss_d": True}).encode(),
        json.dumps(STEP | {"loss_d": 10**400}).encode(),
        json.dumps(WARNING | {"kind": None}).encode(),
        json.dumps({"event": "end"}).encode(),
    ],
)
def test_a_damaged_line_is_named(tmp_path, line):
    with pytest.raises(DataError, match=r"log\.jsonl, line 2: .*; restore the file") as caught:
        read_log(log_of(tmp_path, STEP, b"\n", line, b"\n", STEP, b"\n"))
    assert "\n" not in str(caught.value)


def test_a_missing_log_is_refused(tmp_path):
    with pytest.raises(DataError, match="folder of a run"):
        read_log(tmp_path / "log.jsonl")


def test_a_run_comes_back(tmp_path):
    (tmp_path / "run.json").write_text(json.dumps(RUN))
    assert read_run(tmp_path / "run.json") == RUN


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        json.dumps(RUN | {"format": 2}).encode(),
        json.dumps({key: RUN[key] for key in RUN if key != "machine"}).encode(),
        json.dumps(RUN | {"settings": {"model": 3, "epochs": 2}}).encode(),
        json.dumps(RUN | {"settings": {"model": "gan", "epochs": float("nan")}}).encode(),
        json.dumps(RUN | {"data": RUN["data"] | {"shape": [28, 28]}}).encode(),
        json.dumps(RUN | {"data": RUN["data"] | {"classes": "0123"}}).encode(),
        json.dumps(RUN | {"data": RUN["data"] | {"images": None}}).encode(),
        json.dumps(RUN | {"data": RUN["data"] | {"fingerprint": None}}).encode(),
    ],
)
def test_a_damaged_run_is_refused(tmp_path, content):
    (tmp_path / "run.json").write_bytes(content)
    with pytest.raises(DataError, match=r"run\.json"):
        read_run(tmp_path / "run.json")


def test_a_folder_without_a_run_is_refused(tmp_path):
    with pytest.raises(DataError, match="folder of a run"):
        read_run(tmp_path / "run.json")
