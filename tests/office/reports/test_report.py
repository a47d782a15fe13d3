"""The pages and tables that people sign: all of the report is on them, nothing wrong is, and no text of
somebody else's does anything there.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import InvariantBroken
from ledger.rules.escaping import escaped
from office.accounting.books import BalanceRow, TrialBalance
from office.accounting.break_reasons import ONLY_OURS
from office.reports import wording
from office.reports.report import (
    BALANCE_COLUMNS,
    BREAK_COLUMNS,
    OVERVIEW_COLUMNS,
    as_csv,
    as_html,
    balance_as_csv,
    balance_as_html,
    overview_as_csv,
    overview_as_html,
)
from office.reports.report_values import ListedBreak, Overview, Report
from tests.support.report_books import BANK, D2, EXPECTED, LATE, OTHER, REFUNDED, ROOT, STATE, TODAY

OVERVIEW = Overview(TODAY, EXPECTED.day, (EXPECTED,), ((LATE, "中国银行"),))
BALANCE = TrialBalance(
    (
        BalanceRow("1122", "应收保费 Premiums receivable", "asset", "156", 0, 1_000_000, -1_000_000),
        BalanceRow("122101", "银行清算 Clearing", "asset", "156", 1_250_000, 250_000, 1_000_000),
        BalanceRow("2203", "预收保费 In advance", "liability", "840", 7, 7, 0),
    ),
    (("156", 1_250_000), ("840", 7)),
)
PAGES: dict[str, Callable[[], str]] = {
    "report": lambda: as_html(EXPECTED),
    "overview": lambda: overview_as_html(OVERVIEW, {BANK: f"{D2}.{BANK}.html"}),
    "balance": lambda: balance_as_html(BALANCE, D2, TODAY),
}
VOID = frozenset({"meta", "col"})


class Page(HTMLParser):
    """A page's tags, attributes and text; raises where its tags do not nest."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.texts: list[str] = []
        self._open: list[str] = []
        self.feed(source)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] not in ("style", "title"):
            self.texts.append(" ".join(data.split()))

    @property
    def text(self) -> str:
        return " ".join(text for text in self.texts if text)


def table(source: bytes) -> list[dict[str, str]]:
    """A table's rows, read as a program would: with the apostrophes that guard its texts taken off."""
    assert source.startswith(b"\xef\xbb\xbf")
    rows = csv.DictReader(io.StringIO(source.decode("utf-8-sig"), newline=""), strict=True)
    return [{name: text.removeprefix("'") for name, text in row.items()} for row in rows]


def with_texts(text: str) -> Report:
    """The report with this text in every place that somebody else may fill."""
    breaks = tuple(
        ListedBreak(
            listed.row._replace(
                key=text,
                policy=text,
                due=text,
                reason=text,
                hint=text,
                owner=text,
                proposed_by=text,
                approved_by=text,
            ),
            listed.age,
            text,
        )
        for listed in EXPECTED.breaks
    )
    postings = (
        EXPECTED.postings[0]._replace(description=text),
        *(posting._replace(posting=text, description=text) for posting in EXPECTED.postings[1:]),
    )
    file = EXPECTED.file._replace(digest=text, layout=text)
    return EXPECTED._replace(bank_name=text, breaks=breaks, postings=postings, file=file)


# The pages.


@pytest.mark.parametrize("page", PAGES.values(), ids=PAGES)
def test_page_is_whole_by_itself_and_asks_nobody_for_anything(page: Callable[[], str]) -> None:
    source = page()
    shown = Page(source)
    assert shown.tags.count("html") == shown.tags.count("style") == 1
    assert {"script", "img", "link", "iframe", "object", "base", "form"}.isdisjoint(shown.tags)
    assert {"src", "style"} & {name for name, value in shown.attributes if "width" not in value} == set()
    assert not any(name.startswith("on") for name, _ in shown.attributes)
    assert not re.search(r"https?:|//|url\(|@import", source)
    assert source.startswith("<!DOCTYPE html>")
    for needed in ("制表 Prepared by", "复核 Reviewed by"):
        assert needed in shown.text


