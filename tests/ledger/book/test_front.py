"""What the front book's database itself refuses, on SQLite and PostgreSQL; and what a failure means for
the money.

Each protection is tried from below: the statement that the program would never send goes straight to the
database.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from os import urandom
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select, text, update
from sqlalchemy.exc import DatabaseError

from ledger.book.audit_log import record
from ledger.book.consent import give
from ledger.book.cutover import open_day
from ledger.book.front import FrontBook
from ledger.book.guesses import unlock
from ledger.book.journal import broken_links, last_stamp, read_chains, read_entries
from ledger.book.load import load_book
from ledger.book.schema import audit_log, chains, dues, identity_guesses, journal
from ledger.book.store import BadDatabaseUrl, Store
from ledger.errors import (
    BatchRefused,
    BookInUse,
    Conflict,
    Fenced,
    InvariantBroken,
    LedgerError,
    OutcomeUnknown,
    Unavailable,
)
from ledger.rules.decide import fold
from ledger.rules.entry import GENESIS, Entry, Kind
from ledger.rules.request import Act, Answer, Request, Totals
from ledger.rules.view import View
from protocol.responses import Response
from tests.support.builders import BANK, DATE, book, premium, request


@pytest.fixture
def store(database: str) -> Iterator[Store]:
    store = Store(database)
    FrontBook(store, "check", urandom).create()
    load_book(
        store,
        book(dues=[premium(f"D{n}", f"P{n}") for n in range(1, 6)]),
        lambda number: f"digest {number}",
        1,
    )
    yield store
    store.close()


def codes(answers: list[Answer]) -> list[str]:
    return [answer.response.value for answer in answers]


def entries(store: Store) -> list[Entry]:
    with store.reading() as connection:
        return list(read_entries(connection, 1))


def broken(store: Store) -> list[Any]:
    with store.reading() as connection:
        return [
            link
            for chain in read_chains(connection)
            for link in broken_links(read_entries(connection, chain.chain), chain)
        ]


def test_a_batch_decides_in_order_each_seeing_the_one_before(front: FrontBook, store: Store) -> None:
    first, second = request(), request()
    undo = request(Act.REVERSE, original=first.key)
    again = request()
    assert codes(front.commit([first, second, undo, again, first], 1)) == ["00", "12", "00", "00", "00"]
    assert [(entry.kind, entry.subject, entry.sequence) for entry in entries(store)] == [
        (Kind.COLLECTION, "D1", 1),
        (Kind.COLLECTION, None, None),
        (Kind.REVERSAL, "D1", 2),
        (Kind.COLLECTION, "D1", 3),
    ]
    assert broken(store) == []


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64, 255, 256, 257, 600])
def test_a_batch_of_any_size_is_written_whole_and_chained(front: FrontBook, store: Store, size: int) -> None:
    answers = front.commit([request(policy="P9", terminal=f"T{n:07d}") for n in range(size)], 1)
    assert codes(answers) == ["25"] * size
    assert [entry.position for entry in entries(store)] == list(range(1, size + 1))
    assert broken(store) == []


def test_a_batch_takes_a_bounded_number_of_statements(front: FrontBook, store: Store) -> None:
    from sqlalchemy import event

    seen: list[str] = []
    event.listen(store._writer, "before_cursor_execute", lambda *given: seen.append(given[2]))
    counts = []
    for size in (1, 256):
        seen.clear()
        front.commit([request(policy="P9", terminal=f"U{size}{n:05d}") for n in range(size)], 1)
        counts.append(len(seen))
    assert counts[0] == counts[1]


def written(front: FrontBook, store: Store) -> Entry:
    front.commit([request()], 1)
    return entries(store)[-1]


@pytest.mark.parametrize(
    ("what", "change"),
    [
        ("a key twice", {"receipt": None, "subject": "X"}),
        ("a sequence twice", {"key": "other", "receipt": None}),
        (
            "a sequence without the one before",
            {"key": "other", "receipt": None, "sequence": 5, "sequence_before": 4},
        ),
        (
            "a collection that is no odd sequence",
            {"key": "other", "receipt": None, "sequence": 2, "sequence_before": 1},
        ),
        (
            "a cancel that is an odd sequence",
            {"key": "other", "receipt": None, "kind": "cancel", "sequence": 3, "sequence_before": 2},
        ),
        ("a refusal with an effect", {"key": "other", "receipt": None, "subject": "X", "response": "13"}),
        ("an approval without one", {"key": "other", "receipt": None, "subject": None, "sequence": None}),
        ("a receipt number twice", {"key": "other", "subject": "X"}),
        (
            "a sequence before that is not the one before",
            {"key": "other", "receipt": None, "subject": "X", "sequence_before": 1},
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_database_refuses(front: FrontBook, store: Store, what: str, change: dict[str, Any]) -> None:
    good = written(front, store)
    with pytest.raises((BatchRefused, Conflict)), store.transaction() as connection:
        connection.execute(insert(journal).values(good._replace(position=2, **change)._asdict()))
    assert len(entries(store)) == 1, what


@pytest.mark.parametrize("statement", ["UPDATE journal SET amount = 1", "DELETE FROM journal"])
def test_the_journal_is_append_only(front: FrontBook, store: Store, statement: str) -> None:
    good = written(front, store)
    with pytest.raises(LedgerError, match="append-only"), store.transaction() as connection:
        connection.execute(text(statement))
    assert entries(store) == [good]


@pytest.mark.parametrize(
    "values", [{"state": "settled"}, {"settled_by": "someone"}, {"sequence": 1}, {"amount": 0}]
)
def test_a_dues_state_and_sequence_cannot_contradict_each_other(store: Store, values: dict[str, Any]) -> None:
    with pytest.raises(BatchRefused), store.transaction() as connection:
        connection.execute(update(dues).values(values))


def test_there_is_never_more_than_one_open_day(store: Store) -> None:
    with pytest.raises((BatchRefused, Conflict)), store.transaction() as connection:
        open_day(connection, "20261125")


@pytest.mark.parametrize(
    "change",
    [
        "amount = amount + 1",
        "policy = 'P2'",
        "previous = 'x'",
        "response = '13', sequence = NULL, subject = NULL",
    ],
)
def test_a_flipped_value_in_the_journal_is_found(front: FrontBook, store: Store, change: str) -> None:
    front.commit([request(), request(policy="P2"), request(policy="P3")], 1)
    assert broken(store) == []
    with store.transaction() as connection:
        if store.is_sqlite:
            connection.execute(text("DROP TRIGGER journal_is_never_updated"))
        else:
            connection.execute(text("DROP TRIGGER journal_is_never_changed ON journal"))
        connection.execute(text(f"UPDATE journal SET {change} WHERE position = 3"))  # noqa: S608 - constants above
    assert [link.position for link in broken(store)][-1] == 3


def test_a_newer_process_of_the_same_name_fences_the_older(front: FrontBook, store: Store) -> None:
    newer = FrontBook(store, "check", urandom)
    assert newer.claim("fep1") == 2
    with pytest.raises(Fenced):
        front.commit([request()], 1)
    assert codes(newer.commit([request()], 1)) == ["00"]


def test_a_fenced_process_can_still_read_what_became_of_its_requests(front: FrontBook, store: Store) -> None:
    """As they were answered, and 94 for other content; nothing where the journal has no such key, nor where
    a request has no key. Nothing is written, and the newer process goes on.
    """
    done, not_done, keyless = request(), request(), request(Act.DUES, key="", due="")
    [answer] = front.commit([done], 1)
    newer = FrontBook(store, "check", urandom)
    newer.claim("fep1")
    recorded = front.recorded([done, not_done, keyless, done._replace(content="other")])
    assert recorded == [
        answer._replace(replayed=True),
        None,
        None,
        Answer(Response.KEY_REUSED, "KEY USED, OTHER CONTENT", DATE),
    ]
    assert len(entries(store)) == 1
    assert codes(newer.commit([not_done], 1)) == ["12"]


def test_what_became_of_a_request_is_read_after_the_transaction_that_may_still_bring_it(
    database: str, front: FrontBook, store: Store
) -> None:
    """A COMMIT whose connection was lost may still be on its way in the server, as one that waits for its
    standby: it has the chain's row, and whoever reads waits for that.
    """
    if store.is_sqlite:
        pytest.skip("SQLite has one writer at a time: nobody reads for the writer while it commits")
    other = Store(database)
    reader = FrontBook(other, "check", urandom)
    reader._chain = front._chain
    sent = request()
    with ThreadPoolExecutor(1) as threads:
        with store.transaction() as connection:
            view = front._read(connection, front._read_chain(connection), [sent], 1)
            fold([sent], view)
            front._write(connection, view)
            reading = threads.submit(reader.recorded, [sent])
            waiting = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
            while not connection.execute(waiting).scalar() and not reading.done():
                pass
        [answer] = reading.result()
    assert answer is not None
    assert (answer.response, answer.replayed) == (Response.APPROVED, True)
    other.close()


@pytest.mark.parametrize("raised", [RuntimeError("the driver's own"), OSError("gone")])
def test_whatever_a_commit_fails_with_its_outcome_is_unknown(
    front: FrontBook, monkeypatch: pytest.MonkeyPatch, raised: Exception
) -> None:
    from sqlalchemy.engine import RootTransaction

    def lose(_: RootTransaction) -> None:
        raise raised

    monkeypatch.setattr(RootTransaction, "commit", lose)
    with pytest.raises(OutcomeUnknown, match=type(raised).__name__):
        front.commit([request()], 1)


def test_nodes_that_are_new_to_a_book_and_start_at_once_get_a_chain_each(database: str, store: Store) -> None:
    """The second looked for the last chain before the first had written, and waits for it at the insert."""
    if store.is_sqlite:
        pytest.skip("SQLite has one writer at a time: nobody looks while another writes")
    other = Store(database)
    with ThreadPoolExecutor(1) as threads:
        with store.transaction() as connection:
            values = {"chain": 1, "node": "first", "epoch": 1, "position": 0, "tip": GENESIS}
            connection.execute(insert(chains).values(values))
            claimed = threads.submit(FrontBook(other, "check", urandom).claim, "second")
            waiting = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
            while not connection.execute(waiting).scalar() and not claimed.done():
                pass
        assert claimed.result() == 1
    with store.reading() as connection:
        assert [chain.chain for chain in read_chains(connection)] == [1, 2]
    other.close()


def test_two_nodes_have_two_chains_and_one_set_of_dues(front: FrontBook, store: Store) -> None:
    other = FrontBook(store, "check", urandom)
    other.claim("fep2")
    first = request()
    assert codes(front.commit([first], 1)) == ["00"]
    assert codes(other.commit([request(), first], 1)) == ["12", "00"]
    assert broken(store) == []


def test_a_due_changed_by_another_node_since_it_was_read_is_a_conflict(
    front: FrontBook, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    import ledger.book.front as module

    def fold_late(requests: Sequence[Request], view: View) -> list[Answer]:
        answers = real(requests, view)
        read = view.dues_read["D1"]
        view.dues_read["D1"] = read._replace(sequence=read.sequence + 2)
        return answers

    real = module.fold
    monkeypatch.setattr(module, "fold", fold_late)
    with pytest.raises(Conflict):
        front.commit([request()], 1)
    monkeypatch.undo()
    assert entries(store) == []
    assert codes(front.commit([request()], 1)) == ["00"]


def test_a_failure_of_commit_itself_is_an_unknown_outcome_that_asking_again_resolves(
    front: FrontBook, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sqlalchemy.engine import RootTransaction

    def commit_and_lose(self: RootTransaction) -> None:
        real(self)
        raise DatabaseError("COMMIT", None, ConnectionError("lost"), connection_invalidated=True)

    real = RootTransaction.commit
    sent = request()
    monkeypatch.setattr(RootTransaction, "commit", commit_and_lose)
    with pytest.raises(OutcomeUnknown):
        front.commit([sent], 1)
    monkeypatch.undo()
    answer = front.commit([sent], 2)[0]
    assert (answer.response, answer.replayed) == (Response.APPROVED, True)
    assert len(entries(store)) == 1


def test_totals_are_kept_with_every_batch(front: FrontBook, store: Store) -> None:
    first = request()
    front.commit([first, request(policy="P2")], 1)
    front.commit([request(Act.REVERSE, original=first.key)], 1)
    ours = front.commit([request(Act.TOTALS, key="", date=DATE)], 1)[0]
    assert (ours.response, ours.totals) == (Response.TOTALS_DIFFER, Totals(2, 240_000, 1, 120_000))
    agreed = request(Act.TOTALS, key="", date=DATE, totals=ours.totals, net=120_000)
    assert front.commit([agreed], 1)[0].response is Response.APPROVED
    assert first.bank == BANK


def test_a_book_made_with_another_front_key_is_refused(store: Store) -> None:
    with pytest.raises(InvariantBroken, match="front_key"):
        FrontBook(store, "another", urandom).create()


def test_an_embedded_book_has_one_writer(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'front.db'}"
    store = Store(url)
    with pytest.raises(BookInUse):
        Store(url)
    store.close()
    Store(url).close()


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("nonsense", "not a database URL"),
        ("mysql://x/y", "no front book can live on mysql"),
        ("postgresql+psycopg2://x/y", "psycopg 3"),
        ("sqlite://", "must be a file"),
    ],
)
def test_a_bad_database_url_says_what_to_write(url: str, says: str) -> None:
    with pytest.raises(BadDatabaseUrl, match=says):
        Store(url)


def test_a_database_that_is_not_there_is_unavailable() -> None:
    store = Store("postgresql+psycopg://nobody@127.0.0.1:1/none")
    with pytest.raises(Unavailable), store.transaction():
        pytest.fail("there is no database")
    store.close()


def test_readers_cannot_write(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path / 'front.db'}")
    FrontBook(store, "check", urandom).create()
    with pytest.raises(LedgerError, match="readonly"), store.reading() as connection:
        connection.execute(text("DELETE FROM days"))
    store.close()


def test_no_batch_reads_a_whole_table(front: FrontBook, store: Store) -> None:
    """However PostgreSQL plans: a request's cost does not grow with the journal or the book."""
    if store.is_sqlite:
        pytest.skip("SQLite keeps no figures of scans; it always takes the index that there is")

    def scans() -> dict[str, int]:
        with store.transaction() as connection:
            connection.execute(text("SELECT pg_stat_force_next_flush()"))
        with store.transaction() as connection:
            rows = connection.execute(text("SELECT relname, seq_scan FROM pg_stat_user_tables"))
            return {row[0]: row[1] for row in rows if row[0] in ("journal", "dues", "policies")}

    front.commit([request()], 1)
    before = scans()
    for number in range(2, 6):
        first = request(policy=f"P{number}")
        front.commit([first], 1)
        front.commit([request(Act.REVERSE, original=first.key)], 1)
    assert scans() == before


