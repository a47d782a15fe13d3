"""A consent goes on from its evidence to the evidence of its withdrawal."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from customers.consents import grant, has_consent, revoke
from customers.database.schema import audit_log
from customers.errors import ConsentRefused, NotAllowed, Restricted
from customers.rules.contact_states import Purpose
from customers.rules.states import Act
from tests.support.customers_desk import Counter

EVIDENCE, OTHER = "ab" * 32, "cd" * 32
DEBIT = Purpose.DEBIT


def goes_on(counter: Counter, purpose: Purpose = DEBIT) -> bool:
    with counter.store.reading() as connection:
        return has_consent(connection, counter.person(), purpose)


def test_a_consent_is_granted_once_and_withdrawn_once_each_with_its_evidence(loaded: Counter) -> None:
    person = loaded.person()
    assert grant(loaded.desk(), "li", person, DEBIT, EVIDENCE) == 1
    assert (goes_on(loaded), goes_on(loaded, Purpose.MARKETING)) == (True, False)
    with pytest.raises(ConsentRefused, match="consent 1 for this purpose goes on already"):
        grant(loaded.desk(), "li", person, DEBIT, OTHER)
    assert revoke(loaded.desk(), "wang", person, DEBIT, OTHER) == 1
    assert not goes_on(loaded)
    with pytest.raises(ConsentRefused, match="has given no consent for this purpose"):
        revoke(loaded.desk(), "li", person, DEBIT, OTHER)
    assert grant(loaded.desk(), "li", person, DEBIT, OTHER) == 2
    with loaded.store.reading() as connection:
        log = select(audit_log.c.act, audit_log.c.note).where(audit_log.c.subject == person)
        kept = [tuple(row) for row in connection.execute(log.order_by(audit_log.c.number))]
    assert [row for row in kept if not row[1].startswith("failed")] == [
        ("grant", f"consent 1: debit; {EVIDENCE}"),
        ("revoke", f"consent 1: debit; {OTHER}"),
        ("grant", f"consent 2: debit; {OTHER}"),
    ]


def test_a_consent_without_evidence_or_permission_is_refused(loaded: Counter) -> None:
    with pytest.raises(ConsentRefused, match="named by its SHA-256"):
        grant(loaded.desk(), "li", loaded.person(), DEBIT, "a form")
    with pytest.raises(NotAllowed):
        grant(loaded.desk(), "guest", loaded.person(), DEBIT, EVIDENCE)


def test_a_restricted_person_withdraws_and_grants_nothing(loaded: Counter) -> None:
    person = loaded.person()
    grant(loaded.desk(), "li", person, DEBIT, EVIDENCE)
    loaded.agreed(Act.RESTRICT, person)
    with pytest.raises(Restricted, match="nothing is changed"):
        grant(loaded.desk(), "li", person, Purpose.NOTICE, EVIDENCE)
    assert revoke(loaded.desk(), "li", person, DEBIT, OTHER) == 1
    loaded.agreed(Act.SHRED, person)
    with pytest.raises(ConsentRefused, match="was shredded"):
        grant(loaded.desk(), "li", person, DEBIT, EVIDENCE)
