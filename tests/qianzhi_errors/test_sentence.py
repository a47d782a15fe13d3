"""A sentence keeps its pattern and values, and is said in another language with the same values."""

from __future__ import annotations

import pickle
from copy import deepcopy
from pathlib import Path

import pytest

from qianzhi_errors import QianzhiError
from qianzhi_errors.sentence import (
    VALUE_LENGTH_MAX,
    Sentence,
    listed,
    rewritten,
    translated,
    unlisted,
)

CHINESE = {
    "line {line}: {reason}": "第 {line} 行：{reason}",
    "no amount": "没有金额",
    "{first}, {rest}": "{first}、{rest}",
}


def look_up(pattern: str) -> str:
    return CHINESE.get(pattern, pattern)


def test_it_is_its_english_text() -> None:
    assert Sentence("line {line:03}: {reason}", line=7, reason="no amount") == "line 007: no amount"


def test_a_value_that_is_a_sentence_is_translated_with_it() -> None:
    sentence = Sentence("line {line}: {reason}", line=3, reason=Sentence("no amount"))
    assert sentence.translated(look_up) == "第 3 行：没有金额"


def test_the_text_of_an_error_raised_with_it_still_is_one() -> None:
    sentence = Sentence("line {line}: {reason}", line=3, reason=str(ValueError(Sentence("no amount"))))
    assert translated(str(ValueError(sentence)), look_up) == "第 3 行：没有金额"


def test_a_value_that_looks_like_a_pattern_stays_as_it_is() -> None:
    sentence = Sentence("line {line}: {reason}", line="{reason}", reason="no amount")
    assert sentence.translated(look_up) == "第 {reason} 行：no amount"


def test_a_pattern_that_is_not_known_stays_english() -> None:
    assert Sentence("no {what}", what="amount").translated(look_up) == "no amount"


LONG = "x" * (VALUE_LENGTH_MAX + 1)
CUT = "x" * (VALUE_LENGTH_MAX - 1) + "…"


@pytest.mark.parametrize("value", [LONG, LONG * 10_000, Path(LONG), ValueError(LONG)])
def test_a_text_that_is_too_long_to_be_read_is_cut(value: object) -> None:
    sentence = Sentence("no amount in {what}, line {line}", what=value, line=3)
    assert sentence == f"no amount in {CUT}, line 3"
    assert sentence.translated(look_up) == deepcopy(sentence) == pickle.loads(pickle.dumps(sentence))


def test_a_text_of_usual_length_and_a_sentence_of_any_are_whole() -> None:
    usual = "x" * VALUE_LENGTH_MAX
    whole = listed([Sentence("no {what}", what="amount")] * 200)
    assert (Sentence("{what}", what=usual), Sentence("{what}", what=whole)) == (usual, str(whole))
    assert len(whole) > VALUE_LENGTH_MAX


def test_a_rewritten_text_is_whole_however_long_and_whatever_is_in_it() -> None:
    whole = listed([Sentence("no {what}", what="{amount}")] * 200)
    assert rewritten(whole, lambda text: text.upper()) == whole.upper()


def test_what_is_no_sentence_is_left_alone() -> None:
    assert [translated(value, look_up) for value in ("no amount", 3)] == ["no amount", 3]


def test_a_place_without_a_value_is_refused_when_it_is_made() -> None:
    with pytest.raises(KeyError, match="line"):
        Sentence("line {line}")


@pytest.mark.parametrize("parts", [[], ["a"], ["a", "b"], ["a", "b", "c"]])
def test_parts_are_listed_with_commas(parts: list[str]) -> None:
    assert listed(parts) == ", ".join(parts)


def test_a_list_is_translated_with_its_commas_and_its_parts() -> None:
    assert translated(listed(["a", Sentence("no amount"), "c"]), look_up) == "a、没有金额、c"


@pytest.mark.parametrize("copied", [deepcopy, lambda one: pickle.loads(pickle.dumps(one))])
def test_a_copy_keeps_its_parts(copied: object) -> None:
    sentence = Sentence("line {line}: {reason}", line=3, reason=Sentence("no amount"))
    assert callable(copied)
    again = copied(sentence)
    assert (again, again.translated(look_up)) == (sentence, "第 3 行：没有金额")


def test_the_text_of_an_error_is_the_sentence_that_it_was_raised_with() -> None:
    error = QianzhiError(Sentence("line {line}: {reason}", line=3, reason=Sentence("no amount")))
    assert translated(str(error), look_up) == "第 3 行：没有金额"


def test_an_error_within_a_sentence_is_translated_with_it() -> None:
    sentence = Sentence("line {line}: {reason}", line=3, reason=QianzhiError(Sentence("no amount")))
    assert (sentence, sentence.translated(look_up)) == ("line 3: no amount", "第 3 行：没有金额")


def test_no_error_is_held_by_a_sentence() -> None:
    sentence = Sentence("{reason}", reason=ValueError("no amount"))
    assert type(sentence.values["reason"]) is str


def test_a_rewritten_sentence_is_translated_with_its_rewritten_values() -> None:
    sentence = Sentence("line {line}: {reason}", line=3, reason=Sentence("{who} {n}", who="Anna", n=7))
    again = rewritten(sentence, lambda text: text.replace("Anna", "****"))
    assert (again, again.translated(look_up)) == ("line 3: **** 7", "第 3 行：**** 7")


def test_what_is_rewritten_across_a_value_is_not_translated() -> None:
    sentence = Sentence("line {line}: {reason}", line=3, reason="Anna")
    again = rewritten(sentence, lambda text: text.replace("3: Anna", "****"))
    assert (again, again.translated(look_up)) == ("line ****",) * 2


def test_an_empty_sentence_is_empty_in_any_language() -> None:
    assert Sentence("").translated(lambda _pattern: "the header of a catalogue") == ""


@pytest.mark.parametrize("parts", [["a"], ["a", "b"], ["a", Sentence("b, {c}", c="c"), "d"]])
def test_a_list_can_be_taken_apart_again(parts: list[str]) -> None:
    assert unlisted(listed(parts, "{first}; {rest}")) == parts


def test_a_list_of_thousands_is_no_thousands_of_sentences_in_each_other() -> None:
    parts = [f"line {number}" for number in range(5000)]
    whole = listed(parts, "{first}\n{rest}")
    assert (whole, translated(whole, look_up), unlisted(whole)) == ("\n".join(parts), "\n".join(parts), parts)
