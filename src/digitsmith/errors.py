"""The one family of errors that a user can cause or meet, each a single line with its remedy.

`cli.py` prints the line and exits with the class's `exit_code`; a Python caller catches `DigitsmithError`.
What is not in this file is a bug, and keeps its traceback.
"""

from __future__ import annotations


class DigitsmithError(Exception):
    """What went wrong, where, and what to do: one line, written for the person at the terminal."""

    exit_code = 1


class InputError(DigitsmithError, ValueError):
    """Something that was asked for or handed over cannot be right: a setting, a file, a label."""

    exit_code = 2


class DataError(InputError):
    """Labelled images that cannot be read as such: a lying header, an odd size, an empty class."""


class MissingSplitError(DataError):
    """Labelled images that have no such split: a whole set without a test set, say."""


class ConfigError(InputError):
    """An unknown setting, or a value outside its range."""


class CheckpointError(InputError):
    """A checkpoint or a folder of weights that is missing, damaged, or another model's."""


class StorageError(DigitsmithError, OSError):
    """The disk refused: full, read-only, or gone. What was saved before is intact."""


class TrainingDiverged(DigitsmithError, ArithmeticError):
    """A loss became NaN or infinite, or left every sensible range; the last good checkpoint is intact."""


class TrainingInterrupted(DigitsmithError):
    """Ctrl-C or SIGTERM: the step was finished and saved, and the message says how to go on.

    `exit_code` is the shell's convention, 128 + the signal's number: 130 for Ctrl-C, 143 for SIGTERM.
    """

    def __init__(self, message: str, *, signal_number: int) -> None:
        super().__init__(message)
        self.exit_code = 128 + signal_number
