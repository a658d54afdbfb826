"""Anything readable -> `Digits`, or `Images` where labels may be missing. Nothing in this room imports torch."""

from digitsmith.data.digits import Digits
from digitsmith.data.images import Images
from digitsmith.data.mnist import load_mnist
from digitsmith.data.reading import read_digits, read_images

__all__ = ["Digits", "Images", "load_mnist", "read_digits", "read_images"]
