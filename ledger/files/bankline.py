"""One line of a bank's day file: text to values and back, by the columns of a layout.

A line's text is as `wire_encoding` has it: characters, or, where widths count bytes, one character a byte. No
streams, no order of lines, no sums: that is `bankfile`. No reason given here repeats a value of a line.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date as day_of
from datetime import timedelta
from functools import lru_cache
from typing import Any, Final, NamedTuple, TypeAlias

from ledger.files.layout import IGNORED, MONEY, TEXTS, Column, Layout, Record
from ledger.rules.dues import KINDS

AMOUNT_MAX: Final = 10**12 - 1
"""What DE 4 can carry, in fen."""
FIGURE_MAX: Final = 10**17 - 1
"""A figure may be repeated in a problem, so none is as long as an identity number."""
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

Fault: TypeAlias = tuple[str, str]
"""A column's name, or nothing, and what is wrong with it."""


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
"""A line's number and text -> the line, or None for one that is not good."""


def wire_encoding(layout: Layout) -> str:
    """The Python codec between a file's bytes and a line's text: where widths count bytes, one that makes
    each byte a character.
    """
    return layout.encoding if layout.separator else "latin-1"


def split(layout: Layout, record: Record, text: str) -> tuple[list[str], str]:
    """Return a line's columns as they stand; or none, and what is wrong with their number or length."""
    if layout.separator:
        raws = text.split(layout.separator)
        wrong = len(raws) != len(record)
        return ([], f"{len(record)} columns expected, {len(raws)} found") if wrong else (raws, "")
    width = sum(column.width for column in record)
    if len(text) != width:
        return [], f"{width} bytes expected, {len(text)} found"
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
    one = rf"[^\x00-\x1f\x7f-\x9f\ud800-\udfff{re.escape(layout.separator)}]"
    times = f"{{0,{COLUMN_CHARACTERS_MAX - 1}}}"
    if not layout.separator:
        one, times = r"[^\x00-\x1f\x7f]", f"{{{column.width}}}"
    return f"{one}{times}" if column.name == IGNORED else f"(?P<{column.name}>{one}{times})"


def number_text(column: Column, number: int, negative: bool) -> str:
    """Return the text of a number, without what fills it up but for zeros: they stand behind the sign."""
    sign = ("-" if negative else column.plus) if column.sign != "none" else ""
    text = f"{number // 100}.{number % 100:02d}" if column.unit == "yuan" else str(number)
    if column.pad == "zero":
        text = text.zfill(column.width - len(sign))
    return text + sign if column.sign == "trailing" else sign + text


def date_text(template: str, date: str) -> str:
    """Return a date (YYYYMMDD) as a format writes it."""
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
    """What one layout makes of the detail lines of a file of one date (YYYYMMDD).

    `take(number, text)` is the BankLine of a good line and None for any other; `faults` says what is wrong.
    """

    def __init__(self, layout: Layout, date: str) -> None:
        self._layout = layout
        self._moments = [_DATE_PART.search(column.format) for column in layout.detail if column.format]
        template = next(found[0] for found in self._moments if found)
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

    def faults(self, text: str) -> list[Fault]:
        """What keeps `take` from taking a line: at least one fault."""
        raws, fault = split(self._layout, self._layout.detail, text)
        if fault:
            return [("", fault)]
        faults = [
            (column.name, reason)
            for column, each, raw in zip(self._layout.detail, self._patterns, raws, strict=True)
            if (reason := self._fault(column, each.fullmatch(raw), raw))
        ]
        # Where each column is good by itself, only the sign is left that does not go with the others.
        return faults or [("amount", "its sign contradicts the code or the state")]

    def text(self, line: BankLine) -> str:
        """The text of a line. Raises ValueError that names a column where the text would not be read back as
        what it is, but for text that the layout has no column for.
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
            raise ValueError(next(name for name, found, given in names if found != given))
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
        """The bank's code and state as they stand in a line -> DE 3, S or R, and the sign to go with them."""
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
        """The one step that a good line takes: a million of them should take seconds."""
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
        """What is wrong with one column; empty if nothing is."""
        if match is None:
            return meant(column)
        value = raw.strip(" ") if column.pad == "blank" else raw
        if column.name == "code" and value not in self._codes:
            return "not one of the layout's codes"
        if column.name == "state":
            return self._state_fault(self._states.get(value))
        if column.name in ("sent_at", "sent_date") and match["day"] not in self._days:
            return "no such date, or not within half a year of the file's"
        if column.name == "amount" and not 0 < number_of(match) <= AMOUNT_MAX:
            return f"not 1 to {AMOUNT_MAX} fen"
        if column.name in _FREE_TEXTS:
            return self._text_fault(column, value)
        return ""

    def _state_fault(self, state: str | None) -> str:
        if state is None:
            return "not one of the layout's states"
        if state == "R" and not self._layout.lists_reversed:
            return "reversed, where the layout says that such lines are left out"
        return ""

    def _text_fault(self, column: Column, value: str) -> str:
        if column.name == "terminal" and not value:
            return "empty"
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
    """Say that a column is not what the layout has there."""
    if not column.name:
        return "not the text that the layout has there"
    if column.format:
        return f"not {column.format}"
    if column.name == "stan":
        return "not 6 digits"
    if column.name in TEXTS:
        return f"not printable text of at most {column.width or COLUMN_CHARACTERS_MAX - 1} characters"
    if column.name not in MONEY:
        return "not a whole number"
    unit = "yuan with two decimals" if column.unit == "yuan" else "whole fen"
    return f"not {unit}" if column.sign == "none" else f"not {unit} with a {column.sign} sign"


