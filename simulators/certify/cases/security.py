"""Cases of section 5.3 to 5.6: MACs, keys and their change."""

from __future__ import annotations

from collections.abc import Callable
from os import urandom

from protocol.message import Message
from protocol.tlv import build, parse
from simulators.certify import dues
from simulators.certify.drafts import Draft, changed, inquire, network, settle, totals
from simulators.certify.forgery import early_mac, wrong_mac
from simulators.certify.result import Check
from simulators.certify.steps import (
    Case,
    Expectation,
    Step,
    absent,
    ask,
    ask_bytes,
    brings_key,
    closes,
    code,
    connect,
    groups_of,
    hold,
    needs,
    sign_on,
    stays_open,
    take_key,
    wait,
)
from simulators.certify.talk import Talk
from simulators.certify.wire import Heard
from simulators.own_key import own_key

_DUE = dues.due_of("500000")
_GRACE_SECONDS = 31


def _spoilt(talk: Talk, body: bytes) -> bytes:
    return wrong_mac(body, talk.codec.dialect)


def _early(talk: Talk, body: bytes) -> bytes:
    return early_mac(talk.codec, body, talk.key)


def _of_another(talk: Talk, body: bytes) -> bytes:
    """The MAC of this message under the bytes of one with another amount."""
    width = talk.codec.dialect.mac_width
    message = talk.codec.decode(body)
    other = talk.wire.sealed(changed(message, {4: "000000000001"}))
    return other[:-width] + body[-width:]


def _authentic(_talk: Talk, heard: Heard) -> Check:
    return Check("the answer carries a right MAC", f"MAC {heard.mac}", heard.mac == "right")


def _still_open(talk: Talk, heard: Heard) -> Check:
    is_open = any(group.tag == "DL" and _DUE.due in group.value for group in groups_of(talk, heard) or ())
    return Check(f"due {_DUE.due} is still open", "it is" if is_open else "it is not", is_open)


_NOTHING_DONE: tuple[Step, ...] = (
    ask(inquire("310000", [("PN", _DUE.policy)]), code("00"), _still_open),
    ask(inquire("312000", [], of="bad"), code("25")),
)
"""The due is open, and the machine knows of no such transaction."""


def _new_key(talk: Talk) -> None:
    """Take the key that the answer brought; it is another one."""
    talk.old_key = talk.key
    take_key(talk)
    seen = "another" if talk.key.check_value != talk.old_key.check_value else "the same"
    talk.check("the key is another one", seen, seen == "another")


def _under_old_key(draft: Draft, *expected: Expectation) -> Step:
    def step(talk: Talk) -> None:
        message: Message = draft(talk)
        if talk.old_key is None:
            raise LookupError("this case has not changed its key")
        body = talk.codec.seal(message, talk.old_key.mac)
        hold(talk, talk.ask_bytes(message, body, mac="right, under the old key"), expected)

    return step


_BAD_ECHO = ask_bytes(network("301"), _spoilt, code("63"), mac="wrong")
_CHANGE: tuple[Step, ...] = (ask(network("101"), code("00"), brings_key, _authentic, name="key"), _new_key)
_RULE_63 = "A bad or missing MAC: DE 39 = 63, nothing happens to money; after 5 in a row the link closes"
_RULE_MAC = "From then on every message both ways, except 0800/0810 sign-on, carries a MAC."
_RULE_COVER = "It covers every byte of the message from the MTI up to the MAC field itself."
_RULE_CHANGE = "`0800/101` changes keys: the answer carries the new ones, MACed with the old."
_RULE_REFUSED = "A key that is refused changes nothing: the link and its present key go on."
_RULE_GRACE = "The old MAC key stays good for messages already on their way, 30 s (configurable)."

_BANK_MAKES = (needs(lambda means: means.terms.makes_keys, "the machine makes the keys"),)


def _with_key(groups: Callable[[Talk], str]) -> Draft:
    """A change of keys with these groups in DE 48."""
    return lambda talk: network("101", {48: groups(talk)})(talk)


def _of_another_zmk(talk: Talk) -> str:
    terms = talk.terms
    another = bytes(byte ^ 0xFF for byte in terms.zmk)
    return own_key(terms.mac, another, talk.codec.dialect.de48_encoding, urandom).groups


def _misnamed(talk: Talk) -> str:
    terms, encoding = talk.terms, talk.codec.dialect.de48_encoding
    groups, others = (parse(own_key(terms.mac, terms.zmk, encoding, urandom).groups, encoding) for _ in "12")
    return build((groups[0], others[1]), encoding)


