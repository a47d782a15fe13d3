"""What the database itself refuses of postings: whatever no reconciled day and no settled break explains."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import Connection, insert, text

from ledger.book.schema import make_missing
from ledger.book.store import Store
from ledger.errors import BatchRefused, LedgerError
from office.accounting.bank_dates import write_posted
from office.accounting.books import Leg, Posting, install_chart, post
from office.accounting.breaks import approve, find, open_breaks, propose, reject, to_suspense
from office.accounting.posting import day_posting, resolution_posting
from office.database.schema import OFFICE, days, products, reconciliations
from tests.support.suspense_breaks import BANK, CHART, D1, D2, LI, NAME, OTHER, WANG, finding

REFUSED = "no settled break, no statement and no reconciled day explains this posting"


@pytest.fixture
def guarded(office_url: str) -> Iterator[Store]:
    """An office's database as it is used, with one bank's date reconciled: a premium of 300 that agrees and
    an overage of 100.
    """
    opened = Store(office_url)
    with opened.transaction() as connection:
        make_missing(connection, OFFICE)
        install_chart(connection, CHART, 1, LI)
        day = {"state": "closed", "closed_at": 1, "root": "", "signature": "", "entries": 1}
        connection.execute(insert(days), [{**day, "date": D1, "next_date": D2}])
        result = {"ours": 1, "theirs": 2, "matched": 1, "ours_effect": 300, "theirs_effect": 400}
        result |= {"breaks_allowed": 1, "made_at": 1}
        connection.execute(insert(reconciliations), [{**result, "bank": BANK, "date": D1}])
        connection.execute(
            insert(products), [{"bank": BANK, "date": D1, "code": "500000", "lines": 1, "effect": 300}]
        )
        open_breaks(connection, BANK, D1, [finding()], 1)
    yield opened
    opened.close()


def of_day() -> Posting:
    posting = day_posting(CHART, BANK, D1, {"500000": 300}, 400, (100,))
    assert posting is not None
    return posting


def settled(connection: Connection, resolution: str = "refund") -> Posting:
    """Post the day, have two people settle the break, and give the posting that is due then."""
    write_posted(connection, BANK, D1, D1, 2)
    post(connection, [of_day()], 2)
    to_suspense(connection, BANK, D1, 2)
    connection.execute(text("UPDATE days SET state = 'posted'"))
    propose(connection, NAME, resolution, WANG, 3, "", CHART)
    approve(connection, NAME, LI, 4)
    connection.execute(text(f"UPDATE breaks SET state = 'posted', settled_on = '{D2}'"))  # noqa: S608
    posting = resolution_posting(CHART, find(connection, NAME), D2)
    assert posting is not None
    return posting


def moved(posting: Posting, place: int, **given: object) -> Posting:
    """The posting with one leg changed."""
    legs = list(posting.legs)
    legs[place] = legs[place]._replace(**given)  # type: ignore[arg-type]
    return posting._replace(legs=tuple(legs))


def altered(connection: Connection, statement: str) -> None:
    """Post what two people have settled, after somebody has changed the books."""
    wanted = settled(connection)
    connection.execute(text(statement))
    post(connection, [wanted], 5)


def test_a_days_posting_and_a_settled_breaks_go_in_as_the_books_explain_them(guarded: Store) -> None:
    with guarded.transaction() as connection:
        assert post(connection, [settled(connection)], 5) == 1
    with guarded.reading() as connection:
        assert connection.scalar(text("SELECT count(*) FROM postings")) == 2


DAYS: dict[str, Callable[[Posting], Posting]] = {
    "another account": lambda posting: moved(posting, 1, account="6301"),
    "another bank": lambda posting: moved(posting, 0, bank=OTHER),
    "a bank where none is named": lambda posting: moved(posting, 1, bank=BANK),
    "another amount": lambda posting: moved(moved(posting, 0, amount=500), 1, amount=-400),
    "another currency": lambda posting: posting._replace(
        legs=tuple(leg._replace(currency="840") for leg in posting.legs)
    ),
    "two legs more": lambda posting: posting._replace(
        legs=(*posting.legs, Leg("6711", "", "156", 1_000_000), Leg("122101", BANK, "156", -1_000_000))
    ),
    "its legs twice": lambda posting: posting._replace(legs=posting.legs * 2),
    "another date": lambda posting: posting._replace(posting=f"{D2}/{BANK}/day", date=D2),
    "another name": lambda posting: posting._replace(posting=f"{D1}/{BANK}/days"),
    "a second name": lambda posting: posting._replace(posting=f"{D1}/{BANK}/{D1}"),
    "a name of another date": lambda posting: posting._replace(posting=f"{D2}/{BANK}/day"),
}


@pytest.mark.parametrize("change", DAYS.values(), ids=DAYS)
def test_a_days_posting_has_only_the_legs_that_the_reconciliation_explains(
    guarded: Store, change: Callable[[Posting], Posting]
) -> None:
    with guarded.transaction() as connection:
        write_posted(connection, BANK, D1, D1, 2)
    with pytest.raises(BatchRefused, match=REFUSED), guarded.transaction() as connection:
        post(connection, [change(of_day())], 2)


def test_a_day_that_is_not_being_posted_gets_no_posting(guarded: Store) -> None:
    with pytest.raises(BatchRefused, match=REFUSED), guarded.transaction() as connection:
        post(connection, [of_day()], 2)


BREAKS: dict[str, Callable[[Posting], Posting]] = {
    "the counter leg on expense": lambda posting: moved(posting, 1, account="6711"),
    "the counter leg on another suspense account": lambda posting: moved(
        posting, 1, account="122102", bank=BANK
    ),
    "the first leg not from suspense": lambda posting: moved(posting, 0, account="6301", bank=""),
    "a part of the difference": lambda posting: moved(moved(posting, 0, amount=99), 1, amount=-99),
    "two legs more": lambda posting: posting._replace(
        legs=(*posting.legs, Leg("6711", "", "156", 1_000_000), Leg("122101", BANK, "156", -1_000_000))
    ),
    "another break": lambda posting: posting._replace(posting=posting.posting[:-1] + "2"),
    "another date": lambda posting: posting._replace(posting=posting.posting.replace(D2, D1, 1), date=D1),
    "no break": lambda posting: posting._replace(
        posting=f"{D2}/{BANK}/x",
        legs=(Leg("6711", "", "156", 1_000_000), Leg("122101", BANK, "156", -1_000_000)),
    ),
}


@pytest.mark.parametrize("change", BREAKS.values(), ids=BREAKS)
def test_a_breaks_posting_has_the_two_legs_that_the_chart_gives_for_its_resolution(
    guarded: Store, change: Callable[[Posting], Posting]
) -> None:
    with pytest.raises(BatchRefused, match=REFUSED), guarded.transaction() as connection:
        post(connection, [change(settled(connection))], 5)


UNSETTLED = (
    "UPDATE breaks SET state = 'closed'",
    "UPDATE breaks SET state = 'approved'",
    "UPDATE breaks SET proposed_by = 'nobody', approved_by = 'noone'",
    "UPDATE breaks SET proposed_by = 'nobody'",
    "UPDATE breaks SET approved_by = 'noone'",
    "UPDATE breaks SET resolution = 'gain'",
    "UPDATE breaks SET \"class\" = 'timing'",
)


@pytest.mark.parametrize("statement", UNSETTLED)
def test_a_break_that_two_people_have_not_settled_by_the_trail_gets_no_posting(
    guarded: Store, statement: str
) -> None:
    with pytest.raises(BatchRefused, match=REFUSED), guarded.transaction() as connection:
        altered(connection, statement)


def test_a_decision_that_was_refused_is_none(guarded: Store) -> None:
    """The audit log has refused acts too, whose notes begin otherwise than with a resolution."""
    with pytest.raises(BatchRefused, match=REFUSED), guarded.transaction() as connection:
        altered(connection, "UPDATE breaks SET resolution = 'failed'")


def test_what_was_rejected_and_proposed_anew_is_posted_by_the_second_decision(guarded: Store) -> None:
    with guarded.transaction() as connection:
        write_posted(connection, BANK, D1, D1, 2)
        post(connection, [of_day()], 2)
        to_suspense(connection, BANK, D1, 2)
        propose(connection, NAME, "gain", LI, 3, "why not", CHART)
        reject(connection, NAME, WANG, 4)
        propose(connection, NAME, "refund", WANG, 5, "the customer's", CHART)
        approve(connection, NAME, LI, 6, "seen")
        connection.execute(text(f"UPDATE breaks SET state = 'posted', settled_on = '{D2}'"))  # noqa: S608
        wanted = resolution_posting(CHART, find(connection, NAME), D2)
        assert wanted is not None
        assert post(connection, [wanted], 7) == 1


def test_a_chart_that_changed_holds_for_the_next_posting(guarded: Store) -> None:
    other = CHART.resolutions["refund"]._replace(counter="2203")
    changed = CHART._replace(resolutions={**CHART.resolutions, "refund": other})
    with guarded.transaction() as connection:
        wanted = settled(connection)
        assert install_chart(connection, changed, 5, LI)
        assert post(connection, [moved(wanted, 1, account="2203")], 6) == 1


def test_clearing_and_suspense_stay_where_they_are_once_there_are_postings(guarded: Store) -> None:
    moved_there = CHART._replace(long="224102")
    with guarded.transaction() as connection:
        assert install_chart(connection, moved_there, 2, LI)
        assert install_chart(connection, CHART, 3, LI)
        write_posted(connection, BANK, D1, D1, 4)
        post(connection, [of_day()], 4)
    with pytest.raises(LedgerError, match="long cannot change"), guarded.transaction() as connection:
        install_chart(connection, moved_there, 5, LI)