def _printable(value: str, encoding: str) -> str:
    """The text that a value's bytes are. Raises ValueError where they are none that can be printed."""
    text = value.encode("latin-1").decode(encoding)
    if any("\x80" <= one <= "\x9f" for one in text):
        raise ValueError
    return text


def _cell(layout: Layout, column: Column, text: str) -> str:
    """A column's text, filled up. Raises ValueError where it does not fit."""
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
    found = _DATE_PART.match(template)
    date_part = found[0] if found else ""
    day, rest = re.escape(date_part), re.escape(template.removeprefix(date_part))
    for part, expression in _MOMENT_PARTS:
        day, rest = day.replace(part, expression), rest.replace(part, expression)
    return f"(?P<day>{day}){rest}" if date_part else rest


def _number_pattern(column: Column) -> str:
    digits_max = len(str(AMOUNT_MAX if column.name == "amount" else FIGURE_MAX))
    whole_max = digits_max - 2 if column.unit == "yuan" else digits_max
    # With zeros in front the digits may be more; the number itself is held against its limit by who reads it.
    digits = "[0-9]{1,255}" if column.pad == "zero" else f"0|[1-9][0-9]{{0,{whole_max - 1}}}"
    cents = r"\.(?P<cents>[0-9]{2})" if column.unit == "yuan" else "(?P<cents>)"
    sign = "(?P<sign>)" if column.sign == "none" else f"(?P<sign>-|{re.escape(column.plus)})"
    number = f"(?P<whole>{digits}){cents}"
    signed = f"{number}{sign}" if column.sign == "trailing" else f"{sign}{number}"
    return f" {{0,64}}{signed} {{0,64}}" if column.pad == "blank" else signed


def _line_pattern(layout: Layout) -> re.Pattern[str]:
    """One pattern for the whole detail line, with all of _GROUPS; those without a column match nothing.

    Where columns have widths, the one number among them is the only one whose pattern does not fix its width:
    so the whole line's length does.
    """
    columns = re.escape(layout.separator).join(pattern(layout, column) for column in layout.detail)
    length = "" if layout.separator else f"(?=.{{{sum(column.width for column in layout.detail)}}}\\Z)"
    lacking = "".join(f"(?P<{name}>)" for name in _GROUPS if f"(?P<{name}>" not in columns)
    return re.compile(f"{length}{columns}{lacking}")


@lru_cache(maxsize=64)
def _days(template: str, date: str) -> Mapping[str, str]:
    """A date as the layout writes it -> YYYYMMDD: of the dates within half a year of the file's, so that one
    without a year means the nearest.
    """
    day, reach = day_of.fromisoformat(date), _HALF_A_YEAR_DAYS
    days = ((day + timedelta(days)).isoformat().replace("-", "") for days in range(-reach, reach + 1))
    return {date_text(template, one): one for one in days}