SECURITY: tuple[Case, ...] = (
    Case(
        "MAC-01",
        "5.6",
        "MAC错误：63，不动账",
        "A wrong MAC: 63, and nothing is done",
        _RULE_63,
        (sign_on, ask_bytes(settle(_DUE), _spoilt, code("63"), mac="wrong", name="bad"), *_NOTHING_DONE),
    ),
    Case(
        "MAC-02",
        "5.6",
        "缺少MAC：63，不动账",
        "A missing MAC: 63, and nothing is done",
        _RULE_63,
        (sign_on, ask(settle(_DUE), code("63"), name="bad", sealed=False), *_NOTHING_DONE),
    ),
    Case(
        "MAC-03",
        "5.3",
        "金额被改而MAC未变：63",
        "Another amount under the same MAC: 63",
        _RULE_COVER,
        (
            sign_on,
            ask_bytes(settle(_DUE), _of_another, code("63"), mac="another's", name="bad"),
            *_NOTHING_DONE,
        ),
    ),
    Case(
        "MAC-04",
        "3",
        "有64以上数据元时MAC在128",
        "A MAC in DE 64 of a message with a field above 64: 63",
        "MAC: 128 where any field above 64 is present, else 64",
        (sign_on, ask_bytes(network("301"), _early, code("63"), mac="in DE 64")),
    ),
    Case(
        "MAC-05",
        "5.6",
        "连续五次MAC错误：断开",
        "Five wrong MACs in a row close the link",
        _RULE_63,
        (sign_on, *[_BAD_ECHO] * 5, closes, sign_on, stays_open),
    ),
    Case(
        "MAC-06",
        "5.6",
        "不连续的MAC错误：不断开",
        "Wrong MACs that are not in a row close nothing",
        _RULE_63,
        (sign_on, *[_BAD_ECHO] * 4, stays_open, *[_BAD_ECHO] * 4, stays_open),
    ),
    Case(
        "MAC-07",
        "5.3",
        "应答都带正确的MAC",
        "Answers of every kind carry a right MAC",
        _RULE_MAC,
        (
            sign_on,
            ask(network("301"), _authentic),
            ask(inquire("311000", [("PN", _DUE.policy)]), _authentic),
            ask(settle(_DUE), code("00"), _authentic),
            ask(totals(), _authentic),
        ),
    ),
    Case(
        "KEY-01",
        "5.4",
        "更换密钥：新密钥随应答到达，应答用旧密钥",
        "A change brings a new key, under the old one's MAC; the new one is then in use",
        _RULE_CHANGE,
        (sign_on, *_CHANGE, ask(network("301"), code("00"), _authentic), ask(settle(_DUE), code("00"))),
    ),
    Case(
        "KEY-02",
        "5.4",
        "旧密钥在宽限期内有效",
        "The old key is still good for what was on its way",
        _RULE_GRACE,
        (sign_on, *_CHANGE, _under_old_key(network("301"), code("00")), stays_open),
    ),
    Case(
        "KEY-03",
        "5.4",
        "旧密钥过期后：63",
        "The old key is good no more after its time: 63",
        _RULE_GRACE,
        (sign_on, *_CHANGE, wait(_GRACE_SECONDS), _under_old_key(network("301"), code("63")), stays_open),
    ),
    Case(
        "KEY-04",
        "5.7",
        "未签到的密钥更换：63",
        "A change of keys before sign-on: 63",
        "Anything financial before sign-on: DE 39 = 63 likewise.",
        (connect, ask(network("101"), code("63"), sealed=False)),
    ),
    Case(
        "KEY-05",
        "5",
        "银行的密钥非本ZMK加密：63，原密钥照旧",
        "A bank's key under another ZMK: 63, and the present key goes on",
        _RULE_REFUSED,
        (
            *_BANK_MAKES,
            sign_on,
            ask(_with_key(_of_another_zmk), code("63"), _authentic, absent(48)),
            stays_open,
        ),
    ),
    Case(
        "KEY-06",
        "5",
        "银行的密钥校验值不符：63，原密钥照旧",
        "A bank's key whose check value is another's: 63, and the present key goes on",
        _RULE_REFUSED,
        (*_BANK_MAKES, sign_on, ask(_with_key(_misnamed), code("63"), _authentic), stays_open),
    ),
    Case(
        "KEY-07",
        "5",
        "先签到后送密钥：密钥到达前的交易63",
        "Sign-on first, the bank's key after it: till then transactions get 63",
        "The bank may sign on without KA and send the key after it, in an `0800/101` without a MAC.",
        (
            *_BANK_MAKES,
            connect,
            ask(network("001", {48: None}), code("00"), sealed=False),
            ask(settle(_DUE), code("63"), sealed=False),
            ask(network("101"), code("00"), absent(48), name="key", sealed=False),
            take_key,
            ask(settle(_DUE), code("00"), _authentic),
        ),
    ),
)
