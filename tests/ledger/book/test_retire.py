"""The front book forgets a day when nobody can ask for it again, and nothing sooner; on both databases."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from os import urandom
from typing import Any, Final

import pytest
from sqlalchemy import func, insert, select, text

import ledger.book.retire
from ledger.book.audit_log import read_audit_log
from ledger.book.cutover import cut_over
from ledger.book.front import FrontBook
from ledger.book.journal import prove, read_chains, read_days
from ledger.book.load import load_book
from ledger.book.retire import Retired, RetireRefused, retire
from ledger.book.schema import audit_log, bank_days, journal, retired
from ledger.book.startup_check import examine
from ledger.book.store import Store
from ledger.errors import InvariantBroken, LedgerError, Unavailable
from ledger.files.archived import ArchivedDay
from ledger.rules.calendar import Calendar
from ledger.rules.entry import Kind
from ledger.rules.request import Act, Request
from ledger.rules.seal import Sealer
from protocol.responses import Response
from tests.support.builders import BANK, DATE, book, premium, request
from tests.support.machine import SEAL_KEY

pytestmark = pytest.mark.slow

SECOND, THIRD = "20261125", "20261126"
LATER: Final = "20270131"
"""So late that no key of these days is known any more."""
SEALER = Sealer(SEAL_KEY)


class Front:
    """A front book of two nodes, and what the office says of its days."""

    def __init__(self, database: str) -> None:
        self.store = Store(database)
        self.nodes = [FrontBook(self.store, "check", urandom) for _ in range(2)]
        self.nodes[0].create()
        load_book(self.store, book(dues=[premium(f"D{n}", f"P{n}") for n in range(1, 6)]), str, 1)
        for number, node in enumerate(self.nodes):
            node.claim(f"fep{number}")

    def pay(self, number: int, date: str, node: int = 0, act: Act = Act.COLLECT, **given: object) -> Request:
        """Have a due paid, by a key of this date; the request."""
        sent = request(act, policy=f"P{number}", sent_at=f"{date}101112", **given)
        [answer] = self.nodes[node].commit([sent], 1)
        assert answer.response is Response.APPROVED
        return sent

    def refuse(self, date: str, node: int = 0) -> Request:
        sent = request(policy="P9", sent_at=f"{date}101112")
        self.nodes[node].commit([sent], 1)
        return sent

    def close(self, date: str, at: int = 7) -> None:
        cut_over(self.store, date, Calendar().next_business_date, SEALER, at)

    def told(self, **counts: int) -> dict[str, ArchivedDay]:
        """What the office says: each closed day, with its true count, or the one given as _DATE=COUNT."""
        with self.store.reading() as connection:
            days = [day for day in read_days(connection) if day.root]
            count = select(journal.c.business_date, func.count()).group_by(journal.c.business_date)
            size = dict(map(tuple, connection.execute(count)))
        return {
            day.date: ArchivedDay(day.date, day.root, counts.get(f"_{day.date}", size.get(day.date, 0)))
            for day in days
        }

    def retire(self, first_date: str = LATER, told: dict[str, ArchivedDay] | None = None) -> Retired:
        archived = self.told() if told is None else told
        return retire(self.store, archived, first_date, lambda: 9, by="li")

    def entries(self) -> list[tuple[str, str]]:
        """Business date and kind of what the journal has."""
        with self.store.reading() as connection:
            query = select(journal.c.business_date, journal.c.kind).order_by(
                journal.c.business_date, journal.c.chain, journal.c.position
            )
            return [tuple(row) for row in connection.execute(query)]

    def states(self) -> list[tuple[str, str]]:
        with self.store.reading() as connection:
            return [(day.date, day.state) for day in read_days(connection)]

    def faults(self) -> list[Any]:
        """Where the journal does not prove itself from the retired days on."""
        with self.store.reading() as connection:
            return [link for chain in prove(connection) for link in chain.broken]


@pytest.fixture
def front(database: str) -> Iterator[Front]:
    front = Front(database)
    yield front
    front.store.close()


def three_days(front: Front) -> None:
    """Two closed days on both nodes, and an open one."""
    front.pay(1, DATE)
    front.pay(2, DATE, node=1)
    front.refuse(DATE)
    front.close(DATE)
    front.pay(3, SECOND, node=1)
    front.close(SECOND)
    front.pay(4, THIRD)


def test_a_days_entries_leave_and_the_day_with_its_seal_stays(front: Front) -> None:
    three_days(front)
    told = front.told()
    first_retired = front.retire(told={DATE: told[DATE]})
    assert first_retired == Retired((DATE,), 3, f"the office has not archived {SECOND} yet")
    assert front.entries() == [(SECOND, "collection"), (THIRD, "collection")]
    assert front.states() == [(DATE, "retired"), (SECOND, "closed"), (THIRD, "open")]
    assert front.retire(told=told) == Retired((SECOND,), 1, f"{THIRD} is not closed")
    assert front.entries() == [(THIRD, "collection")]
    assert front.retire(told=told) == Retired((), 0, f"{THIRD} is not closed"), "asked again, nothing changes"
    with front.store.reading() as connection:
        audit_rows = [
            (act.by, act.act, act.subject, act.note) for act in read_audit_log(connection, audit_log)
        ]
    roots = {day: told[day].root for day in (DATE, SECOND)}
    assert [act for act in audit_rows if act[1] == "retire"] == [
        ("li", "retire", DATE, f"3 entries; root {roots[DATE]}"),
        ("li", "retire", SECOND, f"1 entries; root {roots[SECOND]}"),
    ]


def test_the_chains_go_on_from_the_retired_days_sealed_ends(front: Front) -> None:
    three_days(front)
    front.retire()
    assert front.faults() == []
    assert examine(front.store).faults == ()
    front.pay(5, THIRD, node=1)
    assert (front.faults(), examine(front.store).fault_count) == ([], 0)
    with front.store.reading() as connection:
        assert [chain.position for chain in read_chains(connection)] == [3, 3]


def test_a_chain_that_has_nothing_left_still_proves_itself_and_is_claimed_again(front: Front) -> None:
    front.pay(1, DATE, node=1)
    front.close(DATE)
    front.retire()
    assert (front.entries(), front.faults(), examine(front.store).fault_count) == ([], [], 0)
    front.nodes[1].claim("fep1")
    front.pay(2, SECOND, node=1)
    assert front.faults() == []


@pytest.mark.parametrize("count", [0, 2, 4, 10**9])
def test_a_day_of_which_the_office_has_other_than_all_entries_stays(front: Front, count: int) -> None:
    three_days(front)
    with pytest.raises(RetireRefused, match=f"has 3 entries, and the office tells of {count}; nothing"):
        front.retire(told=front.told(**{f"_{DATE}": count}))
    assert (len(front.entries()), front.states()[0]) == (5, (DATE, "closed"))


def test_a_day_that_the_office_has_under_another_root_stays(front: Front) -> None:
    three_days(front)
    told = front.told()
    told[DATE] = told[DATE]._replace(root="0" * 64)
    with pytest.raises(RetireRefused, match="under another root"):
        front.retire(told=told)
    assert len(front.entries()) == 5


def test_no_day_goes_before_an_earlier_one(front: Front) -> None:
    three_days(front)
    told = front.told()
    del told[DATE]
    assert front.retire(told=told) == Retired((), 0, f"the office has not archived {DATE} yet")
    assert len(front.entries()) == 5


@pytest.mark.parametrize(
    ("first_date", "goes"), [(DATE, False), (SECOND, False), ("20261126", False), ("20261127", True)]
)
def test_a_day_stays_as_long_as_the_newest_of_its_keys_is_in_the_window(
    front: Front, first_date: str, *, goes: bool
) -> None:
    """A key is of its own moment: a bank's clock was two days ahead of the business date."""
    front.pay(1, DATE)
    front.pay(2, "20261126", node=1)
    front.close(DATE)
    outcome = front.retire(first_date)
    assert (outcome.dates, len(front.entries())) == (((DATE,), 0) if goes else ((), 2))
    if not goes:
        assert outcome.waits == f"a key of {DATE} is of 20261126, and keys are known from {first_date} on"


