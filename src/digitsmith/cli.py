"""Every command: parse, call the API, print. No logic, and nothing heavy imported before it is needed."""

from __future__ import annotations

import errno
import io
import os
import shlex
import signal
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TextIO, cast

from cyclopts import App, CycloptsError, Group, Parameter

from digitsmith import __version__, cli_data, cli_draw, cli_measure, cli_page, cli_prove, cli_recognise, cli_scan
from digitsmith.config import DEFAULT_MODEL
from digitsmith.errors import DigitsmithError, StorageError
from digitsmith.parsing import whole
from digitsmith.watching import watch_with

if TYPE_CHECKING:
    from digitsmith.api import FinishedRun

app = App(
    name="digitsmith",
    help="Handwritten digits on request: train a GAN on real MNIST, draw labelled digits from it.",
    version=__version__,
    help_format="markdown",
    exit_on_error=False,
    print_error=False,
    suppress_keyboard_interrupt=False,
    result_action="return_value",
)


app.command(cli_measure.evaluate)
app.command(cli_measure.compare)
app.command(cli_prove.prove)
app.command(cli_draw.draw)
app.command(cli_draw.make)
app.command(cli_page.page)
app.command(cli_data.datasets)
app.command(cli_scan.import_scans, name="import")
app.command(cli_scan.sheet)
app.command(cli_recognise.recognise)
app.command(cli_recognise.export)

_TRAINING = Group("Training", sort_key=1)
_AUGMENTING = Group("Augmentation of the real images (off unless asked for)", sort_key=2)
_RUNNING = Group("Running", sort_key=3)


