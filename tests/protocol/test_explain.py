"""Any input explained: whatever form a message is passed on in, it is described the same."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol.explain import Explained, Wanted, explain
from protocol.framing import Framing, wrap
from tests.builders import message
from tests.captured import SYN, Segment, ip_packet, on_link, pcap, pcapng
from tests.messages import CODECS

RAW = wrap(Framing.ASCII4, CODECS["hex87"].encode(message(de64="0123456789ABCDEF")))
WANTED = Wanted(CODECS)


def explained(data: bytes) -> list[tuple[str, Framing | None, str, int, bool]]:
    found = explain(data, WANTED)
    return [
        (found.form, one.reading.framing, one.reading.dialect, len(one.reading.frames), one.reading.whole)
        for one in found.told
        if one.reading is not None
    ]


@pytest.mark.parametrize("dialect", CODECS)
@pytest.mark.parametrize("framing", Framing)
def test_every_form_is_known(dialect: str, framing: Framing) -> None:
    tpdu = bytes.fromhex("6000010002") if framing is Framing.BE2_TPDU else b""
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


def test_both_directions_of_a_connection_are_guessed_together() -> None:
    """One whose first bytes are lost is read as the other."""
    back = Segment(RAW[20:] + RAW, 1, "192.0.2.20", "192.0.2.10", (8583, 40_000))
    found = explain(pcap([on_link(1, ip_packet(one)) for one in (Segment(RAW), back)]), WANTED)
    assert [(one.reading.framing, one.reading.dialect) for one in found.told if one.reading] == [
        (Framing.ASCII4, "hex87")
    ] * 2
    assert found.told[0].reading is not None
    assert found.told[0].reading.whole


def test_what_is_encrypted_is_said_to_be() -> None:
    found = explain(pcap([on_link(1, ip_packet(Segment(b"\x16\x03\x01\x00\x20" + bytes(32))))]), WANTED)
    assert [(one.reading, one.note[:4]) for one in found.told] == [(None, "TLS:")]


def test_a_capture_without_data_is_pointed_at() -> None:
    found = explain(pcap([on_link(1, ip_packet(Segment(b"", flags=SYN)))]), WANTED)
    assert (found.told, found.whole, found.wrong is not None) == ((), False, True)


def test_a_slip_in_hex_digits_is_pointed_at() -> None:
    text = RAW.hex(" ")
    found = explain((text[:31] + "g" + text[32:]).encode(), WANTED)
    assert (found.form, found.wrong and found.wrong.at) == ("hex digits", 31)


def test_a_message_of_digits_with_a_fault_is_no_slip_in_hex_digits() -> None:
    found = explain(RAW[:45] + b"x" + RAW[46:], WANTED)
    [told] = found.told
    assert (found.form, found.wrong) == ("raw bytes", None)
    assert told.reading is not None
    assert told.reading.frames[0].wrong is not None


@settings(max_examples=60)
@given(st.data())
def test_any_cut_and_any_changed_byte_of_any_form_is_explained_or_pointed_at(data: st.DataObject) -> None:
    packet = on_link(1, ip_packet(Segment(RAW)))
    forms = [RAW, RAW.hex().encode(), base64.b64encode(RAW), pcap([packet]), pcapng([packet])]
    spoilt = bytearray(data.draw(st.sampled_from(forms)))
    spoilt[data.draw(st.integers(0, len(spoilt) - 1))] = data.draw(st.integers(0, 255))
    found = explain(bytes(spoilt[: data.draw(st.integers(0, len(spoilt)))]), WANTED)
    assert found.whole or pointed(found)


def pointed(found: Explained) -> bool:
    readings = [one.reading for one in found.told if one.reading is not None]
    return found.wrong is not None or any(
        reading.wrong or any(frame.wrong for frame in reading.frames) for reading in readings
    )
