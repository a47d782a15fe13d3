"""What a report's rows add up to; and that no sum passes that they do not make."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import InvariantBroken
from ledger.rules.break_classes import BreakClass
from office.accounting.break_states import BreakState
from office.reports.report_values import (
    ClassSum,
    DayAccounts,
    DirectionSums,
    FileSum,
    ListedBreak,
    Movement,
    Overview,
    OverviewTotal,
    Reconciliation,
    Report,
    ShownLeg,
    ShownPosting,
    check,
    check_overview,
)
from tests.support.report_books import (
    AMOUNT,
    BANK,
    D1,
    D2,
    EXCEPTION_ADVICE,
    EXPECTED,
    MATCHED,
    REFUNDED,
    STATE,
    TODAY,
    TWICE,
    WAITING,
    broken,
)


def test_breaks_are_of_the_date_or_carried_and_outstanding_until_settled() -> None:
    assert [listed.row for listed in EXPECTED.opened] == [AMOUNT, TWICE, EXCEPTION_ADVICE, STATE]
    assert [listed.row for listed in EXPECTED.brought_forward] == [REFUNDED, MATCHED, WAITING]
    assert [listed.row for listed in EXPECTED.outstanding] == [
        WAITING,
        AMOUNT,
        TWICE,
        EXCEPTION_ADVICE,
        STATE,
    ]


def test_every_class_is_there_with_what_the_date_opened_of_it() -> None:
    assert EXPECTED.classes == (
        ClassSum("bank_only", 0, 0),
        ClassSum("ours_only", 0, 0),
        ClassSum("amount_differs", 1, -10_000),
        ClassSum("state_differs", 1, 500_000),
        ClassSum("details_differ", 0, 0),
        ClassSum("duplicate", 1, 80_000),
        ClassSum("timing", 0, 0),
        ClassSum("late_reversal", 0, 0),
        ClassSum("exception_advice", 1, 0),
        ClassSum("arrival_differs", 0, 0),
    )


def test_sides_are_shown_by_direction() -> None:
    assert EXPECTED.sides == (
        DirectionSums("C", 6, 900_000, 5, 1_000_000),
        DirectionSums("P", 2, -800_000, 2, -300_000),
    )
    assert [side.difference for side in EXPECTED.sides] == [100_000, 500_000]
    assert (EXPECTED.difference, EXPECTED.taken_back) == (600_000, 0)


def test_suspense_moves_from_what_it_was_to_what_is_left() -> None:
    assert EXPECTED.long == Movement(50_000, 580_000, 0, 50_000)
    assert EXPECTED.short == Movement(-42_000, -10_000, -30_000, 0)
    assert (EXPECTED.long.after, EXPECTED.short.after) == (580_000, -22_000)


def test_what_the_bank_takes_back_of_earlier_files_is_in_neither_direction() -> None:
    shown = EXPECTED._replace(reconciliation=EXPECTED.reconciliation._replace(theirs_effect=640_000))
    assert shown.taken_back == -60_000
    assert shown.sides == EXPECTED.sides
    assert sum(side.difference for side in shown.sides) + shown.taken_back == shown.difference


def other(**changes: Any) -> Report:  # noqa: ANN401 - any field
    return EXPECTED._replace(**changes)


def reshown(place: int, **changes: Any) -> Report:  # noqa: ANN401 - any field of a break
    """The report with one break changed."""
    listed = list(EXPECTED.breaks)
    listed[place] = listed[place]._replace(row=listed[place].row._replace(**changes))
    return EXPECTED._replace(breaks=tuple(listed))


def releg(place: int, amount: int) -> Report:
    """The report with the amount of a leg of the day's posting changed."""
    first = EXPECTED.postings[0]
    legs = list(first.legs)
    legs[place] = legs[place]._replace(amount=amount)
    return other(postings=(first._replace(legs=tuple(legs)), *EXPECTED.postings[1:]))


