"""The framings of networks that have names: they are what others have published of them.

POS terminals: frames of public programs, given in full by their authors. Interchange with banks: the header's
fields as the class CUPSHeader of zhangwei5095/javaman2009 lists them after Q/CUP 006.2.
"""

from __future__ import annotations

from itertools import accumulate

import pytest

from protocol.analyzer.describe import describe
from protocol.codec import Codec
from protocol.dialect import basic_first, load
from protocol.framing import SHIPPED, Framing, frames_of, wrap
from tests.support.builders import message

POS, CUPS = SHIPPED["unionpay-pos"], SHIPPED["cups"]
CODECS = {name: Codec(load(name)) for name in basic_first()}
PUBLISHED = {
    # cn.mocredit.gateway.posp.bc.util, SocketClient.java
    "0034600005000060210000000008000000000000C0001031303430303037353030303030303030303030303030340011"
    "000000013800": "602100000000",
    # cosmop, ssl.c: a terminal's sign-on
    "005B600003000060310031131208000020000000C0001600000131303030303135393838303231303031303231303136"
    "300011000000010030002953657175656E6365204E6F3136333135305358582D34433330343131390003303120": (
        "603100311312"
    ),
}


@pytest.mark.parametrize(("frame", "header"), PUBLISHED.items())
def test_a_published_terminal_s_frame_is_cut_as_its_author_says(frame: str, header: str) -> None:
    raw = bytes.fromhex(frame)
    [cut], fault = frames_of(POS, raw)
    assert (cut.body[:2], cut.head[5:].hex(), fault) == (b"\x08\x00", header, "")
    answer = wrap(POS, cut.body, POS.head.of_answer(cut.head))
    assert (answer[2:7], answer[7:13]) == (raw[2:3] + raw[5:7] + raw[3:5], raw[7:13])
    assert str(describe(raw, CODECS).framing) == "unionpay-pos"


HEADER = (
    ("header length", 1),
    ("header flag and version", 1),
    ("total message length", 4),
    ("destination ID", 11),
    ("source ID", 11),
    ("reserved for use", 3),
    ("batch number", 1),
    ("transaction information", 8),
    ("user information", 1),
    ("reject code", 5),
)
PUBLISHED_AT = (0, 1, 2, 6, 17, 28, 31, 32, 40, 41)


def cups_head(flag: int, body: int) -> bytes:
    """A header as the table has it, of a bank's request to UnionPay."""
    values = (b"\x2e", bytes([flag]), b"%04d" % (46 + body), b"00010000   ", b"01020000   ")
    rest = (bytes(3), b"\0", b"00000000", b"\0", b"00000")
    return b"".join((*values, *rest))


def test_the_header_of_the_interchange_is_the_published_table() -> None:
    assert tuple(accumulate((size for _, size in HEADER[:-1]), initial=0)) == PUBLISHED_AT
    assert sum(size for _, size in HEADER) == CUPS.head.size == len(cups_head(2, 0))
    ours = [(part.kind.value, part.size) for part in CUPS.head.parts]
    assert ours == [
        ("fixed", 1),
        ("echo", 1),
        ("length", 4),
        ("destination", 11),
        ("source", 11),
        ("echo", 18),
    ]


@pytest.mark.parametrize("flag", [0x01, 0x02, 0x82])
def test_a_message_of_the_interchange_is_cut_and_its_answer_goes_back(flag: int) -> None:
    """0x82 is one of a trial, which the flag's first bit says."""
    body = CODECS["cups"].encode(message())
    head = cups_head(flag, len(body))
    raw = b"%04d" % (46 + len(body)) + head + body
    [cut], fault = frames_of(CUPS, raw * 1)
    assert (cut.body, cut.head, fault) == (body, head, "")
    answered = CUPS.head.of_answer(head)
    assert (answered[6:28], answered[:6], answered[28:]) == (head[17:28] + head[6:17], head[:6], head[28:])


@pytest.mark.parametrize(("name", "framing"), [("unionpay-pos", POS), ("cups", CUPS)])
@pytest.mark.parametrize("times", [1, 3])
def test_a_network_s_own_framing_is_known_by_its_name(name: str, framing: Framing, times: int) -> None:
    body = CODECS[name].encode(message())
    head = cups_head(2, len(body)) if framing is CUPS else bytes.fromhex("6000030000603100311312")
    best = describe(wrap(framing, body, head) * times, CODECS)
    assert (str(best.framing), best.whole, len(best.frames)) == (name, True, times)


def test_a_header_that_is_not_the_interchange_s_is_no_cups() -> None:
    body = CODECS["cups"].encode(message())
    for head in (b"\x2f" + cups_head(2, len(body))[1:], cups_head(2, len(body) + 1)):
        raw = b"%04d" % (46 + len(body)) + head + body
        assert str(describe(raw, CODECS).framing) == "4ascii, header of echo 46"
