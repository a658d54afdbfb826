"""The model card of a recogniser: what it reads, from how many labels it learned, how it was tested."""

from __future__ import annotations

from typing import Any

from digitsmith.weights.folder import GeneratorConfig, licence_of, training_section


def recogniser_card(config: GeneratorConfig) -> str:
    """README.md for a hub."""
    settings, data = config.training.get("settings", {}), config.training.get("data", {})
    channels, height, width = config.image_shape
    images = f"{width}x{height} {'gray' if channels == 1 else 'colour'} images"
    return f"""---
library_name: digitsmith
license: {licence_of(data)}
tags: [image-classification, semi-supervised, {config.model}]
---

# {config.model}: the recogniser

Reads {images} as one of the classes {", ".join(config.classes)}. It learned from {data.get("images", "?")} images,
of which {settings.get("labelled", "?")} had a label that was looked at: it is the discriminator of a semi-supervised
GAN. The weights are the exponential moving average of the discriminator's.

```python
import digitsmith

recogniser = digitsmith.load_recogniser("./THIS_FOLDER")
labels = recogniser.read(images)  # uint8 {[*("N", height, width), *([channels] if channels > 1 else [])]} -> int64 [N]
```
{_test_section(config.training.get("test"))}
{training_section(config)}
## Limits

It reads images like those it learned from: the same size, ink, ground and centring. It always names a class, for an
image of none of them too; its probabilities say how sure it is, and were not calibrated.
"""


def test_words(test: dict[str, Any]) -> str:
    """A test's result for people: "1.02 % (102 of 10,000 images of mnist (test))"."""
    errors, images = test["errors"], test["images"]
    return f"{errors / images:.2%} ({errors:,} of {images:,} images of {test['source']})".replace("%", " %", 1)


def _test_section(test: dict[str, Any] | None) -> str:
    """Nothing where there was no test set."""
    if test is None:
        return ""
    return f"""
## Test

Read wrongly: {test_words(test)}, looked at once, after the last step; no label of it chose anything.
"""
