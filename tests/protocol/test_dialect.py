"""Dialect files: every DE named, nothing differs but what must, and a bad file says where and why."""

from __future__ import annotations

import dataclasses
import tomllib
from importlib.resources import files
from pathlib import Path

import pytest

from protocol.dialect import Dialect, basic_first, complete, element_names, load, parse, shipped
from protocol.errors import DialectError
from tests.support.element_bytes import FORMATS, WIRES

EVERY = pytest.mark.parametrize("name", WIRES)


def source(name: str = "ascii87") -> str:
    return files("protocol").joinpath("dialects", f"{name}.toml").read_text("utf-8")


SHIPPED = ("ascii87", "bcd87", "cups", "ebcdic-packed", "ebcdic87", "hex87", "iso93-ascii", "unionpay-pos")


def test_eight_dialects_are_shipped_and_the_basic_ones_are_tried_first() -> None:
    assert shipped() == SHIPPED
    assert basic_first() == (
        *("ascii87", "bcd87", "ebcdic87", "hex87", "iso93-ascii"),
        *("cups", "ebcdic-packed", "unionpay-pos"),
    )


def test_only_toml_files_are_dialects(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    folder = tmp_path / "dialects"
    folder.mkdir()
    for name in ("two.toml", "one.toml", "one.toml~", "README"):
        (folder / name).touch()
    monkeypatch.setattr("protocol.dialect.files", lambda _: tmp_path)
    assert shipped() == ("one", "two")


@EVERY
def test_every_data_element_is_named_as_in_the_standard(name: str) -> None:
    names = {number: element.name for number, element in load(name).elements.items()}
    assert names == dict(element_names())
    assert list(names) == list(range(1, 129))
    assert [names[number] for number in (1, 4, 39, 64, 90, 97, 128)] == [
        "Bitmap, secondary",
        "Amount, transaction",
        "Response code",
        "Message authentication code",
        "Original data elements",
        "Amount, net settlement",
        "Message authentication code, secondary",
    ]


def test_the_names_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        element_names()[4] = "Amount"  # type: ignore[index]


@pytest.mark.parametrize("name", [name for name in WIRES if name != "ascii87"])
def test_a_shipped_dialect_holds_only_what_differs_from_its_base(name: str) -> None:
    document, under = tomllib.loads(source(name)), tomllib.loads(source())
    assert set(document) == {"base", "wire"}
    assert document["base"] == "ascii87"
    assert all(under["wire"][key] != value for key, value in document["wire"].items())
    assert complete(source(name), name)["elements"] == under["elements"]


BASED = 'base = "ascii87"'


def test_a_file_takes_over_from_its_base_what_it_does_not_say() -> None:
    dialect = parse(
        f"""{BASED}
[wire]
text = "gb18030"
[elements]
3 = {{ format = "n 8" }}
41 = {{ name = "Till" }}
62 = {{ lines = false }}""",
        "bank",
    )
    base = load("ascii87")
    changed = {number for number, element in dialect.elements.items() if element != base.elements[number]}
    assert changed == {3, 41, 44, 48, 62, 63}
    assert [tuple(dialect.elements[number]) for number in (3, 41, 62)] == [
        (3, "Processing code", "n", 0, 8, "ascii", False, False),
        (41, "Till", "ans", 0, 8, "ascii", False, False),
        (62, "Reserved private (62)", "ans", 3, 999, "gb18030", True, False),
    ]
    assert (dialect.name, dialect.text_encoding, dialect.mti_width) == ("bank", "gb18030", 4)


def test_a_base_alone_is_the_base_under_another_name() -> None:
    assert parse(BASED, "bank") == dataclasses.replace(load("ascii87"), name="bank")


def test_formats_are_those_of_1987() -> None:
    elements = load("ascii87").elements
    assert {number: tuple(elements[number])[2:5] for number in FORMATS} == FORMATS
    assert set(elements) - set(FORMATS) == {1, 65}


@pytest.mark.parametrize(
    ("name", "encoding", "width", "chinese"),
    [
        ("ascii87", "utf-8", 8, True),
        ("bcd87", "gb18030", 8, True),
        ("ebcdic87", "cp500", 8, False),
        ("hex87", "utf-8", 16, True),
    ],
)
def test_text_and_mac_are_as_the_interface_says(name: str, encoding: str, width: int, chinese: bool) -> None:
    dialect = load(name)
    assert (dialect.text_encoding, dialect.de48_encoding, dialect.mac_width) == (encoding, encoding, width)
    assert dialect.carries("Policy 1") is True
    assert dialect.carries("保单") is chinese


def test_a_dialect_cannot_be_changed() -> None:
    dialect: Dialect = load("ascii87")
    with pytest.raises(dataclasses.FrozenInstanceError):
        dialect.name = "other"  # type: ignore[misc]
    with pytest.raises(TypeError):
        dialect.spec["2"]["max_len"] = 20  # type: ignore[index]


def test_an_unknown_dialect_is_refused_by_name() -> None:
    with pytest.raises(DialectError) as caught:
        load("../secret")
    assert str(caught.value) == "no dialect '../secret'; there are " + ", ".join(SHIPPED)


# For pyiso8583, by key: data_enc, len_type, len_enc, max_len, and what packed digits have besides.
SPECS = {
    "ascii87": """
h ascii 0 ascii 0
t ascii 0 ascii 4
p b 0 ascii 8
1 b 0 ascii 8
2 ascii 2 ascii 19
3 ascii 0 ascii 6
28 ascii 0 ascii 9
39 ascii 0 ascii 2
44 utf-8 2 ascii 25
48 utf-8 3 ascii 999
52 b 0 ascii 8
128 b 0 ascii 8
""",
    "bcd87": """
h ascii 0 ascii 0
t b 0 ascii 4
p b 0 ascii 8
1 b 0 ascii 8
2 b 1 bcd 19 nibbles right_pad
3 b 0 bcd 6 nibbles left_pad
28 ascii 0 bcd 9
39 ascii 0 bcd 2
44 gb18030 1 bcd 25
48 gb18030 2 bcd 999
52 b 0 ascii 8
128 b 0 ascii 8
""",
    "ebcdic87": """
h ascii 0 ascii 0
t cp500 0 ascii 4
p b 0 ascii 8
1 b 0 ascii 8
2 cp500 2 cp500 19
3 cp500 0 cp500 6
28 cp500 0 cp500 9
39 cp500 0 cp500 2
44 cp500 2 cp500 25
48 cp500 3 cp500 999
52 b 0 ascii 8
128 b 0 ascii 8
""",
    "hex87": """
h ascii 0 ascii 0
t ascii 0 ascii 4
p ascii 0 ascii 16
1 ascii 0 ascii 16
2 ascii 2 ascii 19
3 ascii 0 ascii 6
28 ascii 0 ascii 9
39 ascii 0 ascii 2
44 utf-8 2 ascii 25
48 utf-8 3 ascii 999
52 ascii 0 ascii 16
128 ascii 0 ascii 16
""",
}
NAMED = {"h": "Header", "t": "MTI", "p": "Bitmap, primary", "1": "Bitmap, primary"}


@EVERY
def test_pyiso8583_is_told_how_each_field_is_written(name: str) -> None:
    spec = load(name).spec
    wanted = {}
    for key, data_enc, len_type, len_enc, max_len, *packed in map(
        str.split, SPECS[name].strip().splitlines()
    ):
        more = {"len_count": packed[0], packed[1]: "0"} if packed else {}
        lengths = {"len_type": int(len_type), "len_enc": len_enc, "max_len": int(max_len)}
        desc = NAMED[key] if key in NAMED else element_names()[int(key)]
        wanted[key] = {"data_enc": data_enc, **lengths, "desc": desc, **more}
    assert {key: dict(spec[key]) for key in wanted} == wanted
    assert list(spec) == ["h", "t", "p", *(str(number) for number in range(1, 129))]
    assert all(isinstance(entry["max_len"], int) for entry in spec.values())


@pytest.mark.parametrize(("key", "in_hex"), [("bitmap", "p 1"), ("binary", "52 64 65 128")])
def test_bitmaps_and_binary_fields_are_in_hex_digits_each_where_the_file_says_so(
    key: str, in_hex: str
) -> None:
    spec = parse(source().replace(f'{key} = "binary"', f'{key} = "hex"', 1), "bank").spec
    for number in ("p", "1", "52", "64", "65", "128"):
        wanted = ("ascii", 16) if number in in_hex.split() else ("b", 8)
        assert (spec[number]["data_enc"], spec[number]["max_len"]) == wanted


@pytest.mark.parametrize(
    ("name", "numeric", "binary", "text", "mti"),
    [
        ("ascii87", "ascii", "binary", "utf-8", 4),
        ("bcd87", "bcd", "binary", "gb18030", 2),
        ("ebcdic87", "cp500", "binary", "cp500", 4),
        ("hex87", "ascii", "hex", "utf-8", 4),
    ],
)
def test_an_element_is_what_the_file_says(name: str, numeric: str, binary: str, text: str, mti: int) -> None:
    dialect = load(name)
    other = "cp500" if name == "ebcdic87" else "ascii"
    assert (dialect.name, dialect.mti_width, dialect.mac_hex) == (name, mti, name == "hex87")
    assert [tuple(dialect.elements[number]) for number in (2, 28, 39, 44, 62, 64)] == [
        (2, "Primary account number", "n", 2, 19, numeric, False, False),
        (28, "Amount, transaction fee", "x+n", 0, 9, other, False, False),
        (39, "Response code", "an", 0, 2, other, False, False),
        (44, "Additional response data", "ans", 2, 25, text, True, False),
        (62, "Reserved private (62)", "ans", 3, 999, text, True, True),
        (64, "Message authentication code", "b", 0, 16, binary, False, False),
    ]


def test_a_file_that_is_no_toml_is_named_with_the_reason() -> None:
    with pytest.raises(DialectError) as caught:
        parse(source().replace("[wire]", "[wire", 1), "bank")
    assert isinstance(caught.value.__cause__, tomllib.TOMLDecodeError)
    assert str(caught.value) == f"bank.toml: {caught.value.__cause__}"


NO_BASE = "bank.toml, line 1: base must be one of " + ", ".join(SHIPPED)


@pytest.mark.parametrize("text", ['base = "iso93"', "base = 3", 'base = ["ascii87"]', "base = {}"])
def test_a_bad_base_is_named(text: str) -> None:
    with pytest.raises(DialectError) as caught:
        parse(text, "bank")
    assert str(caught.value) == NO_BASE


def test_a_base_may_have_a_base_itself() -> None:
    dialect = parse('base = "bcd87"\n[elements]\n22 = { fill = "right 0" }', "bank")
    changed = {key for key, entry in dialect.spec.items() if entry != load("bcd87").spec[key]}
    assert changed == {"22"}
    assert dialect.spec["22"]["right_pad"] == "0"
