"""What follows from the runs of a proof: findings, the augmented data sets, and the page."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from digitsmith.proving.arms import ARMS
from digitsmith.proving.bench import Bench, pool_name
from digitsmith.proving.choosing import SHARES, STRENGTHS
from digitsmith.proving.delivery import Mix, mix_of, write_mix
from digitsmith.proving.pools import seen_by_shipped
from digitsmith.proving.records import RECORD, STRENGTH, Records
from digitsmith.proving.sets import RealSets, copies, few_of
from digitsmith.proving.teaching import BATCH, Lesson, examine, moves_of, teach
from digitsmith.proving.verdict import Findings, findings
from digitsmith.report.cells import percent
from digitsmith.report.proof_page import Delivered, Shown, write_proof_page
from digitsmith.report.proof_plots import differences_numbers
from digitsmith.report.proof_words import verdicts
from digitsmith.report.words import amount

FEW_SEEDS = 5
"""With fewer, the page says so."""
_SMALL_TEST = 500
_ROWS_SHOWN = 2
_FIRST = 0  # the seed whose images and settings are delivered


@dataclass(frozen=True)
class Proof:
    """What a proof leaves.

    Attributes:
        folder: of all of it.
        page: the HTML page.
        record: the JSON of every single run and choice.
        findings: accuracies, paired differences, recommendations.
        verdicts: the same in a sentence for each ingredient.
        notes: what has to be known before the figures are believed, a sentence or a few each.
        delivered: the augmented data sets, one for each number of images a class.
    """

    folder: Path
    page: Path
    record: Path
    findings: Findings
    verdicts: Sequence[str]
    notes: Sequence[str]
    delivered: Sequence[Delivered]


def concluded(
    folder: Path,
    bench: Bench,
    *,
    numbers: Sequence[int],
    seeds: int,
    arms: Sequence[str],
    left_out: Mapping[str, str],
    format: str,
) -> Proof:
    """What follows from the runs that were asked for: findings, data sets, page."""
    records, sets = bench.records, bench.sets
    asked_for = _part_of(records, numbers=numbers, seeds=seeds, arms=arms)
    seen, tested_on = (seen_by_shipped(images) if "e" in arms else 0 for images in (sets.pool, sets.test))
    found = findings(asked_for.runs, not_recommended=("e",) if seen or tested_on else ())
    delivered = _deliver(folder, bench, found, format=format)
    records.findings = _told(found, delivered, folder, seen=seen, tested_on=tested_on)
    records.save()
    notes = _notes(sets, numbers=numbers, seeds=seeds, seen=seen, tested_on=tested_on, left_out=left_out)
    notes += _dead(asked_for)
    page = write_proof_page(
        folder,
        records=asked_for,
        findings=found,
        classes=sets.pool.classes,
        delivered=delivered,
        shown=[one for number in numbers if (one := _shown(bench, number)) is not None],
        notes=notes,
        facts=_facts(bench, asked_for, seeds=seeds),
    )
    return Proof(folder, page, folder / RECORD, found, verdicts(found), notes, delivered)


def _part_of(records: Records, *, numbers: Sequence[int], seeds: int, arms: Sequence[str]) -> Records:
    """What belongs to this call's runs: an earlier one may have had more of them."""

    def belongs(row: Mapping[str, Any]) -> bool:
        return row["per_class"] in numbers and row["seed"] < seeds

    with_gans = any(ARMS[key].source == "gan" for key in arms)
    return dataclasses.replace(
        records,
        runs=[run for run in records.runs if belongs(vars(run)) and run.arm in arms],
        choices=[row for row in records.choices if belongs(row) and row["of"] in (STRENGTH, *arms)],
        gans=[row for row in records.gans if belongs(row) and with_gans],
    )


def _deliver(folder: Path, bench: Bench, found: Findings, *, format: str) -> list[Delivered]:
    """The recommended arms' data sets: those of an earlier call where they would be the same, else written now."""
    delivered = []
    for number, key in found.recommended.items():
        few, arm = few_of(bench.sets.pool, number, seed=_FIRST), ARMS[key]
        lesson = bench.lesson(few, number, _FIRST, arm)
        place = folder / "augmented" / f"{number}-a-class"
        manifest = {
            "recommended": f"{key}: {arm.name}",
            "data": bench.sets.pool.source,
            "real_per_class": number,
            "seed": _FIRST,
            "share_of_generated": lesson.share,
            "moves": vars(moves_of(lesson.strength)),
        }
        facts = _facts_in(place)
        if not facts.items() >= (manifest | {"format": format}).items():
            shutil.rmtree(place, ignore_errors=True)  # of an earlier call; what cannot be removed is refused below
            generated = bench.generated(few, number, _FIRST, arm)
            mix = mix_of(few, lesson, generated, per_class=number, seed=_FIRST)
            as_it_lies = {"accuracy_learned_as_it_lies": _learned_as_it_lies(bench, mix, number)}
            write_mix(place, mix, format=format, manifest=manifest | as_it_lies)
            facts = _facts_in(place)
        delivered.append(
            Delivered(
                per_class=number,
                arm=key,
                lesson=lesson,
                folder=place,
                images=facts["count"],
                copies=facts["copies_of_each_real"],
                generated=facts["generated"],
                as_it_lies=facts["accuracy_learned_as_it_lies"],
            )
        )
    return delivered


def _facts_in(data_set: Path) -> dict[str, Any]:
    """What its manifest says; nothing where there is none, or a damaged one."""
    try:
        return dict(json.loads((data_set / "manifest.json").read_bytes()))
    except (OSError, ValueError):
        return {}


