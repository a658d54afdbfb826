"""What a person at the terminal sees: progress while it works, a summary when it is done."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console, RenderableType
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.table import Table
from rich.text import Text

from digitsmith.training.observers import Moment, Observer
from digitsmith.watching import one_line

if TYPE_CHECKING:
    from collections.abc import Callable

    from digitsmith.measure.evaluation import OnStage
    from digitsmith.measure.results import Evaluation
    from digitsmith.training.health import Measured


class _Console(Console):
    """Rich's, but that a reader of the output who has gone is told as it is: `cli.run` knows what that means."""

    def on_broken_pipe(self) -> None:
        raise  # noqa: PLE0704  # Rich calls this while it handles the BrokenPipeError


console = _Console(highlight=False)
progress_console = _Console(highlight=False, stderr=True)  # so that a pipe or a file gets the results alone
_NARROW = 90  # with fewer columns the table leaves out how the figures stand to the floor
_WIDE = 130  # columns of a terminal that has room for a table's intervals


class _BarOverMeasures(Progress):
    """A bar with a line of its own below it, so that both fit into 80 columns."""

    measures = ""

    def get_renderables(self) -> Iterable[RenderableType]:
        yield self.make_tasks_table(self.tasks)
        yield Text(self.measures)


class ProgressLine(Observer):
    """A live bar with time left, and below it speed, losses, D's scores of real / generated images and variety.

    Where no one watches: a line per epoch.
    """

    def __init__(self, title: str) -> None:
        self.progress = _BarOverMeasures(
            TextColumn("[bold]{task.description}"),
            BarColumn(bar_width=30),
            TextColumn("epoch {task.fields[epoch]}"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=console,
            disable=not console.is_terminal,
        )
        self.title = title
        self.task: TaskID | None = None
        self.styles: TaskID | None = None
        self.printed_epoch = 0

    def measuring_styles(self, done: int, total: int) -> None:
        if self.styles is None:
            if not console.is_terminal:
                console.print(f"{self.title}: measuring the style of {total:,} training images, once", soft_wrap=True)
            self.progress.start()
            self.styles = self.progress.add_task("styles, once", total=total, epoch="-")
        self.progress.update(self.styles, completed=done, visible=done < total)

    def planned(self, line: str) -> None:
        console.print(f"{self.title}: {line}", soft_wrap=True)

    def started(self, moment: Moment) -> None:
        if moment.step:
            console.print(f"resuming at step {moment.step:,} ({moment.epoch:.2f} epochs)")
        self.progress.start()
        total, done = moment.total_images, moment.images
        self.task = self.progress.add_task(self.title, total=total, completed=done, epoch=_epochs(moment))
        self.printed_epoch = int(moment.epoch)

    def stepped(self, moment: Moment) -> None:
        if self.task is not None:
            self.progress.update(self.task, completed=moment.images, epoch=_epochs(moment))

    def row(self, moment: Moment, measured: Measured, *, images_per_s: float, seconds: float) -> None:
        variety = "-" if measured.variety is None else f"{measured.variety:.2f}"
        self.progress.measures = (
            f"{images_per_s:,.0f} images/s  loss D {measured.loss_d:.2f} G {measured.loss_g:.2f}  "
            f"scores {measured.real_score:.2f}/{measured.fake_score:.2f}  variety {variety}"
        )
        if measured.sure is not None:
            self.progress.measures += f"  sure of {measured.sure:.0%}"
        if not console.is_terminal and int(moment.epoch) > self.printed_epoch:
            self.printed_epoch = int(moment.epoch)
            console.print(f"{self.title}: epoch {_epochs(moment)}  {self.progress.measures}", soft_wrap=True)

    def warning(self, moment: Moment, kind: str, message: str) -> None:
        console.print(Text("warning", style="yellow") + Text(f" at step {moment.step:,}: {message}"), soft_wrap=True)

    def close(self) -> None:
        self.progress.stop()


def _epochs(moment: Moment) -> str:
    """How far a run is, as "3.1/20"."""
    whole = moment.epoch * moment.total_images / moment.images if moment.images else 0.0
    return f"{moment.epoch:.1f}/{whole:.3g}" if whole else "0"


@contextmanager
def counting(title: str, total: int) -> Iterator[Callable[[int], None]]:
    """A bar for work that is counted in images."""
    columns = (
        TextColumn("[bold]{task.description}"),
        BarColumn(bar_width=12),
        TextColumn("{task.completed:,}"),
    )
    with Progress(*columns, TimeRemainingColumn(), console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task(title, total=total)
        yield lambda done: progress.update(task, completed=done)


@contextmanager
def transferring(title: str, total: int) -> Iterator[Callable[[int], None]]:
    """A bar for bytes that come in, with their speed; where no one watches, a line at the beginning."""
    if not progress_console.is_terminal:
        with one_line(title, total) as tell:
            yield tell
        return
    columns = (
        TextColumn("[bold]{task.description}"),
        BarColumn(bar_width=12),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=progress_console) as progress:
        task = progress.add_task(title, total=total)
        yield lambda done: progress.update(task, completed=done)


@contextmanager
def staging(title: str, *, quiet: bool = False) -> Iterator[OnStage]:
    """A bar for work in named stages, each told of before it begins; where no one watches, a line for each."""
    columns = (TextColumn("[bold]{task.description}"), BarColumn(bar_width=12), TextColumn("{task.fields[stage]}"))
    watched = progress_console.is_terminal and not quiet
    with Progress(
        *columns, TimeElapsedColumn(), console=progress_console, disable=not watched, transient=True
    ) as progress:
        task = progress.add_task(title, stage="", total=None)

        told = ""

        def on_stage(stage: str, done: int, total: int) -> None:
            nonlocal told
            progress.update(task, stage=stage, completed=done, total=total)
            first_word = stage.partition(" ")[0].rstrip(":")  # a stage that counts on is one line where no one watches
            if not watched and not quiet and first_word != told:
                progress_console.print(f"{title}: {stage}", soft_wrap=True)
            told = first_word

        yield on_stage


def figures_table(evaluation: Evaluation) -> None:
    """The figures of an evaluation with their floors, a row each, and below them why some are missing.

    A narrow terminal gets the values without their intervals.
    """
    from digitsmith.report.evaluation_table import evaluation_table

    rows = [row for family in evaluation_table(evaluation) for row in family.rows]
    counts = next((m for m in evaluation.measurements if m.reference_images is not None), None)
    console.print(Text(f"{evaluation.subject} against {evaluation.against}", style="bold"), soft_wrap=True)
    if counts is not None:
        console.print(
            f"{counts.images:,} images against {counts.reference_images:,}, and real ones in their place beside them"
        )
    if "not_measured_against" in evaluation.facts:
        console.print(f"not measured against: {evaluation.facts['not_measured_against']}", soft_wrap=True)
    room = console if console.is_terminal else _Console(width=_WIDE)
    table = Table(box=None, pad_edge=False, header_style="bold")
    heads = ["", "generated", "floor: held-out", "real test set", "to the floor"]
    shown = len(heads) if room.width >= _NARROW else len(heads) - 1
    for number, head in enumerate(heads[:shown]):  # only the names give way where it is narrow, never a figure
        table.add_column(head, justify="left" if number == 0 else "right", no_wrap=number > 0 and room.width >= _NARROW)
    for row in rows:
        if row.measured:
            cells = (row.generated, row.held_out, row.test)
            texts = [str(cell) if room.width >= _WIDE else cell.value for cell in cells]
            to_floor = ", ".join(part for part in (row.times_floor, row.standing) if part)
            table.add_row(*[f"{row.name} {row.arrow}", *texts, to_floor][:shown])
    room.print(table)
    for row in rows:
        if row.everything_counts:
            console.print(f"{row.name}, {row.everything_counts}: {row.everything}", soft_wrap=True)
        if not row.measured:
            console.print(Text(f"{row.name}: {row.note}", style="dim"), soft_wrap=True)


def plain_table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Rows under their heads; only the last two columns give way where it is narrow."""
    room = console if console.is_terminal else _Console(width=_WIDE)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for number, head in enumerate(heads):
        table.add_column(head, no_wrap=number < len(heads) - 2)
    for row in rows:
        table.add_row(*row)
    room.print(table)


def summary(rows: Sequence[tuple[str, str | Path]]) -> None:
    """What there is now, and where. Never wrapped: paths and commands are there to be copied."""
    width = max(len(name) for name, _ in rows)
    for name, value in rows:
        console.print(Text(f"{name:<{width}}  ", style="bold") + Text(str(value), style="not bold"), soft_wrap=True)
