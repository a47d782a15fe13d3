"""Who looks at a person gives a reason and is written down; two people let one look at who is restricted."""

from __future__ import annotations

import pytest

from customers import decisions, look_up
from customers.database.schema import audit_log
from customers.errors import CustomersError, NoSuchPerson, NotAllowed, ProposalRefused, Restricted
from customers.rules.person import Role
from customers.rules.states import Act
from ledger.book.audit_log import newest_of
from tests.support.customers_desk import FACTORY, OTHER_POLICY, POLICY, ZHANG, Counter, holding


def newest(counter: Counter, person: str) -> tuple[str, str]:
    with counter.store.reading() as connection:
        record = newest_of(connection, audit_log, ["show"], person)
    assert record is not None
    return record.by, record.note


def test_a_person_is_shown_masked_and_the_look_is_written_down(loaded: Counter) -> None:
    person = loaded.person()
    shown = loaded.show(person)
    assert (shown.name, shown.document) == ("张*", "**************803X")
    assert [(held.policy, held.role) for held in shown.holdings] == [
        (POLICY, Role.HOLDER),
        (OTHER_POLICY, Role.HOLDER),
    ]
    assert newest(loaded, person) == ("li", "called us")


def test_the_persons_of_a_policy_are_shown_and_each_look_is_written_down(loaded: Counter) -> None:
    shown = look_up.show_policy(loaded.desk(), loaded.keys, "li", OTHER_POLICY, "letter")
    assert {row.name for row in shown} == {"张*", "示*"}
    for row in shown:
        assert newest(loaded, row.person) == ("li", f"letter; policy {OTHER_POLICY}")


def test_nobody_is_shown_without_permission_reason_or_name(loaded: Counter) -> None:
    person = loaded.person()
    for refusal, by, name, reason in (
        (NotAllowed, "guest", person, "why"),
        (ProposalRefused, "li", person, " "),
        (NoSuchPerson, "li", "A" * 16, "why"),
        (NoSuchPerson, "li", ZHANG.number, "why"),
    ):
        with pytest.raises(refusal) as refused:
            look_up.show_person(loaded.desk(), loaded.keys, by, name, reason)
        assert ZHANG.number not in str(refused.value)
    assert newest(loaded, "")[1] == "failed: NoSuchPerson"
    with pytest.raises(NoSuchPerson):
        look_up.show_policy(loaded.desk(), loaded.keys, "li", "P9", "why")


def test_a_restricted_person_is_not_shown_and_named_only_by_the_name_here(loaded: Counter) -> None:
    person = loaded.person()
    loaded.agreed(Act.RESTRICT, person)
    with pytest.raises(Restricted):
        loaded.show(person)
    assert newest(loaded, person) == ("li", "failed: Restricted")
    shown = look_up.show_policy(loaded.desk(), loaded.keys, "li", OTHER_POLICY, "why")
    assert [(row.name, row.document) for row in shown if row.person == person] == [("", "")]
    assert newest(loaded, person) == ("li", "failed: Restricted")


def test_an_agreed_look_is_its_proposers_and_is_used_once(loaded: Counter) -> None:
    person = loaded.person(OTHER_POLICY, "payer")
    loaded.agreed(Act.RESTRICT, person)
    made = decisions.propose(loaded.desk(), "li", person, Act.LOOK, "a court asks")
    with pytest.raises(Restricted):
        loaded.show(person)
    decisions.approve(loaded.desk(), "wang", made.number)
    with pytest.raises(Restricted):
        loaded.show(person, by="wang")
    assert loaded.show(person).name == "示*"
    with pytest.raises(Restricted):
        loaded.show(person)


def test_an_agreed_look_that_was_not_used_is_withdrawn(loaded: Counter) -> None:
    person = loaded.person()
    loaded.agreed(Act.RESTRICT, person)
    made = loaded.agreed(Act.LOOK, person)
    decisions.withdraw(loaded.desk(), "li", made.number)
    with pytest.raises(CustomersError):
        loaded.show(person)


def test_of_a_shredded_person_the_name_here_and_the_holdings_are_left(loaded: Counter) -> None:
    person = loaded.person()
    loaded.agreed(Act.SHRED, person)
    shown = loaded.show(person)
    assert (shown.state, shown.name, shown.document, len(shown.holdings)) == ("shredded", "", "", 2)


def test_a_document_that_comes_again_after_a_shredding_makes_a_new_person(loaded: Counter) -> None:
    person = loaded.person(OTHER_POLICY, "payer")
    loaded.agreed(Act.SHRED, person)
    loaded.load(loaded.file_of("20261125", holding("P9", Role.PAYER, FACTORY)))
    assert loaded.person("P9", "payer") not in ("", person)
