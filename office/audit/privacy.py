"""Invariant 12: no identity number and no full card number in any text of either database.

Every text column of every table is read, whatever it is for, so that a column that is added later is looked
at too. What is found is never repeated: a finding names the table, the column and the row. Exempt are the
insurer's own names of policies and dues, which may be any digits: in the book itself, and where a row or the
book shows that it is such a name. What a bank's line names is believed unless it is an identity number by its
check character.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any, Final

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    MetaData,
    Table,
    Text,
    and_,
    func,
    literal,
    or_,
    select,
)

from ledger.book.schema import FRONT, dues, policies
from office.audit.evidence import Checked, Evidence, Failing, Outcome, count_of, stream
from office.database.schema import OFFICE

_CARD_DIGITS_LEAST: Final = 13
"""A card number has 13 to 19 digits (ISO/IEC 7812-1, and what is in use); an identity number has 17 or 18."""
_RECEIPT_LENGTH: Final = 21
_NO_MOMENT: Final = "(?!20[0-9]{12}([^0-9]|$))"
"""What follows is not as long as the date and time in a transaction's key: 14 digits from 20 on."""
_RUN: Final = f"(^|[^0-9]){_NO_MOMENT}[0-9]{{13}}"
_RUN_BY_ITSELF: Final = f"[^0-9A-Za-z]{_NO_MOMENT}[0-9]{{13}}"
"""Understood alike by Python, which SQLite asks, and by PostgreSQL."""
_IDENTITY: Final = re.compile(r"(?<![0-9])[0-9]{6}((?:19|20)[0-9]{6})[0-9]{3}[0-9Xx](?![0-9])")
_DIGITS: Final = re.compile(rf"(?<![0-9]){_NO_MOMENT}[0-9]{{13,19}}(?![0-9])")
_HEX: Final = frozenset(
    {"content", "previous", "salt", "digest", "tip", "root", "signature", "beneficiary", "value", "chains"}
)
"""Columns of hashes and digests."""
_NAMES: Final = frozenset({"policy", "due", "bank_policy", "bank_due"})
"""Columns that hold the name of a policy or a due: the insurer's, or what a bank's line has in its place."""
_WHOLE: Final = _HEX | _NAMES | {"subject", "note"}
"""Columns in which a run of digits between letters is a part of something else, or chance."""
_WORDS: Final = re.compile(rf"(?<![0-9A-Za-z]){_NO_MOMENT}[0-9]{{13,18}}[0-9Xx]?(?![0-9A-Za-z])")
_OWN_NAMES: Final = frozenset({"policy", "due"})
_BOOK: Final = frozenset({"policies", "dues"})
_TOLD_EVERY: Final = 10_000


def texts(evidence: Evidence) -> Outcome:
    """Look through every text column of both databases."""
    databases: list[tuple[str, Connection, MetaData]] = [("office", evidence.office, OFFICE)]
    if evidence.front is not None:
        databases.append(("front", evidence.front, FRONT))
    for name, connection, metadata in databases:
        rows = 0
        for table in metadata.sorted_tables:
            yield from _table(connection, name, table, evidence)
            rows += count_of(connection, select(func.count()).select_from(table))
        yield Checked(12, f"rows of the {name}'s tables, every text of them", rows)


def masked(text: str) -> str:
    """A text in which no run of digits is left that stands by itself and could be a person's number."""
    return _WORDS.sub(lambda found: "*" * len(found[0]), text)


def _table(connection: Connection, database: str, table: Table, evidence: Evidence) -> Iterator[Failing]:
    """The rows of a table that may hold such a number, each looked at closely."""
    columns = [column for column in table.c if isinstance(column.type, Text)]
    if table.name in _BOOK:
        columns = [column for column in columns if column.name not in _OWN_NAMES]
    if not columns:
        return
    keys = [key.name for key in table.primary_key.columns]
    query = select(table).where(or_(*_sieve(columns)))
    for number, row in enumerate(stream(connection, query), 1):
        values = dict(zip(table.c.keys(), row, strict=True))
        for column in columns:
            text = values[column.name]
            if text and _is_found(column.name, text) and not _is_own(evidence, column.name, text, values):
                place = ", ".join(str(values[key]) for key in keys)
                yield Failing(12, masked(f"{database}, {table.name} {place}"), f"a number in {column.name}")
        if number % _TOLD_EVERY == 0:
            evidence.progress(f"{database} {table.name}", _TOLD_EVERY)


def _sieve(columns: Sequence[Column[Any]]) -> Iterator[ColumnElement[bool]]:
    """Whether a row has as many digits in a row as a card number: said so that the database, and not this
    program, passes over the many rows that have not. Most columns are too short; those of hashes never are,
    and are looked at together.
    """
    joined: ColumnElement[str] = literal(" ")
    for column in columns:
        if column.name in _WHOLE:
            joined = joined.concat(func.coalesce(column, "")).concat(" ")
        elif column.name == "receipt":  # its 21 digits are too many for a card, and follow each other
            yield and_(func.length(column) != _RECEIPT_LENGTH, column.regexp_match(_RUN))
        else:
            yield and_(func.length(column) >= _CARD_DIGITS_LEAST, column.regexp_match(_RUN))
    yield joined.regexp_match(_RUN_BY_ITSELF)


def _is_found(name: str, text: str) -> bool:
    runs = [found[0] for found in _WORDS.finditer(text)] if name in _WHOLE else [text]
    return any(_is_number(run) for run in runs)


def _is_number(text: str) -> bool:
    return any(_is_date(found[1]) for found in _IDENTITY.finditer(text)) or any(
        _is_luhn(found[0]) for found in _DIGITS.finditer(text)
    )


def _is_date(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _is_luhn(digits: str) -> bool:
    """Whether the last digit is the check digit of the others (ISO/IEC 7812-1, annex B)."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + place % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def _is_own(evidence: Evidence, name: str, text: str, row: Mapping[str, Any]) -> bool:
    """Whether a column holds a policy's or a due's name that the insurer gave."""
    of_entry = "holder" in row
    if name not in _NAMES and not (name == "subject" and of_entry):
        return False
    # An entry has the holder of a policy, and the date of a due, that it found in the book.
    if of_entry and row["holder" if name == "policy" else "due_date"]:
        return True
    if of_entry and evidence.front is not None:
        column = policies.c.policy if name == "policy" else dues.c.due
        return evidence.front.execute(select(column).where(column == text)).first() is not None
    return not any(map(_is_checked, _IDENTITY.finditer(text)))


def _is_checked(found: re.Match[str]) -> bool:
    """Whether the last character is the check character of the others (GB 11643-1999)."""
    number = found[0].upper()
    total = sum(int(digit) * pow(2, 17 - place, 11) for place, digit in enumerate(number[:-1]))
    return number[-1] == "10X98765432"[total % 11]