DOCTORED = {
    **{
        f"reconciliation {name}": other(reconciliation=EXPECTED.reconciliation._replace(**{name: 99}))
        for name in ("ours", "theirs", "ours_effect", "theirs_effect")
    },
    **{
        f"file {name}": other(file=EXPECTED.file._replace(**{name: 99}))
        for name in ("lines", "collected", "paid")
    },
    "a product less": other(products=EXPECTED.products[1:]),
    "a product's lines": other(products=(EXPECTED.products[0]._replace(lines=6), *EXPECTED.products[1:])),
    "a product's code": other(products=(EXPECTED.products[0]._replace(code="1"), *EXPECTED.products[1:])),
    "a sum of the file less": other(file_sums=EXPECTED.file_sums[:2]),
    "a payout shown as a collection": other(
        file_sums=(*EXPECTED.file_sums[:1], EXPECTED.file_sums[1]._replace(direction="C"))
    ),
    "nothing reversed, yet taken back": other(
        file=EXPECTED.file._replace(collected=1_060_000),
        file_sums=(FileSum("C", "S", 5, 1_060_000), FileSum("P", "S", 2, 300_000)),
    ),
    "an effect under a code of no direction": other(
        products=(
            EXPECTED.products[0]._replace(effect=699_999),
            *EXPECTED.products[1:],
            EXPECTED.products[0]._replace(code="310000", lines=0, effect=1),
        )
    ),
    "a break brought forward less": other(breaks=EXPECTED.breaks[:2] + EXPECTED.breaks[3:]),
    "a break less": other(breaks=EXPECTED.breaks[:-1]),
    "a break more": other(breaks=(*EXPECTED.breaks, ListedBreak(broken(7, D2, "bank_only", 0, 1), 3, ""))),
    "a break's difference": reshown(3, difference=-9_999),
    "a break's effects": reshown(3, ours_effect=0),
    "a break settled": reshown(2, settled_on=D2, resolution="loss", state=BreakState.CLOSED),
    "a break not settled": reshown(0, settled_on=""),
    "a leg's amount": releg(0, 700_001),
    "a leg less": other(postings=(EXPECTED.postings[0]._replace(legs=EXPECTED.postings[0].legs[:-1]),)),
    "legs that balance and are too few": other(
        postings=(EXPECTED.postings[0], EXPECTED.postings[1]._replace(leg_count=3))
    ),
    "a posting less": other(postings=EXPECTED.postings[:1]),
    "clearing elsewhere": other(accounts=EXPECTED.accounts._replace(clearing="1122")),
    "overages in the books": other(accounts=EXPECTED.accounts._replace(long_balance=0)),
    "shortages in the books": other(accounts=EXPECTED.accounts._replace(short_balance=0)),
    "not posted": other(posted_on=""),
    "posted on a later date": other(posted_on="20261126"),
}


def test_report_that_adds_up_passes() -> None:
    check(EXPECTED)
    check_overview(Overview(TODAY, EXPECTED.day, (EXPECTED,), ()))


@pytest.mark.parametrize("shown", DOCTORED.values(), ids=DOCTORED)
def test_report_that_does_not_add_up_is_refused(shown: Report) -> None:
    with pytest.raises(InvariantBroken, match=f"{D2}/{BANK}: "):
        check(shown)
    with pytest.raises(InvariantBroken, match=f"{D2}/{BANK}: "):
        check_overview(Overview(TODAY, shown.day, (shown,), ()))


def test_clearing_is_held_against_the_days_posting_alone() -> None:
    """What a resolution posts to clearing too is no part of the bank's file."""
    corrected = EXPECTED.postings[1]._replace(
        legs=(EXPECTED.postings[1].legs[0], ShownLeg("122101", "", BANK, "156", -50_000))
    )
    check(other(postings=(EXPECTED.postings[0], corrected)))


def test_posting_is_added_up_by_currency() -> None:
    legs = (ShownLeg("1", "", "", "156", 5), ShownLeg("2", "", "", "840", -5))
    posting = ShownPosting("two currencies", "", 2, legs)
    assert posting.totals == (("156", 5, 0), ("840", 0, 5))
    with pytest.raises(InvariantBroken, match=r"two currencies, debits in 156: 5 is said, .* make 0"):
        check(other(postings=(*EXPECTED.postings, posting)))


