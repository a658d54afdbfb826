"""The images of one origin within an evaluation, and what is computed of them once and used by many figures."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from digitsmith.data.strokes import in_gray
from digitsmith.measure.frechet import Moments
from digitsmith.measure.kernel import KernelReference
from digitsmith.measure.morphometry import Style, measure_style
from digitsmith.measure.prdc import Manifold
from digitsmith.measure.reader import Answers, features_and_probabilities

AnswersOf = Callable[[NDArray[np.uint8]], Answers]
InceptionFeatures = Callable[[NDArray[np.uint8]], NDArray[np.float32]]


class Sample:
    """Images with their labels; everything else is computed when it is first asked for, and kept.

    A part (`take`) looks its values up in the whole it was taken from, so nothing passes a network twice.

    Args:
        images: uint8 [N, C, H, W].
        labels: int64 [N], or None.
        answers: what the evaluation's reader sees in images; the shipped reader's, if left out.
        inception: computes Inception's features of images, float32 [N, 2048]; None where there are no weights.
    """

    def __init__(
        self,
        images: NDArray[np.uint8],
        labels: NDArray[np.int64] | None = None,
        *,
        answers: AnswersOf = features_and_probabilities,
        inception: InceptionFeatures | None = None,
    ) -> None:
        self.images = images
        self.labels = labels
        self.answers = answers
        self.inception = inception
        self._whole: tuple[Sample, NDArray[np.int64]] | None = None

    def __len__(self) -> int:
        return len(self.images)

    def take(self, indices: NDArray[np.int64]) -> Sample:
        """The images at `indices`, in that order."""
        part = Sample(
            self.images[indices],
            None if self.labels is None else self.labels[indices],
            answers=self.answers,
            inception=self.inception,
        )
        part._whole = (self, indices)
        return part

    @cached_property
    def _answers(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        if self._whole is None:
            return self.answers(self.images)
        whole, indices = self._whole
        features, probabilities = whole._answers
        return features[indices], probabilities[indices]

    @property
    def features(self) -> NDArray[np.float32]:
        """The reader's, float32 [N, 128]."""
        return self._answers[0]

    @property
    def probabilities(self) -> NDArray[np.float32]:
        """The reader's, float32 [N, K]."""
        return self._answers[1]

    @property
    def read(self) -> NDArray[np.int64]:
        """The class that the reader sees, int64 [N]."""
        answers: NDArray[np.int64] = self.probabilities.argmax(1)
        return answers

    @cached_property
    def inception_features(self) -> NDArray[np.float32]:
        """Inception's, float32 [N, 2048]."""
        if self._whole is not None:
            whole, indices = self._whole
            return whole.inception_features[indices]
        assert self.inception is not None, "asked for only where there are weights"
        return self.inception(self.images)

    @cached_property
    def moments(self) -> Moments:
        """Mean and covariance of the reader's features."""
        return Moments.of(self.features)

    @cached_property
    def inception_moments(self) -> Moments:
        """Mean and covariance of Inception's features."""
        return Moments.of(self.inception_features)

    @cached_property
    def kernel(self) -> KernelReference:
        """The reader's features as the reference of a kernel distance."""
        return KernelReference.of(self.features)

    @cached_property
    def manifold(self) -> Manifold:
        """The reader's features as the reference of precision, recall, density and coverage."""
        return Manifold.of(self.features)

    @cached_property
    def style(self) -> Style:
        """Thickness, slant and so on of each image."""
        if self._whole is None:
            return measure_style(in_gray(self.images))
        whole, indices = self._whole
        return whole.style.take(indices)
