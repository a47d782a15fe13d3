"""Reads camt.054.001.08, ISO 20022's notice of what was booked: settlements of batches, and returns.

Pure. A credit is the settlement of one part of a batch: `Btch` names it and its amount, `Chrgs` the fee. A
debit is what the bank took back: each of its transactions has `RtrInf` with the reason. Whatever else the
message books is refused, since it would be passed over. The line of a fault is the number of its entry.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple
from xml.etree.ElementTree import Element  # nosec B405

from collection.errors import FormFault
from collection.forms.iso_reading import amount, count, day_of, fen, message, text
from collection.forms.lines import ReturnLine, StatementLine, of_key
from qianzhi_errors.sentence import Sentence

VERSIONS: Final = ("08",)
_MESSAGE: Final = re.compile(r"(B[0-9]{7})-[0-9]{2}")


class Notice(NamedTuple):
    """What one message books on a day, YYYYMMDD."""

    date: str
    settlements: tuple[StatementLine, ...]
    returns: tuple[ReturnLine, ...]


def read(name: str, content: bytes, account: str = "") -> Notice:
    """Return what a message books. Raises FormFault with the entry and the element at fault, also where the
    message is of another account than the one that is given.
    """
    body = message(name, content, "camt.054.001", VERSIONS, "BkToCstmrDbtCdtNtfctn")
    notices = body.findall("Ntfctn")
    if len(notices) != 1:
        raise FormFault(name, 0, Sentence("needs one notification (Ntfctn)"))
    notice = notices[0]
    settlements: list[StatementLine] = []
    returns: list[ReturnLine] = []
    for line, entry in enumerate(notice.findall("Ntry"), 1):
        if (text(name, line, entry, "Sts/Cd")) != "BOOK":
            raise FormFault(name, line, Sentence("Sts: an entry that is not booked"))
        if text(name, line, entry, "CdtDbtInd") == "CRDT":
            settlements.append(_settlement(name, line, entry))
        else:
            returns.extend(_returns(name, line, entry))
    _hold_totals(name, notice)
    if text(name, 0, notice, "Acct/Id/Othr/Id") != account and account:
        raise FormFault(name, 0, Sentence("Acct: of another account than the settings name"))
    return Notice(
        day_of(name, 0, "CreDtTm", text(name, 0, notice, "CreDtTm")),
        tuple(settlements),
        tuple(returns),
    )


def _settlement(name: str, line: int, entry: Element) -> StatementLine:
    match = _MESSAGE.fullmatch(text(name, line, entry, "NtryDtls/Btch/PmtInfId"))
    if match is None:
        raise FormFault(name, line, Sentence("PmtInfId: no batch of ours"))
    whole = amount(name, line, entry, "NtryDtls/Btch/TtlAmt")
    charged = entry.find("Chrgs") is not None
    fee = amount(name, line, entry, "Chrgs/TtlChrgsAndTaxAmt") if charged else 0
    if amount(name, line, entry, "Amt") not in (whole, whole - fee):
        raise FormFault(name, line, Sentence("Amt: neither the batch's amount, nor that less the fee"))
    return StatementLine(
        match[1],
        text(name, line, entry, "AcctSvcrRef"),
        day_of(name, line, "ValDt", _when(name, line, entry, "ValDt")),
        whole,
        fee,
    )


def _returns(name: str, line: int, entry: Element) -> Iterator[ReturnLine]:
    booked = day_of(name, line, "BookgDt", _when(name, line, entry, "BookgDt"))
    details = entry.findall("NtryDtls/TxDtls")
    total = 0
    for detail in details:
        batch, number = of_key(text(name, line, detail, "Refs/EndToEndId"))
        if not batch:
            raise FormFault(name, line, Sentence("EndToEndId: no line of ours"))
        taken = amount(name, line, detail, "Amt")
        total += taken
        yield ReturnLine(
            batch,
            number,
            text(name, line, detail, "Refs/AcctSvcrRef"),
            text(name, line, detail, "RtrInf/Rsn/Cd"),
            booked,
            taken,
        )
    if not details or total != amount(name, line, entry, "Amt"):
        raise FormFault(name, line, Sentence("Amt: not the sum of its transactions"))


def _when(name: str, line: int, entry: Element, element: str) -> str:
    return text(name, line, entry, f"{element}/Dt", optional=True) or text(
        name, line, entry, f"{element}/DtTm"
    )


def _hold_totals(name: str, notice: Element) -> None:
    """Raise FormFault unless the notification's totals are those of its entries."""
    entries = notice.findall("Ntry")
    amounts = [amount(name, line, entry, "Amt") for line, entry in enumerate(entries, 1)]
    path = "TxsSummry/TtlNtries"
    stated = (
        count(name, 0, path, text(name, 0, notice, f"{path}/NbOfNtries")),
        fen(name, 0, path, text(name, 0, notice, f"{path}/Sum")),
    )
    if stated != (len(amounts), sum(amounts)):
        raise FormFault(name, 0, Sentence("TtlNtries: not what its entries make"))
