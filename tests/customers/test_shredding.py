"""From a file of holdings to a person who cannot be known any more: on both kinds of database."""

from __future__ import annotations

from customers.certificate import certificate_path, digest_of
from customers.database.schema import audit_log
from customers.rules.states import Act, PersonState
from customers.sealing import Label, opened, parse, place_on_volume, sealed_line
from ledger.book.audit_log import newest_of
from tests.support.customers_desk import ZHANG, Counter


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
