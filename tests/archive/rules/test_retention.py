"""How long each class is kept, and from when on a volume may be destroyed: never a day too early."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive.rules.retention import (
    ClassesError,
    RetentionClass,
    Start,
    contracts_destroy_after,
    destroy_after,
    parse,
    shipped,
)

dates = st.dates(date(1990, 1, 1), date(2099, 12, 31)).map(lambda day: f"{day:%Y%m%d}")
YEAR_END = RetentionClass("Z", "vouchers", Start.YEAR_END, 30)
SHORT = RetentionClass("B5", "policies", Start.CONTRACT_END, 5)
CONTRACT = RetentionClass("B", "policies", Start.CONTRACT_END, 10)


def test_the_shipped_classes_are_those_of_the_law() -> None:
    years = {code: (row.start, row.years) for code, row in shipped().items()}
    assert years == {
        "Z30": (Start.YEAR_END, 30),
        "Z10": (Start.YEAR_END, 10),
        "B?": (Start.OPEN, 0),
        "B10": (Start.CONTRACT_END, 10),
        "B5": (Start.CONTRACT_END, 5),
        "P": (Start.NEVER, 0),
        "X": (Start.EVENT, 3),
    }


@given(dates)
def test_accounts_are_kept_from_the_end_of_their_year(last: str) -> None:
    assert destroy_after(YEAR_END, last) == f"{int(last[:4]) + 30}1231"


@given(st.lists(dates, min_size=1, max_size=5), dates)
def test_a_volume_of_contracts_is_kept_for_the_one_kept_longest(ends: list[str], short: str) -> None:
    long = [(CONTRACT, ended) for ended in ends]
    due = contracts_destroy_after(long)
    assert due[:4] == f"{int(max(ends)[:4]) + 10}"
    assert due >= f"{int(max(ends)[:4]) + 10}{max(ends)[4:6]}"
    five = contracts_destroy_after([(SHORT, short)])
    assert contracts_destroy_after([*long, (SHORT, short)]) == max(due, five)
    assert contracts_destroy_after([*long, (CONTRACT, "")]) == ""
    assert contracts_destroy_after([*long, (None, "20200101")]) == ""


def test_what_waits_for_contracts_to_end_has_no_day() -> None:
    assert contracts_destroy_after([]) == ""
    assert destroy_after(CONTRACT, "20260930") == ""
    assert destroy_after(shipped()["B?"], "20260930") == ""


def test_what_is_kept_for_ever_has_no_day_and_a_leap_day_is_the_28th() -> None:
    assert destroy_after(shipped()["P"], "20260930") == ""
    assert destroy_after(shipped()["X"], "20240229") == "20270228"
    assert destroy_after(RetentionClass("X", "events", Start.EVENT, 4), "20240229") == "20280229"


GOOD = '[[class]]\ncode = "A"\npapers = "p"\nstart = "event"\nyears = 3\n'


@pytest.mark.parametrize(
    "text",
    [
        "[[class]]\n",
        "not toml",
        GOOD + GOOD,
        GOOD.replace("3", "0"),
        GOOD.replace("3", '"3"'),
        GOOD.replace("event", "never"),
        GOOD.replace("event", "open"),
        GOOD.replace("event", "sometime"),
        GOOD + "more = 1\n",
    ],
)
def test_classes_with_a_fault_are_refused(text: str) -> None:
    with pytest.raises(ClassesError):
        parse(text)
    assert list(parse(GOOD)) == ["A"]
