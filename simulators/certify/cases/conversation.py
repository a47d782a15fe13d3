"""Cases of sections 1, 2, 3 and 5: framing, dialect, sign-on, echo, sign-off, notice of cut-over.

No case here collects or pays but to see that it could.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from protocol.frame_length import Notation
from protocol.framing import Framing, Idle, sign_of_life
from protocol.message import Message
from simulators.certify import dues
from simulators.certify.drafts import cancel, inquire, network, reverse, settle
from simulators.certify.steps import (
    Case,
    Step,
    absent,
    answered_head,
    ask,
    brings_key,
    closes,
    code,
    connect,
    echoes,
    hold,
    needs,
    only_where,
    sign_on,
    stays_open,
    take_key,
    there,
    throw,
    value,
)
from simulators.certify.talk import NotApplicable, Talk
from simulators.certify.wire import Closed, Silence

_DUE = dues.due_of("500000")
_LONG = 8193
_FILLER = b"0" * 16
_NO_DIGIT = b"\xaa"
"""A byte that is a digit in no notation."""
_BINARY = frozenset({Notation.BE, Notation.LE})
_ANY_TEXT: Mapping[str, str] = MappingProxyType({"a": "A", "an": "A", "ns": "1", "ans": "A", "z": "1"})
_NOT_USED_HERE = frozenset({1, 35, 36, 45, 52, 53, 64, 65, 125, 128})
"""Bitmaps, MACs, a card's tracks, and what carries or describes a PIN."""


def _too_long(framing: Framing) -> bytes:
    """The length of a frame of 8,193 bytes."""
    return framing.length.write(_LONG + framing.overhead)


def _no_number(framing: Framing) -> bytes:
    """A length of which the last digit is none."""
    return framing.length.write(len(_FILLER) + framing.overhead)[:-1] + _NO_DIGIT


def _bad_length(length: Callable[[Framing], bytes], size: int) -> Step:
    """A length that no frame may have, and as many bytes as it says: nothing is left to be waited for."""

    def data(talk: Talk) -> bytes:
        framing = talk.terms.framing
        return length(framing) + framing.head.sample() + b"0" * size + framing.trailer

    return throw(data, "a length that no frame may have")


def _has_head(framing: Framing) -> bool:
    """Whether anything stands between length and message."""
    return framing.head.size > 0


def _says_so_much(framing: Framing) -> bool:
    """Whether a length of this framing can say a message of 8,193 bytes."""
    return framing.longest_message >= _LONG


def _tpdu_of_another_kind(talk: Talk) -> bytes:
    """A frame whose TPDU does not begin with 60."""
    raw, at = talk.wire.framed(_FILLER), talk.terms.framing.length.width
    return raw[:at] + b"\x61" + raw[at + 1 :]


def _empty_frames(talk: Talk) -> None:
    """Three empty frames; what becomes of the link was agreed."""
    throw(
        lambda talk: sign_of_life(talk.terms.framing, talk.terms.framing.head.sample()) * 3,
        "three empty frames",
    )(talk)
    (closes if talk.terms.idle is Idle.CLOSE else stays_open)(talk)


def _split(talk: Talk) -> None:
    """An echo, one byte at a time."""
    message = talk.network("301")
    body = talk.wire.sealed(message)
    talk.remark("sent one byte at a time")
    for position in range(len(talk.wire.framed(body))):
        talk.wire.write(talk.wire.framed(body)[position : position + 1])
    hold(talk, talk.hear(message), (code("00"),))


def _two_at_once(talk: Talk) -> None:
    """Two echoes in one segment."""
    first, second = talk.network("301"), talk.network("301")
    talk.remark("two frames in one segment")
    talk.wire.write(b"".join(talk.wire.framed(talk.wire.sealed(message)) for message in (first, second)))
    for message in (first, second):
        talk.sent[""] = message
        hold(talk, talk.hear(message), (code("00"), echoes()))


def _good_then_bad(talk: Talk) -> None:
    """A good frame and a bad one in one segment."""
    message = talk.network("301")
    bad = _too_long(talk.terms.framing)
    talk.remark("a good frame and one that is too long in one segment")
    talk.wire.write(talk.wire.framed(talk.wire.sealed(message)) + bad)
    hold(talk, talk.hear(message), (code("00"),))


