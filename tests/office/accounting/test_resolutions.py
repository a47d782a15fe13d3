"""The end of a break: matched by a later day, or posted as two people decided."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, select

from ledger.book.store import Store
from ledger.rules.break_classes import BreakClass
from office.accounting.books import Leg, Posting, account_balance, check_balanced, trial_balance
from office.accounting.breaks import (
    BreakState,
    close_matched,
    find,
    history,
    listing,
    post_approved,
    resolution_posting,
)
from office.accounting.posting import suspense_of_day
from office.database.schema import OFFICE
from office.errors import StepRefused
from tests.support.suspense_breaks import (
    BANK,
    CHART,
    D1,
    D2,
    D3,
    NAME,
    OTHER,
    approved,
    finding,
    in_suspense,
    proposed,
    row,
)

# The end: matched late, or posted as two people decided.


def posted_on(connection: Connection, date: str) -> list[str]:
    postings = OFFICE.tables["postings"].c
    query = select(postings.posting).where(postings.date == date).order_by(postings.posting)
    return list(connection.scalars(query))


@pytest.mark.parametrize("with_proposal", [False, True])
def test_late_match_closes_and_lets_a_proposal_fall(connection: Connection, with_proposal: bool) -> None:
    name = in_suspense(connection)
    before = find(connection, name)
    if with_proposal:
        proposed(connection, name)
    end = close_matched(connection, name, "timing", D2, 9, "ours of the next day")
    assert end == before._replace(
        cls="timing", reason="ours of the next day", state=BreakState.CLOSED, settled_on=D2
    )
    line = history(connection, name)[-1]
    assert line[1:3] == (9, "office")
    assert line.note == "bank_only is timing: ours of the next day"
    assert post_approved(connection, CHART, D2, 9) == ()


def test_break_is_not_matched_by_its_own_day_or_under_an_unknown_class(connection: Connection) -> None:
    name = in_suspense(connection)
    with pytest.raises(StepRefused, match="is not later than the break"):
        close_matched(connection, name, "timing", D1, 9, "")
    with pytest.raises(StepRefused, match="rounding is no class"):
        close_matched(connection, name, "rounding", D2, 9, "")


# Resolution, class, code, difference; the debited and the credited account.
ENDS: tuple[tuple[str, str, str, int, str, str], ...] = (
    ("bank_corrects", "bank_only", "500000", 7, "224101", "122101"),
    ("bank_corrects", "ours_only", "500000", -7, "122101", "122102"),
    ("accept", "bank_only", "500000", 7, "224101", "1122"),
    ("accept", "ours_only", "501000", -7, "2203", "122102"),
    ("accept", "bank_only", "260000", -7, "220202", "122102"),
    ("accept", "ours_only", "263000", 7, "224101", "220204"),
    ("accept", "amount_differs", "502000", -7, "1303", "122102"),
    ("refund", "duplicate", "500000", 7, "224101", "224102"),
    ("recover", "duplicate", "261000", -7, "122103", "122102"),
    ("accept", "exception_advice", "501000", 7, "224101", "2203"),
    ("accept", "exception_advice", "262000", -7, "220201", "122102"),
    ("bank_corrects", "exception_advice", "262000", -7, "122101", "122102"),
    ("recover", "exception_advice", "262000", -7, "122103", "122102"),
    ("loss", "exception_advice", "262000", -7, "6711", "122102"),
    ("refund", "exception_advice", "500000", 7, "224101", "224102"),
    ("accept", "late_reversal", "500000", -7, "1122", "122102"),
    ("bank_corrects", "late_reversal", "500000", 7, "224101", "122101"),
    ("ours_stands", "details_differ", "502000", 7, "224101", "1303"),
    ("ours_stands", "details_differ", "263000", -7, "220204", "122102"),
    ("gain", "bank_only", "500000", 7, "224101", "6301"),
    ("loss", "bank_only", "262000", -7, "6711", "122102"),
)


@pytest.mark.parametrize(("resolution", "cls", "code", "difference", "debit", "credit"), ENDS)
def test_resolution_moves_the_whole_difference_out_of_suspense(
    resolution: str, cls: str, code: str, difference: int, debit: str, credit: str
) -> None:
    found = row(resolution=resolution, cls=cls, code=code, difference=difference)
    posting = resolution_posting(CHART, found, D2)
    words = f"{CHART.resolutions[resolution].zh} {CHART.resolutions[resolution].en}"
    legs = {
        Leg(debit, BANK if CHART.accounts[debit].by_bank else "", "156", 7),
        Leg(credit, BANK if CHART.accounts[credit].by_bank else "", "156", -7),
    }
    assert posting is not None
    assert posting._replace(legs=()) == Posting(f"{D2}/{BANK}/{NAME}", D2, BANK, words, ())
    assert (set(posting.legs), len(posting.legs)) == (legs, 2)


def test_every_resolution_of_money_is_among_the_ends() -> None:
    assert {end[0] for end in ENDS} | {"no_money"} == set(CHART.resolutions)


def test_where_the_codes_differ_the_bank_is_right_about_its_own_account_and_we_about_ours() -> None:
    found = row(cls="details_differ", code="500000", bank_code="502000", difference=7)
    for resolution, account in (("accept", "1303"), ("ours_stands", "1122")):
        posting = resolution_posting(CHART, found._replace(resolution=resolution), D2)
        assert posting is not None
        assert [leg.account for leg in posting.legs if leg.amount < 0] == [account]


@given(st.sampled_from(list(BreakClass)), st.integers(), st.sampled_from(list(CHART.products)), st.data())
def test_any_resolution_that_fits_balances_and_empties_suspense(
    cls: str, difference: int, code: str, data: st.DataObject
) -> None:
    fitting = CHART.fitting(cls, difference)
    resolution = data.draw(st.sampled_from(fitting)).name
    posting = resolution_posting(
        CHART, row(resolution=resolution, cls=cls, code=code, difference=difference), D2
    )
    if difference == 0:
        assert posting is None
        return
    assert posting is not None
    check_balanced(posting)
    assert [leg.amount for leg in posting.legs if leg.account == CHART.suspense(difference)] == [difference]


@pytest.mark.parametrize("resolution", ["", "unknown", "loss"])
def test_resolution_that_the_chart_no_longer_has_is_not_posted(resolution: str) -> None:
    with pytest.raises(StepRefused, match="the chart has no resolution"):
        resolution_posting(CHART, row(resolution=resolution, difference=7), D2)


def test_approved_breaks_of_all_banks_are_posted_and_leave_suspense_empty(connection: Connection) -> None:
    over = in_suspense(connection, finding(), finding(30, 0, "ours_only"), finding(5, 5, "exception_advice"))
    short, exception_code = f"B{D1}-{BANK}-0002", f"B{D1}-{BANK}-0003"
    other = in_suspense(connection, bank=OTHER)
    left = in_suspense(connection, date=D2)
    for name, resolution in (
        (exception_code, "no_money"),
        (other, "accept"),
        (short, "loss"),
        (over, "refund"),
    ):
        approved(connection, name, resolution)
    assert post_approved(connection, CHART, D3, 9) == (over, short, exception_code, other)
    assert post_approved(connection, CHART, D3, 9) == ()
    assert posted_on(connection, D3) == [
        f"{D3}/{BANK}/{over}",
        f"{D3}/{BANK}/{short}",
        f"{D3}/{OTHER}/{other}",
    ]
    assert {row.settled_on for row in listing(connection, states=("closed",))} == {D3}
    assert suspense_of_day(connection, BANK, D3) == ((), ()), "what was resolved is no late match"
    assert [row.name for row in listing(connection, states=("suspense",))] == [left]
    balances = {row.account: row.balance for row in trial_balance(connection).rows}
    assert balances == {
        "1122": -30 - 5 - 100,
        "122101": 100 + 5 + 100 + 100,
        "122102": 0,
        "224101": -100,
        "224102": -100,
        "6711": 30,
    }
    assert account_balance(connection, "224101", BANK) == -100


def test_break_of_a_later_date_is_not_posted_on_an_earlier_one(connection: Connection) -> None:
    name = in_suspense(connection, date=D2)
    approved(connection, name)
    assert post_approved(connection, CHART, D1, 9) == ()
    assert post_approved(connection, CHART, D2, 9) == (name,)


def test_posting_of_approved_breaks_is_whole_or_not_at_all(store: Store) -> None:
    with store.transaction() as connection:
        first = in_suspense(connection, finding(), finding())
        second = f"B{D1}-{BANK}-0002"
        approved(connection, first)
        approved(connection, second, "gain")
    less = CHART._replace(
        resolutions={name: resolution for name, resolution in CHART.resolutions.items() if name != "gain"}
    )
    with pytest.raises(StepRefused, match="no resolution 'gain'"), store.transaction() as connection:
        post_approved(connection, less, D2, 9)
    with store.reading() as connection:
        assert {row.state for row in listing(connection)} == {"approved"}
        assert posted_on(connection, D2) == []