def _learned_as_it_lies(bench: Bench, mix: Mix, number: int) -> float:
    """The accuracy on the test of a recogniser that learns the set in plain shuffled batches."""
    with bench.plan.task("recogniser", f"{number}-a-class: the augmented set as it lies") as on_progress:
        taught = teach(mix.digits, Lesson(), seed=_FIRST, steps=bench.steps, on_progress=on_progress)
    read = examine(taught, bench.sets.test)
    return read.right / read.images


def _told(
    found: Findings, delivered: Sequence[Delivered], folder: Path, *, seen: int, tested_on: int
) -> dict[str, Any]:
    return {
        "verdicts": list(verdicts(found)),
        "differences": differences_numbers(found.comparisons),
        "recommended": [
            {
                "per_class": one.per_class,
                "arm": one.arm,
                "strength": one.lesson.strength,
                "share": one.lesson.share,
                "folder": one.folder.relative_to(folder).as_posix(),
                "images": one.images,
                "accuracy_learned_as_it_lies": one.as_it_lies,
            }
            for one in delivered
        ],
        "pool_images_seen_by_shipped": seen,
        "test_images_seen_by_shipped": tested_on,
    }


def _shown(bench: Bench, number: int) -> Shown | None:
    """The first real images of each class over the first digits of the GAN trained on them, where there is one."""
    few = few_of(bench.sets.pool, number, seed=_FIRST)
    drawn = bench.pools.kept(pool_name(number, _FIRST), few)
    if drawn is None:
        return None
    classes = len(few.classes)
    places = np.arange(_ROWS_SHOWN)[:, None] + number * np.arange(classes)  # class by class: [R, K]
    generated = drawn.images[: _ROWS_SHOWN * classes].reshape(_ROWS_SHOWN, classes, *few.image_shape)
    return Shown(number, few.images[places], generated)


def _notes(
    sets: RealSets, *, numbers: Sequence[int], seeds: int, seen: int, tested_on: int, left_out: Mapping[str, str]
) -> list[str]:
    """What a reader has to know before the figures."""
    notes = [f"Left out: {ARMS[key].name}. {why}." for key, why in left_out.items()]
    if seen:
        notes.append(
            f"Arm e is no low-data result here: the shipped model was trained on MNIST's 60,000 training images, and "
            f"{amount(seen)} of the {amount(len(sets.pool))} images that the few are drawn from are among them. It is "
            "not recommended, and shows what a model of many other writers can give."
        )
    if tested_on:
        notes.append(
            f"Arm e is no result here: the shipped model was trained on {amount(tested_on)} of the "
            f"{amount(len(sets.test))} test images. It is not recommended."
        )
    if sets.held_out:
        notes.append(
            f"The data bring no test set. {amount(len(sets.test))} images, a fifth of each class (5 at the least), "
            "were held out as one before anything else, the same for every seed."
        )
    known = copies(sets.test, sets.pool)
    if known:
        notes.append(
            f"{amount(known)} of the {amount(len(sets.test))} test images are also among the images that the few are "
            "drawn from, bit for bit: a recogniser may have learned them by heart."
        )
    fewest = int(sets.pool.counts.min())
    shared = [amount(number) for number in numbers if number > fewest / 2]
    if shared:
        notes.append(
            f"With {' and '.join(shared)} images a class the seeds have most of their images in common, because there "
            f"are {amount(fewest)} of the smallest class to draw from: the intervals there tell of another start, and "
            "less than they should of other images."
        )
    if len(sets.test) < _SMALL_TEST:
        notes.append(
            f"The test set has {len(sets.test)} images: one of them is {percent(1 / len(sets.test))} of it, and "
            "smaller differences than a few of those cannot be told, whatever the intervals over seeds say."
        )
    if seeds < FEW_SEEDS:
        notes.append(f"{seeds} seeds are few: the intervals are wide, and rest on the spread of {seeds} numbers.")
    return notes


def _dead(records: Records) -> list[str]:
    """Arms with a GAN that failed are counted all the same, and the page says so."""
    dead = [row for row in records.gans if row.get("repeats_itself")]
    if not dead:
        return []
    where = ", ".join(f"{row['per_class']} a class, seed {row['seed']}, {row['part']}" for row in dead)
    return [f"{len(dead)} of the GANs draw one image of a class over and over: {where}."]


def _facts(bench: Bench, records: Records, *, seeds: int) -> list[tuple[str, str]]:
    sets = bench.sets
    runs, gans = records.runs, records.gans
    facts = [
        ("Real images to draw the few from", amount(len(sets.pool))),
        ("Test images", amount(len(sets.test)) + (", held out of the data" if sets.held_out else "")),
        ("Classes", amount(len(sets.pool.classes))),
        ("Pairs", f"seeds 0 to {seeds - 1}"),
        ("Steps of a recogniser", f"{amount(bench.steps)}, on {BATCH} images each"),
        ("Strengths of the moves tried", f"{', '.join(f'{value:g}' for value in STRENGTHS)} times digit-safe"),
        ("Shares of generated digits tried", ", ".join(f"{value:g}" for value in SHARES)),
        ("Seconds a recogniser took", f"{np.median([run.seconds for run in runs]):.1f} in the median"),
    ]
    if gans:
        seconds, images = (np.median([row[key] for row in gans]) for key in ("seconds", "stopped_at_images"))
        facts.append(("A GAN", f"{seconds:.0f} s, {amount(round(float(images)))} images seen in the median"))
    return facts
