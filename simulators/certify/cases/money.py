"""Cases of sections 3 and 6: collections and payouts, their outcomes, repeats, advices."""

from __future__ import annotations

from collections.abc import Iterator

from ledger.files.bookline import DueLine
from ledger.rules.dues import KINDS
from protocol.message import Message
from protocol.transactions import SETTLEMENTS
from simulators.certify import dues
from simulators.certify.drafts import again, cancel, changed, inquire, reverse, settle
from simulators.certify.steps import (
    Case,
    Expectation,
    Step,
    absent,
    as_taken_back,
    ask,
    code,
    echoes,
    has_group,
    needs,
    same_as,
    sign_on,
    there,
)
from simulators.certify.talk import Talk

_DUE = dues.due_of("500000")
_OTHER = dues.due_of("502000")
_PAYOUT = dues.due_of("261000")
_RULE_FIRST = "A repeat (same key, same content, 0200 again or 0201) gets the first answer again,"
_RULE_REFUSAL = "a refusal stays a refusal: a repeat never turns it into an approval."
_RULE_ADVICE = "the FEP records it, it cannot refuse: it answers 00"
_RULE_PAID = (
    "it is judged as a request and may be refused, unless the bank's entry says `payout_advices = true`"
)
_RULE_AMOUNT = "DE 4 must equal the due's amount."


def _codes() -> Iterator[Case]:
    """One case a processing code that moves money."""
    for number, row in SETTLEMENTS.items():
        on_approval = (code("00"), there(15, 38, 62), absent(44), has_group("RN"), echoes())
        act = "collection" if row.kind == "premium" else "payout"
        yield Case(
            f"CODE-{number}",
            "3",
            f"{row.chinese}（{number}）",
            f"{row.english}: a {act} with authorization code and receipt",
            "done, and on disk",
            (sign_on, ask(settle(dues.due_of(number)), *on_approval)),
        )


def _forbidden_code(talk: Talk) -> Message:
    number = next(code for code in talk.terms.forbidden_codes if code in KINDS)
    return settle(dues.due_of(number), forced=True)(talk)


def _at_forbidden_terminal(talk: Talk) -> Message:
    return settle(_DUE, {41: talk.terms.forbidden_terminal})(talk)


def _over_limit(talk: Talk) -> Message:
    return settle(_DUE, {4: f"{talk.terms.limit_fen + 1:012d}"})(talk)


def _of_other_bank(talk: Talk) -> Message:
    made = cancel("paid")(talk)
    original = made.fields[90]
    return changed(made, {90: f"{original[:20]}{'99999999'.zfill(11)}{original[31:]}"})


def _out(id_: str, title: str, title_en: str, rule: str, *steps: Step) -> Case:
    return Case(id_, "6", title, title_en, rule, (sign_on, *steps))


def _refused(*wanted: str) -> tuple[Expectation, ...]:
    return code(*wanted), absent(38, 62)


def _to(due: DueLine, identity: str) -> list[tuple[str, str]]:
    """The groups of a payout of a due to somebody."""
    return [("PN", due.policy), ("DU", due.due), ("IN", identity)]


