"""`digitsmith datasets`: the data sets that have names, and fetching one ahead of its use. `cli.py` registers it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from digitsmith.errors import ConfigError

if TYPE_CHECKING:
    from digitsmith.data.publication import NamedData

_SPLITS = {"train": "training", "test": "test"}

datasets = App(
    name="datasets", help="The data sets that --data takes by name: list them, or fetch one ahead of its use."
)


def transfer_bar(title: str, total: int) -> AbstractContextManager[Callable[[int], None]]:
    """What `watching.watch_with` is given for commands; the console is loaded when there is something to show."""
    from digitsmith.console import transferring

    return transferring(title, total)


@datasets.default
def list_datasets() -> None:
    """List the data sets that have names: their images, whether they are here, what a download takes, their licence."""
    from digitsmith.console import plain_table, summary
    from digitsmith.data.catalogue import CATALOGUE
    from digitsmith.data.library import DATASETS, is_cached
    from digitsmith.storage import cache_folder
    from digitsmith.watching import megabytes

    rows = [
        ("mnist", "60,000 + 10,000", "28x28", "10", "inside", "handwritten digits, gray", "CC BY-SA 3.0"),
        (
            "stacked-mnist",
            "128,000 + 25,600",
            "28x28",
            "1000",
            "inside",
            "three digits of mnist as colour",
            "CC BY-SA 3.0",
        ),
    ]
    for data in CATALOGUE.values():
        _, height, width = data.image_shape
        here = "yes" if is_cached(data) else f"no ({megabytes(data.download_size)})"
        images = " + ".join(f"{data.counts[split]:,}" for split in _SPLITS)
        rows.append((data.name, images, f"{width}x{height}", str(len(data.classes)), here, data.about, data.licence))
    plain_table(("name", "train + test", "size", "classes", "here", "images", "licence"), rows)
    summary([("fetch one", "digitsmith datasets fetch NAME"), ("kept in", cache_folder() / DATASETS)])


Name = Annotated[str, Parameter(help="one that `digitsmith datasets` lists")]


@datasets.command
def fetch(name: Name) -> None:
    """Fetch a data set into the cache, so that no network is needed later; what is there already is checked."""
    from digitsmith.console import summary
    from digitsmith.data.library import fetch as fetch_data

    data = _of_catalogue(name)
    folder = fetch_data(data)
    counts = " and ".join(f"{data.counts[split]:,} {word} images" for split, word in _SPLITS.items())
    summary(
        [
            (name, f"{counts}; every checksum is right"),
            ("folder", folder),
            ("licence", data.licence),
            ("cite", data.citation),
            ("next", f"digitsmith train --data {name}"),
        ]
    )


@datasets.command
def files(name: Name) -> None:
    """List what a data set is fetched as: addresses, bytes, SHA-256, and the place to put each for use offline."""
    from digitsmith.console import summary
    from digitsmith.data.library import folder_of

    data = _of_catalogue(name)
    for file in data.downloads:
        summary(
            [
                ("put at", folder_of(data) / file.name),
                *(("from", address) for address in file.addresses),
                ("bytes", f"{file.size:,}"),
                ("SHA-256", file.sha256),
            ]
        )


def _of_catalogue(name: str) -> NamedData:
    from digitsmith.data.catalogue import CATALOGUE
    from digitsmith.data.reading import KNOWN

    if name not in CATALOGUE:
        trouble = "is inside the package; there is nothing to fetch" if name in KNOWN else "is no data set of this list"
        raise ConfigError(f"{name!r} {trouble}; fetched are {', '.join(CATALOGUE)}")
    return CATALOGUE[name]