@pytest.mark.parametrize("page", PAGES.values(), ids=PAGES)
def test_page_prints_on_a4_with_its_header_rows_again_and_has_a_dark_scheme(page: Callable[[], str]) -> None:
    source = page()
    for needed in (
        "size: A4",
        "thead { display: table-header-group; }",
        "break-inside: avoid",
        "@media screen and (prefers-color-scheme: dark)",
        'name="viewport"',
    ):
        assert needed in source


@pytest.mark.parametrize("page", PAGES.values(), ids=PAGES)
def test_same_value_gives_the_same_page(page: Callable[[], str]) -> None:
    assert page() == page()


def test_page_has_every_figure_of_the_report() -> None:
    text = Page(as_html(EXPECTED)).text
    for needed in (
        "对账报告 Reconciliation with the bank 工商银行 01020000 · 业务日期 Business date 2026-11-25",
        "本日差错 4 笔，日终未结 5 笔。 Breaks of this date: 4; not settled at its end: 5.",
        "已入账 Posted",
        "代收 Collection 6 9,000.00 5 10,000.00 1,000.00",
        "代付 Payout 2 -8,000.00 2 -3,000.00 5,000.00",
        "合计 Total 8 1,000.00 7 7,000.00 6,000.00",
        "差额 6,000.00 = 本日差错 5,700.00 − 本日对上的以前差错 -300.00。",
        "相符 Matched 4 0.00",
        "金额不符 Amount differs 1 -100.00",
        "差错合计 Breaks 4 5,700.00",
        "日初 When the date began 500.00 -420.00 80.00",
        "本日新增 Opened 5,800.00 -100.00 5,700.00",
        "本日对上转出 Matched by a line of this date 0.00 300.00 300.00",
        "处理入账转出 Resolved by two people and posted -500.00 0.00 -500.00",
        "日终 When it ended 5,800.00 -220.00 5,580.00",
        f"{D2}/{BANK}/day 日终入账 day posting",
        "122101 其他应收款—银行清算 Clearing with banks · 01020000 7,000.00",
        "合计 Total 15,000.00 15,000.00",
        "500000 续期保费 Renewal premium 5 7,000.00",
        "1,234 笔（所有银行） entries, all banks",
        ROOT,
    ):
        assert needed in text


def test_page_lists_each_break_with_all_that_is_known_of_it() -> None:
    text = Page(as_html(EXPECTED)).text
    assert (
        f"{STATE.name} 状态不符 State differs 代付 Payout · 满期给付 Maturity benefit"
        f" 保单 Policy P4 应收付 Due D4 {STATE.key} 银行文件第 4 行 line 4 -5,000.00 0.00 5,000.00"
        " we have it done, the bank has it reversed 李娜 3 已提出处理，待复核 Proposed"
        " 以银行为准：调整对应科目 The bank is right: the due's own account is adjusted 提出 Proposed by 李娜"
    ) in text
    assert (
        "李娜 1 已结清 Closed 退还客户 To be refunded to the customer 提出 Proposed by 李娜"
        " 复核 Approved by 王强 结清 Settled 2026-11-25"
    ) in text
    assert "结清 Settled 2026-11-25 后一日对上 matched on a later date" in text
    assert "提示 Hint 2 lines of policy P2 (bank_only) add up to this one" in text


def test_every_class_is_explained_in_both_languages() -> None:
    text = Page(as_html(EXPECTED)).text
    for explained in (wording.MATCHED, *wording.CLASSES.values()):
        assert f"{explained.meaning.zh} {explained.meaning.en}" in text


def test_side_of_an_amount_is_never_said_by_colour_alone() -> None:
    marked = re.findall(r'<span class="minus">([^<]*)</span>', as_html(EXPECTED))
    assert marked
    assert all(amount.startswith("-") for amount in marked)


def test_page_of_a_date_that_agrees_says_so() -> None:
    nothing = EXPECTED._replace(
        bank=OTHER,
        reconciliation=EXPECTED.reconciliation._replace(ours=0, theirs=0, ours_effect=0, theirs_effect=0),
        products=(),
        file=EXPECTED.file._replace(lines=0, collected=0, paid=0),
        file_sums=(),
        breaks=(),
        postings=(),
        accounts=EXPECTED.accounts._replace(long_balance=0, short_balance=0),
    )
    text = Page(as_html(nothing)).text
    assert "✓ 双方相符，没有差错，没有挂账。 Both sides agree: no breaks, nothing in suspense." in text
    assert table(as_csv(nothing)) == []


