"""The file of holdings is read whole or refused, and no fault repeats a value of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from customers.errors import LoadFileError
from customers.load_file import HEADER, EndedHolding, Holding, parse, write
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
GOOD = b"".join(write("20261124", ROWS, GONE))


def faults(data: bytes) -> list[str]:
    with pytest.raises(LoadFileError) as refused:
        parse(data)
    return [str(problem) for problem in refused.value.problems]


def test_what_is_written_is_read_back() -> None:
    file = parse(GOOD)
    assert (file.date, file.holdings, file.ended, file.persons) == ("20261124", ROWS, GONE, 2)
    assert parse(b"\xef\xbb\xbf" + GOOD.replace(b"\n", b"\r\n")).holdings == ROWS


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
        (b"TOTAL,20261124", b"TOTAL,20261131", "line 6, date: not a date, YYYYMMDD"),
        (b"20261124,2,", b"20261124,3,", "line 6, persons: 3 stated, 2 counted"),
        (b",3,1\n", b",4,1\n", "line 6, holdings: 4 stated, 3 counted"),
        (b",3,1\n", b",3,2\n", "line 6, ended: 2 stated, 1 counted"),
        (b",3,1\n", b",3,1\nTOTAL,20261124,2,3,1\n", "line 7: nothing may follow the TOTAL line"),
        (b",3,1\n", b",3,1", "line 6: has no end: the file was cut short"),
    ],
)
def test_a_fault_is_named_with_its_line_and_column(old: bytes, new: bytes, fault: str) -> None:
    assert fault in faults(GOOD.replace(old, new, 1))


def test_no_fault_repeats_a_name_or_a_number() -> None:
    wrong = (
        GOOD.replace(b"resident:11010119900307803X", b"resident:11010119900307804X")
        .replace(b"E12345678", b"E1")
        .replace(b"P1,", b"11010119900307803X.,")
    )
    text = "\n".join(faults(wrong))
    assert "line 2" in text
    assert not [value for value in ("110101", "E1", "张三", "Li Si") if value in text]
    assert repr(ROWS[0]) == "Holding(line 2)"


def test_spellings_of_a_document_are_one_person() -> None:
    rows = (ROWS[1], ROWS[2]._replace(document=Document("passport", "e-1234 5678")))
    assert parse(b"".join(write("20261124", rows)).replace(b",2,2,0", b",1,2,0")).persons == 1


def test_more_rows_than_a_file_may_have_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("customers.load_file.ROWS_MAX", 3)
    assert "line 6: more than 3 rows: give several files" in faults(GOOD)
