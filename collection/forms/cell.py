"""One value of a file: its text in a form's way, and back.

Pure. The value of a number is digits, of money fen, of a date YYYYMMDD, of a moment YYYYMMDDhhmmss. No reason
given here repeats a value.
"""

from __future__ import annotations

import re
from datetime import date, time
from typing import Final

from collection.forms.form_file import DATES, MOMENT, MONEY, NUMBERS, Column
from qianzhi_errors.sentence import Sentence

TEXT_MAX: Final = 140
"""Characters of a text; ISO 20022 has no longer remittance text either."""
_OPTIONAL: Final = frozenset({"value_date", "signed_on"})
"""Dates that a line may have none of."""
_UNPRINTABLE: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufffe\uffff]")
_NUMBER: Final = re.compile(r"0|[1-9][0-9]{0,16}")
_PADDED: Final = re.compile(r"[0-9]{1,17}")
_YUAN: Final = re.compile(r"(0|[1-9][0-9]{0,14})\.([0-9]{2})")
_PADDED_YUAN: Final = re.compile(r"([0-9]{1,15})\.([0-9]{2})")
_PARTS: Final = (("YYYY", 0, 4), ("MM", 4, 6), ("DD", 6, 8), ("hh", 8, 10), ("mm", 10, 12), ("ss", 12, 14))


def text_of(column: Column, value: str) -> str:
    """Return a value as it stands in a file, not yet filled up to a width. Raises ValueError."""
    if column.name in MONEY and column.unit == "yuan":
        yuan, fen = divmod(int(value), 100)
        return f"{yuan}.{fen:02d}"
    if column.template and value:
        text = column.template
        for part, start, stop in _PARTS:
            text = text.replace(part, value[start:stop])
        if value_of(column, text) != value:
            raise ValueError(_meant(column))
        return text
    if column.name not in NUMBERS and column.name not in MONEY:
        check_text(value)
    return value


def check_text(value: str) -> None:
    """Raise ValueError for a text that no file can say: too long, unprintable, or with blanks around it."""
    if len(value) > TEXT_MAX:
        raise ValueError(Sentence("longer than {most} characters", most=TEXT_MAX))
    if _UNPRINTABLE.search(value):
        raise ValueError(Sentence("has a character that cannot be printed"))
    if value != value.strip():
        raise ValueError(Sentence("has blanks around it"))


def value_of(column: Column, text: str, *, padded: bool = False) -> str:
    """Return the value of a text, whose filling has been taken off. Raises ValueError with the reason."""
    name = column.name
    if not name:
        if text != column.literal:
            raise ValueError(Sentence("not the text that the form has there"))
        return ""
    if name in NUMBERS or name in MONEY:
        return _number(column, text, padded)
    if name in DATES or name == MOMENT:
        return _date(column, text)
    check_text(text)
    return text


def _number(column: Column, text: str, padded: bool) -> str:
    if text.startswith("-"):
        raise ValueError(Sentence("is negative"))
    if column.name in MONEY and column.unit == "yuan":
        match = (_PADDED_YUAN if padded else _YUAN).fullmatch(text)
        if match is None:
            raise ValueError(Sentence("not yuan with two decimals"))
        return str(int(match[1] + match[2]))
    if not (_PADDED if padded else _NUMBER).fullmatch(text):
        raise ValueError(Sentence("not a number in digits"))
    return str(int(text))


def _date(column: Column, text: str) -> str:
    if not text and column.name in _OPTIONAL:
        return ""
    template = column.template
    if len(text) != len(template):
        raise ValueError(_meant(column))
    digits = ""
    for part, _start, _stop in _PARTS:
        at = template.find(part)
        digits += text[at : at + len(part)] if at >= 0 else ""
    if not re.fullmatch("[0-9]{8}(?:[0-9]{6})?", digits) or _filled(template, digits) != text:
        raise ValueError(_meant(column))
    try:
        date(int(digits[:4]), int(digits[4:6]), int(digits[6:8]))
        if digits[8:]:
            time(int(digits[8:10]), int(digits[10:12]), int(digits[12:14]))
    except ValueError:
        raise ValueError(_meant(column)) from None
    return digits


def _filled(template: str, digits: str) -> str:
    for part, start, stop in _PARTS:
        template = template.replace(part, digits[start:stop])
    return template


def _meant(column: Column) -> str:
    return Sentence("not a date as {format}", format=column.template)
