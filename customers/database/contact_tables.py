"""The tables of how customers are reached: contacts and their history, agents, who serves which policy,
consents, and the changes that customers ask for.

No statement here reads or writes rows. Dates are YYYYMMDD; moments are microseconds since 1970-01-01 UTC. A
column `*_sealed` holds a sealed line (`customers.sealing`) under the person's own key. A `load` of 0 is none.
"""

# ruff: noqa: S608 - the statements consist of this file's own text
from __future__ import annotations

from typing import Final

from sqlalchemy import (
    CheckConstraint,
    Column,
    ForeignKeyConstraint,
    Integer,
    PrimaryKeyConstraint,
    Table,
    Text,
)

from customers.database.schema import APPROVED, CUSTOMERS
from customers.rules.contact import ContactKind, Source
from customers.rules.contact_states import (
    BEGINNINGS,
    CHANGE_TRANSITIONS,
    CONTACT_TRANSITIONS,
    WAITING,
    AgentState,
    ChangeState,
    ContactEvent,
    ContactState,
    Purpose,
)
from ledger.book.guards import (
    attach,
    is_step,
    make_append_only,
    make_lasting,
    refused_insert,
    refused_update,
)
from ledger.book.schema import integer_column, one_of, partial_index, text_column

_IS_WHOLE: Final = (
    "(value_sealed = '') = (value_digest = '') AND (value_sealed = '') = (tail = '')"
    " AND length(value_digest) IN (0, 32)"
)

contacts = Table(
    "contacts",
    CUSTOMERS,
    Column("number", Integer, primary_key=True, autoincrement=False),
    text_column("person"),
    text_column("kind"),
    text_column("value_sealed"),
    text_column("value_digest"),
    text_column("tail"),
    text_column("source"),
    text_column("state"),
    integer_column("verified_at"),
    integer_column("added_at"),
    integer_column("load"),
    integer_column("change"),
    ForeignKeyConstraint(["person"], ["persons.person"], name="contact_of_person"),
    CheckConstraint("number > 0", name="contact_number_from_one"),
    CheckConstraint(one_of("kind", ContactKind), name="contact_kind"),
    CheckConstraint(one_of("source", Source), name="contact_source"),
    CheckConstraint(one_of("state", ContactState), name="contact_state"),
    CheckConstraint(_IS_WHOLE, name="contact_is_whole"),
    CheckConstraint(
        "(source = 'core') = (load <> 0) AND (load = 0) <> (change = 0)", name="contact_came_by_one_way"
    ),
    partial_index(
        "contact_once",
        "person",
        "kind",
        "value_digest",
        where="state <> 'replaced' AND value_digest <> ''",
        unique=True,
    ),
    partial_index("contacts_of_person", "person", where="person <> ''"),
)
"""How persons are reached, numbered in the order in which it became known. `value_digest` is the keyed digest
of kind and value; `tail` is what is shown. `load` or `change` is what brought it. Of a shredded person's
contacts the value, digest and tail are empty.
"""

contact_events = Table(
    "contact_events",
    CUSTOMERS,
    integer_column("contact"),
    integer_column("number"),
    integer_column("at"),
    text_column("event"),
    text_column("state"),
    PrimaryKeyConstraint("contact", "number"),
    ForeignKeyConstraint(["contact"], ["contacts.number"], name="event_of_contact"),
    CheckConstraint(one_of("event", ContactEvent), name="contact_event"),
)
"""What happened to each contact, numbered from 1, and the state that it led to. Append-only."""

agents = Table(
    "agents",
    CUSTOMERS,
    Column("agent", Text, primary_key=True),
    text_column("name"),
    text_column("office"),
    text_column("phone"),
    text_column("state"),
    text_column("left_on"),
    integer_column("load"),
    CheckConstraint(one_of("state", AgentState), name="agent_state"),
    CheckConstraint("(state = 'left') = (left_on <> '')", name="agent_left_on"),
)
"""The insurer's agents: their name and phone are those of their work, and stand in clear. `load` is the file
that said so last.
"""

serving = Table(
    "serving",
    CUSTOMERS,
    text_column("policy"),
    text_column("agent"),
    text_column("from_date"),
    text_column("to_date"),
    integer_column("load"),
    integer_column("ended_load"),
    PrimaryKeyConstraint("policy", "agent", "from_date"),
    ForeignKeyConstraint(["agent"], ["agents.agent"], name="serving_of_agent"),
    CheckConstraint("to_date = '' OR to_date >= from_date", name="serving_dates"),
    CheckConstraint("(to_date = '') = (ended_load = 0)", name="serving_ends_by_load"),
    partial_index("one_serving", "policy", where="to_date = ''", unique=True),
    partial_index("serving_of_agent_now", "agent", where="to_date = ''"),
)
"""Which agent serves a policy, from a date on; `to_date` is the last day of it, empty while it goes on. A
policy without a row that goes on is an orphan.
"""

