"""Invariant 12: no identity number and no full card number stands in a text of either database.

Every text column of every table is read, whatever its use, so that a column that is added later is read too.
A finding names the table, the row and the column, and never repeats the number. The insurer's own names of
policies and dues may be any digits; they are exempt in the book itself, and wherever a row or the book shows
that a text is such a name. In a bank's line, a number in the place of such a name is a finding only if it is
an identity number with a correct check character.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from functools import cache
from typing import Any, Final

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    MetaData,
    Select,
    Table,
    Text,
    and_,
    func,
    literal,
    or_,
    select,
)

from ledger.book.schema import FRONT, dues, policies
from office.audit.evidence import PROGRESS_ROWS, Checked, Evidence, Failing, Results, count_of, stream
from office.audit.subjects import FRONT_SIDE, OFFICE_SIDE
from office.database.schema import OFFICE
from qianzhi_errors.sentence import Sentence, listed, rewritten

_CARD_DIGITS_LEAST: Final = 13
"""A card number has 13 to 19 digits (ISO/IEC 7812-1, and practice); an identity number has 17 or 18."""
_RECEIPT_LENGTH: Final = 21
_NO_MOMENT: Final = "(?!20[0-9]{12}([^0-9]|$))"
"""Excludes the date and time in a transaction's key: 14 digits that begin with 20."""
_RUN: Final = f"(^|[^0-9]){_NO_MOMENT}[0-9]{{13}}"
_RUN_BY_ITSELF: Final = f"[^0-9A-Za-z]{_NO_MOMENT}[0-9]{{13}}"
"""Python, which SQLite calls, and PostgreSQL understand these patterns alike."""
_IDENTITY: Final = re.compile(r"(?<![0-9])[0-9]{6}((?:19|20)[0-9]{6})[0-9]{3}[0-9Xx](?![0-9])")
_DIGITS: Final = re.compile(rf"(?<![0-9]){_NO_MOMENT}[0-9]{{13,19}}(?![0-9])")
_LONG: Final = re.compile(rf"(?<![0-9]){_NO_MOMENT}[0-9]{{13}}")
"""Is in each text that has any such number, and in few others."""
_HEX: Final = frozenset(
    {"content", "previous", "salt", "digest", "tip", "root", "signature", "beneficiary", "value", "chains"}
    | {"layout", "manifest", "rows", "public"}
)
"""Columns of hashes and digests."""
_NAMES: Final = frozenset({"policy", "due", "bank_policy", "bank_due"})
"""Columns with the name of a policy or a due: the insurer's name, or the one that a bank's line has."""
_WHOLE: Final = _HEX | _NAMES | {"subject", "note"}
"""Columns in which digits between letters are a part of something else, or chance: only a run that stands by
itself counts.
"""
_WORDS: Final = re.compile(rf"(?<![0-9A-Za-z]){_NO_MOMENT}[0-9]{{13,18}}[0-9Xx]?(?![0-9A-Za-z])")
_OWN_NAMES: Final = frozenset({"policy", "due"})
_BOOK: Final = frozenset({"policies", "dues"})


def office_texts(evidence: Evidence) -> Results:
    """Invariant 12: read every text column of the office's database."""
    yield from _texts(evidence, OFFICE_SIDE, evidence.office, OFFICE)


def front_texts(evidence: Evidence) -> Results:
    """Invariant 12: read every text column of the front's database."""
    if evidence.front is not None:
        yield from _texts(evidence, FRONT_SIDE, evidence.front, FRONT)


def _texts(evidence: Evidence, name: Sentence, connection: Connection, metadata: MetaData) -> Results:
    rows = 0
    for table in metadata.sorted_tables:
        yield from _table(connection, name, table, evidence)
        rows += count_of(connection, select(func.count()).select_from(table))
    yield Checked(12, f"rows of the {name}'s tables, every text of them", rows)


def masked(sentence: Sentence) -> Sentence:
    """The sentence with stars for each run of digits that stands by itself and could be a person's number."""
    return rewritten(sentence, lambda text: _WORDS.sub(lambda match: "*" * len(match[0]), text))


