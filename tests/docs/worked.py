"""Worked messages in hex for docs/connect.md: by the machine's own codec, MACs and key blocks.

All values are fixed. The keys are examples that anyone can read here; tests hold the MACs and the key block
against other libraries.
"""

from __future__ import annotations

from typing import NamedTuple

import iso8583

from fep.links.receipt import Letterhead
from fep.links.response_builder import render
from ledger.rules.numbering import authorization_code, receipt_number
from ledger.rules.request import Answer, DueListed
from protocol import keyblock
from protocol.codec import Codec
from protocol.dialect import load
from protocol.framing import Framing, wrap
from protocol.mac import MacKey, MacMethod, check_value
from protocol.message import Message
from protocol.responses import Response
from protocol.tlv import build

ZMK = bytes.fromhex("0123456789ABCDEFFEDCBA9876543210")
SESSION_KEY = bytes.fromhex("101112131415161718191A1B1C1D1E1F")
_DATE = "20261124"
_BANK, _MOMENT, _TERMINAL, _BRANCH = "01020000", "1124101112", "T0000001", "B00000000000001"
_POLICY = (("PN", "P000000000001"),)
_NAMES = {"t": "message type", "p": "bitmap, primary", "1": "bitmap, secondary"}


class Wire(NamedTuple):
    """How a bank writes: the three that its entry in the settings names."""

    framing: Framing
    dialect: str
    mac: MacMethod


DEFAULT = Wire(Framing.BE2, "ascii87", MacMethod.AES_CMAC)
PACKED = Wire(Framing.ASCII4, "bcd87", MacMethod.X9_19)


def key_block(algorithm: MacMethod) -> str:
    """The session key under the ZMK, with padding of zeros, where the machine's is random."""
    return keyblock.wrap(ZMK, SESSION_KEY, algorithm, bytes)


def covered(message: Message, wire: Wire) -> tuple[bytes, bytes]:
    """What the MAC of a message covers, and the MAC."""
    codec = Codec(load(wire.dialect))
    body = codec.seal(message, MacKey(wire.mac, SESSION_KEY).mac)
    split = codec.mac_of(body, codec.decode(body))
    if split is None:
        raise ValueError(f"{message.mti} was sealed and has no MAC")
    return split


def framed(message: Message, wire: Wire, *, sealed: bool = True) -> bytes:
    """The message as it goes over the wire."""
    codec = Codec(load(wire.dialect))
    body = codec.seal(message, MacKey(wire.mac, SESSION_KEY).mac) if sealed else codec.encode(message)
    return wrap(wire.framing, body)


def sign_on() -> Message:
    """0800/001."""
    return Message("0800", {7: _MOMENT, 11: "000001", 32: _BANK, 70: "001"})


def echo() -> Message:
    """0800/301."""
    return Message("0800", {7: _MOMENT, 11: "000002", 32: _BANK, 70: "301"})


def inquiry() -> Message:
    """0100/310000: what is due and payable on a policy."""
    return Message("0100", {3: "310000", **_counter("000003"), 48: build(_POLICY, "utf-8")})


def collection() -> Message:
    """0200/500000: a renewal premium of 1,200.00 yuan."""
    return Message(
        "0200",
        {
            **{3: "500000", 4: "000000120000", **_counter("000004")},
            **{37: "000000000004", 48: build(_POLICY, "utf-8"), 49: "156"},
        },
    )


def reversal() -> Message:
    """0400: takes that collection out of effect, its answer not having come."""
    original = "0200" + "000004" + _MOMENT + _BANK.zfill(11) + "0" * 11
    return Message(
        "0400",
        {
            **{3: "500000", 4: "000000120000", **_counter("000005")},
            **{37: "000000000005", 49: "156", 90: original},
        },
    )