consents = Table(
    "consents",
    CUSTOMERS,
    Column("number", Integer, primary_key=True, autoincrement=False),
    text_column("person"),
    text_column("purpose"),
    integer_column("granted_at"),
    text_column("evidence_digest"),
    integer_column("withdrawn_at"),
    text_column("withdrawal_digest"),
    integer_column("load"),
    ForeignKeyConstraint(["person"], ["persons.person"], name="consent_of_person"),
    CheckConstraint(one_of("purpose", Purpose), name="consent_purpose"),
    CheckConstraint(
        "number > 0 AND granted_at > 0 AND length(evidence_digest) = 64", name="consent_is_whole"
    ),
    CheckConstraint(
        "(withdrawn_at = 0) = (withdrawal_digest = '') AND length(withdrawal_digest) IN (0, 64)",
        name="consent_withdrawn_with_evidence",
    ),
    partial_index("one_consent", "person", "purpose", where="withdrawn_at = 0", unique=True),
)
"""For what a person gave consent, and took it back: each with the SHA-256 (hex) of the evidence. `load` is
the file that brought it, 0 where a clerk did.
"""

changes = Table(
    "changes",
    CUSTOMERS,
    Column("number", Integer, primary_key=True, autoincrement=False),
    text_column("person"),
    text_column("kind"),
    text_column("value_sealed"),
    text_column("value_digest"),
    text_column("tail"),
    text_column("source"),
    text_column("made_by"),
    integer_column("made_at"),
    integer_column("sent_at"),
    text_column("state"),
    integer_column("answered_at"),
    text_column("reason"),
    ForeignKeyConstraint(["person"], ["persons.person"], name="change_of_person"),
    CheckConstraint("number > 0 AND made_by <> ''", name="change_number_from_one"),
    CheckConstraint(one_of("kind", ContactKind), name="change_kind"),
    CheckConstraint(f"{one_of('source', Source)} AND source <> 'core'", name="change_source"),
    CheckConstraint(one_of("state", ChangeState), name="change_state"),
    CheckConstraint(_IS_WHOLE, name="change_is_whole"),
    CheckConstraint("(state IN ('done', 'declined')) = (answered_at <> 0)", name="change_answered_at"),
    CheckConstraint("(state = 'declined') = (reason <> '')", name="change_declined_with_reason"),
    partial_index("one_waiting_change", "person", "kind", where=one_of("state", WAITING), unique=True),
)
"""The contacts that customers want to be reached by instead: requests to the core system, which answers each.
Only one that is done makes a contact.
"""

make_append_only(contact_events)
for _table in (contacts, agents, serving, consents, changes):
    make_lasting(_table)

