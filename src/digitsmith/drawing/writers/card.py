"""The README.md of a data set: a page for people whose YAML head tells `datasets` where the images are."""

from __future__ import annotations

import json
from collections.abc import Sequence

from digitsmith.drawing.writers.interface import Shape

_IMAGES = {"png": "*/*.png", "parquet": "data/train-*.parquet"}
# Left to itself, `datasets` ignores the folders' names where there is only one.
_LABELS = {"png": "  drop_labels: false\n", "parquet": ""}

CARD_FORMATS = frozenset(_IMAGES)


def data_card(
    *,
    format: str,
    classes: Sequence[str],
    counts: Sequence[int],
    shape: Shape,
    styled: bool = False,
    handwriting: bool = True,
    origin: str = "",
    origin_tag: str = "augmented",
) -> str:
    """The card of a data set of `format` png or parquet; `counts` has the images of each class, `styled` is whether
    there is a styles.csv, `handwriting` whether they are that and not, say, clothes, `origin` where they come from, if
    not all were drawn, and `origin_tag` the same in a word.

    The head names the image files, so that `datasets` does not take manifest.json for data, and the classes
    in their order, as `datasets` would number folders by alphabet.
    """
    # JSON strings are YAML strings, whatever a class is called
    names = "\n".join(
        f"          '{label}': {json.dumps(name, ensure_ascii=False)}" for label, name in enumerate(classes)
    )
    rows = "\n".join(
        f"| {name.replace('|', '&#124;')} | {count} |" for name, count in zip(classes, counts, strict=True)
    )
    channels, height, width = shape
    colour = "gray" if channels == 1 else "colour"
    title, disclaimer = (
        ("Handwriting", "nobody wrote them by hand") if handwriting else ("Images", "they show nothing that exists")
    )
    tags = f"- {origin_tag}" if origin else "- synthetic"
    tags += "\n- handwriting" if handwriting else ""
    title = f"{title} {'prepared' if origin else 'drawn'} by digitsmith"
    made = f", each drawn by a generative network for the label\nit carries; {disclaimer}. How they were asked for"
    made = f": {origin}. More" if origin else made
    styles = "\nThe thickness, slant, width and height asked of each are in `styles.csv`." if styled else ""
    return f"""\
---
task_categories:
- image-classification
tags:
{tags}
configs:
- config_name: default
  data_files:
  - split: train
    path: "{_IMAGES[format]}"
{_LABELS[format]}  features:
  - name: image
    dtype: image
  - name: label
    dtype:
      class_label:
        names:
{names}
---

# {title}

{sum(counts)} {colour} images of {width} × {height} pixels{made} is in `manifest.json`.{styles}

```python
from datasets import load_dataset

images = load_dataset("path/to/this/folder", split="train")
```

| class | images |
|---|---|
{rows}
"""
