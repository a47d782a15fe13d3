"""The pull: everything comes, in order and once, however often it is stopped; and nothing that is unproved.

What a forger could do to a front book is done to it from below, its triggers dropped first.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, insert, select, text, update

import office.acts
import office.pull
from ledger.cutover import cut_over
from ledger.entry import GENESIS, Entry, entry_hash
from ledger.errors import BatchRefused, Conflict, LedgerError
from ledger.front import FrontBook
from ledger.journal import read_chains, read_entries
from ledger.load import load_book
from ledger.schema import chains as front_chains
from ledger.schema import days as front_days
from ledger.schema import journal
from ledger.seal import ChainEnd, Sealer, day_root
from ledger.store import Store
from office.errors import ChainBroken, DayRefused
from office.frontday import FrontDay, sealed_by
from office.pull import Pulled, pull
from office.schema import OFFICE, acts, chains, days, entries
from protocol.responses import Response
from tests.builders import DATE, book, premium, request

NEXT, AFTER = "20261125", "20261126"
FOLLOWING = {DATE: NEXT, NEXT: AFTER, AFTER: "20261127"}
CLOSED_AT = 1_700_000_000_000_000
SEALER = Sealer(b"s" * 32)


def refusal(like: Entry, **change: object) -> Entry:
    """An entry like another, without effect, so that the database has nothing against it."""
    without = {"response": Response.NOT_POSSIBLE, "receipt": None, "subject": None, "turn": None}
    return like._replace(**{**without, "key": f"{like.key} again", **change})  # type: ignore[arg-type]


class Books:
    """A front book with two nodes, and the office beside it."""

    def __init__(self, front_url: str, office_url: str) -> None:
        self.front = Store(front_url)
        self.office = Store(office_url, by_index=False)
        self.nodes = [FrontBook(self.front, "check") for _ in range(2)]
        self.nodes[0].create()
        load_book(self.front, book(dues=[premium(f"D{n}", f"P{n}") for n in range(1, 4)]), str, 1)
        for number, node in enumerate(self.nodes):
            node.claim(f"fep{number + 1}")
        with self.office.transaction() as connection:
            OFFICE.create_all(connection)

    def close(self) -> None:
        self.front.close()
        self.office.close()

    def commit(self, size: int, node: int = 0) -> None:
        """A batch of so many entries: the dues of three policies, then what finds no due any more."""
        self.nodes[node].commit([request(policy=f"P{n % 3 + 1}") for n in range(size)], 1)

    def cut_over(self, date: str = DATE) -> None:
        cut_over(self.front, date, FOLLOWING.__getitem__, SEALER, CLOSED_AT)

    def pull(self, progress: Callable[[int], None] = lambda _: None) -> Pulled:
        return pull(self.front, self.office, sealed_by(SEALER.public), 7, "clerk", progress)

    def journal(self) -> list[Entry]:
        with self.front.reading() as connection:
            return [
                entry for chain in read_chains(connection) for entry in read_entries(connection, chain.chain)
            ]

    def ends(self) -> list[ChainEnd]:
        """Where the front's chains end; those that have begun."""
        with self.front.reading() as connection:
            found = [ChainEnd(one.chain, one.position, one.tip) for one in read_chains(connection)]
        return [end for end in found if end.position]

    def day(self, date: str = DATE) -> FrontDay:
        with self.front.reading() as connection:
            row = connection.execute(select(front_days).where(front_days.c.date == date)).one()
        ends = tuple(ChainEnd(*end) for end in json.loads(row.chains))
        return FrontDay(row.date, row.next_date, row.closed_at, ends, row.root, row.signature)

    def seal(self, day: FrontDay, sealer: Sealer = SEALER) -> None:
        """Put the day's figures into the front book under a seal that fits them."""
        root = day_root(day.date, day.next_date, day.closed_at, day.ends)
        values = {
            **day._asdict(),
            "chains": json.dumps(day.ends),
            "root": root,
            "signature": sealer.sign(root),
        }
        del values["ends"]
        with self.front.transaction() as connection:
            connection.execute(update(front_days).where(front_days.c.date == day.date).values(values))

    def forge(self, statement: str) -> None:
        """Do to the journal what its triggers refuse."""
        with self.front.transaction() as connection:
            if self.front.is_sqlite:
                for name in ("journal_is_never_updated", "journal_is_never_deleted"):
                    connection.execute(text(f"DROP TRIGGER {name}"))
            else:
                connection.execute(text("DROP TRIGGER journal_is_never_changed ON journal"))
            connection.execute(text(statement))

    def append(self, **change: object) -> None:
        """Put an entry behind the first chain's last, well linked, as only a forger could."""
        last = [entry for entry in self.journal() if entry.chain == 1][-1]
        linked = refusal(last, position=last.position + 1, previous=entry_hash(last), **change)
        with self.front.transaction() as connection:
            connection.execute(insert(journal).values(linked._asdict()))
            end = {"position": linked.position, "tip": entry_hash(linked)}
            connection.execute(update(front_chains).where(front_chains.c.chain == 1).values(end))


