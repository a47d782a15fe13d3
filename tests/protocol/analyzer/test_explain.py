"""Any input explained: whatever form a message is passed on in, it is described the same."""

from __future__ import annotations

import base64
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol.analyzer.capture import of_packets
from protocol.analyzer.describe import FRAMINGS, ranked, read
from protocol.analyzer.error_locator import WrongByte
from protocol.analyzer.explain import Candidates, Explained, ExplainedStream, explain
from protocol.analyzer.hexdump import find_typo
from protocol.analyzer.variants import variants
from protocol.codec import Codec
from protocol.framing import Framing, wrap
from protocol.message import Message
from tests.support.builders import message
from tests.support.messages import CODECS
from tests.support.packet_capture import SYN, Segment, ip_packet, on_link, pcap, pcapng

RAW = wrap(Framing.ASCII4, CODECS["hex87"].encode(message(de64="0123456789ABCDEF")))
CANDIDATES = Candidates(CODECS)


def explained(data: bytes) -> list[tuple[str, Framing | None, str, int, bool]]:
    explanation = explain(data, CANDIDATES)
    return [
        (
            explanation.form,
            stream.reading.framing,
            stream.reading.dialect,
            len(stream.reading.frames),
            stream.reading.whole,
        )
        for stream in explanation.told
        if stream.reading is not None
    ]


@pytest.mark.parametrize("dialect", CODECS)
@pytest.mark.parametrize("framing", FRAMINGS[:-1], ids=str)
def test_every_form_is_known(dialect: str, framing: Framing) -> None:
    tpdu = framing.head.sample()
    raw = wrap(framing, CODECS[dialect].encode(message()), tpdu)
    packet = ip_packet(Segment(raw))
    rows = "\n".join(
        f"\t0x{at:04x}:  {packet[at : at + 16].hex(' ', -2)}" for at in range(0, len(packet), 16)
    )
    forms = {
        "raw bytes": raw,
        "hex digits": raw.hex(" ").encode(),
        "base64": base64.b64encode(raw),
        "hexdump of packets": rows.encode(),
        "capture": pcapng([on_link(1, packet)]),
    }
    for form, data in forms.items():
        assert explained(data) == [(form, framing, dialect, 1, True)]


def test_each_connection_is_guessed_by_itself() -> None:
    other = wrap(Framing.BE2, CODECS["bcd87"].encode(message()))
    segments = Segment(RAW), Segment(other, ports=(40_001, 8583))
    explanation = explain(pcap([on_link(1, ip_packet(segment)) for segment in segments]), CANDIDATES)
    assert [
        stream.reading and (stream.reading.framing, stream.reading.dialect) for stream in explanation.told
    ] == [
        (Framing.ASCII4, "hex87"),
        (Framing.BE2, "bcd87"),
    ]
    assert explanation.whole


def test_both_directions_of_a_connection_are_guessed_together() -> None:
    """One whose first bytes are lost is read as the other."""
    back = Segment(RAW[20:] + RAW, 1, "192.0.2.20", "192.0.2.10", (8583, 40_000))
    explanation = explain(
        pcap([on_link(1, ip_packet(segment)) for segment in (Segment(RAW), back)]), CANDIDATES
    )
    assert [
        (stream.reading.framing, stream.reading.dialect) for stream in explanation.told if stream.reading
    ] == [(Framing.ASCII4, "hex87")] * 2
    assert explanation.told[0].reading is not None
    assert explanation.told[0].reading.whole


WAY = "192.0.2.10:40000 to 192.0.2.20:8583"
TLS = "TLS: it is encrypted, and nothing of it can be described; capture it where it is plain"


def captured(*segments: Segment) -> Explained:
    return explain(pcap([on_link(1, ip_packet(segment)) for segment in segments]), CANDIDATES)


@pytest.mark.parametrize(
    ("data", "encrypted"),
    [
        (b"\x16\x03\x01\x00\x20", True),
        (b"\x14\x03\x01\x00\x20" + bytes(32), True),
        (b"\x17\x03\x03\x00\x20" + bytes(32), True),
        (b"\x13\x03\x01\x00\x20" + bytes(32), False),
        (b"\x18\x03\x01\x00\x20" + bytes(32), False),
        (b"\x16\x02\x01\x00\x20" + bytes(32), False),
        (b"\x16\x04\x01\x00\x20" + bytes(32), False),
        (b"\x16\x03\x01\x00", False),
    ],
)
def test_what_begins_as_a_record_of_tls_is_said_to_be_encrypted(data: bytes, encrypted: bool) -> None:
    explanation = captured(Segment(data))
    assert [(stream.name, stream.reading is None, stream.note) for stream in explanation.told] == [
        (WAY, True, TLS) if encrypted else (WAY, False, "")
    ]
    assert (explanation.form, explanation.wrong, explanation.whole) == ("capture", None, False)


