"""A load makes persons or finds them again, brings names and holdings up to date, whole or not at all."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from customers.database.schema import holdings, loads, persons
from customers.errors import HoldingsRefused, NotAllowed, OtherKeys
from customers.keys import check, keys_of
from customers.load import load
from customers.load_file import parse
from customers.load_rows import EndedHolding
from customers.load_service import Loader
from customers.rules.person import Role
from customers.rules.states import Act
from tests.support.customers_desk import (
    FACTORY,
    LI,
    MASTER_KEY,
    NAMES,
    OTHER_POLICY,
    POLICY,
    ZHANG,
    Counter,
    holding,
)


def test_a_person_has_one_name_on_all_policies(loaded: Counter) -> None:
    assert loaded.person(POLICY) == loaded.person(OTHER_POLICY) == loaded.book.person_by_document(ZHANG)
    assert len({loaded.person(), loaded.person(POLICY, "insured"), loaded.person(OTHER_POLICY, "payer")}) == 3
    assert loaded.book.person_of("P9") is None


def test_a_file_is_taken_once_and_none_of_an_earlier_date(loaded: Counter) -> None:
    with pytest.raises(HoldingsRefused, match="loaded already, of 20261124"):
        loaded.load(loaded.file())
    with pytest.raises(HoldingsRefused, match="of 20261123, and one of 20261124"):
        loaded.load(loaded.file_of("20261123", holding("P9", Role.HOLDER, LI)))
    with loaded.store.reading() as connection:
        assert len(connection.execute(select(loads)).all()) == 1


def test_the_same_holding_again_changes_nothing_and_another_spelling_is_the_same_person(
    loaded: Counter,
) -> None:
    row = holding(POLICY, Role.INSURED, LI)._replace(document=LI._replace(number="e-12345678"))
    result = loaded.load(loaded.file_of("20261125", row))
    assert (result.new_persons, result.renamed, result.new_holdings) == (0, 0, 0)


def test_another_name_on_the_same_document_takes_the_place_of_the_one_before(loaded: Counter) -> None:
    person = loaded.person(POLICY, "insured")
    row = holding(POLICY, Role.INSURED, LI)._replace(name="王四")
    assert loaded.load(loaded.file_of("20261125", row)).renamed == 1
    assert loaded.show(person).name == "王*"


def test_a_holding_ends_and_its_past_is_kept(loaded: Counter) -> None:
    person = loaded.person()
    gone = EndedHolding(0, POLICY, Role.HOLDER, ZHANG, "20261124")
    loaded.load(loaded.file_of("20261125", holding(POLICY, Role.HOLDER, LI, "20261125"), ended=[gone]))
    assert loaded.person() == loaded.person(POLICY, "insured")
    assert loaded.book.person_of(POLICY, "holder", "20261124") == person
    assert loaded.book.person_of(POLICY, "holder", "20161124") is None


@pytest.mark.parametrize(
    ("rows", "ended", "reason"),
    [
        ((holding(POLICY, Role.HOLDER, LI),), (), "line 2, role: the policy has another holder"),
        ((), (EndedHolding(0, POLICY, Role.PAYER, LI, "20261124"),), "line 3: no such holding goes on"),
        ((), (EndedHolding(0, POLICY, Role.HOLDER, ZHANG, "20160101"),), "line 3: no such holding goes on"),
        ((), (EndedHolding(0, "P9", Role.HOLDER, ZHANG, "20261124"),), "line 3: no such holding goes on"),
    ],
    ids=["another holder", "no such holding", "before it began", "no such policy"],
)
def test_what_does_not_fit_is_refused_by_its_line_and_nothing_is_loaded(
    loaded: Counter, rows: tuple[object, ...], ended: tuple[EndedHolding, ...], reason: str
) -> None:
    more = holding("P9", Role.INSURED, FACTORY)
    with pytest.raises(HoldingsRefused, match=reason):
        loaded.load(loaded.file_of("20261125", *rows, more, ended=ended))  # type: ignore[arg-type]
    with loaded.store.reading() as connection:
        assert len(connection.execute(select(holdings)).all()) == 4
        assert len(connection.execute(select(persons)).all()) == 3


def test_a_holding_that_ended_begins_anew_on_another_day(loaded: Counter) -> None:
    gone = EndedHolding(0, POLICY, Role.INSURED, LI, "20261124")
    loaded.load(loaded.file_of("20261125", ended=[gone]))
    with pytest.raises(HoldingsRefused, match="line 2, from: this holding began on this day"):
        loaded.load(loaded.file_of("20261126", holding(POLICY, Role.INSURED, LI)))
    loaded.load(loaded.file_of("20261126", holding(POLICY, Role.INSURED, LI, "20261126")))
    assert loaded.person(POLICY, "insured")


def test_a_clerk_without_the_permission_loads_nothing(counter: Counter) -> None:
    with pytest.raises(NotAllowed, match="'guest' may not load; these may: li, wang"):
        load(Loader(counter.desk(), counter.keys, counter.entropy, "guest"), parse(counter.file()))


def test_keys_of_another_database_are_refused(loaded: Counter) -> None:
    with pytest.raises(OtherKeys, match="made with another key person"):
        check(loaded.store, keys_of(bytes(32), MASTER_KEY))
    other = Loader(loaded.desk(), keys_of(bytes(range(32)), bytes(32)), loaded.entropy, "li")
    with pytest.raises(OtherKeys, match="is wrapped under the master key"):
        load(other, parse(loaded.file_of("20261125", holding(POLICY, Role.INSURED, LI))))


def test_no_name_and_no_number_is_in_the_database_in_clear(loaded: Counter) -> None:
    with loaded.store.reading() as connection:
        text = repr([connection.execute(select(table)).all() for table in (persons, holdings, loads)])
    assert not [value for value in (*NAMES.values(), ZHANG.number, LI.number) if value in text]


def test_a_shredded_holder_gives_way_to_the_person_whom_the_core_system_sends_again(loaded: Counter) -> None:
    person = loaded.person()
    loaded.agreed(Act.SHRED, person)
    assert loaded.book.person_of(POLICY) == person
    again = loaded.load(loaded.file_of("20261125", holding(POLICY, Role.HOLDER, ZHANG)))
    assert (again.new_persons, again.new_holdings) == (1, 1)
    assert loaded.person() not in ("", person)
    assert loaded.person(OTHER_POLICY) == person


def test_a_holding_of_a_shredded_person_ends_by_the_core_systems_row(loaded: Counter) -> None:
    loaded.agreed(Act.SHRED, loaded.person(POLICY, "insured"))
    gone = EndedHolding(0, POLICY, Role.INSURED, LI, "20261124")
    loaded.load(loaded.file_of("20261125", ended=[gone]))
    assert loaded.person(POLICY, "insured") == ""
    with pytest.raises(HoldingsRefused, match="line 2: no such holding goes on"):
        loaded.load(loaded.file_of("20261126", ended=[gone]))
