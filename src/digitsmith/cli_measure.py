"""The commands that measure: parse, call the API, print. `cli.py` registers them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

from cyclopts import Group, Parameter

from digitsmith.parsing import whole

_REAL = Group("Real images", sort_key=1)
_FIGURES = Group("Figures", sort_key=2)

Weights = Annotated[
    Path | None, Parameter(group=_FIGURES, help="the standard Inception weights; left out: those in the cache, if any")
]
Download = Annotated[
    bool, Parameter(group=_FIGURES, help="fetch the standard Inception weights (91 MiB) into the cache", negative=())
]
Only = Annotated[
    str | None,
    Parameter(
        group=_FIGURES,
        help="families, as fidelity,labels; of fidelity, diversity, labels, usefulness, novelty, style, inception",
    ),
]
Test = Annotated[str | None, Parameter(group=_REAL, help="real images that no model has seen; named data has its own")]


def evaluate(
    subject: Annotated[
        str, Parameter(help="a shipped model's name, a run, saved weights, or a data set made by any program")
    ],
    *,
    against: Annotated[
        str | None,
        Parameter(group=_REAL, help="the real training images; left out: what the model was trained on, else mnist"),
    ] = None,
    test: Test = None,
    count: Annotated[
        int | None, Parameter(converter=whole, help="images to draw (10,000), or to take of a data set (all)")
    ] = None,
    seed: Annotated[int, Parameter(converter=whole, help="of drawing, splitting and resampling")] = 0,
    only: Only = None,
    inception_weights: Weights = None,
    download_inception: Download = False,
    resize: Annotated[
        bool, Parameter(help="bring other sizes and colours to the real images' form", negative=())
    ] = False,
    report: Annotated[Path | None, Parameter(help="a folder for the page, its figures and the JSON")] = None,
    as_json: Annotated[
        bool, Parameter(name="--json", help="print the figures as JSON, and nothing else", negative=())
    ] = False,
) -> None:
    """Measure generated digits: every figure with its counts, its interval, and the same of real images beside it."""
    from digitsmith import assess
    from digitsmith.console import figures_table, staging, summary

    weights = _weights(inception_weights, download=download_inception)  # before: its bar is one of its own
    with staging("measuring", quiet=as_json) as on_stage:
        evaluation = assess.evaluate(
            subject,
            against=against,
            test=test,
            count=count,
            seed=seed,
            only=_names(only),
            inception_weights=weights,
            resize=resize,
            report=report,
            on_stage=on_stage,
        )
    if as_json:
        print(json.dumps(evaluation.to_dict(), indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False))
        return
    figures_table(evaluation)
    if report is not None:
        summary(
            [("page", report / "index.html"), ("figures", report / "figures"), ("JSON", report / "evaluation.json")]
        )


def compare(
    *models: Annotated[str, Parameter(help="gan, cgan, acgan, cgan-mlp, penman to train; runs or weights to take")],
    out: Annotated[Path, Parameter(name=["--out", "-o"], help="the folder of the page, the figures and the runs")],
    data: Annotated[str, Parameter(group=_REAL, help="what they are trained on and measured against")] = "mnist",
    test: Test = None,
    epochs: Annotated[float | None, Parameter(help="passes over the images; left out: each preset's own")] = None,
    seed: Annotated[int, Parameter(converter=whole, help="of training, drawing and measuring")] = 0,
    threads: Annotated[int | None, Parameter(converter=whole, help="CPU threads of training; 0: measured")] = None,
    count: Annotated[int, Parameter(converter=whole, help="images each model draws to be measured")] = 10_000,
    augmented: Annotated[
        str, Parameter(help="architectures trained a second time with augmentation; none: leave it")
    ] = "acgan",
    only: Only = None,
    inception_weights: Weights = None,
    download_inception: Download = False,
) -> None:
    """Train or take several models, measure all of them against the same real images, and write one page."""
    from digitsmith import comparing
    from digitsmith.console import ProgressLine, staging, summary

    families = _names(only)
    page = comparing.compare(
        models,
        out=out,
        data=data,
        test=test,
        epochs=epochs,
        seed=seed,
        threads=threads,
        count=count,
        augmented=() if augmented == "none" else tuple(augmented.split(",")),
        **({} if families is None else {"only": families}),
        inception_weights=_weights(inception_weights, download=download_inception),
        observers=lambda name: [ProgressLine(name)],
        staging=staging,
    )
    summary(
        [
            ("page", page),
            ("table", out / "table.md"),
            ("JSON", out / "comparison.json"),
            ("figures", out / "figures"),
            *([("runs", out / "runs")] if (out / "runs").exists() else []),
        ]
    )


def _names(text: str | None) -> tuple[str, ...] | None:
    return None if text is None else tuple(part.strip() for part in text.split(","))


def _weights(given: Path | None, *, download: bool) -> Path | None:
    from digitsmith.console import counting
    from digitsmith.measure.inception_weights import download_inception_weights, find_inception_weights

    found = find_inception_weights(given)
    if found is None and download:
        with counting("Inception weights, bytes", 0) as on_progress:
            return download_inception_weights(on_progress=on_progress)
    return found
