"""The Inception weights are found, fetched and refused, with a small server and a small file in their places."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from digitsmith.errors import CheckpointError, DigitsmithError, InputError
from digitsmith.measure import inception_weights
from digitsmith.measure.inception_weights import NAME, SHA256, find_inception_weights, read_inception_weights

CONTENT = bytes(range(256)) * 9000  # more than two blocks
DIGEST = hashlib.sha256(CONTENT).hexdigest()


class Server(ThreadingHTTPServer):
    requests = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Answer(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self.server.requests += 1
        bodies = {"/whole": CONTENT, "/cut": CONTENT[:-1], "/longer": CONTENT + bytes(1000), "/other": CONTENT[::-1]}
        body = bodies.get(self.path)
        if body is None:
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(max(len(body), len(CONTENT))))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Silence."""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with Server(("127.0.0.1", 0), Answer) as server:
        threading.Thread(target=server.serve_forever, args=[0.01], daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def cached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The weights' place in a cache of its own, where the file `CONTENT` is the published one."""
    monkeypatch.setenv("DIGITSMITH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(inception_weights, "SHA256", DIGEST)
    return tmp_path / "cache" / NAME


def download(url: str, target: Path, received: list[int] | None = None) -> Path:
    on_progress = None if received is None else received.append
    return inception_weights._download(url, target, sha256=DIGEST, size=len(CONTENT), on_progress=on_progress)


def refusal(caught: pytest.ExceptionInfo[DigitsmithError]) -> str:
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_the_digest_begins_as_the_name_says() -> None:
    assert len(SHA256) == 64
    assert NAME.endswith(f"-{SHA256[:8]}.pth")


def test_download_brings_the_file_once(server: Server, cached: Path) -> None:
    received: list[int] = []
    assert download(f"{server.url}/whole", cached, received) == cached
    assert cached.read_bytes() == CONTENT
    assert received == sorted(set(received))
    assert received[-1] == len(CONTENT)
    assert len(received) >= 3
    download(f"{server.url}/whole", cached)
    assert server.requests == 1


def test_the_published_address_and_digest_are_asked_for(cached: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []
    monkeypatch.setattr(inception_weights, "_download", lambda *args, **settings: asked.extend([args, settings]))
    inception_weights.download_inception_weights()
    address = f"https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights/{NAME}"
    assert asked == [(address, cached), {"sha256": DIGEST, "size": 95_628_359, "on_progress": None}]


@pytest.mark.parametrize("path", ["cut", "longer", "other"])
def test_another_file_never_takes_the_name(server: Server, cached: Path, path: str) -> None:
    with pytest.raises(DigitsmithError, match=r"SHA-256 differs|IncompleteRead") as caught:
        download(f"{server.url}/{path}", cached)
    assert f"{server.url}/{path}: " in refusal(caught)
    assert "--inception-weights PATH" in refusal(caught)
    assert not cached.parent.exists()


def test_no_more_is_received_than_the_file_has(server: Server, cached: Path) -> None:
    received: list[int] = []
    with pytest.raises(DigitsmithError):
        download(f"{server.url}/longer", cached, received)
    assert received[-1] == len(CONTENT) + 1


def test_a_server_that_has_no_such_file(server: Server, cached: Path) -> None:
    with pytest.raises(DigitsmithError, match=r"cannot be downloaded \(HTTP Error 404: Not Found\)") as caught:
        download(f"{server.url}/none", cached)
    assert "try again" in refusal(caught)


def test_no_network(server: Server, cached: Path) -> None:
    url = f"{server.url}/whole"
    server.shutdown()
    server.server_close()
    with pytest.raises(DigitsmithError, match="cannot be downloaded") as caught:
        download(url, cached)
    assert "refused" in refusal(caught)
    assert "urlopen" not in refusal(caught)


def test_a_damaged_file_in_the_cache_is_fetched_again(server: Server, cached: Path) -> None:
    cached.parent.mkdir()
    cached.write_bytes(CONTENT[:100])
    assert find_inception_weights() is None
    download(f"{server.url}/whole", cached)
    assert find_inception_weights() == cached
    assert list(cached.parent.iterdir()) == [cached]


def test_a_cache_that_cannot_be_written(server: Server, cached: Path) -> None:
    cached.parent.write_bytes(b"a file where the folder should be")
    assert find_inception_weights() is None
    with pytest.raises(InputError, match="is a file, not a folder"):
        download(f"{server.url}/whole", cached)


def test_nothing_is_found_in_an_empty_cache(cached: Path) -> None:
    assert find_inception_weights() is None


def test_a_named_file_is_taken_wherever_it_lies(cached: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.pth"
    copy.write_bytes(CONTENT)
    assert find_inception_weights(copy) == copy


@pytest.mark.parametrize("look", [find_inception_weights, read_inception_weights])
def test_a_named_file_that_is_missing_or_another_is_refused(look: object, cached: Path, tmp_path: Path) -> None:
    assert callable(look)
    other = tmp_path / "other.pth"
    other.write_bytes(CONTENT[::-1])
    for path, reason in [
        (tmp_path / "none.pth", "cannot be read"),
        (tmp_path, "cannot be read"),
        (other, "SHA-256 differs"),
    ]:
        with pytest.raises(CheckpointError, match=reason) as caught:
            look(path)
        assert refusal(caught).startswith(f"{path}: ")
        assert refusal(caught).endswith("--download-inception (96 MB), or name a copy with --inception-weights PATH")
