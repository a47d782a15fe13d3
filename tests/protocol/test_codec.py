"""The codec: messages round-trip in every dialect, hostile bytes raise its own error alone, MACs are last."""

from __future__ import annotations

from pathlib import Path

import pytest

from protocol.codec import Codec
from protocol.dialect import load, shipped
from protocol.errors import DecodeError, EncodeError
from protocol.message import Message
from protocol.part import Part
from tests.support.element_bytes import WIRES

VECTORS = Path(__file__).parents[1] / "vectors" / "messages"
EVERY = pytest.mark.parametrize("name", WIRES)
DIALECTS = {name: load(name) for name in shipped()}


def made(name: str) -> Codec:
    """A codec made for the test that asks: how one is made is a rule too."""
    return Codec(DIALECTS[name])


def request(**changed: str) -> Message:
    """Return a 0200; `de4="..."` changes a field."""
    fields = {3: "500000", 4: "000000120000", 7: "0301093000", 11: "000123", 32: "01020000", 41: "T0000001"}
    return Message("0200", {**fields, **{int(key[2:]): text for key, text in changed.items()}})


@EVERY
def test_every_cut_of_a_message_is_refused(name: str) -> None:
    raw = made(name).encode(request(de48="PN001a", de128="0123456789ABCDEF"))
    for length in range(len(raw)):
        with pytest.raises(DecodeError):
            made(name).decode(raw[:length])
    with pytest.raises(DecodeError):
        made(name).decode(raw + b"0")


def vector(name: str) -> tuple[bytes, Message]:
    lines = (VECTORS / f"{name}.hex").read_text("utf-8").splitlines()
    raw = bytes.fromhex("".join(line.split("  ")[0] for line in lines if not line.startswith("#")))
    head, *rest = (VECTORS / f"{name}.fields").read_text("utf-8").splitlines()
    fields = dict(line.split(" ", 1) for line in rest)
    return raw, Message(head.removeprefix("mti "), {int(number): text for number, text in fields.items()})


@pytest.mark.parametrize("name", shipped())
def test_a_vector_made_by_hand_goes_both_ways(name: str) -> None:
    raw, message = vector(name)
    assert made(name).decode(raw) == message
    assert made(name).encode(message) == raw


NOT_ALLOWED = "content that its format does not allow"
NO_THIRD = "a third bitmap, which ISO 8583:1987 does not have"
NO_LENGTH = "the length is not digits"
PARTIAL = Message("0200", {})
BEHIND = "Field data is 11 bytes, expecting 12"


