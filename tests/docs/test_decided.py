"""README's table of where things are decided names files and functions that are there."""

from __future__ import annotations

import ast
import re

import pytest

from tests.docs.pages import ROOT

_PLACE = re.compile(r"`([a-z_/]+\.py)`(?:, `(\w+)`)?")
README = (ROOT / "README.md").read_text(encoding="utf-8")
TABLE = README.partition("Where is it decided")[2].partition("\n\n`protocol`")[0]
PLACES = _PLACE.findall(TABLE)


def test_the_table_has_places() -> None:
    assert len([name for _, name in PLACES if name]) > len(TABLE.splitlines()) - 6


@pytest.mark.parametrize(("path", "name"), PLACES)
def test_what_is_named_is_defined_there(path: str, name: str) -> None:
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    defined = {
        node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    assert not name or name in defined
