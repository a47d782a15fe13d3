"""Bytes that no honest bank sends: a sealed message with one thing wrong in it.

Pure, and in every dialect. The cases say which answer each deserves.
"""

from __future__ import annotations

from protocol.codec import Codec
from protocol.dialect import Dialect
from protocol.mac import MacKey
from protocol.message import Message

_PRIMARY_MAC, _SECONDARY_MAC = 64, 128
NO_DIGIT = 0xAA
"""A byte that is a digit in none of ASCII, BCD and code page 500."""


def with_mac(key: MacKey, covered: bytes, codec: Codec) -> bytes:
    """These bytes and their MAC, as the dialect writes it."""
    mac, dialect = key.mac(codec.mac_input(covered)), codec.dialect
    if dialect.mac_hex:
        return covered + mac.hex().upper().encode(str(dialect.spec["64"]["data_enc"]))
    return covered + mac


def wrong_mac(body: bytes, dialect: Dialect) -> bytes:
    """The same message with another MAC, which differs in a bit of its first byte, or in its first hex digit:
    of a MAC of 4 bytes the last ones do not count.
    """
    at = len(body) - dialect.mac_width
    if dialect.mac_hex:
        return body[:at] + (b"0" if body[at : at + 1] != b"0" else b"1") + body[at + 1 :]
    return body[:at] + bytes([body[at] ^ 1]) + body[at + 1 :]


def malformed(body: bytes, key: MacKey, codec: Codec) -> bytes:
    """The same message with a byte in its first field that is no digit, and a right MAC over just that.

    The first field must be numeric, and no field may stand above 64.
    """
    dialect = codec.dialect
    start = dialect.mti_width + int(dialect.spec["p"]["max_len"])
    covered = bytearray(body[: -dialect.mac_width])
    covered[start] = NO_DIGIT
    return with_mac(key, bytes(covered), codec)


def early_mac(codec: Codec, body: bytes, key: MacKey) -> bytes:
    """The same message, which has fields above 64, with a MAC over it in DE 64, and none in DE 128."""
    message = codec.decode(body)
    fields = {number: text for number, text in message.fields.items() if number != _SECONDARY_MAC}
    covered = codec.encode(Message(message.mti, {n: text for n, text in fields.items() if n < _PRIMARY_MAC}))
    return codec.encode(
        Message(message.mti, {**fields, _PRIMARY_MAC: key.mac(codec.mac_input(covered)).hex().upper()})
    )