def test_overview_adds_its_reports_up_and_takes_none_of_another_day() -> None:
    shown = Overview(TODAY, EXPECTED.day, (EXPECTED, EXPECTED), (("01040000", "中国银行"),))
    assert shown.total == OverviewTotal(16, 14, 8, 200_000, 1_400_000, 1_200_000, 8, 10, 1_160_000, -44_000)
    assert shown._replace(reports=()).total == OverviewTotal(*[0] * 10)
    with pytest.raises(InvariantBroken, match="is of another day"):
        check_overview(shown._replace(day=EXPECTED.day._replace(root="cd" * 32)))


AMOUNTS = st.integers(-(10**12), 10**12)


@st.composite
def reports(draw: st.DrawFn) -> Report:
    """A report of a posted date with any breaks, whose other figures are what they must be."""
    shown = []
    for number in range(1, draw(st.integers(0, 6)) + 1):
        of_date = draw(st.sampled_from([D1, D2]))
        cls, theirs = draw(st.sampled_from(BreakClass)), draw(AMOUNTS)
        settled = draw(st.sampled_from(["", D2, "20261126"]))
        matched = bool(settled) and of_date < settled and draw(st.booleans())
        people = {"resolution": "accept", "proposed_by": "李娜", "approved_by": "王强"}
        given = {"settled_on": settled, **({} if matched or not settled else people)}
        state = "closed" if settled else "suspense"
        shown.append(ListedBreak(broken(number, of_date, cls, 0, theirs, state, **given), 1, ""))
    return settled_report(tuple(shown), draw(AMOUNTS))


def settled_report(listed_breaks: tuple[ListedBreak, ...], ours: int) -> Report:
    long, short = (
        sum(
            sign * listed.row.difference
            for listed in listed_breaks
            if sign * listed.row.difference > 0 and listed.row.settled_on != D2
        )
        for sign in (1, -1)
    )
    opened = sum(listed.row.difference for listed in listed_breaks if listed.row.date == D2)
    gone = [listed.row for listed in listed_breaks if listed.row.settled_on == D2]
    theirs = ours + opened - sum(row.difference for row in gone if not row.resolution)
    before = [listed.row.difference for listed in listed_breaks if listed.row.date == D1]
    moved = {
        "122101": theirs,
        "224101": -long + sum(amount for amount in before if amount > 0),
        "122102": short + sum(amount for amount in before if amount < 0),
    }
    moved["1122"] = -sum(moved.values())
    legs = tuple(
        ShownLeg(code, "", "" if code == "1122" else BANK, "156", amount)
        for code, amount in moved.items()
        if amount
    )
    return EXPECTED._replace(
        reconciliation=Reconciliation(1, 1, 0, ours, theirs),
        products=(EXPECTED.products[0]._replace(lines=1, effect=ours),),
        file=EXPECTED.file._replace(lines=1, collected=0, paid=0),
        file_sums=(FileSum("P", "R", 1, 1),),
        breaks=listed_breaks,
        postings=(ShownPosting(f"{D2}/{BANK}/day", "", len(legs), legs),) if legs else (),
        accounts=DayAccounts("122101", "224101", "122102", -long, short),
    )


@given(reports(), st.data())
def test_any_report_adds_up_and_no_longer_does_when_one_difference_is_changed(
    shown: Report, data: st.DataObject
) -> None:
    check(shown)
    assert sum(class_sum.difference for class_sum in shown.classes) == shown.long.opened + shown.short.opened
    assert sum(class_sum.number for class_sum in shown.classes) == len(shown.opened)
    if shown.breaks:
        place = data.draw(st.integers(0, len(shown.breaks) - 1))
        more = data.draw(AMOUNTS.filter(bool))
        listed = list(shown.breaks)
        stored_row = listed[place].row
        changed = stored_row._replace(
            theirs_effect=stored_row.theirs_effect + more, difference=stored_row.difference + more
        )
        listed[place] = listed[place]._replace(row=changed)
        with pytest.raises(InvariantBroken):
            check(shown._replace(breaks=tuple(listed)))
