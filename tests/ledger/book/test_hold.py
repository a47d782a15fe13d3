"""Dues that a batch holds, on SQLite and PostgreSQL: taken and let go once, and nobody else settles them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import count
from typing import Any

import pytest
from sqlalchemy import text

import ledger.book.departures
import ledger.book.hold
from ledger.book.front import FrontBook
from ledger.book.hold import HeldBatch, HoldRefused, held_batches, release_dues
from ledger.book.store import Store
from ledger.errors import BatchRefused, Conflict, LedgerError, OutcomeUnknown
from ledger.files.hold_file import HoldAnswer, ReleaseAnswer, ReleaseCause, ReleaseFile
from ledger.rules.holding import NotHeld
from ledger.rules.request import Act
from ledger.rules.view import DueState
from protocol.responses import Response
from tests.support.batches import (
    AMOUNT,
    BATCH,
    CHANNEL,
    apply,
    apply_file,
    back,
    carrying,
    done,
    failed,
    hold,
    line,
    release,
)
from tests.support.book_loads import Killed, close, due_states, killed, load, rows
from tests.support.builders import policy, premium, request
from tests.support.next_day_file import next_book


def held(store: Store) -> dict[str, str]:
    return dict(rows(store, "SELECT due, held_by FROM dues WHERE held_by <> '' ORDER BY due"))


def collect(front: FrontBook, number: int, **given: object) -> tuple[str, str]:
    [answer] = front.commit([request(policy=f"P{number}", due=f"D{number}", **given)], 9)
    return answer.response.value, answer.reason


def acts(store: Store) -> list[tuple[str, str]]:
    """The acts of batches' files: who, and what."""
    return rows(store, "SELECT by, act FROM audit_log WHERE act LIKE 'batch%' ORDER BY number")  # type: ignore[return-value]


def test_what_is_open_is_held_and_the_rest_is_named(store: Store) -> None:
    lines = (line(1), line(2, amount=5), line(3, policy="P9"), line(4, due="D9"), line(6, due="B6"))
    refused = (
        (2, NotHeld.AMOUNT),
        (3, NotHeld.OTHER_POLICY),
        (4, NotHeld.NO_DUE),
        (6, NotHeld.NO_PREMIUM),
    )
    assert hold(store, *lines) == HoldAnswer(BATCH, 1, AMOUNT, refused)
    assert held(store) == {"D1": "B0000123/1"}
    assert rows(store, "SELECT line, due, policy, code, amount FROM hold_lines") == [
        (1, "D1", "P1", "500000", AMOUNT)
    ]


def test_a_counter_cannot_settle_what_a_batch_holds(store: Store, front: FrontBook) -> None:
    hold(store)
    assert collect(front, 1) == ("12", "IN BATCH COLLECTION")
    assert collect(front, 4) == ("00", "")


def test_the_same_file_gets_the_same_answer_and_another_of_the_batch_is_refused(store: Store) -> None:
    first = hold(store, line(1), line(2, amount=5))
    assert hold(store, line(1), line(2, amount=5)) == first
    with pytest.raises(HoldRefused, match=r"^batch B0000123 was held by another file: nothing was done$"):
        hold(store, line(1))
    assert acts(store) == [("li", "batch hold"), ("li", "batch hold ended")]


def test_a_hold_that_was_carried_out_holds_nothing_again(store: Store) -> None:
    first = hold(store)
    release(store)
    assert (hold(store), held(store)) == (first, {})


def test_a_due_has_one_owner(store: Store) -> None:
    hold(store, line(1))
    assert hold(store, line(7, due="D1", policy="P1"), batch="B0000124").refused == ((7, NotHeld.HELD),)
    assert held(store) == {"D1": "B0000123/1"}
    assert rows(store, "SELECT batch, released_at > 0 FROM holds WHERE batch = 'B0000124'") in (
        [("B0000124", 1)],
        [("B0000124", True)],
    ), "it holds nothing, so it is over"


def test_a_hold_that_was_interrupted_goes_on_where_it_was(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger.book.hold, "ROWS_A_TRANSACTION", 2)
    with monkeypatch.context() as patched:
        patched.setattr(ledger.book.hold, "_end_hold", _lost)
        with pytest.raises(LedgerError, match="lost"):
            hold(store)
    with pytest.raises(HoldRefused, match=r"^batch B0000123 is not held"):
        release(store)
    assert len(held(store)) == 3, "and no clock releases them"
    assert hold(store) == HoldAnswer(BATCH, 3, 3 * AMOUNT, ())


def _lost(*_: object, **__: object) -> None:
    raise LedgerError("lost")


