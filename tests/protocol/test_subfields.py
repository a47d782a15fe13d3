"""What stands in one DE behind a private bitmap: read to subfields, written again, and what is refused."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fep.links.form_check import refused
from protocol.analyzer.error_locator import first_wrong
from protocol.analyzer.field_tree import Node, field_nodes
from protocol.codec import Codec
from protocol.decline import FastDecline
from protocol.dialect import parse
from protocol.dialect_fit import unfit
from protocol.errors import DecodeError, DialectError, EncodeError
from protocol.mac_cover import Cover
from protocol.message import Message
from tests.protocol.test_decline import KEY
from tests.support.builders import message as asked
from tests.support.canary import CARD

SUBFIELDS = """
1 = {{ name = "First", format = "n 3", encoding = "ascii" }}
2 = {{ name = "Switch key", format = "ans..32", length = "ascii", shown = true }}
9 = {{ name = "Fee", format = "x+n 8", encoding = "bcd" }}
10 = {{ name = "Card", format = "n..20", encoding = "bcd", counts = "bytes", length = "bcd", like = 2 }}
25 = {{ name = "Chip data", format = "b....8000", length = "binary" }}
33 = {{ name = "Text", format = "ans...99", encoding = "gbk", length = "ascii" }}
63 = {{ name = "Track", format = "z..37", encoding = "bcd", length = "bcd", like = 35 }}
64 = {{ name = "Last", format = "b 64", encoding = "hex-ascii" }}
"""
SOURCE = """base = "ascii87"
[elements]
{number} = {{ format = "{format}", bitmap = "{bitmap}"{more} }}
[subfields.{number}]"""


def codec(number: int = 127, form: str = "b......999999", bitmap: str = "binary", more: str = "") -> Codec:
    source = SOURCE + SUBFIELDS
    return Codec(parse(source.format(number=number, format=form, bitmap=bitmap, more=more), "bank"))


ALL = {
    1: "042",
    2: "SWITCH_KEY",
    9: "D00000012",
    10: "622202123456789",
    25: "9F02",
    33: "保单",
    63: "6222D3012",
    64: "0123456789ABCDEF",
}
BITS = "C0C00080800000" + "03"
DATA = (
    b"042" + b"10SWITCH_KEY" + b"D\x00\x00\x00\x12" + b"\x08\x62\x22\x02\x12\x34\x56\x78\x9f"
    b"\x00\x02\x9f\x02" + "004保单".encode("gbk") + b"\x09\x62\x22\xd3\x01\x20" + b"0123456789ABCDEF"
)
HEAD = b"0200" + bytes.fromhex("8000000000000000") + bytes.fromhex("0000000000000002")
FORMS = [("binary", bytes.fromhex(BITS)), ("hex-ascii", BITS.encode()), ("hex-cp500", BITS.encode("cp500"))]


@pytest.mark.parametrize(("bitmap", "written"), FORMS)
@pytest.mark.parametrize(
    ("form", "length"),
    [("b......999999", "ascii"), ("b...999", "bcd"), ("b....9999", "binary"), ("b", "")],
)
def test_subfields_are_written_as_the_file_says_and_read_again(
    bitmap: str, written: bytes, form: str, length: str
) -> None:
    made = codec(127, form, bitmap, f', length = "{length}"' if length else "")
    content = written + DATA
    size = len(content)
    prefix = {"ascii": b"%06d" % size, "bcd": bytes.fromhex(f"{size:04}"), "binary": b"\0" + bytes([size])}
    raw = HEAD + prefix.get(length, b"") + content
    message = made.decode(raw)
    assert (message.mti, dict(message.fields), dict(message.subfields)) == ("0200", {}, {127: ALL})
    assert made.encode(message) == raw
    with pytest.raises(TypeError):
        message.subfields[127][1] = "043"  # type: ignore[index]
    with pytest.raises(TypeError):
        message.subfields[126] = {}  # type: ignore[index]


@pytest.mark.parametrize("form", ["b...999", "b"])
@pytest.mark.parametrize(("bitmap", "zeros"), [("binary", bytes(8)), ("hex-cp500", b"\xf0" * 16)])
def test_a_bitmap_without_a_bit_is_no_subfield(form: str, bitmap: str, zeros: bytes) -> None:
    made = codec(127, form, bitmap)
    raw = HEAD + (b"%03d" % len(zeros) if "." in form else b"") + zeros
    assert made.decode(raw).subfields == {127: {}}
    assert made.encode(Message("0200", {}, {127: {}})) == raw


def test_the_message_says_which_subfields_it_has_and_no_value() -> None:
    message = codec().decode(codec().encode(Message("0200", {3: "000000"}, {127: ALL})))
    assert repr(message) == "Message(0200 DE 3 127.p 127.1 127.2 127.9 127.10 127.25 127.33 127.63 127.64)"


VALUES = st.fixed_dictionaries(
    {},
    optional={
        1: st.text("0123456789", min_size=3, max_size=3),
        2: st.text("AZ az~", max_size=32),
        9: st.builds(str.__add__, st.sampled_from("CD"), st.text("0123456789", min_size=8, max_size=8)),
        10: st.text("0123456789", max_size=19),
        25: st.binary(max_size=20).map(lambda data: data.hex().upper()),
        33: st.text("A 保单", max_size=20),
        63: st.text("0123456789D", max_size=37),
        64: st.binary(min_size=8, max_size=8).map(lambda data: data.hex().upper()),
    },
)
CODECS = [
    codec(),
    codec(61, "b", "hex-cp500"),
    codec(126, "b...999", "hex-ascii"),
    codec(48, "b....9999", "binary", ", text = false"),
]
KIND = st.sampled_from(CODECS)


@settings(max_examples=30)
@given(made=KIND, values=VALUES, behind=st.booleans())
def test_any_subfields_are_read_as_they_were_written(
    made: Codec, values: dict[int, str], *, behind: bool
) -> None:
    [number] = made.dialect.private
    fields = {3: "000000", **({128: "0" * 16} if behind else {})}
    message = Message("0200", fields, {number: dict(sorted(values.items()))})
    raw = made.encode(message)
    read = made.decode(raw)
    assert read == message._replace(alike=read.alike)
    assert made.encode(read) == raw
    parts, fault = made.dissect(raw)
    assert fault is None
    assert b"".join(part.prefix + part.data for part in parts) == raw


def pointed(made: Codec, raw: bytes) -> tuple[int, str]:
    """The first wrong byte that a person is told."""
    parts, fault = made.dissect(raw)
    assert fault is not None
    wrong = first_wrong(made.dialect, raw, parts, fault)
    assert 0 <= wrong.at <= len(raw)
    return wrong.at, wrong.expected


@settings(max_examples=40)
@given(made=KIND, values=VALUES, cut=st.integers(1, 60))
def test_a_message_that_is_cut_says_where(made: Codec, values: dict[int, str], cut: int) -> None:
    [number] = made.dialect.private
    whole = made.encode(Message("0200", {3: "000000"}, {number: values}))
    raw = whole[: max(len(whole) - cut, 0)]
    with pytest.raises(DecodeError) as caught:
        made.decode(raw)
    assert caught.value.__context__ is None
    assert 0 <= caught.value.position <= len(raw)
    at, expected = pointed(made, raw)
    assert at == len(raw)
    assert expected.endswith("the message ends here")


@settings(max_examples=60)
@given(made=KIND, values=VALUES, damage=st.binary(min_size=1, max_size=3), at=st.integers(0, 80))
def test_altered_bytes_are_a_fault_or_mean_what_they_say(
    made: Codec, values: dict[int, str], damage: bytes, at: int
) -> None:
    [number] = made.dialect.private
    whole = made.encode(Message("0200", {3: "000000"}, {number: values}))
    raw = (whole[:at] + damage + whole[at + len(damage) :])[: len(whole)]
    try:
        read = made.decode(raw)
    except DecodeError as error:
        assert 0 <= error.position <= len(raw)
        pointed(made, raw)
        return
    again = made.encode(read)
    assert made.decode(again) == read
    assert len(again) <= len(raw)


def with_data(data: bytes, *, length: int | None = None) -> bytes:
    return HEAD + b"%06d" % (len(data) if length is None else length) + data


BIT_2 = bytes.fromhex("4000000000000000")
FAULTS = {
    "a bit without a subfield": (
        with_data(bytes.fromhex("4020000000000000") + b"02AB"),
        ("127.11", 27, "bit 11 of its bitmap is set, and it has no such subfield"),
        (27, "bit 11 not set: DE 127 has no such subfield"),
    ),
    "a bit too many": (
        with_data(bytes.fromhex("5000000000000000") + b"02AB"),
        ("127.4", 26, "bit 4 of its bitmap is set, and it has no such subfield"),
        (26, "bit 4 not set: DE 127 has no such subfield"),
    ),
    "more bytes than bits": (
        with_data(BIT_2 + b"02ABxyz"),
        ("127.2", 38, "bytes that its bitmap does not announce: 3"),
        (38, "the end of DE 127: its bitmap announces no more"),
    ),
    "more bytes behind an empty bitmap": (
        with_data(bytes(9)),
        ("127.p", 34, "bytes that its bitmap does not announce: 1"),
        (34, "the end of DE 127: its bitmap announces no more"),
    ),
    "no bitmap": (
        with_data(b""),
        ("127.p", 26, "the bitmap has 0 bytes of 8"),
        (26, "8 bytes more of the bitmap; the message ends here"),
    ),
    "half a bitmap": (
        with_data(bytes(4)),
        ("127.p", 26, "the bitmap has 4 bytes of 8"),
        (30, "4 bytes more of the bitmap; the message ends here"),
    ),
    "a subfield that the DE cuts": (
        with_data(BIT_2 + b"09AB"),
        ("127.2", 34, "Field data is 2 bytes, expecting 9"),
        (38, "7 bytes more of DE 127.2; the message ends here"),
    ),
    "a length that is none": (
        with_data(BIT_2 + b" 2AB"),
        ("127.2", 34, "the length is not digits"),
        (34, "ASCII digits of the length of DE 127.2"),
    ),
    "a length that is too long": (
        with_data(BIT_2 + b"33" + b"A" * 33),
        ("127.2", 34, "Field data is 33 bytes, larger than maximum 32"),
        (34, "a length of DE 127.2 of 32 at most"),
    ),
    "a content of another kind": (
        with_data(BIT_2 + b"02A\x01"),
        ("127.2", 34, "content that its format does not allow"),
        (37, "a printable character in ASCII of DE 127.2"),
    ),
    "a sign that is none": (
        with_data(bytes.fromhex("0080000000000000") + b"X\0\0\0\0"),
        ("127.9", 34, "content that its format does not allow"),
        (34, "the sign C or D of DE 127.9"),
    ),
    "more bytes behind the message": (
        with_data(BIT_2 + b"02AB") + b"xyz",
        ("127", 38, "Extra data after last field"),
        (38, "the message's end: 3 bytes more than its fields take"),
    ),
}


@pytest.mark.parametrize("case", FAULTS)
def test_a_fault_names_the_subfield_the_place_and_why(case: str) -> None:
    raw, (field, position, reason), wrong = FAULTS[case]
    with pytest.raises(DecodeError) as caught:
        codec().decode(raw)
    assert (caught.value.field, caught.value.position) == (field, position)
    assert str(caught.value) == f"field {field} at byte {position}: {reason}"
    assert pointed(codec(), raw) == wrong


@pytest.mark.parametrize(
    ("digits", "wrong"),
    [
        (b"40000000000 0000", (19 + 11 + 7, "a hex digit of the bitmap")),
        (b"\xff000000000000000", (26, "a hex digit of the bitmap")),
        (b"4000100000000000", (30, "bit 20 not set: DE 127 has no such subfield")),
    ],
)
def test_a_bitmap_in_hex_digits_is_read_digit_by_digit(digits: bytes, wrong: tuple[int, str]) -> None:
    made = codec(bitmap="hex-ascii")
    raw = with_data(digits + b"02AB")
    with pytest.raises(DecodeError):
        made.decode(raw)
    assert pointed(made, raw) == wrong


def test_hex_digits_in_lower_case_are_read_and_written_in_capitals() -> None:
    made = codec(bitmap="hex-ascii")
    lower = with_data(b"000000000000000" + b"1" + b"abcdef0123456789")
    message = made.decode(lower)
    assert message.subfields == {127: {64: "ABCDEF0123456789"}}
    assert made.encode(message) == lower[:-16] + b"ABCDEF0123456789"


@pytest.mark.parametrize(
    ("message", "field", "reason"),
    [
        (Message("0200", {}, {127: {3: "1"}}), "127.3", "no such subfield"),
        (Message("0200", {}, {127: {1: 42}}), "127.1", "its value is no text"),  # type: ignore[dict-item]
        (Message("0200", {}, {127: {1: "04x"}}), "127.1", "content that its format does not allow"),
        (Message("0200", {}, {127: {1: "04"}}), "127.1", "Field data is 2 bytes, expecting 3"),
        (Message("0200", {}, {126: {1: "042"}}), "126", "it has no subfields"),
        (Message("0200", {127: "00"}), "127", "it is made of subfields"),
    ],
)
def test_a_subfield_that_cannot_be_written_is_named(message: Message, field: str, reason: str) -> None:
    with pytest.raises(EncodeError) as caught:
        codec().encode(message)
    assert (caught.value.field, str(caught.value)) == (field, f"field {field}: {reason}")
    assert caught.value.__context__ is None


def test_a_mac_stands_behind_a_message_whose_last_field_has_subfields() -> None:
    made = codec()
    raw = made.seal(Message("0200", {3: "000000"}, {127: {1: "042"}}), KEY.mac)
    read = made.decode(raw)
    assert (list(read.fields), made.mac_of(raw, read)) == ([3, 128], (raw[:-8], KEY.mac(raw[:-8])))
    assert read.last == 128


def test_a_mac_over_a_list_of_fields_covers_a_de_with_its_bitmap_and_all_its_subfields() -> None:
    made = Codec(codec().dialect, Cover((3, 127)))
    raw = made.seal(Message("0200", {3: "000000"}, {127: {1: "042"}}), lambda data: data[-8:])
    assert made.mac_input(raw[:-8]) == b"000000" + b"000011" + bytes.fromhex("8000000000000000") + b"042"


def test_subfields_are_numbered_as_the_interface_does_where_its_groups_are_elsewhere() -> None:
    source = SOURCE.replace("[elements]", "[interface]\ngroups = 57\n[elements]\n57 = {{ text = true }}")
    made = Codec(
        parse(
            (source + SUBFIELDS).format(number=48, format="b...999", bitmap="binary", more=", text = false"),
            "bank",
        )
    )
    assert unfit(made.dialect) == ()
    message = Message("0200", {48: "PN002P1"}, {57: {1: "042"}})
    raw = made.encode(message)
    assert b"011\x80" in raw
    assert made.decode(raw) == message


def test_a_refusal_at_overload_is_not_made_without_decoding() -> None:
    made = codec()
    raw = made.seal(Message("0200", {3: "000000", 11: "000001"}, {127: {1: "042"}}), KEY.mac)
    assert FastDecline(made).scan(raw) is None


def test_groups_and_receipt_cannot_be_where_subfields_are() -> None:
    made = codec(48, "b...999", "binary", ", text = false")
    assert unfit(made.dialect) == ("DE 48 is b...999, and the interface needs ans...999 of text",)


ENTRY = '1 = { name = "First", format = "n 3" }'
FILE = f"""base = "ascii87"
[elements]
127 = {{ format = "b......999999", bitmap = "binary" }}
[subfields.127]
{ENTRY}
"""
KEYS = ", and may have text, lines, encoding, length, counts, fill, bitmap, like, shown"


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        (', bitmap = "binary"', "", "line 4: DE 127 has no bitmap of its own"),
        ('bitmap = "binary"', 'bitmap = "b"', "line 3: DE 127: bitmap must be one of binary, hex, hex-ascii"),
        ("b......999999", "ans...999", "line 3: DE 127: a DE with a bitmap of its own is b, in no encoding"),
        ("bitmap", 'encoding = "hex", bitmap', "line 3: DE 127: a DE with a bitmap of its own is b, in no"),
        ("[subfields.127]", "[subfields.126]", "line 3: DE 127: the table [subfields.127] is missing"),
        (ENTRY, "", "line 4: [subfields.127] must be a table of subfields"),
        ("[subfields.127]", "[subfields]\n127 = 3\n[more]", "line 5: [subfields.127] must be a table"),
        ("127 =", "64 =", "line 3: DE 64 must be b 64"),
        ("1 =", "65 =", "line 5: '65' is no number of a subfield from 1 to 64"),
        ("1 =", "0 =", "line 5: '0' is no number of a subfield from 1 to 64"),
        ("1 =", "x =", "line 5: 'x' is no number of a subfield from 1 to 64"),
        ('format = "n 3"', 'format = "n..100"', "line 5: DE 127.1: its length is longer than its length"),
        ('format = "n 3"', 'format = "b"', "line 5: DE 127.1: only a DE with a bitmap of its own goes"),
        (
            'format = "n 3"',
            'format = "b...99", bitmap = "binary"',
            "line 5: DE 127.1: a bitmap within a bitmap is not read: its DE is one value",
        ),
        ('format = "n 3"', 'format = "n 3", like = 1', "line 5: DE 127.1: like must be the number of a DE"),
        ('format = "n 3"', 'format = "n 3", like = "2"', "line 5: DE 127.1: like must be the number of a DE"),
        ('format = "n 3"', 'format = "n 3", shown = 1', "line 5: DE 127.1: shown must be true or false"),
        (
            'format = "n 3"',
            'format = "n 3", more = 1',
            f"line 5: DE 127.1: 'more' is no key of it; it needs name and format{KEYS}",
        ),
        ('name = "First", ', "", "line 5: DE 127.1: it needs name and format"),
    ],
)  # fmt: skip
def test_a_file_that_contradicts_itself_names_line_subfield_and_reason(
    old: str, new: str, fault: str
) -> None:
    assert old in FILE
    with pytest.raises(DialectError) as caught:
        parse(FILE.replace(old, new, 1), "bank")
    assert str(caught.value).startswith(f"bank.toml, {fault}")


def test_only_a_de_with_subfields_goes_without_a_length() -> None:
    with pytest.raises(DialectError, match="DE 55: only a DE with a bitmap of its own goes without a length"):
        parse('base = "ascii87"\n[elements]\n55 = { format = "b" }', "bank")
    bits_64 = 'base = "ascii87"\n[elements]\n64 = { format = "b 64", bitmap = "binary" }\n'
    with pytest.raises(DialectError, match="line 3: DE 64 has no bitmap of its own"):
        parse(bits_64, "bank")


def tree(made: Codec, raw: bytes) -> dict[str, Node]:
    parts, fault = made.dissect(raw)
    nodes = field_nodes(parts, made, 0, whole=fault is None)
    return {node.field: node for top in nodes for node in (top, *top.nodes)}


def test_a_description_shows_each_subfield_at_its_bytes_and_no_secret() -> None:
    made = codec()
    raw = made.encode(Message("0200", {3: "500000", 11: "000001"}, {127: {**ALL, 10: CARD}}))
    nodes = tree(made, raw)
    at = 32
    assert nodes["DE 127"].meaning == "8 subfields"
    assert (nodes["DE 127"].at, nodes["DE 127"].size, nodes["DE 127"].raw) == (at, 6 + 72, b"000072".hex())
    placed = {field: (node.at - at, node.size) for field, node in nodes.items() if field[:4] == "127."}
    assert placed == {
        "127.p": (6, 8),
        "127.1": (14, 3),
        "127.2": (17, 12),
        "127.9": (29, 5),
        "127.10": (34, 11),
        "127.25": (45, 4),
        "127.33": (49, 7),
        "127.63": (56, 6),
        "127.64": (62, 16),
    }
    assert nodes["127.p"].meaning == "127.1 127.2 127.9 127.10 127.25 127.33 127.63 127.64"
    assert (nodes["127.2"].value, nodes["127.2"].name) == ("SWITCH_KEY", "Switch key")
    assert nodes["127.1"].hidden == "3 digits; it may hold anything"  # as short as a card's check value
    assert nodes["127.63"].hidden.endswith("a magnetic track")
    assert nodes["127.10"].hidden == "masked"
    assert CARD not in repr(nodes)
    assert CARD[-4:] in nodes["127.10"].value


def test_what_a_file_says_is_shown_is_not_where_it_looks_like_a_card_number() -> None:
    made = codec()
    nodes = tree(made, made.encode(Message("0200", {3: "500000"}, {127: {2: CARD}})))
    assert nodes["127.2"].hidden.endswith("it has as many digits as a card number")


def test_a_damaged_de_is_shown_up_to_the_wrong_subfield() -> None:
    made = codec()
    raw = made.encode(Message("0200", {3: "500000", 11: "000001"}, {127: ALL}))
    nodes = tree(made, raw.replace(b"D\x00\x00\x00\x12", b"X\x00\x00\x00\x12"))
    assert [field for field in nodes if field[:3] == "127" or field == "DE 127"] == [
        "DE 127",
        "127.p",
        "127.1",
        "127.2",
    ]


@pytest.mark.parametrize(
    ("like", "reason"),
    [
        (35, "TRACK DATA NOT ACCEPTED"),
        (45, "TRACK DATA NOT ACCEPTED"),
        (52, "PIN DATA IS NOT ACCEPTED"),
        (125, "PIN DATA IS NOT ACCEPTED"),
        (2, None),
    ],
)
def test_a_subfield_like_a_pin_or_a_track_is_refused_as_these_are(like: int, reason: str | None) -> None:
    made = Codec(
        parse(FILE.replace("format", f"like = {like}, format", 2).replace(f"like = {like}, ", "", 1), "bank")
    )
    request = asked(groups=(("PN", "P1"), ("DU", "D1")))
    message = request._replace(subfields={127: {1: "123"}})
    read = made.decode(made.encode(message))
    assert read.alike == {like}
    refusal = refused(made, made.encode(message), date(2026, 11, 24))
    assert (str(refusal) if refusal else None) == reason
