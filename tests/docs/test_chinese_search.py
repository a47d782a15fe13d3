"""A page's terms: words as they stand, Chinese character by character and pair by pair."""

from __future__ import annotations

import pytest

from tests.docs.chinese_search import ChineseSearch


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("保单", ["保", "单", "保单"]),
        ("查保单。", ["查", "保", "单", "查保", "保单"]),
        ("DE 39应答", ["DE", "39", "应", "答", "应答"]),
        ("front_book、账", ["front_book", "账"]),
        ("（）。", []),
    ],
)
def test_a_text_is_taken_apart(text: str, terms: list[str]) -> None:
    assert ChineseSearch({}).split(text) == terms


def test_a_chinese_term_is_kept_as_it_is_and_an_english_one_by_its_stem() -> None:
    search = ChineseSearch({})
    assert [search.stem(term) for term in ("保单", "answers")] == ["保单", "answer"]
    assert search.word_filter("保")
