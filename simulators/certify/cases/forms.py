"""Cases of sections 3 and 4: mandatory fields, formats, DE 48 groups, what is not supported."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from types import MappingProxyType

from protocol.dialect import element_names
from simulators.certify import dues
from simulators.certify.drafts import (
    Draft,
    at_another_time,
    cancel,
    changed,
    inquire,
    naming_another_time,
    network,
    reverse,
    settle,
    totals,
)
from simulators.certify.forgery import malformed
from simulators.certify.steps import (
    Case,
    Expectation,
    Step,
    absent,
    ask,
    ask_bytes,
    code,
    connect,
    echoes,
    has_group,
    names_field,
    sign_on,
    stays_open,
    there,
)
from simulators.certify.talk import Talk

_DUE = dues.due_of("500000")
_PAYOUT = dues.due_of("260000")
_INQUIRY = inquire("310000", [("PN", _DUE.policy)])
_DRAFTS: Mapping[str, Draft] = MappingProxyType(
    {
        "0100": _INQUIRY,
        "0200": settle(_DUE),
        "0400": reverse("paid"),
        "0500": totals(),
        "0800": network("301"),
    }
)
_MANDATORY: Mapping[str, tuple[int, ...]] = MappingProxyType(
    {
        "0100": (3, 7, 11, 12, 13, 32, 41, 42, 48),
        "0200": (3, 4, 7, 11, 12, 13, 32, 37, 41, 42, 48, 49),
        "0400": (3, 4, 7, 11, 12, 13, 32, 37, 41, 42, 49, 90),
        "0500": (7, 11, 15, 32, 49, 74, 75, 76, 77, 86, 87, 88, 89, 97),
        "0800": (7, 11, 32, 70),
    }
)
"""The M of the table of fields, written down here anew: an examiner does not ask the examined."""
_RULE_MISSING = "A missing or malformed mandatory field: DE 39 = 30, DE 44 names the field."


def _without(draft: Draft, number: int) -> Draft:
    return lambda talk: changed(draft(talk), {number: None})


def _missing() -> Iterator[Case]:
    """One case a mandatory field."""
    for mti, numbers in _MANDATORY.items():
        before: tuple[Step, ...] = (ask(settle(_DUE), code("00"), name="paid"),) if mti == "0400" else ()
        for number in numbers:
            asked = ask(_without(_DRAFTS[mti], number), code("30"), names_field(number))
            yield Case(
                f"MUST-{mti}-{number:02d}",
                "3",
                f"{mti}缺少DE {number}：30",
                f"{mti} without DE {number} ({element_names()[number]}): 30",
                _RULE_MISSING,
                (sign_on, *before, asked),
            )


def _with_text(draft: Draft, text: str) -> Draft:
    """The draft's message with a DE 48 of this text."""
    return lambda talk: changed(draft(talk), {48: text})


def _broken(talk: Talk, body: bytes) -> bytes:
    return malformed(body, talk.key, talk.codec)


def _form(id_: str, title: str, title_en: str, draft: Draft, number: int, tag: str = "") -> Case:
    return Case(
        id_, "3", title, title_en, _RULE_MISSING, (sign_on, ask(draft, code("30"), names_field(number, tag)))
    )


_MALFORMED: tuple[Case, ...] = (
    _form(
        "FORM-01",
        "DE 7无此日期：30",
        "A DE 7 that no year has: 30",
        settle(_DUE, {7: "0230120000"}),
        7,
    ),
    _form("FORM-02", "DE 12无此时间：30", "A DE 12 that no day has: 30", settle(_DUE, {12: "250000"}), 12),
    _form("FORM-03", "DE 13无此日期：30", "A DE 13 that no year has: 30", settle(_DUE, {13: "1301"}), 13),
    _form("FORM-04", "金额为零：30", "An amount of nothing: 30", settle(_DUE, {4: "0" * 12}), 4),
    _form("FORM-05", "币种不是156：30", "Another currency than 156: 30", settle(_DUE, {49: "840"}), 49),
    Case(
        "FORM-06",
        "3",
        "DE 90不完整：30",
        "A DE 90 that names no kind of original: 30",
        _RULE_MISSING,
        (
            sign_on,
            ask(settle(_DUE), code("00"), name="paid"),
            ask(reverse("paid", {90: "9" * 42}), code("30"), names_field(90)),
        ),
    ),
    Case(
        "FORM-07",
        "3",
        "数字域中不是数字：30",
        "What is no digit in a numeric field: 30",
        _RULE_MISSING,
        (sign_on, ask_bytes(settle(_DUE), _broken, code("30"), names_field(3), mac="right"), stays_open),
    ),
    Case(
        "FORM-08",
        "3",
        "撤销缺少DE 90：30",
        "A cancel without DE 90: 30",
        "same-day cancel of the transaction in DE 90",
        (
            sign_on,
            ask(settle(_DUE), code("00"), name="paid"),
            ask(cancel("paid", {90: None}), code("30"), names_field(90)),
        ),
    ),
    _form(
        "FORM-09",
        "交易结果查询缺少DE 90：30",
        "An outcome inquiry without DE 90: 30",
        inquire("312000", [("PN", _DUE.policy)]),
        90,
    ),
)

