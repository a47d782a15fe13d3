"""One entry of the journal: what is written once and never changed.

The order of the fields is the order of the journal's columns and of the bytes under the hash chain:
append, never reorder. No SQL and no rules here.
"""

from __future__ import annotations

import hashlib
import json
from enum import StrEnum
from typing import NamedTuple

from protocol.responses import Response


class Kind(StrEnum):
    """What an entry is. A TOMBSTONE stands under the key of a transaction that was reversed before it
    came.
    """

    COLLECTION = "collection"
    PAYOUT = "payout"
    CANCEL = "cancel"
    REVERSAL = "reversal"
    TOMBSTONE = "tombstone"


class Entry(NamedTuple):
    """One line of the journal.

    `subject` and `sequence` are the effect. The subject is what the entry acts on: the due, or the entry's
    own key where an advice fits no due. Turn 1 puts a transaction into effect, sequence 2 takes it out again,
    sequence 3 is the next one, and so on: an odd sequence is an effect, an even one its end. (subject,
    sequence) is unique and each sequence refers to the one before, so the database itself refuses a due that
    is collected twice or a transaction that is reversed twice. A refusal, and a reversal that found nothing
    left to reverse, have neither.

    Amounts in fen; `business_date` YYYYMMDD; `sent_at` and `local_at` YYYYMMDDhhmmss; `recorded_at`
    microseconds since 1970-01-01 UTC; `previous` the SHA-256 (hex) of the entry before this one in its chain.

    `holder` is a person's name, `salt` 16 random bytes in hex that belong to it. Under the hash stands only
    their digest, so a copy of the journal that must forget the person drops both: its entry then has no salt,
    and the digest in the name's place (`forgotten`), and its chain is proved as before.
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
"""What the first entry of a chain carries as the hash of the one before it."""


SALT_BYTES = 16
"""Enough that nobody finds a name by trying names; a digest without salt is searched in minutes."""

_AS_JSON = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_HOLDER = Entry._fields.index("holder")
_PREVIOUS, _SALT = (Entry._fields.index(name) for name in ("previous", "salt"))


def holder_digest(salt: str, holder: str) -> str:
    """SHA-256, hex, over the salt's 32 hex digits as they are written and the name in UTF-8: as text, so that
    `sha256sum` shows it.
    """
    return hashlib.sha256(f"{salt}{holder}".encode()).hexdigest()


def forgotten(entry: Entry) -> Entry:
    """The entry without its holder's name and salt: their digest stands in the name's place."""
    return entry._replace(holder=holder_digest(entry.salt, entry.holder), salt="") if entry.salt else entry


def entry_hash(entry: Entry) -> str:
    """SHA-256, hex, over the entry as a JSON array in UTF-8: the link of the chain.

    Its own `previous` is included, `salt` is not, and `holder` is included as the digest alone.
    """
    sealed = list(entry)  # not forgotten(entry): that is a second entry for each one that is written
    if entry.salt:
        sealed[_HOLDER] = holder_digest(entry.salt, entry.holder)
    del sealed[_SALT]
    return hashlib.sha256(_AS_JSON(sealed).encode()).hexdigest()


def chain_entries(entries: list[Entry], tip: str, salts: bytes) -> tuple[list[Entry], str]:
    """Link `entries` in order behind the hash `tip`: the linked entries, and the new tip.

    `salts` are SALT_BYTES random bytes for each entry. Raises ValueError where there are fewer or more.
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
