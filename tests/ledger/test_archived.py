"""What the office tells of the days that it has archived, written and read back; whatever else is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ledger.archived import BYTES_MAX, ArchivedDay, ArchivedRefused, parse, write

ROOT = "ab" * 32
DAY = ("20261124", ROOT, 3)


def test_what_is_written_is_read_back_by_date() -> None:
    days = (ArchivedDay(*DAY), ArchivedDay("20261125", "0" * 64, 0))
    assert parse(write(days)) == {day.date: day for day in days}
    assert parse(write(())) == {}


def content(**change: Any) -> bytes:  # noqa: ANN401 - whatever JSON holds
    return json.dumps({"version": 1, "days": [DAY], **change}).encode()


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "is no JSON"),
        (b"\xff", "is no JSON"),
        (b"[" * 100_000, "is no JSON"),
        (b"[]", "version and days"),
        (content(more=1), "version and days"),
        (content(version=2), "another version"),
        (content(version=True), "another version"),
        (content(days={}), "no list"),
        (content(days=[DAY, DAY]), "a date stands there twice"),
        (content(days=[DAY[:2]]), "day 1 is not date, root, entries"),
        (content(days=["20261124"]), "day 1 is not date"),
        (content(days=[("20260230", ROOT, 3)]), "day 1: date"),
        (content(days=[(20261124, ROOT, 3)]), "day 1: date"),
        (content(days=[("20261124", ROOT.upper(), 3)]), "day 1: root"),
        (content(days=[("20261124", None, 3)]), "day 1: root"),
        (content(days=[DAY, ("20261125", ROOT, -1)]), "day 2: entries"),
        (content(days=[("20261124", ROOT, True)]), "day 1: entries"),
        (content(days=[("20261124", ROOT, 3.0)]), "day 1: entries"),
        (content(days=[("20261124", ROOT, 2**53)]), "day 1: entries"),
        (b" " * (BYTES_MAX + 1), "more than"),
    ],
)
def test_whatever_else_stands_there_is_refused(data: bytes, says: str) -> None:
    with pytest.raises(ArchivedRefused, match=says):
        parse(data)
