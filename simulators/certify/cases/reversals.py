"""Cases of section 6: reversals and same-day cancels."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from protocol.message import Message
from protocol.tlv import build
from simulators.certify import dues
from simulators.certify.drafts import Draft, again, cancel, changed, inquire, reverse, settle, unheard
from simulators.certify.result import Check
from simulators.certify.steps import (
    Case,
    Expectation,
    Step,
    ask,
    code,
    echoes,
    groups_of,
    same_as,
    sign_on,
    there,
)
from simulators.certify.talk import Talk
from simulators.certify.wire import Heard

_DUE = dues.due_of("500000")
_PAYOUT = dues.due_of("262000")
_RULE_REVERSED = "Reversed once, the answer to every repeat is the same."
_RULE_STATE = (
    "A reversal that comes before its original, after it, twice, or after a restart leaves the same final"
    " state: the original has no effect."
)
_RULE_21 = (
    "reversal or cancel: no such original. It is remembered all the same: should the original arrive later,"
    " it is refused with 21"
)
_RULE_CANCEL = "same-day cancel of the transaction in DE 90 (current business date only)"


def _case(id_: str, title: str, title_en: str, rule: str, *steps: Step) -> Case:
    return Case(id_, "6", title, title_en, rule, (sign_on, *steps))


def _listed(due: str) -> Expectation:
    """The due is among those that are open."""

    def look(talk: Talk, heard: Heard) -> Check:
        is_open = any(group.tag == "DL" and due in group.value for group in groups_of(talk, heard) or ())
        return Check(f"due {due} is open", "it is" if is_open else "it is not", is_open)

    return look


def _groups(policy: str, due: str) -> Draft:
    """A reversal that says of which policy and due its original is."""

    def draft(talk: Talk) -> Message:
        text = build((("PN", policy), ("DU", due)), talk.codec.dialect.de48_encoding)
        return reverse("paid", {48: text})(talk)

    return draft


def _cancel_of(policy: str) -> Draft:
    """A cancel that says of which policy its original is."""

    def draft(talk: Talk) -> Message:
        return cancel("paid", {48: build((("PN", policy),), talk.codec.dialect.de48_encoding)})(talk)

    return draft


_RULE_AGREES = (
    "It must agree with it in DE 3, DE 4, DE 42, and in DE 2, PN and DU where it has them (a cancel too, but"
    " for DE 3); else it is refused and the original stands."
)
_OTHER_CARD = f"{dues.CARD[:-1]}9"
_FILLED = "0" * 10 + "1"
_OTHER_BRANCH = "BRANCH999999999"
_CENT_MORE = f"{_DUE.amount + 1:012d}"
_STANDS = ask(settle(_DUE), code("12"))


def _filled_otherwise(talk: Talk) -> Message:
    made = reverse("paid")(talk)
    return changed(made, {90: f"{made.fields[90][:31]}{_FILLED}"})


def _agreeing() -> Iterator[Case]:
    """One case for what a reversal or cancel may say of its original that is not so."""
    originals: Mapping[str, tuple[str, str, Draft, str]] = {
        "AMOUNT": ("金额不是原交易的", "another amount", reverse("paid", {4: _CENT_MORE}), "13"),
        "CODE": ("处理码不是原交易的", "another DE 3", reverse("paid", {3: "502000"}), "12"),
        "BRANCH": ("网点不是原交易的", "another DE 42", reverse("paid", {42: _OTHER_BRANCH}), "12"),
        "CARD": ("卡号不是原交易的", "another DE 2", reverse("paid", {2: _OTHER_CARD}), "12"),
        "POLICY": ("保单不是原交易的", "another PN", _groups(_PAYOUT.policy, _DUE.due), "25"),
        "DUE": ("应收不是原交易的", "another DU", _groups(_DUE.policy, _PAYOUT.due), "25"),
        "FILLER": ("DE 90填充不是零", "a DE 90 whose last 11 are not zeros", _filled_otherwise, "30"),
        "CANCEL-AMOUNT": (
            "撤销金额不符",
            "another amount in a cancel",
            cancel("paid", {4: _CENT_MORE}),
            "13",
        ),
        "CANCEL-BRANCH": (
            "撤销网点不符",
            "another DE 42 in a cancel",
            cancel("paid", {42: _OTHER_BRANCH}),
            "12",
        ),
        "CANCEL-POLICY": ("撤销保单不符", "another PN in a cancel", _cancel_of(_PAYOUT.policy), "25"),
    }
    paid = ask(settle(_DUE, {2: dues.CARD}), code("00"), name="paid")
    for name, (title, title_en, draft, right) in originals.items():
        yield _case(
            f"AGREE-{name}",
            f"{title}：{right}，原交易有效",
            f"{title_en[0].upper()}{title_en[1:]}: {right}, and the original stands",
            _RULE_AGREES,
            paid,
            ask(draft, code(right)),
            _STANDS,
        )


_PAID = ask(settle(_DUE), code("00"), name="paid")
_OPEN = ask(inquire("310000", [("PN", _DUE.policy)]), code("00"), _listed(_DUE.due))
REVERSALS: tuple[Case, ...] = (
    *_agreeing(),
    _case(
        "AGREE-ALL",
        "冲正与原交易完全一致",
        "A reversal that says PN and DU of its original",
        _RULE_AGREES,
        ask(settle(_DUE, {2: dues.CARD}), code("00"), name="paid"),
        ask(_groups(_DUE.policy, _DUE.due), code("00")),
        _OPEN,
    ),
    _case(
        "REV-01",
        "冲正：原交易无效",
        "A reversal after its original: the due is open again",
        _RULE_STATE,
        _PAID,
        ask(reverse("paid"), code("00"), echoes(), there(15, 38)),
        _OPEN,
    ),
    _case(
        "REV-02",
        "先到的冲正：21，原交易后到亦为21",
        "A reversal before its original: 21, and the original is refused with 21",
        _RULE_21,
        unheard(settle(_DUE), "later"),
        ask(reverse("later"), code("21")),
        ask(again("later"), code("21"), name="later"),
        ask(again("later", "0201"), code("21")),
        _OPEN,
    ),
    _case(
        "REV-03",
        "再次冲正（新键）：00",
        "A second reversal, with a key of its own: 00, and nothing changes",
        _RULE_STATE,
        _PAID,
        ask(reverse("paid"), code("00")),
        ask(reverse("paid"), code("00")),
        _OPEN,
    ),
    _case(
        "REV-04",
        "0401重发：逐字节相同的应答",
        "A 0401: the first answer again",
        _RULE_REVERSED,
        _PAID,
        ask(reverse("paid"), code("00"), name="reversal"),
        ask(again("reversal", "0401"), same_as("reversal"), name="second"),
        ask(again("reversal"), same_as("reversal"), name="third"),
    ),
    _case(
        "REV-05",
        "先到的冲正重发：仍为21",
        "The repeat of a reversal that came first: 21, also after its original",
        _RULE_REVERSED,
        unheard(settle(_DUE), "later"),
        ask(reverse("later"), code("21"), name="reversal"),
        ask(again("later"), code("21"), name="later"),
        ask(again("reversal", "0401"), same_as("reversal"), name="second"),
    ),
    _case(
        "REV-06",
        "冲正通知0420、0421",
        "A reversal advice and its repeat",
        "reversal request, reversal advice, and their repeats",
        _PAID,
        ask(reverse("paid", mti="0420"), code("00"), name="reversal"),
        ask(again("reversal", "0421"), same_as("reversal"), name="second"),
        _OPEN,
    ),
    _case(
        "REV-07",
        "DE 41不是原终端：21，原交易有效",
        "A reversal at another terminal finds no original: 21, and the original stands",
        "DE 90 names the original, DE 41 its terminal.",
        _PAID,
        ask(reverse("paid", {41: "T9999999"}), code("21")),
        ask(settle(_DUE), code("12")),
    ),
    _case(
        "REV-08",
        "冲正给付",
        "A reversal of a payout: it can be paid again",
        _RULE_STATE,
        ask(settle(_PAYOUT), code("00"), name="paid"),
        ask(reverse("paid"), code("00")),
        ask(settle(_PAYOUT), code("00")),
    ),
    _case(
        "REV-09",
        "冲正后再次收费",
        "After a reversal the due can be collected again, once",
        _RULE_STATE,
        _PAID,
        ask(reverse("paid"), code("00")),
        ask(settle(_DUE), code("00")),
        ask(settle(_DUE), code("12")),
    ),
    _case(
        "REV-10",
        "换连接后冲正",
        "A reversal on another link than its original's",
        "So a link that breaks at any byte leaves both sides able to agree.",
        _PAID,
        sign_on,
        ask(reverse("paid"), code("00")),
        _OPEN,
    ),
    _case(
        "CODE-020000",
        "当日撤销（020000）",
        "A same-day cancel: the due is open again",
        _RULE_CANCEL,
        _PAID,
        ask(cancel("paid"), code("00"), echoes(), there(15, 38)),
        _OPEN,
    ),
    _case(
        "CANCEL-01",
        "再次撤销：12",
        "A second cancel: 12",
        "not possible in this state (already paid, cancelled, lapsed;",
        _PAID,
        ask(cancel("paid"), code("00")),
        ask(cancel("paid"), code("12")),
    ),
    _case(
        "CANCEL-02",
        "撤销无原交易：21，原交易后到亦为21",
        "A cancel before its original: 21, and the original is refused with 21",
        _RULE_21,
        unheard(settle(_DUE), "later"),
        ask(cancel("later"), code("21")),
        ask(again("later"), code("21"), name="later"),
        _OPEN,
    ),
    _case(
        "CANCEL-03",
        "撤销重发：逐字节相同的应答",
        "A cancel's repeat: the first answer again",
        "gets the first answer again,",
        _PAID,
        ask(cancel("paid"), code("00"), name="cancel"),
        ask(again("cancel", "0201"), same_as("cancel"), name="second"),
    ),
    _case(
        "CANCEL-04",
        "撤销后冲正：00",
        "A reversal of what was cancelled: 00, and nothing changes",
        _RULE_STATE,
        _PAID,
        ask(cancel("paid"), code("00")),
        ask(reverse("paid"), code("00")),
        _OPEN,
    ),
    _case(
        "CANCEL-05",
        "撤销给付",
        "A cancel of a payout: it can be paid again",
        _RULE_CANCEL,
        ask(settle(_PAYOUT), code("00"), name="paid"),
        ask(cancel("paid"), code("00")),
        ask(settle(_PAYOUT), code("00")),
    ),
)
