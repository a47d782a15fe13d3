"""What the customers' database refuses by itself, on both kinds of database, whatever the program does."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from customers import decisions
from customers.rules.states import Act
from tests.support.customers_desk import OTHER_POLICY, POLICY, Counter, refused


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE persons SET state = 'restricted'",
        "UPDATE persons SET state = 'shredded', name_sealed = '', name_masked = '', id_digest = '',"
        " id_sealed = ''",
        "UPDATE persons SET kind = 'company'",
        "UPDATE persons SET person = 'ABCDEFGHIJKLMNOP'",
        "UPDATE persons SET id_kind = 'other'",
        "UPDATE persons SET name_sealed = ''",
        "UPDATE persons SET name_masked = ''",
        "UPDATE persons SET load = 9",
        "DELETE FROM persons",
        "UPDATE person_keys SET wrapped = ''",
        "UPDATE person_keys SET wrapped = '', master = '', shredded_at = 1, proposal = 1",
        "UPDATE person_keys SET created_at = 0",
        "DELETE FROM person_keys",
        "DELETE FROM holdings",
        "UPDATE holdings SET policy = 'P9'",
        "UPDATE holdings SET from_date = '20170101'",
        "UPDATE holdings SET to_date = '20160101', ended_load = 1",
        "UPDATE holdings SET to_date = '20261124'",
        "INSERT INTO holdings SELECT policy, 'holder', person, '20261124', '', load, 0 FROM holdings"
        " WHERE role = 'insured'",
        "INSERT INTO holdings SELECT policy, role, person, '20261124', '', load, 0 FROM holdings",
        "INSERT INTO holdings SELECT 'P9', 'owner', person, '20261124', '', load, 0 FROM holdings",
        "UPDATE loads SET date = '20261125'",
        "DELETE FROM loads",
        "UPDATE audit_log SET note = 'x'",
        "DELETE FROM audit_log",
        "DELETE FROM facts",
        "DELETE FROM escrows",
        "INSERT INTO escrows VALUES (1, 'a', 'a', 0, 0, '', 1)",
    ],
)
def test_what_nobody_may_do_is_refused(loaded: Counter, statement: str) -> None:
    made = "INSERT INTO escrows VALUES (7, 'a', 'b', 0, 0, '', 1)"
    assert not refused(loaded, made)
    assert refused(loaded, statement)


def test_a_proposal_goes_its_way_only(loaded: Counter) -> None:
    decisions.propose(loaded.desk(), "li", loaded.person(), Act.SHRED, "why")
    update = "UPDATE proposals SET state = 'approved', decided_by = :by, decided_at = 1"
    for statement, values in (
        (update, {"by": "li"}),
        (update, {"by": "LI"}),
        (update, {"by": ""}),
        ("UPDATE proposals SET state = 'done', done_at = 1, certificate = 'x'", {}),
        ("UPDATE proposals SET reason = 'another'", {}),
        ("UPDATE proposals SET act = 'restrict'", {}),
        ("UPDATE proposals SET proposed_by = 'wang'", {}),
        ("DELETE FROM proposals", {}),
        (
            "INSERT INTO proposals SELECT 2, person, act, reason, 'li', 1, 'proposed', '', 0, 0, ''"
            " FROM proposals",
            {},
        ),
        (
            "INSERT INTO proposals SELECT 2, person, act, reason, 'li', 1, 'approved', 'wang', 1, 0, ''"
            " FROM proposals",
            {},
        ),
    ):
        assert refused(loaded, statement, **values), statement
    assert not refused(loaded, update, by="wang")
    for statement in (
        "UPDATE proposals SET decided_by = 'zhao'",
        "UPDATE proposals SET state = 'rejected'",
        "UPDATE proposals SET state = 'done', done_at = 1",
        "UPDATE proposals SET state = 'proposed', decided_by = '', decided_at = 0",
    ):
        assert refused(loaded, statement), statement


def test_a_destroyed_key_never_comes_back(loaded: Counter) -> None:
    person = loaded.person()
    loaded.agreed(Act.SHRED, person)
    for statement in (
        "UPDATE person_keys SET wrapped = 'a', master = 'x', shredded_at = 0, proposal = 0 WHERE person = :p",
        "UPDATE person_keys SET wrapped = 'aa' WHERE person = :p",
        "UPDATE person_keys SET shredded_at = 9 WHERE person = :p",
        "UPDATE persons SET state = 'active' WHERE person = :p",
        "UPDATE persons SET name_sealed = 'x', name_masked = 'x', id_sealed = 'x' WHERE person = :p",
        "INSERT INTO person_keys VALUES (:p, 'aa', 'x', 1, 0, 0)",
    ):
        assert refused(loaded, statement, p=person), statement


def test_an_approved_shredding_destroys_one_persons_key_and_no_others(loaded: Counter) -> None:
    decisions.propose(loaded.desk(), "li", loaded.person(), Act.RESTRICT, "why")
    with loaded.store.transaction() as connection:
        connection.execute(text("UPDATE proposals SET state = 'approved', decided_by = 'wang'"))
    gone = "UPDATE person_keys SET wrapped = '', master = '', shredded_at = 1, proposal = 1 WHERE person = :p"
    assert refused(loaded, gone, p=loaded.person())
    other = loaded.person(OTHER_POLICY, "payer")
    assert refused(loaded, "UPDATE persons SET state = 'restricted' WHERE person = :p", p=other)
    assert not refused(
        loaded, "UPDATE persons SET state = 'restricted' WHERE person = :p", p=loaded.person(POLICY)
    )
