"""A TOML text on which the parser itself would break is refused as any other text that is no TOML."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from fep.settings.config import load_settings
from ledger.files import layout
from ledger.files.toml_reason import toml_reason
from office.accounting import chart
from office.statements import layout as statements
from protocol import dialect
from protocol.framing_table import framing_of
from protocol.mac_table import mac_of
from qianzhi_errors import QianzhiError
from qianzhi_errors.sentence import Sentence
from qianzhi_errors.toml_text import read_toml

DIGITS = "A number has too many digits"
DEPTH = "Tables or arrays are nested too deep"
HARD = [
    (f"{{ a = {'9' * 5000} }}", DIGITS),
    (f"{{ a = {'[' * 5000}{']' * 5000} }}", DEPTH),
    ("{ a = " * 3000 + "1" + "}" * 3000, DEPTH),
]
"""Values on which the standard library raises something else than its error of TOML, and our reason."""


def test_a_mark_of_byte_order_before_a_text_is_passed_over_and_none_within() -> None:
    assert read_toml("\ufeffx = 1") == {"x": 1}
    with pytest.raises(tomllib.TOMLDecodeError):
        read_toml("x = 1\n\ufeffy = 1")


@pytest.mark.parametrize(("value", "reason"), HARD)
def test_the_parsers_own_limits_are_errors_of_toml(value: str, reason: str) -> None:
    with pytest.raises(tomllib.TOMLDecodeError) as caught:
        read_toml(f"x = {value}")
    assert (str(caught.value), caught.value.__cause__) == (reason, None)
    assert isinstance(toml_reason(caught.value), Sentence)


def test_any_other_text_is_read_as_the_library_reads_it() -> None:
    assert read_toml("x = 1") == {"x": 1}
    with pytest.raises(tomllib.TOMLDecodeError, match="Invalid value"):
        read_toml("x = ")


READERS: list[Callable[[str], object]] = [
    lambda value: dialect.parse(f"x = {value}", "bank"),
    framing_of,
    mac_of,
    lambda value: layout.parse(f"x = {value}", "file"),
    lambda value: chart.parse(f"x = {value}", "file"),
    lambda value: statements.parse(f"x = {value}", "file"),
]


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize(("value", "reason"), HARD)
def test_each_file_and_table_of_ours_is_refused_with_the_reason(
    read: Callable[[str], object], value: str, reason: str
) -> None:
    with pytest.raises(QianzhiError, match=reason):
        read(value)


@pytest.mark.parametrize(("value", "reason"), HARD)
def test_the_settings_are_refused_with_the_reason(tmp_path: Path, value: str, reason: str) -> None:
    path = tmp_path / "qianzhi.toml"
    path.write_text(f"x = {value}", encoding="utf-8")
    with pytest.raises(QianzhiError, match=reason):
        load_settings(path)


def test_a_number_of_any_size_is_refused_where_it_stands(tmp_path: Path) -> None:
    huge = f"0x{'F' * 5000}"  # hex digits have no such limit, and the number could not be written in decimal
    path = tmp_path / "qianzhi.toml"
    path.write_text(f"[node]\nname = {huge}\n[status]\nport = {huge}\n", encoding="utf-8")
    with pytest.raises(QianzhiError, match=r"status\.port"):
        load_settings(path)
    with pytest.raises(QianzhiError, match=r"line 3: interface\.groups must be the number of a DE"):
        dialect.parse(f'base = "ascii87"\n[interface]\ngroups = {huge}', "bank")
    for read, parts in ((framing_of, ("length", "trailer")), (mac_of, ("padding", "bytes", "key_bytes"))):
        for part in parts:
            with pytest.raises(QianzhiError):
                read(f"{{ {part} = {huge} }}")
    with pytest.raises(QianzhiError, match="a MAC covers fields"):
        mac_of(f"{{ fields = [{huge}] }}")