def test_what_its_bank_has_reversed_does_not_stand_again_when_its_cancel_is_reversed_too(
    front: FrontBook, store: Store
) -> None:
    """Collected, cancelled, reversed (nothing is left to reverse), then the cancel reversed: no effect."""
    first = request()
    cancel = request(Act.CANCEL, code="020000", original=first.key)
    undo_first = request(Act.REVERSE, original=first.key)
    undo_cancel = request(Act.REVERSE, code="020000", original=cancel.key)
    assert codes(front.commit([first, cancel], 1)) == ["00", "00"]
    assert codes(front.commit([undo_first], 2)) == ["00"]
    assert codes(front.commit([undo_cancel], 3)) == ["00"]
    with store.reading() as connection:
        row = connection.execute(text("SELECT state, settled_by FROM dues WHERE due = 'D1'")).one()
    assert tuple(row) == ("open", "")


def test_a_cancel_that_is_reversed_leaves_what_it_cancelled_standing(front: FrontBook, store: Store) -> None:
    first = request()
    cancel = request(Act.CANCEL, code="020000", original=first.key)
    undo_cancel = request(Act.REVERSE, code="020000", original=cancel.key)
    assert codes(front.commit([first, cancel, undo_cancel], 1)) == ["00", "00", "00"]
    with store.reading() as connection:
        row = connection.execute(text("SELECT state, settled_by FROM dues WHERE due = 'D1'")).one()
    assert tuple(row) == ("settled", first.key)


