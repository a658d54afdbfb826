"""The README.md of a data set: a page for people whose YAML head tells `datasets` where the images are."""

from __future__ import annotations

import json
from collections.abc import Sequence

from digitsmith.drawing.writers.interface import Shape

_IMAGES = {"png": "*/*.png", "parquet": "data/train-*.parquet"}
# Left to itself, `datasets` ignores the folders' names where there is only one.
_LABELS = {"png": "  drop_labels: false\n", "parquet": ""}

CARD_FORMATS = frozenset(_IMAGES)


def data_card(*, format: str, classes: Sequence[str], counts: Sequence[int], shape: Shape, styled: bool = False) -> str:
    """The card of a data set of `format` png or parquet; `counts` has the images of each class, `styled` is whether
    there is a styles.csv.

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
    styles = "\nThe thickness, slant, width and height asked of each are in `styles.csv`." if styled else ""
    return f"""\
---
task_categories:
- image-classification
tags:
- synthetic
- handwriting
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

# Handwriting drawn by digitsmith

{sum(counts)} {colour} images of {width} × {height} pixels, each drawn by a generative network for the label
it carries; nobody wrote them by hand. How they were asked for is in `manifest.json`.{styles}

```python
from datasets import load_dataset

digits = load_dataset("path/to/this/folder", split="train")
```

| class | images |
|---|---|
{rows}
"""
