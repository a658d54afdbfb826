"""Models by name or by path: shipped ones, runs, and folders that `save_pretrained` wrote."""

from __future__ import annotations

from pathlib import Path

from digitsmith.drawing.model import DigitModel
from digitsmith.errors import CheckpointError
from digitsmith.weights.folder import CONFIG

SHIPPED = Path(__file__).parent.parent / "weights" / "shipped"


def shipped_names() -> list[str]:
    """The models that came with the package."""
    return sorted(path.parent.name for path in SHIPPED.glob(f"*/{CONFIG}"))


def is_model(name_or_path: str | Path) -> bool:
    """Whether `load` would take it for a model: a shipped name, a run, or a folder of weights."""
    folder = Path(name_or_path)
    shipped = isinstance(name_or_path, str) and name_or_path in shipped_names()
    try:
        return shipped or (folder / CONFIG).is_file() or (folder / "run.json").is_file()
    except OSError:  # a name that is too long, a folder that may not be looked into
        return False


def load(name_or_path: str | Path) -> DigitModel:
    """A model by name or by path.

    Args:
        name_or_path: a shipped model's name (`shipped_names`), the folder of a run, or a folder that
            `save_pretrained` wrote. A folder called like a shipped model is reached as "./cgan" or as a Path.

    Raises:
        InputError: it is none of these, or damaged; the message says what is there.
    """
    if isinstance(name_or_path, str) and name_or_path in shipped_names():
        return DigitModel.from_pretrained(SHIPPED / name_or_path)
    folder = Path(name_or_path)
    try:
        if (folder / CONFIG).is_file():
            return DigitModel.from_pretrained(folder)
        if (folder / "run.json").is_file():
            return DigitModel.from_run(folder)
        there = folder.exists()
    except OSError as error:
        raise CheckpointError(f"{name_or_path}: cannot be looked at ({error.strerror})") from None
    what = "holds neither a run nor a saved model" if there else "is no shipped model and no folder"
    raise CheckpointError(f"{name_or_path}: {what}; shipped are {', '.join(shipped_names()) or 'none'}")