def test_a_message_that_is_whole_is_not_encrypted_whatever_its_length_looks_like() -> None:
    """One of 5123 bytes has a length, in 2be, that a record of TLS begins with."""
    codec = CODECS["ascii87"]
    full = dict.fromkeys((46, 47, 48, 55), "x" * 999)
    room = 0x1403 - len(codec.encode(Message("0200", {**full, 56: "", 57: ""})))
    body = codec.encode(Message("0200", {**full, 56: "x" * 999, 57: "x" * (room - 999)}))
    explanation = captured(Segment(wrap(Framing.BE2, body)))
    assert len(body) == 0x1403
    assert [(stream.note, stream.reading and stream.reading.whole) for stream in explanation.told] == [
        ("", True)
    ]
    assert explanation.whole


def test_a_capture_without_data_is_pointed_at() -> None:
    udp = bytearray(ip_packet(Segment(b"name")))
    udp[9] = 17
    explanation = explain(
        pcap([on_link(1, ip_packet(Segment(b"", flags=SYN))), on_link(1, bytes(udp))]), CANDIDATES
    )
    there = "TCP with data: there is none; 1 packets are something else, or cut short"
    assert explanation == Explained("capture", (), WrongByte(0, there))
    assert explanation.whole is False


def test_a_capture_that_breaks_off_is_pointed_at_and_told_as_far_as_it_goes() -> None:
    whole = pcap([on_link(1, ip_packet(Segment(RAW)))])
    explanation = explain(whole + b"more", CANDIDATES)
    assert explanation.wrong == WrongByte(len(whole), "the header of a packet, 16 bytes")
    assert [(stream.name, stream.reading and stream.reading.whole) for stream in explanation.told] == [
        (WAY, True)
    ]
    assert explanation.whole is False
    assert explain(whole[:30], CANDIDATES) == Explained(
        "capture", (), WrongByte(24, "the header of a packet, 16 bytes")
    )


def test_a_gap_is_told_with_the_stream_that_ends_at_it() -> None:
    explanation = captured(Segment(RAW, 1), Segment(RAW, 1 + len(RAW) + 4))
    assert [(stream.name, stream.note) for stream in explanation.told] == [
        (WAY, "4 bytes were not captured after it")
    ]
    [streams] = captured(Segment(RAW)).told
    assert streams == ExplainedStream(WAY, read(RAW, Framing.ASCII4, CODECS["hex87"]), "")


def hexdump(*stretches: bytes) -> bytes:
    rows = [
        f"{at:08x}: {stream[at : at + 16].hex(' ', -2)}"
        for stream in stretches
        for at in range(0, len(stream), 16)
    ]
    return "\n".join(rows).encode()


def test_bytes_that_are_a_packet_are_told_as_they_are() -> None:
    assert explain(ip_packet(Segment(RAW)), CANDIDATES).form == "raw bytes"


def test_a_hexdump_of_a_whole_message_is_no_packet_whatever_it_looks_like() -> None:
    """4500, in 2bcd, is how an IP packet begins; the bitmap's byte for DE 46 and 47 names TCP."""
    codec = CODECS["bcd87"]
    full = dict.fromkeys((46, 47, 55, 56), "x" * 999)
    room = 4500 - len(codec.encode(Message("0200", {**full, 57: ""})))
    raw = wrap(Framing.BCD2, codec.encode(Message("0200", {**full, 57: "x" * room})))
    assert of_packets((raw,)) is not None
    assert explained(hexdump(raw)) == [("hexdump", Framing.BCD2, "bcd87", 1, True)]


def test_stretches_have_names_where_there_are_several() -> None:
    reading = read(RAW, Framing.ASCII4, CODECS["hex87"])
    assert explain(hexdump(RAW), CANDIDATES) == Explained("hexdump", (ExplainedStream("", reading),), None)
    assert explain(hexdump(RAW, RAW), CANDIDATES) == Explained(
        "hexdump", (ExplainedStream("stretch 1", reading), ExplainedStream("stretch 2", reading)), None
    )
    assert explain(RAW, CANDIDATES) == Explained("raw bytes", (ExplainedStream("", reading, ""),), None)


