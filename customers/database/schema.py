"""The customers' tables, with their constraints and triggers.

No statement here reads or writes rows. Dates are YYYYMMDD; moments are microseconds since 1970-01-01 UTC. A
column `*_sealed` holds a sealed line (`customers.sealing`) under the person's own key.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    CheckConstraint,
    Column,
    ForeignKeyConstraint,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
)

from customers.rules.person import PersonKind, Role
from customers.rules.states import (
    OPEN,
    PROPOSAL_TRANSITIONS,
    TRANSITIONS,
    Act,
    PersonState,
    ProposalState,
)
from ledger.book.guards import (
    attach,
    is_step,
    make_append_only,
    make_lasting,
    refused_insert,
    refused_update,
)
from ledger.book.schema import audit_record_columns, integer_column, one_of, partial_index, text_column

CUSTOMERS = MetaData()
SCHEMA_VERSION: Final = "2"


facts = Table("facts", CUSTOMERS, Column("name", Text, primary_key=True), text_column("value"))
"""Facts about this database by name: `schema`, the version of these tables, and `person`, the check value of
the key with which the digests were made.
"""

loads = Table(
    "loads",
    CUSTOMERS,
    Column("number", Integer, primary_key=True, autoincrement=False),
    text_column("digest"),
    text_column("date"),
    integer_column("persons"),
    integer_column("holdings"),
    integer_column("ended"),
    integer_column("new_persons"),
    integer_column("renamed"),
    integer_column("new_holdings"),
    integer_column("contacts"),
    integer_column("agents"),
    integer_column("serving"),
    integer_column("consents"),
    integer_column("new_contacts"),
    integer_column("replaced_contacts"),
    integer_column("new_serving"),
    integer_column("new_consents"),
    integer_column("left_out"),
    integer_column("loaded_at"),
    UniqueConstraint("digest", name="file_once"),
    CheckConstraint("number > 0", name="load_number_from_one"),
)
"""The files that were loaded: the SHA-256 of the file, its date, what its trailer counts, how much of that
was new here, and how many rows were left out because nobody has their document. Its row is inserted after
what it brought, because it counts that. Append-only.
"""

persons = Table(
    "persons",
    CUSTOMERS,
    Column("person", Text, primary_key=True),
    text_column("kind"),
    text_column("name_sealed"),
    text_column("name_masked"),
    text_column("id_kind"),
    text_column("id_digest"),
    text_column("id_sealed"),
    text_column("state"),
    integer_column("load"),
    CheckConstraint("length(person) = 16", name="person_name"),
    CheckConstraint(one_of("kind", PersonKind), name="person_kind"),
    CheckConstraint(one_of("state", PersonState), name="person_state"),
    CheckConstraint(
        "(state = 'shredded') = (name_sealed = '' AND name_masked = '' AND id_digest = ''"
        " AND id_sealed = '')",
        name="shredded_is_empty",
    ),
    CheckConstraint(
        "state = 'shredded' OR (name_sealed <> '' AND name_masked <> '' AND length(id_digest) = 32"
        " AND id_sealed <> '')",
        name="person_is_whole",
    ),
    ForeignKeyConstraint(
        ["load"], ["loads.number"], name="person_of_load", deferrable=True, initially="DEFERRED"
    ),
    partial_index("document_once", "id_digest", where="id_digest <> ''", unique=True),
)
"""The persons, each under the name that was drawn for it. `id_digest` is the keyed digest of the document's
kind and number; `load` is the file that brought the person. Of a shredded person only the name, the kinds and
the state are left.
"""

person_keys = Table(
    "person_keys",
    CUSTOMERS,
    Column("person", Text, primary_key=True),
    text_column("wrapped"),
    text_column("master"),
    integer_column("created_at"),
    integer_column("shredded_at"),
    integer_column("proposal"),
    ForeignKeyConstraint(["person"], ["persons.person"], name="key_of_person"),
    CheckConstraint(
        "(shredded_at = 0) = (wrapped <> '') AND (shredded_at = 0) = (master <> '')"
        " AND (shredded_at = 0) = (proposal = 0)",
        name="shredded_has_no_key",
    ),
)
"""Each person's key, wrapped under the master key whose check value is `master`; empty once it is destroyed,
at `shredded_at` by the proposal of that number.
"""

holdings = Table(
    "holdings",
    CUSTOMERS,
    text_column("policy"),
    text_column("role"),
    text_column("person"),
    text_column("from_date"),
    text_column("to_date"),
    integer_column("load"),
    integer_column("ended_load"),
    PrimaryKeyConstraint("policy", "role", "person", "from_date"),
    ForeignKeyConstraint(["person"], ["persons.person"], name="holding_of_person"),
    ForeignKeyConstraint(
        ["load"], ["loads.number"], name="holding_of_load", deferrable=True, initially="DEFERRED"
    ),
    CheckConstraint(one_of("role", Role), name="holding_role"),
    CheckConstraint("to_date = '' OR to_date >= from_date", name="holding_dates"),
    CheckConstraint("(to_date = '') = (ended_load = 0)", name="holding_ends_by_load"),
    partial_index("holding_once", "policy", "role", "person", where="to_date = ''", unique=True),
    partial_index("one_holder", "policy", where="role = 'holder' AND to_date = ''", unique=True),
    partial_index("holdings_of_person", "person", where="person <> ''"),
)
"""What a person is to a policy, from a date on; `to_date` is the last day of it, empty while it goes on.
`load` and `ended_load` are the files that brought and ended it. A policy has one holder at a time.
"""

proposals = Table(
    "proposals",
    CUSTOMERS,
    Column("number", Integer, primary_key=True, autoincrement=False),
    text_column("person"),
    text_column("act"),
    text_column("reason"),
    text_column("proposed_by"),
    integer_column("proposed_at"),
    text_column("state"),
    text_column("decided_by"),
    integer_column("decided_at"),
    integer_column("done_at"),
    text_column("certificate"),
    ForeignKeyConstraint(["person"], ["persons.person"], name="proposal_of_person"),
    CheckConstraint(one_of("act", Act), name="proposal_act"),
    CheckConstraint(one_of("state", ProposalState), name="proposal_state"),
    CheckConstraint("number > 0 AND reason <> '' AND proposed_by <> ''", name="proposal_is_whole"),
    CheckConstraint(
        "state NOT IN ('approved', 'rejected', 'done')"
        " OR (decided_by <> '' AND lower(decided_by) <> lower(proposed_by))",
        name="proposal_by_two",
    ),
    CheckConstraint("(state = 'done') = (done_at <> 0)", name="proposal_done_at"),
    CheckConstraint(
        "(act = 'shred' AND state = 'done') = (certificate <> '')", name="shredding_has_certificate"
    ),
    partial_index(
        "one_open_proposal",
        "person",
        where=one_of("state", OPEN),
        unique=True,
    ),
)
"""What was proposed about persons, by whom and why, and who decided. `certificate` is the text that certifies
a shredding.
"""

escrows = Table(
    "escrows",
    CUSTOMERS,
    Column("number", Integer, primary_key=True, autoincrement=False),
    text_column("first_holder"),
    text_column("second_holder"),
    integer_column("loads"),
    integer_column("keys"),
    text_column("digest"),
    integer_column("made_at"),
    CheckConstraint("number > 0", name="escrow_number_from_one"),
    CheckConstraint("first_holder <> second_holder", name="escrow_for_two"),
)
"""The lists of keys that were made for escrow: for which two holders, how many keys, and the SHA-256 of the
file. A list has every key that was there: those that the first `loads` files brought. Append-only.
"""

audit_log = Table("audit_log", CUSTOMERS, *audit_record_columns())
"""What was done, by whom and when (ledger.book.audit_log). Append-only."""

for _table in (loads, escrows, audit_log):
    make_append_only(_table)
for _table in (facts, persons, person_keys, holdings, proposals):
    make_lasting(_table)

APPROVED: Final = (
    "EXISTS (SELECT 1 FROM proposals p WHERE p.person = NEW.person AND p.state = 'approved'"
    " AND p.act = '{act}')"
)
"""Whether two people have decided that this happens to the person of the row NEW."""
_STEPS_OF_PERSON: Final = " OR ".join(
    f"(OLD.state = '{state}' AND NEW.state = '{following}' AND {APPROVED.format(act=act)})"
    for (state, act), following in TRANSITIONS.items()
    if state is not following
)
_PROPOSAL_CHANGED: Final = (
    "OLD.person <> NEW.person OR OLD.act <> NEW.act OR OLD.reason <> NEW.reason OR OLD.number <> NEW.number"
    " OR OLD.proposed_by <> NEW.proposed_by OR OLD.proposed_at <> NEW.proposed_at"
    " OR (OLD.state <> 'proposed' AND (OLD.decided_by <> NEW.decided_by OR OLD.decided_at <> NEW.decided_at)"
    "  AND NEW.state <> 'withdrawn')"
    f" OR NOT {is_step(PROPOSAL_TRANSITIONS)}"
)
_GUARDS: Final = (
    *refused_update(
        "person_changes_by_two",
        "persons",
        "state",
        f"OLD.state <> NEW.state AND NOT ({_STEPS_OF_PERSON})",
        "a state changes by a proposal that two people agree on",
    ),
    *refused_update(
        "person_stands",
        "persons",
        "person, kind, id_kind, load",
        "OLD.person <> NEW.person OR OLD.kind <> NEW.kind OR OLD.id_kind <> NEW.id_kind"
        " OR OLD.load <> NEW.load",
        "who a person is never changes",
    ),
    *refused_insert("person_begins_active", "persons", "NEW.state <> 'active'", "a person begins as active"),
    *refused_insert(
        "key_is_whole",
        "person_keys",
        "NEW.shredded_at <> 0 OR EXISTS"
        " (SELECT 1 FROM persons p WHERE p.person = NEW.person AND p.state = 'shredded')",
        "a shredded person gets no key",
    ),
    *refused_update(
        "key_stays_destroyed",
        "person_keys",
        "person, wrapped, master, created_at, shredded_at, proposal",
        "OLD.shredded_at <> 0 OR OLD.person <> NEW.person OR OLD.created_at <> NEW.created_at"
        f" OR (NEW.shredded_at <> 0 AND NOT {APPROVED.format(act='shred')})",
        "a key is destroyed by two people, and stays so",
    ),
    *refused_update(
        "holding_ends_once",
        "holdings",
        "policy, role, person, from_date, to_date, load, ended_load",
        "OLD.to_date <> '' OR OLD.policy <> NEW.policy OR OLD.role <> NEW.role OR OLD.person <> NEW.person"
        " OR OLD.from_date <> NEW.from_date OR OLD.load <> NEW.load",
        "a holding only ends, once",
    ),
    *refused_insert(
        "proposal_begins",
        "proposals",
        "NEW.state <> 'proposed' OR NEW.number <> (SELECT count(*) + 1 FROM proposals)",
        "a proposal begins as proposed, under the next number",
    ),
    *refused_update(
        "proposal_goes_on",
        "proposals",
        "number, person, act, reason, proposed_by, proposed_at, state, decided_by, decided_at, done_at,"
        " certificate",
        _PROPOSAL_CHANGED,
        "a proposal only goes on",
    ),
)
for _guard in _GUARDS:
    attach(CUSTOMERS.tables[_guard.table], _guard)
