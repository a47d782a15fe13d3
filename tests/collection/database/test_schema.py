"""What the database of collection refuses by itself, on both kinds of database, whatever the program does."""

from __future__ import annotations

import pytest
from sqlalchemy import Connection, insert, text

from collection.database.schema import batches, dues, files, lines, mandates, proposals
from ledger.book.store import Store
from ledger.errors import LedgerError

_MANDATE = {
    **{"mandate": "M0000001", "policy": "P1", "purpose": "premium", "person": "A" * 16, "payer": "A" * 16},
    **{"account_sealed": "{}", "name_sealed": "{}", "account_digest": "0" * 32, "tail": "4567"},
    **{"bank": "01020000", "kind": "debit", "channel": "91020000", "limit_fen": 100_000, "period": "any"},
    **{"valid_from": "20260101", "valid_to": "", "evidence_digest": "", "signed_at": 0, "signed_by": ""},
    **{"state": "draft", "first_use": "", "last_use": "", "made_by": "li", "made_at": 1},
}
_BATCH = {
    **{"batch": "B0000001", "channel": "91020000", "date": "20261201", "kind": "debit", "state": "planned"},
    **{"lines": 1, "amount": 50_000, "file_sha256": "", "made_by": "li", "made_at": 1, "approved_by": ""},
    **{"approved_at": 0, "sent_at": 0, "answer_sha256": "", "answered_at": 0, "parts": 0, "settled_fen": 0},
    **{"fee_fen": 0},
}
_LINE = {
    **{"batch": "B0000001", "line": 1, "due": "D1", "policy": "P1", "mandate": "M0000001", "amount": 50_000},
    **{"attempt": 1, "state": "planned", "code": "", "class": "", "retry": 0, "text": "", "value_date": ""},
    **{"reference": "", "part": 0, "request_part": 0, "receipt": "", "entry_key": ""},
    "business_date": "",
}
_SIGN = (
    "UPDATE mandates SET state = 'active', evidence_digest = '" + "a" * 64 + "', signed_at = 1,"
    " signed_by = 'paper'"
)
_APPROVE = "UPDATE batches SET state = 'approved', approved_by = '{by}', approved_at = 2"
_HOLD = "UPDATE batches SET state = 'held'"
_SEND = (
    _HOLD,
    "UPDATE lines SET state = 'held'",
    _APPROVE.format(by="wang"),
    "UPDATE batches SET state = 'written'",
    "UPDATE batches SET state = 'sent'",
    "UPDATE lines SET state = 'sent'",
)


@pytest.fixture
def planned(store: Store) -> Store:
    """A batch of one line, whose mandate is active."""
    with store.transaction() as connection:
        connection.execute(
            insert(dues).values(
                due="D1",
                policy="P1",
                code="500000",
                due_date="20261201",
                amount=50_000,
                state="open",
                file_date="20261130",
            )
        )
        connection.execute(insert(mandates).values(_MANDATE))
        connection.execute(text(_SIGN))
        connection.execute(insert(batches).values(_BATCH))
        connection.execute(insert(lines).values(_LINE))
    return store


def run(store: Store, *statements: str) -> None:
    with store.transaction() as connection:
        for statement in statements:
            connection.execute(text(statement))


def is_refused(store: Store, statement: str) -> bool:
    try:
        run(store, statement)
    except LedgerError:
        return True
    return False


def insert_refused(store: Store, fill: object) -> bool:
    assert callable(fill)
    try:
        with store.transaction() as connection:
            fill(connection)
    except LedgerError:
        return True
    return False


def test_what_nobody_may_do_to_a_planned_batch_is_refused(planned: Store) -> None:
    statements = (
        "UPDATE mandates SET limit_fen = 0",
        "UPDATE mandates SET account_digest = '" + "1" * 32 + "'",
        "UPDATE mandates SET state = 'draft'",
        "UPDATE mandates SET evidence_digest = ''",
        "UPDATE batches SET amount = 1",
        "UPDATE batches SET made_by = 'wang'",
        "UPDATE batches SET state = 'approved'",
        "UPDATE batches SET state = 'sent'",
        "UPDATE batches SET state = 'sent', approved_by = 'wang', approved_at = 2",
        "UPDATE batches SET state = 'cancelled'",  # its line is still open
        "UPDATE lines SET amount = 1",
        "UPDATE lines SET due = 'D2'",
        "UPDATE lines SET state = 'sent'",
        "UPDATE lines SET state = 'done'",
        "DELETE FROM lines",
        "DELETE FROM batches",
        "DELETE FROM mandates",
        "DELETE FROM dues",
    )
    assert [statement for statement in statements if not is_refused(planned, statement)] == []