def test_a_hexdump_that_is_no_packets_is_told_as_it_is() -> None:
    assert explain(hexdump(b"no message, no packet"), CANDIDATES).form == "hexdump"


@pytest.mark.parametrize("mti", [b"0200", b"9999"])
def test_of_forms_that_are_as_good_the_first_is_taken(mti: bytes) -> None:
    """Hex digits, though as they are the length would do."""
    assert explain(b"\n\nffff" + mti, Candidates(CODECS, Framing.BE2)).form == "hex digits"


@pytest.mark.parametrize("framing", [None, Framing.BE2])
@pytest.mark.parametrize("bare", [False, True])
def test_what_is_fixed_is_not_guessed(framing: Framing | None, bare: bool) -> None:
    stream = {"hex87": CODECS["hex87"]}
    wanted = Candidates(stream, framing, bare)
    assert wanted.guesses((RAW, RAW)) == ranked((RAW, RAW), stream, framing, bare=bare)
    assert Candidates(stream) == Candidates(stream, None, False)


@pytest.mark.parametrize(
    ("streams", "wrong", "whole"),
    [
        ((), None, False),
        ((ExplainedStream("", read(RAW, Framing.ASCII4, CODECS["hex87"])),), None, True),
        ((ExplainedStream("", read(RAW, Framing.ASCII4, CODECS["hex87"])),), WrongByte(0, "more"), False),
        ((ExplainedStream("", read(RAW, Framing.BE2, CODECS["hex87"])),), None, False),
        (
            (
                ExplainedStream("", read(RAW, Framing.ASCII4, CODECS["hex87"])),
                ExplainedStream("", None, "TLS"),
            ),
            None,
            False,
        ),
    ],
)
def test_an_input_is_whole_if_each_of_its_streams_is(
    streams: tuple[ExplainedStream, ...], wrong: WrongByte | None, whole: bool
) -> None:
    assert Explained("raw bytes", streams, wrong).whole is whole


def test_a_slip_in_hex_digits_is_pointed_at() -> None:
    text = RAW.hex(" ")
    explanation = explain((text[:31] + "g" + text[32:]).encode(), CANDIDATES)
    assert explanation == Explained("hex digits", (), WrongByte(31, "a hex digit"))


def test_hex_digits_with_a_slip_are_as_likely_as_bytes_that_mean_nothing() -> None:
    """Then the slip is pointed at, though there is but one reading to compare with."""
    explanation = explain(b"33333g", Candidates({"bcd87": CODECS["bcd87"]}, bare=True))
    assert explanation == Explained("hex digits", (), WrongByte(5, "a hex digit"))


def test_a_whole_message_is_no_slip_in_hex_digits_though_they_would_be_one_with_its_length() -> None:
    text = ("0200", "0220000000000010", "0101014101", "784141", "365A" + "41" * 181 + "4Z")
    raw = "".join(text).encode()
    slip = find_typo(raw)
    assert slip is not None
    assert CANDIDATES.guesses((slip.mended,))[0].rank > CANDIDATES.guesses((raw,))[0].rank
    assert explained(raw) == [("raw bytes", None, "hex87", 1, True)]


@pytest.mark.parametrize(
    "raw", [RAW, wrap(Framing.ASCII4, CODECS["hex87"].encode(Message("0200", {3: "500000", 11: "000123"})))]
)
def test_a_message_of_digits_with_a_fault_is_no_slip_in_hex_digits(raw: bytes) -> None:
    explanation = explain(raw[:30] + b"g" + raw[31:], CANDIDATES)
    [streams] = explanation.told
    assert (explanation.form, explanation.wrong) == ("raw bytes", None)
    assert streams.reading is not None
    assert streams.reading.frames[0].wrong is not None


@settings(max_examples=60)
@given(st.data())
def test_any_cut_and_any_changed_byte_of_any_form_is_explained_or_pointed_at(data: st.DataObject) -> None:
    packet = on_link(1, ip_packet(Segment(RAW)))
    forms = [RAW, RAW.hex().encode(), base64.b64encode(RAW), pcap([packet]), pcapng([packet])]
    spoilt = bytearray(data.draw(st.sampled_from(forms)))
    spoilt[data.draw(st.integers(0, len(spoilt) - 1))] = data.draw(st.integers(0, 255))
    explanation = explain(bytes(spoilt[: data.draw(st.integers(0, len(spoilt)))]), CANDIDATES)
    assert explanation.whole or pointed(explanation)