_PAID = ask(settle(_DUE), code("00"), name="paid")
_NOBODYS = _PAYOUT._replace(policy=dues.NO_POLICY)
_LOCKED = dues.locked_due()
_WRONG_NUMBERS = 5
_OUTCOMES: tuple[Case, ...] = (
    _out(
        "OUT-12-PAID",
        "已收的应收：12",
        "A due that is paid already: 12",
        "not possible in this state (already paid, cancelled, lapsed;",
        _PAID,
        ask(settle(_DUE), *_refused("12")),
    ),
    _out(
        "OUT-12-LAPSED",
        "失效保单：12",
        "A premium of a policy that has lapsed: 12",
        "not possible in this state (already paid, cancelled, lapsed;",
        ask(settle(dues.lapsed_due()), *_refused("12")),
    ),
    _out(
        "OUT-13-MORE",
        "金额多一分：13",
        "One fen more than the due: 13",
        _RULE_AMOUNT,
        ask(settle(_DUE, {4: f"{_DUE.amount + 1:012d}"}), *_refused("13")),
    ),
    _out(
        "OUT-13-LESS",
        "给付金额少一分：13",
        "A payout of one fen less than the due: 13",
        _RULE_AMOUNT,
        ask(settle(_PAYOUT, {4: f"{_PAYOUT.amount - 1:012d}"}), *_refused("13")),
    ),
    _out(
        "OUT-25-POLICY",
        "无此保单：25",
        "No such policy: 25",
        "no such policy or due",
        ask(settle(_DUE, groups=[("PN", dues.NO_POLICY)]), *_refused("25")),
    ),
    _out(
        "OUT-25-DUE",
        "无此应收：25",
        "No such due of the policy: 25",
        "no such policy or due",
        ask(settle(_DUE, groups=[("PN", _DUE.policy), ("DU", _OTHER.due)]), *_refused("25")),
    ),
    _out(
        "OUT-57-CODE",
        "本行未开通的交易：57",
        "A transaction that the bank may not do: 57",
        "transaction not allowed to this bank / terminal",
        needs(
            lambda means: KINDS.keys() & set(means.terms.forbidden_codes), "the bank may do every transaction"
        ),
        ask(_forbidden_code, *_refused("57")),
    ),
    _out(
        "OUT-57-BANK",
        "撤销他行交易：57",
        "A cancel of another bank's transaction: 57",
        "transaction not allowed to this bank / terminal",
        _PAID,
        ask(_of_other_bank, *_refused("57")),
    ),
    _out(
        "OUT-58",
        "终端不允许：58",
        "A terminal that may not do it: 58",
        "transaction not allowed to this bank / terminal",
        needs(lambda means: means.terms.forbidden_terminal, "every terminal of the bank is allowed"),
        ask(_at_forbidden_terminal, *_refused("58")),
    ),
    _out(
        "OUT-61",
        "超过单笔限额：61",
        "Over the bank's limit for one transaction: 61",
        "over the bank's limit for one transaction or the day",
        needs(lambda means: means.terms.limit_fen, "the bank has no limit for one transaction"),
        ask(_over_limit, *_refused("61")),
    ),
    _out(
        "OUT-76",
        "证件号不符：76",
        "An identity number that is not the beneficiary's: 76",
        "A payout also carries IN, which must match the beneficiary on the due.",
        ask(
            settle(_PAYOUT, groups=[("PN", _PAYOUT.policy), ("DU", _PAYOUT.due), ("IN", dues.STRANGER)]),
            *_refused("76"),
        ),
        ask(settle(_PAYOUT), code("00")),
    ),
    _out(
        "OUT-76-LAST",
        "证件号最后判断",
        "The identity number is looked at last: 13 and 12 come before 76",
        "The number is looked at last, when everything else fits",
        ask(settle(_PAYOUT, {4: f"{_PAYOUT.amount + 1:012d}"}, _to(_PAYOUT, dues.STRANGER)), *_refused("13")),
        ask(settle(_PAYOUT), code("00")),
        ask(settle(_PAYOUT, groups=_to(_PAYOUT, dues.STRANGER)), *_refused("12")),
    ),
    _out(
        "OUT-76-LOCKED",
        "五次证件号不符后：一律76",
        "After five wrong numbers for a due every number is answered 76",
        "After five wrong numbers for one due on one business date every number gets 76",
        *(ask(settle(_LOCKED, groups=_to(_LOCKED, dues.STRANGER)), *_refused("76")),) * _WRONG_NUMBERS,
        ask(settle(_LOCKED), *_refused("76")),
    ),
    _out(
        "OUT-REASON",
        "拒绝时DE 44说明原因",
        "Every refusal has its reason in DE 44, an approval has none",
        "reason in words for any DE 39 other than 00",
        ask(settle(_DUE), code("00"), absent(44)),
        ask(settle(_DUE), code("12"), there(44)),
        ask(settle(_OTHER, {4: "0" * 11 + "1"}), code("13"), there(44)),
        ask(settle(_DUE, groups=[("PN", dues.NO_POLICY)]), code("25"), there(44)),
        ask(inquire("310000", [("PN", dues.NO_POLICY)]), code("25"), there(44)),
    ),
    _out(
        "OUT-ECHO",
        "应答回送请求的数据元",
        "The answer repeats the request's fields, the card too",
        "An answer echoes DE 2, 3, 4, 7, 11, 12, 13, 32, 37, 41, 42, 49 where the request had them.",
        ask(settle(_DUE, {2: dues.CARD}), code("00"), echoes()),
        ask(settle(_DUE, {2: dues.CARD}), code("12"), echoes()),
        ask(inquire("311000", [("PN", _DUE.policy)]), code("00"), echoes()),
    ),
)

