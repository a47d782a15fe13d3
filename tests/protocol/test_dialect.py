"""Dialect files: every DE named, nothing differs but what must, and a bad file says where and why."""

from __future__ import annotations

import dataclasses
import tomllib
from importlib.resources import files

import pytest

from protocol.dialect import Dialect, load, parse, shipped
from protocol.errors import DialectError
from protocol.message import NAMES

EVERY = pytest.mark.parametrize("name", shipped())


def source(name: str = "ascii87") -> str:
    return files("protocol").joinpath("dialects", f"{name}.toml").read_text("utf-8")


def test_the_interface_has_four_dialects() -> None:
    assert shipped() == ("ascii87", "bcd87", "ebcdic87", "hex87")


@EVERY
def test_every_data_element_is_named_as_in_the_standard(name: str) -> None:
    assert {number: element.name for number, element in load(name).elements.items()} == dict(NAMES)


@EVERY
def test_dialects_differ_only_in_how_they_are_written(name: str) -> None:
    assert tomllib.loads(source(name))["elements"] == tomllib.loads(source())["elements"]


@pytest.mark.parametrize(
    ("number", "kind", "prefix", "length"),
    [
        (2, "n", 2, 19),
        (15, "n", 0, 4),
        (36, "z", 3, 104),
        (41, "ans", 0, 8),
        (44, "ans", 2, 25),
        (48, "ans", 3, 999),
        (66, "n", 0, 1),
        (70, "n", 0, 3),
        (77, "n", 0, 10),
        (89, "n", 0, 16),
        (90, "n", 0, 42),
        (97, "x+n", 0, 17),
        (127, "ans", 3, 999),
        (128, "b", 0, 16),
    ],
)
def test_formats_are_those_of_1987(number: int, kind: str, prefix: int, length: int) -> None:
    element = load("ascii87").elements[number]
    assert (element.kind, element.prefix, element.length) == (kind, prefix, length)


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
    with pytest.raises(DialectError, match="there are ascii87, bcd87"):
        load("../secret")


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ('mti = "ascii"', 'mti = "utf-16"', "wire.mti must be one of"),
        ('mti = "ascii"', 'mit = "ascii"', "[wire] needs exactly the keys"),
        ("[wire]", "[wires]", "needs the tables [wire] and [elements]"),
        ("[wire]", "[wire", "bank.toml: "),
        ("\n3 = {", "\n129 = {", "'129' is no DE number from 1 to 128"),
        ("\n3 = {", "\n# 3 = {", "DE 3 is missing"),
        ('format = "n 6"', 'form = "n 6"', "DE 3 needs name and format"),
        ('format = "n 6"', 'format = "q 6"', "DE 3: format 'q 6' is none of ISO 8583"),
        (
            'format = "n 6"',
            'format = "n..100"',
            "DE 3: format 'n..100' is longer than its length digits can say",
        ),
        ('format = "n 6"', 'format = "b 6"', "DE 3: b must be fixed, in whole bytes"),
        ('format = "n 6"', 'format = "b..64"', "DE 3: b must be fixed, in whole bytes"),
        ('format = "n 6"', 'format = "x+n..8"', "DE 3: x+n must be fixed"),
        ('format = "n 6"', 'format = "n 6", text = true', "DE 3: only a variable ans can be text"),
        ('format = "n 6"', 'format = "n 6", lines = 1', "DE 3: text and lines must be true or false"),
        ('name = "Processing code"', 'name = ""', "DE 3: the name is empty or no text"),
        ('secondary", format = "b 64"', 'secondary", format = "b 128"', "DE 1 must be b 64"),
    ],
)
def test_a_bad_file_is_named_with_the_place_and_the_reason(old: str, new: str, reason: str) -> None:
    assert old in source()
    with pytest.raises(DialectError) as caught:
        parse(source().replace(old, new, 1), "bank")
    assert str(caught.value).startswith("bank.toml")
    assert reason in str(caught.value)
