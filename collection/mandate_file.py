"""Files of mandates: those that were signed elsewhere, read whole, and those that a bank is to agree to.

Bytes in, values out. CSV in UTF-8 with a header and a last row `TOTAL,<count>`, so that a file that was cut
is seen to be. No text repeats a value of a row: it may be somebody's account.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Final

from collection.errors import FileRefused
from collection.mandates import Account, Evidence, Mandate, Wanted
from collection.rules.mandate import AccountKind, Period, Purpose, SignedBy
from ledger.rules.day import is_date
from qianzhi_errors.sentence import Sentence, listed

COLUMNS: Final = (
    *("policy", "purpose", "channel", "bank", "kind", "account", "name", "limit_fen", "period"),
    *("valid_from", "valid_to", "signed_by", "evidence"),
)
EXPORTED: Final = (
    *("mandate", "policy", "bank", "kind", "account", "name", "limit_fen", "period", "valid_from"),
    *("valid_to", "evidence"),
)
_TOTAL: Final = "TOTAL"
Check = Callable[[str], object]
_CHECKS: Final[Mapping[str, Check]] = MappingProxyType(
    {
        "policy": re.compile("[A-Z0-9-]{1,24}").fullmatch,
        "purpose": frozenset(Purpose).__contains__,
        "channel": re.compile("[0-9]{8}").fullmatch,
        "bank": re.compile("[0-9]{1,14}").fullmatch,
        "kind": frozenset(AccountKind).__contains__,
        "account": re.compile("[0-9A-Z]{2,30}[0-9]{4}").fullmatch,
        "name": str.isprintable,
        "limit_fen": re.compile("[0-9]{1,12}").fullmatch,
        "period": frozenset(Period).__contains__,
        "valid_from": is_date,
        "valid_to": lambda text: text == "" or is_date(text),
        "signed_by": frozenset(SignedBy).__contains__,
        "evidence": re.compile("[0-9a-f]{64}").fullmatch,
    }
)


def read(data: bytes) -> tuple[tuple[Wanted, Evidence], ...]:
    """The mandates of a file. Raises FileRefused, which names the line and the column."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise FileRefused(Sentence("is not UTF-8 at byte {byte}", byte=error.start)) from None
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), strict=True)) if text.endswith("\n") else []
    except csv.Error:
        raise FileRefused(Sentence("is not CSV: a quotation mark stands alone")) from None
    if not rows or tuple(rows[0]) != COLUMNS:
        raise FileRefused(Sentence("line 1: the header is not {columns}", columns=listed(COLUMNS)))
    body, last = rows[1:-1], rows[-1]
    if last != [_TOTAL, str(len(body))] or not body:
        raise FileRefused(
            Sentence("line {line}: not TOTAL and the count of the rows before it", line=len(rows))
        )
    return tuple(_row(number, row) for number, row in enumerate(body, 2))


def write(rows: Sequence[tuple[Mandate, Account]]) -> bytes:
    """The file by which a bank is asked to agree: accounts in clear, for the bank alone."""
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(EXPORTED)
    for mandate, account in rows:
        values = {
            **mandate._asdict(),
            "account": account.number,
            "name": account.name,
            "evidence": mandate.evidence_digest,
        }
        writer.writerow([str(values[column]) for column in EXPORTED])
    writer.writerow((_TOTAL, len(rows)))
    return stream.getvalue().encode()


def _row(number: int, row: list[str]) -> tuple[Wanted, Evidence]:
    if len(row) != len(COLUMNS):
        raise FileRefused(
            Sentence(
                "line {line}: {fields} fields, not {most}", line=number, fields=len(row), most=len(COLUMNS)
            )
        )
    given = dict(zip(COLUMNS, row, strict=True))
    for column, check in _CHECKS.items():
        if not check(given[column]):
            raise FileRefused(
                Sentence("line {line}: {column}: not a value of this column", line=number, column=column)
            )
    wanted = Wanted(
        given["policy"],
        Purpose(given["purpose"]),
        given["channel"],
        given["bank"],
        AccountKind(given["kind"]),
        int(given["limit_fen"]),
        Period(given["period"]),
        given["valid_from"],
        given["valid_to"],
        Account(given["account"], given["name"]),
    )
    return wanted, Evidence(given["evidence"], SignedBy(given["signed_by"]))