_RULE_WINDOW = "DE 7 may lie 31 days back (`limits.key_days`) and one ahead."
_RULE_DAY = (
    "a date that has not begun, is no business date, or is another year's gets 25, one that does not exist 30"
)


def _totals_in(days: int) -> Draft:
    """Totals of the day so many days from now."""
    return lambda talk: changed(totals()(talk), {15: f"{talk.means.now() + timedelta(days):%m%d}"})


def _dated(id_: str, title: str, title_en: str, rule: str, *steps: Step) -> Case:
    return Case(id_, "4", title, title_en, rule, (sign_on, *steps))


_DATES: tuple[Case, ...] = (
    _dated(
        "DATE-01",
        "DE 7过早：30",
        "A DE 7 of 40 days ago: 30, whatever is asked for",
        _RULE_WINDOW,
        ask(at_another_time(settle(_DUE), -40), code("30"), names_field(7)),
        ask(at_another_time(_INQUIRY, -40), code("30"), names_field(7)),
        ask(settle(_DUE), code("00"), name="paid"),
        ask(at_another_time(reverse("paid"), -40), code("30"), names_field(7)),
    ),
    _dated(
        "DATE-02",
        "DE 7过晚：30",
        "A DE 7 three days ahead: 30",
        _RULE_WINDOW,
        ask(at_another_time(settle(_DUE), 3), code("30"), names_field(7)),
    ),
    _dated(
        "DATE-03",
        "DE 7在窗口内",
        "A DE 7 of 30 days ago is taken",
        _RULE_WINDOW,
        ask(at_another_time(settle(_DUE), -30), code("00")),
    ),
    _dated(
        "DATE-04",
        "DE 90过早：30，原交易有效",
        "A DE 90 of 40 days ago: 30, and no tombstone",
        "Outside that window a request gets 30, and so does DE 90",
        ask(settle(_DUE), code("00"), name="paid"),
        ask(naming_another_time(reverse("paid"), -40), code("30"), names_field(90)),
        ask(naming_another_time(cancel("paid"), -40), code("30"), names_field(90)),
        ask(settle(_DUE), code("12")),
    ),
    _dated(
        "DATE-05",
        "对账日期不存在：30",
        "Totals of a date that no year has: 30",
        _RULE_DAY,
        ask(totals(fields={15: "0230"}), code("30"), names_field(15), absent(66)),
    ),
    _dated(
        "DATE-06",
        "对账日期不是业务日：25",
        "Totals of days that were not kept, ahead and long ago: 25, never in balance",
        _RULE_DAY,
        ask(_totals_in(1), code("25"), there(44), absent(66)),
        ask(_totals_in(-180), code("25"), there(44), absent(66)),
    ),
)

_GROUPS: tuple[Case, ...] = (
    Case(
        "TLV-01",
        "4",
        "未知标签：略过",
        "An unknown tag is passed over",
        "An unknown tag is passed over.",
        (sign_on, ask(settle(_DUE, groups=[("ZZ", "?"), ("PN", _DUE.policy), ("Q1", "")]), code("00"))),
    ),
    Case(
        "TLV-02",
        "4",
        "标签被截断：30",
        "A tag cut short: 30",
        "A tag cut short, or a length that runs past the end: DE 39 = 30.",
        (sign_on, ask(_with_text(settle(_DUE), "PN007CERT-A1DU0"), code("30"), names_field(48))),
    ),
    Case(
        "TLV-03",
        "4",
        "长度超出末尾：30",
        "A length that runs past the end: 30",
        "A tag cut short, or a length that runs past the end: DE 39 = 30.",
        (sign_on, ask(_with_text(settle(_DUE), "PN099CERT-A1"), code("30"), names_field(48))),
    ),
    Case(
        "TLV-04",
        "4",
        "长度不是三位数字：30",
        "A length that is no number: 30",
        "groups of tag (2 characters) + length (3 digits, bytes) + value",
        (sign_on, ask(_with_text(settle(_DUE), "PN0x7CERT-A1"), code("30"), names_field(48))),
    ),
    Case(
        "TLV-05",
        "4",
        "收费缺少保单号：30",
        "A collection without PN: 30",
        "A collection or payout names PN, and DU where the policy has more than one open due of that kind",
        (sign_on, ask(settle(_DUE, groups=[("DU", _DUE.due)]), code("30"), names_field(48, "PN"))),
    ),
    Case(
        "TLV-06",
        "4",
        "多笔应收缺少DU：30",
        "A collection without DU where two dues are open: 30",
        "A collection or payout names PN, and DU where the policy has more than one open due of that kind",
        (
            sign_on,
            ask(settle(dues.two_dues()[0], named=False), code("30"), names_field(48, "DU")),
            ask(settle(dues.two_dues()[0]), code("00")),
        ),
    ),
    Case(
        "TLV-07",
        "4",
        "唯一应收可不带DU",
        "A collection without DU where one due is open",
        "A collection or payout names PN, and DU where the policy has more than one open due of that kind",
        (sign_on, ask(settle(_DUE, named=False), code("00"), has_group("RN"))),
    ),
    Case(
        "TLV-08",
        "4",
        "给付缺少证件号：30",
        "A payout without IN: 30",
        "A payout also carries IN, which must match the beneficiary on the due.",
        (sign_on, ask(settle(_PAYOUT, groups=[("PN", _PAYOUT.policy)]), code("30"), names_field(48, "IN"))),
    ),
)


