"""What the database refuses of contacts, agents, consents and changes by itself, on both kinds of it."""

# ruff: noqa: S608 - the statements consist of this file's own text
from __future__ import annotations

import pytest
from sqlalchemy import text

from customers import decisions
from customers.rules.states import Act
from tests.support.customers_desk import POLICY, Counter, refused

_VALUE = "'x', '0123456789abcdef0123456789abcdef', '*1'"
_DIGEST = "'" + 64 * "0" + "'"
_CONTACT = "INSERT INTO contacts VALUES ({number}, :p, 'mobile', {value}, '{source}', '{state}', {rest})"


def contact(
    number: int = 1, value: str = _VALUE, source: str = "core", state: str = "good", rest: str = "1, 1, 1, 0"
) -> str:
    """The insertion of a contact; `rest` is verified_at, added_at, load and change."""
    return _CONTACT.format(number=number, value=value, source=source, state=state, rest=rest)


@pytest.fixture
def filled(loaded: Counter) -> Counter:
    """One good contact, two agents of whom one left, one served policy, a consent and a change."""
    with loaded.store.transaction() as connection:
        for statement in (
            contact(),
            "INSERT INTO contact_events VALUES (1, 1, 1, 'added', 'good')",
            "INSERT INTO agents VALUES ('A1', 'Wang', 'Shanghai', '021', 'active', '', 1)",
            "INSERT INTO agents VALUES ('A2', 'Zhao', 'Shanghai', '021', 'left', '20261101', 1)",
            "INSERT INTO serving VALUES ('P1', 'A1', '20260101', '', 1, 0)",
            f"INSERT INTO consents VALUES (1, :p, 'notice', 1, {_DIGEST}, 0, '', 0)",
            f"INSERT INTO changes VALUES (1, :p, 'mobile', {_VALUE}, 'counter', 'li', 1, 0, 'made', 0, '')",
        ):
            values = {"p": loaded.person()} if ":p" in statement else {}
            connection.execute(text(statement), values)
    return loaded


REFUSED = (
    *("DELETE FROM contacts", "DELETE FROM contact_events", "DELETE FROM agents", "DELETE FROM serving"),
    *("DELETE FROM consents", "DELETE FROM changes", "UPDATE contact_events SET state = 'dead'"),
    "UPDATE contacts SET state = 'dead'",
    "UPDATE contacts SET value_sealed = 'y'",
    "UPDATE contacts SET tail = ''",
    "UPDATE contacts SET value_sealed = '', value_digest = '', tail = ''",
    "UPDATE contacts SET person = (SELECT min(person) FROM persons WHERE person <> contacts.person)",
    "UPDATE contacts SET source = 'staff', load = 0, change = 1",
    "UPDATE contacts SET kind = 'email'",
    contact(2),
    contact(2, value="'x', '1123456789abcdef0123456789abcdef', ''"),
    contact(2, value="'', '', ''"),
    contact(2, value="'x', '11', '*1'"),
    contact(2, value="'x', '1123456789abcdef0123456789abcdef', '*1'", state="dead"),
    contact(2, value="'x', '1123456789abcdef0123456789abcdef', '*1'", rest="0, 1, 1, 0"),
    contact(2, value="'x', '1123456789abcdef0123456789abcdef', '*1'", source="staff"),
    contact(2, value="'x', '1123456789abcdef0123456789abcdef', '*1'", rest="1, 1, 1, 1"),
    "INSERT INTO contact_events VALUES (1, 2, 2, 'failed_again', 'dead')",
    "INSERT INTO contact_events VALUES (1, 2, 2, 'failed', 'good')",
    "INSERT INTO contact_events VALUES (1, 3, 2, 'failed', 'bouncing')",
    "INSERT INTO contact_events VALUES (1, 2, 2, 'added', 'good')",
    "UPDATE agents SET state = 'left', left_on = '20261130' WHERE agent = 'A1'",
    "UPDATE agents SET state = 'left' WHERE agent = 'A2' AND left_on = '' OR agent = 'A1'",
    "UPDATE agents SET agent = 'A3' WHERE agent = 'A2'",
    "INSERT INTO serving VALUES ('P1', 'A1', '20260201', '', 1, 0)",
    "INSERT INTO serving VALUES ('P2', 'A2', '20260201', '', 1, 0)",
    "INSERT INTO serving VALUES ('P2', 'A9', '20260201', '', 1, 0)",
    "UPDATE serving SET policy = 'P2'",
    "UPDATE serving SET to_date = '20251231', ended_load = 1",
    "UPDATE serving SET to_date = '20261231'",
    "UPDATE consents SET purpose = 'marketing'",
    f"UPDATE consents SET evidence_digest = {_DIGEST.replace('0', '1')}",
    "UPDATE consents SET withdrawn_at = 2",
    f"INSERT INTO consents VALUES (2, :p, 'notice', 1, {_DIGEST}, 0, '', 0)",
    f"INSERT INTO consents VALUES (2, :p, 'debit', 1, {_DIGEST}, 2, {_DIGEST}, 0)",
    "INSERT INTO consents VALUES (2, :p, 'debit', 1, '', 0, '', 0)",
    f"INSERT INTO consents VALUES (2, :p, 'other', 1, {_DIGEST}, 0, '', 0)",
    "UPDATE changes SET state = 'done', answered_at = 2",
    "UPDATE changes SET value_digest = '1123456789abcdef0123456789abcdef'",
    "UPDATE changes SET made_by = 'wang'",
    f"INSERT INTO changes VALUES (2, :p, 'mobile', {_VALUE}, 'counter', 'li', 1, 0, 'made', 0, '')",
    f"INSERT INTO changes VALUES (2, :p, 'email', {_VALUE}, 'core', 'li', 1, 0, 'made', 0, '')",
    f"INSERT INTO changes VALUES (2, :p, 'email', {_VALUE}, 'staff', 'li', 1, 0, 'sent', 0, '')",
    f"INSERT INTO changes VALUES (2, :p, 'email', {_VALUE}, 'staff', '', 1, 0, 'made', 0, '')",
)


