"""Statements as CSV: what a layout describes is read exactly, and all else is refused with its place."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import LayoutError
from office.errors import StatementRefused
from office.statements import layout
from office.statements.csv_file import read_csv
from office.statements.reader import read_statements
from office.statements.statement import StatementLine, fen_of

HEADS = layout.load("csv-heads")
SIGNED = layout.load("csv-signed-gb18030")
TEXT = """账号,6222000012345678
对账单号,202611
起始日期,2026-11-24
截止日期:,20261125
币种,CNY
期初余额,"1,000.00"
期末余额,"4,457.00"

交易日期,收入金额,支出金额,流水号,摘要,对方
2026-11-24,"3,477.00",,S001,代收付清算20261123,x
2026-11-25,,20.00,S002,代收付手续费,x
"""


def read(text: str) -> tuple[StatementLine, ...]:
    return read_csv(text.encode(), HEADS).lines


def test_a_statement_is_read_with_its_balances_dates_and_lines() -> None:
    statement = read_csv(b"\xef\xbb\xbf" + TEXT.replace("\n", "\r\n").encode(), HEADS)
    assert statement[:6] == ("6222000012345678", "202611", "20261124", "20261125", 100_000, 445_700)
    assert statement.lines == (
        StatementLine(1, "20261124", 347_700, "settlement", "20261123", "S001", "代收付清算20261123"),
        StatementLine(2, "20261125", -2_000, "fee", "", "S002", "代收付手续费"),
    )


def test_another_layout_is_data_alone() -> None:
    text = "账号|6\n对账单号|7\n起始日期|20261124\n截止日期|20261124\n上期余额|5\n本期余额|4.5\n"
    text += "记账日期|发生额|凭证号|摘要\n2026/11/24|-0.50|V1|付清算日2026-11-23\n"
    statement = read_csv(text.encode("gb18030"), SIGNED)
    [line] = statement.lines
    assert (line.amount, line.settles, statement.closing) == (-50, "20261123", 450)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("账号,", "帐号,", "'账号' is not above the table"),
        (
            "对账单号,202611",
            "对账单号,202611\n对账单号,2",
            "'对账单号' stands above the table more than once",
        ),
        ("交易日期,", "日期,", "there is no row with the column '交易日期'"),
        ("摘要,对方", "摘要,摘要", "the table has the column '摘要' 2 times"),
        ("收入金额", "收入", "the table has the column '收入金额' 0 times"),
        ('"3,477.00",,', '"3,477.00",1,', "row 10 has an amount in both columns, or in none"),
        ('"3,477.00",,', ",,", "row 10 has an amount in both columns, or in none"),
        ('"3,477.00"', "3477.001", "row 10, credit is no amount in yuan with at most two decimals"),
        ('"3,477.00"', '"34,77.00"', "row 10, credit is no amount in yuan"),
        ('"3,477.00"', "1e3", "row 10, credit is no amount in yuan"),
        ('"3,477.00"', "９", "row 10, credit is no amount in yuan"),
        ('"3,477.00"', "1" + "0" * 16, "row 10, credit is larger than any amount"),
        ("2026-11-25,,", "2026-11-31,,", "row 11, the date is no date"),
        ("2026-11-25,,", "2026-11/25,,", "row 11, the date is no date"),
        ("2026-11-25,,", "2026-12-01,,", "line 2 is of 20261201, outside the statement's dates"),
        (
            "4,457.00",
            "4,457.01",
            "'202611': 100000 fen at its beginning and lines of 345700 are not the 445701",
        ),
        ("截止日期:,20261125", "截止日期,20261123", "ends on 20261123, before it begins"),
        ("S002,代收付手续费,x", "S002", "row 11 has 4 cells, too few"),
        ('"1,000.00"', '"1,000.00', "is no CSV"),
        ("对账单号,202611", "对账单号,", "has no account or no number"),
    ],
)
def test_what_is_not_as_the_layout_says_is_refused_with_its_place(old: str, new: str, words: str) -> None:
    assert TEXT.count(old) == 1
    with pytest.raises(StatementRefused) as refused:
        read(TEXT.replace(old, new))
    assert words in str(refused.value)


def test_bytes_of_another_encoding_are_named_as_such() -> None:
    with pytest.raises(StatementRefused, match="byte 0 is no utf-8"):
        read_csv(TEXT.encode("gb18030"), HEADS)


def test_a_statement_of_another_account_is_refused_without_naming_it() -> None:
    with pytest.raises(StatementRefused, match="is of another account") as refused:
        read_statements(TEXT.encode(), HEADS, "6222000012345679")
    assert "62220000" not in str(refused.value)
    assert len(read_statements(TEXT.encode(), HEADS, "6222000012345678")) == 1


def test_a_file_that_is_too_large_is_not_read() -> None:
    with pytest.raises(StatementRefused, match="larger than 33554432 bytes"):
        read_statements(b"x" * (32 * 1024 * 1024 + 1), HEADS, "6")


def test_a_number_of_a_person_in_a_text_is_masked() -> None:
    [line, _] = read(TEXT.replace("代收付清算20261123", "退 11010519491231002X"))
    assert line.text == "退 **************002X"


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_whatever_is_given_is_a_statement_or_is_refused(data: bytes) -> None:
    for each in (HEADS, SIGNED):
        with pytest.raises(StatementRefused):
            read_csv(data, each)


AMOUNTS = st.integers(-(10**12), 10**12).filter(bool)


@given(st.lists(st.tuples(AMOUNTS, st.text(max_size=20)), max_size=5), st.integers(-(10**12), 10**12))
def test_what_is_written_by_the_layout_is_read_back(rows: list[tuple[int, str]], opening: int) -> None:
    def yuan(fen: int) -> str:
        sign = "-" if fen < 0 else ""
        return f"{sign}{abs(fen) // 100:,}.{abs(fen) % 100:02d}"

    stream = io.StringIO(newline="")
    writer = csv.writer(stream)
    heads = ("6", "7", "20261124", "20261124", yuan(opening), yuan(opening + sum(row[0] for row in rows)))
    assert HEADS.heads is not None
    writer.writerows(zip(HEADS.heads.model_dump().values(), heads, strict=True))
    writer.writerow(("交易日期", "收入金额", "支出金额", "流水号", "摘要"))
    for amount, text in rows:
        sides = (yuan(amount), "") if amount > 0 else ("", yuan(-amount))
        writer.writerow(("2026-11-24", *sides, "R", text))
    try:
        statement = read_csv(stream.getvalue().encode(), HEADS)
    except StatementRefused as refused:
        assert "CSV" in str(refused)  # a NUL, which no CSV has
        return
    assert [line.amount for line in statement.lines] == [amount for amount, _ in rows]
    assert (statement.opening, statement.moved) == (opening, sum(row[0] for row in rows))


@pytest.mark.parametrize(
    ("text", "fen"), [("0", 0), ("1.5", 150), ("-0.01", -1), ("+7", 700), ("1,234,567.89", 123_456_789)]
)
def test_amounts_in_yuan(text: str, fen: int) -> None:
    assert fen_of(text) == fen


SOURCE = (
    'format = "csv"\n[heads]\naccount = "a"\nnumber = "n"\nfrom_date = "f"\nto_date = "t"\nopening = "o"\n'
)
SOURCE += 'closing = "c"\n[columns]\ndate = "d"\namount = "m"\ntext = "x"\n'


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("format = [", "x.toml: not TOML"),
        ('format = "xml"', "x.toml, format: "),
        ('format = "csv"', "has heads and columns"),
        (SOURCE.replace('format = "csv"', 'format = "camt.053"'), "has neither"),
        (SOURCE.replace('amount = "m"', 'credit = "m"'), "credit and debit, or amount instead of both"),
        (SOURCE + 'credit = "y"\ndebit = "z"\n', "credit and debit, or amount instead of both"),
        (SOURCE + '[marks]\nsettles = "x"\n', "must have one group"),
        (SOURCE + '[marks]\nsettles = "("\n', "is no regular expression"),
        (SOURCE + "other = 1\n", "other"),
    ],
)
def test_a_layout_with_a_fault_is_refused_with_its_key(source: str, words: str) -> None:
    assert layout.parse(SOURCE, "x.toml").format == "csv"
    with pytest.raises(LayoutError) as refused:
        layout.parse(source, "x.toml")
    assert words in str(refused.value)


def test_every_shipped_layout_is_in_order() -> None:
    assert [layout.load(name).format for name in layout.shipped()] == ["camt.053", "csv", "csv"]
    with pytest.raises(LayoutError, match="no such layout of statements"):
        layout.layout_of("none")
