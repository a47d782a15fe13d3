"""Pictures of a machine for tests, every part defaulted: it serves, both banks are up, nothing is wrong."""

from __future__ import annotations

from dataclasses import replace

from fep.status.snapshot import BankSnapshot, Light, OpenBreaks, Queue, Snapshot, State
from tests.support.builders import BANK

OTHER = "01030000"


def bank_snapshot(code: str = BANK, **changes: object) -> BankSnapshot:
    up = BankSnapshot(code, "A bank", Light.UP, 1, 1, 0, 30, 5, 100, 2000, 0, 0)
    return replace(up, **changes)


def snapshot(**changes: object) -> Snapshot:
    fine = Snapshot(
        node="fep1",
        now="2026-11-24 10:11:12",
        at_us=1_764_000_000_000_000,
        clock="",
        state=State.SERVING,
        business_date="20261124",
        today="20261124",
        cutover="22:00",
        seconds_left=42_528,
        waits="",
        untold_year=None,
        rate=10,
        p99_us=2000,
        queue=Queue(0, 4096, 10, 20, 2, 0, 0, 0),
        refused=0,
        refused_lately=0,
        responses=(),
        banks=(bank_snapshot(), bank_snapshot(OTHER)),
        breaks=OpenBreaks(is_wanted=False),
    )
    return replace(fine, **changes)