@pytest.mark.parametrize(
    ("name", "pieces", "field", "position", "reason", "partial", "parts"),
    [
        ("hex87", "", "t", 0, "Field data is 0 bytes, expecting 4", None, ""),
        ("hex87", "0200|7", "p", 4, "Field data is 1 bytes, expecting 16", PARTIAL, "t"),
        (
            "hex87",
            "0200|400000000000000 |0212",
            "p",
            4,
            "Failed to decode field, non-hex data",
            PARTIAL,
            "t",
        ),
        ("hex87", "0200|40 0000000000000|0212", "p", 4, "Failed to decode field, non-hex data", PARTIAL, "t"),
        ("hex87", "0200|40  000000000000|0212", "p", 4, "not hex digits", Message("0200", {2: "12"}), "t"),
        ("hex87", "0200|8000000000000000|00  000000000000", "1", 20, "not hex digits", PARTIAL, "t p"),
        ("hex87", "02x0|4000000000000000|0212", "t", 0, "not digits", None, ""),
        (
            "hex87",
            "0200|4000000000000000|0x12",
            "2",
            20,
            "Failed to decode field length, non-numeric data",
            PARTIAL,
            "t p",
        ),
        ("hex87", "0200|4000000000000000| 512345", "2", 20, NO_LENGTH, PARTIAL, "t p"),
        ("hex87", "0200|4000000000000000|+512345", "2", 20, NO_LENGTH, PARTIAL, "t p"),
        (
            "hex87",
            "0200|0000000100000000|20123",
            "32",
            20,
            "Field data is 20 bytes, larger than maximum 11",
            PARTIAL,
            "t p",
        ),
        ("hex87", "0200|4000000000000000|02a1", "2", 20, NOT_ALLOWED, PARTIAL, "t p"),
        (
            "hex87",
            "0200|4000000000000000|0212x",
            "2",
            24,
            "Extra data after last field",
            PARTIAL,
            "t p 2",
        ),
        ("hex87", "0200|0000000000000001|0123456789ABCDEG", "64", 20, NOT_ALLOWED, PARTIAL, "t p"),
        ("hex87", f"0200|8{'0' * 15}|8{'0' * 15}|{'0' * 16}", "65", 20, NO_THIRD, PARTIAL, "t p"),
        ("hex87", f"0200|8{'0' * 15}|8{'0' * 15}|8{'0' * 15}", "65", 20, NO_THIRD, None, "t p"),
        (
            "hex87",
            "0200|6000000000000000|0212|50000",
            "3",
            24,
            "Field data is 5 bytes, expecting 6",
            Message("0200", {2: "12"}),
            "t p 2",
        ),
        (
            "hex87",
            "0200|6000000000000000|0212|50x000",
            "3",
            24,
            NOT_ALLOWED,
            Message("0200", {2: "12"}),
            "t p 2",
        ),
        (
            "hex87",
            "0200|4000000100000000|0212| 512345",
            "32",
            24,
            NO_LENGTH,
            Message("0200", {2: "12"}),
            "t p 2",
        ),
        (
            "hex87",
            "0200|4000000000000000|0412",
            "2",
            22,
            "Field data is 2 bytes, expecting 4",
            PARTIAL,
            "t p",
        ),
        ("hex87", "0200|4000000000000000|04", "2", 22, "Field data is 0 bytes, expecting 4", PARTIAL, "t p"),
        ("hex87", "0200|0000001000000000|c00000000", "28", 20, NOT_ALLOWED, PARTIAL, "t p"),
        ("hex87", "020|", "t", 0, "Field data is 3 bytes, expecting 4", None, ""),
        (
            "hex87",
            "0200|6000000000000000|021x|500000",
            "2",
            20,
            NOT_ALLOWED,
            Message("0200", {3: "500000"}),
            "t p",
        ),
        (
            "hex87",
            "0200|7000000000000000|021x|50x000|00000012000",
            "4",
            30,
            BEHIND,
            Message("0200", {}),
            "t p",
        ),
        (
            "hex87",
            "0200|6100000000000000|0212|500000|0001020",
            "8",
            30,
            "Field data is 7 bytes, expecting 8",
            Message("0200", {2: "12", 3: "500000"}),
            "t p 2 3",
        ),
    ],
)
def test_a_decode_error_says_the_field_the_byte_and_the_reason_and_keeps_what_an_answer_repeats(
    name: str, pieces: str, field: str, position: int, reason: str, partial: Message | None, parts: str
) -> None:
    raw = pieces.replace("|", "").encode()
    with pytest.raises(DecodeError) as caught:
        made(name).decode(raw)
    error = caught.value
    assert (error.field, error.position, error.partial) == (field, position, partial)
    assert str(error) == f"field {field} at byte {position}: {reason}"
    assert error.__context__ is None
    dissected, fault = made(name).dissect(raw)
    assert " ".join(part.key for part in dissected) == parts
    assert (
        b"".join(part.prefix + part.data for part in dissected)
        == raw[: dissected[-1].end if dissected else 0]
    )
    if reason != BEHIND:
        assert str(fault) == str(error)


# Each with a fault behind it, at which pyiso8583 stops.
@pytest.mark.parametrize(
    ("name", "data", "parts", "text"),
    [
        ("hex87", b"02x04000000000000000020", "", f"field t at byte 0: {NOT_ALLOWED}"),
        ("hex87", b"020040  0000000000000", "t", f"field p at byte 4: {NOT_ALLOWED}"),
        ("hex87", b"0200C00000000000000000  0000000000000", "t p", f"field 1 at byte 20: {NOT_ALLOWED}"),
        ("hex87", b"02006000000000000000 51234550000", "t p", f"field 2 at byte 20: {NOT_ALLOWED}"),
        (
            "hex87",
            b"02000000001100000000c0000000020",
            "t p",
            f"field 28 at byte 20: {NOT_ALLOWED}",
        ),
        ("hex87", b"02007000000000000000021x50000000000012000", "t p", f"field 2 at byte 20: {NOT_ALLOWED}"),
        (
            "hex87",
            b"02007000000000000000021250x00000000012000",
            "t p 2",
            f"field 3 at byte 24: {NOT_ALLOWED}",
        ),
        (
            "hex87",
            b"020010000000000010000000000120000123456789abcdef0",
            "t p 4 52",
            "field 52 at byte 48: Extra data after last field",
        ),
    ],
)
def test_what_pyiso8583_lets_pass_is_not_in_order(name: str, data: bytes, parts: str, text: str) -> None:
    dissected, fault = made(name).dissect(data)
    assert (" ".join(part.key for part in dissected), str(fault)) == (parts, text)