def test_what_the_bank_takes_back_has_its_own_row() -> None:
    file = EXPECTED.file._replace(collected=1_060_000)
    sums = (EXPECTED.file_sums[0]._replace(amount=1_060_000), *EXPECTED.file_sums[1:])
    text = Page(as_html(EXPECTED._replace(file=file, file_sums=sums))).text
    assert "银行撤销以前日期的交易 Reversed by the bank, of earlier dates -600.00 -600.00" in text
    assert "合计 Total 8 1,000.00 7 7,000.00 6,000.00" in text


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        '"><img src=x onerror=alert(1)>',
        "</style><b>",
        "{{ 7 * 7 }} {% raw %}",
        "'&amp;",
    ],
)
def test_hostile_text_is_shown_and_does_nothing(text: str) -> None:
    source = as_html(with_texts(text))
    shown, usual = Page(source), Page(as_html(EXPECTED))
    assert set(shown.tags) == set(usual.tags)
    assert {name for name, _ in shown.attributes} == {name for name, _ in usual.attributes}
    assert shown.text.count(text) >= 7 * len(EXPECTED.breaks)


@pytest.mark.parametrize("code", ['"; } body { display: none } a::after { content: "', "</style><script>"])
def test_hostile_code_of_a_bank_does_not_reach_the_style(code: str) -> None:
    """In a style sheet HTML's escapes mean nothing, so only what is plain gets there."""
    source = overview_as_html(Overview(TODAY, EXPECTED.day._replace(date=code), (), ()))
    style = source[source.index("<style>") : source.index("</style>")]
    usual = overview_as_html(Overview(TODAY, EXPECTED.day, (), ()))
    usual_style = usual[usual.index("<style>") : usual.index("</style>")]
    assert re.sub(r'content: "[0-9A-Za-z -]*"', "", style) == re.sub(
        r'content: "[0-9A-Za-z -]*"', "", usual_style
    )


def test_overview_page_has_every_bank_and_the_totals() -> None:
    shown = Page(overview_as_html(OVERVIEW, {BANK: f"{D2}.{BANK}.html"}))
    for needed in (
        "各行对账总览 Reconciliation of all banks",
        "本日差错 4 笔，日终未结 5 笔，未对账银行 1 家。",
        "工商银行 01020000 8 7 4 1,000.00 7,000.00 6,000.00 4 5 5,800.00 -220.00 ! 有差错 Breaks",
        "中国银行 01040000 尚未对账 Not reconciled yet … 等待 Waits",
        "合计 Total 1 家 banks 8 7 4 1,000.00 7,000.00 6,000.00 4 5 5,800.00 -220.00",
    ):
        assert needed in shown.text
    assert ("href", f"{D2}.{BANK}.html") in shown.attributes
    assert "a" not in Page(overview_as_html(OVERVIEW)).tags


def test_balance_page_has_both_sides_and_totals_by_currency() -> None:
    text = Page(balance_as_html(BALANCE, D2, TODAY)).text
    for needed in (
        "试算平衡表 Trial balance 截至业务日期（含） Up to and with business date 2026-11-25",
        "1122 应收保费 Premiums receivable 资产 Asset 0.00 10,000.00 — 10,000.00",
        "122101 银行清算 Clearing 资产 Asset 12,500.00 2,500.00 10,000.00 —",
        "2203 预收保费 In advance (840) 负债 Liability 0.07 0.07 — —",
        "合计 Total 156 12,500.00 12,500.00 10,000.00 10,000.00",
        "合计 Total 840 0.07 0.07 0.00 0.00",
    ):
        assert needed in text
    assert "尚无入账 Nothing has been posted" in Page(balance_as_html(TrialBalance((), ()), "", TODAY)).text


# The tables.


