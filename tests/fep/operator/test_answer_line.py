"""An answer at the operator's socket: English for a program, with the Sentences for a command."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from fep.operator.answer_line import as_line, from_line
from qianzhi_errors.sentence import Sentence, listed

REASON = Sentence("no amount in line {line}", line=3)
WHOLE = Sentence("{file}: {reason}", file=Path("/a"), reason=REASON)
CHINESE = {
    "no amount in line {line}": "第 {line} 行没有金额",
    "{file}: {reason}": "{file}：{reason}",
    "{first}, {rest}": "{first}、{rest}",
    "{text}": "“{text}”",
}


def look_up(pattern: str) -> str:
    return CHINESE.get(pattern, pattern)


def there_and_back(text: str) -> Sentence:
    sentence = from_line(as_line({"refused": text}).decode())["refused"]
    assert isinstance(sentence, Sentence)
    return sentence


def test_an_answer_without_a_sentence_is_its_json_and_nothing_else() -> None:
    answer = {"done": {"banks": 3, "changed": ["a"], "seconds": None}}
    assert as_line(answer) == json.dumps(answer).encode()


def test_a_program_reads_the_english_text_where_it_was() -> None:
    assert json.loads(as_line({"done": {"why": [WHOLE]}}))["done"] == {"why": ["/a: no amount in line 3"]}


@pytest.mark.parametrize(
    ("sentence", "chinese"),
    [
        (REASON, "第 3 行没有金额"),
        (WHOLE, "/a：第 3 行没有金额"),
        (listed(["a", REASON, "b"]), "a、第 3 行没有金额、b"),
        (Sentence("{text}", text="its own text"), "“its own text”"),
    ],
)
def test_a_sentence_comes_back_as_it_was(sentence: Sentence, chinese: str) -> None:
    again = there_and_back(sentence)
    assert (again, again.translated(look_up)) == (sentence, chinese)


def test_a_sentence_is_found_in_lists_tables_and_tuples() -> None:
    answer = from_line(as_line({"done": {"a": [{"b": (1, REASON)}], "c": 2}}).decode())
    assert answer == {"done": {"a": [{"b": [1, "no amount in line 3"]}], "c": 2}}
    assert answer["done"]["a"][0]["b"][1].translated(look_up) == "第 3 行没有金额"


def test_what_json_cannot_hold_goes_as_english_alone() -> None:
    sentence = Sentence("it ends on {ends:%Y-%m-%d}", ends=datetime(2026, 11, 30, tzinfo=UTC))
    assert json.loads(as_line({"refused": sentence})) == {"refused": "it ends on 2026-11-30"}
