"""The codec: messages round-trip in every dialect, hostile bytes raise its own error alone, MACs are last."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from protocol.dialect import shipped
from protocol.errors import DecodeError, EncodeError
from protocol.framing import FrameReader, Framing, wrap
from protocol.message import Message
from tests.messages import CODECS, content, messages

VECTORS = Path(__file__).parents[1] / "vectors" / "messages"
EVERY = pytest.mark.parametrize("name", shipped())


def request(**changed: str) -> Message:
    """Return a 0200; `de4="..."` changes a field."""
    fields = {3: "500000", 4: "000000120000", 7: "0301093000", 11: "000123", 32: "01020000", 41: "T0000001"}
    return Message("0200", {**fields, **{int(key[2:]): text for key, text in changed.items()}})


@EVERY
@pytest.mark.parametrize("framing", list(Framing))
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_any_message_round_trips_in_every_dialect_and_framing_at_any_split(
    name: str, framing: Framing, data: st.DataObject
) -> None:
    message = data.draw(messages(name))
    raw = CODECS[name].encode(message)
    assert CODECS[name].decode(raw) == message
    wire = wrap(framing, raw, bytes.fromhex("6000010002") if framing is Framing.BE2_TPDU else b"")
    cut = data.draw(st.integers(0, len(wire)))
    reader = FrameReader(framing)
    assert [frame.body for frame in reader.feed(wire[:cut]) + reader.feed(wire[cut:])] == [raw]


@EVERY
@settings(max_examples=5, deadline=None)
@given(data=st.data())
def test_every_data_element_round_trips(name: str, data: st.DataObject) -> None:
    codec = CODECS[name]
    for number, element in codec.dialect.elements.items():
        if number not in (1, 65):
            message = Message("0200", {number: data.draw(content(element))})
            assert codec.decode(codec.encode(message)) == message


@EVERY
@settings(max_examples=250, deadline=None)
@given(data=st.binary(max_size=200))
@example(data=b"")
@example(data=b"0200" + b"\xff" * 60)
@example(data=b"\x02\x00" + b"\xff" * 60)
@example(data=b"\xf0\xf2\xf0\xf0" + b"\xff" * 60)
@example(data=b"0200" + b"F" * 80)
@example(data=b"0200" + b"          00000000000")
def test_hostile_bytes_raise_decode_error_alone(name: str, data: bytes) -> None:
    try:
        message = CODECS[name].decode(data)
    except DecodeError as error:
        assert 0 <= error.position <= len(data)
        assert error.__context__ is None
    else:
        assert CODECS[name].decode(CODECS[name].encode(message)) == message


@EVERY
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_a_damaged_message_decodes_or_raises_decode_error_alone(name: str, data: st.DataObject) -> None:
    raw = bytearray(CODECS[name].encode(data.draw(messages(name))))
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    damaged = bytes(raw[: data.draw(st.integers(0, len(raw)))]) if data.draw(st.booleans()) else bytes(raw)
    try:
        message = CODECS[name].decode(damaged)
    except DecodeError as error:
        assert 0 <= error.position <= len(damaged)
    else:
        assert CODECS[name].decode(CODECS[name].encode(message)) == message


@EVERY
def test_every_cut_of_a_message_is_refused(name: str) -> None:
    raw = CODECS[name].encode(request(de48="PN001a", de128="0123456789ABCDEF"))
    for length in range(len(raw)):
        with pytest.raises(DecodeError):
            CODECS[name].decode(raw[:length])
    with pytest.raises(DecodeError):
        CODECS[name].decode(raw + b"0")


def vector(name: str) -> tuple[bytes, Message]:
    lines = (VECTORS / f"{name}.hex").read_text("utf-8").splitlines()
    raw = bytes.fromhex("".join(line.split("  ")[0] for line in lines if not line.startswith("#")))
    head, *rest = (VECTORS / f"{name}.fields").read_text("utf-8").splitlines()
    fields = dict(line.split(" ", 1) for line in rest)
    return raw, Message(head.removeprefix("mti "), {int(number): text for number, text in fields.items()})


@EVERY
def test_a_vector_made_by_hand_goes_both_ways(name: str) -> None:
    raw, message = vector(name)
    assert CODECS[name].decode(raw) == message
    assert CODECS[name].encode(message) == raw


@pytest.mark.parametrize(
    ("pieces", "field", "position"),
    [
        ("0200|7", "p", 4),
        ("0200|400000000000000 |0212", "p", 4),
        ("02x0|4000000000000000|0212", "t", 0),
        ("0200|4000000000000000|0x12", "2", 20),
        ("0200|4000000000000000| 512345", "2", 20),
        ("0200|4000000000000000|+512345", "2", 20),
        ("0200|0000000100000000|20123", "32", 20),
        ("0200|4000000000000000|02a1", "2", 20),
        ("0200|4000000000000000|0212x", "2", 24),
        ("0200|0000000000000001|0123456789ABCDEG", "64", 20),
        ("0200|8000000000000000|8000000000000000|0000000000000000", "65", 20),
        ("0200|8000000000000000|8000000000000000|8000000000000000", "65", 20),
    ],
)
def test_a_decode_error_says_the_field_and_the_byte(pieces: str, field: str, position: int) -> None:
    raw = pieces.replace("|", "").encode()
    with pytest.raises(DecodeError) as caught:
        CODECS["hex87"].decode(raw)
    assert caught.value.field == field
    assert caught.value.position == position


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
        CODECS[name].encode(Message("0200", {3: "500000", number: text}))
    assert caught.value.field == str(number)
    assert text not in str(caught.value) or len(text) < 3


@EVERY
@pytest.mark.parametrize("mti", ["", "020", "02000", "02A0", "٠٢٠٠"])
def test_an_mti_is_four_digits(name: str, mti: str) -> None:
    with pytest.raises(EncodeError) as caught:
        CODECS[name].encode(Message(mti, {}))
    assert caught.value.field == "t"


def test_a_value_that_is_no_text_is_our_error() -> None:
    with pytest.raises(EncodeError):
        CODECS["ascii87"].encode(Message("0200", {4: 12}))  # type: ignore[dict-item]


def test_text_that_the_code_page_lacks_is_our_error() -> None:
    with pytest.raises(EncodeError) as caught:
        CODECS["ebcdic87"].encode(Message("0210", {44: "保单"}))
    assert caught.value.field == "44"


@EVERY
def test_fixed_alphanumerics_may_end_in_blanks_and_variable_fields_be_empty(name: str) -> None:
    message = request(de2="", de38="A1    ", de48="")
    assert CODECS[name].decode(CODECS[name].encode(message)).fields == message.fields


@EVERY
def test_receipt_lines_may_have_line_feeds(name: str) -> None:
    message = request(de62="one\ntwo")
    assert CODECS[name].decode(CODECS[name].encode(message)) == message


def test_hex_digits_are_read_in_lower_case_too() -> None:
    raw = CODECS["hex87"].encode(request(de64="0123456789ABCDEF"))
    message = CODECS["hex87"].decode(raw.lower().replace(b"t0000001", b"T0000001"))
    assert message == request(de64="0123456789ABCDEF")


@pytest.mark.parametrize(("pad", "good"), [("0021", True), ("1021", False)])
def test_the_fill_of_an_odd_packed_field_must_be_zero(pad: str, good: bool) -> None:
    raw = bytes.fromhex("0200 0000040000000000" + pad)
    if good:
        assert CODECS["bcd87"].decode(raw) == Message("0200", {22: "021"})
    else:
        with pytest.raises(DecodeError):
            CODECS["bcd87"].decode(raw)


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
    codec = CODECS[name]
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
    raw = CODECS[name].encode(message)
    assert CODECS[name].mac_of(raw, CODECS[name].decode(raw)) is None


def test_a_mac_of_another_width_is_our_error() -> None:
    with pytest.raises(EncodeError):
        CODECS["ascii87"].seal(request(), lambda covered: covered[:4])


@EVERY
def test_what_is_left_of_a_message_that_is_cut_short_anywhere_can_be_written(name: str) -> None:
    """Else an answer to it could not be: pyiso8583 leaves a field that it could not read whole in part."""
    codec = CODECS[name]
    raw = codec.encode(request(de2="6222021234567890123"))
    for length in range(len(raw)):
        with pytest.raises(DecodeError) as caught:
            codec.decode(raw[:length])
        if caught.value.partial is not None:
            codec.encode(caught.value.partial)
            assert caught.value.field not in map(str, caught.value.partial.fields)
