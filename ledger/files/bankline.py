"""One line of a bank's day file: text to values and back, by the columns of a layout.

A line's text is in `wire_encoding`: characters, or, where widths count bytes, one character for each byte. No
streams, no order of lines, no sums: those are in `bankfile`. No reason given here repeats a value of a line.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date as day_of
from datetime import timedelta
from functools import lru_cache
from typing import Any, Final, NamedTuple, TypeAlias

from ledger.files.layout import Column, Layout, Record
from ledger.files.layout_file import IGNORED, MONEY, TEXTS
from ledger.rules.dues import KINDS
from qianzhi_errors.sentence import Sentence

AMOUNT_MAX: Final = 10**12 - 1
"""What DE 4 can carry, in fen."""
FIGURE_MAX: Final = 10**17 - 1
"""A problem may repeat a figure, so no figure is as long as an identity number."""
COLUMN_CHARACTERS_MAX: Final = 256
"""No column of a delimited file is longer; text may be one shorter."""

_HALF_A_YEAR_DAYS: Final = 182
_GROUPS: Final = (
    *("terminal", "branch", "day", "hour", "minute", "second", "stan", "rrn", "code", "policy", "due"),
    *("sign", "whole", "cents", "receipt", "state"),
)
_MOMENT_PARTS: Final = (
    ("YYYY", "[0-9]{4}"),
    ("MM", "[0-9]{2}"),
    ("DD", "[0-9]{2}"),
    ("hh", "(?P<hour>[01][0-9]|2[0-3])"),
    ("mm", "(?P<minute>[0-5][0-9])"),
    ("ss", "(?P<second>[0-5][0-9])"),
)
_DATE_PART: Final = re.compile("[YMD][YMD/.-]*[YMD]")
_FREE_TEXTS: Final = ("terminal", "branch", "rrn", "policy", "due", "receipt")

ColumnFault: TypeAlias = tuple[str, str]
"""A column's name, or empty for the whole line, and what is wrong with it."""


class BankLine(NamedTuple):
    """One transaction that the bank holds as done or reversed.

    `line` counts from 1 in the file; `sent_at` YYYYMMDDhhmmss; `code` DE 3, a key of
    ledger.rules.dues.KINDS; `amount` in fen, from 1; `state` S or R. Text that the layout has no column
    for is empty.
    """

    line: int
    terminal: str
    branch: str
    sent_at: str
    stan: str
    rrn: str
    code: str
    policy: str
    due: str
    amount: int
    receipt: str
    state: str


Take: TypeAlias = Callable[[int, str], BankLine | None]
"""A function of a line's number and text that returns the line, or None for a line that is not good."""


def wire_encoding(layout: Layout) -> str:
    """Return the Python codec between a file's bytes and a line's text. Where widths count bytes, it makes
    each byte a character.
    """
    return layout.encoding if layout.separator else "latin-1"


def split(layout: Layout, record: Record, text: str) -> tuple[list[str], str]:
    """Return a line's columns unchanged; or none, and what is wrong with their number or length."""
    if layout.separator:
        raws = text.split(layout.separator)
        if len(raws) != len(record):
            return [], Sentence(
                "{expected} columns expected, {actual} found", expected=len(record), actual=len(raws)
            )
        return raws, ""
    width = sum(column.width for column in record)
    if len(text) != width:
        return [], Sentence("{expected} bytes expected, {actual} found", expected=width, actual=len(text))
    raws, at = [], 0
    for column in record:
        raws.append(text[at : at + column.width])
        at += column.width
    return raws, ""


def pattern(layout: Layout, column: Column) -> str:
    """Return the regular expression of a column as it stands in a line, its values in named groups."""
    if not column.name:
        return re.escape(_cell(layout, column, column.literal))
    if column.name == "stan":
        return "(?P<stan>[0-9]{6})"
    if column.format:
        return _moment_pattern(column.format)
    if column.name not in TEXTS:
        return _number_pattern(column)
    # Blanks around a value are taken off afterwards: a pattern cannot count them together with the value.
    character = rf"[^\x00-\x1f\x7f-\x9f\ud800-\udfff{re.escape(layout.separator)}]"
    times = f"{{0,{COLUMN_CHARACTERS_MAX - 1}}}"
    if not layout.separator:
        character, times = r"[^\x00-\x1f\x7f]", f"{{{column.width}}}"
    return f"{character}{times}" if column.name == IGNORED else f"(?P<{column.name}>{character}{times})"


