"""Bytes as people pass them on: every usual spelling and tool's listing gives the bytes back."""

from __future__ import annotations

import base64
from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from protocol.listing import readings, spoilt

Write = Callable[[bytes], str]


def rows(data: bytes) -> list[tuple[int, bytes]]:
    return [(at, data[at : at + 16]) for at in range(0, len(data), 16)]


def characters(row: bytes) -> str:
    return "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in row)


def xxd(data: bytes) -> str:
    lines = (f"{at:08x}: {row.hex(' ', -2):<39}  {characters(row)}" for at, row in rows(data))
    return "\n".join(lines)


def hexdump_c(data: bytes) -> str:
    lines = [
        f"{at:08x}  {row[:8].hex(' '):<23}  {row[8:].hex(' '):<23}  |{characters(row)}|"
        for at, row in rows(data)
    ]
    return "\n".join([*lines, f"{len(data):08x}"])


def wireshark(data: bytes) -> str:
    return "\n".join(f"{at:04x}  {row.hex(' '):<47}   {characters(row)}" for at, row in rows(data))


def tcpdump(data: bytes) -> str:
    lines = (f"\t0x{at:04x}:  {row.hex(' ', -2):<39}  {characters(row)}" for at, row in rows(data))
    return "\n".join(["10:11:12.131415 IP 192.0.2.10.40000 > 192.0.2.20.8583: Flags [P.]", *lines])


def words(data: bytes) -> str:
    even = data + bytes(len(data) % 2)
    lines = [
        f"{at:07x} " + " ".join(f"{row[n + 1]:02x}{row[n]:02x}" for n in range(0, len(row), 2))
        for at, row in rows(even)
    ]
    return "\n".join([*lines, f"{len(data):07x}"])


DUMPS: dict[str, Write] = {
    "xxd": xxd,
    "hexdump -C": hexdump_c,
    "Wireshark": wireshark,
    "tcpdump -X": tcpdump,
    "hexdump": words,
}
SPELLINGS: dict[str, Write] = {
    "plain": bytes.hex,
    "capitals": lambda data: data.hex().upper(),
    "blanks": lambda data: data.hex(" "),
    "colons": lambda data: data.hex(":"),
    "0x": lambda data: "0x" + data.hex(),
    "0x, each": lambda data: ", ".join(f"0x{byte:02X}" for byte in data),
    "escapes": lambda data: "".join(f"\\x{byte:02x}" for byte in data),
    "lines": lambda data: "\n".join(row.hex() for _, row in rows(data)) + "\n",
}


def found_in(data: bytes, form: str) -> list[tuple[bytes, ...]]:
    return [one.stretches for one in readings(data) if one.form == form]


def found(text: str, form: str) -> list[tuple[bytes, ...]]:
    return found_in(text.encode(), form)


@pytest.mark.parametrize("write", SPELLINGS.values(), ids=SPELLINGS)
@given(data=st.binary(min_size=1, max_size=80))
def test_hex_digits_in_any_spelling_are_the_bytes(write: Write, data: bytes) -> None:
    assert found(write(data), "hex digits") == [(data,)]


@pytest.mark.parametrize("write", DUMPS.values(), ids=DUMPS)
@given(data=st.binary(min_size=1, max_size=80))
@example(data=b"a" * 16 + b"abcdef 0123 4567 89ab" * 3)
@example(data=b"  12  34 ")
def test_a_listing_of_each_tool_is_the_bytes(write: Write, data: bytes) -> None:
    [[stretch]] = found(write(data), "hexdump")
    filled = data + bytes(len(data) % 2) if write is words else data
    assert stretch in (data, filled)


@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
@given(data=st.binary(min_size=1, max_size=80))
@pytest.mark.parametrize("padding", ["=", ""], ids=["padded", "bare"])
def test_base64_is_the_bytes(encode: Callable[[bytes], bytes], padding: str, data: bytes) -> None:
    text = encode(data).decode().replace("=", padding)
    assert (data,) in found("\n".join((text[:10], text[10:])), "base64")


@given(data=st.binary(max_size=200))
def test_any_bytes_are_themselves_and_only_what_any_word_could_be_is_behind_that(data: bytes) -> None:
    forms = [one.form for one in readings(data)]
    behind = forms[forms.index("raw bytes") + 1 :]
    assert found_in(data, "raw bytes") == [(data,)]
    assert behind in ([], ["base64"])
    assert not behind or len(b"".join(data.split())) % 4


def test_a_listing_of_several_packets_has_a_stretch_each() -> None:
    assert found(f"{tcpdump(b'first packet')}\n{tcpdump(b'second')}\n", "hexdump") == [
        (b"first packet", b"second")
    ]


def test_rows_that_were_left_out_for_being_the_same_are_put_in() -> None:
    text = f"{hexdump_c(bytes(16))[:-9]}\n*\n00000040  31 32                    |12|\n00000042"
    assert found(text, "hexdump") == [(bytes(64) + b"12",)]


def test_a_row_that_is_missing_ends_a_listing() -> None:
    lines = xxd(bytes(range(64))).splitlines()
    assert found("\n".join([*lines[:2], *lines[3:]]), "hexdump") == [(bytes(range(32)),)]


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("30 32 3g 30", 7),
        ("0x3032303", 9),
        ("30323", 5),
        ("3032", None),
        ("hello world", None),
        ("30 3g 3g 30", None),
        ("", None),
    ],
)
def test_the_slip_in_hex_digits_is_pointed_at(text: str, place: int | None) -> None:
    slip = spoilt(text.encode())
    assert (slip.at if slip else None) == place
