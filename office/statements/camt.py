"""Reads a statement of account from ISO 20022 camt.053 (versions 001.02 and 001.08), in XML.

Pure: bytes in, a statement out. The standard library's reader is used behind defusedxml, which refuses a
document type, and with it every entity: there is no bomb to expand and nothing to fetch. Only entries that
are booked count, in CNY. Element names are those of the message's definition.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final
from xml.etree.ElementTree import Element, ParseError  # nosec B405

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

from office.errors import StatementRefused
from office.statements.layout import StatementLayout
from office.statements.statement import (
    LINES_MAX,
    Statement,
    StatementLine,
    checked,
    date_of,
    fen_of,
    kind_of,
    printable,
    read_value,
    settles_of,
)
from qianzhi_errors.sentence import Sentence, listed

_NAMESPACE: Final = re.compile(r"\{urn:iso:std:iso:20022:tech:xsd:camt\.053\.001\.(02|08)\}Document")
_CURRENCY: Final = "CNY"
_AMOUNT: Final = re.compile(r"[0-9]{1,15}(?:\.[0-9]{1,2}0{0,3})?")
"""An amount of the message: no sign and no commas; further decimals only as zeros."""
_SIGNS: Final = {"CRDT": 1, "DBIT": -1}
_OPENING: Final = ("OPBD", "PRCD")
_CLOSING: Final = ("CLBD",)
_DATE_LENGTH: Final = 10


def read_camt(data: bytes, layout: StatementLayout) -> tuple[Statement, ...]:
    """The checked statements of a message, in its order. Raises StatementRefused, which names the element."""
    try:
        root: Element = fromstring(data, forbid_dtd=True)
    except DefusedXmlException as error:
        raise StatementRefused(
            Sentence("a document type or an entity is not taken: {fault}", fault=type(error).__name__)
        ) from None
    except (ParseError, ValueError, LookupError) as error:
        raise StatementRefused(Sentence("is no XML: {fault}", fault=type(error).__name__)) from None
    if not _NAMESPACE.fullmatch(root.tag):
        raise StatementRefused(Sentence("is no camt.053.001.02 or .08"))
    space = root.tag.removesuffix("Document")
    for element in root.iter():
        element.tag = element.tag.removeprefix(space)
    statements = [_statement(element, layout) for element in root.findall("BkToCstmrStmt/Stmt")]
    if not statements:
        raise StatementRefused(Sentence("the message has no statement (Stmt)"))
    return tuple(statements)


def _statement(element: Element, layout: StatementLayout) -> Statement:
    account = _text(element, "Acct/Id/IBAN") or _text(element, "Acct/Id/Othr/Id")
    opening, opened_on, code = _balance(element, _OPENING)
    closing, to_date, _ = _balance(element, _CLOSING)
    lines = tuple(_lines(element, layout))
    # PRCD is dated by the end of the statement before.
    begins = opened_on if code == "OPBD" else min([to_date, *(line.date for line in lines)])
    period = _text(element, "FrToDt/FrDtTm") or _text(element, "FrToDt/FrDt")
    return checked(
        Statement(
            account,
            printable(_text(element, "Id")),
            _date(period, "FrToDt") if period else begins,
            to_date,
            opening,
            closing,
            lines,
        )
    )


def _balance(element: Element, codes: tuple[str, ...]) -> tuple[int, str, str]:
    """The balance of the first of these codes that is there, in fen, its date and its code."""
    for code in codes:
        found = [row for row in element.findall("Bal") if _text(row, "Tp/CdOrPrtry/Cd") == code]
        if len(found) > 1:
            raise StatementRefused(Sentence("there is more than one balance {code}", code=code))
        if found:
            return _amount(found[0], f"Bal {code}"), _date(_when(found[0], "Dt"), f"Bal {code}"), code
    raise StatementRefused(Sentence("there is no balance {codes}", codes=listed(codes, "{first} or {rest}")))


def _lines(element: Element, layout: StatementLayout) -> Iterator[StatementLine]:
    """The booked entries; a pending one or one for information moves no balance."""
    number = 0
    for place, entry in enumerate(element.findall("Ntry"), 1):
        where = Sentence("entry {place} (Ntry)", place=place)
        if (_text(entry, "Sts/Cd") or _text(entry, "Sts")) != "BOOK":
            continue
        number += 1
        if number > LINES_MAX:
            raise StatementRefused(
                Sentence("the statement has more than {lines_max} entries", lines_max=LINES_MAX)
            )
        texts = [text.text or "" for text in entry.iter("Ustrd")]
        texts.append(_text(entry, "AddtlNtryInf"))
        reference = _text(entry, "AcctSvcrRef") or _text(entry, "NtryRef")
        words = " ".join(text.strip() for text in texts if text.strip())
        amount = _amount(entry, where)
        if not amount:
            raise StatementRefused(Sentence("{where} moves nothing", where=where))
        yield StatementLine(
            number,
            _date(_when(entry, "BookgDt"), Sentence("{where}, BookgDt", where=where)),
            amount,
            kind_of(words, layout.line_marks),
            settles_of((words, reference), layout.line_marks),
            printable(reference),
            printable(words),
        )


def _amount(element: Element, where: str) -> int:
    """The signed amount of a balance or an entry, in fen."""
    amount = element.find("Amt")
    sign = _SIGNS.get(_text(element, "CdtDbtInd"))
    if amount is None or sign is None:
        raise StatementRefused(Sentence("{where} has no Amt, or CdtDbtInd is not CRDT or DBIT", where=where))
    if amount.get("Ccy") != _CURRENCY:
        raise StatementRefused(Sentence("{where} is not in {currency}", where=where, currency=_CURRENCY))
    text = (amount.text or "").strip()
    if not _AMOUNT.fullmatch(text):
        raise StatementRefused(Sentence("{where}: Amt is no amount with at most two decimals", where=where))
    whole, point, cents = text.partition(".")
    return sign * fen_of(f"{whole}{point}{cents[:2]}")


def _when(element: Element, name: str) -> str:
    return _text(element, f"{name}/Dt") or _text(element, f"{name}/DtTm")


def _date(text: str, where: str) -> str:
    """The date of an ISO date or date and time. Raises StatementRefused."""
    return read_value(date_of, text[:_DATE_LENGTH], where)


def _text(element: Element, path: str) -> str:
    """The text of the first element of a path, without blanks around it; empty if there is none."""
    return (element.findtext(path) or "").strip()