def number_text(column: Column, number: int, negative: bool) -> str:
    """Return the text of a number, with leading zeros behind its sign, without blanks."""
    sign = ("-" if negative else column.plus) if column.sign != "none" else ""
    text = f"{number // 100}.{number % 100:02d}" if column.unit == "yuan" else str(number)
    if column.pad == "zero":
        text = text.zfill(column.width - len(sign))
    return text + sign if column.sign == "trailing" else sign + text


def date_text(template: str, date: str) -> str:
    """Return a date (YYYYMMDD) in the form of a layout."""
    return template.replace("YYYY", date[:4]).replace("MM", date[4:6]).replace("DD", date[6:])


def join(layout: Layout, record: Record, texts: Mapping[str, str]) -> str:
    """Return a record's text. Raises ValueError that names the column whose text its encoding or width cannot
    hold.
    """
    cells = []
    for column in record:
        try:
            cells.append(_cell(layout, column, texts.get(column.name, "") if column.name else column.literal))
        except ValueError as error:
            raise ValueError(column.name) from error
    return layout.separator.join(cells)


class Lines:
    """The detail lines of files of one layout and one date (YYYYMMDD): text to BankLine and back.

    `take(number, text)` returns the BankLine of a good line and None for any other; `faults` says what is
    wrong with such a line.
    """

    def __init__(self, layout: Layout, date: str) -> None:
        self._layout = layout
        self._moments = [_DATE_PART.search(column.format) for column in layout.detail if column.format]
        template = next(date_part[0] for date_part in self._moments if date_part)
        self._days = _days(template, date)
        self._day_texts = {day: text for text, day in self._days.items()}
        self._codes = {wire_text(layout, word): code for word, code in layout.codes.items()}
        self._states = {wire_text(layout, word): state for word, state in layout.states.items()}
        # Where several of the bank's words mean the same, the first one is written.
        self._code_words = {code: word for word, code in reversed(list(layout.codes.items()))}
        self._state_words = {state: word for word, state in reversed(list(layout.states.items()))}
        self._lost: dict[str, Any] = {name: "" for name in _FREE_TEXTS if not layout.carries(name)}
        self._amount = next(column for column in layout.detail if column.name == "amount")
        self._patterns = [re.compile(pattern(layout, column)) for column in layout.detail]
        self.take = self._taker()

    def faults(self, text: str) -> list[ColumnFault]:
        """Return why `take` returns None for a line: at least one fault."""
        raws, fault = split(self._layout, self._layout.detail, text)
        if fault:
            return [("", fault)]
        faults = [
            (column.name, reason)
            for column, expression, raw in zip(self._layout.detail, self._patterns, raws, strict=True)
            if (reason := self._fault(column, expression.fullmatch(raw), raw))
        ]
        # Where each column is good by itself, only the sign is left that does not go with the others.
        return faults or [("amount", "its sign contradicts the code or the state")]

    def text(self, line: BankLine) -> str:
        """Return the text of a line; values without a column are lost. Raises ValueError with
        a column's name where the text would not be read back as the same line.
        """
        layout = self._layout
        texts: dict[str, str] = line._asdict()
        texts["code"] = self._code_words.get(line.code, "")
        texts["state"] = self._state_words.get(line.state, "")
        texts["amount"] = number_text(self._amount, line.amount, self._has_minus(line.code, line.state))
        texts |= self._moment_texts(line.sent_at)
        text = join(layout, layout.detail, texts)
        again = self.take(line.line, text)
        expected = line._replace(**self._lost)
        if again is None:
            raise ValueError(self.faults(text)[0][0])
        if again != expected:
            names = zip(BankLine._fields, again, expected, strict=True)
            raise ValueError(next(name for name, value, wanted in names if value != wanted))
        return text

    def _moment_texts(self, sent_at: str) -> dict[str, str]:
        parts = {"hh": sent_at[8:10], "mm": sent_at[10:12], "ss": sent_at[12:]}
        texts = {}
        for column, date_part in zip(
            (column for column in self._layout.detail if column.format), self._moments, strict=True
        ):
            # The time first: a date's text holds no letter that a format does.
            text = column.format
            for part, value in parts.items():
                text = text.replace(part, value)
            day = self._day_texts.get(sent_at[:8], "")
            texts[column.name] = text.replace(date_part[0], day) if date_part else text
        return texts

    def _has_minus(self, code: str, state: str) -> bool:
        minus = self._amount.minus
        return {"reversed": state == "R", "payout": KINDS.get(code) == "benefit"}.get(
            minus, minus == "collection" and KINDS.get(code) == "premium"
        )

    def _rules(self) -> dict[tuple[str, str], tuple[str, str, str]]:
        """Return a mapping of the bank's code and state to DE 3, S or R, and the sign of the amount."""
        states = self._states if self._layout.carries("state") else {"": "S"}
        return {
            (word, state_word): (code, state, self._sign(code, state))
            for word, code in self._codes.items()
            for state_word, state in states.items()
            if state == "S" or self._layout.lists_reversed
        }

    def _sign(self, code: str, state: str) -> str:
        return "-" if self._has_minus(code, state) else self._amount.plus

    def _taker(self) -> Take:
        """Return `take`: one step for a good line, because a million lines have to take seconds."""
        layout = self._layout
        fullmatch = _line_pattern(layout).fullmatch
        rules, days = self._rules(), self._days
        blanks = {column.name for column in layout.detail if column.pad == "blank"}
        tidy = [name in blanks for name in _GROUPS] if blanks else None
        encoding = "" if layout.separator else layout.encoding

        def take(number: int, text: str) -> BankLine | None:
            match = fullmatch(text)
            if match is None:
                return None
            values: Sequence[str] = match.group(*_GROUPS)
            if tidy:
                values = [
                    value.strip(" ") if blank else value for value, blank in zip(values, tidy, strict=True)
                ]
            (terminal, branch, day, hour, minute, second, stan, rrn, code, policy, due,
             sign, whole, cents, receipt, state) = values  # fmt: skip
            try:
                code, state, expected_sign = rules[code, state]
                sent_at = days[day] + hour + minute + second
            except KeyError:
                return None
            amount = int(whole + cents)
            if sign != expected_sign or not terminal or not 0 < amount <= AMOUNT_MAX:
                return None
            if encoding and not text.isascii():
                try:
                    terminal, branch, rrn, policy, due, receipt = (
                        _printable(value, encoding) for value in (terminal, branch, rrn, policy, due, receipt)
                    )
                except ValueError:
                    return None
            return BankLine(
                number, terminal, branch, sent_at, stan, rrn, code, policy, due, amount, receipt, state
            )

        return take

    def _fault(self, column: Column, match: re.Match[str] | None, raw: str) -> str:
        """Return what is wrong with one column; empty if it is good."""
        if match is None:
            return meant(column)
        value = raw.strip(" ") if column.pad == "blank" else raw
        if column.name == "code" and value not in self._codes:
            return Sentence("not one of the layout's codes")
        if column.name == "state":
            return self._state_fault(self._states.get(value))
        if column.name in ("sent_at", "sent_date") and match["day"] not in self._days:
            return Sentence("no such date, or not within half a year of the file's")
        if column.name == "amount" and not 0 < number_of(match) <= AMOUNT_MAX:
            return Sentence("not 1 to {most} fen", most=AMOUNT_MAX)
        if column.name in _FREE_TEXTS:
            return self._text_fault(column, value)
        return ""

    def _state_fault(self, state: str | None) -> str:
        if state is None:
            return Sentence("not one of the layout's states")
        if state == "R" and not self._layout.lists_reversed:
            return Sentence("reversed, where the layout says that such lines are left out")
        return ""

    def _text_fault(self, column: Column, value: str) -> str:
        if column.name == "terminal" and not value:
            return Sentence("empty")
        if not self._layout.separator:
            try:
                _printable(value, self._layout.encoding)
            except ValueError:
                return meant(column)
        return ""


