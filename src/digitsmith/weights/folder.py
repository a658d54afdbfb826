"""A generator as a folder in Hugging Face's layout: config.json, model.safetensors, README.md (model card)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from digitsmith.config import STYLED_MODELS, UNCONDITIONAL_MODELS
from digitsmith.errors import CheckpointError
from digitsmith.storage import write_bytes_atomically, write_json_atomically
from digitsmith.style import table_rows

Weights = dict[str, NDArray[Any]]  # C-contiguous, by the names of the PyTorch module's state dict

FORMAT = 1
CONFIG, WEIGHTS, CARD = "config.json", "model.safetensors", "README.md"
# Of the data sets that state one which hubs know by a short name.
_LICENCES = {
    "mnist": "cc-by-sa-3.0",
    "stacked-mnist": "cc-by-sa-3.0",
    "fashion-mnist": "mit",
    "kmnist": "cc-by-sa-4.0",
}
_MOST_NAMES = 100  # of classes, listed on a card; stacked MNIST has 1000


@dataclass(frozen=True)
class GeneratorConfig:
    """What has to be known to build a generator and to say where it came from.

    Attributes:
        model: the architecture's name.
        image_shape: (C, H, W).
        classes: the name of each label.
        weights_sha256: of the tensors (`weights_checksum`), whatever file they lie in.
        training: settings, data, images seen and versions, as recorded; for people and manifests. Where the weights
            were measured, also `figures`: {"measured_by": a command, "rows": [[name, generated, held out, test], ...]};
            `noise`, where they were changed to draw from noise so many times as wide as in training.
    """

    model: str
    image_shape: tuple[int, int, int]
    classes: tuple[str, ...]
    weights_sha256: str
    training: dict[str, Any] = field(default_factory=dict)


def weights_checksum(weights: Weights) -> str:
    """SHA-256 over names, types, shapes and bytes of all weights, in the order of their names.

    Types are spelled as PyTorch spells them.
    """
    digest = hashlib.sha256()
    for name in sorted(weights):
        array = weights[name]
        digest.update(f"{name} torch.{array.dtype} {list(array.shape)}\n".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def save_folder(folder: Path, config: GeneratorConfig, weights: Weights, *, card: str | None = None) -> None:
    """Write all three files, each atomically; without a `card`, that of a generator.

    The safetensors library orders weights by itself and no metadata is added, so equal weights are equal bytes.

    Raises:
        StorageError: the disk refused.
    """
    from safetensors.numpy import save

    write_bytes_atomically(folder / WEIGHTS, save(weights))
    write_bytes_atomically(folder / CARD, (card or model_card(config)).encode())
    body = {"format": FORMAT, "library_name": "digitsmith"} | asdict(config)
    write_json_atomically(folder / CONFIG, body)


def read_folder(folder: Path) -> tuple[GeneratorConfig, Weights]:
    """What `save_folder` wrote, the weights' checksum verified.

    Raises:
        CheckpointError: a file is missing, damaged, changed, or of another format.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        config = config_from_dict(json.loads((folder / CONFIG).read_bytes()))
        content = (folder / WEIGHTS).read_bytes()
    except OSError as error:
        raise CheckpointError(f"{error.filename}: cannot be read ({error.strerror})") from None
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise CheckpointError(f"{folder / CONFIG}: is not a digitsmith model of format {FORMAT} ({error})") from None
    try:
        weights = load(content)
    except (SafetensorError, KeyError) as error:  # KeyError: of a type that NumPy has not
        raise CheckpointError(f"{folder / WEIGHTS}: is damaged ({error}); get or train it again") from None
    if weights_checksum(weights) != config.weights_sha256:
        raise CheckpointError(f"{folder}: the weights do not match their checksum; get or train them again")
    return config, weights


def config_from_dict(body: Any) -> GeneratorConfig:
    """The inverse of `dataclasses.asdict`; ValueError, KeyError or TypeError where `body` is no such thing."""
    if not isinstance(body, dict) or body.get("format") != FORMAT:
        raise ValueError("no known format number")
    channels, height, width = body["image_shape"]
    if channels not in (1, 3) or not all(type(side) is int and 1 <= side <= 4096 for side in (height, width)):
        raise ValueError(f"no image has the shape {body['image_shape']}")
    return GeneratorConfig(
        model=str(body["model"]),
        image_shape=(channels, height, width),
        classes=tuple(str(name) for name in body["classes"]),
        weights_sha256=str(body["weights_sha256"]),
        training=dict(body["training"]),
    )


