"""DE 48 groups: lengths in bytes of the dialect's encoding, unknown tags kept, anything broken refused."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol.errors import EncodeError, FormatError
from protocol.tlv import KNOWN, Group, build, first, parse

ENCODINGS = pytest.mark.parametrize("encoding", ["utf-8", "gb18030", "cp500"])


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
@settings(max_examples=150, deadline=None)
@given(text=st.text(max_size=40) | st.from_regex(r"(PN0[01][0-9].{0,12}){1,3}", fullmatch=True))
def test_any_text_parses_or_is_a_format_error_of_48(encoding: str, text: str) -> None:
    try:
        groups = parse(text, encoding)
    except FormatError as error:
        assert error.field == "48"
        assert len(str(error)) <= 25
    else:
        assert build(groups, encoding) == text


@pytest.mark.parametrize(
    ("encoding", "text"), [("utf-8", "NM006张三"), ("gb18030", "NM004张三"), ("cp500", "NM004José")]
)
def test_lengths_are_bytes_in_the_encoding(encoding: str, text: str) -> None:
    assert parse(text, encoding) == (Group("NM", text[5:]),)
    assert build([("NM", text[5:])], encoding) == text


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("P", "DE 48 tag cut short"),
        ("PN01", "DE 48 tag cut short"),
        ("P\n000", "DE 48 tag malformed"),
        ("张N000", "DE 48 tag malformed"),
        ("PN0x1a", "DE 48 length malformed"),
        ("PN +1a", "DE 48 length malformed"),
        ("PN003ab", "DE 48 length past the end"),
        ("PN001aDU", "DE 48 tag cut short"),
        ("NM002张三", "DE 48 splits a character"),
    ],
)
def test_a_broken_group_is_refused(text: str, reason: str) -> None:
    with pytest.raises(FormatError) as caught:
        parse(text, "utf-8")
    assert str(caught.value) == reason


def test_what_the_encoding_cannot_express_is_refused() -> None:
    with pytest.raises(FormatError):
        parse("NM001张", "cp500")


def test_no_groups_and_empty_values_are_groups() -> None:
    assert parse("", "utf-8") == ()
    assert parse("PG000", "utf-8") == (Group("PG", ""),)


def test_unknown_tags_are_kept_and_passed_over() -> None:
    groups = parse("ZZ001aPN001bPN001c", "utf-8")
    assert [group.tag for group in groups] == ["ZZ", "PN", "PN"]
    assert "ZZ" not in KNOWN
    assert first(groups, "PN") == "b"
    assert first(groups, "IN") is None


def test_a_due_nests_its_groups() -> None:
    inner = [Group("DU", "D1"), Group("AM", "120000"), Group("ST", "未付")]
    outer = build([("DL", build(inner, "gb18030"))], "gb18030")
    assert parse(first(parse(outer, "gb18030"), "DL") or "", "gb18030") == tuple(inner)


@pytest.mark.parametrize(
    ("tag", "value", "field"),
    [
        ("P", "", "48"),
        ("PNX", "", "48"),
        ("张张", "", "48"),
        ("PN", "x" * 1000, "48.PN"),
        ("NM", "张", "48.NM"),
    ],
)
def test_what_a_group_cannot_hold_is_our_error(tag: str, value: str, field: str) -> None:
    with pytest.raises(EncodeError) as caught:
        build([(tag, value)], "cp500")
    assert caught.value.field == field


def test_a_group_does_not_show_its_value() -> None:
    assert repr(Group("IN", "11010119900101123X")) == "Group('IN', 18 characters)"