def totals() -> Message:
    """0500: one collection of 1,200.00 yuan, reversed."""
    counts = {74: "0" * 10, 75: "0" * 10, 76: "1".zfill(10), 77: "1".zfill(10)}
    sums = {86: "0" * 16, 87: "0" * 16, 88: "120000".zfill(16), 89: "120000".zfill(16), 97: "D" + "0" * 16}
    return Message("0500", {7: _MOMENT, 11: "000006", 15: "1124", 32: _BANK, 49: "156", **counts, **sums})


def _counter(stan: str) -> dict[int, str]:
    """What every message of a counter has."""
    local = {12: _MOMENT[4:], 13: _MOMENT[:4]}
    return {7: _MOMENT, 11: stan, **local, 32: _BANK, 41: _TERMINAL, 42: _BRANCH}


def sign_on_answer() -> Message:
    """0810 to that sign-on, with the key block above."""
    algorithm = DEFAULT.mac
    brought = (("KA", key_block(algorithm)), ("CA", check_value(algorithm, SESSION_KEY)))
    fields = {7: _MOMENT, 11: "000001", 15: _MOMENT[:4], 32: _BANK, 39: "00", 48: build(brought, "utf-8")}
    return Message("0810", fields)


def inquiry_answer() -> Message:
    """0110 to that inquiry: one due."""
    due = DueListed("D0000000001", "500000", "premium", "20261201", 120_000, "open")
    answer = Answer(
        Response.APPROVED,
        business_date=_DATE,
        policy=_POLICY[0][1],
        holder="张*",
        status="active",
        dues=(due,),
    )
    return render(inquiry(), answer, load(DEFAULT.dialect), Letterhead())


def collection_answer() -> Message:
    """0210 to that collection, with its receipt."""
    asked = collection()
    answer = Answer(
        Response.APPROVED,
        business_date=_DATE,
        authorization=authorization_code(1),
        receipt=receipt_number(_DATE, 1, 1),
        code=asked.fields[3],
        policy=_POLICY[0][1],
        holder="张三",
        due="D0000000001",
        due_date="20261201",
        amount=120_000,
        receipted=True,
        local_at=_DATE + _MOMENT[4:],
        branch=_BRANCH,
        terminal=_TERMINAL,
    )
    return render(asked, answer, load(DEFAULT.dialect), Letterhead())


UNSEALED = (sign_on, sign_on_answer)
"""The two messages without a MAC."""
MESSAGES = (
    *(sign_on, sign_on_answer, echo, inquiry, inquiry_answer),
    *(collection, collection_answer, reversal, totals),
)


def keys() -> str:
    """The keys of the examples, each algorithm's key block and check value."""
    rows = [
        f"| `{algorithm}` | `{key_block(algorithm)}` | `{check_value(algorithm, SESSION_KEY)}` |"
        for algorithm in (MacMethod.AES_CMAC, MacMethod.X9_19)
    ]
    return "\n".join(
        [
            f"ZMK `{ZMK.hex().upper()}`, session key `{SESSION_KEY.hex().upper()}`: never use them.",
            "",
            "| `mac` | group KA of the answer | group CA |",
            "|---|---|---|",
            *rows,
        ]
    )


def key_block_steps() -> str:
    """How the key block of each algorithm is opened, with every value on the way."""
    columns = [_opened(algorithm) for algorithm in (MacMethod.AES_CMAC, MacMethod.X9_19)]
    heads = ["", *(f"`{algorithm}`" for algorithm in (MacMethod.AES_CMAC, MacMethod.X9_19))]
    rows = [[what, *(f"`{column[what]}`" for column in columns)] for what in columns[0]]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (heads, ["---"] * len(heads), *rows))


