"""What a dialect's file may say: its formats, and where and why a bad file cannot be used."""

from __future__ import annotations

import tomllib
from importlib.resources import files

import pytest
from pydantic import ValidationError

from protocol.dialect import element_names, parse
from protocol.dialect_file import Wire, checked
from protocol.errors import DialectError


def source() -> str:
    return files("protocol").joinpath("dialects", "ascii87.toml").read_text("utf-8")


def test_a_checked_file_has_every_entry_and_cannot_be_changed() -> None:
    content = checked(tomllib.loads(source()), "ascii87.toml")
    assert list(content.elements) == [str(number) for number in range(1, 129)]
    assert [content.elements[number].text for number in ("43", "44")] == [False, True]
    assert [content.elements[number].lines for number in ("48", "62")] == [False, True]
    with pytest.raises(ValidationError):
        content.wire.mti = "bcd"  # type: ignore[misc]


def test_each_kind_of_content_is_written_as_its_key_says() -> None:
    wire = Wire(
        mti="ascii", bitmap="hex", length="ascii", numeric="bcd", other="cp500", binary="hex", text="gb18030"
    )
    kinds = ("n", "b", "a", "an", "ns", "ans", "x+n", "z")
    assert [wire.encoding_of(kind) for kind in kinds] == ["bcd", "hex", *["cp500"] * 6]


@pytest.mark.parametrize(
    ("notation", "kind", "prefix", "length"),
    [
        ("n 1", "n", 0, 1),
        ("n..99", "n", 2, 99),
        ("ns...100", "ns", 3, 100),
        ("a 999", "a", 0, 999),
        ("an...999", "an", 3, 999),
        ("ans..9", "ans", 2, 9),
        ("x+n 8", "x+n", 0, 9),
        ("z..37", "z", 2, 37),
        ("b 8", "b", 0, 2),
        ("b 128", "b", 0, 32),
    ],
)
def test_a_format_is_in_the_standards_notation(notation: str, kind: str, prefix: int, length: int) -> None:
    dialect = parse(source().replace('format = "n 6"', f'format = "{notation}"', 1), "bank")
    element = dialect.elements[3]
    assert (element.kind, element.prefix, element.length) == (kind, prefix, length)
    assert isinstance(element.length, int)


def test_a_variable_ans_may_be_text_and_hold_lines() -> None:
    dialect = parse(
        source().replace('format = "n 6"', 'format = "ans..6", text = true, lines = true'), "bank"
    )
    assert dialect.elements[3] == (3, "Processing code", "ans", 2, 6, "utf-8", True, True)


