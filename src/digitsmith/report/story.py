"""What a run's page says in words: what was trained, how far it came, what went wrong, what comes next."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from digitsmith.config import IN_MEMORY, SEMI_SUPERVISED_MODELS, STYLED_MODELS
from digitsmith.report.words import MODELS, PENMAN_WITHOUT_STYLE, SETTINGS, VERBATIM, WARNINGS, amount, duration


def told(
    run: Mapping[str, Any], rows: Sequence[Mapping[str, Any]], *, folder: str, columns: Sequence[str] | None
) -> dict[str, Any]:
    """What the page's template says in words of a run: `run.json`, its log, and the name of its folder."""
    settings, data = run["settings"], run["data"]
    more = data.get("unlabelled")
    name, sentence = MODELS.get(settings["model"], (settings["model"], ""))
    if settings["model"] in STYLED_MODELS and settings.get("style") == "none":
        sentence = PENMAN_WITHOUT_STYLE
    strokes = data.get("strokes", True)
    channels, height, width = data["shape"]
    last = next((row for row in reversed(rows) if row["event"] in ("step", "end")), None)
    step = next((row for row in reversed(rows) if row["event"] == "step"), None)
    finished = last is not None and last["event"] == "end"
    return {
        "model": name,
        "model_sentence": sentence,
        "source": data["source"],
        "training_images": amount(data["images"]),
        "unlabelled": f"{amount(more['images'])} of {more['source']}" if more else None,
        "classes": data["classes"],
        "image_words": f"{width} × {height} pixels, {'gray' if channels == 1 else 'in colour'}",
        "strokes": strokes,
        "finished": finished,
        "images_seen": amount(last["images"]) if last else None,
        "epochs_seen": amount(round(step["epoch"], 2)) if step else None,
        "took": duration(last["seconds"]) if last else None,
        "warnings": warnings_met(rows),
        "settings": list(settings_table(settings)),
        "run_name": folder,
        "commands": commands(
            folder, settings=settings, classes=columns, begun=step is not None, finished=finished, strokes=strokes
        ),
        "built_with": [
            *settings_table(run["versions"]),
            *settings_table(run["machine"]),
            ("Fingerprint of the data", data["fingerprint"]),
            *([("Fingerprint of the images without labels", more["fingerprint"])] if more else []),
        ],
    }


def commands(
    folder: str,
    *,
    settings: Mapping[str, Any],
    classes: Sequence[str] | None,
    begun: bool,
    finished: bool,
    strokes: bool = True,
) -> list[tuple[str, str]]:
    """What to do next with the run in `folder`, as (words, command).

    Args:
        classes: what it can be asked for.
        strokes: whether it draws ink, that a line can be written with.
    """
    run = shlex.quote(folder if "/" in folder else f"./{folder}")  # never to be taken for a shipped model's name
    resume = f"digitsmith train --out {run} --resume"
    train = []
    if IN_MEMORY in (settings.get("data"), settings.get("unlabelled")):
        pass  # only who has the images can go on
    elif not finished:
        train = [("Go on training where it stopped", resume)]
    elif settings.get("decay_from", 1) >= 1:  # a learning rate that has fallen to zero cannot go on
        train = [("Train it twice as long", f"{resume} --epochs {2 * settings['epochs']:g}")]
    if settings.get("model") in SEMI_SUPERVISED_MODELS and begun:
        train += [
            ("Read images with its recogniser", f"digitsmith recognise IMAGES --model {run} -o answers.csv"),
            ("Take the recogniser elsewhere", f"digitsmith export {run} -o recogniser.onnx"),
        ]
    if classes is None or not begun:
        return train
    single = all(len(name) == 1 for name in classes)
    wanted = "2026" if single and {*"2026"} <= {*classes} else classes[0]
    asked = shlex.quote(wanted) if strokes else f"--labels {shlex.quote(','.join(classes[:3]))}"
    words = wanted if strokes else "images"
    return [
        (f"Draw {words} with it", f"digitsmith draw {asked} --model {run} -o drawn.png"),
        ("Make a labelled data set with it", f"digitsmith make 1000 --model {run} -o drawn"),
        *train,
    ]


def settings_table(settings: Mapping[str, Any], *, within: str = "") -> Iterator[tuple[str, str]]:
    """(words, value) of every setting in the order of `SETTINGS`, nested ones after what they belong to."""
    order = {key: place for place, key in enumerate(SETTINGS)}
    for key, value in sorted(settings.items(), key=lambda item: order.get(item[0], len(order))):
        words = SETTINGS.get(key, key.replace("_", " "))
        words = f"{within}: {words[:1].lower()}{words[1:]}" if within else words[:1].upper() + words[1:]
        if isinstance(value, dict):
            yield from settings_table(value, within=words)
        else:
            yield words, str(value) if key in VERBATIM else _setting(value)


def _setting(value: Any) -> str:
    if value is None or value == "":
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return amount(value)
    if isinstance(value, list):
        return ", ".join(map(_setting, value))
    return str(value)


@dataclass(frozen=True)
class WarningMet:
    """All warnings of one kind."""

    heading: str
    where: str
    message: str
    meaning: str


def warnings_met(rows: Sequence[Mapping[str, Any]]) -> list[WarningMet]:
    """The `warning` rows of a log, one entry per kind; a kind that `WARNINGS` lacks has no meaning."""

    by_kind: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        if row["event"] == "warning":
            by_kind.setdefault(row["kind"], []).append(row)
    met = []
    for kind, (first, *more) in by_kind.items():
        where = f"at step {first['step']:,}, after {first['images']:,} images"
        if more:
            where = f"{len(more) + 1} times, first {where}, last at step {more[-1]['step']:,}"
        heading, meaning = WARNINGS.get(kind, (kind.replace("_", " ").capitalize(), ""))
        message = first["message"][:1].upper() + first["message"][1:]
        met.append(WarningMet(heading, where, message, meaning))
    return met
