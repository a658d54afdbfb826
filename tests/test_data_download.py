"""Downloads: resumed, checked, from one address after the other; against a server on this machine."""

import socket
from collections import namedtuple

import numpy as np
import pytest

from digitsmith import watching
from digitsmith.data import download as room
from digitsmith.data.download import download
from digitsmith.errors import DigitsmithError, StorageError
from published_files import described, serving

CONTENT = np.random.default_rng(0).bytes(300_000)
OTHER = bytes(300_000)


@pytest.fixture
def host(monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with serving() as host:
        yield host


@pytest.fixture
def dead():
    """An address where no one listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}/data.bin"


def brought(folder, *addresses):
    return download(described("data.bin", CONTENT, *addresses), folder, wanted_by="some-data").read_bytes()


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_file_is_brought_under_its_name_and_nothing_else_is_left(host, tmp_path):
    assert brought(tmp_path / "new", host.put("data.bin", CONTENT)) == CONTENT
    assert names(tmp_path / "new") == ["data.bin"]


def test_a_transfer_that_breaks_off_goes_on_where_it_was(host, tmp_path):
    address = host.put("data.bin", CONTENT)
    host.cut_at["/data.bin"] = [100_000, 50_000]
    assert brought(tmp_path, address) == CONTENT
    assert [asked for _, asked in host.asked] == ["", "bytes=100000-", "bytes=150000-"]


def test_what_an_earlier_process_left_is_not_fetched_again(host, tmp_path):
    (tmp_path / "data.bin.part").write_bytes(CONTENT[:200_000])
    assert brought(tmp_path, host.put("data.bin", CONTENT)) == CONTENT
    assert host.asked == [("/data.bin", "bytes=200000-")]


def test_a_part_that_is_whole_needs_no_network(host, tmp_path, dead):
    (tmp_path / "data.bin.part").write_bytes(CONTENT)
    assert brought(tmp_path, dead) == CONTENT


def test_a_server_without_ranges_sends_it_all_again(host, tmp_path):
    (tmp_path / "data.bin.part").write_bytes(OTHER[:200_000])
    host.ranges = False
    assert brought(tmp_path, host.put("data.bin", CONTENT)) == CONTENT
    assert len(host.asked) == 1


def test_nothing_old_stays_behind_what_a_server_without_ranges_sent(host, tmp_path):
    (tmp_path / "data.bin.part").write_bytes(OTHER[:200_000])
    host.ranges, host.cut_at["/data.bin"] = False, [100_000]
    with pytest.raises(DigitsmithError, match="broke off after 100,000"):
        brought(tmp_path, host.put("data.bin", CONTENT))
    assert (tmp_path / "data.bin.part").read_bytes() == CONTENT[:100_000]


def test_a_part_of_another_file_is_thrown_away(host, tmp_path):
    (tmp_path / "data.bin.part").write_bytes(OTHER[:200_000])
    assert brought(tmp_path, host.put("data.bin", CONTENT)) == CONTENT
    assert [asked for _, asked in host.asked] == ["bytes=200000-", ""]


def test_a_part_that_is_too_long_is_thrown_away(host, tmp_path):
    (tmp_path / "data.bin.part").write_bytes(CONTENT + b"more")
    assert brought(tmp_path, host.put("data.bin", CONTENT)) == CONTENT
    assert host.asked == [("/data.bin", "")]


def test_a_range_beyond_a_shorter_file_is_another_file(host, tmp_path):
    (tmp_path / "data.bin.part").write_bytes(CONTENT[:200_000])
    with pytest.raises(DigitsmithError, match="has 1,000 bytes, not 300,000"):
        brought(tmp_path, host.put("data.bin", CONTENT[:1000]))


@pytest.mark.parametrize(
    ("instead", "answer"),
    [
        ((200, "text/html; charset=utf-8", b"<html>please log in</html>"), "answered with a page, not with a file"),
        ((204, "text/plain", b""), "HTTP 204 No Content"),
        ((416, "text/plain", b""), "HTTP 416 Requested Range Not Satisfiable"),
    ],
)
def test_what_is_no_file_leaves_what_had_arrived(host, tmp_path, instead, answer):
    (tmp_path / "data.bin.part").write_bytes(CONTENT[:200_000])
    address, host.instead = host.put("data.bin", CONTENT), instead
    with pytest.raises(DigitsmithError, match=answer) as failed:
        brought(tmp_path, address)
    assert "\n" not in str(failed.value) and (tmp_path / "data.bin.part").read_bytes() == CONTENT[:200_000]
    host.instead = None
    assert brought(tmp_path, address) == CONTENT and host.asked[-1] == ("/data.bin", "bytes=200000-")


def test_what_a_host_says_is_told_on_one_line(host, tmp_path):
    address = host.put("data.bin", CONTENT)
    host.redirect = True
    with pytest.raises(DigitsmithError) as failed:
        brought(tmp_path, address)
    assert "infinite loop" in str(failed.value) and "\n" not in str(failed.value)


@pytest.mark.parametrize(
    ("first", "answer"),
    [(OTHER, "brought another file"), (CONTENT[:-1], "has 299,999 bytes, not 300,000"), (None, "HTTP 404 Not Found")],
)
def test_the_next_address_is_tried_where_one_has_not_the_file(host, tmp_path, first, answer):
    one = host.put("one.bin", first) if first is not None else f"{host.address}/one.bin"
    two = host.put("two.bin", CONTENT)
    with pytest.raises(DigitsmithError) as failed:
        brought(tmp_path / "first", one)
    assert answer in str(failed.value)
    assert brought(tmp_path / "both", one, two) == CONTENT


def test_a_dead_host_costs_nothing_but_its_turn(host, tmp_path, dead):
    assert brought(tmp_path, dead, host.put("data.bin", CONTENT)) == CONTENT


def test_the_error_is_one_line_with_every_address_and_what_to_do_without_a_network(host, tmp_path, dead):
    wrong = host.put("wrong.bin", OTHER)
    file = described("data.bin", CONTENT, dead, wrong)
    with pytest.raises(DigitsmithError) as failed:
        download(file, tmp_path, wanted_by="some-data")
    message = str(failed.value)
    assert message.startswith("some-data: data.bin cannot be downloaded (") and "\n" not in message
    assert f"{dead}: Connection refused; {wrong}: brought another file" in message
    assert f"(300,000 bytes, SHA-256 {file.sha256}) at {tmp_path / 'data.bin'}; " in message
    assert names(tmp_path) == []


def test_what_came_before_every_address_failed_waits_for_the_next_time(host, tmp_path):
    address = host.put("data.bin", CONTENT)
    host.cut_at["/data.bin"] = [100_000, 0]
    with pytest.raises(DigitsmithError, match="broke off after 100,000 of 300,000 bytes"):
        brought(tmp_path, address)
    assert names(tmp_path) == ["data.bin.part"]
    assert brought(tmp_path, address) == CONTENT
    assert host.asked[-1] == ("/data.bin", "bytes=100000-")


def test_a_disk_without_room_is_noticed_before_the_transfer(host, tmp_path, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(room.shutil, "disk_usage", lambda path: usage(10**6, 10**6 - 1000, 1000))
    with pytest.raises(StorageError, match=r"has 0\.0 MB free, and data\.bin needs 0\.3 MB"):
        brought(tmp_path, host.put("data.bin", CONTENT))
    assert host.asked == []


def test_a_proxy_of_the_environment_is_asked(host, tmp_path, monkeypatch):
    host.files["http://data.invalid/data.bin"] = CONTENT
    monkeypatch.setenv("http_proxy", host.address)
    assert brought(tmp_path, "http://data.invalid/data.bin") == CONTENT


def test_progress_counts_to_the_end(host, tmp_path):
    told = []

    class Watch:
        def __init__(self, title, total):
            told.append((title, total))

        def __enter__(self):
            return told.append

        def __exit__(self, *error):
            pass

    before = watching.watch_with(Watch)
    try:
        brought(tmp_path, host.put("data.bin", CONTENT))
    finally:
        watching.watch_with(before)
    assert told[0] == ("some-data: data.bin from 127.0.0.1", 300_000)
    assert told[-1] == 300_000 and told[1:] == sorted(told[1:])


def test_without_a_console_a_download_is_one_line_on_stderr(host, tmp_path, capsys):
    brought(tmp_path, host.put("data.bin", CONTENT))
    out, err = capsys.readouterr()
    assert (out, err) == ("", "digitsmith: some-data: data.bin from 127.0.0.1 (0.3 MB)\n")
