"""What the office tells of the days that it has archived, written and read back; whatever else is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ledger.files.archived import BYTES_MAX, ArchivedDay, ArchivedRefused, parse, write

ROOT = "ab" * 32
KEYS = "version and days are to be there, and nothing else"
DAY = ("20261124", ROOT, 3)


def test_what_is_written_is_read_back_by_date() -> None:
    days = (ArchivedDay(*DAY), ArchivedDay("20261125", "0" * 64, 0))
    assert parse(write(days)) == {day.date: day for day in days}
    assert parse(write(())) == {}


def test_the_days_are_written_as_json() -> None:
    written = b'{\n "version": 1,\n "days": [\n  [\n   "20261124",\n   "%s",\n   3\n  ]\n ]\n}\n'
    assert write((ArchivedDay(*DAY),)) == written % ROOT.encode()


def content(**change: Any) -> bytes:  # noqa: ANN401 - whatever JSON holds
    return json.dumps({"version": 1, "days": [DAY], **change}).encode()


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "is no JSON"),
        (b"\xff", "is no JSON"),
        (b"[" * 100_000, "is no JSON"),
        (b"[]", KEYS),
        (content(more=1), KEYS),
        (content(version=2), "is of another version than 1"),
        (b'{"version": 1}', KEYS),
        (content(days=[[*DAY, 1]]), "day 1 is not date, root, entries"),
        (content(days=["abc"]), "day 1 is not date, root, entries"),
        (content(days=[("20261124", ROOT + "0", 3)]), "day 1: root is no SHA-256 in hex"),
        (content(days=[("20261124", ROOT[1:], 3)]), "day 1: root is no SHA-256 in hex"),
        (content(days=[("20261124", ROOT, "3")]), "day 1: entries is no count"),
        (content(version=True), "is of another version than 1"),
        (content(days={}), "days is no list"),
        (content(days=[DAY, DAY]), "a date stands there twice"),
        (content(days=[DAY[:2]]), "day 1 is not date, root, entries"),
        (content(days=["20261124"]), "day 1 is not date, root, entries"),
        (content(days=[("20260230", ROOT, 3)]), "day 1: date is no date"),
        (content(days=[(20261124, ROOT, 3)]), "day 1: date is no date"),
        (content(days=[("20261124", ROOT.upper(), 3)]), "day 1: root is no SHA-256 in hex"),
        (content(days=[("20261124", None, 3)]), "day 1: root is no SHA-256 in hex"),
        (content(days=[DAY, ("20261125", ROOT, -1)]), "day 2: entries is no count"),
        (content(days=[("20261124", ROOT, True)]), "day 1: entries is no count"),
        (content(days=[("20261124", ROOT, 3.0)]), "day 1: entries is no count"),
        (content(days=[("20261124", ROOT, 2**53)]), "day 1: entries is no count"),
        (b" " * (BYTES_MAX + 1), "more than 4000000 bytes"),
    ],
)
def test_whatever_else_stands_there_is_refused(data: bytes, says: str) -> None:
    with pytest.raises(ArchivedRefused) as refused:
        parse(data)
    assert str(refused.value) == says


def test_the_most_that_is_read() -> None:
    assert BYTES_MAX == 4_000_000
    assert parse(content().ljust(BYTES_MAX)) == {"20261124": DAY}
    assert parse(content(days=[("20261124", ROOT, 2**53 - 1)]))["20261124"].entries == 2**53 - 1
