"""Invariant 13, the receipts: each payment of a posted day has one signature that verifies over the line that
its entry makes, by a key that is as it was written down.

The lines are made here again from the journal, and signatures and key ids read, by code of this module's own.
A payment that was taken back before it was signed has none. One that was put into effect again after another
key had come has none either, since the new key signs nothing of an earlier date.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any, Final, NamedTuple

from sqlalchemy import and_, exists, not_, or_, select

from ledger.rules.seal import is_signed
from office.audit.audit_records import AuditRecord, office_records
from office.audit.evidence import (
    POSTED,
    SETTLEMENTS,
    Checked,
    Evidence,
    Failing,
    Results,
    is_reversing,
    is_settlement,
    stream,
    undone,
    with_progress,
)
from office.audit.row_digests import rows_digest
from office.audit.subjects import OFFICE_SIDE, act_at, entry_at, key_named
from office.database.schema import days, entries, receipt_keys, signed_receipts
from qianzhi_errors.sentence import Sentence

_WORK: Final = Sentence("receipts")
_NEVER: Final = "99999999"


class _Key(NamedTuple):
    """A key of receipts, as its row has it."""

    number: int
    key: str
    public: str
    insurer: str
    from_date: str
    former_to: str
    added_at: int


class _Signed(NamedTuple):
    """A signature beside what its line is made of; what is the entry's is None where there is no entry."""

    chain: int
    position: int
    key: str
    signature: str
    signed_at: int
    kind: str | None
    response: str
    receipt: str | None
    policy: str
    amount: int
    local_at: str
    business_date: str
    bank: str


def signed(evidence: Evidence) -> Results:
    """Invariant 13: keys, signatures, and payments without one, as the module says."""
    keys = [
        _Key._make(row)
        for row in evidence.office.execute(select(receipt_keys).order_by(receipt_keys.c.number))
    ]
    records = list(office_records(evidence))
    yield from _keys_as_recorded(keys, [record for record in records if record.act == "receipt key"])
    made = {record.at: record for record in records if record.act == "sign"}
    yield from _signatures(evidence, keys, made)
    if keys:
        yield from _without_signature(evidence, keys)


def _keys_as_recorded(keys: Sequence[_Key], records: Sequence[AuditRecord]) -> Results:
    """Each key follows the one before it, has the id that is derived from it, and is as it was added."""
    by_number = dict(enumerate(records, 1))
    for number, (key, former) in enumerate(zip(keys, (None, *keys), strict=False), 1):
        record = by_number.pop(number, None)
        digest = rows_digest([key[:-1]])
        note = f"signs for {key.insurer} from {key.from_date} on; row {digest}"
        if record is None or (record.at, record.subject, record.note) != (key.added_at, key.key, note):
            yield Failing(13, key_named(key.key), Sentence("is not as the audit log says"))
        if key.number != number or (former is not None and key.former_to < former.from_date):
            yield Failing(13, key_named(key.key), Sentence("does not follow the key before it"))
        if key.key != _id_of(key.public):
            yield Failing(13, key_named(key.key), Sentence("is not the id of its public half"))
    for record in by_number.values():
        yield Failing(13, act_at(OFFICE_SIDE, record.number), Sentence("adds a key that is not there"))


def _signatures(evidence: Evidence, keys: Sequence[_Key], made: dict[int, AuditRecord]) -> Results:
    """Each signature verifies over the line of its entry, and is as it was made."""
    by_id = {key.key: (key, end) for key, end in zip(keys, _ends(keys), strict=True)}
    count = 0
    rows = map(_Signed._make, with_progress(stream(evidence.office, _query()), evidence, _WORK))
    for at, together in groupby(rows, key=lambda row: row.signed_at):
        some = list(together)
        count += len(some)
        record = made.pop(at, None)
        note = f"{len(some)} receipts; rows {rows_digest([row[:4] for row in some])}"
        last = f"entry {some[-1].chain}/{some[-1].position}"
        if record is None or (record.subject, record.note) != (last, note):
            yield Failing(
                13,
                entry_at(OFFICE_SIDE, some[0].chain, some[0].position),
                Sentence("its signature, or one made with it, is not as the audit log says"),
            )
        for row in some:
            if what := _fault(row, by_id):
                yield Failing(13, entry_at(OFFICE_SIDE, row.chain, row.position), what)
    for record in made.values():
        yield Failing(13, act_at(OFFICE_SIDE, record.number), Sentence("signs receipts that are not there"))
    yield Checked(13, "signatures, verified over their entries' lines", count)


def _query() -> Any:  # noqa: ANN401 - a SELECT with many columns
    columns = [*(signed_receipts.c[name] for name in _Signed._fields[:5])]
    columns += [entries.c[name] for name in _Signed._fields[5:]]
    place = and_(entries.c.chain == signed_receipts.c.chain, entries.c.position == signed_receipts.c.position)
    order = (signed_receipts.c.signed_at, signed_receipts.c.chain, signed_receipts.c.position)
    return select(*columns).select_from(signed_receipts).outerjoin(entries, place).order_by(*order)


def _fault(row: _Signed, keys: Mapping[str, tuple[_Key, str]]) -> Sentence | None:
    """What is wrong with a signature, or None."""
    if row.receipt is None or row.kind not in SETTLEMENTS or row.response != "00":
        return Sentence("is signed, and has no receipt of a payment")
    if row.key not in keys:
        return Sentence("is signed by a key that is not there")
    key, end = keys[row.key]
    if not key.from_date <= row.business_date <= end:
        return Sentence("is signed by a key that was not in force")
    sign = "-" if row.kind == "payout" else ""
    fields = (
        *("QZ1", key.insurer, row.receipt, row.policy, f"{sign}{row.amount}"),
        *(row.local_at, row.business_date, row.bank, row.key, ""),
    )
    if not is_signed("|".join(fields), _hex(row.signature), key.public):
        return Sentence("its signature is not that of its receipt")
    return None


def _without_signature(evidence: Evidence, keys: Sequence[_Key]) -> Results:
    """Each payment of a posted day that has to have a signature has one."""
    signature = exists().where(
        signed_receipts.c.chain == entries.c.chain, signed_receipts.c.position == entries.c.position
    )
    reversing = entries.alias("reversing")
    touched = exists().where(is_reversing(reversing), reversing.c.original == entries.c.key)
    posted = select(days.c.date).where(days.c.state.in_(POSTED))
    query = select(entries.c.chain, entries.c.position).where(
        is_settlement(entries),
        entries.c.receipt.is_not(None),
        entries.c.business_date >= keys[0].from_date,
        entries.c.business_date.in_(posted),
        or_(not_(touched), and_(not_(undone(_NEVER)), entries.c.business_date >= keys[-1].from_date)),
        not_(signature),
    )
    for chain, position in stream(evidence.office, query.order_by(entries.c.chain, entries.c.position)):
        yield Failing(13, entry_at(OFFICE_SIDE, chain, position), Sentence("its receipt has no signature"))


def _ends(keys: Sequence[_Key]) -> Iterator[str]:
    """The last business date of each key."""
    yield from (key.former_to for key in keys[1:])
    if keys:
        yield _NEVER


def _id_of(public: str) -> str:
    try:
        return base64.b32encode(hashlib.sha256(bytes.fromhex(public)).digest()).decode()[:8]
    except ValueError:
        return ""


def _hex(signature: str) -> str:
    """A signature in hex; empty where its text is not the one text in base32 that a signature has."""
    try:
        data = base64.b32decode(f"{signature}=")
    except (binascii.Error, ValueError):
        return ""
    return data.hex() if base64.b32encode(data).decode() == f"{signature}=" else ""
