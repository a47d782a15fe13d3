"""What is shown as an escape, and what as itself."""

from __future__ import annotations

import json
import sys
import unicodedata

import pytest

from ledger.rules.escaping import escaped

UNSEEN = {
    "bidirectional controls": "\u200e\u200f\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069",
    "zero width": "\u200b\u200c\u200d\u2060\ufeff\u00ad\u180e",
    "separators": "\u2028\u2029",
    "C0": "".join(map(chr, range(0x20))),
    "C1": "".join(map(chr, range(0x7F, 0xA0))),
    "blank letters": "\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0",
    "tags": "\U000e0001\U000e0041\U000e007f",
    "half a pair": "\ud800\udfff",
    "no character": "\ufffe\uffff",
}
SEEN = "张三 O'Neil\u00a0é ① （保单）：\u3000𠮷 \ue000 ﹏ á \\ 'P-1' 한국"


@pytest.mark.parametrize("kind", UNSEEN)
def test_each_character_that_is_not_seen_is_an_escape(kind: str) -> None:
    for character in UNSEEN[kind]:
        shown = escaped(f"张{character}三")
        assert shown.startswith("张\\u")
        assert shown.endswith("三")
        assert character not in shown
        assert json.loads(f'"{shown}"') == f"张{character}三", "it says which"


def test_what_is_seen_is_shown_as_itself() -> None:
    assert escaped(SEEN) == SEEN


def test_no_character_of_a_category_that_is_unseen_is_let_through() -> None:
    unseen = {"Cc", "Cf", "Cs", "Zl", "Zp"}
    let_through = [
        code
        for code in range(sys.maxunicode + 1)
        if unicodedata.category(chr(code)) in unseen and escaped(chr(code)) == chr(code)
    ]
    assert let_through == []


def test_line_feeds_and_tabs_stay_where_there_are_lines() -> None:
    assert escaped("a\n\tb\r\u2028", lines=True) == "a\n\tb\\u000d\\u2028"
    assert escaped("a\nb") == "a\\u000ab"


def test_json_keeps_its_values_for_a_program_and_shows_escapes_on_a_page() -> None:
    text = json.dumps({"name": "张\u202e三\U000e0041"}, ensure_ascii=False)
    assert json.loads(escaped(text)) == {"name": "张\u202e三\U000e0041"}
    assert json.loads(escaped(text, json=True)) == {"name": "张\\u202e三\\udb40\\udc41"}
