"""Layouts of banks' day files: those that are shipped, and what can be asked of one."""

from __future__ import annotations

from pathlib import Path

import pytest

from ledger.errors import LayoutError
from ledger.files.layout import Column, load, parse, shipped
from tests.support.day_layouts import FIXED

LAYOUTS = Path(__file__).parents[3] / "ledger" / "files" / "layouts"


def test_a_column_is_text_that_nothing_fills_up_unless_it_is_said_to_be_more() -> None:
    assert Column("policy") == ("policy", "", 0, "none", "", "fen", "none", "", "never")


def test_a_layout_carries_what_its_lines_have_a_column_for() -> None:
    layout = parse(FIXED, "mine")
    assert [name for name in ("terminal", "amount", "rrn", "date", "count") if layout.carries(name)] == [
        "terminal",
        "amount",
    ]


def test_three_layouts_are_shipped_each_in_a_file_of_its_name() -> None:
    assert shipped() == ("csv-yuan", "fixed-gb18030", "standard")
    for name in shipped():
        assert load(name) == parse((LAYOUTS / f"{name}.toml").read_text("utf-8"), name)
        assert load(name) is load(name)


def test_what_is_no_toml_among_the_layouts_is_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "layouts").mkdir()
    for name in ("b.toml", "a.toml", "notes.txt"):
        (tmp_path / "layouts" / name).touch()
    monkeypatch.setattr("ledger.files.layout.files", {"ledger.files": tmp_path}.__getitem__)
    assert shipped() == ("a", "b")


@pytest.mark.parametrize(
    ("name", "hint"), [("standrad", "; did you mean 'standard'?"), ("x", ""), ("", ""), ("../x", "")]
)
def test_a_layout_that_nobody_ships_is_named_with_those_that_there_are(name: str, hint: str) -> None:
    with pytest.raises(LayoutError) as caught:
        load(name)
    assert str(caught.value) == f"no layout {name!r}; there are csv-yuan, fixed-gb18030, standard{hint}"


def test_a_text_that_is_no_toml_is_no_layout() -> None:
    with pytest.raises(LayoutError) as caught:
        parse(FIXED.replace("[detail]", "[detail"), "mine")
    assert str(caught.value) == (
        "layout mine: Expected ']' at the end of a table declaration (at line 5, column 8)"
    )