def test_who_made_a_batch_does_not_approve_it(planned: Store) -> None:
    run(planned, _HOLD)
    assert is_refused(planned, _APPROVE.format(by="li"))
    assert is_refused(planned, _APPROVE.format(by="LI"))
    assert is_refused(planned, _APPROVE.format(by=""))
    run(planned, _APPROVE.format(by="wang"))
    assert is_refused(planned, "UPDATE batches SET approved_by = 'zhao'")


def test_a_due_is_in_one_open_line(planned: Store) -> None:
    def second(connection: Connection) -> None:
        connection.execute(insert(batches).values(_BATCH | {"batch": "B0000002"}))
        connection.execute(insert(lines).values(_LINE | {"batch": "B0000002", "attempt": 2}))

    assert insert_refused(planned, second)
    run(planned, *_SEND)
    for state in ("sent", "unknown"):
        run(planned, f"UPDATE lines SET state = '{state}'")  # noqa: S608 - of a tuple above
        assert insert_refused(planned, second), state
    run(planned, "UPDATE lines SET state = 'failed'")
    assert not insert_refused(planned, second)


def test_a_line_needs_a_mandate_in_force_for_its_amount(planned: Store) -> None:
    run(planned, "UPDATE lines SET state = 'dropped'")

    def line(**changes: object) -> bool:
        values = _LINE | {"line": 2, "attempt": 2} | changes
        return insert_refused(planned, lambda connection: connection.execute(insert(lines).values(values)))

    assert line(amount=100_001)
    assert line(policy="P2")
    run(planned, "UPDATE mandates SET state = 'suspended'")
    assert line()
    run(planned, "UPDATE mandates SET state = 'active'")
    assert not line(amount=100_000)


def test_a_policy_has_one_active_mandate_for_a_purpose(planned: Store) -> None:
    with planned.transaction() as connection:
        connection.execute(insert(mandates).values(_MANDATE | {"mandate": "M0000002"}))
    assert is_refused(planned, f"{_SIGN} WHERE mandate = 'M0000002'")
    run(planned, "UPDATE mandates SET state = 'cancelled' WHERE mandate = 'M0000001'")
    run(planned, f"{_SIGN} WHERE mandate = 'M0000002'")


def test_only_two_people_release_a_line_and_each_line_is_named(planned: Store) -> None:
    run(planned, *_SEND, "UPDATE lines SET state = 'unknown'")
    release = "UPDATE lines SET state = 'released'"
    assert is_refused(planned, release)
    with planned.transaction() as connection:
        connection.execute(
            insert(proposals).values(
                number=1,
                batch="B0000001",
                lines="11,21",
                reason="the bank has no trace",
                proposed_by="li",
                proposed_at=3,
                state="proposed",
                decided_by="",
                decided_at=0,
            )
        )
    approve = "UPDATE proposals SET state = 'approved', decided_by = '{by}', decided_at = 4"
    assert is_refused(planned, approve.format(by="Li"))
    run(planned, approve.format(by="wang"))
    assert is_refused(planned, release), "the proposal names other lines"
    with planned.transaction() as connection:
        connection.execute(
            insert(proposals).values(
                number=2,
                batch="B0000001",
                lines="1",
                reason="the bank has no trace",
                proposed_by="li",
                proposed_at=3,
                state="proposed",
                decided_by="",
                decided_at=0,
            )
        )
    assert is_refused(planned, release)
    run(planned, f"{approve.format(by='wang')} WHERE number = 2", release)
    assert is_refused(planned, "UPDATE proposals SET state = 'rejected'")


def test_a_line_is_not_sent_before_its_batch(planned: Store) -> None:
    run(planned, *_SEND[:4])
    assert is_refused(planned, "UPDATE lines SET state = 'sent'")
    run(planned, *_SEND[4:])


def test_what_was_sent_is_not_dropped_by_hand_nor_its_batch_closed(planned: Store) -> None:
    run(planned, *_SEND)
    assert is_refused(planned, "UPDATE batches SET state = 'cancelled'")
    assert is_refused(planned, "UPDATE batches SET state = 'refused_whole'")  # before its lines are dropped
    run(planned, "UPDATE lines SET state = 'dropped'", "UPDATE batches SET state = 'refused_whole'")


def test_files_and_history_only_grow(planned: Store) -> None:
    with planned.transaction() as connection:
        connection.execute(
            insert(files).values(
                sha256="a" * 64,
                batch="B0000001",
                channel="91020000",
                direction="hold",
                name="hold.txt",
                at=1,
                by="li",
                size=1,
                content_sealed=b"x",
            )
        )
        connection.execute(
            text(
                'INSERT INTO events (at, "by", mandate, batch, line, event, state)'
                " VALUES (1, 'li', '', 'B0000001', 0, 'hold', 'held')"
            )
        )
    for statement in (
        "UPDATE files SET name = 'x'",
        "DELETE FROM files",
        "UPDATE events SET state = 'x'",
        "DELETE FROM events",
    ):
        assert is_refused(planned, statement), statement