def _table(connection: Connection, database: str, table: Table, evidence: Evidence) -> Iterator[Failing]:
    """The findings of one table: the database selects the rows that may hold such a number, and each is
    read here.
    """
    columns = _read(table)
    if not columns:
        return
    names = table.c.keys()
    places = [(names.index(column.name), column.name) for column in columns]
    for number, row in enumerate(stream(connection, _sieved(table)), 1):
        for place, column in places:
            text = row[place]
            if text and _has_number(column, text):
                values = dict(zip(names, row, strict=True))
                if not _is_own_name(evidence, column, text, values):
                    yield _finding(database, table, column, values)
        if number % PROGRESS_ROWS == 0:
            evidence.progress(Sentence("{side} {table}", side=database, table=table.name), PROGRESS_ROWS)


def _finding(database: str, table: Table, column: str, row: Mapping[str, Any]) -> Failing:
    place = listed([str(row[key.name]) for key in table.primary_key.columns])
    return Failing(
        12,
        Sentence("{side}, {table} {place}", side=database, table=table.name, place=place),
        Sentence("has an identity or card number in the column {name}", name=column),
    )


def _read(table: Table) -> tuple[Column[Any], ...]:
    """The columns of a table that are read: its texts, but for the insurer's own names in the book."""
    texts = [column for column in table.c if isinstance(column.type, Text)]
    return tuple(column for column in texts if table.name not in _BOOK or column.name not in _OWN_NAMES)


@cache
def _sieved(table: Table) -> Select[Any]:
    """The query for the rows of a table that may hold such a number; made once for each table."""
    return select(table).where(or_(*_sieve(_read(table))))


def _sieve(columns: Sequence[Column[Any]]) -> Iterator[ColumnElement[bool]]:
    """The conditions under which a row has as many successive digits as a card number. The database
    checks them, so that it, and not this program, skips the many other rows. Most columns are too short;
    the columns of hashes never are, and are checked joined into one text.
    """
    joined: ColumnElement[str] = literal(" ")
    for column in columns:
        if column.name in _WHOLE:
            joined = joined.concat(func.coalesce(column, "")).concat(" ")
        elif column.name == "receipt":  # a receipt is 21 successive digits, too many for a card
            yield and_(func.length(column) != _RECEIPT_LENGTH, column.regexp_match(_RUN))
        else:
            yield and_(func.length(column) >= _CARD_DIGITS_LEAST, column.regexp_match(_RUN))
    yield joined.regexp_match(_RUN_BY_ITSELF)


def _has_number(name: str, text: str) -> bool:
    """Whether the text of a column holds an identity or card number."""
    if len(text) < _CARD_DIGITS_LEAST or _LONG.search(text) is None:
        return False
    runs = [match[0] for match in _WORDS.finditer(text)] if name in _WHOLE else [text]
    return any(_is_number(run) for run in runs)


def _is_number(text: str) -> bool:
    return any(_is_date(match[1]) for match in _IDENTITY.finditer(text)) or any(
        _is_luhn(match[0]) for match in _DIGITS.finditer(text)
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


def _is_own_name(evidence: Evidence, name: str, text: str, row: Mapping[str, Any]) -> bool:
    """Whether the text is the name of a policy or a due that the insurer gave."""
    of_entry = "holder" in row
    if name not in _NAMES and not (name == "subject" and of_entry):
        return False
    # An entry has a holder only if its policy was in the book, and a due date only if its due was.
    if of_entry and row["holder" if name == "policy" else "due_date"]:
        return True
    if of_entry and evidence.front is not None:
        column = policies.c.policy if name == "policy" else dues.c.due
        return evidence.front.execute(select(column).where(column == text)).first() is not None
    return not any(map(_is_checked, _IDENTITY.finditer(text)))


def _is_checked(match: re.Match[str]) -> bool:
    """Whether the last character is the check character of the others (GB 11643-1999)."""
    number = match[0].upper()
    total = sum(int(digit) * pow(2, 17 - place, 11) for place, digit in enumerate(number[:-1]))
    return number[-1] == "10X98765432"[total % 11]