def _unsupported(id_: str, title: str, title_en: str, rule: str, draft: Draft, *more: Expectation) -> Case:
    return Case(id_, "3", title, title_en, rule, (sign_on, ask(draft, code("40"), *more), stays_open))


_RULE_ELSE = "answered with the same DE 7, 11, 32, 41 and DE 39 = 40"
_RULE_PIN = "a message that carries one gets 40, and its bytes are never logged or kept"
_RULE_TRACK = "track data: never, in no message; a message that carries it gets 40"
_RULE_NETWORK = "any other 08xx is answered 40"
_UNSUPPORTED: tuple[Case, ...] = (
    _unsupported(
        "NOT-01",
        "未知报文类型：40",
        "An MTI that the interface does not have: 40",
        _RULE_ELSE,
        settle(_DUE, mti="0600"),
        echoes(),
    ),
    _unsupported(
        "NOT-02",
        "另一版本的报文类型：40",
        "An MTI of another version of ISO 8583: 40",
        _RULE_ELSE,
        settle(_DUE, mti="1200"),
        there(7, 11, 32, 41),
    ),
    _unsupported(
        "NOT-03",
        "未知处理码：40",
        "A processing code that the interface does not have: 40",
        "not supported",
        settle(_DUE, {3: "999999"}),
    ),
    _unsupported(
        "NOT-04",
        "查询处理码用于金融报文：40",
        "An inquiry's processing code in a 0200: 40",
        "not supported",
        settle(_DUE, {3: "310000"}),
    ),
    _unsupported(
        "NOT-05",
        "未知网络管理码：40",
        "A DE 70 that the interface does not have: 40",
        "not supported",
        network("999"),
    ),
    _unsupported(
        "PIN-01",
        "含PIN的交易：40",
        "A collection that carries a PIN block: 40",
        _RULE_PIN,
        settle(_DUE, {2: dues.CARD, 52: "0" * 16}),
        absent(52),
    ),
    _unsupported(
        "PIN-02",
        "含PIN的查询：40",
        "An inquiry that carries a PIN block: 40",
        _RULE_PIN,
        inquire("311000", [("PN", _DUE.policy)], {52: "0" * 16}),
        absent(52),
    ),
    _unsupported(
        "PIN-03",
        "含PIN的对账：40",
        "Totals that carry a PIN block: 40",
        _RULE_PIN,
        totals(fields={52: "0" * 16}),
        absent(52),
    ),
    _unsupported(
        "PIN-04",
        "含PIN数据的线路测试：40",
        "An echo that carries what describes a PIN: 40",
        _RULE_PIN,
        network("301", {53: "0" * 16}),
        absent(53),
    ),
    _unsupported(
        "TRACK-01",
        "含二磁道数据的交易：40",
        "A collection that carries track 2: 40",
        _RULE_TRACK,
        settle(_DUE, {35: f"{dues.CARD}=2912"}),
        absent(35),
    ),
    _unsupported(
        "TRACK-02",
        "含三磁道数据的查询：40",
        "An inquiry that carries track 3: 40",
        _RULE_TRACK,
        inquire("311000", [("PN", _DUE.policy)], {36: f"99{dues.CARD}=156"}),
        absent(36),
    ),
    Case(
        "NOT-06",
        "3",
        "0802签到：40",
        "A sign-on by another 08xx: 40, and no key",
        _RULE_NETWORK,
        (connect, ask(network("001", mti="0802"), code("40"), absent(48), sealed=False)),
    ),
    _unsupported(
        "NOT-07", "0820线路测试：40", "An echo by 0820: 40", _RULE_NETWORK, network("301", mti="0820")
    ),
)

FORMS: tuple[Case, ...] = (*_missing(), *_MALFORMED, *_DATES, *_GROUPS, *_UNSUPPORTED)