@EVERY
def test_the_parts_of_a_message_are_where_they_lie_in_it(name: str) -> None:
    message = Message("0200", dict(sorted(request(de2="6222021", de70="301").fields.items())))
    raw = made(name).encode(message)
    dissected, fault = made(name).dissect(raw)
    assert (fault, b"".join(part.prefix + part.data for part in dissected)) == (None, raw)
    assert [part.at for part in dissected] == [0, *(part.end for part in dissected[:-1])]
    assert [part.key for part in dissected] == ["t", "p", "1", *map(str, message.fields)]
    assert {part.key: part.text for part in dissected[3:]} == {
        str(n): text for n, text in message.fields.items()
    }
    assert [len(part.prefix) > 0 for part in dissected[3:]] == [
        number in (2, 32) for number in message.fields
    ]


def test_a_part_says_where_it_lies_and_never_what_it_holds() -> None:
    part = Part("2", 20, b"19", b"6222021234567890123", "6222021234567890123")
    assert (repr(part), part.end) == ("Part(2, bytes 20 to 41)", 41)


@EVERY
@pytest.mark.parametrize(
    ("number", "text"),
    [
        (4, "00000012000x"),
        (4, "٠٠٠٠٠٠١٢٠٠٠٠"),
        (4, "12"),
        (2, "12345678901234567890"),
        (37, "ABC-12345678"),
        (37, "ABCDEFGHIJKé"),
        (41, "T000\n001"),
        (48, "PN003a\x00b"),
        (48, "x" * 1000),
        (48, "\ud800"),
        (44, "one\ntwo"),
        (97, "E0000000000120000"),
        (64, "0123456789ABCDEG"),
        (64, "0123"),
        (1, "0" * 16),
        (65, "0" * 16),
        (129, "x"),
        (0, "x"),
    ],
)
def test_a_value_that_its_format_does_not_allow_is_our_error(name: str, number: int, text: str) -> None:
    with pytest.raises(EncodeError) as caught:
        made(name).encode(Message("0200", {3: "500000", number: text}))
    assert (caught.value.field, caught.value.__context__) == (str(number), None)
    assert text not in str(caught.value) or len(text) < 3


@EVERY
@pytest.mark.parametrize("mti", ["", "020", "02000", "02A0", "٠٢٠٠"])
def test_an_mti_is_four_digits(name: str, mti: str) -> None:
    with pytest.raises(EncodeError) as caught:
        made(name).encode(Message(mti, {}))
    assert caught.value.field == "t"


@EVERY
@pytest.mark.parametrize(
    ("mti", "number", "text", "reason"),
    [
        ("02A0", 3, "500000", "field t: not digits"),
        ("0200", 41, "T000\n001", f"field 41: {NOT_ALLOWED}"),
        ("0200", 48, "PN003a\x00b", f"field 48: {NOT_ALLOWED}"),
        ("0200", 44, "one\ntwo", f"field 44: {NOT_ALLOWED}"),
        ("0200", 97, "E0000000000120000", f"field 97: {NOT_ALLOWED}"),
        ("0200", 39, "000", "field 39: Field data is 3 bytes, expecting 2"),
        ("0200", 0, "x", "field 0: no such DE"),
        ("0200", 1, "0" * 16, "field 1: no such DE"),
        ("0200", 65, "0" * 16, "field 65: no such DE"),
        ("0200", 129, "x", "field 129: no such DE"),
    ],
)
def test_what_cannot_be_written_says_why(name: str, mti: str, number: int, text: str, reason: str) -> None:
    with pytest.raises(EncodeError) as caught:
        made(name).encode(Message(mti, {number: text}))
    assert str(caught.value) == reason


def test_a_value_that_is_no_text_is_our_error() -> None:
    with pytest.raises(EncodeError) as caught:
        made("ascii87").encode(Message("0200", {4: 12}))  # type: ignore[dict-item]
    assert str(caught.value) == "field 4: its value is no text"


def test_text_that_the_code_page_lacks_is_our_error() -> None:
    with pytest.raises(EncodeError) as caught:
        made("ebcdic87").encode(Message("0210", {44: "保单"}))
    assert caught.value.field == "44"


@EVERY
def test_fixed_alphanumerics_may_end_in_blanks_and_variable_fields_be_empty(name: str) -> None:
    message = request(de2="", de38="A1    ", de48="")
    assert made(name).decode(made(name).encode(message)).fields == message.fields


@EVERY
def test_receipt_lines_may_have_line_feeds(name: str) -> None:
    message = request(de62="one\ntwo")
    assert made(name).decode(made(name).encode(message)) == message


