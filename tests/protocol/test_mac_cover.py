"""A MAC over a list of fields: which bytes it is computed of, in each dialect, and what it leaves out."""

from __future__ import annotations

import pytest

from protocol.codec import Codec
from protocol.dialect import load, shipped
from protocol.mac import MacKey, MacMethod, MacMethodError
from protocol.mac_cover import Cover, Joining
from protocol.mac_table import as_written, mac_of
from protocol.message import Message
from tests.support.builders import message

ASKED = Message(
    "0200", {2: "6222020000000000", 3: "500000", 4: "000000120000", 41: "t0000001", 48: "ab-c,  d."}
)


def covered(codec: Codec, asked: Message = ASKED) -> bytes:
    """The bytes of a message before its MAC field, and that it has one."""
    seen: list[bytes] = []
    body = codec.seal(asked, lambda data: seen.append(data) or bytes(8))  # type: ignore[func-returns-value]
    return body[: -codec.dialect.mac_width]


def test_fields_stand_in_the_order_of_the_list_as_they_are_on_the_wire() -> None:
    codec = Codec(load("ascii87"), Cover((0, 4, 2, 48, 90)))
    assert (
        codec.mac_input(covered(codec)) == b"0200" + b"000000120000" + b"166222020000000000" + b"009ab-c,  d."
    )


@pytest.mark.parametrize("name", ["ascii87", "bcd87", "ebcdic87", "hex87"])
def test_unionpays_choice_of_characters_is_the_same_text_in_every_dialect(name: str) -> None:
    codec = Codec(load(name), Cover((0, 2, 3, 41, 48, 90), Joining.UNIONPAY))
    assert codec.mac_input(covered(codec)) == b"0200 166222020000000000 500000 T0000001 009ABC, D."


@pytest.mark.parametrize("name", shipped())
def test_a_whole_message_is_its_own_input(name: str) -> None:
    codec = Codec(load(name))
    body = covered(codec, message())
    assert codec.mac_input(body) is body


@pytest.mark.parametrize("name", shipped())
@pytest.mark.parametrize("joining", Joining)
def test_a_changed_field_is_seen_where_it_is_covered_and_only_there(name: str, joining: Joining) -> None:
    codec = Codec(load(name), Cover((0, 3, 4, 11), joining))
    key = MacKey(MacMethod.AES_CMAC, bytes(16))
    body = codec.seal(message(), key.mac)
    first = codec.decode(body)
    for number, verifies in ((4, False), (37, True)):
        other = Message(first.mti, {**first.fields, number: first.fields[number][:-1] + "7"})
        split = codec.mac_of(codec.encode(other), other)
        assert split is not None
        assert key.verify(codec.mac_input(split[0]), split[1]) is verifies


def test_bytes_that_do_not_decode_give_the_fields_before_the_wrong_one() -> None:
    codec = Codec(load("ascii87"), Cover((0, 3, 4)))
    assert codec.mac_input(b"") == b""
    body = covered(codec)
    assert codec.mac_input(body.replace(b"000000120000", b"00000012000x")).startswith(b"0200500000")


@pytest.mark.parametrize(
    ("said", "fault"),
    [
        ("{ fields = [] }", "fields: is to be a list of fields' numbers"),
        ('{ fields = "2" }', "fields: is to be a list of fields' numbers"),
        ('{ fields = ["2"] }', "fields: is to be a whole number"),
        ("{ fields = [2, 2] }", "a field is named twice"),
        ("{ fields = [64] }", "a MAC covers fields from 2 to 127 without 64, and 0, the MTI"),
        ("{ fields = [-1] }", "a MAC covers fields from 2 to 127 without 64, and 0, the MTI"),
        ("{ fields = [1] }", "a MAC covers fields from 2 to 127 without 64, and 0, the MTI"),
        ('{ joined = "wire" }', "joined is said, and there are no fields"),
        ('{ fields = [2], joined = "text" }', "joined: is to be one of wire, unionpay"),
    ],
)
def test_a_list_that_cannot_be_meant_is_refused(said: str, fault: str) -> None:
    with pytest.raises(MacMethodError) as caught:
        mac_of(said)
    assert str(caught.value) == fault


def test_a_list_is_written_as_it_is_read() -> None:
    method = mac_of('{ algorithm = "x9.9", fields = [0, 2, 3], joined = "unionpay" }')
    assert mac_of(as_written(method)) == method
    assert str(method) == "x9.9, over 3 fields, unionpay"