class Held(NamedTuple):
    """What the office has of the front."""

    entries: list[tuple[Any, ...]]
    ends: list[ChainEnd]
    days: list[tuple[Any, ...]]


def held(store: Store) -> Held:
    with store.reading() as connection:
        return Held(
            rows(connection, select(entries).order_by(entries.c.chain, entries.c.position)),
            [ChainEnd(*row) for row in rows(connection, select(chains).order_by(chains.c.chain))],
            rows(connection, select(days).order_by(days.c.date)),
        )


def rows(connection: Connection, query: Any) -> list[tuple[Any, ...]]:  # noqa: ANN401 - any query will do
    return [tuple(row) for row in connection.execute(query)]


def assert_consistent(store: Store) -> None:
    """The office's chains say just what its entries are."""
    found = held(store)
    last = {row[0]: Entry._make(row) for row in found.entries}
    assert found.ends == [ChainEnd(chain, one.position, entry_hash(one)) for chain, one in last.items()]


@pytest.fixture(autouse=True)
def small_transactions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(office.pull, "ENTRIES_A_TRANSACTION", 3)


@pytest.fixture
def books(database: str, office_url: str) -> Iterator[Books]:
    books = Books(database, office_url)
    yield books
    books.close()


def test_everything_comes_in_order_as_it_was_written(books: Books) -> None:
    books.commit(7)
    books.commit(4, node=1)
    told: list[int] = []
    assert books.pull(told.append) == Pulled(11, ())
    assert sum(told) == 11
    assert held(books.office) == Held([tuple(entry) for entry in books.journal()], books.ends(), [])


def test_the_next_pull_brings_only_what_is_new_and_one_for_nothing_writes_nothing(books: Books) -> None:
    assert books.pull() == Pulled(0, ())
    books.commit(4)
    assert books.pull() == Pulled(4, ())
    books.commit(5)
    books.commit(1, node=1)
    assert books.pull() == Pulled(6, ())
    with books.office.reading() as connection:
        before = rows(connection, select(acts))
    assert books.pull() == Pulled(0, ())
    with books.office.reading() as connection:
        assert rows(connection, select(acts)) == before
    assert held(books.office).entries == [tuple(entry) for entry in books.journal()]


def test_the_hash_of_an_entry_as_it_is_read_is_the_hash_it_was_linked_with(books: Books) -> None:
    books.commit(5)
    with books.front.reading() as connection:
        read = connection.execute(select(journal).order_by(journal.c.position)).all()
        typed = list(read_entries(connection, 1))
    assert [entry_hash(Entry._make(row)) for row in read] == [entry_hash(entry) for entry in typed]
    assert [entry_hash(Entry._make(row)) for row in read][-1] == books.ends()[0].tip


class Killed(BaseException):
    """What no code catches."""