_REPEATS: tuple[Case, ...] = (
    _out(
        "REP-01",
        "0200重发：逐字节相同的应答",
        "The same 0200 again: the first answer, byte for byte",
        _RULE_FIRST,
        _PAID,
        ask(again("paid"), same_as("paid"), name="second"),
    ),
    _out(
        "REP-02",
        "0201重发：逐字节相同的应答",
        "A 0201: the first answer, byte for byte",
        _RULE_FIRST,
        _PAID,
        ask(again("paid", "0201"), same_as("paid"), name="second"),
    ),
    _out(
        "REP-03",
        "另一连接上的重发",
        "A repeat on another link: the first answer, byte for byte",
        _RULE_FIRST,
        _PAID,
        sign_on,
        ask(again("paid", "0201"), same_as("paid"), name="second"),
    ),
    _out(
        "REP-04",
        "冲正后的重发：首次应答的代码，无收据",
        "A repeat after the reversal: the first codes and no receipt, and the due stays open",
        "Of what was taken back since, the repeat has the first codes, no DE 62, and DE 44 says `REVERSED`.",
        _PAID,
        ask(reverse("paid"), code("00")),
        ask(again("paid", "0201"), code("00"), as_taken_back("paid"), name="second"),
        ask(settle(_DUE), code("00")),
    ),
    _out(
        "REP-05",
        "拒绝后重发：仍为拒绝",
        "A refusal's repeat is refused, though it would be approved now",
        _RULE_REFUSAL,
        _PAID,
        ask(settle(_DUE), code("12"), name="refused"),
        ask(reverse("paid"), code("00")),
        ask(again("refused"), code("12"), same_as("refused"), name="second"),
        ask(again("refused", "0201"), code("12"), same_as("refused"), name="third"),
    ),
    _out(
        "REP-06",
        "先到的0201",
        "A 0201 whose 0200 never came is done, and the 0200 after it gets its answer",
        _RULE_FIRST,
        ask(settle(_DUE, mti="0201"), code("00"), name="late"),
        ask(again("late", "0200"), same_as("late"), name="second"),
    ),
    _out(
        "REUSE-01",
        "同键不同金额：94",
        "The same key with another amount: 94",
        "same key as an earlier transaction, other content",
        _PAID,
        ask(again("paid", fields={4: f"{_DUE.amount + 1:012d}"}), code("94"), name="other"),
        ask(again("paid"), same_as("paid"), name="third"),
    ),
    _out(
        "REUSE-02",
        "同键不同处理码：94",
        "The same key with another processing code: 94",
        "same key as an earlier transaction, other content",
        _PAID,
        ask(again("paid", fields={3: "502000"}), code("94"), name="other"),
    ),
    _out(
        "REUSE-03",
        "不同终端是另一个键",
        "The same STAN and time at another terminal is another transaction",
        "(DE 32, DE 41, DE 7, DE 11), unique for ever.",
        _PAID,
        ask(again("paid", fields={41: "T0000002"}), code("12", "58"), name="other"),
    ),
)

_ADVICES: tuple[Case, ...] = (
    _out(
        "ADV-01",
        "收费通知：00",
        "An advice of a collection: 00",
        _RULE_ADVICE,
        ask(settle(_DUE, mti="0220"), code("00"), there(38), echoes()),
        ask(settle(_DUE), code("12")),
    ),
    _out(
        "ADV-02",
        "通知重发：逐字节相同的应答",
        "A 0221: the first answer, byte for byte",
        _RULE_FIRST,
        ask(settle(_PAYOUT, mti="0220"), code("00"), name="told"),
        ask(again("told", "0221"), same_as("told"), name="second"),
    ),
    _out(
        "ADV-03",
        "通知的保单不存在：00",
        "An advice on a policy that is not there: 00 all the same",
        _RULE_ADVICE,
        ask(settle(_DUE, groups=[("PN", dues.NO_POLICY)], mti="0220"), code("00"), absent(62)),
    ),
    _out(
        "ADV-04",
        "通知的金额不符：00",
        "An advice of another amount: 00 all the same",
        _RULE_ADVICE,
        ask(settle(_DUE, {4: f"{_DUE.amount + 1:012d}"}, mti="0220"), code("00"), absent(62)),
    ),
    _out(
        "ADV-05",
        "通知的应收已收：00",
        "An advice on a due that is paid: 00 all the same",
        _RULE_ADVICE,
        _PAID,
        ask(settle(_DUE, mti="0220"), code("00"), absent(62)),
    ),
    _out(
        "ADV-06",
        "无权通知给付：与请求同样判断",
        "An advice of a payout is judged as a request: 76, 13, 25",
        _RULE_PAID,
        needs(lambda means: not means.terms.payout_advices, "the bank's advices of payouts are recorded"),
        ask(settle(_PAYOUT, groups=_to(_PAYOUT, dues.STRANGER), mti="0220"), *_refused("76")),
        ask(settle(_PAYOUT, {4: f"{_PAYOUT.amount + 1:012d}"}, mti="0220"), *_refused("13")),
        ask(settle(_PAYOUT, groups=_to(_NOBODYS, dues.BENEFICIARY), mti="0220"), *_refused("25")),
        ask(settle(_PAYOUT), code("00")),
    ),
    _out(
        "ADV-07",
        "有权通知给付：00，无收据",
        "An advice of a payout that fits nothing, where the bank's are recorded: 00, and no receipt",
        _RULE_PAID,
        needs(lambda means: means.terms.payout_advices, "the bank's advices of payouts are no authority"),
        ask(settle(_PAYOUT, groups=_to(_PAYOUT, dues.STRANGER), mti="0220"), code("00"), absent(62)),
        ask(settle(_PAYOUT), code("00"), there(62)),
    ),
)

MONEY: tuple[Case, ...] = (*_codes(), *_OUTCOMES, *_REPEATS, *_ADVICES)
