"""The end of a break: matched by a later day, or posted as two people decided."""

from __future__ import annotations

import pytest
from sqlalchemy import Connection, select

from ledger.book.store import Store
from office.accounting.books import account_balance, trial_balance
from office.accounting.break_states import BreakState
from office.accounting.breaks import close_matched, find, history, listing, post_approved
from office.accounting.posting import suspense_of_day
from office.database.schema import OFFICE
from office.errors import StepRefused
from tests.support.suspense_breaks import (
    BANK,
    CHART,
    D1,
    D2,
    D3,
    OTHER,
    approved,
    finding,
    in_suspense,
    proposed,
)


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
    assert post_approved(connection, CHART, BANK, D2, 9) == ()


def test_break_is_not_matched_by_its_own_day_or_under_an_unknown_class(connection: Connection) -> None:
    name = in_suspense(connection)
    with pytest.raises(StepRefused, match="is not later than the break"):
        close_matched(connection, name, "timing", D1, 9, "")
    with pytest.raises(StepRefused, match="rounding is no class"):
        close_matched(connection, name, "rounding", D2, 9, "")


def test_approved_breaks_are_posted_bank_by_bank_and_leave_suspense_empty(connection: Connection) -> None:
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
    assert post_approved(connection, CHART, BANK, D3, 9) == (over, short, exception_code)
    assert post_approved(connection, CHART, BANK, D3, 9) == ()
    assert post_approved(connection, CHART, OTHER, D3, 9) == (other,)
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
    assert post_approved(connection, CHART, BANK, D1, 9) == ()
    assert post_approved(connection, CHART, BANK, D2, 9) == (name,)


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
        post_approved(connection, less, BANK, D2, 9)
    with store.reading() as connection:
        assert {row.state for row in listing(connection)} == {"approved"}
        assert posted_on(connection, D2) == []
