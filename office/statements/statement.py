"""A statement of account (银行对账单) as values, and what must hold of it whatever its format.

Pure. A reader (`csv_file`, `camt`) makes a statement of bytes and raises StatementRefused with the place of
what it cannot read; `checked` then holds the lines against the balances. Amounts are fen, + what came in, -
what went out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Final, Literal, NamedTuple, TypeVar

from ledger.rules.day import is_date
from ledger.rules.masking import masked_numbers
from office.errors import StatementRefused
from qianzhi_errors.sentence import Sentence

T = TypeVar("T")
LineKind = Literal["settlement", "fee"]
"""What a line is: money of transactions, or the bank's own fee."""
AMOUNT_MAX: Final = 10**17
"""No amount of a statement is as large: fen of a quadrillion yuan; sums of them fit 64 bits."""
LINES_MAX: Final = 100_000
TEXT_MAX: Final = 140
_YUAN: Final = re.compile(r"([+-]?)([0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)(?:\.([0-9]{1,2}))?")


class StatementLine(NamedTuple):
    """One booking: `line` counts from 1; `date` is the booking date, YYYYMMDD; `settles` the business date
    whose transactions it pays, empty where the line names none; `reference` is the bank's own.
    """

    line: int
    date: str
    amount: int
    kind: LineKind
    settles: str
    reference: str
    text: str


class Statement(NamedTuple):
    """One statement: `account` and `number` as the bank gives them, the dates that it covers, the booked
    balances at its beginning and its end, and its lines.
    """

    account: str
    number: str
    from_date: str
    to_date: str
    opening: int
    closing: int
    lines: tuple[StatementLine, ...]

    @property
    def moved(self) -> int:
        """What the lines come to, in fen."""
        return sum(line.amount for line in self.lines)


class Marks(NamedTuple):
    """How a bank says in a line's text what the line is: words of fees, and a pattern with one group, the
    business date as YYYYMMDD or YYYY-MM-DD; empty where it names none.
    """

    fee: tuple[str, ...]
    settles: str


def checked(statement: Statement) -> Statement:
    """Return the statement. Raises StatementRefused unless its balances are those of its lines and its dates
    are dates, in order, around those of its lines.
    """
    where = Sentence("statement {number!r}", number=printable(statement.number))
    if not is_date(statement.from_date):
        raise StatementRefused(Sentence("{where} begins on no date, written YYYYMMDD", where=where))
    if not is_date(statement.to_date):
        raise StatementRefused(Sentence("{where} ends on no date, written YYYYMMDD", where=where))
    if statement.from_date > statement.to_date:
        raise StatementRefused(
            Sentence("{where} ends on {to_date}, before it begins", where=where, to_date=statement.to_date)
        )
    if not statement.number or not statement.account:
        raise StatementRefused(Sentence("the statement has no account or no number"))
    for line in statement.lines:
        if not statement.from_date <= line.date <= statement.to_date:
            raise StatementRefused(
                Sentence(
                    "line {line} is of {date}, outside the statement's dates", line=line.line, date=line.date
                )
            )
    if statement.opening + statement.moved != statement.closing:
        raise StatementRefused(
            Sentence(
                "{where}: {opening} fen at its beginning and lines of {moved} are not the {closing} at its"
                " end",
                where=where,
                opening=statement.opening,
                moved=statement.moved,
                closing=statement.closing,
            )
        )
    return statement


def fen_of(text: str) -> int:
    """The amount in fen of a text in yuan, as banks write it: `1,234.5`, `-0.01`, `+7`. Raises ValueError."""
    match = _YUAN.fullmatch(text.strip())
    if match is None:
        raise ValueError(Sentence("is no amount in yuan with at most two decimals"))
    sign, whole, cents = match.groups()
    fen = int(whole.replace(",", "")) * 100 + int((cents or "").ljust(2, "0"))
    if fen >= AMOUNT_MAX:
        raise ValueError(Sentence("is larger than any amount of a statement"))
    return -fen if sign == "-" else fen


def date_of(text: str) -> str:
    """The date, YYYYMMDD, of `20261124`, `2026-11-24`, `2026/11/24` or `2026.11.24`. Raises ValueError."""
    match = re.fullmatch(r"([0-9]{4})([-/.]?)([0-9]{2})\2([0-9]{2})", text.strip())
    date = "".join(match.group(1, 3, 4)) if match else ""
    if not is_date(date):
        raise ValueError(Sentence("is no date"))
    return date


def read_value(read: Callable[[str], T], text: str, where: str) -> T:
    """What `read` makes of a text. Raises StatementRefused with the place, never the text."""
    try:
        return read(text)
    except ValueError as error:
        raise StatementRefused(Sentence("{where} {error}", where=where, error=error)) from None


def kind_of(text: str, marks: Marks) -> LineKind:
    """What a line of this text is."""
    return "fee" if any(word in text for word in marks.fee) else "settlement"


def settles_of(texts: Sequence[str], marks: Marks) -> str:
    """The business date that the first of these texts names; empty if none does, or none of the calendar."""
    for text in texts if marks.settles else ():
        match = re.search(marks.settles, text)
        if match is not None:
            try:
                return date_of(match.group(1))
            except ValueError:
                continue
    return ""


def printable(text: str) -> str:
    """A text of the bank as it is kept: numbers of persons and cards masked, control characters as blanks,
    cut after 140 characters.
    """
    shown = "".join(letter if letter.isprintable() else " " for letter in text)
    return masked_numbers(" ".join(shown.split())[:TEXT_MAX])
