"""The command that proves: parse, call the API, print. `cli.py` registers it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Group, Parameter

from digitsmith.parsing import whole

_COST = Group("What it costs", sort_key=1)


def prove(
    *,
    data: Annotated[
        str, Parameter(help="real labelled images: a name that `digitsmith datasets` lists, or a path of your own")
    ],
    out: Annotated[Path, Parameter(name=["--out", "-o"], help="the folder of the page, the record and the data sets")],
    per_class: Annotated[str, Parameter(help="real images of each class, as 10,30,100")] = "10,30,100,1000",
    test: Annotated[
        str | None, Parameter(help="real images that only test; left out: the data's own, or a fifth held out")
    ] = None,
    arms: Annotated[
        str | None,
        Parameter(
            help="a: the real images; b: moved; c: with digits of a GAN trained on them; d: both; e: moved, with "
            "digits of the shipped model. Left out: all that fit the data"
        ),
    ] = None,
    format: Annotated[str, Parameter(help="of the augmented data sets: npz, png, idx, csv or parquet")] = "npz",
    seeds: Annotated[int, Parameter(converter=whole, group=_COST, help="pairs at each number of images")] = 5,
    budget_per_gan: Annotated[
        int | None,
        Parameter(converter=whole, group=_COST, help="images each GAN sees at the most; left out: as many as pay"),
    ] = None,
    steps: Annotated[int, Parameter(converter=whole, group=_COST, help="of every recogniser")] = 700,
    threads: Annotated[int, Parameter(converter=whole, group=_COST, help="CPU threads; 0: measured")] = 0,
) -> None:
    """Measure on your own data whether generated digits help a recogniser; stopped, the same command goes on."""
    from digitsmith.console import staging, summary
    from digitsmith.errors import InputError
    from digitsmith.proving.arms import parse_arms
    from digitsmith.proving.proof import prove as proving

    try:
        numbers = [int(part) for part in per_class.split(",")]
    except ValueError:
        raise InputError(f"--per-class {per_class!r} is not a list of whole numbers; write it as 10,30,100") from None
    with staging("proving") as on_stage:
        proof = proving(
            data,
            out=out,
            per_class=numbers,
            test=test,
            arms=None if arms is None else parse_arms(arms),
            seeds=seeds,
            budget_per_gan=budget_per_gan,
            steps=steps,
            threads=threads,
            format=format,
            on_stage=on_stage,
        )
    for sentence in proof.verdicts:
        print(sentence)
    for sentence in proof.notes:
        print(f"note: {sentence}")
    rows: list[tuple[str, str | Path]] = [("page", proof.page), ("every run", proof.record)]
    rows += [(f"{one.per_class} a class, arm {one.arm}", one.folder) for one in proof.delivered]
    summary(rows)
