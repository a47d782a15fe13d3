"""What the office can show of receipts: the line of each, whether it was taken back, and the public keys.

Only SELECTs. A receipt's line is made of its entry and its signature, so there is one place for what was
paid. No name of a person is in it.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, select

from ledger.rules.entry import Entry, Kind
from ledger.rules.numbering import receipt_number
from office.database.schema import entries, receipt_keys, signed_receipts
from office.errors import OfficeError
from protocol.responses import Response
from qianzhi_errors.sentence import Sentence
from receipts.line import Receipt, SignedReceipt, signature_of
from receipts.public_keys import PublicKey

PAYMENTS: Final = (Kind.COLLECTION.value, Kind.PAYOUT.value)
"""The kinds of entry whose receipts are signed."""
_CHAIN: Final = slice(8, 10)
_POSITION: Final = slice(10, 20)


class NoSuchReceipt(OfficeError):
    """The journal has no payment with this receipt, or its receipt has no signature."""


class KnownReceipt(NamedTuple):
    """A signed receipt of the journal: its line's content, the processing code of the payment, and the
    business date on which the payment was taken back, empty while it is in effect.
    """

    signed: SignedReceipt
    code: str
    taken_back: str


def receipt_of(entry: Any, insurer: str, key: str) -> Receipt:  # noqa: ANN401 - an entry, or a row of one
    """Return what the receipt of a payment says. A payout's amount is negative."""
    amount = -entry.amount if entry.kind == Kind.PAYOUT.value else entry.amount
    return Receipt(
        insurer,
        entry.receipt,
        entry.policy,
        amount,
        entry.local_at,
        entry.business_date,
        entry.bank,
        key,
    )


def known_receipt(connection: Connection, number: str) -> KnownReceipt:
    """Return the signed receipt of this number. Raises NoSuchReceipt."""
    entry = _entry(connection, number)
    if entry is None or entry.kind not in PAYMENTS:
        raise NoSuchReceipt(Sentence("the journal has no payment with this receipt number"))
    row = connection.execute(
        select(signed_receipts.c.signature, receipt_keys.c.key, receipt_keys.c.insurer)
        .join(receipt_keys, receipt_keys.c.key == signed_receipts.c.key)
        .where(signed_receipts.c.chain == entry.chain, signed_receipts.c.position == entry.position)
    ).one_or_none()
    taken_back = _taken_back(connection, entry.key)
    if row is None:
        if taken_back:
            raise NoSuchReceipt(
                Sentence("has no signature: the payment was taken back on {date}", date=taken_back)
            )
        raise NoSuchReceipt(Sentence("has no signature yet: `qianzhi office close` signs what it pulls"))
    signed = SignedReceipt(receipt_of(entry, row.insurer, row.key), signature_of(row.signature))
    return KnownReceipt(signed, entry.code, taken_back)


def published_keys(connection: Connection) -> tuple[PublicKey, ...]:
    """Return the public key of each key that has signed, the oldest first. Each is in force until the last
    business date that it signed; the last one still signs.
    """
    rows = connection.execute(select(receipt_keys).order_by(receipt_keys.c.number)).all()
    ends = [*(row.former_to for row in rows[1:]), ""]
    return tuple(
        PublicKey(row.insurer, row.key, row.from_date, to_date, row.public)
        for row, to_date in zip(rows, ends, strict=False)
    )


def _entry(connection: Connection, number: str) -> Entry | None:
    """The entry with this receipt number, whose chain and position are in the number."""
    if len(number) != len(receipt_number("00000000", 0, 0)) or not (number.isascii() and number.isdecimal()):
        return None
    row = connection.execute(
        select(entries).where(
            entries.c.chain == int(number[_CHAIN]), entries.c.position == int(number[_POSITION])
        )
    ).one_or_none()
    entry = None if row is None else Entry._make(row)
    return entry if entry is not None and entry.receipt == number else None


def _taken_back(connection: Connection, key: str) -> str:
    """The business date on which the payment of this key was taken out of effect; empty while it is in
    effect.
    """
    query = select(entries.c.key, entries.c.business_date).where(
        entries.c.original == key,
        entries.c.sequence.is_not(None),
        entries.c.response == Response.APPROVED.value,
    )
    dates = [
        row.business_date for row in connection.execute(query).all() if not _taken_back(connection, row.key)
    ]
    return max(dates, default="")