@pytest.mark.parametrize("after", range(6))
def test_a_pull_killed_in_any_transaction_goes_on_where_it_was(
    books: Books, after: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    books.commit(8)
    books.commit(4, node=1)
    books.cut_over()
    left = iter(range(after))

    def record_or_die(*given: Any) -> None:  # noqa: ANN401 - hands on whatever it is given
        if next(left, None) is None:
            raise Killed
        real(*given)

    real = office.acts.record_act
    monkeypatch.setattr(office.pull, "record_act", record_or_die)
    with pytest.raises(Killed):
        books.pull()
    monkeypatch.setattr(office.pull, "record_act", real)
    kept = (0, 3, 6, 8, 11, 12)[after]
    assert len(held(books.office).entries) == kept
    assert_consistent(books.office)
    assert books.pull() == Pulled(12 - kept, (DATE,))
    assert held(books.office)[:2] == ([tuple(entry) for entry in books.journal()], books.ends())


@settings(max_examples=15)
@given(
    steps=st.lists(
        st.tuples(st.sampled_from(["commit", "pull", "kill"]), st.integers(0, 1), st.integers(1, 6)),
        min_size=1,
        max_size=10,
    )
)
def test_however_batches_pulls_and_kills_follow_each_other_the_office_ends_with_the_journal(
    steps: Sequence[tuple[str, int, int]],
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        books = Books(f"sqlite:///{Path(folder) / 'front.db'}", f"sqlite:///{Path(folder) / 'office.db'}")
        try:
            for what, node, size in steps:
                if what == "commit":
                    books.commit(size, node)
                elif what == "pull":
                    books.pull()
                else:
                    kill_after(books, size)
                assert_consistent(books.office)
            books.pull()
            assert held(books.office) == Held([tuple(entry) for entry in books.journal()], books.ends(), [])
        finally:
            books.close()


def kill_after(books: Books, size: int) -> None:
    """Pull, and die once so many entries have gone in."""
    total = 0

    def progress(count: int) -> None:
        nonlocal total
        total += count
        if total >= size:
            raise Killed

    try:
        books.pull(progress)
    except Killed:
        assert total >= size


@pytest.mark.parametrize(
    ("change", "position"),
    [
        ("amount = amount + 1", 1),
        ("policy = 'P9'", 4),
        ("previous = 'x'", 5),
        ("reason = 'forged'", 6),
        ("recorded_at = 2", 8),
    ],
)
def test_a_flipped_value_is_found_and_nothing_of_its_transaction_is_kept(
    books: Books, change: str, position: int
) -> None:
    books.commit(8)
    books.forge(f"UPDATE journal SET {change} WHERE position = {position}")  # noqa: S608 - constants above
    with pytest.raises(ChainBroken) as broken:
        books.pull()
    found = position if change.startswith("previous") or position == 8 else position + 1
    assert (broken.value.chain, broken.value.position) == (1, found)
    assert len(held(books.office).entries) == (found - 1) // 3 * 3
    assert_consistent(books.office)


@pytest.mark.parametrize("position", [1, 4, 5, 8])
def test_a_missing_entry_is_found(books: Books, position: int) -> None:
    books.commit(8)
    books.forge(f"DELETE FROM journal WHERE position = {position}")  # noqa: S608 - a number
    with pytest.raises(ChainBroken, match="missing") as broken:
        books.pull()
    assert broken.value.position == position
    assert len(held(books.office).entries) == (position - 1) // 3 * 3
    assert_consistent(books.office)


def test_a_front_book_put_back_to_an_earlier_state_is_refused(books: Books) -> None:
    books.commit(2)
    earlier = books.ends()[0]
    books.commit(2)
    books.pull()
    before = held(books.office)
    books.forge("DELETE FROM journal WHERE position > 2")
    with books.front.transaction() as connection:
        connection.execute(update(front_chains).where(front_chains.c.chain == 1).values(earlier._asdict()))
    with pytest.raises(ChainBroken, match="was pulled, but the chain ends at 2"):
        books.pull()
    books.commit(2)
    with pytest.raises(ChainBroken, match="not the one that was pulled"):
        books.pull()
    books.commit(1)
    with pytest.raises(ChainBroken, match="hash of the one before"):
        books.pull()
    assert held(books.office) == before


def test_a_chain_that_is_gone_is_refused(books: Books) -> None:
    books.commit(1, node=1)
    books.pull()
    books.forge("DELETE FROM journal")
    with books.front.transaction() as connection:
        connection.execute(text("DELETE FROM chains WHERE chain = 2"))
    with pytest.raises(ChainBroken, match="chain 2"):
        books.pull()


@pytest.mark.parametrize("chain", [1, 9])
def test_an_entry_that_no_chains_end_vouches_for_is_refused(books: Books, chain: int) -> None:
    books.commit(2)
    stray = refusal(books.journal()[-1], chain=chain, position=3)
    with books.front.transaction() as connection:
        connection.execute(insert(journal).values(stray._asdict()))
    with pytest.raises(ChainBroken, match="beyond"):
        books.pull()
    assert held(books.office).entries == []


def test_a_tip_that_the_entries_do_not_lead_to_is_refused(books: Books) -> None:
    books.commit(2)
    with books.front.transaction() as connection:
        connection.execute(update(front_chains).where(front_chains.c.chain == 1).values(tip=GENESIS))
    with pytest.raises(ChainBroken, match="tip"):
        books.pull()
    assert held(books.office).entries == []


@pytest.mark.parametrize("neighbour", ["there", "on its way too"])
def test_an_entry_dated_before_its_neighbour_is_refused(books: Books, neighbour: str) -> None:
    books.commit(1)
    if neighbour == "there":
        books.pull()
    books.append(business_date="20261123")
    with pytest.raises(ChainBroken, match="dated 20261123, before 20261124"):
        books.pull()


def test_an_entry_put_into_a_day_that_was_taken_is_refused(books: Books) -> None:
    books.commit(1)
    books.cut_over()
    books.pull()
    books.append(business_date=DATE)
    with pytest.raises(ChainBroken, match="dated 20261124, before 20261125"):
        books.pull()
    assert len(held(books.office).entries) == 1


def test_two_pulls_at_once_bring_everything_once(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second one looked before the first had written."""
    for stale in ({}, {1: ChainEnd(1, 3, "")}):
        books.commit(4)
        books.pull()
        before = held(books.office)
        entry = before.entries[2]
        known = {1: ChainEnd(1, 3, entry_hash(Entry._make(entry)))} if stale else {}
        monkeypatch.setattr(office.pull, "_held", lambda _connection, known=known: known)
        with pytest.raises((BatchRefused, Conflict)):
            books.pull()
        monkeypatch.undo()
        monkeypatch.setattr(office.pull, "ENTRIES_A_TRANSACTION", 3)
        assert held(books.office) == before


def test_the_front_book_refuses_to_be_written_by_the_pull(books: Books) -> None:
    with pytest.raises(LedgerError, match=r"readonly|read-only"), office.pull._reading(books.front) as theirs:
        theirs.execute(text("DELETE FROM days"))


def test_a_pull_leaves_the_front_book_as_it_was(books: Books) -> None:
    def everything() -> list[Any]:
        with books.front.reading() as connection:
            return [rows(connection, select(table)) for table in (journal, front_chains, front_days)]

    books.commit(5)
    books.cut_over()
    before = everything()
    books.pull()
    assert everything() == before


def test_a_closed_day_comes_with_its_seal_and_the_open_days_entries_without_one(books: Books) -> None:
    books.commit(4)
    books.commit(2, node=1)
    books.cut_over()
    books.commit(3)
    assert books.pull() == Pulled(9, (DATE,))
    day = books.day()
    first = (DATE, "closed", NEXT, CLOSED_AT, day.root, day.signature, 6)
    assert held(books.office).days == [first]
    books.cut_over(NEXT)
    assert books.pull() == Pulled(0, (NEXT,))
    day = books.day(NEXT)
    second = (NEXT, "closed", AFTER, CLOSED_AT, day.root, day.signature, 3)
    assert held(books.office).days == [first, second]
    assert books.pull() == Pulled(0, ())


def test_days_that_waited_come_together_in_order(books: Books) -> None:
    books.cut_over()
    books.commit(4)
    books.cut_over(NEXT)
    assert books.pull() == Pulled(4, (DATE, NEXT))
    assert [row[-1] for row in held(books.office).days] == [0, 4]


def test_what_was_pulled_and_for_whom_is_on_record(books: Books) -> None:
    books.commit(4)
    books.cut_over()
    books.pull()
    with books.office.reading() as connection:
        assert rows(connection, select(acts).order_by(acts.c.number)) == [
            (1, 7, "clerk", "pull", "chain 1", "entries 1 to 3"),
            (2, 7, "clerk", "pull", "chain 1", "entries 4 to 4"),
            (3, 7, "clerk", "pull", f"day {DATE}", "4 entries"),
        ]


def closed(books: Books) -> FrontDay:
    """Four entries, a cut-over, two more; the day that was closed."""
    books.commit(4)
    books.cut_over()
    books.commit(2)
    return books.day()


def refused(books: Books, date: str = DATE) -> str:
    """Why the day is not taken; its entries come all the same, for the chain holds."""
    with pytest.raises(DayRefused) as found:
        books.pull()
    assert found.value.date == date
    assert len(held(books.office).entries) == len(books.journal())
    assert date not in [row[0] for row in held(books.office).days]
    return found.value.reason


def test_a_day_whose_seal_does_not_fit_is_refused(books: Books) -> None:
    day = closed(books)
    for change in ({"next_date": "20261201"}, {"closed_at": 1}, {"root": "f" * 64}, {"signature": "f" * 128}):
        values = {"next_date": day.next_date, "closed_at": day.closed_at, "root": day.root, **change}
        with books.front.transaction() as connection:
            connection.execute(update(front_days).where(front_days.c.date == DATE).values(values))
        assert "the root is not" in refused(books)


def test_a_day_sealed_with_another_key_is_refused(books: Books) -> None:
    books.seal(closed(books), Sealer(b"x" * 32))
    assert "not signed" in refused(books)


def test_a_day_whose_chains_ends_cannot_be_read_is_refused(books: Books) -> None:
    closed(books)
    for ends in ("", "{}1", "7", "[7]", '[["a", "b", "c"]]', "[[1, 2]]"):
        with books.front.transaction() as connection:
            connection.execute(update(front_days).where(front_days.c.date == DATE).values(chains=ends))
        with pytest.raises(DayRefused, match="cannot be read"):
            books.pull()


def test_a_day_sealed_over_other_entries_is_refused(books: Books) -> None:
    day = closed(books)
    books.seal(day._replace(ends=(ChainEnd(1, 4, "f" * 64), day.ends[1])))
    assert "not the one that was sealed" in refused(books)


def test_a_day_sealed_beyond_what_there_is_is_refused(books: Books) -> None:
    day = closed(books)
    books.seal(day._replace(ends=(ChainEnd(1, 9, "f" * 64), day.ends[1])))
    assert "not pulled" in refused(books)


def test_a_day_sealed_over_entries_of_the_next_is_refused(books: Books) -> None:
    day = closed(books)
    books.seal(day._replace(ends=(books.ends()[0], day.ends[1])))
    assert "is dated 20261125" in refused(books)


def test_a_day_sealed_before_all_of_its_entries_is_refused(books: Books) -> None:
    day = closed(books)
    third = ChainEnd(1, 3, entry_hash(books.journal()[2]))
    for ends in ((third, day.ends[1]), (ChainEnd(1, 0, GENESIS), day.ends[1]), day.ends[1:]):
        books.seal(day._replace(ends=ends))
        assert "after the one at position" in refused(books)


def test_a_day_that_is_left_out_is_missed(books: Books) -> None:
    closed(books)
    books.pull()
    books.cut_over(NEXT)
    books.cut_over(AFTER)
    with books.front.transaction() as connection:
        connection.execute(text(f"DELETE FROM days WHERE date = '{NEXT}'"))  # noqa: S608 - a constant
    assert NEXT in refused(books, AFTER)


def test_a_day_that_was_taken_and_is_sealed_anew_is_refused(books: Books) -> None:
    day = closed(books)
    books.pull()
    books.seal(day._replace(closed_at=CLOSED_AT + 1))
    with pytest.raises(DayRefused, match="taken with"):
        books.pull()


def test_the_day_after_one_that_is_refused_is_not_taken_either(books: Books) -> None:
    books.seal(closed(books), Sealer(b"x" * 32))
    books.cut_over(NEXT)
    refused(books)
    assert held(books.office).days == []