def _opened(algorithm: MacMethod) -> dict[str, str]:
    """Each value on the way from a key block to its key, by its name."""
    block, binding = key_block(algorithm), keyblock.BINDINGS[algorithm.algorithm]
    header, body = block[: keyblock.HEADER_LENGTH], bytes.fromhex(block[keyblock.HEADER_LENGTH :])
    encrypted, mac = body[: -binding.block_length], body[-binding.block_length :]
    encryption, authentication = (
        binding.derive(ZMK, usage) for usage in (keyblock.FOR_ENCRYPTION, keyblock.FOR_AUTHENTICATION)
    )
    clear = binding.cbc(encryption, mac).decryptor().update(encrypted)
    return {
        "header": header,
        "encrypted key data": _compact(encrypted),
        "block MAC": _compact(mac),
        "derivation data, encryption": _derivation(binding, keyblock.FOR_ENCRYPTION),
        "block encryption key": _compact(encryption),
        "derivation data, authentication": _derivation(binding, keyblock.FOR_AUTHENTICATION),
        "block authentication key": _compact(authentication),
        "clear key data": _compact(clear),
        "its CMAC behind the header": _compact(binding.cmac(authentication, header.encode("ascii") + clear)),
        "key": _compact(clear[2 : 2 + len(SESSION_KEY)]),
        "its check value": check_value(algorithm, clear[2 : 2 + len(SESSION_KEY)]),
    }


def _derivation(binding: keyblock.Binding, usage: bytes) -> str:
    return ", ".join(map(_compact, binding.derivation_data(len(ZMK), usage)))


def field_bytes(body: bytes, dialect: str) -> dict[str, bytes]:
    """Each field of a message as it is written, its length before it: by DE, `t` the MTI, `p` the bitmap."""
    _, encoded = iso8583.decode(body, load(dialect).spec)
    return {key: parts["len"] + parts["data"] for key, parts in encoded.items()}


def fields(message: Message, wire: Wire, *, sealed: bool = True) -> str:
    """A message field by field, as bytes."""
    frame = framed(message, wire, sealed=sealed)
    body = Codec(load(wire.dialect)).encode(message) if not sealed else b"".join(covered(message, wire))
    decoded, _ = iso8583.decode(body, load(wire.dialect).spec)
    rows = [
        f"| | length, framing `{wire.framing}` | {len(body)} | `{_hex(frame[: len(frame) - len(body)])}` |"
    ]
    for key, data in field_bytes(body, wire.dialect).items():
        name = _NAMES.get(key) or load(wire.dialect).elements[int(key)].name
        rows.append(f"| {key} | {name} | `{decoded[key]}` | `{_hex(data)}` |")
    return "\n".join(["| DE | what | value | bytes |", "|---|---|---|---|", *rows])


def mac_example(wire: Wire) -> str:
    """An echo's MAC: what it covers, and what comes out."""
    data, mac = covered(echo(), wire)
    return "\n".join(
        [
            "| | |",
            "|---|---|",
            f"| framing, dialect, MAC | `{wire.framing}`, `{wire.dialect}`, `{wire.mac}` |",
            f"| session key | `{SESSION_KEY.hex().upper()}` |",
            f"| covered: MTI up to the MAC field | `{_hex(data)}` |",
            f"| MAC | `{_hex(mac)}` |",
            f"| whole frame | `{_hex(framed(echo(), wire))}` |",
        ]
    )


def frames() -> str:
    """All worked messages, whole, in the default wire."""
    rows = []
    for make in MESSAGES:
        message = make()
        what = (make.__doc__ or "").rstrip(".")
        rows.append(f"| {what} | `{_hex(framed(message, DEFAULT, sealed=make not in UNSEALED))}` |")
    return "\n".join(["| message | frame |", "|---|---|", *rows])


def made() -> dict[str, str]:
    """Name of a made place -> its text."""
    return {
        "worked-keys": keys(),
        "worked-key-block": key_block_steps(),
        "worked-sign-on": fields(sign_on(), DEFAULT, sealed=False),
        "worked-mac": mac_example(DEFAULT),
        "worked-mac-x919": mac_example(PACKED),
        "worked-collection": fields(collection(), DEFAULT),
        "worked-frames": frames(),
    }


def _hex(data: bytes) -> str:
    return data.hex(" ").upper()


def _compact(data: bytes) -> str:
    return data.hex().upper()
