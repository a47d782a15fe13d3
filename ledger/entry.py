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

    `subject` and `turn` are the effect. The subject is what the entry acts on: the due, or the entry's own
    key where an advice fits no due. Turn 1 puts a transaction into effect, turn 2 takes it out again, turn
    3 is the next one, and so on: an odd turn is an effect, an even one its end. (subject, turn) is unique
    and each turn refers to the one before, so the database itself refuses a due that is collected twice or a
    transaction that is reversed twice. A refusal, and a reversal that found nothing left to reverse, have
    neither.

    Amounts in fen; `business_date` YYYYMMDD; `sent_at` and `local_at` MMDDhhmmss; `recorded_at`
    microseconds since 1970-01-01 UTC; `previous` the SHA-256 (hex) of the entry before this one in its chain.
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
    misfit: str
    side: str
    subject: str | None
    turn: int | None
    turn_before: int | None
    previous: str


GENESIS = "0" * 64
"""What the first entry of a chain carries as the hash of the one before it."""


_AS_JSON = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def entry_hash(entry: Entry) -> str:
    """SHA-256, hex, over the entry as a JSON array in UTF-8, its own `previous` included: the link of the
    chain.
    """
    return hashlib.sha256(_AS_JSON(entry).encode()).hexdigest()


def chain_entries(entries: list[Entry], tip: str) -> tuple[list[Entry], str]:
    """Link `entries` in order behind the hash `tip`: the linked entries, and the new tip."""
    linked = []
    for entry in entries:
        chained = entry._replace(previous=tip)
        tip = entry_hash(chained)
        linked.append(chained)
    return linked, tip