NO_FORMAT = "bank.toml: DE 3: format {} is none of ISO 8583"
NO_ENTRY = "bank.toml: DE 3 needs name and format, and may have text and lines"
NO_FLAG = "bank.toml: DE 3: text and lines must be true or false"
NO_NAME = "bank.toml: DE 3: the name is empty or no text"
NO_TEXT = "bank.toml: DE 3: only a variable ans can be text"
NO_BITS = "bank.toml: DE 3: b must be fixed, in whole bytes"
NO_WIRE = "bank.toml: [wire] needs exactly the keys mti, bitmap, length, numeric, other, binary, text"
NO_TABLES = "bank.toml: needs the tables [wire] and [elements], and nothing else"
TOO_LONG = "bank.toml: DE 3: format {} is longer than its length digits can say"
ENTRY = '3 = { name = "Processing code", format = "n 6" }'


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ('mti = "ascii"', 'mti = "utf-8"', "bank.toml: wire.mti must be one of ascii, cp500, bcd"),
        ('bitmap = "binary"', 'bitmap = "b"', "bank.toml: wire.bitmap must be one of binary, hex"),
        ('length = "ascii"', "length = 1", "bank.toml: wire.length must be one of ascii, cp500, bcd"),
        ('numeric = "ascii"', 'numeric = ""', "bank.toml: wire.numeric must be one of ascii, cp500, bcd"),
        ('other = "ascii"', 'other = "bcd"', "bank.toml: wire.other must be one of ascii, cp500"),
        ('binary = "binary"', 'binary = "bcd"', "bank.toml: wire.binary must be one of binary, hex"),
        (
            'text = "utf-8"',
            'text = "ascii"',
            "bank.toml: wire.text must be one of utf-8, gb18030, gb18030-2022, cp500",
        ),
        ('mti = "ascii"', 'mit = "ascii"', NO_WIRE),
        ('mti = "ascii"', 'mti = "ascii"\nmore = "ascii"', NO_WIRE),
        ("[wire]", "[wires]", NO_TABLES),
        ("[wire]", "[more]\n[wire]", NO_TABLES),
        ("\n3 = {", "\n129 = {", "bank.toml: '129' is no DE number from 1 to 128"),
        ("\n3 = {", "\n0 = {", "bank.toml: '0' is no DE number from 1 to 128"),
        ("\n3 = {", "\n# 3 = {", "bank.toml: DE 3 is missing"),
        ("\n128 = {", "\n# 128 = {", "bank.toml: DE 128 is missing"),
        (ENTRY, '3 = "n 6"', NO_ENTRY),
        (ENTRY, "3 = 6", NO_ENTRY),
        (ENTRY, '3 = ["name", "format"]', NO_ENTRY),
        (ENTRY, '3 = { format = "n 6" }', NO_ENTRY),
        (ENTRY, '3 = { name = "Processing code" }', NO_ENTRY),
        ('format = "n 6"', 'format = "n 6", more = true', NO_ENTRY),
        ('format = "n 6"', 'format = "q 6"', NO_FORMAT.format("'q 6'")),
        ('format = "n 6"', "format = 6", NO_FORMAT.format("6")),
        ('format = "n 6"', 'format = "n 0"', NO_FORMAT.format("'n 0'")),
        ('format = "n 6"', 'format = "n 1000"', NO_FORMAT.format("'n 1000'")),
        ('format = "n 6"', 'format = "n.6"', NO_FORMAT.format("'n.6'")),
        ('format = "n 6"', 'format = "n 6 "', NO_FORMAT.format("'n 6 '")),
        ('format = "n 6"', 'format = "n..100"', TOO_LONG.format("'n..100'")),
        ('format = "n 6"', 'format = "b 6"', NO_BITS),
        ('format = "n 6"', 'format = "b..64"', NO_BITS),
        ('format = "n 6"', 'format = "x+n..8"', "bank.toml: DE 3: x+n must be fixed"),
        ('format = "n 6"', 'format = "n..6", text = true', NO_TEXT),
        ('format = "n 6"', 'format = "ans 6", text = true', NO_TEXT),
        ('format = "n 6"', 'format = "n 6", lines = 1', NO_FLAG),
        ('format = "n 6"', 'format = "n 6", text = 0', NO_FLAG),
        ('name = "Processing code"', 'name = ""', NO_NAME),
        ('name = "Processing code"', "name = 3", NO_NAME),
        *(
            (
                f'{number} = {{ name = "{element_names()[number]}", format = "b 64"',
                f'{number} = {{ name = "x", format = "{bad}"',
                f"bank.toml: DE {number} must be b 64",
            )
            for number in (1, 64, 65, 128)
            for bad in ("b 128", "n 64")
        ),
    ],
)
def test_a_bad_file_is_named_with_the_place_and_the_reason(old: str, new: str, reason: str) -> None:
    assert old in source()
    with pytest.raises(DialectError) as caught:
        parse(source().replace(old, new, 1), "bank")
    assert str(caught.value) == reason


@pytest.mark.parametrize(
    ("wire", "elements", "reason"),
    [
        ("3", "{}", NO_WIRE),
        ("{}", "{}", NO_WIRE),
        (None, "3", "bank.toml: [elements] must be a table"),
        (None, "{}", "bank.toml: DE 1 is missing"),
    ],
)
def test_what_should_be_a_table_may_be_none(wire: str | None, elements: str, reason: str) -> None:
    kept = source().split("[wire]")[1].split("[elements]")[0]
    text = f"elements = {elements}\n" + (f"[wire]{kept}" if wire is None else f"wire = {wire}\n")
    with pytest.raises(DialectError) as caught:
        parse(text, "bank")
    assert str(caught.value) == reason
