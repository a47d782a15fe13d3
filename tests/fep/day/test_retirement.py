"""Which keys are still known, and a file of archived days: read where nobody else can have written it."""

from __future__ import annotations

import os
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fep.day.retirement import first_known, key_date, read_archived
from ledger.files.archived import ArchivedDay, ArchivedRefused, write
from ledger.rules.moment import KeyWindow

DAY = ArchivedDay("20261124", "ab" * 32, 3)


@pytest.mark.parametrize(
    ("today", "open_date", "first"),
    [
        (date(2026, 11, 24), "20261124", "20261013"),
        (date(2026, 11, 24), "20261130", "20261019"),
        (date(2026, 11, 30), "20261124", "20261013"),
        (date(2027, 11, 24), "20261124", "20261013"),
        (date(2027, 2, 1), "20270201", "20261221"),
        (date(2028, 4, 1), "", "20280229"),
    ],
    ids=["both", "the business day is ahead", "a week behind", "a clock a year ahead", "new year", "no day"],
)
def test_keys_are_known_from_a_day_before_the_window_of_the_earlier_of_clock_and_business_day(
    today: date, open_date: str, first: str
) -> None:
    assert first_known(today, open_date, 31) == first


@given(
    st.dates(date(2026, 1, 1), date(2030, 1, 1)),
    st.dates(date(2026, 1, 1), date(2030, 1, 1)),
    st.dates(date(2026, 1, 1), date(2030, 1, 1)),
    st.integers(0, 400),
    st.integers(1, 150),
)
def test_no_key_that_was_forgotten_is_in_the_window_again_whatever_the_clock(
    forgot_on: date, asked_on: date, opened: date, later: int, key_days: int
) -> None:
    """The wall clock may be anything at either moment; business days go on only."""
    first = first_known(forgot_on, f"{opened:%Y%m%d}", key_days)
    today = key_date(asked_on, f"{opened + timedelta(later):%Y%m%d}")
    assert KeyWindow(today, key_days).first > first


@pytest.mark.parametrize(
    ("today", "open_date", "counts_from"),
    [
        (date(2026, 9, 30), "20261009", date(2026, 9, 30)),
        (date(2026, 11, 24), "20261124", date(2026, 11, 24)),
        (date(2026, 11, 24), "20270110", date(2026, 12, 31)),
        (date(2027, 11, 24), "20261124", date(2027, 11, 24)),
        (date(2026, 11, 24), "", date(2026, 11, 24)),
    ],
    ids=["before a holiday", "both", "a clock set back", "a clock ahead", "no day"],
)
def test_a_keys_window_counts_from_today_but_not_from_long_before_the_business_day(
    today: date, open_date: str, counts_from: date
) -> None:
    assert key_date(today, open_date) == counts_from


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "archived.json"
    path.write_bytes(write((DAY,)))
    path.chmod(0o644)
    return path


def refused(path: object) -> str:
    with pytest.raises(ArchivedRefused) as raised:
        read_archived(str(path))
    return str(raised.value)


def test_what_the_office_left_is_read(path: Path) -> None:
    assert read_archived(str(path)) == {DAY.date: DAY}


@pytest.mark.parametrize("mode", [0o664, 0o646, 0o666])
def test_a_file_that_others_can_change_is_refused(path: Path, mode: int) -> None:
    path.chmod(mode)
    assert "can be changed by others" in refused(path)


def test_what_is_no_file_or_no_such_list_is_refused_with_its_path(path: Path, tmp_path: Path) -> None:
    assert "names no file" in refused("")
    assert "is not there" in refused(tmp_path / "none")
    assert f"{tmp_path} cannot be read: Is a directory" in refused(tmp_path)
    (tmp_path / "link").symlink_to(path)
    assert "cannot be read" in refused(tmp_path / "link")
    os.mkfifo(tmp_path / "pipe")
    assert "is no plain file" in refused(tmp_path / "pipe")
    path.write_bytes(b"{")
    assert refused(path) == f"{path}: is no JSON"