def model_card(config: GeneratorConfig) -> str:
    """README.md for a hub: what it draws, from which data, how it was made, what it is not for."""
    settings = config.training.get("settings", {})
    data = config.training.get("data", {})
    channels, height, width = config.image_shape
    conditional = config.model not in UNCONDITIONAL_MODELS
    names = config.classes if len(config.classes) <= _MOST_NAMES else (*config.classes[:3], "...", config.classes[-1])
    asked = list(range(min(3, len(config.classes))))
    drawn = [len(asked), height, width] + ([channels] if channels > 1 else [])
    strokes = data.get("strokes", True)
    subject = ", handwriting" if strokes else ""
    styled = config.model in STYLED_MODELS and settings.get("style") != "none"
    alike = "the same size, the same writers' habits, the same centring" if strokes else "the same size, the same kinds"
    limit = (
        "A share of them is read as another class than the one asked for; measure it before you train on them."
        if conditional
        else "Which class comes out cannot be asked for."
    )
    return f"""---
library_name: digitsmith
license: {licence_of(data)}
tags: [gan, {"conditional" if conditional else "unconditional"}-image-generation{subject}, {config.model}]
---

# {config.model}

Draws {width}x{height} {"gray" if channels == 1 else "colour"} images like those it was trained on, of the classes
{", ".join(names)}. The weights are the exponential moving average of the generator's.

```python
import digitsmith

images = digitsmith.load("./THIS_FOLDER").draw({asked}, seed=0)  # uint8 {drawn}
```
{_style_section(config) if styled else ""}
{training_section(config)}
{_figures_section(config.training.get("figures"))}## Limits

The images look like the training data: {alike}. {limit}
"""


def _style_section(config: GeneratorConfig) -> str:
    """What can be asked for, and whose styles come where nothing is."""
    size = len(config.classes) * table_rows(len(config.classes))
    images = config.training.get("data", {}).get("images", size)
    kept = f"the styles of {size:,} training images, as many of each class"
    if images < size:
        kept = f"{size:,} styles of the {images:,} training images, as many of each class and so some several times"
    return f"""
## Style

Thickness, width and height of a digit in pixels and its slant in degrees can be asked for, each or none:
`draw([2, 0], thickness=3, slant=10)`. They are as Morpho-MNIST defines them, measured on the training images. The
weights carry {kept} (`style_table`); from these comes what is
left out.
"""


def licence_of(data: Mapping[str, Any]) -> str:
    """What a hub calls the licence of the data that a run records; `other` where that is not known."""
    if "unlabelled" in data:  # of another origin
        return "other"
    named, split, _ = str(data.get("source", "")).partition(" (")  # "mnist (train)", but a folder is "mnist"
    return _LICENCES.get(named, "other") if split else "other"


def training_section(config: GeneratorConfig) -> str:
    """Data, settings and checksum, as a card tells them."""
    settings, data = config.training.get("settings", {}), config.training.get("data", {})
    rows = "\n".join(f"| {key.replace('_', ' ')} | {value} |" for key, value in settings.items() if key != "model")
    if "noise" in config.training:
        rows += f"\n| noise, to that of training | {config.training['noise']:g} times as wide |"
    source = data.get("source", "not recorded")
    if "unlabelled" in data:
        source += f" and, without labels, {data['unlabelled']['source']}"
    return f"""## Training

Data: {source}, {data.get("images", "?")} images. Made by `digitsmith train {config.model}`
with these settings:

| setting | value |
|---|---|
{rows}
| images seen | {config.training.get("images_seen", "not recorded")} |

Weights' checksum: `{config.weights_sha256}`
"""


def figure_of(config: GeneratorConfig, name: str) -> str | None:
    """The measured figure of that name as the card shows it, of the generated images; None where it is not there."""
    rows = config.training.get("figures", {}).get("rows", [])
    return next((row[1] for row in rows if row[0].startswith(name)), None)


def figures_table(figures: dict[str, Any]) -> str:
    """What was measured, with its command, as Markdown."""
    rows = "\n".join(f"| {' | '.join(row)} |" for row in figures["rows"])
    return f"""| figure | generated | held-out training images | real test set |
|---|---:|---:|---:|
{rows}

`{figures["measured_by"]}`: nothing was rejected, and beside each figure stands the same of real images."""


def _figures_section(figures: dict[str, Any] | None) -> str:
    """Nothing where nothing was measured."""
    return "" if figures is None else f"## Figures\n\n{figures_table(figures)}\n\n"
