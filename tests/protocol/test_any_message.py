"""Any message and any bytes, by search: what the codec and a refusal's short way do with them.

Here is what whole messages alone can show: which DEs are there, their order, the bitmaps, the MAC's place.
What one DE may hold is in test_any_element.py. The same rules by examples are in test_codec.py and
test_decline.py.
"""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from protocol.decline import FastDecline
from protocol.errors import DecodeError
from protocol.message import ECHOED, Message, is_answer
from tests.protocol.test_decline import KEY, OWN, long_way, short_way
from tests.support.element_bytes import WIRES, element_bytes, message_bytes
from tests.support.messages import CODECS, messages, samples

pytestmark = pytest.mark.slow

EVERY = pytest.mark.parametrize("name", WIRES)


@EVERY
@settings(max_examples=60)
@given(data=st.data())
def test_a_message_is_its_bitmaps_and_its_elements_in_ascending_order(name: str, data: st.DataObject) -> None:
    message = data.draw(messages(name))
    raw = message_bytes(name, message.mti, message.fields)
    assert CODECS[name].encode(message) == raw
    decoded = CODECS[name].decode(raw)
    assert (decoded.mti, list(decoded.fields.items())) == (message.mti, list(message.fields.items()))
    shuffled = Message(message.mti, dict(data.draw(st.permutations(list(message.fields.items())))))
    assert CODECS[name].encode(shuffled) == raw


@EVERY
@settings(max_examples=60)
@given(data=st.data())
def test_a_message_that_is_sealed_ends_with_its_mac_over_all_before_it(
    name: str, data: st.DataObject
) -> None:
    codec, message = CODECS[name], data.draw(messages(name))
    fields = {number: text for number, text in message.fields.items() if number not in (64, 128)}
    number = 128 if any(number > 64 for number in fields) else 64
    raw = codec.seal(message, KEY.mac)
    covered = raw[: -len(element_bytes(name, number, "0" * 16))]
    sealed = {**fields, number: KEY.mac(covered).hex().upper()}
    assert raw == message_bytes(name, message.mti, sealed)
    assert codec.mac_of(raw, codec.decode(raw)) == (covered, KEY.mac(covered))


@EVERY
@settings(max_examples=100, deadline=None)
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
@settings(max_examples=60, deadline=None)
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


@st.composite
def requests(draw: st.DrawFn, name: str) -> Message:
    """With more of the fields that an answer repeats than chance would give."""
    message = draw(messages(name))
    numbers = draw(st.sets(st.sampled_from(ECHOED)))
    fields = {
        **message.fields,
        **{number: draw(st.sampled_from(samples(name, number))) for number in numbers},
    }
    mti = message.mti[:2] + draw(st.sampled_from("02468")) + message.mti[3]
    return Message(mti, dict(sorted(fields.items())))


@EVERY
@settings(max_examples=50)
@given(data=st.data())
def test_a_refusal_is_byte_for_byte_what_decoding_and_encoding_would_give(
    name: str, data: st.DataObject
) -> None:
    codec = CODECS[name]
    request = data.draw(requests(name))
    own = OWN if data.draw(st.booleans()) else OWN[1:]
    raw = codec.seal(request, KEY.mac)
    assert short_way(codec, raw, own) == long_way(codec, codec.decode(raw), own)


@EVERY
@settings(max_examples=50)
@given(data=st.data())
def test_the_header_scan_tells_what_the_mac_covers_and_who_sent_it(name: str, data: st.DataObject) -> None:
    codec = CODECS[name]
    request = data.draw(requests(name))
    raw = codec.seal(request, KEY.mac)
    header_scan = FastDecline(codec).scan(raw)
    assert header_scan is not None
    assert (header_scan.covered, header_scan.mac) == codec.mac_of(raw, codec.decode(raw))
    assert (header_scan.mti, header_scan.acquirer) == (request.mti, request.fields.get(32))


@EVERY
@settings(max_examples=60)
@given(data=st.data())
def test_of_damaged_bytes_it_refuses_what_decodes_and_never_fails(name: str, data: st.DataObject) -> None:
    codec = CODECS[name]
    raw = bytearray(codec.seal(data.draw(requests(name)), KEY.mac))
    for _ in range(data.draw(st.integers(1, 3))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    damaged = bytes(raw[: data.draw(st.integers(0, len(raw)) | st.just(len(raw)))])
    refused = short_way(codec, damaged)
    try:
        message = codec.decode(damaged)
    except DecodeError:
        return
    if is_answer(message.mti) or codec.mac_at(damaged, message) is None:
        assert refused is None
    else:
        assert refused == long_way(codec, message, OWN)


@EVERY
@settings(max_examples=50)
@given(data=st.binary(max_size=200))
def test_hostile_bytes_never_fail(name: str, data: bytes) -> None:
    header_scan = FastDecline(CODECS[name]).scan(data)
    assert header_scan is None or len(header_scan.mac) == 8
