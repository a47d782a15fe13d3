"""Refusals made of a request's own bytes: the same as by the long way, or none."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from protocol import decline
from protocol.codec import Codec
from protocol.decline import FastDecline, Fields
from protocol.errors import EncodeError
from protocol.mac import MacKey, MacMethod
from protocol.message import ECHOED, Message, answer_mti
from tests.support.element_bytes import WIRES
from tests.support.messages import CODECS

EVERY = pytest.mark.parametrize("name", WIRES)
KEY = MacKey(MacMethod.AES_CMAC, bytes(16))
OWN = ((15, "1124"), (39, "91"), (44, "BUSY, ASK AGAIN"))


def long_way(codec: Codec, request: Message, own: Fields) -> bytes:
    repeated = {number: text for number, text in request.fields.items() if number in ECHOED}
    return codec.seal(Message(answer_mti(request.mti), {**repeated, **dict(own)}), KEY.mac)


def short_way(codec: Codec, raw: bytes, own: Fields = OWN) -> bytes | None:
    fast_decline = FastDecline(codec)
    header_scan = fast_decline.scan(raw)
    return None if header_scan is None else codec.append_mac(fast_decline.refusal(header_scan, own), KEY.mac)


# Requests whose fields have all that a dialect writes in its own way: digits of even and of odd number,
# lengths, text, binary fields, a second bitmap; and none that an answer repeats.
REQUESTS = (
    Message("0200", {2: "6222021234567890123", 3: "500000", 4: "000000120000", 11: "000001", 32: "01020000"}),
    Message("0200", {7: "1124093000", 32: "0102000", 37: "RRN000000001", 41: "T0000001", 49: "156"}),
    Message("0421", {32: "", 48: "PN002P1", 62: "one\ntwo", 90: "0" * 42}),
    Message("0800", {7: "1124093000", 11: "000001", 52: "0123456789ABCDEF", 70: "001"}),
    Message("0600", {22: "012", 35: "6222=30", 45: ""}),
    Message("0600", {}),
)


@EVERY
@pytest.mark.parametrize("request_", REQUESTS, ids=lambda message: f"{message.mti}-{len(message.fields)}")
def test_a_refusal_is_what_decoding_and_encoding_give(name: str, request_: Message) -> None:
    codec = CODECS[name]
    raw = codec.seal(request_, KEY.mac)
    header_scan = FastDecline(codec).scan(raw)
    assert header_scan is not None
    assert (header_scan.mti, header_scan.acquirer) == (request_.mti, request_.fields.get(32))
    assert (header_scan.covered, header_scan.mac) == codec.mac_of(raw, codec.decode(raw))
    assert list(header_scan.repeated) == [number for number in request_.fields if number in ECHOED]
    assert short_way(codec, raw) == long_way(codec, request_, OWN)


@pytest.mark.parametrize("numbers", ["", "4", "3", "3 4", "2", "2 4", "2 3", "2 3 4"])
def test_bitmaps_in_hex_may_be_in_lower_case(numbers: str) -> None:
    """Whatever their first digit, which announces a second one."""
    codec = CODECS["hex87"]
    fields = {int(number): "0" * codec.dialect.elements[int(number)].length for number in numbers.split()}
    request = Message("0200", {**fields, 11: "000001", 90: "0" * 42})
    raw = codec.seal(request, KEY.mac)
    for written in (raw, raw[:4] + raw[4:36].lower() + raw[36:]):
        assert short_way(codec, written) == long_way(codec, request, OWN)


def test_one_refuser_serves_messages_of_any_form_in_turn() -> None:
    codec = CODECS["ascii87"]
    fast_decline = FastDecline(codec)
    for number in (*range(2, 64), *range(66, 128)) * 2:
        element = codec.dialect.elements[number]
        text = "C" + "0" * (element.length - 1) if element.kind == "x+n" else "0" * element.length
        for own in (OWN, ((15, "1125"), *OWN[1:])):
            raw = codec.seal(Message("0200", {11: "000001", number: text}), KEY.mac)
            header_scan = fast_decline.scan(raw)
            assert header_scan is not None
            decline = codec.append_mac(fast_decline.refusal(header_scan, own), KEY.mac)
            assert decline == long_way(codec, codec.decode(raw), own)


def test_what_it_remembers_is_bounded() -> None:
    codec = CODECS["ascii87"]
    fast_decline = FastDecline(codec)
    request = Message("0200", {11: "000001"})
    header_scan = fast_decline.scan(codec.seal(request, KEY.mac))
    assert header_scan is not None
    remembered = []
    for count in range(513):
        own = ((39, "91"), (44, f"{count}"))
        assert codec.append_mac(fast_decline.refusal(header_scan, own), KEY.mac) == long_way(
            codec, request, own
        )
        remembered.append(len(fast_decline._templates))
    assert remembered == [*range(1, 513), 1]
    for count in range(2, 520):
        fast_decline.scan(b"0200" + count.to_bytes(8) + bytes(20))
    assert len(fast_decline._plans) == 512
    assert fast_decline.scan(codec.seal(request, KEY.mac)) == header_scan


def test_a_bitmap_a_length_and_a_refusals_template_are_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that has no time to spare takes as little as it can."""
    read: list[str] = []
    for owner, name in ((FastDecline, "_read"), (decline, "_count"), (FastDecline, "_template")):
        asked = getattr(owner, name)

        def counted(*args: object, name: str = name, asked: Callable[..., object] = asked) -> object:
            read.append(name)
            return asked(*args)

        monkeypatch.setattr(owner, name, counted)
    codec = CODECS["ascii87"]
    fast_decline = FastDecline(codec)
    raw = codec.seal(Message("0200", {11: "000001", 32: "01020000"}), KEY.mac)
    for _ in range(3):
        header_scan = fast_decline.scan(raw)
        assert header_scan is not None
        fast_decline.refusal(header_scan, OWN)
    assert read == ["_read", "_count", "_template"]


