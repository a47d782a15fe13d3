"""The file of holdings is read whole or refused, and no fault repeats a value of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from customers.errors import LoadFileError
from customers.load_file import HEADER, parse, write
from customers.load_rows import (
    AgentRow,
    ConsentRow,
    ContactRow,
    EndedHolding,
    Holding,
    LeftRow,
    ServingRow,
    WithdrawnRow,
)
from customers.rules.contact import ContactKind
from customers.rules.contact_states import Purpose
from customers.rules.person import Role
from ledger.rules.identity import Document

ZHANG = Document("resident", "11010119900307803X")
LI = Document("passport", "E12345678")
ROWS = (
    Holding(2, "P1", Role.HOLDER, "张三, 丰", ZHANG, "20170301"),
    Holding(3, "P1", Role.INSURED, "Li Si", LI, "20170301"),
    Holding(4, "P2", Role.PAYER, "Li Si", LI, "20180401"),
)
GONE = (EndedHolding(5, "P3", Role.HOLDER, ZHANG, "20261123"),)
OTHERS = (
    ContactRow(6, ZHANG, ContactKind.MOBILE, "13800138000", "20261101"),
    ContactRow(7, ZHANG, ContactKind.POST, "上海市黄浦区示例路1号, 2楼", ""),
    AgentRow(8, "A1", "Wang, Wu", "Shanghai", "021-5550"),
    LeftRow(9, "A2", "20261120"),
    ServingRow(10, "P1", "A1", "20200101"),
    ConsentRow(11, ZHANG, Purpose.NOTICE, "20261101", "ab" * 32),
    WithdrawnRow(12, LI, Purpose.DEBIT, "20261102", "cd" * 32),
)
GOOD = b"".join(write("20261124", (*ROWS, *GONE, *OTHERS)))
NO_CONTACT = "not a telephone number, e-mail address or other contact of its kind"


def faults(data: bytes) -> list[str]:
    with pytest.raises(LoadFileError) as refused:
        parse(data)
    return [str(problem) for problem in refused.value.problems]


def test_what_is_written_is_read_back() -> None:
    file = parse(GOOD)
    assert (file.date, file.rows, file.persons) == ("20261124", (*ROWS, *GONE, *OTHERS), 2)
    assert (file.of(Holding), file.of(ServingRow)) == (ROWS, OTHERS[4:5])
    assert parse(b"\xef\xbb\xbf" + GOOD.replace(b"\n", b"\r\n")).rows == file.rows


@given(st.integers(0, len(GOOD) - 1))
def test_a_file_that_was_cut_anywhere_is_refused(length: int) -> None:
    with pytest.raises(LoadFileError):
        parse(GOOD[:length])


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        (b"policy,role", b"role,policy", f"line 1: the header must be {HEADER}"),
        (b"P1,holder", b"p1,holder", "line 2, policy: not 1 to 24 of A-Z, 0-9 and -"),
        (b"P1,holder", b"P1,owner", "line 2, role: not one of holder, insured, beneficiary, payer"),
        (
            b"resident:11010119900307803X,2017",
            b"11010119900307804X,2017",
            "line 2, document: not a valid document number of its kind",
        ),
        (b"Li Si", b" Li Si", "line 3, name: not a name of 1 to 120 printable characters"),
        (b"20180401", b"20180431", "line 4, from: not a date, YYYYMMDD"),
        (b"20180401", b"20180401,x", "line 4: 5 columns expected, 6 found"),
        (b"20180401", b'"20180401', "line 4: quotes that do not match"),
        (b"20180401", b"\xff", "line 4: not UTF-8"),
        (b"20180401", b"x" * 1100, "line 4: longer than 1024 bytes"),
        (
            b"P2,payer,Li Si",
            b"P2,payer,Li Sj",
            "line 4, name: another row has another name for this document",
        ),
        (b"P2,payer", b"P1,insured", "line 4: this holding has another row"),
        (b"P2,payer", b"P1,holder", "line 4, role: the policy has a holder in another row"),
        (b"ENDED,P3", b"ENDED,P1", "line 5: this holding has another row"),
        (
            b"ENDED,P3,holder",
            b"ENDED,P3,owner",
            "line 5, role: not one of holder, insured, beneficiary, payer",
        ),
        (b"TOTAL,20261124", b"TOTAL,20261131", "line 13, date: not a date, YYYYMMDD"),
        (b"20261124,2,", b"20261124,3,", "line 13, persons: 3 stated, 2 counted"),
        (b",3,1,2,2,1,2\n", b",4,1,2,2,1,2\n", "line 13, holdings: 4 stated, 3 counted"),
        (b",3,1,2,2,1,2\n", b",3,2,2,2,1,2\n", "line 13, ended: 2 stated, 1 counted"),
        (b",3,1,2,2,1,2\n", b",3,1,1,2,1,2\n", "line 13, contacts: 1 stated, 2 counted"),
        (b",3,1,2,2,1,2\n", b",3,1,2,3,1,2\n", "line 13, agents: 3 stated, 2 counted"),
        (b",3,1,2,2,1,2\n", b",3,1,2,2,0,2\n", "line 13, serving: 0 stated, 1 counted"),
        (b",3,1,2,2,1,2\n", b",3,1,2,2,1,0\n", "line 13, consents: 0 stated, 2 counted"),
        (b",3,1,2,2,1,2\n", b",3,1\n", "line 13: 9 columns expected, 5 found"),
        (b"1,2\n", b"1,2\nTOTAL,20261124,2,3,1,0,0,0,0\n", "line 14: nothing may follow the TOTAL line"),
        (b"1,2\n", b"1,2", "line 13: has no end: the file was cut short"),
        (b"mobile,13800138000", b"fax,13800138000", "line 6, kind: not one of mobile, email, wechat, post"),
        (b"mobile,13800138000", b"mobile,12800138000", f"line 6, value: {NO_CONTACT}"),
        (b"mobile,13800138000", b"email,13800138000", f"line 6, value: {NO_CONTACT}"),
        (
            b"13800138000,20261101",
            b"13800138000,20261125",
            "line 6, verified: later than the date of the file",
        ),
        (b"13800138000,20261101", b"13800138000,2026", "line 6, verified: not a date, YYYYMMDD"),
        (b"CONTACT,resident:11", b"CONTACT,resident:12", "line 6, document: not a valid document number"),
        (b"13800138000,20261101", b"13800138000", "line 6: 5 columns expected, 4 found"),
        (
            b"AGENT,A1",
            b"CONTACT,resident:11010119900307803X,mobile,+86 138-00138000,\nAGENT,A1",
            "line 8: this contact has another row",
        ),
        (b"AGENT,A1", b"AGENT,A 1", "line 8, agent: not 1 to 24 of A-Z, 0-9 and -"),
        (b"021-5550", b"021-none", "line 8, phone: not a telephone number"),
        (b"LEFT,A2", b"LEFT,A1", "line 9: this agent has another row"),
        (b"LEFT,A2,20261120", b"LEFT,A2,20261125", "line 9, left: later than the date of the file"),
        (b"SERVING,P1,A1,20200101", b"SERVING,P1,A1,2020", "line 10, from: not a date, YYYYMMDD"),
        (
            b"CONSENT,",
            b"SERVING,P1,A2,20200101\nCONSENT,",
            "line 11: another row says who serves this policy",
        ),
        (b",notice,", b",spam,", "line 11, purpose: not one of notice, debit, marketing"),
        (b"abab\n", b"abaB\n", "line 11, evidence: not a SHA-256 of 64 hex digits in small letters"),
        (b"notice,20261101", b"notice,20261125", "line 11, granted: later than the date of the file"),
        (b"debit,20261102", b"debit,20261125", "line 12, withdrawn: later than the date of the file"),
        (
            b"WITHDRAWN,passport:E12345678,debit",
            b"WITHDRAWN,resident:11010119900307803X,notice",
            "line 12: another row has a consent of this person for this purpose",
        ),
    ],
)
def test_a_fault_is_named_with_its_line_and_column(old: bytes, new: bytes, fault: str) -> None:
    assert [line for line in faults(GOOD.replace(old, new, 1)) if line.startswith(fault)]


def test_no_fault_repeats_a_name_or_a_number() -> None:
    wrong = (
        GOOD.replace(b"resident:11010119900307803X", b"resident:11010119900307804X")
        .replace(b"E12345678", b"E1")
        .replace(b"P1,", b"11010119900307803X.,")
        .replace(b"13800138000", b"1380013800")
        .replace(b"021-5550", b"021-none")
    )
    text = "\n".join(faults(wrong))
    assert "line 2" in text
    assert not [value for value in ("110101", "E1", "张三", "Li Si", "138", "021") if value in text]
    assert (repr(ROWS[0]), repr(OTHERS[0])) == ("Holding(line 2)", "ContactRow(line 6)")


def test_spellings_of_a_document_are_one_person() -> None:
    rows = (ROWS[1], ROWS[2]._replace(document=Document("passport", "e-1234 5678")))
    assert parse(b"".join(write("20261124", rows)).replace(b",2,2,0", b",1,2,0")).persons == 1


def test_more_rows_than_a_file_may_have_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("customers.load_file.ROWS_MAX", 3)
    assert "line 6: more than 3 rows: give several files" in faults(GOOD)


def test_the_sample_file_is_one() -> None:
    data = Path(__file__).parents[2].joinpath("samples", "holdings.csv").read_bytes()
    assert len(parse(data).rows) == 16
