"""Small files in exactly the forms that the named data sets are published in, and a server of such files."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import io
import re
import struct
import tarfile
import threading
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import scipy.io

from digitsmith.data.publication import DataFile


def described(name: str, content: bytes, *addresses: str, member: str = "") -> DataFile:
    """The catalogue's line on a file of this content."""
    return DataFile(name, len(content), hashlib.sha256(content).hexdigest(), addresses, member)


def idx(array: np.ndarray) -> bytes:
    """A gzipped IDX file."""
    head = struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape)
    return gzip.compress(head + array.astype(np.uint8).tobytes(), mtime=0)


def libsvm(values: np.ndarray, labels: np.ndarray) -> bytes:
    """bzip2 text rows of [N, 256] values."""
    rows = (
        " ".join([str(label), *(f"{i}:{value:.6g}" for i, value in enumerate(row, 1))]) + " "
        for row, label in zip(values, labels, strict=True)
    )
    return bz2.compress("\n".join(rows).encode() + b"\n")


def mat(**arrays: np.ndarray) -> bytes:
    """A compressed MAT-file of level 5, by SciPy."""
    out = io.BytesIO()
    scipy.io.savemat(out, arrays, do_compression=True)
    return out.getvalue()


def tar_gz(members: Mapping[str, bytes], *, links: Mapping[str, str] | None = None) -> bytes:
    """A .tar.gz of files, and of symbolic links to paths."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        for name, target in (links or {}).items():
            link = tarfile.TarInfo(name)
            link.type, link.linkname = tarfile.SYMTYPE, target
            archive.addfile(link)
        for name, content in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return out.getvalue()


def zipped(members: Mapping[str, bytes]) -> bytes:
    """A .zip of files."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return out.getvalue()


@dataclass
class Host:
    """A server on this machine: what it has, how it misbehaves, and what it was asked for.

    Attributes:
        files: path -> content.
        ranges: whether it honours Range.
        cut_at: path -> after how many bytes of an answer it breaks off, once each.
        redirect: whether it sends everyone back to where they are.
        instead: (status, type, content) of every answer, of no announced length; None: the files.
        asked: (path, Range or "") of each request.
    """

    files: dict[str, bytes] = field(default_factory=dict)
    ranges: bool = True
    cut_at: dict[str, list[int]] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)
    redirect: bool = False
    instead: tuple[int, str, bytes] | None = None
    address: str = ""

    def put(self, name: str, content: bytes) -> str:
        """Serves `content`; its address."""
        self.files[f"/{name}"] = content
        return f"{self.address}/{name}"


@contextmanager
def serving() -> Iterator[Host]:
    """A `Host`, up for the block."""
    host = Host()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = self.headers.get("Range", "")
            host.asked.append((self.path, asked))
            if host.redirect:
                self.send_response(302)
                self.send_header("Location", self.path)
                self.end_headers()
                return
            if host.instead is not None:
                status, kind, page = host.instead
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.end_headers()
                self.wfile.write(page)
                return
            content = host.files.get(self.path)
            if content is None:
                self.send_error(404)
                return
            begin = int(match[1]) if host.ranges and (match := re.match(r"bytes=(\d+)-", asked)) else 0
            if begin >= len(content):
                self.send_error(416)
                return
            self.send_response(206 if begin else 200)
            if begin:
                self.send_header("Content-Range", f"bytes {begin}-{len(content) - 1}/{len(content)}")
            self.send_header("Content-Length", str(len(content) - begin))
            self.end_headers()
            cuts = host.cut_at.get(self.path, [])
            self.wfile.write(content[begin:][: cuts.pop(0) if cuts else None])

        def log_message(self, *about: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    host.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield host
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
