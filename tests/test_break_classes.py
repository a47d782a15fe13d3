"""The table of break classes is total: each class has its words, its ends, its pages and its oracle."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ledger.files.open_breaks_file import Figures, Outstanding, parse, write
from ledger.rules.break_classes import CLASSES, BreakClass
from office.accounting.chart import shipped
from office.reports.wording import CLASSES as WORDS
from office.reports.wording import Words
from simulators.world.accounts import ENDS

DOCS = Path(__file__).parents[1] / "docs"
CHART = shipped()


@pytest.mark.parametrize("cls", BreakClass)
def test_every_class_has_a_name_and_a_meaning_in_both_languages_that_are_its_own(cls: BreakClass) -> None:
    row = CLASSES[cls]
    assert row.cls is cls
    for chinese, english in ((row.chinese, row.english), (row.meaning_chinese, row.meaning)):
        assert re.search("[\u4e00-\u9fff]", chinese)
        assert re.search("[A-Za-z]", english)
    for name in ("chinese", "english", "meaning_chinese", "meaning"):
        assert len({getattr(cls, name) for cls in CLASSES.values()}) == len(BreakClass)


@pytest.mark.parametrize("cls", BreakClass)
def test_every_class_has_its_words_on_reports(cls: BreakClass) -> None:
    row = CLASSES[cls]
    assert WORDS[cls] == (Words(row.chinese, row.english), Words(row.meaning_chinese, row.meaning))


@pytest.mark.parametrize("cls", BreakClass)
@pytest.mark.parametrize("difference", [-1, 0, 1])
def test_a_break_of_every_class_and_sign_has_an_end(cls: BreakClass, difference: int) -> None:
    assert CHART.fitting(cls, difference)


@pytest.mark.parametrize("cls", BreakClass)
def test_every_class_has_an_end_by_the_worlds_oracle(cls: BreakClass) -> None:
    assert {sign for signs, _, classes in ENDS.values() if cls in classes for sign in signs} == {*"+-0"}


@pytest.mark.parametrize("cls", BreakClass)
def test_what_the_office_tells_the_status_page_may_be_of_every_class(cls: BreakClass) -> None:
    figures = Figures(1, (Outstanding("01020000", cls, "20261124", 1, 1),))
    assert parse(write(figures)) == figures


def test_the_table_is_in_the_order_of_the_classes_and_nothing_else_is_a_class() -> None:
    assert [*CLASSES] == [*BreakClass] == [*WORDS]
    assert {cls for resolution in CHART.resolutions.values() for cls in resolution.classes} == {*BreakClass}
    assert {cls for _, _, classes in ENDS.values() for cls in classes} == {*BreakClass}


def test_what_is_withheld_and_whose_lines_there_are_is_said_of_each_class() -> None:
    named = {
        name: {cls for cls, row in CLASSES.items() if getattr(row, name)}
        for name in ("has_ours", "withholds")
    }
    assert named["withholds"] == {"details_differ", "late_reversal", "exception_advice"}
    assert {*BreakClass} - named["has_ours"] == {"bank_only", "duplicate", "late_reversal", "arrival_differs"}
    without = {"details_differ", "late_reversal", "arrival_differs"}
    assert {cls for cls, row in CLASSES.items() if not row.needs_line} == without


def test_the_accountants_page_names_each_class_as_the_table_does() -> None:
    page = (DOCS / "accounts.md").read_text("utf-8").split("## Breaks")[1].split("## Resolutions")[0]
    rows = re.findall(r"^\| `(\w+)` \| ([^|]+) \|", page, re.MULTILINE)
    assert dict(rows) == {str(cls): row.chinese for cls, row in CLASSES.items()}