def _every_element(talk: Talk) -> Message:
    """An inquiry that carries every DE there is, with the least that each may hold."""
    asked = inquire("310000", [("PN", _DUE.policy)])(talk)
    fields = dict(asked.fields)
    for number, element in talk.codec.dialect.elements.items():
        if number not in fields and number not in _NOT_USED_HERE:
            size = 1 if element.prefix else element.length
            text = _ANY_TEXT.get(element.kind, "0") * size
            fields[number] = "C" + "0" * (size - 1) if element.kind == "x+n" else text
    return Message(asked.mti, dict(sorted(fields.items())))


def _notice(talk: Talk) -> None:
    """The operator cuts over; the notice must come on a link that is signed on."""
    if talk.means.cutover is None:
        raise NotApplicable(_NO_OPERATOR)
    before = talk.heard[""].message.fields.get(15, "")
    talk.remark("the operator cuts over")
    talk.wire.within(talk.means.cutover())
    try:
        notice = talk.wire.notice()
    except (Silence, Closed):
        talk.check("the machine sends an 0800", "none came", False)
        raise
    talk.wire.within(talk.means.seconds)
    seen = f"{notice.mti}, DE 70 = {notice.fields.get(70, '')}"
    talk.check("the machine sends an 0800 with DE 70 = 201", seen, seen == "0800, DE 70 = 201")
    date = notice.fields.get(15, "")
    talk.check("its DE 15 is another business date", f"{before}, then {date}", date not in ("", before))
    talk.sent["notice"] = notice


def _new_date(talk: Talk) -> str:
    return talk.sent["notice"].fields.get(15, "")


def _date_of(talk: Talk, name: str) -> str:
    return talk.heard[name].message.fields.get(15, "")


_NO_OPERATOR = "only the operator can cut over: ask for it with --cutover"
_CUTOVER = needs(lambda means: means.cutover, _NO_OPERATOR)
_REACHES_BACK = needs(
    lambda means: means.terms.reversal_days, "the bank's reversals reach no earlier business day"
)

