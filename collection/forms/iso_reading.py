"""What pain.002 and camt.054 have in common for a reader: the message, its texts, amounts and days.

Pure. Namespaces are taken off once; an amount is CNY with at most two decimals. What an element of one
message means is in `pain002` and `camt054`.
"""

from __future__ import annotations

import re
from datetime import date
from typing import Final
from xml.etree.ElementTree import Element  # nosec B405

from collection.errors import FormFault
from collection.forms.cell import check_text
from collection.forms.pain008 import CURRENCY
from collection.forms.xml_reading import parsed
from qianzhi_errors.sentence import Sentence

_AMOUNT: Final = re.compile(r"([0-9]{1,15})(?:\.([0-9]{1,2})0{0,3})?")
_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_COUNT: Final = re.compile(r"[0-9]{1,15}")
_DAY_LENGTH: Final = 10


def message(name: str, content: bytes, definition: str, versions: tuple[str, ...], body: str) -> Element:
    """Return the message's own element `body`. Raises FormFault for another message or version."""
    root = parsed(name, content, "utf-8")
    space = re.fullmatch(
        rf"\{{urn:iso:std:iso:20022:tech:xsd:{re.escape(definition)}\.(\d\d)\}}Document", root.tag
    )
    if space is None or space[1] not in versions:
        raise FormFault(name, 0, Sentence("is no {definition}", definition=definition))
    prefix = root.tag.removesuffix("Document")
    for element in root.iter():
        element.tag = element.tag.removeprefix(prefix)
    found = root.findall(body)
    if len(root) != 1 or len(found) != 1:
        raise FormFault(name, 0, Sentence("{column}: {reason}", column=body, reason=_MISSING))
    return found[0]


_MISSING: Final = Sentence("is missing, or not in its place")


def text(name: str, line: int, element: Element, path: str, *, optional: bool = False) -> str:
    """Return the text of the one element of a path, empty where an optional one is missing."""
    found = element.findall(path)
    if optional and not found:
        return ""
    try:
        if len(found) != 1 or len(found[0]):
            raise ValueError(_MISSING)
        value = (found[0].text or "").strip()
        check_text(value)
    except ValueError as error:
        raise FormFault(name, line, Sentence("{column}: {reason}", column=path, reason=str(error))) from None
    return value


def amount(name: str, line: int, element: Element, path: str) -> int:
    """Return an amount in CNY as fen."""
    value = text(name, line, element, path)
    found = element.find(path)
    if found is not None and found.get("Ccy") != CURRENCY:
        why = Sentence("{column}: not in {currency}", column=path, currency=CURRENCY)
        raise FormFault(name, line, why)
    return fen(name, line, path, value)


def fen(name: str, line: int, path: str, value: str) -> int:
    """Return a decimal number of yuan as fen."""
    if value.startswith("-"):
        raise FormFault(
            name, line, Sentence("{column}: {reason}", column=path, reason=Sentence("is negative"))
        )
    match = _AMOUNT.fullmatch(value)
    if match is None:
        why = Sentence("not yuan with two decimals")
        raise FormFault(name, line, Sentence("{column}: {reason}", column=path, reason=why))
    return int(match[1]) * 100 + int((match[2] or "").ljust(2, "0"))


def count(name: str, line: int, path: str, value: str) -> int:
    """Return a number of things."""
    if not _COUNT.fullmatch(value):
        why = Sentence("not a number in digits")
        raise FormFault(name, line, Sentence("{column}: {reason}", column=path, reason=why))
    return int(value)


def day_of(name: str, line: int, path: str, value: str) -> str:
    """Return an ISO date, or the date of an ISO moment, as YYYYMMDD."""
    given = value[:_DAY_LENGTH]
    try:
        if not _DAY.fullmatch(given):
            raise ValueError
        date.fromisoformat(given)
    except ValueError:
        why = Sentence("not a date as {format}", format="YYYY-MM-DD")
        raise FormFault(name, line, Sentence("{column}: {reason}", column=path, reason=why)) from None
    return given.replace("-", "")
