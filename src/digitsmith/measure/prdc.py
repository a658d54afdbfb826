"""Precision, recall, density and coverage: are the images like real ones, and are all kinds of real ones drawn?

A set of images is taken for the union of the balls around each, as wide as the distance to its k-th nearest
neighbour in the same set (Kynkäänniemi et al., "Improved precision and recall metric for assessing generative
models", NeurIPS 2019, equations 1 and 2; Naeem et al., "Reliable fidelity and diversity metrics for generative
models", ICML 2020, equations 3, 4 and 6).

The radii shrink as a set grows, so these figures depend on the counts on both sides: compare them only at equal
counts. Their intervals are over images, with the manifolds as they are: they leave out that another sample of
real images, or another run of the generator, has other balls.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from digitsmith.measure.checks import check_dimensions, check_features
from digitsmith.measure.estimate import Estimate, mean_estimate, share_estimate
from digitsmith.measure.neighbours import GROUP, Ranking, Space, distances_between, nearest

NEIGHBOURS = 5  # as Naeem et al. recommend and their `prdc` package uses (`nearest_k=5`)
_PAIRS = 1 << 14  # looked at by differences at a time


@dataclass(frozen=True)
class Manifold:
    """A set of images as the balls around their features.

    Attributes:
        features: float32 [N, D].
        radii: float32 [N], the distance to the k-th nearest other image; 0 where there are k copies of it.
        k: which neighbour.
    """

    features: NDArray[np.float32]
    radii: NDArray[np.float32]
    k: int

    @classmethod
    def of(cls, features: NDArray[np.float32], k: int = NEIGHBOURS, *, what: str = "the real images") -> Manifold:
        """The manifold of one set of images.

        Args:
            features: float32 [N, D], N > k.
            k: which neighbour gives the radius.
            what: whose they are, for messages.

        Raises:
            InputError: features that cannot be measured, or fewer than k + 1 of them.
        """
        check_features(features, what=what, at_least=k + 1, why=f"each needs {k} neighbours")
        distances, _ = nearest(features, features, k, skip_self=True)
        return cls(features, distances[:, -1].copy(), k)


@dataclass(frozen=True)
class Prdc:
    """Four answers about generated images beside real ones.

    Attributes:
        precision: the share of generated images within a ball of the real ones.
        recall: the share of real images within a ball of the generated ones.
        density: how many balls of the real images hold a generated one, divided by k; about 1 for real images.
        coverage: the share of real images whose own ball holds a generated one.
    """

    precision: Estimate
    recall: Estimate
    density: Estimate
    coverage: Estimate


def prdc(generated: NDArray[np.float32], reference: Manifold) -> Prdc:
    """Precision, recall, density and coverage of generated images.

    An image on the very edge of a ball is outside, as in the `prdc` package. So where a generator repeats an image
    more than k times, the ball around it is empty: repeated images add nothing to recall, whatever they show.

    Args:
        generated: float32 [M, D], M > k of the reference.
        reference: of the real images, made once for all candidates.

    Raises:
        InputError: features that cannot be measured, too few of them, or of another length than the reference's.
    """
    manifold = Manifold.of(generated, reference.k, what="the generated images")
    check_dimensions(generated.shape[1], reference.features.shape[1])
    balls_around, images_within = _memberships(generated, reference)
    of_generated, _ = _memberships(reference.features, manifold)
    return Prdc(
        precision=_share(balls_around),
        recall=_share(of_generated, independent=len(generated)),
        density=mean_estimate(balls_around / reference.k),
        coverage=_share(images_within, independent=len(generated)),
    )


def _share(counts: NDArray[np.int64], *, independent: int | None = None) -> Estimate:
    """The share of images in a ball at all.

    Recall and coverage are shares of the reference, but what decides them is where the generated images happened to
    fall: their interval is that of so many `independent` images where these are fewer, which errs on the wide side.
    """
    count = min(len(counts), independent or len(counts))
    return share_estimate(float((counts > 0).mean()) * count, count)


def _memberships(images: NDArray[np.float32], manifold: Manifold) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """How many balls each image is in, int64 [M], and how many images each ball holds, int64 [N].

    Where rounding could decide, the distance is taken from differences: the k-th neighbour itself, given again as
    a generated image, is on the edge and must be outside.
    """
    radii = torch.tensor(manifold.radii)
    ranking = Ranking(manifold.features, Space.full(manifold.features, torch.float32), radii.double().square())
    in_balls, held = np.empty(len(images), np.int64), torch.zeros(ranking.groups, GROUP, dtype=torch.int64)
    for rows, ranks, squares in ranking.blocks(images):
        error = 2 * ranking.space.unit * (squares.sqrt() + ranking.longest).square()  # 2: the radii are terms too
        within, outside = (-squares - error).float(), (error - squares).float()  # [B, 1] each
        groups = ranks.view(len(ranks), -1, GROUP)
        image, group = (groups.amin(2) < outside).nonzero().unbind(1)  # few: most balls hold few images
        near = groups[image, group]  # [P, group]
        inside = near < within[image]
        unsure = (near < outside[image]).logical_xor_(inside).nonzero()
        for place, ball in (pairs.unbind(1) for pairs in unsure.split(_PAIRS)):
            balls = group[place] * GROUP + ball
            distances = distances_between(images[rows][image[place].numpy()], manifold.features[balls.numpy()])
            inside[place, ball] = distances < radii[balls]
        in_balls[rows] = torch.zeros(len(ranks), dtype=torch.int64).index_add_(0, image, inside.sum(1)).numpy()
        held.index_add_(0, group, inside.long())
    return in_balls, held.flatten()[: len(radii)].numpy()