def test_hex_digits_are_read_in_lower_case_too() -> None:
    raw = made("hex87").encode(request(de64="0123456789ABCDEF"))
    message = made("hex87").decode(raw.lower().replace(b"t0000001", b"T0000001"))
    assert message == request(de64="0123456789ABCDEF")


@pytest.mark.parametrize(("pad", "good"), [("0021", True), ("1021", False)])
def test_the_fill_of_an_odd_packed_field_must_be_zero(pad: str, good: bool) -> None:
    raw = bytes.fromhex("0200 0000040000000000" + pad)
    if good:
        assert made("bcd87").decode(raw) == Message("0200", {22: "021"})
    else:
        with pytest.raises(DecodeError):
            made("bcd87").decode(raw)


def fold(covered: bytes) -> bytes:
    """Return 8 bytes that depend on every covered byte; no real MAC, which is another module's."""
    return sum(byte * (place + 1) for place, byte in enumerate(covered)).to_bytes(8, "big")


@EVERY
@pytest.mark.parametrize(
    ("message", "number"),
    [
        (request(), 64),
        (request(de70="301"), 128),
        (request(de64="F" * 16), 64),
        (request(de128="F" * 16), 64),
        (request(de64="F" * 16, de90="0" * 42), 128),
        (Message("0800", {}), 64),
    ],
)
def test_a_sealed_message_has_its_mac_last_over_all_before_it(
    name: str, message: Message, number: int
) -> None:
    codec = made(name)
    raw = codec.seal(message, fold)
    decoded = codec.decode(raw)
    covered, code = codec.mac_of(raw, decoded) or (b"", b"")
    assert codec.mac_at(raw, decoded) == len(covered) == len(raw) - codec.dialect.mac_width
    assert code == fold(covered)
    assert decoded.fields[number] == code.hex().upper()
    assert {64, 128} & set(decoded.fields) == {number}
    plain = {n: text for n, text in message.fields.items() if n not in (64, 128)}
    assert {n: text for n, text in decoded.fields.items() if n != number} == plain


@EVERY
@pytest.mark.parametrize(
    "message",
    [
        request(),
        request(de64="F" * 16, de70="301"),
        request(de64="F" * 16, de128="F" * 16),
        Message("0800", {}),
    ],
)
def test_a_mac_out_of_its_place_is_no_mac(name: str, message: Message) -> None:
    raw = made(name).encode(message)
    assert made(name).mac_of(raw, made(name).decode(raw)) is None


def test_a_mac_of_another_width_is_our_error() -> None:
    with pytest.raises(EncodeError) as caught:
        made("ascii87").seal(request(), lambda covered: covered[:4])
    assert str(caught.value) == "field MAC: a MAC of 4 bytes"


@EVERY
def test_the_last_bytes_are_what_a_mac_covers_and_the_mac(name: str) -> None:
    codec = made(name)
    raw = codec.seal(request(), fold)
    assert codec.last_bytes(raw) == codec.mac_of(raw, codec.decode(raw))


def test_a_mac_in_hex_digits_is_written_in_capitals() -> None:
    code = bytes.fromhex("0123456789abcdef")
    assert made("hex87").append_mac(b"0200", lambda _: code) == b"02000123456789ABCDEF"
    assert made("ascii87").append_mac(b"0200", lambda _: code) == b"0200" + code


def test_last_bytes_that_are_no_hex_digits_are_no_mac() -> None:
    assert made("hex87").last_bytes(b"0200" + b"0123456789ABCDEG") == (b"0200", b"")
    assert made("hex87").last_bytes(b"0200" + b"0123456789abcdef") == (
        b"0200",
        bytes.fromhex("0123456789abcdef"),
    )
    assert made("hex87").last_bytes(b"0200" + b"0123456789ABCDE\xff") == (b"0200", b"")
    assert made("ascii87").last_bytes(b"0200" + bytes(8)) == (b"0200", bytes(8))


@EVERY
def test_what_is_left_of_a_message_that_is_cut_short_anywhere_can_be_written(name: str) -> None:
    """Else an answer to it could not be: pyiso8583 leaves a field that it could not read whole in part."""
    codec = made(name)
    raw = codec.encode(request(de2="6222021234567890123"))
    for length in range(len(raw)):
        with pytest.raises(DecodeError) as caught:
            codec.decode(raw[:length])
        if caught.value.partial is not None:
            codec.encode(caught.value.partial)
            assert caught.value.field not in map(str, caught.value.partial.fields)
