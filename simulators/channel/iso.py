"""ISO 20022 as a bank reads and writes it: pain.008.001.08 in, pain.002.001.10 and camt.054.001.08 out.

Pure. Trees of elements are grown by the insurer's writer of pain.008; what the elements mean is the
messages' definition, against whose schemas the tests hold them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final
from xml.etree.ElementTree import Element, SubElement  # nosec B405

from collection.forms.iso_reading import amount, count, day_of, fen, message, text
from collection.forms.lines import Record, Records, ReturnLine, StatementLine, key_of
from collection.forms.pain002 import DONE
from collection.forms.pain008 import CURRENCY, Tree, day, document, grow, message_id, moment, yuan

_REPORT: Final = "urn:iso:std:iso:20022:tech:xsd:pain.002.001.10"
_NOTICE: Final = "urn:iso:std:iso:20022:tech:xsd:camt.054.001.08"
_STATUSES: Final = frozenset({*DONE, "ACCP", "ACSP", "ACTC", "PDNG", "RCVD"})
_AMOUNTS: Final = frozenset({"Amt", "InstdAmt", "TtlAmt", "TtlChrgsAndTaxAmt"})


def request(name: str, content: bytes) -> Records:
    """Return the records of a pain.008. Raises FormFault."""
    body = message(name, content, "pain.008.001", ("08",), "CstmrDrctDbtInitn")
    identity, _, part = text(name, 0, body, "GrpHdr/MsgId").partition("-")
    edge = {
        "batch": identity,
        "part": str(int(part)),
        "date": day_of(name, 0, "ReqdColltnDt", text(name, 0, body, "PmtInf/ReqdColltnDt")),
        "payee_account": text(name, 0, body, "PmtInf/CdtrAcct/Id/Othr/Id"),
        "count": str(count(name, 0, "NbOfTxs", text(name, 0, body, "GrpHdr/NbOfTxs"))),
        "amount": str(fen(name, 0, "CtrlSum", text(name, 0, body, "GrpHdr/CtrlSum"))),
    }
    lines = tuple(
        Record(
            at,
            {
                "key": text(name, at, debit, "PmtId/EndToEndId"),
                "amount": str(amount(name, at, debit, "InstdAmt")),
                "account": text(name, at, debit, "DbtrAcct/Id/Othr/Id"),
            },
        )
        for at, debit in enumerate(body.findall("PmtInf/DrctDbtTxInf"), 1)
    )
    return Records(edge, lines)


def report(records: Records, created_at: str) -> bytes:
    """Return the pain.002 of a request file: the group's status, and its transactions."""
    edge = records.edge
    identity = message_id(edge["batch"], int(edge["part"]))
    status, _, reason = edge["file_code"].partition("/")
    group: Tree = (
        ("OrgnlMsgId", identity),
        ("OrgnlMsgNmId", "pain.008.001.08"),
        ("OrgnlNbOfTxs", edge["asked_count"]),
        ("OrgnlCtrlSum", yuan(int(edge["asked_amount"]))),
        ("GrpSts", status),
        *_reasons(reason),
        *_per_status(records.lines),
    )
    body: Tree = (
        ("GrpHdr", (("MsgId", f"R{identity}"), ("CreDtTm", moment(created_at)))),
        ("OrgnlGrpInfAndSts", group),
    )
    if records.lines:
        transactions: Tree = tuple(("TxInfAndSts", _transaction(line.values)) for line in records.lines)
        body = (*body, ("OrgnlPmtInfAndSts", (("OrgnlPmtInfId", identity), *transactions)))
    return _message(_REPORT, "CstmrPmtStsRpt", body)


def _reasons(reason: str, words: str = "") -> Tree:
    if not reason:
        return ()
    words_tree: Tree = (("AddtlInf", words),) if words else ()
    return (("StsRsnInf", (("Rsn", (("Cd", reason),)), *words_tree)),)


def _status(code: str) -> str:
    return code if code in _STATUSES else "RJCT"


