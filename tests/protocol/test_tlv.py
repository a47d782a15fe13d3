"""DE 48 groups: lengths in bytes of the dialect's encoding, unknown tags kept, anything broken refused."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol.errors import EncodeError, FormatError
from protocol.tlv import KNOWN, Group, build, first, intact, parse

INTERFACE = Path(__file__).parents[2] / "docs" / "protocol.md"
ENCODINGS = pytest.mark.parametrize("encoding", ["utf-8", "gb18030", "cp500"])
# What a description leaves out of the interface's table, and what it says besides.
SHORTER = {
    "PC": "processing code (DE 3) that settles the due",
    "DK": "kind of due: premium or benefit",
    "DL": "one due: nested DU, PC, DK, DD, AM, ST",
    "GU": "last day on which the due can be paid, YYYYMMDD",
    "SN": "name of who serves the policy; ORPHAN: nobody",
    "SP": "phone of the office that serves the policy",
    "CA": "key check value, hex",
    "PG": "page wanted, or 'more' where another follows",
}


def test_the_tags_and_what_they_mean_are_the_interfaces() -> None:
    section = INTERFACE.read_text("utf-8").split("## 4. DE 48")[1].split("\n\n")[0]
    table = re.sub(r", \[[^]]+\]\(#[^)]+\)", "", section)  # a link to more is no meaning
    cells = [line.strip("| ").split(" | ") for line in table.splitlines() if line.startswith("| ")]
    named = {row[at]: row[at + 1] for row in cells[1:] for at in (0, 2) if len(row) > at + 1 and row[at]}
    assert dict(KNOWN) == named | SHORTER


@pytest.mark.parametrize(
    ("encoding", "text", "groups"),
    [
        ("utf-8", "", ()),
        ("utf-8", "PG000", (Group("PG", ""),)),
        ("utf-8", "NM006张三", (Group("NM", "张三"),)),
        ("gb18030", "NM004张三PN002P1", (Group("NM", "张三"), Group("PN", "P1"))),
        ("cp500", "NM004JoséPN002P1", (Group("NM", "José"), Group("PN", "P1"))),
        ("utf-8", "ZZ001aPN001bPN001c", (Group("ZZ", "a"), Group("PN", "b"), Group("PN", "c"))),
        ("utf-8", f"PN999{'x' * 999}", (Group("PN", "x" * 999),)),
    ],
)
def test_lengths_are_bytes_in_the_encoding(encoding: str, text: str, groups: tuple[Group, ...]) -> None:
    assert parse(text, encoding) == groups
    assert build(groups, encoding) == text
    assert intact(text, encoding) == (groups, len(text.encode(encoding)))


@pytest.mark.parametrize(
    ("text", "reason", "before"),
    [
        ("P", "DE 48 tag cut short", ((), 0)),
        ("PN01", "DE 48 tag cut short", ((), 0)),
        ("P\n000", "DE 48 tag malformed", ((), 0)),
        ("张N000", "DE 48 tag malformed", ((), 0)),
        ("é000", "DE 48 tag malformed", ((), 0)),
        ("PN0x1a", "DE 48 length malformed", ((), 0)),
        ("PN +1a", "DE 48 length malformed", ((), 0)),
        ("PN0²1a", "DE 48 length malformed", ((), 0)),
        ("PN003ab", "DE 48 length past the end", ((), 0)),
        ("PN001aDU", "DE 48 tag cut short", ((Group("PN", "a"),), 6)),
        (
            "PN001aDU001bNM003张RN0011x",
            "DE 48 tag cut short",
            ((Group("PN", "a"), Group("DU", "b"), Group("NM", "张"), Group("RN", "1")), 26),
        ),
        ("NM006张三RN2", "DE 48 tag cut short", ((Group("NM", "张三"),), 11)),
        ("NM002张三", "DE 48 splits a character", ((), 0)),
        ("PN001aNM002张三", "DE 48 splits a character", ((Group("PN", "a"),), 6)),
    ],
)
def test_a_broken_group_is_refused_and_those_before_it_are_intact(
    text: str, reason: str, before: tuple[tuple[Group, ...], int]
) -> None:
    with pytest.raises(FormatError) as caught:
        parse(text, "utf-8")
    assert (caught.value.field, str(caught.value)) == ("48", reason)
    assert intact(text, "utf-8") == before


def test_what_the_encoding_cannot_express_is_refused() -> None:
    with pytest.raises(FormatError) as caught:
        parse("NM001张", "cp500")
    assert (caught.value.field, str(caught.value)) == ("48", "DE 48 not in the encoding")
    assert intact("PN001aNM001张", "cp500") == ((Group("PN", "a"), Group("NM", "张")), 12)


def test_an_unknown_tag_is_passed_over_and_the_first_of_a_tag_counts() -> None:
    groups = parse("ZZ001aPN001bPN001c", "utf-8")
    assert "ZZ" not in KNOWN
    assert (first(groups, "PN"), first(groups, "IN"), first((), "PN")) == ("b", None, None)


def test_a_due_nests_its_groups() -> None:
    inner = [Group("DU", "D1"), Group("AM", "120000"), Group("ST", "未付")]
    outer = build([("DL", build(inner, "gb18030"))], "gb18030")
    assert parse(first(parse(outer, "gb18030"), "DL") or "", "gb18030") == tuple(inner)


@pytest.mark.parametrize(
    ("tag", "value", "field", "text"),
    [
        ("P", "", "48", "field 48: a tag is 2 printable ASCII characters"),
        ("PNX", "", "48", "field 48: a tag is 2 printable ASCII characters"),
        ("张张", "", "48", "field 48: a tag is 2 printable ASCII characters"),
        ("P\n", "", "48", "field 48: a tag is 2 printable ASCII characters"),
        ("PN", "x" * 1000, "48.PN", "field 48.PN: 1000 bytes, at most 999"),
        ("NM", "张", "48.NM", "field 48.NM: cannot be expressed in cp500"),
    ],
)
def test_what_a_group_cannot_hold_is_our_error(tag: str, value: str, field: str, text: str) -> None:
    with pytest.raises(EncodeError) as caught:
        build([(tag, value)], "cp500")
    assert (caught.value.field, str(caught.value)) == (field, text)


def test_a_value_is_too_long_by_its_bytes_not_its_characters() -> None:
    with pytest.raises(EncodeError) as caught:
        build([("NM", "张" * 334)], "utf-8")
    assert str(caught.value) == "field 48.NM: 1002 bytes, at most 999"
    assert build([("NM", "张" * 333)], "utf-8") == f"NM999{'张' * 333}"


def test_a_group_does_not_show_its_value() -> None:
    assert repr(Group("IN", "11010119900101123X")) == "Group('IN', 18 characters)"


def values(encoding: str) -> st.SearchStrategy[str]:
    return st.text(st.characters(codec=encoding, exclude_categories=["Cs"]), max_size=60)


@ENCODINGS
@settings(max_examples=80, deadline=None)
@given(data=st.data())
def test_any_groups_come_back(encoding: str, data: st.DataObject) -> None:
    tags = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=2, max_size=2)
    groups = data.draw(st.lists(st.builds(Group, tags, values(encoding)), max_size=6))
    assert parse(build(groups, encoding), encoding) == tuple(groups)


@ENCODINGS
@settings(max_examples=60, deadline=None)
@given(text=st.text(max_size=40) | st.from_regex(r"(PN0[01][0-9].{0,12}){1,3}", fullmatch=True))
def test_any_text_parses_or_is_a_format_error_of_48(encoding: str, text: str) -> None:
    try:
        groups = parse(text, encoding)
    except FormatError as error:
        assert error.field == "48"
        assert len(str(error)) <= 25
    else:
        assert build(groups, encoding) == text
