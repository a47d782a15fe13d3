"""What may be written down: names of a table, with particulars of a fixed form; and that it is, for good."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import text

import fep.operator.audit_trail
from fep.operator.audit_trail import SUBJECTS, AuditEntryRefused, audit_entry, begin, subject_of, write
from ledger.book.audit_log import AuditRecord, Stage, broken_records, failed, read_audit_log
from ledger.book.schema import audit_log
from ledger.book.store import Store
from ledger.errors import Conflict, LedgerError, Unavailable

ASKED: dict[str, Any] = {"act": "keys load", "subject": "zmk/01020000", "stage": "asked", "details": {}}
COMPONENT = "00112233445566778899AABBCCDDEEFF"


def test_an_act_of_the_table_is_told_in_one_line() -> None:
    details = {"kind": "aes", "custodians": "Li Lei 08D7B4FB62, 韩梅梅 A1B2C3", "check value": "0011223344"}
    entry = audit_entry({**ASKED, "stage": "done", "details": details})
    assert entry.note == "done: kind aes; custodians Li Lei 08D7B4FB62, 韩梅梅 A1B2C3; check value 0011223344"
    assert audit_entry(ASKED).note == "asked"
    assert audit_entry({"act": "keys create", "stage": "asked"}).subject == ""


@pytest.mark.parametrize(
    "wrong",
    [
        {"act": "keys loaded"},
        {"act": "cutover"},
        {"act": None},
        {"act": ["keys load"]},
        {"stage": "begun"},
        {"stage": None},
        {"stage": []},
        {"subject": "front"},
        {"subject": "zmk/01020000 or another"},
        {"subject": f"zmk/{COMPONENT}"},
        {"subject": 7},
        {"details": []},
        {"details": {"remark": "x"}},
        {"details": {"check value": COMPONENT}},
        {"details": {"check value": 7}},
        {"details": {"kind": "rot13"}},
        {"details": {"custodians": f"{COMPONENT} 08D7B4"}},
        {"details": {"custodians": f"Li {COMPONENT}"}},
        {"details": {"custodians": "Li 08D7B4, "}},
        {"details": {"error": "ValueError: 4111111111111111"}},
    ],
    ids=str,
)
def test_anything_else_is_refused_and_not_repeated(wrong: dict[str, Any]) -> None:
    with pytest.raises(AuditEntryRefused) as raised:
        audit_entry({**ASKED, **wrong})
    assert COMPONENT not in str(raised.value)
    assert "4111" not in str(raised.value)


def test_who_acted_is_not_for_the_asking() -> None:
    assert "wang" not in str(audit_entry({**ASKED, "by": "wang"}))


def test_what_was_typed_is_a_subject_only_if_it_can_be_one() -> None:
    assert [subject_of("keys remove", typed) for typed in ("seal", "zmk/1", COMPONENT, "")] == [
        "seal",
        "zmk/1",
        "",
        "",
    ]
    assert {subject_of(act, COMPONENT) for act in SUBJECTS} == {""}


def test_a_failure_is_told_by_its_kind() -> None:
    assert failed(ValueError("4111111111111111")) == "failed: ValueError"


@pytest.fixture
def store(database: str) -> Iterator[Store]:
    store = Store(database)
    begin(store)
    yield store
    store.close()


def audit_rows(store: Store) -> list[AuditRecord]:
    with store.reading() as connection:
        return list(read_audit_log(connection, audit_log))


def test_an_act_is_written_down_in_the_chain(store: Store) -> None:
    assert [write(store, at, "li", "keys remove", "front", "asked") for at in (5, 6)] == [1, 2]
    begin(store)
    assert [act[:6] for act in audit_rows(store)] == [
        (1, 5, "li", "keys remove", "front", "asked"),
        (2, 6, "li", "keys remove", "front", "asked"),
    ]
    assert list(broken_records(audit_rows(store))) == []


@pytest.mark.parametrize(
    ("errors", "raised"),
    [
        ([Conflict("x")] * 7, None),
        ([Conflict("x")] * 8, Conflict),
        ([Unavailable("x")], None),
        ([Unavailable("x")] * 2, Unavailable),
    ],
    ids=["seven lost", "eight lost", "a dead connection", "no database"],
)
def test_who_loses_against_another_node_tries_again_and_not_for_ever(
    store: Store, monkeypatch: pytest.MonkeyPatch, errors: list[LedgerError], raised: type[LedgerError] | None
) -> None:
    script, real = list(errors), fep.operator.audit_trail.record

    def record(*arguments: Any) -> int:  # noqa: ANN401 - as the real one takes them
        if script:
            raise script.pop(0)
        return real(*arguments)

    monkeypatch.setattr(fep.operator.audit_trail, "record", record)
    if raised is None:
        assert write(store, 5, "li", "keys remove", "front", Stage.ASKED) == 1
    else:
        with pytest.raises(raised):
            write(store, 5, "li", "keys remove", "front", Stage.ASKED)
    assert (len(audit_rows(store)), script) == (int(raised is None), [])


@pytest.mark.parametrize("statement", ["UPDATE audit_log SET note = ''", "DELETE FROM audit_log"])
def test_what_is_written_down_stays(store: Store, statement: str) -> None:
    write(store, 5, "li", "keys remove", "front", "asked")
    with pytest.raises(LedgerError), store.transaction() as connection:
        connection.execute(text(statement))
    assert len(audit_rows(store)) == 1
