"""Reads pain.002, ISO 20022's answer to a pain.008: what became of a message, and of each transaction.

Pure. Versions 001.10 (the companion of pain.008.001.08) to 001.12, whose elements are the same here. A line's
code is the reason of a refused transaction, and the status of any other; a reason beside a status that is no
refusal makes a code that no table knows. The line of a fault is the number of its transaction.
"""

from __future__ import annotations

import re
from typing import Final
from xml.etree.ElementTree import Element  # nosec B405

from collection.errors import FormFault
from collection.forms.iso_reading import amount, count, day_of, fen, message, text
from collection.forms.lines import Record, Records
from qianzhi_errors.sentence import Sentence

VERSIONS: Final = ("10", "11", "12")
DONE: Final = frozenset({"ACSC", "ACCC"})
_MESSAGE: Final = re.compile(r"(B[0-9]{7})-([0-9]{2})")
_GROUP: Final = "OrgnlGrpInfAndSts"
_PAYMENT: Final = "OrgnlPmtInfAndSts"
_TRANSACTION: Final = "TxInfAndSts"
_REFUSED: Final = "RJCT"


def read(name: str, content: bytes) -> Records:
    """Return the records of a message. Raises FormFault with the transaction and the element at fault."""
    report = message(name, content, "pain.002.001", VERSIONS, "CstmrPmtStsRpt")
    group = report.find(_GROUP)
    if group is None:
        raise FormFault(name, 0, Sentence("{column}: {reason}", column=_GROUP, reason=Sentence("is missing")))
    edge = _edge(name, group)
    lines: list[Record] = []
    for payment in report.findall(_PAYMENT):
        if text(name, 0, payment, "OrgnlPmtInfId") != text(name, 0, group, "OrgnlMsgId"):
            raise FormFault(name, 0, Sentence("OrgnlPmtInfId: of another message"))
        for transaction in payment.findall(_TRANSACTION):
            lines.append(Record(len(lines) + 1, _transaction(name, len(lines) + 1, transaction)))
    return Records(edge, tuple(lines))


def _edge(name: str, group: Element) -> dict[str, str]:
    match = _MESSAGE.fullmatch(text(name, 0, group, "OrgnlMsgId"))
    if match is None or not text(name, 0, group, "OrgnlMsgNmId").startswith("pain.008.001."):
        raise FormFault(name, 0, Sentence("answers no message of ours"))
    status = text(name, 0, group, "GrpSts")
    edge = {
        "batch": match[1],
        "part": str(int(match[2])),
        "file_code": "/".join(filter(None, (status, _reason(name, 0, group)))),
        "asked_count": str(count(name, 0, "OrgnlNbOfTxs", text(name, 0, group, "OrgnlNbOfTxs"))),
        "asked_amount": str(fen(name, 0, "OrgnlCtrlSum", text(name, 0, group, "OrgnlCtrlSum"))),
    }
    return edge | _sums(name, group)


def _sums(name: str, group: Element) -> dict[str, str]:
    """Return what the message states about the transactions by their status, where it does."""
    stated = group.findall("NbOfTxsPerSts")
    sums = {"done_count": 0, "done_amount": 0, "failed_count": 0, "failed_amount": 0}
    for element in stated:
        way = "done" if text(name, 0, element, "DtldSts") in DONE else "failed"
        sums[f"{way}_count"] += count(name, 0, "DtldNbOfTxs", text(name, 0, element, "DtldNbOfTxs"))
        sums[f"{way}_amount"] += fen(name, 0, "DtldCtrlSum", text(name, 0, element, "DtldCtrlSum"))
    return {column: str(value) for column, value in sums.items()} if stated else {}


def _transaction(name: str, line: int, element: Element) -> dict[str, str]:
    status = text(name, line, element, "TxSts")
    reason = _reason(name, line, element)
    settled = text(name, line, element, "OrgnlTxRef/IntrBkSttlmDt", optional=True)
    values = {
        "key": text(name, line, element, "OrgnlEndToEndId"),
        "code": (reason or status) if status == _REFUSED else "/".join(filter(None, (status, reason))),
        "text": text(name, line, element, "StsRsnInf/AddtlInf", optional=True),
        "reference": text(name, line, element, "AcctSvcrRef", optional=True),
        "value_date": day_of(name, line, "IntrBkSttlmDt", settled) if settled else "",
        "amount": str(amount(name, line, element, "OrgnlTxRef/Amt/InstdAmt")),
    }
    if reason in DONE:
        raise FormFault(name, line, Sentence("StsRsnInf: a status, where a reason stands"))
    if account := text(name, line, element, "OrgnlTxRef/DbtrAcct/Id/Othr/Id", optional=True):
        values["account"] = account
    return values


def _reason(name: str, line: int, element: Element) -> str:
    return text(name, line, element, "StsRsnInf/Rsn/Cd", optional=True) or text(
        name, line, element, "StsRsnInf/Rsn/Prtry", optional=True
    )
