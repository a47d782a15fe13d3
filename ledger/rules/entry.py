"""One entry of the journal, and the hash chain that ties each entry to the one before it.

An entry is written once and never changed. The order of its fields is the order of the journal's columns and
of the bytes under the hash: append a field, never reorder. No SQL and no rules of money here.
"""

from __future__ import annotations

import hashlib
import json
from enum import StrEnum
from typing import NamedTuple

from protocol.responses import Response


class Kind(StrEnum):
    """What an entry records. A TOMBSTONE holds the key of a transaction that was reversed before it came, so
    that it is refused when it does come.
    """

    COLLECTION = "collection"
    PAYOUT = "payout"
    CANCEL = "cancel"
    REVERSAL = "reversal"
    TOMBSTONE = "tombstone"


class Entry(NamedTuple):
    """One line of the journal: a transaction, what was decided about it, and the effect it has.

    `subject` and `sequence` are the effect. The subject is what the entry acts on: the due, or the entry's
    own key where an advice fits no due. Sequence 1 puts a transaction into effect, sequence 2 takes it out
    again, sequence 3 is the next effect, and so on: odd is an effect, even is its end. (subject, sequence) is
    unique and each sequence refers to the one before, so the database itself refuses a due that is collected
    twice or a transaction that is reversed twice. A refusal has neither, nor has a reversal that found
    nothing left to reverse. The package's own text (ledger.rules) shows an example.

    Amounts in fen; `business_date` YYYYMMDD; `sent_at` and `local_at` YYYYMMDDhhmmss; `recorded_at`
    microseconds since 1970-01-01 UTC; `previous` the SHA-256 (hex) of the entry before this one in its chain.

    `holder` is a person's name, `salt` 16 random bytes in hex that belong to the name. The hash covers only
    the digest of both. So a copy of the journal that must forget the person drops both and keeps the digest
    in the name's place (`forgotten`), and its chain is proved as before.
    """

    chain: int
    position: int
    key: str
    kind: Kind
    mti: str
    code: str
    bank: str
    terminal: str
    branch: str
    stan: str
    sent_at: str
    local_at: str
    rrn: str
    card: str
    amount: int
    currency: str
    policy: str
    holder: str
    due: str
    due_date: str
    original: str
    content: str
    business_date: str
    recorded_at: int
    response: Response
    reason: str
    authorization: str
    receipt: str | None
    exception_code: str
    side: str
    subject: str | None
    sequence: int | None
    sequence_before: int | None
    previous: str
    salt: str


GENESIS = "0" * 64
"""What the first entry of a chain has in `previous`, since no entry is before it."""

SALT_BYTES = 16
"""Enough that nobody finds a holder by hashing likely names: a digest without salt is searched in minutes."""

_AS_JSON = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_HOLDER = Entry._fields.index("holder")
_PREVIOUS, _SALT = (Entry._fields.index(name) for name in ("previous", "salt"))


def holder_digest(salt: str, holder: str) -> str:
    """SHA-256, hex, over the salt's 32 hex digits as text and then the name in UTF-8, so that `sha256sum` can
    compute it.
    """
    return hashlib.sha256(f"{salt}{holder}".encode()).hexdigest()


def forgotten(entry: Entry) -> Entry:
    """The entry without its holder's name and salt; their digest takes the name's place."""
    return entry._replace(holder=holder_digest(entry.salt, entry.holder), salt="") if entry.salt else entry


def entry_hash(entry: Entry) -> str:
    """SHA-256, hex, over the entry as a JSON array in UTF-8: what the next entry has in `previous`.

    The array includes `previous`, leaves out `salt`, and has the holder's digest in place of `holder`.
    """
    sealed = list(entry)  # not forgotten(entry): that would build a second Entry for each one written
    if entry.salt:
        sealed[_HOLDER] = holder_digest(entry.salt, entry.holder)
    del sealed[_SALT]
    return hashlib.sha256(_AS_JSON(sealed).encode()).hexdigest()


def chain_entries(entries: list[Entry], tip: str, salts: bytes) -> tuple[list[Entry], str]:
    """Give each entry, in order, its salt and the hash of the one before it, beginning with `tip`.

    Returns the linked entries and the hash of the last one. `salts` holds SALT_BYTES random bytes for each
    entry; raises ValueError where it holds fewer or more.
    """
    if len(salts) != SALT_BYTES * len(entries):
        raise ValueError(f"{len(salts)} bytes of salt for {len(entries)} entries")
    linked = []
    for number, entry in enumerate(entries):
        salt = salts[number * SALT_BYTES : (number + 1) * SALT_BYTES].hex()
        chained = Entry._make((*entry[:_PREVIOUS], tip, salt))
        tip = entry_hash(chained)
        linked.append(chained)
    return linked, tip