def test_table_has_a_row_a_break_and_nothing_else() -> None:
    rows = table(as_csv(EXPECTED))
    assert [tuple(row) for row in rows] == [BREAK_COLUMNS] * 7
    assert rows[0] == {
        "report_date": D2,
        "bank": BANK,
        "bank_name": "工商银行",
        "break": REFUNDED.name,
        "date": "20261124",
        "class": "bank_only",
        "direction": "C",
        "code": "500000",
        "policy": "P1",
        "due": "D1",
        "key": REFUNDED.key,
        "line": "1",
        "ours_yuan": "0.00",
        "theirs_yuan": "500.00",
        "withheld_yuan": "0.00",
        "difference_yuan": "500.00",
        "bank_code": "",
        "bank_policy": "",
        "bank_due": "",
        "reason": "the bank's file has it, we do not",
        "hint": "",
        "owner": "李娜",
        "age_days": "1",
        "state": "closed",
        "resolution": "refund",
        "proposed_by": "李娜",
        "approved_by": "王强",
        "settled_on": D2,
    }
    assert [row["difference_yuan"] for row in rows] == [
        "500.00",
        "-300.00",
        "-120.00",
        "-100.00",
        "800.00",
        "0.00",
        "5000.00",
    ]


TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=30) | st.from_regex(
    r"[=+@\-\t\r\n'＝0-9 Ee]{1,6}[A-Z(]?", fullmatch=True
)


@given(TEXTS)
def test_table_is_read_back_as_it_was_but_for_escapes_whatever_the_texts(text: str) -> None:
    rows = table(as_csv(with_texts(text)))
    assert [
        (row["bank_name"], row["key"], row["policy"], row["reason"], row["owner"], row["approved_by"])
        for row in rows
    ] == [(escaped(text),) * 6] * 7


@given(TEXTS)
def test_no_text_is_a_formula_to_a_spreadsheet(text: str) -> None:
    source = as_csv(with_texts(text)).decode("utf-8-sig")
    numbers = {"ours_yuan", "theirs_yuan", "difference_yuan"}
    for row in csv.DictReader(io.StringIO(source, newline="")):
        for name, cell in row.items():
            if name not in numbers:
                assert not cell.lstrip().startswith(("=", "+", "-", "@", "＝", "＋", "－", "＠"))
                assert not cell.startswith(("\t", "\r", "\n"))


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("=HYPERLINK(1)", "'=HYPERLINK(1)"),
        (" @SUM(1)", "' @SUM(1)"),
        ("\t=1", "'\\u0009=1"),
        ("＝1", "'＝1"),
        ("'1", "''1"),
        ("00123", "'00123"),
        ("1234567890123456", "'1234567890123456"),
        ("12E3", "'12E3"),
        ("2026-1", "'2026-1"),
        ("123456789012345", "123456789012345"),
        ("P1", "P1"),
        ("0", "0"),
        ("we have it", "we have it"),
    ],
)
def test_text_that_a_spreadsheet_would_change_is_guarded(text: str, cell: str) -> None:
    source = as_csv(with_texts(text)).decode("utf-8-sig")
    assert {row["policy"] for row in csv.DictReader(io.StringIO(source, newline=""))} == {cell}


def test_overview_table_has_a_row_a_bank() -> None:
    rows = table(overview_as_csv(OVERVIEW))
    figures = ("8", "7", "4", "1000.00", "7000.00", "6000.00", "4", "5", "5800.00", "-220.00")
    assert [tuple(row) for row in rows] == [OVERVIEW_COLUMNS] * 2
    assert [tuple(row.values()) for row in rows] == [
        (D2, BANK, "工商银行", "posted", *figures),
        (D2, LATE, "中国银行", "waiting", *[""] * 10),
    ]


def test_balance_table_has_a_row_an_account() -> None:
    rows = table(balance_as_csv(BALANCE, D2))
    assert [tuple(row) for row in rows] == [BALANCE_COLUMNS] * 3
    assert [tuple(row.values()) for row in rows] == [
        (D2, "1122", "应收保费 Premiums receivable", "asset", "156", "0.00", "10000.00", "-10000.00"),
        (D2, "122101", "银行清算 Clearing", "asset", "156", "12500.00", "2500.00", "10000.00"),
        (D2, "2203", "预收保费 In advance", "liability", "840", "0.07", "0.07", "0.00"),
    ]