@app.command
def train(
    model: Annotated[str | None, Parameter(help="gan, cgan, acgan, cgan-mlp, penman or sgan")] = None,
    *,
    data: Annotated[
        str | None,
        Parameter(
            help="a name that `digitsmith datasets` lists (mnist, fashion-mnist, cifar10, ...), or a path of labelled "
            "images: IDX, class folders, npz, csv, parquet"
        ),
    ] = None,
    out: Annotated[Path | None, Parameter(help="the run's folder; runs/MODEL-DATA-seedN if left out")] = None,
    resume: Annotated[bool, Parameter(help="go on with the run in --out, bit for bit", negative=())] = False,
    preset: Annotated[
        str | None, Parameter(help="report-1, report-2, demo, penman, few or sgan; the model's own if left out")
    ] = None,
    config: Annotated[Path | None, Parameter(help="a TOML file of settings")] = None,
    epochs: Annotated[float | None, Parameter(group=_TRAINING, help="passes over the images")] = None,
    budget: Annotated[
        str | None, Parameter(group=_TRAINING, help="instead: how long it may take here, as 90s, 5m or 1.5h")
    ] = None,
    seed: Annotated[int | None, Parameter(converter=whole, group=_TRAINING, help="of all randomness")] = None,
    batch_size: Annotated[int | None, Parameter(converter=whole, group=_TRAINING)] = None,
    learning_rate: Annotated[float | None, Parameter(group=_TRAINING, help="Adam's, for both networks")] = None,
    decay_from: Annotated[
        float | None, Parameter(group=_TRAINING, help="share of the run after which the learning rate falls")
    ] = None,
    generator_loss: Annotated[str | None, Parameter(group=_TRAINING, help="minimax or non-saturating")] = None,
    ema_half_life_images: Annotated[
        float | None, Parameter(group=_TRAINING, help="of the averaged generator that draws; 0: none, -1: by the run")
    ] = None,
    style: Annotated[
        str | None,
        Parameter(
            group=_TRAINING, help="penman: auto, strokes (thickness, slant, width and height can be asked for) or none"
        ),
    ] = None,
    channels: Annotated[
        int | None, Parameter(converter=whole, group=_TRAINING, help="penman: how wide its networks are; 32")
    ] = None,
    labelled: Annotated[
        int | None,
        Parameter(
            converter=whole,
            group=_TRAINING,
            help="sgan: images of --data whose labels it may look at; 100, or all where there are --unlabelled ones",
        ),
    ] = None,
    unlabelled: Annotated[
        str | None,
        Parameter(
            group=_TRAINING,
            help="sgan: more images to learn from, a name or a path in any format that is read; labels that they have "
            "are not learned from, but must be whole: leave out those of a set that marks missing ones",
        ),
    ] = None,
    augment: Annotated[
        bool,
        Parameter(
            group=_AUGMENTING, help="shift, rotation, scale and elastic bend, at digit-safe strength", negative=()
        ),
    ] = False,
    shift_px: Annotated[float | None, Parameter(group=_AUGMENTING)] = None,
    rotate_deg: Annotated[float | None, Parameter(group=_AUGMENTING)] = None,
    scale: Annotated[float | None, Parameter(group=_AUGMENTING, help="0.1 is 90 % to 110 %")] = None,
    stretch: Annotated[
        float | None, Parameter(group=_AUGMENTING, help="width and height, each by itself: 0.2 is 80 % to 120 %")
    ] = None,
    shear_deg: Annotated[float | None, Parameter(group=_AUGMENTING)] = None,
    elastic_px: Annotated[float | None, Parameter(group=_AUGMENTING)] = None,
    flip: Annotated[
        bool, Parameter(group=_AUGMENTING, help="mirror half of them; changes what digits mean", negative=())
    ] = False,
    precision: Annotated[str | None, Parameter(group=_RUNNING, help="auto, float32 or bfloat16")] = None,
    device: Annotated[str | None, Parameter(group=_RUNNING, help="auto, cpu or cuda")] = None,
    threads: Annotated[int | None, Parameter(converter=whole, group=_RUNNING, help="CPU threads; 0: measured")] = None,
    sample_epochs: Annotated[
        str | None, Parameter(group=_RUNNING, help="epochs whose sample grids are kept, as 1,10,20")
    ] = None,
    checkpoint_every_images: Annotated[int | None, Parameter(converter=whole, group=_RUNNING)] = None,
    keep_checkpoints: Annotated[int | None, Parameter(converter=whole, group=_RUNNING)] = None,
    log_every_steps: Annotated[int | None, Parameter(converter=whole, group=_RUNNING)] = None,
) -> None:
    """Train a GAN: penman, or a model of the two reports; with figures, checkpoints, TensorBoard and a page."""
    from digitsmith import api
    from digitsmith.console import ProgressLine, console

    moves = {
        "shift_px": shift_px,
        "rotate_deg": rotate_deg,
        "scale": scale,
        "stretch": stretch,
        "shear_deg": shear_deg,
        "elastic_px": elastic_px,
        "flip": flip or None,
    }
    run = api.train(
        model,
        out=out,
        data=data,
        unlabelled=unlabelled,
        epochs=epochs,
        seed=seed,
        resume=resume,
        preset=preset,
        config=config,
        budget=budget,
        overrides={
            "batch_size": batch_size,
            "learning_rate": learning_rate,
            "decay_from": decay_from,
            "generator_loss": generator_loss,
            "ema_half_life_images": ema_half_life_images,
            "style": style,
            "channels": channels,
            "labelled": labelled,
            "augmentation": _augmentation(moves, digit_safe=augment),
            "precision": precision,
            "device": device,
            "threads": threads,
            "sample_epochs": _epochs(sample_epochs),
            "checkpoint_every_images": checkpoint_every_images,
            "keep_checkpoints": keep_checkpoints,
            "log_every_steps": log_every_steps,
        },
        observers=[ProgressLine(model or "training")],
    )
    console.print()
    _show(run)


@app.command
def demo(*, out: Annotated[Path, Parameter(help="the folder for all of it")] = Path("demo")) -> None:
    """The whole way once: train the default model for three minutes, draw labelled digits, show them on a page."""
    from digitsmith import api
    from digitsmith.console import ProgressLine, console, summary

    run = api.demo(out, observers=[ProgressLine("demo")])
    console.print()
    _show(run)
    summary([("labelled digits", run.folder / "digits"), ("a number", run.folder / "2026.png")])


@app.command
def models() -> None:
    """List the models that ship with the package; their weights' checksums are verified on the way."""
    from digitsmith.config import STYLED_MODELS
    from digitsmith.console import summary
    from digitsmith.drawing.loading import SHIPPED, shipped_names
    from digitsmith.weights.folder import figure_of, read_folder

    rows = []
    for name in shipped_names():
        config, _ = read_folder(SHIPPED / name)
        read = figure_of(config, "Read as asked")
        words = [f"{len(config.classes)} classes of {config.training['data']['source']}"]
        words += [f"{read} read as asked"] if read else []
        words += ["thickness, slant, width and height can be asked for"] if config.model in STYLED_MODELS else []
        rows.append((f"{name} (default)" if name == DEFAULT_MODEL else name, "; ".join(words)))
    summary(rows)


