"""Another master key: every key is wrapped anew, a killed run goes on, and older copies do not open."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from customers import master
from customers.book import Book
from customers.database.schema import person_keys
from customers.errors import NotAllowed, OtherKeys
from customers.keys import KeyRow, key_of_row, keys_of
from customers.rules.states import Act
from customers.sealing import SecretKey
from tests.support.customers_desk import MASTER_KEY, OTHER_POLICY, PERSON_KEY, Counter

OLD, NEW = SecretKey(MASTER_KEY), SecretKey(bytes(range(200, 232)))


def rewrapped(counter: Counter) -> int:
    return master.rewrap(counter.desk(), "li", OLD, NEW, counter.entropy)


def test_every_key_stays_the_same_under_another_master_key(loaded: Counter) -> None:
    before = loaded.book.key_of(loaded.person())
    assert rewrapped(loaded) == 3
    book = Book(loaded.store, keys_of(PERSON_KEY, NEW.reveal()))
    assert book.key_of(loaded.person()) == before
    with pytest.raises(OtherKeys, match=f"check value {NEW.check_value}, not {OLD.check_value}"):
        loaded.book.key_of(loaded.person())


def test_a_run_that_was_killed_goes_on(loaded: Counter, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(master, "_AT_ONCE", 2)
    drawn = iter((bytes(12), bytes([1]) * 12))
    with pytest.raises(StopIteration):
        master.rewrap(loaded.desk(), "li", OLD, NEW, lambda _length: next(drawn))
    assert rewrapped(loaded) == 1
    assert rewrapped(loaded) == 0


def test_a_destroyed_key_stays_destroyed(loaded: Counter) -> None:
    loaded.agreed(Act.SHRED, loaded.person(OTHER_POLICY, "payer"))
    assert rewrapped(loaded) == 2


def test_a_copy_from_before_opens_with_the_former_master_key_alone(loaded: Counter) -> None:
    with loaded.store.reading() as connection:
        row = connection.execute(select(person_keys).where(person_keys.c.person == loaded.person())).one()
    rewrapped(loaded)
    copy = KeyRow(row.person, row.wrapped, row.master)
    assert key_of_row(OLD, copy)
    with pytest.raises(OtherKeys):
        key_of_row(NEW, copy)


def test_a_clerk_without_the_permission_wraps_nothing(loaded: Counter) -> None:
    with pytest.raises(NotAllowed):
        master.rewrap(loaded.desk(), "guest", OLD, NEW, loaded.entropy)
