"""The audit log: read back in order, and proved; each way of tampering shows."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import Connection

from ledger.book.audit_log import AuditRecord, BrokenRecord, broken_records, read_audit_log, record
from ledger.book.schema import FRONT, audit_log, make_missing
from ledger.book.store import Store
from ledger.rules.entry import GENESIS

NO_HASH = "does not carry the hash of the act before it"


@pytest.fixture
def connection(database: str) -> Iterator[Connection]:
    store = Store(database)
    with store.transaction() as connection:
        make_missing(connection, FRONT)
        yield connection
    store.close()


@pytest.fixture
def four(connection: Connection) -> list[AuditRecord]:
    numbers = [record(connection, audit_log, at, "li", "load", f"2026112{at}", "前") for at in range(1, 5)]
    assert numbers == [1, 2, 3, 4]
    return list(read_audit_log(connection, audit_log))


def test_acts_are_read_back_in_order_and_hold(four: list[AuditRecord]) -> None:
    assert [act[:6] for act in four] == [(n, n, "li", "load", f"2026112{n}", "前") for n in range(1, 5)]
    assert four[0].previous == GENESIS
    assert list(broken_records(four)) == []
    assert list(broken_records([])) == []


@pytest.mark.parametrize(
    ("tampered", "broken"),
    [
        (lambda a: [a[0]._replace(by="wang"), *a[1:]], [BrokenRecord(2, NO_HASH)]),
        (
            lambda a: [a[0], a[1]._replace(at=9), *a[2:]],
            [BrokenRecord(3, NO_HASH), BrokenRecord(3, "is stamped before the act before it")],
        ),
        (
            lambda a: [a[0], *a[2:]],
            [BrokenRecord(2, "missing; the next act is 3"), BrokenRecord(3, NO_HASH)],
        ),
        (lambda a: a[1:], [BrokenRecord(1, "missing; the next act is 2"), BrokenRecord(2, NO_HASH)]),
        (lambda a: [*a[:3], a[3]._replace(previous=GENESIS)], [BrokenRecord(4, NO_HASH)]),
        (lambda a: [*a, a[3]._replace(number=5)], [BrokenRecord(5, NO_HASH)]),
    ],
    ids=["who", "when", "left out", "the first left out", "forged link", "put in"],
)
def test_tampering_shows(
    four: list[AuditRecord],
    tampered: Callable[[list[AuditRecord]], list[AuditRecord]],
    broken: list[BrokenRecord],
) -> None:
    assert list(broken_records(tampered(four))) == broken


def test_an_act_is_stamped_no_earlier_than_the_one_before_it(connection: Connection) -> None:
    for at in (9, 4, 9, 12):
        record(connection, audit_log, at, "li", "load", "20261124", "")
    assert [act.at for act in read_audit_log(connection, audit_log)] == [9, 9, 9, 12]
