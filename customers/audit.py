"""Holds the customers' database against itself: what it says of persons, keys, proposals and looks must
follow from its own chained audit log, and what was shredded must be gone.

Nothing that does the work is used here but the forms of names, sealed lines and digests. Reads only; a check
is a function in CHECKS; those of contacts, agents and consents are in `customers.audit_service`. No finding
repeats a name, a document's number or a key.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, Row

from customers.audit_service import SERVICE_CHECKS
from customers.certificate import certificate_path, digest_of
from customers.database.contact_tables import contacts
from customers.database.schema import (
    audit_log,
    holdings,
    loads,
    person_keys,
    persons,
    proposals,
)
from customers.evidence import Evidence, Failing, acts_of, records_of, rows_of
from customers.keys import KeyRow, Keys, key_of_row
from customers.load import place_of
from customers.notice_audit import notice_findings
from customers.proposals import Proposal, listing
from customers.rules.states import TRANSITIONS, Act, PersonState, ProposalState
from customers.sealing import opened, parse
from ledger.book.audit_log import AuditRecord, Stage, broken_records, read_audit_log
from ledger.errors import LedgerError
from ledger.rules.identity import Document
from ledger.rules.masking import masked_name
from qianzhi_errors.sentence import Sentence


class Audited(NamedTuple):
    """The outcome: how many rows of each kind were looked at, and what does not hold."""

    persons: int
    shredded: int
    holdings: int
    loads: int
    proposals: int
    records: int
    contacts: int
    failings: tuple[Failing, ...]


def audit(evidence: Evidence) -> Audited:
    """Make all checks."""
    connection = evidence.connection
    failings = tuple(failing for check in CHECKS for failing in check(evidence))
    states = Counter(row.state for row in rows_of(connection, persons))
    held, loaded, proposed, recorded, reached = (
        sum(1 for _ in rows_of(connection, table))
        for table in (holdings, loads, proposals, audit_log, contacts)
    )
    shredded = states[PersonState.SHREDDED.value]
    return Audited(states.total(), shredded, held, loaded, proposed, recorded, reached, failings)


def _records(evidence: Evidence) -> Iterator[Failing]:
    """The audit log's chain holds."""
    for link in broken_records(read_audit_log(evidence.connection, audit_log)):
        yield Failing(str(link.number), link.reason)


def _loads(evidence: Evidence) -> Iterator[Failing]:
    """What each load brought is there, and each has its record."""
    connection = evidence.connection
    brought = Counter(row.load for row in rows_of(connection, persons))
    begun = Counter(row.load for row in rows_of(connection, holdings))
    # A shredded holder gives way to a new one, without a row of the file that ends the holding.
    gone = {row.person for row in rows_of(connection, persons) if row.state == PersonState.SHREDDED}
    ended = Counter(row.ended_load for row in rows_of(connection, holdings))
    of_living = Counter(row.ended_load for row in rows_of(connection, holdings) if row.person not in gone)
    notes = [record.note for record in acts_of(connection, "load")]
    rows = list(rows_of(connection, loads))
    for place, row in enumerate(rows, 1):
        if row.number != place:
            yield Failing(str(place), Sentence("load {number}: missing", number=place))
        if (row.new_persons, row.new_holdings) != (brought[row.number], begun[row.number]):
            yield Failing(str(row.number), Sentence("its persons and holdings are not those that it brought"))
        if not of_living[row.number] <= row.ended <= ended[row.number]:
            yield Failing(str(row.number), Sentence("the holdings that ended are not those that it ended"))
        if not any(note.startswith(f"{row.digest}; ") for note in notes):
            yield Failing(str(row.number), Sentence("no record of the audit log has its digest"))


def _persons(evidence: Evidence) -> Iterator[Failing]:
    """Each person has a key that opens what is sealed in its row; a shredded one has none, nor anything that
    it sealed.
    """
    keys = {row.person: row for row in rows_of(evidence.connection, person_keys)}
    for row in rows_of(evidence.connection, persons):
        key = keys.pop(row.person, None)
        if key is None:
            yield Failing(row.person, Sentence("has no row of a key"))
        elif row.state == PersonState.SHREDDED:
            left = (key.wrapped, row.name_sealed, row.name_masked, row.id_digest, row.id_sealed)
            if any(left) or not key.shredded_at:
                yield Failing(row.person, Sentence("is shredded, and its key or what it sealed is there"))
        elif not key.wrapped:
            yield Failing(row.person, Sentence("has no key, and is not shredded"))
        else:
            yield from _opens(evidence.keys, row, KeyRow(row.person, key.wrapped, key.master))
    for person in keys:
        yield Failing(person, Sentence("there is a key, and no such person"))


