"""One line of a bank's day file: its text by every layout, and what is said of one that is not good."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest

from ledger.files.bankline import BankLine, Lines
from ledger.files.layout import Layout, parse
from tests.support.day_file import COMMAS, DATE, FIXED, MARKLESS, ODD, STANDARD, line

# Two words for one code and one state, a plus that is written, blanks around text, a column that is ignored.
WORDY = parse(
    """
form = "delimited"
separator = ";"
[detail]
columns = [
  { name = "terminal", pad = "blank" }, { name = "stan" }, { name = "code" },
  { name = "state", pad = "blank" },
  { name = "amount", unit = "yuan", sign = "trailing", plus = "+", minus = "collection" },
  { name = "sent_at", format = "YYYY/MM/DDThh:mm:ss" }, { name = "ignored" },
]
[trailer]
columns = [{ name = "count" }]
[codes]
IN = "500000"
COLLECT = "500000"
OUT = "260000"
[states]
DONE = "S"
OK = "S"
UNDONE = "R"
""",
    "wordy",
)

NO_SUCH_DATE = "no such date, or not within half a year of the file's"
NO_TEXT = "not printable text of at most 255 characters"
SIGN = ("amount", "its sign contradicts the code or the state")
GB = "保单甲".encode("gb18030").decode("latin-1")
DONE, UNDONE = (word.encode("gb18030").decode("latin-1") for word in ("成功", "已冲正"))
POLICY = line(policy="保单甲")
REVERSED = line(amount=1, state="R")
PAYOUT = line(code="263000", amount=45_601)
MOST = line(code="260000", amount=10**12 - 1, state="R")
BARE = {"branch": "", "rrn": "", "due": "", "receipt": ""}


def fixed(code: str, policy: str, amount: str, word: str) -> str:
    start = "120261124101112T0000001000001RRN000000001B00000000000001"
    return f"{start}{code}{policy:32}{'D1':20}{amount}{'202611240100000000015':24}{word:6}{'':10}"


def odd(amount: str = "      1200.00-", time: str = "10:11:12", date: str = "11-24", rest: str = "P1") -> str:
    return f"{amount}{time}000001{date}T0000001500000 {rest:40}"


def commas(amount: str, code: str, state: str, policy: str = "P1") -> str:
    start = "RRN000000001,2026-11-24 10:11:12,000001,T0000001,B00000000000001"
    return f"{start},{amount},{code},{state},{policy},D1,202611240100000000015"


def standard(code: str, amount: str, state: str, policy: str = "P1") -> str:
    start = "D|T0000001|B00000000000001|1124101112|000001|RRN000000001"
    return f"{start}|{code}|{policy}|D1|{amount}|202611240100000000015|{state}"


def markless(code: str, amount: str, state: str, policy: str = "P1") -> str:
    middle = f"T0000001\tB00000000000001\tRRN000000001\t{policy}\tD1\t202611240100000000015"
    return f"{state}\t{middle}\t000001\t20261124101112\t{code}\t备注\t{amount}"


OURS = standard("500000", "120000", "S")
THEIRS = fixed("500000", "P1", "+000000001200.00", DONE)
TABBED = markless("500000", "120000", "完成")


@pytest.mark.parametrize(
    ("layout", "one", "text"),
    [
        (STANDARD, POLICY, standard("500000", "120000", "S", "保单甲")),
        (STANDARD, MOST, standard("260000", "999999999999", "R")),
        (COMMAS, POLICY, commas("1200.00", "DS01", "交易成功", "保单甲")),
        (COMMAS, PAYOUT, commas("456.01", "DF04", "交易成功")),
        (COMMAS, REVERSED, commas("0.01", "DS01", "已冲正")),
        (COMMAS, MOST, commas("9999999999.99", "DF01", "已冲正")),
        (FIXED, POLICY, fixed("500000", GB, "+000000001200.00", DONE)),
        (FIXED, PAYOUT, fixed("263000", "P1", "-000000000456.01", DONE)),
        (FIXED, REVERSED, fixed("500000", "P1", "+000000000000.01", UNDONE)),
        (FIXED, MOST, fixed("260000", "P1", "-009999999999.99", UNDONE)),
        (MARKLESS, POLICY, markless("500000", "120000", "完成", "保单甲")),
        (MARKLESS, REVERSED, markless("500000", "-1", "撤")),
        (MARKLESS, MOST, markless("260000", "-999999999999", "撤")),
        (ODD, line(policy="保单甲", **BARE), odd(rest=GB)),
        (ODD, line(code="263000", amount=45_601, **BARE), odd("        456.01").replace("500000", "263000")),
        (ODD, line(sent_at="20270525235959", **BARE), odd(time="23:59:59", date="05-25")),
        (WORDY, line(policy="", **BARE), "T0000001;000001;IN;DONE;1200.00-;2026/11/24T10:11:12;"),
        (
            WORDY,
            line(policy="", code="260000", **BARE),
            "T0000001;000001;OUT;DONE;1200.00+;2026/11/24T10:11:12;",
        ),
    ],
)
def test_a_line_is_written_as_its_layout_has_it_and_read_back(
    layout: Layout, one: BankLine, text: str
) -> None:
    assert Lines(layout, DATE).text(one) == text
    assert Lines(layout, DATE).take(2, text) == one
    assert Lines(layout, DATE).take(7, text) == one._replace(line=7)


@pytest.mark.parametrize(
    ("layout", "text", "one"),
    [
        (STANDARD, standard("500000", "120000", "S", " P1 "), line(policy=" P1 ")),
        (STANDARD, standard("500000", "120000", "S", "P" * 255), line(policy="P" * 255)),
        (STANDARD, standard("500000", "1", "S", ""), line(policy="", amount=1)),
        (FIXED, THEIRS.replace("T0000001", " T00 01 "), line(terminal=" T00 01 ")),
        (FIXED, fixed("500000", "XP1X", "+000000001200.00", DONE), line(policy="XP1X")),
        (FIXED, fixed("500000", "\x81\xa0", "+000000001200.00", DONE), line(policy="仩")),
        (FIXED, THEIRS[:-10] + "\xff" * 10, line()),
        (WORDY, " T1 ;000001;COLLECT; OK ;0.01-;2026/11/24T10:11:12;all the same", {"terminal": "T1"}),
        (MARKLESS, markless(" 500000 ", "000000000120000", "完成"), line()),
        (MARKLESS, markless("500000", "0" * 243 + "1" * 12, "完成"), line(amount=111_111_111_111)),
        (FIXED, fixed("500000", "P 1", "+000000001200.00", DONE)[:-10] + "0123456789", line(policy="P 1")),
        (ODD, odd(" 1200.00-     ", rest="  P1"), line(**BARE)),
        (
            FIXED,
            fixed("500000", "Z\x81\x30\x84\x32" + GB, "+000000001200.00", DONE),
            line(policy="Z\xa0保单甲"),
        ),
        (ODD, odd(" 1200.00-     ", rest="XXP1").replace("XX", "\xa3\xdb"), line(policy="［P1", **BARE)),
    ],
)
def test_a_line_may_be_written_otherwise_than_we_do(
    layout: Layout, text: str, one: BankLine | dict[str, str]
) -> None:
    expected = line(policy="", amount=1, **BARE, **one) if isinstance(one, dict) else one
    assert Lines(layout, DATE).take(2, text) == expected


@pytest.mark.parametrize(
    ("minus", "signs"),
    [("never", "++++"), ("payout", "++--"), ("collection", "--++"), ("reversed", "+-+-")],
)
def test_what_carries_a_minus_is_what_the_layout_says(minus: str, signs: str) -> None:
    detail = tuple(
        column._replace(sign="leading", plus="+", minus=minus) if column.name == "amount" else column
        for column in STANDARD.detail
    )
    lines = Lines(replace(STANDARD, detail=detail), DATE)
    for (code, state), sign in zip(product(("500000", "260000"), "SR"), signs, strict=True):
        other = "+" if sign == "-" else "-"
        assert lines.text(line(code=code, state=state)) == standard(code, f"{sign}120000", state)
        assert lines.take(2, standard(code, f"{other}120000", state)) is None


def changed(text: str, was: str, becomes: str) -> str:
    assert text.count(was) == 1
    return text.replace(was, becomes)


@pytest.mark.parametrize(
    ("layout", "text", "faults"),
    [
        (STANDARD, changed(OURS, "T0000001", ""), [("terminal", "empty")]),
        (STANDARD, changed(OURS, "T0000001", "T\x07"), [("terminal", NO_TEXT)]),
        (STANDARD, changed(OURS, "T0000001", "T\udcff"), [("terminal", NO_TEXT)]),
        (STANDARD, changed(OURS, "B00000000000001", "B" * 256), [("branch", NO_TEXT)]),
        (STANDARD, changed(OURS, "P1", "\x85"), [("policy", NO_TEXT)]),
        (STANDARD, changed(OURS, "1124101112", "1324101112"), [("sent_at", NO_SUCH_DATE)]),
        (STANDARD, changed(OURS, "1124101112", "0230101112"), [("sent_at", NO_SUCH_DATE)]),
        (STANDARD, changed(OURS, "1124101112", "1124241112"), [("sent_at", "not MMDDhhmmss")]),
        (STANDARD, changed(OURS, "1124101112", "1124106012"), [("sent_at", "not MMDDhhmmss")]),
        (STANDARD, changed(OURS, "1124101112", "1124101160"), [("sent_at", "not MMDDhhmmss")]),
        (STANDARD, changed(OURS, "1124101112", "112410111"), [("sent_at", "not MMDDhhmmss")]),
        (STANDARD, changed(OURS, "1124101112", "112410111٣"), [("sent_at", "not MMDDhhmmss")]),
        (STANDARD, changed(OURS, "000001|R", "00001|R"), [("stan", "not 6 digits")]),
        (STANDARD, changed(OURS, "000001|R", "00000٣|R"), [("stan", "not 6 digits")]),
        (STANDARD, changed(OURS, "500000", "310000"), [("code", "not one of the layout's codes")]),
        (STANDARD, changed(OURS, "500000", " 500000"), [("code", "not one of the layout's codes")]),
        (STANDARD, changed(OURS, "500000", ""), [("code", "not one of the layout's codes")]),
        (STANDARD, changed(OURS, "|120000", "|0"), [("amount", "not 1 to 999999999999 fen")]),
        (STANDARD, changed(OURS, "|120000", "|-120000"), [("amount", "not whole fen")]),
        (STANDARD, changed(OURS, "|120000", "|0120000"), [("amount", "not whole fen")]),
        (STANDARD, changed(OURS, "|120000", "|120000.00"), [("amount", "not whole fen")]),
        (STANDARD, changed(OURS, "|120000", "|120_000"), [("amount", "not whole fen")]),
        (STANDARD, changed(OURS, "|120000", "|1000000000000"), [("amount", "not whole fen")]),
        (STANDARD, changed(OURS, "|120000", "|１"), [("amount", "not whole fen")]),
        (STANDARD, OURS[:-1] + "s", [("state", "not one of the layout's states")]),
        (STANDARD, OURS[:-1], [("state", "not one of the layout's states")]),
        (STANDARD, "X" + OURS[1:], [("", "not the text that the layout has there")]),
        (STANDARD, OURS + "|", [("", "12 columns expected, 13 found")]),
        (STANDARD, OURS[:-2], [("", "12 columns expected, 11 found")]),
        (
            STANDARD,
            "D||||1||||||||".replace("||||||||", "|||||||"),
            [
                ("terminal", "empty"),
                ("sent_at", "not MMDDhhmmss"),
                ("stan", "not 6 digits"),
                ("code", "not one of the layout's codes"),
                ("amount", "not whole fen"),
                ("state", "not one of the layout's states"),
            ],
        ),
        (
            COMMAS,
            changed(commas("1.00", "DS01", "交易成功"), "2026-11-24", "2026/11/24"),
            [("sent_at", "not YYYY-MM-DD hh:mm:ss")],
        ),
        (
            COMMAS,
            changed(commas("1.00", "DS01", "交易成功"), "2026-11-24", "2027-11-24"),
            [("sent_at", NO_SUCH_DATE)],
        ),
        (COMMAS, commas("1200", "DS01", "交易成功"), [("amount", "not yuan with two decimals")]),
        (COMMAS, commas("10000000000.00", "DS01", "交易成功"), [("amount", "not yuan with two decimals")]),
        (COMMAS, commas("1x00", "DS01", "交易成功"), [("amount", "not yuan with two decimals")]),
        (FIXED, THEIRS + " ", [("", "170 bytes expected, 171 found")]),
        (FIXED, changed(THEIRS, "+0", "+00"), [("", "170 bytes expected, 171 found")]),
        (FIXED, THEIRS[:-1], [("", "170 bytes expected, 169 found")]),
        (
            FIXED,
            changed(THEIRS, "T0000001", "T\x7f000001"),
            [("terminal", "not printable text of at most 8 characters")],
        ),
        (
            FIXED,
            fixed("500000", GB[:-1] + "\xff", "+000000001200.00", DONE),
            [("policy", "not printable text of at most 32 characters")],
        ),
        (
            FIXED,
            fixed("500000", "\x81\x30\x81\x30", "+000000001200.00", DONE),
            [("policy", "not printable text of at most 32 characters")],
        ),
        (
            FIXED,
            fixed("500000", "\x81\x30\x84\x31", "+000000001200.00", DONE),
            [("policy", "not printable text of at most 32 characters")],
        ),
        (
            FIXED,
            fixed("500000", "P1", " 000000001200.00", DONE),
            [("amount", "not yuan with two decimals with a leading sign")],
        ),
        (FIXED, fixed("500000", "P1", "-000000001200.00", DONE), [SIGN]),
        (FIXED, fixed("260000", "P1", "+000000001200.00", DONE), [SIGN]),
        (FIXED, fixed("500000", "P1", "+010000000000.00", DONE), [("amount", "not 1 to 999999999999 fen")]),
        (
            FIXED,
            fixed("500000", "P1", "+000000000000.00", "X"),
            [("amount", "not 1 to 999999999999 fen"), ("state", "not one of the layout's states")],
        ),
        (FIXED, changed(THEIRS, "20261124101112", "20261324101112"), [("sent_date", NO_SUCH_DATE)]),
        (FIXED, changed(THEIRS, "20261124101112", "20261124251112"), [("sent_time", "not hhmmss")]),
        (FIXED, "2" + THEIRS[1:], [("", "not the text that the layout has there")]),
        (MARKLESS, changed(TABBED, "备注", "备"), [("", "not the text that the layout has there")]),
        (MARKLESS, markless("500000", "1" * 13, "完成"), [("amount", "not 1 to 999999999999 fen")]),
        (MARKLESS, markless("500000", "0" * 256, "完成"), [("amount", "not whole fen with a leading sign")]),
        (MARKLESS, markless("500000", "1", "撤"), [SIGN]),
        (MARKLESS, markless("500000", "-1", "完成"), [SIGN]),
        (ODD, odd("      1200.00 "), [SIGN]),
        (ODD, odd("     -1200.00 "), [("amount", "not yuan with two decimals with a trailing sign")]),
        (ODD, odd(rest="P1").replace("T0000001", " " * 8), [("terminal", "empty")]),
        (
            WORDY,
            "T1;000001;IN;UNDONE;1.00;2026/11/24T10:11:12;",
            [("amount", "not yuan with two decimals with a trailing sign")],
        ),
        (WORDY, "T1;000001;IN;UNDONE;1.00+;2026/11/24T10:11:12;", [SIGN]),
        (WORDY, "T1;000001;IN;UNDONE;1.00-;2026/11/24T10:11:12;\x00", [("ignored", NO_TEXT)]),
        (
            WORDY,
            "  ;000001;IN;UNDONE;1.00-;2026/11/24 10:11:12;",
            [("terminal", "empty"), ("sent_at", "not YYYY/MM/DDThh:mm:ss")],
        ),
    ],
)
def test_a_line_that_is_not_good_is_told_by_its_columns_without_their_values(
    layout: Layout, text: str, faults: list[tuple[str, str]]
) -> None:
    lines = Lines(layout, DATE)
    assert lines.take(2, text) is None
    assert lines.faults(text) == faults


@pytest.mark.parametrize(
    ("layout", "bad", "column"),
    [
        (STANDARD, {"policy": "P|1"}, ""),
        (STANDARD, {"policy": "P" * 256}, "policy"),
        (STANDARD, {"code": "310000"}, "code"),
        (STANDARD, {"state": "X"}, "state"),
        (STANDARD, {"amount": 0}, "amount"),
        (STANDARD, {"amount": 10**12}, "amount"),
        (STANDARD, {"sent_at": "20261331000000"}, "sent_at"),
        (STANDARD, {"sent_at": "20251124101112"}, "sent_at"),
        (STANDARD, {"stan": "1", "terminal": ""}, "terminal"),
        (COMMAS, {"sent_at": "20270229000000"}, "sent_at"),
        (FIXED, {"terminal": "T1"}, "terminal"),
        (FIXED, {"policy": "保" * 17}, "policy"),
        (FIXED, {"due": " D1"}, "due"),
        (FIXED, {"policy": "P1 ", "due": " D1"}, "policy"),
        (FIXED, {"policy": "\ud800"}, "policy"),
        (ODD, {"state": "R"}, "state"),
        (ODD, {"sent_at": "20251124101112"}, "sent_date"),
        (WORDY, {"amount": -1}, "amount"),
    ],
)
def test_a_line_that_would_not_be_read_back_is_not_written_and_its_column_is_named(
    layout: Layout, bad: dict[str, object], column: str
) -> None:
    with pytest.raises(ValueError, match=f"^{column}$"):
        Lines(layout, DATE).text(line(**bad))


@pytest.mark.parametrize(
    ("first", "last", "date"),
    [
        ("20260526", "20270525", "20261124"),
        ("20260703", "20270702", "20270101"),
        ("20230902", "20240830", "20240301"),
    ],
)
def test_a_date_without_a_year_is_the_one_within_half_a_year_of_the_files(
    first: str, last: str, date: str
) -> None:
    lines = Lines(STANDARD, date)
    for day in (first, last):
        text = changed(OURS, "1124101112", f"{day[4:]}101112")
        assert lines.take(2, text) == line(sent_at=f"{day}101112")
    leap_day = Lines(STANDARD, "20280301").take(2, changed(OURS, "1124101112", "0229101112"))
    assert leap_day == line(sent_at="20280229101112")


BEFORE, AFTER = "2026-05-25", "2027-05-26"


@pytest.mark.parametrize("day", [BEFORE, AFTER, "2026-11-31"])
def test_a_date_with_a_year_is_within_half_a_year_of_the_files(day: str) -> None:
    good = commas("1200.00", "DS01", "交易成功")
    assert Lines(COMMAS, DATE).take(2, changed(good, "2026-11-24", "2026-05-26"))
    assert Lines(COMMAS, DATE).take(2, changed(good, "2026-11-24", "2027-05-25"))
    assert Lines(COMMAS, DATE).faults(changed(good, "2026-11-24", day)) == [("sent_at", NO_SUCH_DATE)]


def test_a_reversed_line_is_refused_where_the_bank_lists_none() -> None:
    silent = replace(STANDARD, lists_reversed=False)
    assert Lines(silent, DATE).take(2, OURS) == line()
    assert Lines(silent, DATE).take(2, OURS[:-1] + "R") is None
    assert Lines(silent, DATE).faults(OURS[:-1] + "R") == [
        ("state", "reversed, where the layout says that such lines are left out")
    ]


@pytest.mark.parametrize(
    ("layout", "text", "column"),
    [
        (STANDARD, standard("500000", "999999999999", "X", "保单甲"), "state"),
        (FIXED, fixed("500000", "\x81\xa0\xd0\x85", "+000000001200.00", "X"), "state"),
        (FIXED, fixed("X     ", GB, "+009999999999.99", DONE)[:-10] + "\xff" * 10, "code"),
        (FIXED, fixed("500000", "P1", "+000000001200.00", "X" + DONE), "state"),
        (FIXED, fixed("500000", "P1", "+000000001200.00", DONE + "\xa0"), "state"),
        (WORDY, "T1;000001;IN;XOK;1.00-;2026/11/24T10:11:12;", "state"),
        (replace(STANDARD, lists_reversed=False), changed(OURS, "T0000001", ""), "terminal"),
    ],
)
def test_a_good_column_is_not_blamed_for_another(layout: Layout, text: str, column: str) -> None:
    lines = Lines(layout, DATE)
    assert lines.take(2, text) is None
    assert [name for name, _ in lines.faults(text)] == [column]
