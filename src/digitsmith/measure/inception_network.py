"""Inception v3 as the Fréchet Inception Distance uses it: the network alone, as its table.

It is that of Szegedy et al., "Rethinking the Inception Architecture for Computer Vision" (CVPR 2016), in the form of
TensorFlow's frozen graph of 2015-12-05, which Heusel et al. (2017) took for the FID. It differs from the textbook in
three places: average pools leave the padding out of the average, the last block pools by the maximum, and there are
1008 logits. Layers and parameters bear the names of pytorch-fid's release, so that its weights fit as they are:
`Conv2d_1a_3x3.conv.weight`, `Mixed_5b.branch5x5_2.bn.bias`, `fc.weight`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.fusion import fuse_conv_bn_eval

FEATURES, LOGITS = 2048, 1008


class Row(NamedTuple):
    """A convolution in the tables below. Where `padded` it keeps the maps' size (but for its stride)."""

    outputs: int
    kernel: tuple[int, int]  # height, width
    stride: int = 1
    padded: bool = True


def _halving(outputs: int) -> Row:
    return Row(outputs, (3, 3), stride=2, padded=False)


class Conv(nn.Module):
    """Convolution without bias, BatchNorm, ReLU."""

    def __init__(self, inputs: int, row: Row) -> None:
        super().__init__()
        height, width = row.kernel
        padding = (height // 2, width // 2) if row.padded else 0
        self.conv = nn.Conv2d(inputs, row.outputs, row.kernel, stride=row.stride, padding=padding, bias=False)
        self.bn: nn.Module = nn.BatchNorm2d(row.outputs, eps=1e-3)

    def forward(self, maps: Tensor) -> Tensor:
        return F.relu(self.bn(self.conv(maps)), inplace=True)

    def fold(self) -> None:
        """Moves BatchNorm's scale and shift into the convolution: the same function, but for rounding."""
        assert isinstance(self.bn, nn.BatchNorm2d)
        self.conv, self.bn = fuse_conv_bn_eval(self.conv, self.bn), nn.Identity()


Branch = Sequence[Row | tuple[Row, Row]]  # a pair reads the same maps, and its outputs are put side by side


class Mixed(nn.Module):
    """Branches over the same maps, their outputs side by side: `branches` in the table's order, then `pool`'s.

    A branch of one row is named as in the table; of several, they count on from `_1`, a pair as `a` and `b`.
    """

    def __init__(self, inputs: int, branches: Mapping[str, Branch], *, pool: nn.Module) -> None:
        super().__init__()
        self.pool = pool
        self.chains = {name: self._chain(name, inputs, branch) for name, branch in branches.items()}

    def _chain(self, name: str, inputs: int, branch: Branch) -> list[list[Conv]]:
        """The convolutions of one branch, registered under their names."""
        chain = []
        for number, step in enumerate(branch, start=1):
            numbered = f"{name}_{number}" if len(branch) > 1 else name
            named = {numbered: step} if isinstance(step, Row) else {f"{numbered}a": step[0], f"{numbered}b": step[1]}
            convs = {full_name: Conv(inputs, row) for full_name, row in named.items()}
            for full_name, conv in convs.items():
                self.add_module(full_name, conv)
            chain.append(list(convs.values()))
            inputs = sum(row.outputs for row in named.values())
        return chain

    def forward(self, maps: Tensor) -> Tensor:
        outputs = []
        for name, chain in self.chains.items():
            branch = self.pool(maps) if name == "branch_pool" else maps
            for convs in chain:
                branch = convs[0](branch) if len(convs) == 1 else torch.cat([conv(branch) for conv in convs], 1)
            outputs.append(branch)
        return torch.cat(outputs, 1)


def _average_pool() -> nn.Module:
    return nn.AvgPool2d(3, stride=1, padding=1, count_include_pad=False)


def _mixed_5(inputs: int, *, pooled: int) -> Mixed:
    """35x35 maps; the paper's figure 5, with 5x5 for one of the 3x3 pairs."""
    branches: dict[str, Branch] = {
        "branch1x1": [Row(64, (1, 1))],
        "branch5x5": [Row(48, (1, 1)), Row(64, (5, 5))],
        "branch3x3dbl": [Row(64, (1, 1)), Row(96, (3, 3)), Row(96, (3, 3))],
        "branch_pool": [Row(pooled, (1, 1))],
    }
    return Mixed(inputs, branches, pool=_average_pool())


def _mixed_6a() -> Mixed:
    """35x35 to 17x17; figure 10."""
    branches: dict[str, Branch] = {
        "branch3x3": [_halving(384)],
        "branch3x3dbl": [Row(64, (1, 1)), Row(96, (3, 3)), _halving(96)],
        "branch_pool": [],
    }
    return Mixed(288, branches, pool=nn.MaxPool2d(3, stride=2))


def _mixed_6(width: int) -> Mixed:
    """17x17 maps, 7x7 convolutions in rows and columns; figure 6."""
    across, down = (1, 7), (7, 1)
    branches: dict[str, Branch] = {
        "branch1x1": [Row(192, (1, 1))],
        "branch7x7": [Row(width, (1, 1)), Row(width, across), Row(192, down)],
        "branch7x7dbl": [Row(width, (1, 1)), Row(width, down), Row(width, across), Row(width, down), Row(192, across)],
        "branch_pool": [Row(192, (1, 1))],
    }
    return Mixed(768, branches, pool=_average_pool())


def _mixed_7a() -> Mixed:
    """17x17 to 8x8."""
    branches: dict[str, Branch] = {
        "branch3x3": [Row(192, (1, 1)), _halving(320)],
        "branch7x7x3": [Row(192, (1, 1)), Row(192, (1, 7)), Row(192, (7, 1)), _halving(192)],
        "branch_pool": [],
    }
    return Mixed(768, branches, pool=nn.MaxPool2d(3, stride=2))


def _mixed_7(inputs: int, *, pool: nn.Module) -> Mixed:
    """8x8 maps, each branch spread out into a row and a column at its end; figure 7."""
    spread = (Row(384, (1, 3)), Row(384, (3, 1)))
    branches: dict[str, Branch] = {
        "branch1x1": [Row(320, (1, 1))],
        "branch3x3": [Row(384, (1, 1)), spread],
        "branch3x3dbl": [Row(448, (1, 1)), Row(384, (3, 3)), spread],
        "branch_pool": [Row(192, (1, 1))],
    }
    return Mixed(inputs, branches, pool=pool)


class Inception(nn.Module):
    """Images float [B, 3, 299, 299] in [-1, 1] -> features [B, 2048], the mean of each of the last maps ("pool3").

    `fc` makes logits [B, 1008] of them. (The inception score's first code leaves their bias out.)
    """

    def __init__(self) -> None:
        super().__init__()
        layers: dict[str, nn.Module] = {
            "Conv2d_1a_3x3": Conv(3, _halving(32)),  # [B, 32, 149, 149]
            "Conv2d_2a_3x3": Conv(32, Row(32, (3, 3), padded=False)),  # [B, 32, 147, 147]
            "Conv2d_2b_3x3": Conv(32, Row(64, (3, 3))),  # [B, 64, 147, 147]
            "MaxPool_1": nn.MaxPool2d(3, stride=2),  # [B, 64, 73, 73]
            "Conv2d_3b_1x1": Conv(64, Row(80, (1, 1))),  # [B, 80, 73, 73]
            "Conv2d_4a_3x3": Conv(80, Row(192, (3, 3), padded=False)),  # [B, 192, 71, 71]
            "MaxPool_2": nn.MaxPool2d(3, stride=2),  # [B, 192, 35, 35]
            "Mixed_5b": _mixed_5(192, pooled=32),  # [B, 256, 35, 35]
            "Mixed_5c": _mixed_5(256, pooled=64),  # [B, 288, 35, 35]
            "Mixed_5d": _mixed_5(288, pooled=64),  # [B, 288, 35, 35]
            "Mixed_6a": _mixed_6a(),  # [B, 768, 17, 17]
            "Mixed_6b": _mixed_6(width=128),  # [B, 768, 17, 17]
            "Mixed_6c": _mixed_6(width=160),  # [B, 768, 17, 17]
            "Mixed_6d": _mixed_6(width=160),  # [B, 768, 17, 17]
            "Mixed_6e": _mixed_6(width=192),  # [B, 768, 17, 17]
            "Mixed_7a": _mixed_7a(),  # [B, 1280, 8, 8]
            "Mixed_7b": _mixed_7(1280, pool=_average_pool()),  # [B, 2048, 8, 8]
            "Mixed_7c": _mixed_7(2048, pool=nn.MaxPool2d(3, stride=1, padding=1)),  # [B, 2048, 8, 8]
        }
        for name, layer in layers.items():
            self.add_module(name, layer)
        self.layers = list(layers.values())
        self.fc = nn.Linear(FEATURES, LOGITS)

    def forward(self, images: Tensor) -> Tensor:
        maps = images
        for layer in self.layers:
            maps = layer(maps)
        return maps.mean((2, 3))