# No page that lies.

WRONG = EXPECTED._replace(breaks=EXPECTED.breaks[:-1])


@pytest.mark.parametrize(
    "show",
    [
        lambda: as_html(WRONG),
        lambda: as_csv(WRONG),
        lambda: overview_as_html(OVERVIEW._replace(reports=(EXPECTED, WRONG))),
        lambda: overview_as_csv(OVERVIEW._replace(reports=(EXPECTED, WRONG))),
    ],
    ids=["page", "table", "overview", "overview's table"],
)
def test_report_whose_sums_are_wrong_is_not_shown(show: Callable[[], object]) -> None:
    with pytest.raises(InvariantBroken, match="the two sides' difference: 600000 is said"):
        show()


FIRST = BALANCE.rows[0]


@pytest.mark.parametrize(
    "wrong",
    [
        BALANCE._replace(rows=(FIRST._replace(balance=-999_999), *BALANCE.rows[1:])),
        BALANCE._replace(rows=(FIRST._replace(credit=999_999, balance=-999_999), *BALANCE.rows[1:])),
        BALANCE._replace(rows=BALANCE.rows[1:]),
        BALANCE._replace(turnover=(("156", 1_250_001), ("840", 7))),
        BALANCE._replace(turnover=(("156", 1_250_000),)),
        BALANCE._replace(turnover=(("156", 1_250_007),), rows=(*BALANCE.rows[:2],)),
    ],
    ids=["balance", "sides", "row less", "turnover", "currency less", "all else"],
)
def test_trial_balance_that_does_not_balance_is_not_shown(wrong: TrialBalance) -> None:
    with pytest.raises(InvariantBroken):
        balance_as_html(wrong, D2, TODAY)
    with pytest.raises(InvariantBroken):
        balance_as_csv(wrong, D2)


@pytest.mark.parametrize("unseen", ["\u202e", "\u2066", "\u200b", "\u2028", "\x85", "\x1b"])
def test_what_is_not_seen_reaches_neither_page_nor_table(unseen: str) -> None:
    report = with_texts(f"张{unseen}三")
    for text in (as_html(report), as_csv(report).decode("utf-8-sig")):
        assert unseen not in text
        assert escaped(f"张{unseen}三") in text


CHINESE = wording.Reader({ONLY_OURS: "我方有，银行文件没有"}.__getitem__, is_chinese=True)


def with_reason(reason: str) -> Report:
    listed = tuple(one._replace(row=one.row._replace(reason=reason, hint="")) for one in EXPECTED.breaks)
    return EXPECTED._replace(breaks=listed)


def test_every_column_of_a_table_has_its_chinese_name() -> None:
    assert set(wording.COLUMNS) == {*BREAK_COLUMNS, *OVERVIEW_COLUMNS, *BALANCE_COLUMNS}


def test_the_tables_are_in_chinese_for_who_reads_it() -> None:
    [first, *_] = table(as_csv(with_reason(ONLY_OURS), CHINESE))
    assert [head for head in first if re.search("[a-z]", head)] == []
    assert (first["报告日期"], first["原因"], first["方向"]) == (D2, "我方有，银行文件没有", "代收")
    assert first["类别"] in {explained.name.zh for explained in wording.CLASSES.values()}
    assert first["状态"] in {words.zh for words in wording.BREAK_STATES.values()}
    assert {row["状态"] for row in table(overview_as_csv(OVERVIEW, CHINESE))} == {"已入账", "等待对账"}
    assert [row["类别"] for row in table(balance_as_csv(BALANCE, D2, CHINESE))] == ["资产", "资产", "负债"]


def test_a_page_has_a_known_reason_in_both_languages_and_any_other_as_it_is() -> None:
    page = as_html(with_reason(ONLY_OURS), CHINESE.look_up)
    assert (
        '<span>我方有，银行文件没有</span> <span lang="en">we have it, the bank&#39;s file does not</span>'
        in page
    )
    assert '<div><span lang="en">why</span></div>' in as_html(with_reason("why"), CHINESE.look_up)