def test_what_is_let_go_can_be_paid_again(store: Store, front: FrontBook) -> None:
    hold(store)
    assert release(store, 1) == ReleaseAnswer(BATCH, 1, AMOUNT, 0)
    assert collect(front, 1) == ("00", "")
    assert release(store) == ReleaseAnswer(BATCH, 2, 2 * AMOUNT, 0)
    assert (held(store), rows(store, "SELECT count(*) FROM holds WHERE released_at > 0")) == ({}, [(1,)])
    assert release(store, 1) == ReleaseAnswer(BATCH, 1, AMOUNT, 0), "the same file, the same answer"


def test_a_line_that_was_never_held_is_not_released_nor_any_with_it(store: Store) -> None:
    hold(store)
    with pytest.raises(HoldRefused, match=r"^line 9 of batch B0000123 was not held: nothing was done$"):
        release(store, 1, 9)
    assert len(held(store)) == 3


def test_a_forced_release_names_two_people_in_the_audit_log(store: Store) -> None:
    hold(store, line(1))
    release(store, cause=ReleaseCause.FORCED)
    notes = rows(store, "SELECT note FROM audit_log WHERE act = 'batch release'")
    assert [note.partition("; ")[2] for (note,) in notes] == ["forced by li and wang"]


def test_results_settle_let_go_and_take_back(store: Store, front: FrontBook) -> None:
    hold(store)
    answer = apply(store, front, done(1), failed(2))
    assert (answer.done, answer.done_amount, answer.failed, answer.misfits) == (1, AMOUNT, 1, ())
    assert (due_states(store)["D1"], held(store)) == ("settled", {"D3": "B0000123/3"})
    assert collect(front, 1) == ("12", "ALREADY PAID")
    assert apply(store, front, done(1), failed(2)) == answer, "the same file, the same answer"
    assert apply(store, front, back(1), part=2).returned == 1
    assert (due_states(store)["D1"], collect(front, 1)) == ("open", ("00", ""))


CONTRADICTIONS = {
    "a line that was never held": ((done(9),), "line 9 of batch B0000123 was not held: nothing was done"),
    "a failure of what is done": (
        (failed(1),),
        "line 1 is done already, and is said to have failed: nothing was done",
    ),
    "what is done with another reference": (
        (done(1, "OTHER"),),
        "line 1 was applied already, with another date or reference: nothing was done",
    ),
    "a return of what was never done": (
        (done(3), back(2)),
        "line 2 is returned, and was never done: nothing was done",
    ),
}


@pytest.mark.parametrize("case", CONTRADICTIONS)
def test_results_that_contradict_the_book_are_refused_whole(
    store: Store, front: FrontBook, case: str
) -> None:
    hold(store)
    apply(store, front, done(1))
    before = rows(store, "SELECT key FROM journal")
    lines, wording = CONTRADICTIONS[case]
    with pytest.raises(HoldRefused) as refused:
        apply(store, front, *lines, part=2)
    assert str(refused.value) == wording
    assert (rows(store, "SELECT key FROM journal"), len(held(store))) == (before, 2)


def test_results_with_other_sums_than_was_held_are_refused_whole(store: Store) -> None:
    hold(store)
    file = apply_file(done(1), back(1))._replace(done_amount=AMOUNT + 1)
    with pytest.raises(HoldRefused, match=r"^the file has 120001 fen done and 120000 fen returned, and of"):
        ledger.book.results.may_apply(store, file, str)


def test_a_result_that_comes_after_a_forced_release_is_a_misfit_where_somebody_paid(
    store: Store, front: FrontBook
) -> None:
    hold(store, line(1), line(2))
    release(store, cause=ReleaseCause.FORCED)
    assert collect(front, 1) == ("00", "")
    answer = apply(store, front, done(1), done(2))
    assert (answer.done, answer.misfits) == (1, (1,))
    assert rows(store, "SELECT exception_code FROM journal WHERE due = 'D1' AND bank = '91020000'") == [
        ("12",)
    ]


def test_what_leaves_while_it_is_held_stays_held_and_leaves_when_it_is_let_go(store: Store) -> None:
    hold(store)
    close(store)
    loaded = load(store, next_book(withdrawn=[premium("D1", "P1")], policies=[policy("P2", "lapsed")]))
    assert (loaded.withdrawn, loaded.withdrawn_held, loaded.lapsed, loaded.lapsed_held) == (0, 1, 0, 1)
    assert (due_states(store)["D1"], due_states(store)["D2"], len(held(store))) == ("open", "open", 3)
    assert release(store).left == 2
    assert (due_states(store)["D1"], due_states(store)["D2"]) == ("withdrawn", "withdrawn")


