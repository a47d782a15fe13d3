"""The 18 characters that GB 18030-2022 moves, both ways, and that nothing else is touched."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.codec import Codec
from protocol.dialect import load
from protocol.gb18030 import GB18030_2022, MOVED
from protocol.message import Message
from protocol.tlv import build, parse

TABLE = (
    ("a6d9", "84318236", "\ue78d", "\ufe10"),
    ("a6da", "84318238", "\ue78e", "\ufe12"),
    ("a6db", "84318237", "\ue78f", "\ufe11"),
    ("a6dc", "84318239", "\ue790", "\ufe13"),
    ("a6dd", "84318330", "\ue791", "\ufe14"),
    ("a6de", "84318331", "\ue792", "\ufe15"),
    ("a6df", "84318332", "\ue793", "\ufe16"),
    ("a6ec", "84318333", "\ue794", "\ufe17"),
    ("a6ed", "84318334", "\ue795", "\ufe18"),
    ("a6f3", "84318335", "\ue796", "\ufe19"),
    ("fe59", "82359037", "\ue81e", "\u9fb4"),
    ("fe61", "82359038", "\ue826", "\u9fb5"),
    ("fe66", "82359039", "\ue82b", "\u9fb6"),
    ("fe67", "82359130", "\ue82c", "\u9fb7"),
    ("fe6d", "82359131", "\ue832", "\u9fb8"),
    ("fe7e", "82359132", "\ue843", "\u9fb9"),
    ("fe90", "82359133", "\ue854", "\u9fba"),
    ("fea0", "82359134", "\ue864", "\u9fbb"),
)
"""Two bytes, four bytes, and what the two bytes are in 2005 and in 2022; the four bytes are the other."""
IN_2005, IN_2022 = ("".join(row[place] for row in TABLE) for place in (2, 3))


@pytest.mark.parametrize(("two_bytes", "four_bytes", "old", "new"), TABLE)
def test_each_of_the_18_has_its_place_of_2005_and_of_2022(
    two_bytes: str, four_bytes: str, old: str, new: str
) -> None:
    two, four = bytes.fromhex(two_bytes), bytes.fromhex(four_bytes)
    for encoding, of_two, of_four in (("gb18030", old, new), (GB18030_2022, new, old)):
        assert (two.decode(encoding), four.decode(encoding)) == (of_two, of_four)
        assert (of_two.encode(encoding), of_four.encode(encoding)) == (two, four)


def test_there_are_18() -> None:
    assert [(chr(before), chr(after)) for before, after in MOVED.items()] == list(
        zip(IN_2005, IN_2022, strict=True)
    )


@given(st.text(st.characters(codec="gb18030", exclude_characters=IN_2005 + IN_2022)))
def test_every_other_text_has_the_same_bytes(text: str) -> None:
    assert text.encode(GB18030_2022) == text.encode("gb18030")
    assert text.encode(GB18030_2022).decode(GB18030_2022) == text


def test_what_cannot_be_read_or_written_raises_as_pythons_own_does() -> None:
    with pytest.raises(UnicodeDecodeError):
        b"\xff".decode(GB18030_2022)
    with pytest.raises(UnicodeEncodeError):
        "\ud800".encode(GB18030_2022)


@pytest.mark.parametrize(("gb18030", "character"), [("2005", "\ue78d"), ("2022", "\ufe10")])
def test_a_dialect_reads_and_writes_as_was_agreed(gb18030: str, character: str) -> None:
    dialect = load("bcd87", gb18030)
    codec = Codec(dialect)
    body = codec.encode(Message("0100", {48: build((("NM", f"张{character}"),), dialect.de48_encoding)}))
    assert bytes.fromhex("a6d9") in body
    [name] = parse(codec.decode(body).fields[48], dialect.de48_encoding)
    assert name.value == f"张{character}"


@pytest.mark.parametrize("name", ["ascii87", "ebcdic87", "hex87"])
def test_a_dialect_without_gb18030_is_the_same_in_both(name: str) -> None:
    assert load(name, "2022") == load(name)
