"""Bytes as people pass them on: every usual spelling and tool's listing gives the bytes back."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from urllib.parse import quote_from_bytes

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from protocol.analyzer.hexdump import Hexdump, Typo, find_typo, readings

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


def ultraedit(data: bytes) -> str:
    return "\n".join(f"{at:08x}h: {row.hex(' '):<47} ; {characters(row)}" for at, row in rows(data))


def decimal_offsets(data: bytes) -> str:
    return "\n".join(f"[{at:04d}]   {row.hex(' '):<47}   {characters(row)}" for at, row in rows(data))


def words(data: bytes) -> str:
    even = data + bytes(len(data) % 2)
    lines = [
        f"{at:07x} " + " ".join(f"{row[n + 1]:02x}{row[n]:02x}" for n in range(0, len(row), 2))
        for at, row in rows(even)
    ]
    return "\n".join([*lines, f"{len(data):07x}"])


def octal(data: bytes) -> str:
    lines = (f"{at:07o} {row.hex(' ')}" for at, row in rows(data))
    return "\n".join([*lines, f"{len(data):07o}"])


def octal_bytes(data: bytes) -> str:
    lines = (f"{at:07o} {' '.join(f'{byte:03o}' for byte in row)}" for at, row in rows(data))
    return "\n".join([*lines, f"{len(data):07o}"])


def octal_words(data: bytes) -> str:
    pairs = ((at, zip(row[::2], row[1::2], strict=True)) for at, row in rows(data + bytes(len(data) % 2)))
    lines = (f"{at:07o} {' '.join(f'{low | high << 8:06o}' for low, high in row)}" for at, row in pairs)
    return "\n".join([*lines, f"{len(data):07o}"])


def bits(data: bytes) -> str:
    cut = ((at, data[at : at + 6]) for at in range(0, len(data), 6))
    lines = (f"{at:08x}: {' '.join(f'{byte:08b}' for byte in row):<53}  {characters(row)}" for at, row in cut)
    return "\n".join([*lines, f"{len(data):08x}: "])


def debugger(data: bytes) -> str:
    lines = (f"0x7ffe{at:04x}:\t" + "\t".join(f"0x{byte:02x}" for byte in row) for at, row in rows(data))
    return "\n".join([*lines, f"0x7ffe{len(data):04x}:\t"])


def boxed(data: bytes) -> str:
    lines = (f"|{at:08x}| {row.hex(' '):<47} |{characters(row):<16}|" for at, row in rows(data))
    return "\n".join(["+--------+---+", *lines, f"|{len(data):08x}| "])


def logged(data: bytes) -> str:
    return "\n".join(f"2026-11-30 21:30:01.123 DEBUG [main] {line}" for line in xxd(data).splitlines())


DUMPS: dict[str, Write] = {
    "od -t x1": octal,
    "od -b": octal_bytes,
    "od": octal_words,
    "xxd -b": bits,
    "gdb x": debugger,
    "in a box": boxed,
    "in a log": logged,
    "xxd": xxd,
    "hexdump -C": hexdump_c,
    "Wireshark": wireshark,
    "tcpdump -X": tcpdump,
    "UltraEdit": ultraedit,
    "decimal offsets": decimal_offsets,
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
    "an array": lambda data: "{" + ", ".join(f"0x{byte:02X}" for byte in data) + "}",
    "quoted": lambda data: f'"{data.hex()}"',
    "lines": lambda data: "\n".join(row.hex() for _, row in rows(data)) + "\n",
}


def found_in(data: bytes, form: str) -> list[tuple[bytes, ...]]:
    return [reading.stretches for reading in readings(data) if reading.form == form]


def stretches_of(text: str, form: str) -> list[tuple[bytes, ...]]:
    return found_in(text.encode(), form)


def test_a_listing_of_several_packets_has_a_stretch_each() -> None:
    assert stretches_of(f"{tcpdump(b'first packet')}\n{tcpdump(b'second')}\n", "hexdump") == [
        (b"first packet", b"second")
    ]


def in_pieces(data: bytes, between: str) -> str:
    quoted = ("".join(f"\\x{byte:02x}" for byte in data[at : at + 8]) for at in range(0, len(data), 8))
    return between.join(f'"{piece}"' for piece in quoted)


MESSAGE = bytes.fromhex("0800 2220000100 800000 990000".replace(" ", "") + "000001") + b"'\"\\\n\0a"


@pytest.mark.parametrize(
    ("text", "form"),
    [
        (repr(MESSAGE), "Python bytes"),
        (f"sent {MESSAGE!r} to the host", "Python bytes"),
        (str(list(MESSAGE)), "decimal numbers"),
        (f"frame={[byte - 256 if byte > 127 else byte for byte in MESSAGE]}", "decimal numbers"),
        (f"2026-11-30 10:11:12.131 INFO recv({len(MESSAGE)}): {MESSAGE.hex()}", "hex digits in a text"),
        (f"2026-11-30 10:11:12 {MESSAGE.hex(' ')}\n10:11:13 nothing more", "hex digits in a text"),
        (f"msg=0x{MESSAGE.hex().upper()};", "hex digits in a text"),
        (f"<- {MESSAGE.hex(':')} (end)", "hex digits in a text"),
        (f"byte[] m = {{{', '.join(f'0x{byte:02x}' for byte in MESSAGE)}}};", "hex digits in a text"),
    ],
)
def test_bytes_are_found_as_programs_and_logs_write_them(text: str, form: str) -> None:
    assert stretches_of(text, form) == [(MESSAGE,)]


def test_each_line_of_a_log_is_a_stretch_and_the_longest_run_in_it_is_meant() -> None:
    text = f"id 0011223344556677889900 {MESSAGE.hex()}\nok\nback {MESSAGE[::-1].hex()}\n"
    assert stretches_of(text, "hex digits in a text") == [(MESSAGE, MESSAGE[::-1])]


@pytest.mark.parametrize(
    "text", ["b'\\q'", "xb'12'", "b'保'", "[1, 2, 256, 4, 5, 6, 7, 8, 9, 10]", "x [1, 2]", "x 0011"]
)
def test_what_only_looks_like_bytes_is_none(text: str) -> None:
    assert readings(text.encode())[0].form == "raw bytes"


def test_characters_that_look_like_digits_are_no_bytes_of_a_row_that_is_full() -> None:
    rows_with_characters = (f"{at:04x}  {b'0200'.hex(' ')} 0200" for at in range(0, 12, 4))
    assert stretches_of("\n".join(rows_with_characters), "hexdump") == [(b"0200" * 3,)]


def test_rows_that_were_left_out_for_being_the_same_are_put_in() -> None:
    text = f"{hexdump_c(bytes(16))[:-9]}\n*\n00000040  31 32                    |12|\n00000042"
    assert stretches_of(text, "hexdump") == [(bytes(64) + b"12",)]


def test_a_row_that_is_missing_ends_a_listing() -> None:
    lines = xxd(bytes(range(64))).splitlines()
    assert stretches_of("\n".join([*lines[:2], *lines[3:]]), "hexdump") == [(bytes(range(32)),)]


@pytest.mark.parametrize(
    ("text", "stretches"),
    [
        ("00000000: 3032 3041  abcd", [b"020A"]),
        ("  0x0000:  3032 3041  abcd", [b"020A"]),
        (
            "00000000  30 31 32 33 34 35 36 37  38 39 41 42 43 44 45 46  |0123456789ABCDEF|\n00000010",
            [b"0123456789ABCDEF"],
        ),
        ("0000  30 31   30 31", [b"01"]),
        ("00000000: 4a4B4C4d 4E4f5051 52535455 56575859  abcd", [b"JKLMNOPQRSTUVWXY"]),
        ("00000000: 4a4b4c4d4e4f5051 5253545556575859", [b"JKLMNOPQRSTUVWXY"]),
        ("00000000: 4a4b4c4d4e4f505152 53", []),
        ("000000 3130 3332\n000004", [b"0123"]),
        ("0000000 3130 3332\n0000004", [b"0123"]),
        ("0000000: 3130 3332", [b"1032"]),
        ("00000000 3130 3332", [b"1032"]),
        ("0000000 30 31 32", [b"012"]),
        ("0000000 3130 32", [b"102"]),
        ("000 3130", []),
        ("00000000000000000 3130", []),
        ("0000000000000000 3130", [b"10"]),
        ("00000000: 31\n00000001: 32\n*\n00000003: 33\n00000004: 34", [b"12234"]),
        ("00000000: 3132\n*\n0000000a: 33", [b"12" * 5 + b"3"]),
        ("00000000: 3132\n*\n0000000A: 33", [b"12" * 5 + b"3"]),
        ("00000000: 313233\n*\n00000008: 33", [b"123123"]),
        ("00000000: 31\n*\n00000004: 32\n00000006: 33", [b"11112"]),
        ("00000000: 31\n*\n00010000: 33", [b"1" * 65_536 + b"3"]),
        ("00000000: 31\n*\n00010001: 33", [b"1"]),
        ("00000000: 3132\n00000002\n*\n00000008: 33", [b"12" + bytes(6) + b"3"]),
        ("0000\n*\n0002: 33", []),
        ("*\n00000000: 31\n00000001: 32", [b"12"]),
        ("00000010: 31", []),
        ("00000000: 31\n00000001: 32\nmore\n00000000: 33\n00000000: 34", [b"12", b"3", b"4"]),
        ("00000000: 31\nmore\n00000001: 32", [b"1"]),
        ("00000000:  \n00000000: 31", [b"1"]),
        ("hello", []),
    ],
)
def test_the_rows_of_a_hexdump_are_joined_by_their_offsets(text: str, stretches: list[bytes]) -> None:
    assert stretches_of(text, "hexdump") == ([tuple(stretches)] if stretches else [])


LINES = ("a message a line", (b"QUJD", b"REVG"))


@pytest.mark.parametrize(
    ("data", "listings"),
    [
        (b"\xff\xfe", [("raw bytes", b"\xff\xfe")]),
        (b"", [("raw bytes", b"")]),
        (b"hello", [("raw bytes", b"hello")]),
        (b"30 32", [("hex digits", b"02"), ("base64", b"\xdf\x4d\xf6"), ("raw bytes", b"30 32")]),
        (
            b"0x30,0X3A|\\x3b:3C-3d;3E\t3f\n",
            [
                ("hex digits", b"0:;<=>?"),
                ("raw bytes", b"0x30,0X3A|\\x3b:3C-3d;3E\t3f\n"),
                ("a message a line", b"0x30,0X3A|\\x3b:3C-3d;3E\t3f"),
            ],
        ),
        (b"AbZz+/_-", [("base64", b"\x01\xb6s\xfb\xff\xfe"), ("raw bytes", b"AbZz+/_-")]),
        (b"QUI=", [("base64", b"AB"), ("raw bytes", b"QUI=")]),
        (b"QU I", [("raw bytes", b"QU I"), ("base64", b"AB")]),
        (b"QUJDRA", [("raw bytes", b"QUJDRA"), ("base64", b"ABCD")]),
        (b"QUJD\nREVG", [("base64", b"ABCDEF"), ("raw bytes", b"QUJD\nREVG"), LINES]),
        (b"QUI==", [("raw bytes", b"QUI==")]),
        (b"A", [("raw bytes", b"A")]),
        (b"QUJD!", [("raw bytes", b"QUJD!")]),
        (
            b"00000000: 3032",
            [("hexdump", b"02"), ("hex digits", b"\0\0\0\x0002"), ("raw bytes", b"00000000: 3032")],
        ),
    ],
)
def test_the_most_particular_reading_is_first(
    data: bytes, listings: list[tuple[str, bytes | tuple[bytes, ...]]]
) -> None:
    assert readings(data) == tuple(
        Hexdump(form, stretch if isinstance(stretch, tuple) else (stretch,)) for form, stretch in listings
    )


ODD = "one more hex digit: their number is odd"


@pytest.mark.parametrize(
    ("data", "slip"),
    [
        (b"30 32 3g 30", Typo(7, "a hex digit", b"0200")),
        (b"30 32 3\xff 30", Typo(7, "a hex digit", b"0200")),
        (b"0x30\\x32,0X3g", Typo(12, "a hex digit", b"020")),
        (b"0x3032303", Typo(9, ODD, b"0200")),
        (b"30323", Typo(5, ODD, b"020")),
        (b"3g3", Typo(1, "a hex digit", b"00")),
        (b"3" * 99 + b"gg", None),
        (b"3" * 100 + b"gg", Typo(100, "a hex digit", b"3" * 50 + b"\0")),
        (b"3" * 100 + b"ggg", None),
        (b"3032", None),
        (b"hello world", None),
        (b"30 3g 3g 30", None),
        (b"g", None),
        (b"", None),
    ],
)
def test_the_slip_in_hex_digits_is_pointed_at(data: bytes, slip: Typo | None) -> None:
    assert find_typo(data) == slip


@pytest.mark.parametrize("write", SPELLINGS.values(), ids=SPELLINGS)
@given(data=st.binary(min_size=1, max_size=80))
def test_hex_digits_in_any_spelling_are_the_bytes(write: Write, data: bytes) -> None:
    assert stretches_of(write(data), "hex digits") == [(data,)]


@pytest.mark.parametrize("write", DUMPS.values(), ids=DUMPS)
@given(data=st.binary(min_size=1, max_size=80))
@example(data=b"a" * 16 + b"abcdef 0123 4567 89ab" * 3)
@example(data=b"  12  34 ")
def test_a_listing_of_each_tool_is_the_bytes(write: Write, data: bytes) -> None:
    [[stretch]] = stretches_of(write(data), "hexdump")
    filled = data + bytes(len(data) % 2) if write in (words, octal_words) else data
    assert stretch in (data, filled)


@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
@given(data=st.binary(min_size=1, max_size=80))
@pytest.mark.parametrize("padding", ["=", ""], ids=["padded", "bare"])
def test_base64_is_the_bytes(encode: Callable[[bytes], bytes], padding: str, data: bytes) -> None:
    text = encode(data).decode().replace("=", padding)
    assert (data,) in stretches_of("\n".join((text[:10], text[10:])), "base64")


@given(data=st.binary(max_size=200))
def test_any_bytes_are_themselves_and_only_what_any_word_could_be_is_behind_that(data: bytes) -> None:
    forms = [reading.form for reading in readings(data)]
    behind = forms[forms.index("raw bytes") + 1 :]
    assert found_in(data, "raw bytes") == [(data,)]
    assert behind in ([], ["base64"], ["a message a line"], ["a message a line", "base64"])
    assert "base64" not in behind or len(b"".join(data.split())) % 4


@pytest.mark.parametrize(
    ("text", "form"),
    [
        (" ".join(f"{byte:x}" for byte in MESSAGE), "hex digits"),
        ("[" + ", ".join(f"0x{byte:x}" for byte in MESSAGE) + "]", "hex digits"),
        (MESSAGE.hex().encode("utf-16").decode("latin-1"), "hex digits"),
        (f"\xef\xbb\xbf{MESSAGE.hex()}\r\n", "hex digits"),
        (f"{MESSAGE.hex()}\n{MESSAGE.hex()}", "a message a line"),
        (" ".join(map(str, MESSAGE)), "decimal numbers"),
        (",".join(map(str, MESSAGE)), "decimal numbers"),
        (f"[{' '.join(map(str, MESSAGE))}]", "decimal numbers"),
        (f"send [{', '.join(f'{byte:02X}' for byte in MESSAGE)}] to the host", "hex digits in a text"),
        (f"msg: {base64.b64encode(MESSAGE * 2).decode()} sent", "base64 in a text"),
        (quote_from_bytes(MESSAGE), "percent-encoded text"),
        (json.dumps({"id": "a", "msg": MESSAGE.decode("latin-1")}), "an escaped string"),
        ("char m[] =\n" + in_pieces(MESSAGE, " \\\n"), "an escaped string"),
        (f"String m = {in_pieces(MESSAGE, ' + ')};", "an escaped string"),
    ],
)
def test_bytes_are_found_as_other_programs_and_logs_write_them(text: str, form: str) -> None:
    found = found_in(text.encode("latin-1"), form)
    wanted = {"base64 in a text": (MESSAGE * 2,), "a message a line": (MESSAGE, MESSAGE)}
    assert wanted.get(form, (MESSAGE,)) in found


def test_hex_digits_that_go_on_at_the_same_place_of_the_next_lines_are_one_piece() -> None:
    data = MESSAGE * 3 + b"a"
    log = "\n".join(f"21:30:01.123 [main] {row.hex(' ')}" for _, row in rows(data))
    apart, joined = stretches_of(log, "hex digits in a text")
    assert joined == (data,)
    assert apart == tuple(row for _, row in rows(data) if len(row) > 9)


def test_a_digit_that_is_missing_is_not_taken_for_a_byte() -> None:
    assert stretches_of("00 01 02 3 04 05 06 07 08 09 0a", "hex digits") == []


def test_pairs_of_digits_are_hex_and_no_decimal_numbers() -> None:
    assert stretches_of("12 34 56 78 90 12 34 56 78 90 12", "decimal numbers") == []
    assert stretches_of("1 2 3", "decimal numbers") == []
