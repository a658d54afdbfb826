"""The benchmark of feeding runs, and each contender gives images; no clock is looked at."""

from __future__ import annotations

import feeding
from digitsmith.data.digits import Digits


def test_every_way_of_feeding_gives_images(few_digits: Digits) -> None:
    turns = feeding.contenders(data=few_digits, model="cgan", kept=600, from_memory=256, items=256, fresh=256)
    assert {workers for _, workers in turns} == {0, 2} and len(turns) == 10
    assert all(turn() > 0 for turn in turns.values())
