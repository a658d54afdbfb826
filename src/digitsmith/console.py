"""What a person at the terminal sees: progress while it works, a summary when it is done."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.text import Text

from digitsmith.training.health import Measured
from digitsmith.training.observers import Moment, Observer

if TYPE_CHECKING:
    from collections.abc import Callable

console = Console(highlight=False)


class ProgressLine(Observer):
    """A live bar with epoch, speed, both losses, variety and time left; a line per epoch where no one watches."""

    def __init__(self, title: str) -> None:
        self.progress = Progress(
            TextColumn("[bold]{task.description}"),
            BarColumn(bar_width=12),
            TextColumn("{task.fields[state]}"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=console,
            disable=not console.is_terminal,
        )
        self.title = title
        self.task: TaskID | None = None
        self.printed_epoch = 0

    def started(self, moment: Moment) -> None:
        if moment.step:
            console.print(f"resuming at step {moment.step:,} ({moment.epoch:.2f} epochs)")
        self.progress.start()
        self.task = self.progress.add_task(
            self.title, total=moment.total_images, completed=moment.images, state="starting"
        )
        self.printed_epoch = int(moment.epoch)

    def stepped(self, moment: Moment) -> None:
        if self.task is not None:
            self.progress.update(self.task, completed=moment.images)

    def row(self, moment: Moment, measured: Measured, *, images_per_s: float, seconds: float) -> None:
        epochs = moment.epoch * moment.total_images / max(moment.images, 1)
        state = (
            f"epoch {moment.epoch:.1f}/{epochs:.3g}  {images_per_s:,.0f} images/s  "
            f"D {measured.loss_d:.2f}  G {measured.loss_g:.2f}  "
            f"scores {measured.real_score:.2f}/{measured.fake_score:.2f}  variety {measured.variety:.2f}"
        )
        if self.task is not None:
            self.progress.update(self.task, state=state)
        if not console.is_terminal and int(moment.epoch) > self.printed_epoch:
            self.printed_epoch = int(moment.epoch)
            console.print(f"{self.title}: {state}")

    def warning(self, moment: Moment, kind: str, message: str) -> None:
        console.print(Text("warning", style="yellow") + Text(f" at step {moment.step:,}: {message}"), soft_wrap=True)

    def close(self) -> None:
        self.progress.stop()


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


def summary(rows: Sequence[tuple[str, str | Path]]) -> None:
    """What there is now, and where. Never wrapped: paths and commands are there to be copied."""
    width = max(len(name) for name, _ in rows)
    for name, value in rows:
        console.print(Text(f"{name:<{width}}  ", style="bold") + Text(str(value), style="not bold"), soft_wrap=True)