def with_bits(raw: bytes, *numbers: int) -> bytes:
    """An ascii87 message whose two bitmaps have these bits too."""
    bits = int.from_bytes(raw[4:20]) | sum(1 << (128 - number) for number in numbers)
    return raw[:4] + bits.to_bytes(16) + raw[20:]


def test_what_is_not_in_order_is_not_refused() -> None:
    codec = CODECS["ascii87"]
    plain = codec.seal(Message("0200", {11: "000001", 32: "01020000"}), KEY.mac)
    extended = codec.seal(Message("0200", {11: "000001", 90: "0" * 42}), KEY.mac)
    fast_decline = FastDecline(codec)
    assert fast_decline.scan(plain) is not None
    assert fast_decline.scan(extended) is not None
    for damaged in (
        plain[:-8] + b"0" + plain[-8:],  # more than the fields take
        plain[:-9] + plain[-8:],  # less
        plain[:-8],  # no MAC, though the bitmap has it
        plain.replace(b"0801020000", b"12010200000000"),  # DE 32 longer than it may be
        b"0210" + plain[4:],  # an answer
        with_bits(extended[:-8] + bytes(8) + extended[-8:], 64),  # two MACs
        with_bits(extended[:20] + bytes(8) + extended[20:], 65),  # a third bitmap
        plain[:11],  # not even bitmaps
    ):
        assert fast_decline.scan(damaged) is None


def written(name: str, mti: bytes, numbers: str, fields: bytes) -> bytes:
    """A message with these bits in its first bitmap, whatever its fields are, and 8 bytes or 16 for a MAC."""
    bits = sum(1 << (64 - int(number)) for number in numbers.split()).to_bytes(8)
    is_hex = name == "hex87"
    return (
        mti + (bits.hex().upper().encode() if is_hex else bits) + fields + (b"0" * 16 if is_hex else bytes(8))
    )


@pytest.mark.parametrize(
    ("name", "raw"),
    [
        ("ascii87", b""),
        ("ascii87", b"02"),
        ("ascii87", b"0200"),
        ("bcd87", b"\x02\x00"),
        ("ascii87", b"0200" + bytes(8)),
        ("ascii87", written("ascii87", b"0200", "", b"")),
        ("ascii87", written("ascii87", b"0200", "41", b"")),
        ("ascii87", written("ascii87", b"02x0", "11 64", b"000001")),
        ("ascii87", written("ascii87", b"\xff200", "11 64", b"000001")),
        ("bcd87", written("bcd87", b"\x02\x0a", "11 64", b"\0\0\x01")),
        ("ascii87", written("ascii87", b"0200", "32 64", b"x")),
        ("ascii87", written("ascii87", b"0200", "32 64", b"\xff\xff")),
        ("ascii87", written("ascii87", b"0200", "32 37 64", b"x" * 11)),
        ("ascii87", written("ascii87", b"0200", "32 64", b"")),
        ("bcd87", written("bcd87", b"\x02\x00", "32 64", b"\x1a")),
        ("bcd87", written("bcd87", b"\x02\x00", "48 64", b"\x01")),
        ("hex87", written("hex87", b"0200", "11 64", b"000001")[:-1] + b"G"),
        ("hex87", b"0200" + b"G02000000000000" + b"1" + b"000001" + b"0" * 16),
        ("hex87", b"0200" + b"X02000000000000" + b"1" + b"000001" + b"0" * 16),
        ("hex87", b"0200" + b"0_20000000000001" + b"000001" + b"0" * 16),
        ("hex87", b"0200" + b"\xff020000000000001" + b"000001" + b"0" * 16),
    ],
)
def test_what_is_no_request_has_no_sketch(name: str, raw: bytes) -> None:
    assert FastDecline(CODECS[name]).scan(raw) is None


def test_what_is_in_a_field_is_not_looked_at() -> None:
    raw = written("bcd87", b"\x02\x00", "32 64", b"\x04\x0a\xbc")
    assert FastDecline(CODECS["bcd87"]).scan(raw) == (
        "0200",
        raw[:-8],
        bytes(8),
        "0ABC",
        {32: b"\x04\x0a\xbc"},
    )
    raw = written("ascii87", b"0200", "11 64", b"\xff" * 6)
    assert FastDecline(CODECS["ascii87"]).scan(raw) == (
        "0200",
        raw[:-8],
        bytes(8),
        None,
        {11: b"\xff" * 6},
    )


def test_a_sketch_shows_no_bytes_of_its_request() -> None:
    raw = CODECS["ascii87"].seal(Message("0200", {2: "6222021234567890123"}), KEY.mac)
    assert repr(FastDecline(CODECS["ascii87"]).scan(raw)) == "HeaderScan(0200)"


def test_a_field_of_its_own_that_cannot_be_written_is_an_error_of_ours() -> None:
    codec = CODECS["ascii87"]
    fast_decline = FastDecline(codec)
    header_scan = fast_decline.scan(codec.seal(Message("0200", {11: "000001"}), KEY.mac))
    assert header_scan is not None
    with pytest.raises(EncodeError) as caught:
        fast_decline.refusal(header_scan, ((39, "€€"),))
    assert str(caught.value) == "field 39: content that its format does not allow"