@pytest.mark.parametrize(
    ("hours", "first_date", "goes"),
    [(22, "20261125", False), (22, "20261126", True), (26, "20261126", False), (26, "20261127", True)],
)
def test_an_advice_of_a_moment_far_ahead_keeps_its_day_by_the_machines_date_and_not_by_its_own(
    front: Front, hours: int, first_date: str, *, goes: bool
) -> None:
    """A bank wrote June. The day was closed so many hours after midnight in Beijing; a key may be made a day
    ahead of that. Until the day goes, the advice again is the same one.
    """
    wrong = {"mti": "0220", "advice": True, "outside_window": True, "sent_at": "20270601101112"}
    advice = request(policy="P1", **wrong)
    assert [answer.response for answer in front.nodes[0].commit([advice], 1)] == ["00"]
    midnight = datetime(2026, 11, 24, tzinfo=timezone(timedelta(hours=8)))
    front.close(DATE, round((midnight + timedelta(hours=hours)).timestamp()) * 1_000_000)
    [again] = front.nodes[0].commit([advice], 2)
    assert (again.response, again.replayed) == ("00", True)
    outcome = front.retire(first_date)
    assert (outcome.dates, len(front.entries())) == (((DATE,), 0) if goes else ((), 1))


def test_a_day_without_entries_goes_in_its_turn_by_its_date(front: Front) -> None:
    front.close(DATE)
    assert front.retire(DATE).dates == ()
    assert front.retire(SECOND).dates == (DATE,)


