"""The table of response codes is total: every code has its words, and some rule of the machine answers it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from fep.status.webpage import shipped
from protocol.code_names import RESPONSE_NAMES
from protocol.responses import FINAL, RESPONSES, Response
from simulators.world import oracle

ROOT = Path(__file__).parents[1]
RULES = sorted(path for package in ("ledger", "fep") for path in (ROOT / package).rglob("*.py"))


@cache
def answers() -> dict[str, frozenset[str]]:
    """The codes that each module gives, by the module's name."""
    return {path.name: frozenset(answered(path)) for path in RULES}


def answered(path: Path) -> Iterator[str]:
    """The response codes, by their members' names, that a module gives, and does not only compare with."""
    tree = ast.parse(path.read_text("utf-8"))
    compared = {part for node in ast.walk(tree) if isinstance(node, ast.Compare) for part in ast.walk(node)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node not in compared and ast.unparse(node.value) == "Response":
            yield node.attr


def written_out(path: Path) -> Iterator[str]:
    """What a module calls a response and is no member of the table: a text of two digits given as one."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("Answer", "Refusal", "Response"):
            yield from (str(argument.value) for argument in node.args if isinstance(argument, ast.Constant))


@pytest.mark.parametrize("code", Response)
def test_every_code_has_a_name_in_both_languages_that_is_its_own_and_a_meaning(code: Response) -> None:
    row = RESPONSES[code]
    assert row.code is code
    assert re.fullmatch("[0-9]{2}", code)
    assert re.search("[\u4e00-\u9fff]", row.chinese)
    assert row.english.isascii()
    assert row.meaning.isascii()
    assert row.meaning.endswith(".")
    for name in ("chinese", "english", "meaning"):
        assert len({getattr(response, name) for response in RESPONSES.values()}) == len(Response)


def test_the_table_is_in_the_order_of_the_codes() -> None:
    assert [*RESPONSES] == [*Response] == sorted(Response)


@pytest.mark.parametrize("code", Response)
def test_some_rule_of_the_machine_answers_each_code(code: Response) -> None:
    assert [name for name, codes in answers().items() if code.name in codes] != []


def test_no_rule_answers_a_code_that_is_not_in_the_table() -> None:
    assert frozenset().union(*answers().values()) == {code.name for code in Response}
    assert [(path.name, code) for path in RULES for code in written_out(path) if code.isdecimal()] == []


def test_who_looks_at_a_message_reads_the_tables_names() -> None:
    assert [*RESPONSE_NAMES] == [*Response]
    assert RESPONSE_NAMES[Response.NOT_SUPPORTED] == "not supported"
    assert RESPONSE_NAMES[Response.SECURITY] == "MAC, key or sign-on"
    assert {code: words.lower() for code, words in RESPONSE_NAMES.items()} == {
        code: row.english.lower() for code, row in RESPONSES.items()
    }


@pytest.mark.parametrize("code", Response)
def test_the_status_page_has_a_word_for_each_code(code: Response) -> None:
    assert f'"response.{code}"'.encode() in shipped().files["words.json"].body


def test_the_worlds_oracle_keeps_the_same_codes_and_judges_by_them() -> None:
    assert {"00", *FINAL} == oracle.FINAL
    assert Response.APPROVED not in FINAL
