"""Anything readable -> `Digits`. Nothing in this room imports torch."""

from digitsmith.data.digits import Digits
from digitsmith.data.mnist import load_mnist
from digitsmith.data.reading import read_digits

__all__ = ["Digits", "load_mnist", "read_digits"]