def _per_status(lines: Iterable[Record]) -> Tree:
    sums: dict[str, tuple[int, int]] = {}
    for line in lines:
        lines_so_far, fen_so_far = sums.get(status := _status(line.values["code"]), (0, 0))
        sums[status] = lines_so_far + 1, fen_so_far + int(line.values["amount"])
    return tuple(
        ("NbOfTxsPerSts", (("DtldNbOfTxs", str(number)), ("DtldSts", status), ("DtldCtrlSum", yuan(total))))
        for status, (number, total) in sorted(sums.items())
    )


def _transaction(values: Mapping[str, str]) -> Tree:
    status = _status(values["code"])
    reference: Tree = (("AcctSvcrRef", values["reference"]),) if values["reference"] else ()
    settled: Tree = (("IntrBkSttlmDt", day(values["value_date"])),) if values["value_date"] else ()
    original: Tree = (
        ("Amt", (("InstdAmt", yuan(int(values["amount"]))),)),
        *settled,
        ("DbtrAcct", (("Id", (("Othr", (("Id", values["account"]),)),)),)),
    )
    reason = "" if status == values["code"] else values["code"]
    head: Tree = (("OrgnlEndToEndId", values["key"]), ("TxSts", status))
    return (*head, *_reasons(reason, values["text"]), *reference, ("OrgnlTxRef", original))


def notice(
    account: str, date: str, settlements: Iterable[StatementLine], returns: Iterable[ReturnLine]
) -> bytes:
    """Return the camt.054 of a day: an entry for each settlement, and one for each return."""
    entries = [*map(_settlement, settlements), *map(_return, returns)]
    totals: Tree = (
        ("NbOfNtries", str(len(entries))),
        ("Sum", yuan(sum(fen("", 0, "Amt", str(entry[0][1])) for entry in entries))),
    )
    body: Tree = (
        ("GrpHdr", (("MsgId", f"N{date}"), ("CreDtTm", f"{day(date)}T06:00:00"))),
        (
            "Ntfctn",
            (
                ("Id", f"N{date}"),
                ("CreDtTm", f"{day(date)}T06:00:00"),
                ("Acct", (("Id", (("Othr", (("Id", account),)),)),)),
                ("TxsSummry", (("TtlNtries", totals),)),
                *(("Ntry", entry) for entry in entries),
            ),
        ),
    )
    return _message(_NOTICE, "BkToCstmrDbtCdtNtfctn", body)


def _settlement(line: StatementLine) -> Tree:
    group: Tree = (("PmtInfId", message_id(line.batch, 1)), ("TtlAmt", yuan(line.amount)))
    charges: Tree = (("Chrgs", (("TtlChrgsAndTaxAmt", yuan(line.fee)),)),) if line.fee else ()
    return (
        ("Amt", yuan(line.amount - line.fee)),
        ("CdtDbtInd", "CRDT"),
        *_booked(line.value_date, line.reference),
        *charges,
        ("NtryDtls", (("Btch", group),)),
    )


def _return(line: ReturnLine) -> Tree:
    details: Tree = (
        ("Refs", (("AcctSvcrRef", line.reference), ("EndToEndId", key_of(line.batch, line.line)))),
        ("Amt", yuan(line.amount)),
        ("CdtDbtInd", "DBIT"),
        ("RtrInf", (("Rsn", (("Cd", line.code),)),)),
    )
    return (
        ("Amt", yuan(line.amount)),
        ("CdtDbtInd", "DBIT"),
        *_booked(line.date, line.reference),
        ("NtryDtls", (("TxDtls", details),)),
    )


def _booked(date: str, reference: str) -> Tree:
    return (
        ("Sts", (("Cd", "BOOK"),)),
        ("BookgDt", (("Dt", day(date)),)),
        ("ValDt", (("Dt", day(date)),)),
        ("AcctSvcrRef", reference),
        ("BkTxCd", (("Prtry", (("Cd", "DD"),)),)),
    )


def _message(namespace: str, name: str, body: Tree) -> bytes:
    root = Element("Document", {"xmlns": namespace})
    grow(SubElement(root, name), body)
    for element in root.iter():
        if element.tag in _AMOUNTS and not len(element):
            element.set("Ccy", CURRENCY)
    return document(root)
