"""For what persons gave their consent, and took it back, as clerks write it down: each with the digest of the
evidence (a signed form, a recorded call), which is kept elsewhere.

A withdrawal is taken of a restricted person too: it asks for less. What the core system's file says of
consents, `customers.load_service` brings.
"""

from __future__ import annotations

import re
from typing import Final

from sqlalchemy import Connection, func, insert, select, update

from customers.book import read_person
from customers.database.audit_log import write_record
from customers.database.contact_tables import consents
from customers.decisions import Desk, refusals_recorded
from customers.errors import ConsentRefused, Restricted
from customers.rules.contact_states import Purpose
from customers.rules.states import PersonState
from qianzhi_errors.sentence import Sentence

GRANT: Final = "grant"
"""The act of a consent in the audit log."""
REVOKE: Final = "revoke"
"""The act of a consent that was withdrawn; `withdraw` is that of a proposal."""
_DIGEST: Final = re.compile("[0-9a-f]{64}")


def has_consent(connection: Connection, person: str, purpose: Purpose) -> bool:
    """Whether a person's consent for a purpose goes on."""
    return _running(connection, person, purpose) is not None


def grant(desk: Desk, by: str, person: str, purpose: Purpose, evidence: str) -> int:
    """Write a consent down, and return its number; `evidence` is a SHA-256, hex. Raises ConsentRefused,
    Restricted, NotAllowed and NoSuchPerson.
    """
    with refusals_recorded(desk, by, GRANT, person):
        desk.settings.check_may(by, "consent")
        _check_evidence(evidence)
        with desk.store.transaction() as connection:
            state = read_person(connection, person).state
            if state is PersonState.RESTRICTED:
                raise Restricted(Sentence("{person} is restricted: nothing is changed", person=person))
            if state is PersonState.SHREDDED:
                raise ConsentRefused(
                    Sentence("{person} was shredded: nothing is changed any more", person=person)
                )
            if (running := _running(connection, person, purpose)) is not None:
                raise ConsentRefused(
                    Sentence("consent {number} for this purpose goes on already", number=running)
                )
            last = connection.execute(select(func.coalesce(func.max(consents.c.number), 0))).scalar_one()
            number = int(last) + 1
            values = (number, person, purpose.value, desk.at, evidence, 0, "", 0)
            connection.execute(insert(consents).values(values))
            write_record(connection, desk.at, by, GRANT, person, _note(number, purpose, evidence))
            return number


def revoke(desk: Desk, by: str, person: str, purpose: Purpose, evidence: str) -> int:
    """End a consent, and return its number; `evidence` is a SHA-256, hex. Raises ConsentRefused, NotAllowed
    and NoSuchPerson.
    """
    with refusals_recorded(desk, by, REVOKE, person):
        desk.settings.check_may(by, "consent")
        _check_evidence(evidence)
        with desk.store.transaction() as connection:
            read_person(connection, person)
            number = _running(connection, person, purpose)
            if number is None:
                raise ConsentRefused(Sentence("this person has given no consent for this purpose"))
            ended = {"withdrawn_at": desk.at, "withdrawal_digest": evidence}
            connection.execute(update(consents).where(consents.c.number == number).values(ended))
            write_record(connection, desk.at, by, REVOKE, person, _note(number, purpose, evidence))
            return number


def _check_evidence(evidence: str) -> None:
    if _DIGEST.fullmatch(evidence) is None:
        raise ConsentRefused(Sentence("the evidence is named by its SHA-256, 64 hex digits"))


def _running(connection: Connection, person: str, purpose: Purpose) -> int | None:
    query = select(consents.c.number).where(
        consents.c.person == person, consents.c.purpose == purpose.value, consents.c.withdrawn_at == 0
    )
    return connection.execute(query).scalar()


def _note(number: int, purpose: Purpose, evidence: str) -> str:
    return f"consent {number}: {purpose}; {evidence}"
