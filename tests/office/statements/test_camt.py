"""Statements as camt.053: both versions are read, bombs refused, and only what is booked counts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from office.errors import StatementRefused
from office.statements import layout
from office.statements.camt import read_camt
from office.statements.statement import Statement, StatementLine

CAMT = layout.load("camt053")
BALANCE = (
    "<Bal><Tp><CdOrPrtry><Cd>{code}</Cd></CdOrPrtry></Tp><Amt Ccy='CNY'>{amount}</Amt>"
    "<CdtDbtInd>CRDT</CdtDbtInd><Dt><Dt>{date}</Dt></Dt></Bal>"
)
ENTRY = (
    "<Ntry><NtryRef>N1</NtryRef><Amt Ccy='CNY'>3477.00</Amt><CdtDbtInd>CRDT</CdtDbtInd>{status}"
    "<BookgDt><Dt>2026-11-24</Dt></BookgDt><AcctSvcrRef>S001</AcctSvcrRef>"
    "<NtryDtls><TxDtls><RmtInf><Ustrd>代收付清算20261123</Ustrd></RmtInf></TxDtls></NtryDtls></Ntry>"
)
FEE = (
    "<Ntry><NtryRef>N2</NtryRef><Amt Ccy='CNY'>20</Amt><CdtDbtInd>DBIT</CdtDbtInd>{status}"
    "<BookgDt><DtTm>2026-11-25T08:00:00+08:00</DtTm></BookgDt><AddtlNtryInf>手续费</AddtlNtryInf></Ntry>"
)
STATUS = {"02": "<Sts>BOOK</Sts>", "08": "<Sts><Cd>BOOK</Cd></Sts>"}


def message(version: str = "08", opening: str = "OPBD", extra: str = "") -> str:
    balances = BALANCE.format(code=opening, amount="1000.00", date="2026-11-24")
    balances += BALANCE.format(code="CLBD", amount="4457.00", date="2026-11-25")
    entries = ENTRY.format(status=STATUS[version]) + FEE.format(status=STATUS[version]) + extra
    return (
        f"<Document xmlns='urn:iso:std:iso:20022:tech:xsd:camt.053.001.{version}'><BkToCstmrStmt><Stmt>"
        f"<Id>202611</Id><Acct><Id><Othr><Id>6222000012345678</Id></Othr></Id></Acct>{balances}{entries}"
        "</Stmt></BkToCstmrStmt></Document>"
    )


def read(text: str) -> Statement:
    [statement] = read_camt(text.encode(), CAMT)
    return statement


@pytest.mark.parametrize("version", ["02", "08"])
def test_a_statement_is_read_with_its_balances_dates_and_lines(version: str) -> None:
    statement = read(message(version))
    assert statement[:6] == ("6222000012345678", "202611", "20261124", "20261125", 100_000, 445_700)
    assert statement.lines == (
        StatementLine(1, "20261124", 347_700, "settlement", "20261123", "S001", "代收付清算20261123"),
        StatementLine(2, "20261125", -2_000, "fee", "", "N2", "手续费"),
    )


def test_a_balance_brought_forward_is_of_the_day_before() -> None:
    text = message(opening="PRCD").replace(
        "<Dt>2026-11-24</Dt></Dt></Bal>", "<Dt>2026-11-20</Dt></Dt></Bal>", 1
    )
    assert read(text).from_date == "20261124"


def test_what_is_pending_does_not_count() -> None:
    pending = ENTRY.format(status="<Sts><Cd>PDNG</Cd></Sts>")
    assert read(message(extra=pending)) == read(message())


BOMB = """<?xml version="1.0"?><!DOCTYPE Document [<!ENTITY a "x"><!ENTITY b "&a;&a;&a;&a;">]>"""
OUTSIDE = """<?xml version="1.0"?><!DOCTYPE Document [<!ENTITY a SYSTEM "file:///etc/hostname">]>"""


@pytest.mark.parametrize("head", [BOMB, OUTSIDE, "<!DOCTYPE Document>"])
def test_a_document_type_is_refused_and_nothing_is_expanded_or_fetched(head: str) -> None:
    with pytest.raises(StatementRefused, match="a document type or an entity is not taken"):
        read(head + message().replace("手续费", "手续费&b;" if "&b" in head else "手续费"))


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("001.08", "001.06", "is no camt.053.001.02 or .08"),
        ("<Stmt>", "<Rpt>", "is no XML"),
        ("Ccy='CNY'>3477.00", "Ccy='USD'>3477.00", "entry 1 (Ntry) is not in CNY"),
        ("3477.00", "3477.001", "entry 1 (Ntry): Amt is no amount with at most two decimals"),
        ("3477.00", "-3477.00", "entry 1 (Ntry): Amt is no amount"),
        ("3477.00", "3,477.00", "entry 1 (Ntry): Amt is no amount"),
        ("3477.00", "0.00", "entry 1 (Ntry) moves nothing"),
        ("<CdtDbtInd>DBIT", "<CdtDbtInd>X", "entry 2 (Ntry) has no Amt, or CdtDbtInd is not CRDT or DBIT"),
        ("<Cd>CLBD", "<Cd>ITBD", "there is no balance CLBD"),
        ("<Cd>CLBD", "<Cd>OPBD", "there is more than one balance OPBD"),
        ("4457.00", "4457.01", "are not the 445701 at its end"),
        ("2026-11-25T08", "2026-13-25T08", "entry 2 (Ntry), BookgDt is no date"),
        ("<Id>202611</Id>", "", "has no account or no number"),
    ],
)
def test_what_is_not_as_it_must_be_is_refused_with_its_element(old: str, new: str, words: str) -> None:
    assert message().count(old) == 1
    with pytest.raises(StatementRefused) as refused:
        read(message().replace(old, new))
    assert words in str(refused.value)


def test_a_message_without_a_statement_is_refused() -> None:
    empty = message().partition("<Stmt>")[0] + "</BkToCstmrStmt></Document>"
    with pytest.raises(StatementRefused, match="has no statement"):
        read_camt(empty.encode(), CAMT)


def test_decimals_beyond_fen_are_let_pass_only_as_zeros() -> None:
    assert read(message().replace("3477.00", "3477.00000")) == read(message())


@given(st.binary(max_size=100) | st.text(max_size=100).map(lambda text: f"<a>{text}</a>".encode()))
def test_whatever_is_given_is_refused_or_read(data: bytes) -> None:
    with pytest.raises(StatementRefused):
        read_camt(data, CAMT)


@given(st.integers(0, len(message())), st.text(max_size=3))
def test_a_message_that_was_changed_anywhere_is_refused_or_read(place: int, text: str) -> None:
    changed = message()[:place] + text + message()[place + len(text) :]
    try:
        statements = read_camt(changed.encode(), CAMT)
    except StatementRefused as refused:
        assert str(refused)
    else:
        assert all(each.opening + each.moved == each.closing for each in statements)
