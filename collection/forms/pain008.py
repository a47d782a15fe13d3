"""Writes pain.008.001.08, ISO 20022's request for direct debits, in CNY.

Pure. Accounts are `Othr/Id`, since a Chinese account is no IBAN; banks are named by their CNAPS code. One
message is one part of a batch: message and payment information are called `B0000123-01`, and a transaction's
end-to-end id is the line's key, by which pain.002 and camt.054 name it again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, TypeAlias
from xml.etree.ElementTree import Element, SubElement, indent, tostring  # nosec B405

from collection.errors import FormFault
from collection.forms.cell import check_text
from collection.forms.lines import RequestBatch, RequestLine, key_of
from qianzhi_errors.sentence import Sentence

NAMESPACE: Final = "urn:iso:std:iso:20022:tech:xsd:pain.008.001.08"
CURRENCY: Final = "CNY"
_CLEARING_SYSTEM: Final = "CNAPS"
_SEQUENCE: Final[Mapping[str, str]] = {"first": "FRST", "renewal": "RCUR"}
_ID_MAX: Final = 35
_NAME_MAX: Final = 140
_ACCOUNT_MAX: Final = 34

Tree: TypeAlias = "tuple[tuple[str, str | Tree], ...]"
"""Elements in their order: a name, and a text or the elements within."""


def message_id(batch: str, part: int) -> str:
    """Return what a part of a batch is called in ISO 20022."""
    return f"{batch}-{part:02d}"


def written(name: str, batch: RequestBatch, part: int, lines: tuple[RequestLine, ...]) -> bytes:
    """Return the message of one part of a batch. Raises FormFault with the line and the column that it cannot
    say.
    """
    identity = message_id(batch.batch, part)
    figures: Tree = (("NbOfTxs", str(len(lines))), ("CtrlSum", yuan(sum(line.amount for line in lines))))
    payee = batch.payee
    try:
        party: Tree = (("Nm", _text("payee", payee.name, _NAME_MAX)),)
        debits: Tree = (
            ("PmtInfId", identity),
            ("PmtMtd", "DD"),
            *figures,
            ("ReqdColltnDt", day(batch.date)),
            ("Cdtr", party),
            ("CdtrAcct", _account("payee_account", payee.account)),
            ("CdtrAgt", _agent("payee_bank", payee.bank)),
            ("CdtrSchmeId", (("Id", (("PrvtId", (("Othr", (("Id", _agreement(payee.agreement)),)),)),)),)),
        )
    except ValueError as error:
        raise FormFault(name, 0, str(error)) from None
    root = Element("Document", {"xmlns": NAMESPACE})
    message = SubElement(root, "CstmrDrctDbtInitn")
    header: Tree = (("MsgId", identity), ("CreDtTm", moment(batch.created_at)), *figures, ("InitgPty", party))
    grow(message, (("GrpHdr", header), ("PmtInf", debits)))
    for line in lines:
        try:
            grow(message[1], (("DrctDbtTxInf", _transaction(batch.batch, line)),))
        except ValueError as error:
            raise FormFault(name, line.line, str(error)) from None
    for amount in message.iter("InstdAmt"):
        amount.set("Ccy", CURRENCY)
    return document(root)


def document(root: Element) -> bytes:
    """Return the bytes of a message, an element a line."""
    indent(root, "")
    text: str = tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'.encode()


def grow(element: Element, tree: Tree) -> None:
    """Put elements into an element."""
    for tag, content in tree:
        child = SubElement(element, tag)
        if isinstance(content, str):
            child.text = content
        else:
            grow(child, content)


def _transaction(batch: str, line: RequestLine) -> Tree:
    mandate: Tree = (
        ("MndtId", _text("mandate", line.mandate, _ID_MAX)),
        ("DtOfSgntr", day(_text("signed_on", line.signed_on, _ID_MAX))),
    )
    words = " ".join(filter(None, (line.policy, line.due, line.note)))
    return (
        ("PmtId", (("EndToEndId", key_of(batch, line.line)),)),
        ("PmtTpInf", (("SeqTp", _SEQUENCE[line.kind]),)),
        ("InstdAmt", yuan(line.amount)),
        ("DrctDbtTx", (("MndtRltdInf", mandate),)),
        ("DbtrAgt", _agent("bank", line.bank)),
        ("Dbtr", (("Nm", _text("name", line.name, _NAME_MAX)),)),
        ("DbtrAcct", _account("account", line.account)),
        ("RmtInf", (("Ustrd", _text("note", words, _NAME_MAX)),)),
    )


def _account(column: str, account: str) -> Tree:
    return (("Id", (("Othr", (("Id", _text(column, account, _ACCOUNT_MAX)),)),)),)


def _agent(column: str, bank: str) -> Tree:
    member: Tree = (("ClrSysId", (("Cd", _CLEARING_SYSTEM),)), ("MmbId", _text(column, bank, _ID_MAX)))
    return (("FinInstnId", (("ClrSysMmbId", member),)),)


def _agreement(agreement: str) -> str:
    return _text("agreement", agreement, _ID_MAX)


def _text(column: str, text: str, most: int) -> str:
    """Return a text that an element may hold. Raises ValueError that names the column."""
    try:
        check_text(text)
        if not 0 < len(text) <= most:
            raise ValueError(Sentence("not 1 to {most} characters", most=most))
    except ValueError as error:
        raise ValueError(Sentence("{column}: {reason}", column=column, reason=str(error))) from None
    return text


def yuan(fen: int) -> str:
    """Return an amount in yuan with two decimals."""
    return f"{fen // 100}.{fen % 100:02d}"


def day(date: str) -> str:
    """Return YYYYMMDD as ISO 8601 has it."""
    return f"{date[:4]}-{date[4:6]}-{date[6:]}"


def moment(created_at: str) -> str:
    """Return YYYYMMDDhhmmss as ISO 8601 has it."""
    return f"{day(created_at[:8])}T{created_at[8:10]}:{created_at[10:12]}:{created_at[12:]}"
