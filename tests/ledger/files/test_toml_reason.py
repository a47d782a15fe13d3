"""A text that is no TOML is refused in the library's own words, and they can be said in another language."""

from __future__ import annotations

import tomllib

import pytest

from ledger.files.toml_reason import toml_reason
from qianzhi_errors.sentence import Sentence, translated

CHINESE = {
    "{fault} (at line {line}, column {column})": "{fault}（第 {line} 行第 {column} 列）",
    "{fault} (at end of document)": "{fault}（文末）",
}
"""Enough to see that the place was told apart."""


def reason_of(text: str) -> tuple[str, str]:
    with pytest.raises(tomllib.TOMLDecodeError) as caught:
        tomllib.loads(text)
    return str(caught.value), toml_reason(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "a",
        "a = ",
        "a = x",
        "a = 1 b = 2",
        "a = 1\na = 2",
        "[a]\n[a]",
        "[a",
        "[[a",
        "= 1",
        "a = [1",
        "a = { b = 1",
        "a = { b = 1, b = 2 }",
        'a = "x',
        'a = """x',
        'a = "\\q"',
        'a = "\\uqqqq"',
        'a = "x\ny"',
        "a = 2026-13-01",
        "a = 1\n# \x00",
        "!",
    ],
)
def test_the_words_are_the_librarys_and_the_place_is_told_apart(text: str) -> None:
    plain, reason = reason_of(text)
    spoken = translated(reason, lambda pattern: CHINESE.get(pattern, pattern))
    assert (reason, type(reason), str(spoken)[-1]) == (plain, Sentence, "）")
    assert isinstance(reason, Sentence)
    assert isinstance(reason.values["fault"], Sentence)


def test_a_text_without_a_place_is_kept() -> None:
    assert toml_reason(tomllib.TOMLDecodeError("some fault")) == "some fault"