def wire_text(layout: Layout, text: str) -> str:
    """Return a text as it stands in a line. Raises UnicodeEncodeError."""
    return text if layout.separator else text.encode(layout.encoding).decode("latin-1")


def number_of(match: re.Match[str]) -> int:
    """Return the number that a number's pattern matched, in fen or in lines, without its sign."""
    return int(match["whole"] + match["cents"])


def meant(column: Column) -> str:
    """Return the reason that a column is not in the form of the layout."""
    if not column.name:
        return Sentence("not the text that the layout has there")
    if column.format:
        return Sentence("not {format}", format=column.format)
    if column.name == "stan":
        return Sentence("not 6 digits")
    if column.name in TEXTS:
        return Sentence(
            "not printable text of at most {most} characters", most=column.width or COLUMN_CHARACTERS_MAX - 1
        )
    if column.name not in MONEY:
        return Sentence("not a whole number")
    unit = Sentence("yuan with two decimals") if column.unit == "yuan" else Sentence("whole fen")
    match column.sign:
        case "leading":
            return Sentence("not {unit} with a leading sign", unit=unit)
        case "trailing":
            return Sentence("not {unit} with a trailing sign", unit=unit)
    return Sentence("not {unit}", unit=unit)


def _printable(value: str, encoding: str) -> str:
    """Return a value's bytes as text. Raises ValueError where they are no printable text."""
    text = value.encode("latin-1").decode(encoding)
    if any("\x80" <= character <= "\x9f" for character in text):
        raise ValueError
    return text


