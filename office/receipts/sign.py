"""Signs the receipts of what was pulled, each once, in transactions of some thousand entries.

Along each chain it goes on behind the last entry whose receipt is signed. A signature is the same whenever it
is made (Ed25519), so a run that was killed is run again and comes to the same lines. Which key signs from
which business date on is written down with its first receipts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, Connection, and_, exists, func, insert, select

from ledger.book.store import Store
from ledger.rules.entry import Kind
from office.database.audit_log import moment_of, write_record
from office.database.bulk import insert_rows
from office.database.proofs import digest_of
from office.database.schema import chains, entries, receipt_keys, signed_receipts
from office.errors import OfficeError
from office.receipts.published import PAYMENTS, receipt_of
from protocol.responses import Response
from qianzhi_errors.sentence import Sentence
from receipts.errors import LineFault
from receipts.line import signature_text
from receipts.signature import Signer

ENTRIES_A_TRANSACTION: Final = 5_000
_TAKES_BACK: Final = (Kind.CANCEL.value, Kind.REVERSAL.value)


class KeyUnusable(OfficeError):
    """The key is not there, or may not sign these receipts. Nothing was signed."""


class Signing(NamedTuple):
    """What receipts are signed with, and the insurer whose name they have."""

    insurer: str
    signer: Signer


class Signed(NamedTuple):
    """The result of a run: the number of receipts signed, the number of those that cannot be, and the reason
    of the first of these.
    """

    receipts: int
    refused: int
    reason: str


class _Span(NamedTuple):
    """The entries of a chain behind the position `after`, up to and with `until`."""

    chain: int
    after: int
    until: int


def sign(
    office: Store,
    signing: Signing,
    now_us: Callable[[], int],
    by: str,
    progress: Callable[[int], None] = lambda _: None,
) -> Signed:
    """Sign each receipt of a payment in effect that has no signature yet.

    `now_us` gives microseconds since 1970-01-01 UTC; `by` is the author for the audit log. `progress` is
    called with the number of entries looked at since its last call. Raises KeyUnusable, and what
    Store.transaction raises; then the earlier transactions of the run are kept.
    """
    with office.reading() as connection:
        _check_key(connection, signing)
        ends = _positions(connection, select(chains.c.chain, chains.c.position))
        marks = _positions(
            connection,
            select(signed_receipts.c.chain, func.max(signed_receipts.c.position)).group_by(
                signed_receipts.c.chain
            ),
        )
    run = _Run(signing, marks, now_us, by)
    for chain, end in sorted(ends.items()):
        for after in range(marks.get(chain, 0), end, ENTRIES_A_TRANSACTION):
            until = min(after + ENTRIES_A_TRANSACTION, end)
            with office.transaction() as connection:
                run.sign_span(connection, _Span(chain, after, until))
            progress(until - after)
    return Signed(run.receipts, run.refused, run.reason)


class _Run:
    """One run: what it signs with, where it began, and what it has done."""

    def __init__(
        self, signing: Signing, marks: Mapping[int, int], now_us: Callable[[], int], by: str
    ) -> None:
        self._signing = signing
        self._marks = marks
        self._now_us = now_us
        self._by = by
        self.receipts = 0
        self.refused = 0
        self.reason = ""

    def sign_span(self, connection: Connection, span: _Span) -> None:
        """Sign the receipts of a span of entries, and of the payments that it puts into effect again."""
        payments = [*_unsigned(connection, span), *self._reinstated(connection, span)]
        payments.sort(key=lambda payment: (payment.chain, payment.position))
        if not payments:
            return
        at = moment_of(connection, self._now_us())
        key = _key_in_use(connection)
        if key is None or key.key != self._signing.signer.key:
            at, key = self._add_key(connection, at, key)
        rows = list(self._signed(payments, key.from_date))
        if not rows:
            return
        insert_rows(connection, signed_receipts, ({**row, "signed_at": at} for row in rows))
        note = f"{len(rows)} receipts; rows {digest_of([tuple(row.values()) for row in rows])}"
        last = rows[-1]
        write_record(connection, at, self._by, "sign", f"entry {last['chain']}/{last['position']}", note)
        self.receipts += len(rows)

    def _signed(self, payments: list[Any], from_date: str) -> Iterator[dict[str, object]]:
        """Yield the rows of the receipts that can be signed, and count the others."""
        signer = self._signing.signer
        for payment in payments:
            try:
                if payment.business_date < from_date:
                    raise LineFault("", Sentence("it is of a date before the key that signs now"))
                signed = signer.sign(receipt_of(payment, self._signing.insurer, signer.key))
            except LineFault as fault:
                self.refused += 1
                self.reason = self.reason or Sentence(
                    "entry {chain}/{position}: {reason}",
                    chain=payment.chain,
                    position=payment.position,
                    reason=fault,
                )
                continue
            yield {
                "chain": payment.chain,
                "position": payment.position,
                "key": signer.key,
                "signature": signature_text(signed.signature),
            }

    def _reinstated(self, connection: Connection, span: _Span) -> Iterator[Any]:
        """Yield the payments that this span's reversals of cancels put into effect again, and that this run
        does not come to, since it began behind them.
        """
        again, cancel = entries.alias("again"), entries.alias("cancel")
        query = (
            _payments()
            .join(cancel, cancel.c.original == entries.c.key)
            .join(again, again.c.original == cancel.c.key)
            .where(again.c.chain == span.chain, again.c.position > span.after, again.c.position <= span.until)
            .where(_is_reversing(again), _is_reversing(cancel))
        )
        for payment in connection.execute(query):
            if payment.position <= self._marks.get(payment.chain, 0):
                yield payment

    def _add_key(self, connection: Connection, at: int, former: Any) -> tuple[int, Any]:  # noqa: ANN401 - a row
        """Write down that another key signs from now on; returns the moment that is left, and its row."""
        signer = self._signing.signer
        last = "" if former is None else _last_date(connection)
        key = {
            "number": 1 if former is None else former.number + 1,
            "key": signer.key,
            "public": signer.public,
            "insurer": self._signing.insurer,
            "from_date": _first_date(connection),
            "former_to": "" if former is None else max(former.from_date, last),
        }
        connection.execute(insert(receipt_keys).values(**key, added_at=at))
        words = (
            f"signs for {key['insurer']} from {key['from_date']} on; row {digest_of([tuple(key.values())])}"
        )
        write_record(connection, at, self._by, "receipt key", signer.key, words)
        return moment_of(connection, at), _key_in_use(connection)


def _check_key(connection: Connection, signing: Signing) -> None:
    """Raise KeyUnusable for a key that was replaced by another, or that signs for another insurer."""
    in_use = _key_in_use(connection)
    known = connection.execute(
        select(receipt_keys).where(receipt_keys.c.key == signing.signer.key)
    ).one_or_none()
    if known is None or in_use is None:
        return
    if known.key != in_use.key:
        raise KeyUnusable(Sentence("the key {key} was replaced: make another one", key=known.key))
    if known.insurer != signing.insurer:
        raise KeyUnusable(
            Sentence(
                "the key {key} signs for {insurer}: another insurer needs a key of its own",
                key=known.key,
                insurer=known.insurer,
            )
        )


def _key_in_use(connection: Connection) -> Any:  # noqa: ANN401 - a row, or None
    """The row of the key that signed last, or None."""
    return connection.execute(select(receipt_keys).order_by(receipt_keys.c.number.desc()).limit(1)).first()


def _positions(connection: Connection, query: Any) -> dict[int, int]:  # noqa: ANN401 - any query of pairs
    return dict(map(tuple, connection.execute(query)))


def _payments() -> Any:  # noqa: ANN401 - a SELECT with many columns
    """The payments with a receipt that are in effect and have no signature, as rows for `receipt_of`."""
    reversing, again = entries.alias("reversing"), entries.alias("reinstating")
    reinstated = exists().where(again.c.original == reversing.c.key, _is_reversing(again))
    undone = exists().where(reversing.c.original == entries.c.key, _is_reversing(reversing), ~reinstated)
    signed = exists().where(
        signed_receipts.c.chain == entries.c.chain, signed_receipts.c.position == entries.c.position
    )
    return select(entries).where(
        entries.c.receipt.is_not(None),
        entries.c.kind.in_(PAYMENTS),
        entries.c.response == Response.APPROVED.value,
        ~undone,
        ~signed,
    )


def _unsigned(connection: Connection, span: _Span) -> Iterator[Any]:
    query = _payments().where(
        entries.c.chain == span.chain, entries.c.position > span.after, entries.c.position <= span.until
    )
    yield from connection.execute(query.order_by(entries.c.position))


def _is_reversing(table: Any) -> ColumnElement[bool]:  # noqa: ANN401 - an alias of entries
    """Whether an entry took another out of effect; written so that the index on such entries is used."""
    return and_(table.c.original != "", table.c.sequence.is_not(None), table.c.kind.in_(_TAKES_BACK))


def _first_date(connection: Connection) -> str:
    """The first business date of the entries behind those that are signed: dates only go on in a chain."""
    mark = (
        select(func.coalesce(func.max(signed_receipts.c.position), 0))
        .where(signed_receipts.c.chain == chains.c.chain)
        .scalar_subquery()
    )
    query = (
        select(func.min(entries.c.business_date))
        .select_from(chains)
        .join(entries, and_(entries.c.chain == chains.c.chain, entries.c.position == mark + 1))
    )
    return str(connection.execute(query).scalar_one())


def _last_date(connection: Connection) -> str:
    """The last business date of what is signed."""
    last = (
        select(signed_receipts.c.chain, func.max(signed_receipts.c.position).label("position"))
        .group_by(signed_receipts.c.chain)
        .subquery()
    )
    query = select(func.max(entries.c.business_date)).join(
        last, and_(entries.c.chain == last.c.chain, entries.c.position == last.c.position)
    )
    return str(connection.execute(query).scalar_one())
