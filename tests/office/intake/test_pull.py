"""The pull: everything comes, in order and once, however often it is stopped; and nothing that is unproved.

What a forger could do to a front book is done to it from below, its triggers dropped first.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import func, insert, select, text, update

import office.database.audit_log
import office.intake.pull
from ledger.book.journal import read_entries
from ledger.book.retire import retire
from ledger.book.schema import chains as front_chains
from ledger.book.schema import days as front_days
from ledger.book.schema import journal
from ledger.errors import BatchRefused, Conflict, LedgerError
from ledger.files.archived import ArchivedDay
from ledger.rules.entry import GENESIS, Entry, entry_hash
from ledger.rules.seal import ChainEnd
from office.database.schema import audit_log, days, entries
from office.errors import ChainBroken
from office.intake.pull import Pulled
from tests.support.builders import DATE
from tests.support.pull_books import Books, Held, assert_consistent, held, refusal, rows


@pytest.fixture(autouse=True)
def small_transactions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(office.intake.pull, "ENTRIES_A_TRANSACTION", 3)


def test_everything_comes_in_order_as_it_was_written(books: Books) -> None:
    books.commit(7)
    books.commit(4, node=1)
    counts: list[int] = []
    assert books.pull(counts.append) == Pulled(11, ())
    assert sum(counts) == 11
    assert held(books.office) == Held([tuple(entry) for entry in books.journal()], books.ends(), [])


def archived(books: Books, *dates: str) -> dict[str, ArchivedDay]:
    """What an office that has these days whole says of them."""
    with books.front.reading() as connection:
        count = select(func.count()).select_from(journal)
        size = {
            date: connection.execute(count.where(journal.c.business_date == date)).scalar_one()
            for date in dates
        }
    return {date: ArchivedDay(date, books.day(date).root, size[date]) for date in dates}


def forget(books: Books) -> None:
    """Have the front retire its first business day, long after it."""
    retire(books.front, archived(books, DATE), "20991231", lambda: 7)


def test_a_front_that_has_retired_days_is_pulled_on_by_who_has_them(books: Books) -> None:
    books.commit(4)
    books.commit(2, node=1)
    books.cut_over()
    books.pull()
    before = held(books.office)
    forget(books)
    assert books.pull() == Pulled(0, ())
    assert held(books.office) == before
    books.commit(3)
    assert books.pull() == Pulled(3, ())
    assert_consistent(books.office)


def test_a_new_office_is_told_that_days_are_retired(books: Books) -> None:
    books.commit(4)
    books.cut_over()
    books.commit(2)
    forget(books)
    with pytest.raises(ChainBroken, match=f"entry 1 is gone: .* up to {DATE}, .*put back this office's"):
        books.pull()
    assert held(books.office) == Held([], [], [])


def test_an_office_that_is_behind_what_is_retired_is_told_so(books: Books) -> None:
    books.commit(4)
    books.pull()
    books.commit(1)
    books.cut_over()
    forget(books)
    with pytest.raises(ChainBroken, match="entry 5 is gone"):
        books.pull()


def test_the_next_pull_brings_only_what_is_new_and_one_for_nothing_writes_nothing(books: Books) -> None:
    assert books.pull() == Pulled(0, ())
    books.commit(4)
    assert books.pull() == Pulled(4, ())
    books.commit(5)
    books.commit(1, node=1)
    assert books.pull() == Pulled(6, ())
    with books.office.reading() as connection:
        before = rows(connection, select(audit_log))
    assert books.pull() == Pulled(0, ())
    with books.office.reading() as connection:
        assert rows(connection, select(audit_log)) == before
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

    real = office.database.audit_log.write_record
    monkeypatch.setattr(office.intake.pull, "write_record", record_or_die)
    with pytest.raises(Killed):
        books.pull()
    monkeypatch.setattr(office.intake.pull, "write_record", real)
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
    broken_at = position if change.startswith("previous") or position == 8 else position + 1
    assert (broken.value.chain, broken.value.position) == (1, broken_at)
    assert len(held(books.office).entries) == (broken_at - 1) // 3 * 3
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
        monkeypatch.setattr(office.intake.pull, "_held", lambda _connection, known=known: known)
        with pytest.raises((BatchRefused, Conflict)):
            books.pull()
        monkeypatch.undo()
        monkeypatch.setattr(office.intake.pull, "ENTRIES_A_TRANSACTION", 3)
        assert held(books.office) == before


def test_a_pull_only_ever_reads_the_front_book(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    books.commit(2)
    books.cut_over()
    monkeypatch.setattr(books.front, "transaction", None)
    assert books.pull() == Pulled(2, (DATE,))


def test_what_a_pull_reads_with_cannot_write(books: Books) -> None:
    for snapshot in (False, True):
        with (
            pytest.raises(LedgerError, match=r"readonly|read-only"),
            books.front.reading(snapshot=snapshot) as theirs,
        ):
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


def test_what_was_pulled_and_for_whom_is_on_record(books: Books) -> None:
    books.commit(4)
    books.cut_over()
    books.pull()
    columns = (audit_log.c[name] for name in ("number", "at", "by", "act", "subject", "note"))
    with books.office.reading() as connection:
        pulled = connection.execute(select(entries).order_by(entries.c.position))
        tips = [entry_hash(Entry._make(row)) for row in pulled]
        root = connection.scalar(select(days.c.root))
        assert rows(connection, select(*columns).order_by(audit_log.c.number)) == [
            (1, 7, "clerk", "pull", "chain 1", f"entries 1 to 3; tip {tips[2]}"),
            (2, 7, "clerk", "pull", "chain 1", f"entries 4 to 4; tip {tips[3]}"),
            (3, 7, "clerk", "pull", f"day {DATE}", f"4 entries; root {root}"),
        ]