def _cell(layout: Layout, column: Column, text: str) -> str:
    """Return a column's text, padded to its width. Raises ValueError where it does not fit."""
    if layout.separator:
        return text
    text = wire_text(layout, text)
    if column.pad == "blank":
        number = column.name in MONEY or column.name == "count"
        text = text.rjust(column.width) if number else text.ljust(column.width)
    if len(text) != column.width:
        raise ValueError("too long, or too short where nothing fills it up")
    return text


def _moment_pattern(template: str) -> str:
    match = _DATE_PART.match(template)
    date_part = match[0] if match else ""
    day, rest = re.escape(date_part), re.escape(template.removeprefix(date_part))
    for part, expression in _MOMENT_PARTS:
        day, rest = day.replace(part, expression), rest.replace(part, expression)
    return f"(?P<day>{day}){rest}" if date_part else rest


def _number_pattern(column: Column) -> str:
    digits_max = len(str(AMOUNT_MAX if column.name == "amount" else FIGURE_MAX))
    whole_max = digits_max - 2 if column.unit == "yuan" else digits_max
    # With leading zeros the digits may be more; `number_of` is compared with the limit afterwards.
    digits = "[0-9]{1,255}" if column.pad == "zero" else f"0|[1-9][0-9]{{0,{whole_max - 1}}}"
    cents = r"\.(?P<cents>[0-9]{2})" if column.unit == "yuan" else "(?P<cents>)"
    sign = "(?P<sign>)" if column.sign == "none" else f"(?P<sign>-|{re.escape(column.plus)})"
    number = f"(?P<whole>{digits}){cents}"
    signed = f"{number}{sign}" if column.sign == "trailing" else f"{sign}{number}"
    return f" {{0,64}}{signed} {{0,64}}" if column.pad == "blank" else signed


def _line_pattern(layout: Layout) -> re.Pattern[str]:
    """One pattern for the whole detail line, with all of _GROUPS; those without a column match nothing.

    Where columns have widths, the pattern of the one number does not fix its width, so the length of the
    whole line is fixed instead.
    """
    columns = re.escape(layout.separator).join(pattern(layout, column) for column in layout.detail)
    length = "" if layout.separator else f"(?=.{{{sum(column.width for column in layout.detail)}}}\\Z)"
    lacking = "".join(f"(?P<{name}>)" for name in _GROUPS if f"(?P<{name}>" not in columns)
    return re.compile(f"{length}{columns}{lacking}")


@lru_cache(maxsize=64)
def _days(template: str, date: str) -> Mapping[str, str]:
    """Return a mapping of dates as the layout writes them to YYYYMMDD. It holds the dates within half a year
    of the file's, so that a date without a year means the nearest one.
    """
    day, reach = day_of.fromisoformat(date), _HALF_A_YEAR_DAYS
    days = ((day + timedelta(days)).isoformat().replace("-", "") for days in range(-reach, reach + 1))
    return {date_text(template, text): text for text in days}