def _show(run: FinishedRun) -> None:
    from digitsmith.console import summary
    from digitsmith.recognising.card import test_words
    from digitsmith.report.story import commands

    rows: list[tuple[str, str | Path]] = []
    if run.read_as_asked is not None:
        rows.append(("read as asked", f"{run.read_as_asked:.2%} of the generated digits, by the shipped reader"))
    if run.recogniser is not None and "test" in run.recogniser.config.training:
        rows.append(("read wrongly", test_words(run.recogniser.config.training["test"])))
    classes = run.model.config.classes if run.model.conditional else None
    settings = run.model.config.training["settings"]
    rows += [
        ("page", run.page),
        ("figures", run.folder / "figures"),
        ("weights", run.folder / "weights"),
        ("TensorBoard", f"tensorboard --logdir {shlex.quote(str(run.folder / 'tensorboard'))}"),
        *(
            ("next", command)
            for _, command in commands(
                str(run.folder),
                settings=settings,
                classes=classes,
                begun=True,
                finished=True,
                strokes=run.model.strokes,
            )
        ),
    ]
    summary(rows)


def _augmentation(moves: dict[str, Any], *, digit_safe: bool) -> dict[str, Any] | None:
    from dataclasses import asdict

    from digitsmith.config import digit_safe as safe

    asked = {key: value for key, value in moves.items() if value is not None}
    base = asdict(safe()) if digit_safe else {}
    return base | asked or None


def _epochs(text: str | None) -> list[int] | None:
    from digitsmith.errors import ConfigError

    if text is None:
        return None
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise ConfigError(f"--sample-epochs {text!r} is not a list of epochs; write it as 1,10,20") from None


_STOPPED = "stopped; what was finished before is intact"


def complain(message: str) -> None:
    """The one line of an error or a warning."""
    print(f"digitsmith: {' '.join(message.split())}", file=sys.stderr)


class _Output:
    """stdout, what it refuses as errors of its own: an OSError does not tell which file it is of."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        with _refusals(self._stream):
            return self._stream.write(text)

    def flush(self) -> None:
        with _refusals(self._stream):
            self._stream.flush()


@contextmanager
def _refusals(output: TextIO) -> Iterator[None]:
    """Turn what the system says against the output into a StorageError; a reader that has gone is no refusal."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        _into_nothing(output)
        reason = "the disk is full" if error.errno == errno.ENOSPC else error.strerror or str(error)
        raise StorageError(f"the output cannot be written: {reason}; what was finished before is intact") from error


def _into_nothing(output: TextIO) -> None:
    """What is still in the buffer would fail once more as Python ends, with Python's own line and exit code."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), output.fileno())


@contextmanager
def _ready_to_print() -> Iterator[None]:
    """In the block every character can be printed, and what stdout refuses is a StorageError."""
    for stream in (sys.stdout, sys.stderr):
        # Not where the locale asks for "surrogateescape", as C.UTF-8 does: that prints the name of any file as it is.
        if isinstance(stream, io.TextIOWrapper) and stream.errors == "strict":
            stream.reconfigure(errors="backslashreplace")
    stdout = sys.stdout
    if stdout is not None:  # None: its descriptor is closed
        sys.stdout = cast(TextIO, _Output(stdout))
    try:
        yield
    finally:
        sys.stdout = stdout


def run(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code: 0; 2 for what cannot be right; 1 for what failed; 128 + signal."""
    warnings.showwarning = lambda message, *where: complain(f"warning: {message}")
    watch_with(cli_data.transfer_bar)
    # SIGTERM leaves like an exception, so that what is half-written is cleared away; training saves first
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    with _ready_to_print():
        return _exit_code(arguments)


def _exit_code(arguments: Sequence[str]) -> int:
    """Run the command; whatever ends it that is no bug becomes one line and this code."""
    try:
        app(list(arguments))
        print(end="", flush=True)  # now, as there is nobody to tell of it once Python ends
    except CycloptsError as error:
        complain(str(error))
        return 2
    except DigitsmithError as error:
        complain(str(error))
        return error.exit_code
    except BrokenPipeError:  # whoever read the output has gone, as `head` does
        _into_nothing(sys.stdout)
        return 141
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        complain("the output cannot be written: the disk is full; what was finished before is intact")
        return 1
    except KeyboardInterrupt:
        complain(_STOPPED)
        return 130
    except SystemExit as leaving:
        if leaving.code != 128 + signal.SIGTERM:
            raise
        complain(_STOPPED)
        return 128 + signal.SIGTERM
    return 0