def test_what_does_not_fit_counts_again_when_its_cancel_is_reversed(front: FrontBook, store: Store) -> None:
    """The transaction that was cancelled is read though only its cancel is named."""
    advice = request(mti="0220", advice=True, verdict=Response.BANK_NOT_ALLOWED)
    cancel = request(Act.CANCEL, code="020000", original=advice.key)
    undo_cancel = request(Act.REVERSE, code="020000", original=cancel.key)
    for asked, unfit in ((advice, 120_000), (cancel, 0), (undo_cancel, 120_000)):
        assert codes(front.commit([asked], 1)) == ["00"]
        with store.reading() as connection:
            assert connection.execute(text("SELECT unfit FROM bank_days")).scalar_one() == unfit


# The clock was set back.


@pytest.mark.parametrize("word", ["unlock", "leave out"])
def test_a_persons_word_is_stamped_no_earlier_than_the_last_entry(
    front: FrontBook, store: Store, word: str
) -> None:
    assert codes(front.commit([request()], 900)) == ["00"]
    with store.transaction() as connection:
        guessed = {"due": "D1", "date": DATE, "wrong": 5, "locked": 1}
        connection.execute(insert(identity_guesses).values(guessed))
        if word == "leave out":
            give(connection, 500, "digest", (), "li")
    if word == "unlock":
        unlock(store, "D1", 500, "li")
    with store.reading() as connection:
        assert last_stamp(connection) == 900
        assert (
            connection.execute(select(audit_log.c.at).order_by(audit_log.c.number.desc())).scalars().first()
            == 900
        )


def stamps(store: Store) -> list[int]:
    return [entry.recorded_at for entry in entries(store)]


def test_no_entry_is_stamped_before_the_one_before_it(front: FrontBook, store: Store) -> None:
    for place, moment in enumerate((50, 20, 50, 70, 60), 1):
        front.commit([request(policy=f"P{place}")], moment)
    assert stamps(store) == [50, 50, 50, 70, 70]


def test_a_process_that_starts_behind_the_book_stamps_no_entry_before_its_last(
    front: FrontBook, store: Store
) -> None:
    front.commit([request()], 50)
    later = FrontBook(store, "check", urandom)
    later.claim("fep1")
    later.commit([request(policy="P2")], 20)
    assert stamps(store) == [50, 50]


def test_no_entry_is_stamped_before_an_act_whoever_wrote_it(front: FrontBook, store: Store) -> None:
    for place, moment in enumerate((90, 70), 1):
        with store.transaction() as connection:
            record(connection, audit_log, moment, "li", "reload", "", "")
        front.commit([request(policy=f"P{place}")], 50)
    assert stamps(store) == [90, 90]
    with store.reading() as connection:
        assert last_stamp(connection) == 90
