"""The pages' Chinese is whole and current, and keeps every command, link and number of the English."""

from __future__ import annotations

import re
from collections import Counter

import pytest
from babel.messages.catalog import Catalog
from markdown_it import MarkdownIt

from tests.docs.translations import (
    CATALOGUES,
    SITE,
    TITLES,
    TRANSLATED,
    as_paragraph,
    as_source,
    catalogue,
    code_spans,
    completed,
    has_words,
    present,
    targets,
    unfinished,
)

REMAKE = "run `make catalogue`, translate what it names, and run it again"
_CHINESE = re.compile(r"[\u4e00-\u9fff]")
_NUMBER = re.compile(r"\d+(?:[.,:]\d+)*")
_MARKUP = re.compile(r"\*+|`+|\]\(")
_PARAGRAPH = ["paragraph_open", "inline", "paragraph_close"]


def messages(page: str) -> list[tuple[str, str]]:
    """English and Chinese of each text of a page."""
    return [(str(message.id), str(message.string)) for message in catalogue(page) if message.id]


def plain(text: str) -> str:
    """What is left to read of a translation beside its code; raises ValueError if it is no paragraph."""
    tokens = MarkdownIt("commonmark").parse(as_paragraph(text))
    if [token.type for token in tokens] != _PARAGRAPH:
        raise ValueError(text)
    return "".join(child.content for child in tokens[1].children or () if child.type == "text")


def numbers(text: str) -> set[str]:
    """The numbers in the prose of a text, its links' targets left out."""
    return set(_NUMBER.findall(plain(text)))


def lost(english: str, chinese: str) -> list[str]:
    """What of a text is not in its translation, or in it only: code, links, numbers, marks left over."""
    before, after = (Counter(_MARKUP.findall(plain(text))) for text in (english, chinese))
    return [
        *sorted(f"`{span}`" for span in set(code_spans(english)) ^ set(code_spans(chinese))),
        *sorted(f"]({target})" for target in set(targets(english)) ^ set(targets(chinese))),
        *sorted(numbers(english) - numbers(chinese)),
        *sorted(after - before),
    ]


def test_the_pages_with_a_catalogue_are_those_that_must_be_in_chinese() -> None:
    assert {path.stem for path in CATALOGUES.glob("*.po")} == {SITE, TITLES, *TRANSLATED}


@pytest.mark.slow
def test_every_catalogue_has_every_text_of_its_page_and_no_other() -> None:
    stale = [
        name
        for name, found in present().items()
        if as_source(completed(catalogue(name), found)) != (CATALOGUES / f"{name}.po").read_bytes()
    ]
    assert stale == [], REMAKE


@pytest.mark.parametrize("page", [SITE, TITLES, *TRANSLATED])
def test_every_text_is_in_chinese_and_none_is_in_doubt(page: str) -> None:
    assert [message.id for message in unfinished(catalogue(page))] == [], REMAKE
    assert [english for english, chinese in messages(page) if not _CHINESE.search(chinese)] == []


@pytest.mark.parametrize("page", [TITLES, *TRANSLATED])
def test_no_command_link_or_number_is_lost_in_chinese(page: str) -> None:
    found = {english: lost(english, chinese) for english, chinese in messages(page)}
    assert {english: things for english, things in found.items() if things} == {}


@pytest.mark.parametrize(
    ("english", "chinese", "things"),
    [
        ("run `make demo`", "运行 `make demo`", []),
        ("run `make demo`", "运行 `make live`", ["`make demo`", "`make live`"]),
        ("see [keys](keys.md#the-ceremony)", "见[密钥](keys.md)", ["](keys.md#the-ceremony)", "](keys.md)"]),
        ("at most 8,192 bytes", "最多 8192 字节", ["8,192"]),
        ("two of 60", "60 之 2", []),
        ("**data**, never code", "是**数据，**不是代码", ["**"]),
        ("1. Framing", "1. 分帧", []),
    ],
)
def test_what_a_translation_loses_is_seen(english: str, chinese: str, things: list[str]) -> None:
    assert lost(english, chinese) == things


@pytest.mark.parametrize(
    ("text", "needed"),
    [
        ("answers", True),
        ("[keys](keys.md)", True),
        ("`qianzhi keys list`", False),
        ("GB18030", False),
        ("cp500", False),
        ("0800 → 0810", False),
        ("DE 39 = 00", True),
        ("10 s, 500 ms", False),
        ("银行对接人员", False),
        ("PostgreSQL, SQLite", False),
        ("QianzhiClockJumped", False),
        ("[QianzhiClockJumped](#qianzhiclockjumped)", False),
        ("Qianzhi clock", True),
        ("16/32 hex digits", True),
    ],
)
def test_only_a_text_with_words_needs_a_translation(text: str, needed: bool) -> None:
    assert has_words(text) is needed


def written(**texts: str) -> Catalog:
    """A catalogue of these texts; a blank is an underline in a name."""
    whole = Catalog(locale="zh", fuzzy=False)
    for english, chinese in texts.items():
        whole.add(english.replace("_", " "), chinese)
    return whole


def state(whole: Catalog) -> list[tuple[object, object, bool]]:
    """Each text with its translation, and whether that is in doubt."""
    return [(message.id, message.string, message.fuzzy) for message in whole if message.id]


def test_a_changed_text_keeps_its_translation_in_doubt() -> None:
    whole = completed(written(a_link_is_closed="连接被关闭"), ["a link is closed at once"])
    assert state(whole) == [("a link is closed at once", "连接被关闭", True)]
    assert state(completed(whole, ["a link is closed at once"])) == state(whole)


def test_a_new_text_has_no_translation_and_one_that_is_gone_no_place() -> None:
    whole = completed(written(answers="应答", repeats="重发"), ["new words", "answers"])
    assert state(whole) == [("new words", "", False), ("answers", "应答", False)]


def test_a_text_without_words_has_a_place_only_with_a_translation() -> None:
    known = Catalog(locale="zh", fuzzy=False)
    known.add("`not taken: …`", "`not taken: …`（未接收：……）")
    known.add("`gone: …`", "`gone: …`（无：……）")
    whole = completed(known, ["`qianzhi reload`", "`not taken: …`"])
    assert state(whole) == [("`not taken: …`", "`not taken: …`（未接收：……）", False)]


@pytest.mark.parametrize(
    ("text", "paragraph"),
    [
        ("1. 分帧", r"1\. 分帧"),
        ("12) 分帧", r"12\) 分帧"),
        ("- 无", r"\- 无"),
        ("## 分帧", r"\## 分帧"),
        ("**数据**", "**数据**"),
        ("1.5 秒", "1.5 秒"),
        ("分帧 1. 分帧", "分帧 1. 分帧"),
    ],
)
def test_a_translation_is_one_paragraph(text: str, paragraph: str) -> None:
    assert as_paragraph(text) == paragraph
