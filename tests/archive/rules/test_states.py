"""The tables of states: each state is reached from the first, and what has ended stays ended."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

import pytest

from archive.rules.states import COPY, GOOD_COPIES, PARCEL, VOLUME, CopyState, ParcelState, VolumeState

TABLES = (
    (PARCEL, ParcelState, ParcelState.EXPECTED, {ParcelState.SEALED}),
    (VOLUME, VolumeState, VolumeState.OPEN, {VolumeState.DESTROYED}),
    (COPY, CopyState, CopyState.WRITTEN, {CopyState.RETIRED}),
)


@pytest.mark.parametrize(("table", "states", "first", "ends"), TABLES)
def test_every_state_is_reached_and_only_the_ends_are_ends(
    table: Mapping[tuple[StrEnum, StrEnum], StrEnum],
    states: type[StrEnum],
    first: StrEnum,
    ends: set[StrEnum],
) -> None:
    reached = {first}
    for _step in states:
        reached |= {after for (before, _event), after in table.items() if before in reached}
    assert reached == set(states)
    assert set(states) - {before for before, _event in table} == ends


def test_a_suspect_copy_is_never_good_again() -> None:
    after = {following for (state, _event), following in COPY.items() if state is CopyState.SUSPECT}
    assert after.isdisjoint(GOOD_COPIES)
