"""From a file of holdings to a person who cannot be known any more: on both kinds of database."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import select

from customers import decisions
from customers.certificate import certificate_path, digest_of
from customers.changes import Asked, request_change
from customers.database.contact_tables import changes, contacts
from customers.database.schema import audit_log, person_keys, persons
from customers.errors import NotErased
from customers.load_rows import ContactRow
from customers.rules.contact import ContactKind, Source
from customers.rules.states import Act, PersonState
from customers.sealing import Label, opened, parse, place_on_volume, sealed_line
from ledger.book.audit_log import newest_of
from tests.support.customers_desk import POLICY, ZHANG, Counter


def test_what_was_sealed_before_a_shredding_cannot_be_opened_after_it(loaded: Counter) -> None:
    person = loaded.person()
    key = loaded.book.key_of(person)
    assert key is not None
    place = place_on_volume("QZ-0007", "20260930", 1)
    line = sealed_line(key, Label(person, "holder", "entries/1/8812"), b"a name", bytes(12), place)
    assert opened(key, parse(line), place) == b"a name"
    done = loaded.agreed(Act.SHRED, person)
    assert (loaded.book.key_of(person), loaded.book.state_of(person)) == (None, PersonState.SHREDDED)
    assert loaded.book.person_by_document(ZHANG) is None
    certificate = certificate_path(loaded.folder / "certificates", done)
    assert certificate.read_text(encoding="utf-8") == done.certificate
    with loaded.store.reading() as connection:
        record = newest_of(connection, audit_log, ["shred"], person)
    assert record is not None
    assert record.note == f"proposal 1: shred; certificate {digest_of(done.certificate)}"


def test_holders_keys_come_with_their_policies_and_none_of_who_was_forgotten(loaded: Counter) -> None:
    person = loaded.person()
    together = loaded.book.holder_keys([POLICY, "nobody's"])
    assert together == {POLICY: (person, loaded.book.key_of(person))}
    loaded.agreed(Act.SHRED, person)
    assert loaded.book.holder_keys([POLICY]) == {POLICY: (person, None)}


def test_no_byte_of_a_destroyed_key_or_contact_is_left_in_an_embedded_database(loaded: Counter) -> None:
    if not loaded.store.is_sqlite:
        pytest.skip("a server's files are its own: docs/customers.md says what its administrator does")
    person = loaded.person()
    contact = ContactRow(0, ZHANG, ContactKind.MOBILE, "13800138001", "20261101")
    loaded.load(loaded.file_of("20261125", contact))
    asked = Asked(person, ContactKind.EMAIL, "canary@example.com", Source.COUNTER)
    request_change(loaded.loader(), asked)
    with loaded.store.reading() as connection:
        row = connection.execute(select(person_keys).where(person_keys.c.person == person)).one()
        of_person = connection.execute(select(persons).where(persons.c.person == person)).one()
        reached = [connection.execute(select(table)).one() for table in (contacts, changes)]
    traces = [row.wrapped, of_person.name_sealed, of_person.id_sealed, of_person.id_digest]
    traces += [value for row in reached for value in (row.value_sealed, row.value_digest)]
    before = everything(loaded.folder)
    assert all(trace.encode() in before for trace in traces)
    loaded.agreed(Act.SHRED, person)
    after = everything(loaded.folder)
    assert not [trace for trace in traces if trace.encode() in after]


def test_a_reader_that_keeps_the_log_is_told_of_and_the_approval_given_again_empties_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ledger.book.store.SQLITE_LOCK_SECONDS", 0)
    counter = Counter(f"sqlite:///{tmp_path}/customers.db", tmp_path)
    counter.load(counter.file())
    person, wrapped = counter.person(), b""
    decisions.propose(counter.desk(), "li", person, Act.SHRED, "why")
    with counter.store.reading(snapshot=True) as reader:
        row = reader.execute(select(person_keys).where(person_keys.c.person == person)).one()
        wrapped = row.wrapped.encode()
        with pytest.raises(NotErased, match="end the reader"):
            decisions.approve(counter.desk(), "wang", 1)
    assert counter.book.key_of(person) is None
    assert wrapped in everything(tmp_path)
    decisions.approve(counter.desk(), "wang", 1)
    assert wrapped not in everything(tmp_path)
    counter.close()


def everything(folder: Path) -> bytes:
    """The bytes of all files of a folder, one after the other."""
    return b"\n".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())