def test_what_leaves_while_it_is_held_is_collected_all_the_same(store: Store, front: FrontBook) -> None:
    hold(store)
    close(store)
    load(store, next_book(withdrawn=[premium("D1", "P1")], policies=[policy("P2", "lapsed")]))
    answer = apply(store, front, done(1), done(2))
    assert (answer.done, answer.misfits) == (2, ())
    assert apply(store, front, back(1), part=2).returned == 1
    assert due_states(store)["D1"] == "withdrawn"


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE dues SET state = 'settled', settled_by = 'k', sequence = 1 WHERE due = 'D1'",
        "UPDATE dues SET held_by = 'B0000124/1' WHERE due = 'B6'",
        "UPDATE dues SET held_by = 'B0000123/1' WHERE due = 'D2'",
        "UPDATE holds SET held_at = 0",
        "UPDATE holds SET held_at = 0, lines = 0, amount = 0, released_at = 1",
        "UPDATE hold_lines SET line = 0",
    ],
)
def test_the_database_itself_refuses_a_hold_that_cannot_be(store: Store, change: str) -> None:
    hold(store, line(1))
    with pytest.raises((BatchRefused, Conflict)), store.transaction() as connection:
        connection.execute(text(change))


def test_a_batch_that_read_a_due_before_it_was_held_does_not_settle_it(
    store: Store, front: FrontBook, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The due is held between the read and the write of another node's batch."""
    wrote = FrontBook._write_dues

    def write(self: FrontBook, connection: object, view: object) -> None:
        connection.execute(text("UPDATE dues SET held_by = 'B0000123/1' WHERE due = 'D1'"))  # type: ignore[attr-defined]
        wrote(self, connection, view)  # type: ignore[arg-type]

    monkeypatch.setattr(FrontBook, "_write_dues", write)
    with pytest.raises(Conflict):
        collect(front, 1)


def test_a_cancel_is_not_reversed_while_its_due_is_held(store: Store, front: FrontBook) -> None:
    paid = request(policy="P1", due="D1")
    cancelled = request(Act.CANCEL, code="020000", original=paid.key, policy="", due="")
    assert [answer.response for answer in front.commit([paid, cancelled], 9)] == [Response.APPROVED] * 2
    hold(store, line(1))
    again = request(Act.REVERSE, mti="0400", code="020000", original=cancelled.key, policy="", due="")
    [answer] = front.commit([again], 9)
    assert (answer.response, answer.reason) == (Response.NOT_POSSIBLE, "IN BATCH COLLECTION")
    assert held(store) == {"D1": "B0000123/1"}
    assert due_states(store)["D1"] == DueState.OPEN


def test_an_operator_sees_how_many_dues_are_held_and_since_when(store: Store, front: FrontBook) -> None:
    assert (front.overview().held_dues, front.overview().held_since) == (0, 0)
    hold(store, line(1), line(2))
    assert (front.overview().held_dues, front.overview().held_since) == (2, 7)
    with store.reading() as connection:
        assert held_batches(connection) == (HeldBatch(BATCH, CHANNEL, "20261124", 7, 2, 2 * AMOUNT),)
    release(store)
    assert (front.overview().held_dues, front.overview().held_since) == (0, 0)


def test_what_leaves_by_a_load_that_was_lost_after_its_switch_stays_held_too(
    store: Store, front: FrontBook, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The load can be seen, and nothing has left by it yet."""
    hold(store)
    close(store)
    with monkeypatch.context() as patched:
        patched.setattr(ledger.book.departures, "let_dues_leave", killed)
        with pytest.raises(Killed):
            load(store, next_book(withdrawn=[premium(f"D{n}", f"P{n}") for n in (1, 2, 4)]))
    assert (due_states(store)["D1"], due_states(store)["D4"]) == ("open", "withdrawn")
    assert apply(store, front, done(1)).misfits == ()
    assert release(store, 2).released == 1
    assert (due_states(store)["D1"], due_states(store)["D2"]) == ("settled", "withdrawn")
    assert (collect(front, 2), collect(front, 3)[1]) == (("12", "DUE WITHDRAWN"), "IN BATCH COLLECTION")


def test_what_was_let_go_is_counted_once_though_its_commit_was_not_heard_of(store: Store) -> None:
    hold(store)
    seen = count()

    def losing(transaction: Callable[[], Any]) -> Any:  # noqa: ANN401 - what it returns
        result = transaction()
        if next(seen) < 3:
            raise OutcomeUnknown("lost in COMMIT")
        return result

    file = ReleaseFile(BATCH, CHANNEL, ReleaseCause.RECALL)
    answer = release_dues(replace(carrying(store), run=losing), file, "digest")
    assert answer == "RELEASED|B0000123|3|360000|0\nT|0\n"
    assert len(acts(store)) == 4, "and written down once"