def test_what_nobody_may_do_is_refused(filled: Counter) -> None:
    person = filled.person()
    for statement in REFUSED:
        values = {"p": person} if ":p" in statement else {}
        assert refused(filled, statement, **values), statement


def test_what_may_happen_is_let_through(filled: Counter) -> None:
    person = filled.person()
    for statement in (
        contact(2, value="'x', '1123456789abcdef0123456789abcdef', '*1'", source="portal", rest="1, 1, 0, 1"),
        "INSERT INTO contact_events VALUES (1, 2, 2, 'failed', 'bouncing')",
        "UPDATE contacts SET state = 'bouncing' WHERE number = 1",
        "UPDATE serving SET to_date = '20261130', ended_load = 1",
        "UPDATE agents SET state = 'left', left_on = '20261130' WHERE agent = 'A1'",
        f"UPDATE consents SET withdrawn_at = 2, withdrawal_digest = {_DIGEST}",
        f"INSERT INTO consents VALUES (2, :p, 'notice', 3, {_DIGEST}, 0, '', 0)",
        "UPDATE changes SET state = 'sent', sent_at = 5",
        "UPDATE changes SET state = 'declined', answered_at = 6, reason = 'no'",
    ):
        values = {"p": person} if ":p" in statement else {}
        assert not refused(filled, statement, **values), statement
    for statement in (
        f"UPDATE consents SET withdrawn_at = 4, withdrawal_digest = {_DIGEST} WHERE number = 1",
        "UPDATE changes SET state = 'sent'",
        "UPDATE changes SET sent_at = 9",
        "UPDATE serving SET to_date = '', ended_load = 0",
    ):
        assert refused(filled, statement), statement


def test_nobody_is_shredded_while_a_contact_or_a_change_is_left(filled: Counter) -> None:
    person = filled.person(POLICY)
    decisions.propose(filled.desk(), "li", person, Act.SHRED, "why")
    emptied = "value_sealed = '', value_digest = '', tail = ''"
    shred = (
        "UPDATE persons SET state = 'shredded', name_sealed = '', name_masked = '', id_digest = '',"
        " id_sealed = '' WHERE person = :p"
    )
    assert refused(filled, f"UPDATE contacts SET {emptied}")
    with filled.store.transaction() as connection:
        connection.execute(text("UPDATE proposals SET state = 'approved', decided_by = 'wang'"))
    assert refused(filled, shred, p=person)
    assert not refused(filled, f"UPDATE contacts SET {emptied}")
    assert refused(filled, shred, p=person)
    assert not refused(filled, f"UPDATE changes SET {emptied}")
    assert refused(filled, shred, p=person)
    assert not refused(filled, "UPDATE changes SET state = 'dropped'")
    assert not refused(filled, shred, p=person)
    assert refused(filled, contact(3, value=_VALUE.replace("'0", "'1")), p=person)
    assert refused(filled, f"INSERT INTO consents VALUES (2, :p, 'debit', 1, {_DIGEST}, 0, '', 0)", p=person)
