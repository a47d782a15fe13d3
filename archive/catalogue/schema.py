"""The catalogue's tables, with their constraints and triggers.

No statement here reads or writes rows. Dates are YYYYMMDD; moments are microseconds since 1970-01-01 UTC;
digests are SHA-256 in hex.
"""

from __future__ import annotations

from sqlalchemy import (
    CheckConstraint,
    Column,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
)

from archive.catalogue.guards import GUARDS
from archive.rules.states import CopyState, ParcelState, VolumeState
from ledger.book.guards import attach, make_append_only, make_lasting
from ledger.book.schema import audit_record_columns, integer_column, one_of, partial_index, text_column

CATALOGUE = MetaData()
SCHEMA_VERSION = "1"


facts = Table("facts", CATALOGUE, Column("name", Text, primary_key=True), text_column("value"))
"""Facts about this database by name: `schema`, the version of its schema, and `archive`, its name."""

parcels = Table(
    "parcels",
    CATALOGUE,
    text_column("date"),
    text_column("source"),
    text_column("class"),
    text_column("state"),
    integer_column("items"),
    integer_column("bytes"),
    text_column("digest"),
    text_column("volume"),
    integer_column("first_leaf"),
    PrimaryKeyConstraint("date", "source"),
    CheckConstraint(one_of("state", ParcelState), name="parcel_state"),
    CheckConstraint("(state = 'expected') = (digest = '')", name="parcel_complete_has_digest"),
    CheckConstraint("(state IN ('staged', 'sealed')) = (volume <> '')", name="parcel_staged_has_volume"),
)
"""What belongs to one business date of one source; `digest` is archive.parcel.digest_of its files,
`first_leaf` the number in the log of its first leaf, once it is sealed.
"""

volumes = Table(
    "volumes",
    CATALOGUE,
    Column("volume", Text, primary_key=True),
    text_column("class"),
    text_column("state"),
    text_column("first_date"),
    text_column("last_date"),
    integer_column("made_at"),
    text_column("previous"),
    integer_column("first_leaf"),
    integer_column("leaves"),
    integer_column("files"),
    integer_column("bytes"),
    text_column("manifest"),
    text_column("root"),
    text_column("note"),
    integer_column("image_bytes"),
    text_column("image_sha256"),
    text_column("destroy_after"),
    text_column("set_of"),
    CheckConstraint(one_of("state", VolumeState), name="volume_state"),
    CheckConstraint("(state = 'open') = (manifest = '')", name="volume_sealed_has_manifest"),
    CheckConstraint("first_date <= last_date", name="volume_dates"),
)
"""Each volume. `manifest` is the digest of its manifest-sha256.txt, `root` and `note` are of the log at its
end; `destroy_after` is empty where it may not be destroyed, or the date is not known; `set_of` is the parity
volume of its set, empty while it has none.
"""

files = Table(
    "files",
    CATALOGUE,
    text_column("volume"),
    integer_column("number"),
    text_column("path"),
    integer_column("bytes"),
    text_column("sha256"),
    integer_column("image_offset"),
    PrimaryKeyConstraint("volume", "path"),
    ForeignKeyConstraint(["volume"], ["volumes.volume"], name="file_of_volume"),
    partial_index("file_number_once", "volume", "number", where="number > 0", unique=True),
)
"""The files of the volumes: by number those that an index may point into, without one those that are made of
all the others. Append-only.
"""

copies = Table(
    "copies",
    CATALOGUE,
    Column("copy", Text, primary_key=True),
    text_column("volume"),
    text_column("medium"),
    text_column("place"),
    integer_column("written_at"),
    integer_column("verified_at"),
    text_column("state"),
    ForeignKeyConstraint(["volume"], ["volumes.volume"], name="copy_of_volume"),
    CheckConstraint(one_of("state", CopyState), name="copy_state"),
    CheckConstraint("medium IN ('image', 'bdr', 'mdisc', 'tape', 'disk')", name="copy_medium"),
    CheckConstraint(
        "state IN ('written', 'suspect', 'retired') OR verified_at > 0", name="good_copy_was_verified"
    ),
)
"""Each medium that carries a volume; `place` is where it is, such as a building and a shelf."""

checks = Table(
    "checks",
    CATALOGUE,
    Column("number", Integer, primary_key=True),
    text_column("copy"),
    integer_column("at"),
    text_column("by"),
    text_column("kind"),
    integer_column("files"),
    integer_column("errors"),
    text_column("result"),
    ForeignKeyConstraint(["copy"], ["copies.copy"], name="check_of_copy"),
    CheckConstraint("kind IN ('full', 'sample')", name="check_kind"),
    CheckConstraint("(errors = 0) = (result = '')", name="check_names_its_errors"),
)
"""Each time that a copy was read again: how much of it, and what was wrong. Append-only."""