_STEPS_OF_CONTACT: Final = " OR ".join(
    f"(p.state = '{state}' AND NEW.event = '{event}' AND NEW.state = '{following}')"
    for (state, event), following in CONTACT_TRANSITIONS.items()
)
_NEXT_EVENT: Final = (
    f"(NEW.number = 1 AND NEW.event = '{ContactEvent.ADDED}' AND {one_of('NEW.state', BEGINNINGS)}"
    " AND EXISTS (SELECT 1 FROM contacts c WHERE c.number = NEW.contact AND c.state = NEW.state))"
    " OR EXISTS (SELECT 1 FROM contact_events p WHERE p.contact = NEW.contact AND p.number = NEW.number - 1"
    f" AND ({_STEPS_OF_CONTACT}))"
)
_NEWEST_EVENT: Final = (
    "(SELECT e.state FROM contact_events e WHERE e.contact = NEW.number ORDER BY e.number DESC LIMIT 1)"
)
_SHREDDED: Final = "EXISTS (SELECT 1 FROM persons s WHERE s.person = NEW.person AND s.state = 'shredded')"
_FORGETS: Final = f"NEW.value_sealed = '' AND {APPROVED.format(act='shred')}"
_VALUE_CHANGED: Final = (
    "(OLD.value_sealed <> NEW.value_sealed OR OLD.value_digest <> NEW.value_digest OR OLD.tail <> NEW.tail)"
    f" AND NOT ({_FORGETS})"
)
_GUARDS: Final = (
    *refused_insert(
        "contact_begins",
        "contacts",
        f"NOT {one_of('NEW.state', BEGINNINGS)} OR (NEW.state = 'good') <> (NEW.verified_at <> 0)"
        f" OR NEW.value_sealed = '' OR {_SHREDDED}",
        "a contact begins unverified, or good since it was verified; a shredded person gets none",
    ),
    *refused_update(
        "contact_stands",
        "contacts",
        "number, person, kind, source, added_at, load, change",
        "OLD.number <> NEW.number OR OLD.person <> NEW.person OR OLD.kind <> NEW.kind"
        " OR OLD.source <> NEW.source OR OLD.added_at <> NEW.added_at OR OLD.load <> NEW.load"
        " OR OLD.change <> NEW.change",
        "whose contact it is, and from where, never changes",
    ),
    *refused_update(
        "contact_value_stands",
        "contacts",
        "value_sealed, value_digest, tail",
        _VALUE_CHANGED,
        "a value is another contact, and is deleted only when two people shred its person",
    ),
    *refused_update(
        "contact_state_of_history",
        "contacts",
        "state",
        f"OLD.state <> NEW.state AND NEW.state <> {_NEWEST_EVENT}",
        "a contact is in the state to which its history leads",
    ),
    *refused_insert(
        "contact_history_goes_on", "contact_events", f"NOT ({_NEXT_EVENT})", "this does not happen to it now"
    ),
    *refused_insert(
        "serving_by_active_agent",
        "serving",
        "NOT EXISTS (SELECT 1 FROM agents a WHERE a.agent = NEW.agent AND a.state = 'active')",
        "who left serves nobody",
    ),
    *refused_update(
        "serving_ends_once",
        "serving",
        "policy, agent, from_date, to_date, load, ended_load",
        "OLD.to_date <> '' OR OLD.policy <> NEW.policy OR OLD.agent <> NEW.agent"
        " OR OLD.from_date <> NEW.from_date OR OLD.load <> NEW.load",
        "a serving only ends, once",
    ),
    *refused_update(
        "agent_leaves_nobody_served",
        "agents",
        "agent, state",
        "OLD.agent <> NEW.agent OR (NEW.state = 'left' AND EXISTS"
        " (SELECT 1 FROM serving s WHERE s.agent = NEW.agent AND s.to_date = ''))",
        "who leaves serves nobody any more",
    ),
    *refused_insert(
        "consent_begins",
        "consents",
        f"NEW.withdrawn_at <> 0 OR {_SHREDDED}",
        "a consent is granted before it is withdrawn, and not for a shredded person",
    ),
    *refused_update(
        "consent_ends_once",
        "consents",
        "number, person, purpose, granted_at, evidence_digest, withdrawn_at, withdrawal_digest, load",
        "OLD.withdrawn_at <> 0 OR OLD.number <> NEW.number OR OLD.person <> NEW.person"
        " OR OLD.purpose <> NEW.purpose OR OLD.granted_at <> NEW.granted_at"
        " OR OLD.evidence_digest <> NEW.evidence_digest OR OLD.load <> NEW.load",
        "a consent is only withdrawn, once",
    ),
    *refused_insert(
        "change_begins",
        "changes",
        f"NEW.state <> 'made' OR NEW.value_sealed = '' OR NEW.sent_at <> 0 OR {_SHREDDED}",
        "a change begins as made",
    ),
    *refused_update(
        "change_stands",
        "changes",
        "number, person, kind, source, made_by, made_at, sent_at",
        "OLD.number <> NEW.number OR OLD.person <> NEW.person OR OLD.kind <> NEW.kind"
        " OR OLD.source <> NEW.source OR OLD.made_by <> NEW.made_by OR OLD.made_at <> NEW.made_at"
        " OR (OLD.sent_at <> 0 AND OLD.sent_at <> NEW.sent_at)",
        "what was asked for never changes",
    ),
    *refused_update(
        "change_value_stands",
        "changes",
        "value_sealed, value_digest, tail",
        _VALUE_CHANGED,
        "what was asked for is deleted only when two people shred its person",
    ),
    *refused_update(
        "change_goes_on",
        "changes",
        "state, answered_at, reason",
        f"NOT {is_step(CHANGE_TRANSITIONS)}",
        "a change is answered once",
    ),
)
for _guard in _GUARDS:
    attach(CUSTOMERS.tables[_guard.table], _guard)

_LEFT_BEHIND: Final = refused_update(
    "shredded_has_no_contact",
    "persons",
    "state",
    "NEW.state = 'shredded' AND (EXISTS (SELECT 1 FROM contacts c WHERE c.person = NEW.person"
    " AND c.value_sealed <> '') OR EXISTS (SELECT 1 FROM changes c WHERE c.person = NEW.person"
    f" AND (c.value_sealed <> '' OR {one_of('c.state', WAITING)})))",
    "a person is shredded with all contacts",
)
"""Of the table of persons, made once the tables that it looks into are there."""
for _guard in _LEFT_BEHIND:
    attach(changes, _guard)