def test_tombstones_are_forgotten_with_their_day_and_known_until_then(front: Front) -> None:
    original = request(sent_at=f"{DATE}111111")
    undo = request(Act.REVERSE, original=original.key, sent_at=f"{DATE}111112")
    front.nodes[0].commit([undo], 1)
    front.close(DATE)
    assert front.retire(DATE).dates == ()
    [answer] = front.nodes[0].commit([original], 2)
    assert answer.response.value == "21"
    assert front.retire().dates == (DATE,)
    assert [kind for _, kind in front.entries() if kind == Kind.TOMBSTONE.value] == []


def test_a_settled_due_stays_settled_and_its_totals_stay(front: Front) -> None:
    three_days(front)
    front.retire()
    again = request(policy="P1", sent_at=f"{THIRD}101113")
    [answer] = front.nodes[0].commit([again], 1)
    assert answer.response.value == "12"
    with front.store.reading() as connection:
        query = select(bank_days.c.collections, bank_days.c.collected).where(
            bank_days.c.bank == BANK, bank_days.c.date == DATE
        )
        assert tuple(connection.execute(query).one()) == (2, 240_000)


def test_a_due_whose_earlier_effects_are_retired_takes_its_next_one(front: Front) -> None:
    """Collected and reversed on a day that is gone: its sequence goes on, and is checked against the due."""
    first = front.pay(1, DATE)
    front.pay(1, DATE, act=Act.REVERSE, original=first.key)
    front.close(DATE)
    front.retire()
    front.pay(1, SECOND)
    with front.store.reading() as connection:
        stored_row = connection.execute(
            select(journal.c.subject, journal.c.sequence, journal.c.sequence_before)
        ).all()
    assert [tuple(row) for row in stored_row] == [("D1", 3, 2)]


@pytest.mark.parametrize(("sequence", "before"), [(5, 4), (7, 6)])
def test_an_effect_without_the_one_before_is_refused_by_the_database(
    front: Front, sequence: int, before: int
) -> None:
    first = front.pay(1, DATE)
    front.pay(1, DATE, act=Act.REVERSE, original=first.key)
    with front.store.reading() as connection:
        row = connection.execute(select(journal).where(journal.c.sequence == 1)).one()._asdict()
    forged = {
        **row,
        "position": 3,
        "key": "x",
        "receipt": None,
        "sequence": sequence,
        "sequence_before": before,
    }
    with (
        pytest.raises(LedgerError, match="sequence_follows_sequence"),
        front.store.transaction() as connection,
    ):
        connection.execute(insert(journal).values(forged))


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM journal",
        "DELETE FROM journal WHERE business_date = '20261125'",
        "UPDATE journal SET amount = 1",
        "DELETE FROM retired",
        "UPDATE retired SET entries = 0",
    ],
)
def test_with_a_day_retired_nothing_else_can_be_deleted_or_changed(front: Front, statement: str) -> None:
    three_days(front)
    front.retire(told={DATE: front.told()[DATE]})
    before = front.entries()
    with pytest.raises(LedgerError, match="append-only"), front.store.transaction() as connection:
        connection.execute(text(statement))
    assert front.entries() == before


