"""Writes the receipts that were signed since the date before was posted, up to the posting of this one.

Each line is the whole signed receipt, as anyone verifies it. A receipt is in the parcel of the date at whose
close it was signed, so each is in one parcel, and a parcel does not change later.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, func, select

from archive.intake.pieces import write_parts
from archive.parcel import RECEIPTS
from office.database.audit_log import MACHINE
from office.database.schema import audit_log, entries, receipt_keys, signed_receipts
from office.receipts.published import receipt_of
from receipts.line import SignedReceipt, signature_of, write

_DAY: Final = "day"


def write_receipts(office: Connection, date: str, folder: Path) -> None:
    """Write the file of a date's receipts; none where the office signs no receipts."""
    if office.scalar(select(func.count()).select_from(receipt_keys)):
        write_parts(folder.joinpath("data", date, RECEIPTS), _lines(office, date))


def _lines(office: Connection, date: str) -> Iterator[bytes]:
    posted = select(func.max(audit_log.c.at)).where(audit_log.c.act == _DAY, audit_log.c.by == MACHINE)
    since = office.scalar(posted.where(audit_log.c.subject < date)) or 0
    until = office.scalar(posted.where(audit_log.c.subject == date)) or 0
    query = (
        select(
            entries, signed_receipts.c.signature, receipt_keys.c.insurer, receipt_keys.c.key.label("key_id")
        )
        .select_from(signed_receipts)
        .join(
            entries,
            (entries.c.chain == signed_receipts.c.chain) & (entries.c.position == signed_receipts.c.position),
        )
        .join(receipt_keys, receipt_keys.c.key == signed_receipts.c.key)
        .where(signed_receipts.c.signed_at > since, signed_receipts.c.signed_at <= until)
        .order_by(signed_receipts.c.chain, signed_receipts.c.position)
    )
    for row in office.execute(query):
        signed = SignedReceipt(receipt_of(row, row.insurer, row.key_id), signature_of(row.signature))
        yield f"{write(signed)}\n".encode()
