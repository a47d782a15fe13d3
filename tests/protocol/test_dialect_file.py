"""What a dialect's file may say: its formats, and where and why a bad file cannot be used."""

from __future__ import annotations

import re
import tomllib
from importlib.resources import files

import pytest
from pydantic import ValidationError

from protocol.dialect import element_names, parse
from protocol.dialect_check import checked
from protocol.dialect_file import Wire
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


@pytest.mark.parametrize("name", ["{", "a}b", "{x}", "{0!r}", "{{"])
def test_a_name_is_no_pattern_whatever_braces_it_has(name: str) -> None:
    dialect = parse(source().replace("Processing code", name, 1), "bank")
    assert dialect.elements[3].name == dialect.spec["3"]["desc"] == name


NO_FORMAT = "DE 3: format {} is none of ISO 8583"
NO_ENTRY = "DE 3: it needs name and format, and may have text, lines, encoding, length, counts, fill, bitmap"
NO_TEXT_FLAG, NO_LINES_FLAG = (f"DE 3: {key} must be true or false" for key in ("text", "lines"))
NO_NAME = "DE 3: the name is empty or no text"
NO_TEXT = "DE 3: only an ans can be text"
NO_TABLE = "[wire] must be a table"
NO_TABLES = "needs a base, or [wire] and [elements]; may have [interface] and [subfields], and nothing else"
NO_NUMBER = "'{}' is no DE number from 1 to 192"
WIRE_KEYS = "mti, bitmap, length, numeric, other, binary, text, version, secondary"
TOO_LONG = "DE 3: its length is longer than its length digits can say"
CODES = "ascii, cp500, cp037"
ENTRY = '3 = { name = "Processing code", format = "n 6" }'


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ('mti = "ascii"', 'mti = "utf-8"', f"wire.mti must be one of {CODES}, bcd"),
        ('bitmap = "binary"', 'bitmap = "b"', "wire.bitmap must be one of binary, hex, hex-ascii, hex-cp500"),
        ('length = "ascii"', "length = 1", f"wire.length must be one of {CODES}, bcd, binary"),
        ('numeric = "ascii"', 'numeric = ""', f"wire.numeric must be one of {CODES}, bcd"),
        ('other = "ascii"', 'other = "bcd"', f"wire.other must be one of {CODES}, latin-1"),
        ('binary = "binary"', 'binary = "bcd"', "wire.binary must be one of binary, hex"),
        (
            'text = "utf-8"',
            'text = "big5"',
            "wire.text must be one of utf-8, gb18030, gb18030-2022, gbk, ascii, latin-1, cp500, cp037",
        ),
        ('mti = "ascii"', 'mti = "ascii"\nversion = "2003"', "wire.version must be one of 1987, 1993"),
        (
            'mti = "ascii"',
            'mti = "ascii"\nsecondary = true',
            "wire.secondary must be one of announced, always, always announced",
        ),
        ('mti = "ascii"', 'mit = "ascii"', "[wire] has no mti"),
        ('mti = "ascii"', 'mti = "ascii"\nmore = "ascii"', f"[wire] has the keys {WIRE_KEYS}, and no more"),
        ("[wire]", "[wires]", NO_TABLES),
        ("[wire]", "[more]\n[wire]", NO_TABLES),
        ("\n3 = {", "\n193 = {", NO_NUMBER.format(193)),
        ("\n3 = {", "\n0 = {", NO_NUMBER.format(0)),
        ("\n3 = {", "\n# 3 = {", "DE 3 is missing"),
        ("\n128 = {", "\n# 128 = {", "DE 128 is missing"),
        (ENTRY, '3 = "n 6"', NO_ENTRY),
        (ENTRY, "3 = 6", NO_ENTRY),
        (ENTRY, '3 = ["name", "format"]', NO_ENTRY),
        (ENTRY, '3 = { format = "n 6" }', NO_ENTRY),
        (ENTRY, '3 = { name = "Processing code" }', NO_ENTRY),
        (
            'format = "n 6"',
            'format = "n 6", more = true',
            NO_ENTRY.replace("it needs", "'more' is no key of it; it needs"),
        ),
        ('format = "n 6"', 'format = "q 6"', NO_FORMAT.format("'q 6'")),
        ('format = "n 6"', "format = 6", NO_FORMAT.format("6")),
        ('format = "n 6"', 'format = "n 0"', NO_FORMAT.format("'n 0'")),
        ('format = "n 6"', 'format = "n 10000"', "DE 3: a fixed length is at most 9999"),
        ('format = "n 6"', 'format = "n.......6"', NO_FORMAT.format("'n.......6'")),
        ('format = "n 6"', 'format = "n 6 "', NO_FORMAT.format("'n 6 '")),
        ('format = "n 6"', 'format = "n..100"', TOO_LONG),
        ('format = "n 6"', 'format = "b..256", length = "binary"', TOO_LONG),
        ('format = "n 6"', 'format = "b 6"', "DE 3: a fixed b is in whole bytes"),
        ('format = "n 6"', 'format = "x+n..8"', "DE 3: x+n must be fixed"),
        ('format = "n 6"', 'format = "n..6", text = true', NO_TEXT),
        ('format = "n 6"', 'format = "n 6", lines = 1', NO_LINES_FLAG),
        ('format = "n 6"', 'format = "n 6", text = 0', NO_TEXT_FLAG),
        ('format = "n 6"', 'format = "n 6", lines = true', "DE 3: only text has lines"),
        ('format = "n 6"', 'format = "ans..6", lines = true', "DE 3: only text has lines"),
        ('format = "n 6"', 'format = "n 6", encoding = "utf-8"', "DE 3: n cannot be in utf-8"),
        ('format = "n 6"', 'format = "b 64", encoding = "bcd"', "DE 3: b cannot be in bcd"),
        ('format = "n 6"', 'format = "ans 6", encoding = "bcd"', "DE 3: ans cannot be in bcd"),
        (
            'format = "n 6"',
            'format = "n 6", encoding = "morse"',
            "DE 3: encoding must be one of ascii, cp500, cp037, latin-1, bcd, binary, hex, hex-ascii,"
            " hex-cp500, utf-8, gb18030, gb18030-2022, gbk",
        ),
        (
            'format = "n 6"',
            'format = "n 6", length = "bcd"',
            "DE 3: a field of fixed length has no length before it",
        ),
        (
            'format = "n 6"',
            'format = "n..6", length = "hex"',
            f"DE 3: length must be one of {CODES}, bcd, binary",
        ),
        (
            'format = "n 6"',
            'format = "n..6", counts = "nibbles"',
            "DE 3: counts must be one of bytes, digits, characters",
        ),
        (
            'format = "n 6"',
            'format = "n..6", counts = "digits"',
            "DE 3: only the length of packed digits can count digits",
        ),
        ('format = "n 6"', 'format = "n..6", fill = "left 0"', "DE 3: only packed digits are filled"),
        (
            'format = "n 6"',
            'format = "n 6", encoding = "bcd", fill = "left 0"',
            "DE 3: an even number of digits is never filled",
        ),
        (
            'format = "n 6"',
            'format = "n..6", encoding = "bcd", fill = "F"',
            'DE 3: fill is "left" or "right" and one digit of 0 to 9 or A to F: "right F"',
        ),
        (
            'format = "n 6"',
            'format = "n..6", encoding = "bcd", counts = "bytes", fill = "right 0"',
            "DE 3: a length in bytes cannot tell a fill of 0 to 9 from a digit",
        ),
        (
            'format = "n 6"',
            'format = "n..7", encoding = "bcd", counts = "bytes"',
            "DE 3: a length in bytes needs an even longest length",
        ),
        (
            'format = "n 6"',
            'format = "x+n 7", encoding = "bcd"',
            "DE 3: x+n packed behind its sign has an even number of digits",
        ),
        (
            '128 = { name = "Message authentication code, secondary", format = "b 64"',
            '128 = { name = "x", format = "b 64", encoding = "hex"',
            "DE 64 and DE 128 must be written alike",
        ),
        ("[wire]", "[interface]\ngroups = 41\n[wire]", "DE 41 is not free for the groups"),
        ("[wire]", "[interface]\ngroups = -1\n[wire]", "interface.groups must be the number of a DE"),
        ("[wire]", "[interface]\nreceipt = 105\n[wire]", "DE 105 is not free for the receipt"),
        ("[wire]", '[interface]\ngroups = "57"\n[wire]', "interface.groups must be the number of a DE"),
        (
            "[wire]",
            "[interface]\ngroups = 62\n[wire]",
            "the groups and the receipt need two DEs, neither the other's own",
        ),
        (
            "[wire]",
            "[interface]\ntotals = 62\n[wire]",
            "[interface] has the keys groups, receipt, and no totals",
        ),
        ('name = "Processing code"', 'name = ""', NO_NAME),
        ('name = "Processing code"', "name = 3", NO_NAME),
        *(
            (
                f'{number} = {{ name = "{element_names()[number]}", format = "b 64"',
                f'{number} = {{ name = "x", format = "{bad}"',
                f"DE {number} must be b 64",
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
    file, _, said = str(caught.value).partition(": ")
    assert said == reason
    assert re.fullmatch(r"bank\.toml(, line \d+)?", file)


@pytest.mark.parametrize(
    ("wire", "elements", "reason"),
    [
        ("3", "{}", NO_TABLE),
        ("{}", "{}", "[wire] has no mti"),
        (None, "3", "[elements] must be a table"),
        (None, "{}", "DE 1 is missing"),
    ],
)
def test_what_should_be_a_table_may_be_none(wire: str | None, elements: str, reason: str) -> None:
    kept = source().split("[wire]")[1].split("[elements]")[0]
    text = f"elements = {elements}\n" + (f"[wire]{kept}" if wire is None else f"wire = {wire}\n")
    with pytest.raises(DialectError) as caught:
        parse(text, "bank")
    assert str(caught.value).partition(": ")[2] == reason


BASED = 'base = "ascii87"\n'


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('base = "ascii"', 1),
        (f'{BASED}[wire]\n# a remark\nlength = "hex"', 4),
        (f'{BASED}[elements]\n3 = {{ format = "n 6", fill = "left 0" }}', 3),
        (f'{BASED}[elements.3]\nformat = "q 6"', 3),
        (f'{BASED}[elements]\n"3".format = "q 6"', 3),
        (f'{BASED}elements.3.format = "q 6"', 2),
        (f"{BASED}more = 1", 2),
        (f"{BASED}[interface]\ngroups = 3", 3),
        (f'{BASED}[wire]\nnumeric = "bcd"\n[elements]\n41 = {{ format = "n 8", counts = "bytes" }}', 5),
    ],
)
def test_the_line_of_what_is_wrong_is_named(text: str, line: int) -> None:
    with pytest.raises(DialectError) as caught:
        parse(text, "bank")
    assert str(caught.value).startswith(f"bank.toml, line {line}: ")


def test_what_the_file_does_not_say_has_no_line() -> None:
    with pytest.raises(DialectError) as caught:
        parse(source().replace("\n3 = {", "\n# 3 = {", 1), "bank")
    assert str(caught.value) == "bank.toml, line 15: DE 3 is missing"
