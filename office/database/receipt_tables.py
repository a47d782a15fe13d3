"""The tables of signed receipts and of the keys that sign them, and what the database refuses of them.

Definitions and SQL text only; `office.database.schema` makes the tables a part of the office's. Which
receipts are signed, and when, `office.receipts` says.
"""

# ruff: noqa: S608 - the statements consist of this file's own text
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

from ledger.book.guards import Guard, refused_insert
from ledger.book.schema import integer_column, text_column

_LAST_KEY: Final = "(SELECT max(k.number) FROM receipt_keys k)"
_NO_NEXT_KEY: Final = (
    f"NEW.number <> coalesce({_LAST_KEY}, 0) + 1 OR (NEW.number = 1) <> (NEW.former_to = '')"
    " OR EXISTS (SELECT 1 FROM receipt_keys k WHERE k.number = NEW.number - 1"
    " AND NEW.former_to < k.from_date)"
)
"""Whether the key NEW is not the next one, or ends the former key before that has begun."""
_NOT_TO_BE_SIGNED: Final = (
    "NOT EXISTS (SELECT 1 FROM entries e JOIN receipt_keys k ON k.key = NEW.key"
    f" AND k.number = {_LAST_KEY} AND k.from_date <= e.business_date"
    " WHERE e.chain = NEW.chain AND e.position = NEW.position AND e.receipt IS NOT NULL"
    " AND e.kind IN ('collection', 'payout') AND e.response = '00')"
)
"""Whether the entry of the signature NEW has no receipt of a payment, or another key signs now."""

RECEIPT_GUARDS: Final[tuple[Guard, ...]] = (
    *refused_insert("receipt_key_is_next", "receipt_keys", _NO_NEXT_KEY, "not the next key of receipts"),
    *refused_insert(
        "receipt_is_of_payment",
        "signed_receipts",
        _NOT_TO_BE_SIGNED,
        "no receipt of a payment, or not by the key that signs now",
    ),
)


def receipt_tables(office: MetaData) -> tuple[Table, Table]:
    """Return `receipt_keys` and `signed_receipts` as tables of the office. Both are append-only.

    `receipt_keys`: the keys that have signed, counted from 1: the key's id, its public half (hex), the
    insurer whose receipts it signs, and the first business date of these. `former_to` is the last business
    date of the key before it; empty for the first.

    `signed_receipts`: the signature (base32) on the receipt of an entry, and the id of the key that made it.
    The rest of the receipt's line is the entry's and the key's.
    """
    keys = Table(
        "receipt_keys",
        office,
        Column("number", Integer, primary_key=True, autoincrement=False),
        text_column("key"),
        text_column("public"),
        text_column("insurer"),
        text_column("from_date"),
        text_column("former_to"),
        integer_column("added_at"),
        UniqueConstraint("key", name="receipt_key_once"),
    )
    signed = Table(
        "signed_receipts",
        office,
        Column("chain", Integer, nullable=False),
        integer_column("position"),
        Column("key", Text, nullable=False),
        text_column("signature"),
        integer_column("signed_at"),
        PrimaryKeyConstraint("chain", "position"),
        ForeignKeyConstraint(
            ["chain", "position"], ["entries.chain", "entries.position"], name="receipt_of_entry"
        ),
        ForeignKeyConstraint(["key"], ["receipt_keys.key"], name="receipt_by_key"),
        CheckConstraint("length(signature) = 103", name="signature_length"),
    )
    return keys, signed