def _opens(keys: Keys, row: Row[Any], key: KeyRow) -> Iterator[Failing]:
    try:
        secret = key_of_row(keys.master, key)
        name = opened(secret, parse(row.name_sealed), place_of(row.person, "name")).decode()
        number = opened(secret, parse(row.id_sealed), place_of(row.person, "identity")).decode()
    except LedgerError as error:
        yield Failing(row.person, str(error))
        return
    if masked_name(name) != row.name_masked:
        yield Failing(row.person, Sentence("the masked name is another's"))
    if keys.digest.of(Document(row.id_kind, number)) != row.id_digest:
        yield Failing(row.person, Sentence("the document's digest is another's"))


def _proposals(evidence: Evidence) -> Iterator[Failing]:
    """Each step of a proposal stands in the audit log, by two people; each person is in the state to which
    the proposals lead.
    """
    acts = {(record.act, record.by, record.subject) for record in records_of(evidence.connection)}
    for place, row in enumerate(listing(evidence.connection, everything=True), 1):
        if row.number != place:
            yield Failing(str(place), Sentence("proposal {number}: missing", number=place))
        steps = {("propose", row.proposed_by, row.person)}
        if row.state in (ProposalState.APPROVED, ProposalState.DONE):
            steps.add(("approve", row.decided_by, row.person))
            if row.decided_by.lower() == row.proposed_by.lower():
                yield Failing(str(row.number), Sentence("one person proposed and approved it"))
        if not steps <= acts:
            yield Failing(str(row.number), Sentence("a step of it is not in the audit log"))
    states: dict[str, PersonState] = {}
    for record in records_of(evidence.connection):
        _follow(states, record)
    for person in rows_of(evidence.connection, persons):
        if person.state != states.get(person.person, PersonState.ACTIVE):
            yield Failing(person.person, Sentence("is in a state to which no two people took it"))


def _certificates(evidence: Evidence) -> Iterator[Failing]:
    """Each shredding has a certificate, whose digest its record has and whose file is there."""
    notes = {record.subject: record.note for record in acts_of(evidence.connection, Act.SHRED)}
    shredded = {row.person: row for row in _done(evidence.connection) if row.act is Act.SHRED}
    for person in rows_of(evidence.connection, persons):
        if person.state == PersonState.SHREDDED and person.person not in shredded:
            yield Failing(person.person, Sentence("is shredded without a proposal that was carried out"))
    for name, row in shredded.items():
        if not notes.get(name, "").endswith(f"; certificate {digest_of(row.certificate)}"):
            yield Failing(name, Sentence("the certificate is not that of the audit log"))
        path = certificate_path(evidence.certificates, row)
        if not path.exists() or path.read_bytes() != row.certificate.encode():
            yield Failing(name, Sentence("{path}: the certificate's file is not there as it was", path=path))


def _looks(evidence: Evidence) -> Iterator[Failing]:
    """Nobody looked at a restricted person but by a look that another person approved: its record stands
    before that of what was shown.
    """
    agreed = {
        (str(row.number), row.person, row.proposed_by.lower())
        for row in _done(evidence.connection)
        if row.act is Act.LOOK
    }
    states: dict[str, PersonState] = {}
    last: AuditRecord | None = None
    for record in records_of(evidence.connection):
        _follow(states, record)
        is_shown = record.act == "show" and not record.note.startswith(Stage.FAILED)
        if is_shown and states.get(record.subject) is PersonState.RESTRICTED:
            looks = last is not None and last.act == Act.LOOK and last.subject == record.subject
            number = last.note.removeprefix("proposal ").partition(":")[0] if looks and last else ""
            if (number, record.subject, record.by.lower()) not in agreed:
                reason = Sentence("a look at a restricted person that nobody approved")
                yield Failing(str(record.number), reason)
        last = record


def _follow(states: dict[str, PersonState], record: AuditRecord) -> None:
    """Take the person of a record to the state to which its act leads, if it is one that was done."""
    before = states.get(record.subject, PersonState.ACTIVE)
    if record.act in tuple(Act) and not record.note.startswith(Stage.FAILED):
        states[record.subject] = TRANSITIONS.get((before, Act(record.act)), before)


def _notices(evidence: Evidence) -> Iterator[Failing]:
    """Notices were sent once, and they, their deliveries and the tasks say the same."""
    for subject, reason in notice_findings(evidence.connection):
        yield Failing(subject, reason)


CHECKS: Final[tuple[Callable[[Evidence], Iterator[Failing]], ...]] = (
    _records,
    _loads,
    _persons,
    _proposals,
    _certificates,
    _looks,
    _notices,
    *SERVICE_CHECKS,
)
"""All checks, in the order in which they are made."""


def _done(connection: Connection) -> list[Proposal]:
    rows = listing(connection, everything=True)
    return [row for row in rows if row.state is ProposalState.DONE]