CONVERSATION: tuple[Case, ...] = (
    Case(
        "FRAME-01",
        "1",
        "空报文：按约定略过、回送或断开连接",
        "An empty frame is passed over, echoed, or closes the link, as agreed",
        "An empty frame (length zero), by which many hosts show that an idle link is alive, is passed over;",
        (sign_on, _empty_frames),
    ),
    Case(
        "FRAME-02",
        "1",
        "超长报文：断开连接",
        "A frame of 8,193 bytes closes the link",
        "A message is at most 8,192 bytes (configurable).",
        (sign_on, only_where(_says_so_much), _bad_length(_too_long, _LONG), closes, sign_on, stays_open),
    ),
    Case(
        "FRAME-03",
        "1",
        "长度域不是数字：断开连接",
        "A length that is no number closes the link",
        "4 ASCII digits, length of what follows",
        (
            only_where(lambda framing: framing.length.notation not in _BINARY),
            sign_on,
            _bad_length(_no_number, len(_FILLER)),
            closes,
            sign_on,
            stays_open,
        ),
    ),
    Case(
        "FRAME-04",
        "1",
        "TPDU标识错误：断开连接",
        "A TPDU that does not begin with 60 closes the link",
        "`2be`, then a 5-byte TPDU (`60` + destination + source",
        (
            only_where(lambda framing: framing.tpdu),
            sign_on,
            throw(_tpdu_of_another_kind, "a TPDU of another kind"),
            closes,
        ),
    ),
    Case(
        "FRAME-05",
        "1",
        "应答的TPDU对调源与目的地址，报文头按约定",
        "The answer's TPDU swaps destination and source; its header is as agreed",
        "the answer swaps the two",
        (
            only_where(lambda framing: framing.head.size),
            sign_on,
            ask(network("301"), code("00"), answered_head),
        ),
    ),
    Case(
        "FRAME-06",
        "1",
        "逐字节到达的报文",
        "A frame that comes byte by byte",
        "length of what follows",
        (sign_on, _split),
    ),
    Case(
        "FRAME-07",
        "1",
        "一段数据中的两个报文",
        "Two frames in one segment, each answered, in order",
        "length of what follows",
        (sign_on, _two_at_once),
    ),
    Case(
        "FRAME-08",
        "1",
        "坏报文之前的报文照常应答",
        "What came before a bad frame is still answered",
        "A longer frame is logged, and closes the link.",
        (only_where(_says_so_much), sign_on, _good_then_bad, closes),
    ),
    Case(
        "DIALECT-01",
        "2",
        "含全部数据元的报文",
        "A message with every DE is understood",
        "A dialect names every DE from 1 to 128 with its ISO name, format and maximum length,"
        " so any well-formed 1987 message decodes.",
        (sign_on, ask(_every_element, code("00"))),
    ),
    Case(
        "DIALECT-02",
        "2",
        "收据文本按约定字符集",
        "Receipt text in the dialect's encoding",
        "UTF-8 in DE 44, 48, 62, 63",
        (sign_on, ask(settle(_DUE), code("00"), there(62))),
    ),
    Case(
        "SIGN-01",
        "5.2",
        "签到：返回新会话密钥",
        "Sign-on brings a fresh MAC key and its check value",
        "The answer carries KA and CA: a fresh MAC session key under the bank's key-encryption key (ZMK):"
        " TR-31 version D for AES, B for TDES.",
        (
            connect,
            ask(network("001"), code("00"), brings_key, name="key", sealed=False),
            take_key,
            stays_open,
        ),
    ),
    Case(
        "SIGN-02",
        "5.2",
        "签到DE 32不是本行：63",
        "Sign-on as another bank: 63",
        "`0800/001` sign-on names the bank in DE 32.",
        (connect, ask(network("001", {32: "99999999"}), code("63"), absent(48), sealed=False)),
    ),
    Case(
        "SIGN-03",
        "5.7",
        "未签到的金融交易：63",
        "A financial request before sign-on: 63",
        "Anything financial before sign-on: DE 39 = 63 likewise.",
        (connect, ask(settle(_DUE), code("63"), sealed=False)),
    ),
    Case(
        "SIGN-04",
        "5.7",
        "未签到的冲正：63",
        "A reversal before sign-on: 63",
        "Anything financial before sign-on: DE 39 = 63 likewise.",
        (
            sign_on,
            ask(settle(_DUE), code("00"), name="paid"),
            connect,
            ask(reverse("paid"), code("63"), sealed=False),
        ),
    ),
    Case(
        "SIGN-05",
        "5.5",
        "签退后的金融交易：63",
        "A financial request after sign-off: 63",
        "`0800/301` echo, `0800/002` sign-off",
        (
            sign_on,
            ask(network("002"), code("00"), echoes()),
            ask(settle(_DUE), code("63")),
        ),
    ),
    Case(
        "SIGN-06",
        "5.2",
        "同一连接重新签到",
        "Signing on again on the same link brings another key",
        "a fresh MAC session key",
        (
            sign_on,
            ask(network("002"), code("00")),
            ask(network("001"), code("00"), name="key", sealed=False),
            take_key,
            stays_open,
        ),
    ),
    Case(
        "ECHO-01",
        "5.5",
        "线路测试",
        "Echo is answered 00",
        "`0800/301` echo",
        (sign_on, ask(network("301"), code("00"), echoes())),
    ),
    Case(
        "ECHO-02",
        "3",
        "应答中的业务日期",
        "The business date is in every answer",
        "settlement date MMDD (the FEP's business date, in every answer; in 0500 the date being reconciled)",
        (
            sign_on,
            ask(network("301"), there(15), name="echo"),
            ask(inquire("311000", [("PN", _DUE.policy)]), value(15, lambda talk: _date_of(talk, "echo"))),
            ask(inquire("311000", [("PN", dues.NO_POLICY)]), value(15, lambda talk: _date_of(talk, "echo"))),
        ),
    ),
)

CUTOVER: tuple[Case, ...] = (
    Case(
        "CUT-01",
        "5.5",
        "日切通知",
        "The cut-over is announced, and its date holds from then on",
        "`0800/201` cutover (the FEP announces the new business date in DE 15)",
        (
            _CUTOVER,
            _REACHES_BACK,
            sign_on,
            ask(settle(_DUE), code("00"), name="yesterday"),
            _notice,
            ask(network("301"), value(15, _new_date)),
            ask(settle(dues.due_of("501000")), code("00"), value(15, _new_date)),
        ),
    ),
    Case(
        "CUT-02",
        "6",
        "日切后不可当日撤销，可冲正",
        "After the cut-over a cancel is refused with 12, a reversal is not",
        "It reaches one business day back",
        (
            _CUTOVER,
            _REACHES_BACK,
            sign_on,
            ask(settle(_DUE), code("00"), name="yesterday"),
            _notice,
            ask(cancel("yesterday"), code("12")),
            ask(reverse("yesterday"), code("00")),
        ),
    ),
)
