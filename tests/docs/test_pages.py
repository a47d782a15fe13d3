"""The pages say all that they must: each class of breaks has a section, each Chinese term a glossary line."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from fep.settings.config import Bank
from ledger.rules.break_classes import BreakClass
from ledger.rules.day import DayState
from office.accounting import break_reasons
from office.accounting.break_states import BreakState
from office.accounting.chart import shipped
from office.reports.wording import CLASSES as WORDS
from tests.docs.pages import DOCS, ROOT, headings, pages, sections
from tests.support.python_sources import PACKAGES

BREAKS = sections((DOCS / "breaks.md").read_text(encoding="utf-8"), 2)
GLOSSARY = (DOCS / "glossary.md").read_text(encoding="utf-8")
PARTS = ("Example", "The reason says", "Usual causes", "Who decides what", "What is posted")
FRAGMENT_MIN = 6
# Where to look besides, how a break of an earlier date came to its end, and what statements lack.
NOT_A_FINDINGS = frozenset(
    (
        break_reasons.SEE_ALSO,
        break_reasons.SAME_KEY,
        break_reasons.OURS_CHANGED_SINCE,
        break_reasons.BOTH_CHANGED_SINCE,
        break_reasons.THEIRS_REVERSED_SINCE,
        break_reasons.NOTHING_WITHHELD,
        break_reasons.ARRIVAL,
        break_reasons.ADD_UP,
        break_reasons.ADD_UP_TO_ONE,
    )
)
_PLACE = re.compile(r"\{\w+\}")
_CHINESE = re.compile(r"[\u4e00-\u9fff]{2,}")
# What is not English with terms beside it: both languages in full, or what the machine prints.
BILINGUAL = ("accounts.md", "certify.md")


def squeezed(text: str) -> str:
    return " ".join(text.split())


def reasons() -> Iterator[str]:
    """The fixed parts of every reason that reconciliation gives a new break."""
    for pattern in set(break_reasons.PATTERNS) - NOT_A_FINDINGS:
        yield from (part for part in _PLACE.split(pattern) if len(part) >= FRAGMENT_MIN)


def test_every_class_has_its_section_under_its_name_in_both_languages() -> None:
    classes = [name for name in BREAKS if name.startswith("`")]
    assert classes == [f"`{cls}` {WORDS[cls].name.zh}" for cls in BreakClass]
    for cls in BreakClass:
        section = BREAKS[f"`{cls}` {WORDS[cls].name.zh}"]
        assert section.strip().startswith(WORDS[cls].name.en)


@pytest.mark.parametrize("cls", BreakClass)
def test_a_class_is_explained_whole(cls: str) -> None:
    section = BREAKS[f"`{cls}` {WORDS[cls].name.zh}"]
    assert re.findall(r"^\*\*([^*]+?)[.:]\*\*", section, re.MULTILINE) == list(PARTS)


@pytest.mark.parametrize("cls", BreakClass)
def test_no_resolution_is_named_under_a_class_that_it_does_not_fit(cls: str) -> None:
    section = BREAKS[f"`{cls}` {WORDS[cls].name.zh}"].split("**Who decides what.**")[1]
    chart = shipped()
    named = set(re.findall(r"`(\w+)`", section)) & set(chart.resolutions)
    assert named <= {
        resolution.name for resolution in chart.resolutions.values() if cls in resolution.classes
    }


def test_every_reason_of_the_code_is_on_the_page() -> None:
    page = squeezed("\n".join(BREAKS.values()))
    assert {reason for reason in reasons() if reason.strip(": ") not in page} == set()


def test_every_reason_on_the_page_is_one_of_the_code() -> None:
    code = "".join(f"; {pattern}" for pattern in break_reasons.PATTERNS)
    quoted = re.findall("“([^”]+)”", "\n".join(BREAKS.values()))
    fragments = [squeezed(part) for quotation in quoted for part in quotation.split("…")]
    assert [part for part in fragments if len(part) >= FRAGMENT_MIN and part not in code] == []
    assert len(quoted) > len(BreakClass)


def chinese_terms(text: str) -> set[str]:
    """The Chinese words on a page, but for those in code."""
    prose = re.sub(r"```.*?```|`[^`]*`|\]\([^)]*\)", " ", text, flags=re.DOTALL)
    return set(_CHINESE.findall(prose))


def glossary(column: int) -> str:
    """One column of all the glossary's tables."""
    rows = [line.strip("|").split("|") for line in GLOSSARY.splitlines() if line.startswith("|")]
    return "\n".join(cells[column] for cells in rows)


def test_every_chinese_term_of_the_pages_is_in_the_glossary() -> None:
    known = set(_CHINESE.findall(glossary(1)))
    missing = {
        f"{page.name}: {term}"
        for page in pages()
        if page.name not in (*BILINGUAL, "glossary.md")
        for term in chinese_terms(page.read_text(encoding="utf-8")) - known
    }
    assert missing == set()


def test_every_state_and_class_is_in_the_glossary() -> None:
    terms = {term.strip() for term in re.split("[,\n]", glossary(0))}
    assert {state.value for state in (*DayState, *BreakState)} - terms == set()
    chinese = {term.strip() for term in glossary(1).splitlines()}
    assert {WORDS[cls].name.zh for cls in BreakClass} - chinese == set()


def test_chinese_is_found_in_words_and_not_in_code() -> None:
    text = "an overage 长款, `短款`\n```\n流水\n```\n[a](#对账)"
    assert chinese_terms(text) == {"长款"}


def test_no_page_has_two_headings_of_one_name_side_by_side() -> None:
    """An anchor is made of a heading's words: two alike, and a link goes to the first."""
    for page in pages():
        top = [name for level, name in headings(page.read_text(encoding="utf-8")) if level <= 2]
        assert len(top) == len(set(top)), page.name


def said(text: str) -> list[str]:
    """What a page's tables under "it says" have the machine say: the parts that never vary."""
    tables = re.findall(r"^\| it says \| do \|\n\|[-|]+\n((?:\|.*\n)+)", text, re.MULTILINE)
    firsts = [row.split(" | ")[0] for table in tables for row in table.splitlines()]
    quoted = [quotation for first in firsts for quotation in re.findall("`([^`]+)`", first)]
    return [
        part.strip()
        for quotation in quoted
        for part in quotation.split("…")
        if len(part.strip()) >= FRAGMENT_MIN
    ]


def test_what_the_machine_says_on_the_pages_is_what_the_code_has_it_say() -> None:
    sources = [path.read_text(encoding="utf-8") for name in PACKAGES for path in (ROOT / name).rglob("*.py")]
    code = squeezed(re.sub(r'"\s+f?"', "", " ".join(sources)))
    quotations = [
        (page.name, quotation) for page in pages() for quotation in said(page.read_text(encoding="utf-8"))
    ]
    assert [(name, quotation) for name, quotation in quotations if quotation not in code] == []
    assert {name for name, _ in quotations} == {"core.md", "day.md"}


def test_the_entry_of_a_bank_to_connect_names_every_setting_or_says_what_holds_without_it() -> None:
    section = sections((DOCS / "connect.md").read_text(encoding="utf-8"), 3)["Its entry in the settings"]
    named = set(re.findall("^> ([a-z0-9_]+) =|`([a-z0-9_]+)` \\(", section, re.MULTILINE))
    assert set(Bank.model_fields) - {name for pair in named for name in pair} == set()