def pointed(explanation: Explained) -> bool:
    readings = [stream.reading for stream in explanation.told if stream.reading is not None]
    return explanation.wrong is not None or any(
        reading.wrong or any(frame.wrong for frame in reading.frames) for reading in readings
    )


HTTP = b"POST /pay HTTP/1.1\r\nHost: bank\r\n\r\n"
TLS_RECORDS = bytes.fromhex("160303000401000000") + bytes.fromhex("1703030020") + bytes(range(32))
NOT_A_MESSAGE = {
    "TLS": (TLS_RECORDS, "raw bytes", TLS),
    "TLS in hex": (TLS_RECORDS.hex().encode(), "hex digits", TLS),
    "TLS cut": (TLS_RECORDS[:20], "raw bytes", TLS),
    "an alert of TLS": (bytes.fromhex("15030300020228"), "raw bytes", TLS),
    "HTTP": (HTTP, "raw bytes", "HTTP, and no message of ISO 8583"),
    "HTTP in hex": (HTTP.hex(" ").encode(), "hex digits", "HTTP, and no message of ISO 8583"),
    "an answer of HTTP": (b"HTTP/1.1 400 Bad Request\r\n", "raw bytes", "HTTP, and no message of ISO 8583"),
    "SSH": (b"SSH-2.0-OpenSSH_9.2\r\n", "raw bytes", "SSH, and no message of ISO 8583"),
    "XML": (
        b'<log><isomsg><field id="0" value="0800"/></isomsg></log>',
        "raw bytes",
        "XML, and not the bytes of a message: what lists fields does not show how they were written",
    ),
}


@pytest.mark.parametrize("case", NOT_A_MESSAGE)
def test_another_protocol_is_called_by_its_name_in_whatever_form_it_is_given(case: str) -> None:
    data, form, note = NOT_A_MESSAGE[case]
    explanation = explain(data, CANDIDATES)
    assert (explanation.form, [one.note for one in explanation.told]) == (form, [note])
    assert not explanation.whole


NOISE = Random(3).randbytes(50_000)
NOTHING = "a message of ISO 8583; nothing here begins as one, in any dialect that was tried"


@pytest.mark.parametrize(
    ("data", "form"),
    [
        (bytes(100), "raw bytes"),
        (bytes(100).hex().encode(), "hex digits"),
        (NOISE, "raw bytes"),
        (NOISE.hex().encode(), "hex digits"),
    ],
)
def test_bytes_that_begin_as_no_message_are_not_given_a_framing_by_chance(data: bytes, form: str) -> None:
    explanation = explain(data, CANDIDATES)
    assert (explanation.form, explanation.told, explanation.wrong) == (form, (), WrongByte(0, NOTHING))


LOST = (
    "the byte itself: what is no character was printed as a dot or another sign, and is lost; give hex digits"
)


def test_characters_of_a_dump_are_not_taken_for_the_bytes() -> None:
    raw = CODECS["ascii87"].encode(message())
    dots = "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in raw)
    for data in (dots.encode(), raw.decode("utf-8", "replace").encode()):
        explanation = explain(data, CANDIDATES)
        assert (explanation.form, explanation.wrong) == (
            "text in no known form",
            WrongByte(data.find(b"." if b"." in data else "\ufffd".encode()), LOST),
        )


def test_a_line_end_behind_a_message_in_characters_is_none_of_its_bytes() -> None:
    assert explained(RAW + b"\r\n") == [("a message a line", Framing.ASCII4, "hex87", 1, True)]
    bare = CODECS["hex87"].encode(message())
    assert explained(bare + b"\n" + bare + b"\n") == [("a message a line", None, "hex87", 1, True)] * 2
    assert explained(b"\xef\xbb\xbf" + RAW) == [("a message a line", Framing.ASCII4, "hex87", 1, True)]


@pytest.mark.parametrize("name", variants())
def test_bytes_that_no_shipped_dialect_reads_are_read_in_one_that_is_a_key_away(name: str) -> None:
    codec = variants()[name]
    raw = wrap(Framing.BE2, codec.encode(message()))
    assert not explain(raw, CANDIDATES).whole
    [told] = explain(raw, CANDIDATES._replace(variants=variants)).told
    assert told.reading is not None
    assert (told.reading.dialect, told.reading.whole) == (name, True)


def test_a_variant_is_not_asked_where_a_dialect_reads_all_or_is_known() -> None:
    def never() -> dict[str, Codec]:
        raise AssertionError

    assert explain(RAW, CANDIDATES._replace(variants=never)).whole
    assert not explain(RAW[:-1], CANDIDATES._replace(variants=dict)).whole