@pytest.mark.parametrize(
    ("date", "root"),
    [
        (SECOND, "its own"),
        (THIRD, ""),
        (THIRD, "0" * 64),
        (DATE, "0" * 64),
        (DATE, ""),
        ("20261001", "0" * 64),
    ],
)
def test_the_database_marks_only_the_oldest_closed_day_under_its_root(
    front: Front, date: str, root: str
) -> None:
    three_days(front)
    given = front.told()[SECOND].root if root == "its own" else root
    row = {"date": date, "root": given, "entries": 1, "retired_at": 1}
    with pytest.raises(LedgerError, match="only the oldest day"), front.store.transaction() as connection:
        connection.execute(insert(retired).values(row))
    assert front.states()[0] == (DATE, "closed")


@pytest.mark.parametrize("lost", range(1, 6))
def test_a_retirement_that_was_interrupted_goes_on_the_next_time(
    front: Front, monkeypatch: pytest.MonkeyPatch, lost: int
) -> None:
    """After any of its transactions; what it had marked is proved from its end on, whatever is left of it."""
    monkeypatch.setattr(ledger.book.retire, "ENTRIES_A_TRANSACTION", 1)
    three_days(front)
    told = front.told()
    calls = 0

    def run(transaction: Callable[[], Any]) -> Any:  # noqa: ANN401 - whatever it gives
        nonlocal calls
        calls += 1
        if calls == lost + 1:
            raise Unavailable("the machine is stopping")
        return transaction()

    with pytest.raises(Unavailable):
        retire(front.store, told, LATER, lambda: 9, run)
    assert (front.faults(), examine(front.store).fault_count) == ([], 0)
    front.retire(told=told)
    assert (front.entries(), front.faults()) == ([(THIRD, "collection")], [])
    assert front.states() == [(DATE, "retired"), (SECOND, "retired"), (THIRD, "open")]


def test_what_an_interruption_left_goes_though_no_further_day_may(
    front: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger.book.retire, "ENTRIES_A_TRANSACTION", 1)
    three_days(front)
    told = {DATE: front.told()[DATE]}
    transactions = iter(range(2))

    def run(transaction: Callable[[], Any]) -> Any:  # noqa: ANN401 - whatever it gives
        if next(transactions, None) is None:
            raise Unavailable("the machine is stopping")
        return transaction()

    with pytest.raises(Unavailable):
        retire(front.store, told, LATER, lambda: 9, run)
    assert len(front.entries()) == 4
    assert front.retire(told=told) == Retired((), 2, f"the office has not archived {SECOND} yet")
    assert front.entries() == [(SECOND, "collection"), (THIRD, "collection")]


def test_no_transaction_takes_more_entries_than_a_batch(front: Front) -> None:
    for _ in range(3):
        front.nodes[0].commit([request(policy="P9", sent_at=f"{DATE}101112") for _ in range(400)], 1)
    front.close(DATE)
    sizes = []

    def run(transaction: Callable[[], Any]) -> Any:  # noqa: ANN401 - whatever it gives
        before = len(front.entries())
        done = transaction()
        sizes.append(before - len(front.entries()))
        return done

    retire(front.store, front.told(), LATER, lambda: 9, run)
    assert sizes == [0, 500, 500, 200, 0, 0]


def test_a_day_whose_seal_is_not_over_its_ends_stops_everything(front: Front) -> None:
    three_days(front)
    told = front.told()
    with front.store.transaction() as connection:
        connection.execute(text("UPDATE days SET chains = '[]' WHERE date = '20261124'"))
    with pytest.raises(InvariantBroken, match=f"business day {DATE}: its seal"):
        front.retire(told=told)
    assert len(front.entries()) == 5