loans = Table(
    "loans",
    CATALOGUE,
    Column("number", Integer, primary_key=True),
    text_column("copy"),
    text_column("to"),
    integer_column("at"),
    text_column("by"),
    text_column("until"),
    ForeignKeyConstraint(["copy"], ["copies.copy"], name="loan_of_copy"),
)
"""To whom a copy was lent, and until which date. Append-only; that it came back says the copy's state."""

holds = Table(
    "holds",
    CATALOGUE,
    Column("hold", Integer, primary_key=True),
    text_column("subject"),
    text_column("reason"),
    text_column("by"),
    integer_column("at"),
    CheckConstraint("reason <> ''", name="hold_has_a_reason"),
)
"""Legal holds on volumes: what is held is not destroyed. Append-only."""

releases = Table(
    "releases",
    CATALOGUE,
    Column("hold", Integer, primary_key=True),
    integer_column("at"),
    ForeignKeyConstraint(["hold"], ["holds.hold"], name="release_of_hold"),
)
"""The holds that two people have ended. Append-only."""

proposals = Table(
    "proposals",
    CATALOGUE,
    Column("proposal", Integer, primary_key=True),
    text_column("act"),
    text_column("subject"),
    text_column("reason"),
    text_column("list"),
    text_column("by"),
    integer_column("at"),
    CheckConstraint("act IN ('destroy', 'release', 'retire')", name="proposal_act"),
    CheckConstraint("reason <> ''", name="proposal_has_a_reason"),
)
"""What one person proposed; `list` is what a destruction will destroy, as text. Append-only."""

decisions = Table(
    "decisions",
    CATALOGUE,
    Column("proposal", Integer, primary_key=True),
    text_column("decision"),
    text_column("by"),
    integer_column("at"),
    text_column("certificate"),
    ForeignKeyConstraint(["proposal"], ["proposals.proposal"], name="decision_on_proposal"),
    CheckConstraint("decision IN ('approve', 'reject')", name="decision_kind"),
)
"""What another person decided on a proposal, once. Append-only."""

fetches = Table(
    "fetches",
    CATALOGUE,
    Column("number", Integer, primary_key=True),
    text_column("volume"),
    text_column("by"),
    integer_column("at"),
)
"""Requests for a volume of which no copy is at hand. Append-only."""

cosignatures = Table(
    "cosignatures",
    CATALOGUE,
    integer_column("size"),
    text_column("witness"),
    integer_column("at"),
    text_column("line"),
    text_column("by"),
    integer_column("taken_at"),
    PrimaryKeyConstraint("size", "witness", "at"),
    CheckConstraint("at > 0", name="cosignature_has_a_moment"),
)
"""What witnesses have signed of the log: the tree's size, the witness, the moment by the witness's own clock
in seconds since 1970-01-01 UTC, and the whole line. Append-only.
"""

end_lists = Table(
    "end_lists",
    CATALOGUE,
    Column("listed", Text, primary_key=True),
    text_column("sha256"),
    integer_column("policies"),
)
"""The core's lists of contracts that ended, by their date. Append-only."""

contract_ends = Table(
    "contract_ends",
    CATALOGUE,
    text_column("policy"),
    text_column("listed"),
    text_column("class"),
    text_column("ended"),
    PrimaryKeyConstraint("policy", "listed"),
    ForeignKeyConstraint(["listed"], ["end_lists.listed"], name="end_of_list"),
    CheckConstraint("ended <= listed", name="contract_ended_before"),
)
"""When the contract of a policy ended, as each list says; empty where it goes on. Append-only."""

volume_policies = Table(
    "volume_policies",
    CATALOGUE,
    text_column("volume"),
    text_column("policy"),
    PrimaryKeyConstraint("volume", "policy"),
    ForeignKeyConstraint(["volume"], ["volumes.volume"], name="policy_of_volume"),
)
"""The policies of which a volume has papers whose years count from the contract's end. Append-only."""

audit_log = Table("audit_log", CATALOGUE, *audit_record_columns(), Index("audit_log_by_subject", "subject"))
"""What was done with parcels, volumes and copies, and by whom; chained (ledger.book.audit_log)."""

accesses = Table("accesses", CATALOGUE, *audit_record_columns(), Index("accesses_by_subject", "subject"))
"""Who read what, with the reason; a chain of its own. Append-only."""

_CHANGING = (facts, parcels, volumes, copies)
"""The tables whose rows may change, each as the tables of states say; all others are append-only."""

for _table in CATALOGUE.tables.values():
    if _table not in _CHANGING:
        make_append_only(_table)

for _table in (parcels, volumes, copies):
    make_lasting(_table)

for _guard in GUARDS:
    attach(CATALOGUE.tables[_guard.table], _guard)
