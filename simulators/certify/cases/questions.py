"""Cases of sections 3, 4 and 7: inquiries, receipts, totals; and the last one, that the books are clean."""

from __future__ import annotations

from collections.abc import Mapping

from protocol.message import Message
from simulators.certify import dues
from simulators.certify.cases.conversation import CUTOVER
from simulators.certify.cases.inquiries import DUE, INQUIRIES, PAID, PAYOUT, case, open_dues
from simulators.certify.drafts import TOTAL_FIELDS, Draft, again, changed, inquire, reverse, settle, totals
from simulators.certify.result import Check
from simulators.certify.steps import (
    Case,
    Expectation,
    Step,
    ask,
    code,
    there,
    value,
)
from simulators.certify.talk import Talk
from simulators.certify.wire import Heard

_NET = 97
_RULE_TOTALS = "The answer carries the FEP's own totals in the same fields, DE 66, and DE 39 00 or 95."

# Totals.


def _moved(by: Mapping[int, int]) -> Expectation:
    """The figures are those of the answer "before", each moved by so much, and no other."""

    def look(talk: Talk, heard: Heard) -> Check:
        before, after = (_figures(answer.message) for answer in (talk.heard["before"], heard))
        seen = {number: after[number] - before[number] for number in TOTAL_FIELDS}
        moved = {number: difference for number, difference in seen.items() if difference}
        return Check(_as_words(by), _as_words(moved), moved == dict(by))

    return look


def _as_words(moved: Mapping[int, int]) -> str:
    return ", ".join(f"DE {number} {by:+d}" for number, by in sorted(moved.items())) or "no figure moves"


def _figures(message: Message) -> dict[int, int]:
    return {number: int(message.fields.get(number, "0") or "0") for number in TOTAL_FIELDS}


def net_of(message: Message) -> int:
    """What the bank owes the insurer by an answer's eight figures, in fen; negative the other way."""
    of = _figures(message)
    return of[88] - of[89] - of[86] + of[87]


def _net_adds_up(_talk: Talk, heard: Heard) -> Check:
    net = net_of(heard.message)
    wanted = f"{'D' if net >= 0 else 'C'}{abs(net):016d}"
    seen = heard.message.fields.get(_NET, "")
    holds = seen == wanted or (net == 0 and seen == f"C{0:016d}")
    return Check(f"DE 97 = {wanted}, as the figures make", f"DE 97 = {seen}", holds)


def _one_fen_more(talk: Talk) -> Message:
    made = totals("before")(talk)
    return changed(made, {88: f"{int(made.fields[88]) + 1:016d}"})


_BEFORE = ask(totals(), code("00", "95"), there(66, *TOTAL_FIELDS, _NET), name="before")
_IN_BALANCE: Draft = totals("before")


def _counted(id_: str, title: str, title_en: str, rule: str, moved: Mapping[int, int], *steps: Step) -> Case:
    return case(id_, "7", title, title_en, rule, _BEFORE, *steps, ask(totals(), _moved(moved), _net_adds_up))


_TOTALS: tuple[Case, ...] = (
    case(
        "TOTAL-01",
        "7",
        "对账相符：00，DE 66 = 1",
        "Totals in balance: 00, DE 66 = 1, the same figures",
        _RULE_TOTALS,
        _BEFORE,
        ask(_IN_BALANCE, code("00"), value(66, "1"), _moved({}), _net_adds_up),
    ),
    case(
        "TOTAL-02",
        "7",
        "差一分：95，DE 66 = 2",
        "Totals that differ by one fen: 95, DE 66 = 2, the machine's own figures",
        _RULE_TOTALS,
        _BEFORE,
        ask(_one_fen_more, code("95"), value(66, "2"), _moved({}), there(44)),
    ),
    case(
        "TOTAL-03",
        "7",
        "0501、0520：应答相同",
        "A 0501 and a 0520 are answered the same",
        "reconciliation of a business date by totals",
        _BEFORE,
        ask(totals("before", mti="0501"), code("00"), value(66, "1")),
        ask(totals("before", mti="0520"), code("00"), value(66, "1")),
        ask(totals("before", mti="0521"), code("00"), value(66, "1")),
    ),
    _counted(
        "TOTAL-04",
        "收费计入总数",
        "A collection is counted",
        "number and amount of premium collections (debits)",
        {76: 1, 88: DUE.amount},
        PAID,
    ),
    _counted(
        "TOTAL-05",
        "给付计入总数",
        "A payout is counted",
        "number and amount of benefit payouts (credits)",
        {74: 1, 86: PAYOUT.amount},
        ask(settle(PAYOUT), code("00")),
    ),
    _counted(
        "TOTAL-06",
        "冲正计入总数",
        "A reversal is counted, once, however often it comes",
        "77, 89: those reversed or cancelled",
        {76: 1, 88: DUE.amount, 77: 1, 89: DUE.amount},
        PAID,
        ask(reverse("paid"), code("00"), name="reversal"),
        ask(again("reversal", "0401"), code("00")),
        ask(reverse("paid"), code("00")),
    ),
    _counted(
        "TOTAL-07",
        "给付冲正计入总数",
        "A reversal of a payout is counted",
        "75, 87: those reversed or cancelled",
        {74: 1, 86: PAYOUT.amount, 75: 1, 87: PAYOUT.amount},
        ask(settle(PAYOUT), code("00"), name="paid"),
        ask(reverse("paid"), code("00")),
    ),
    _counted(
        "TOTAL-08",
        "重发只计一次",
        "What is repeated is counted once",
        "It never acts twice",
        {76: 1, 88: DUE.amount},
        PAID,
        ask(again("paid"), code("00"), name="second"),
        ask(again("paid", "0201"), code("00"), name="third"),
    ),
    _counted(
        "TOTAL-09",
        "拒绝的交易不计",
        "What is refused is not counted",
        _RULE_TOTALS,
        {},
        ask(settle(DUE, {4: "0" * 11 + "1"}), code("13")),
        ask(settle(dues.lapsed_due()), code("12")),
    ),
)

# The last.


def _all_open(talk: Talk) -> None:
    """Every due of the examination is open."""
    for entry in dues.entries(""):
        if entry.policy.policy == dues.PAGES:
            continue  # INQ-04 has counted them
        ask(inquire("310000", [("PN", entry.policy.policy)]), code("00"), name="open")(talk)
        seen = sorted(due.get("DU", "") for due in open_dues(talk, talk.heard["open"]) or ())
        wanted = sorted(due.due for due in entry.dues if due.code not in talk.terms.forbidden_codes)
        talk.check(
            f"{entry.policy.policy}: {' '.join(wanted) or 'nothing'} open", " ".join(seen), seen == wanted
        )


def _net_as_before(talk: Talk) -> None:
    """What the bank owes is what it owed before the first case."""
    ask(totals(), code("00", "95"), name="after")(talk)
    after = talk.heard["after"].message.fields
    before = talk.means.baseline
    talk.check(
        "totals were had before the first case", "they were" if before else "they were not", bool(before)
    )
    if before.get(15) != after.get(15):
        talk.remark("the business date is another one since: its net is not compared")
        return
    talk.check(
        f"DE 97 = {before.get(_NET)}, as before",
        f"DE 97 = {after.get(_NET)}",
        before.get(_NET) == after.get(_NET),
    )


_CLEAN: tuple[Case, ...] = (
    case(
        "CLEAN-01",
        "6",
        "账务复原",
        "All is taken back: every due is open, and nobody owes more than before",
        "the original has no effect",
        _all_open,
        _net_as_before,
    ),
)

QUESTIONS: tuple[Case, ...] = (*INQUIRIES, *_TOTALS, *CUTOVER, *_CLEAN)
