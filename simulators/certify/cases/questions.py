"""Cases of sections 3, 4 and 7: inquiries, receipts, totals; and the last one, that the books are clean."""

from __future__ import annotations

from collections.abc import Mapping

from ledger.files.bookline import DueLine
from ledger.rules.dues import KINDS
from protocol.errors import FormatError
from protocol.message import Message
from protocol.tlv import parse
from simulators.certify import dues
from simulators.certify.cases.conversation import CUTOVER
from simulators.certify.drafts import TOTAL_FIELDS, Draft, again, changed, inquire, reverse, settle, totals
from simulators.certify.result import Check
from simulators.certify.steps import (
    Case,
    Expectation,
    Step,
    ask,
    code,
    group,
    groups_of,
    has_group,
    needs,
    no_group,
    sign_on,
    there,
    value,
)
from simulators.certify.talk import NotApplicable, Talk
from simulators.certify.terms import Terms
from simulators.certify.wire import Heard

_DUE = dues.due_of("500000")
_PAYOUT = dues.due_of("263000")
_NET = 97
_PAGES_MAX = 20
_RULE_LISTED = "one due: nested DU, PC, DK, DD, AM, ST (repeats)"
_RULE_TOTALS = "The answer carries the FEP's own totals in the same fields, DE 66, and DE 39 00 or 95."


def _case(id_: str, section: str, title: str, title_en: str, rule: str, *steps: Step) -> Case:
    return Case(id_, section, title, title_en, rule, (sign_on, *steps))


# Inquiries.


def _open_dues(talk: Talk, heard: Heard) -> list[dict[str, str]] | None:
    """The dues that an answer lists, each as tag to value; None where they cannot be read."""
    groups = groups_of(talk, heard)
    if groups is None:
        return None
    encoding = talk.codec.dialect.de48_encoding
    try:
        return [dict(parse(group.value, encoding)) for group in groups if group.tag == "DL"]
    except FormatError:
        return None


def _lists(due: DueLine) -> Expectation:
    """Just this due is listed, with all that belongs to it."""

    def look(talk: Talk, heard: Heard) -> Check:
        seen = _open_dues(talk, heard)
        wanted = {"DU": due.due, "PC": due.code, "DK": due.kind, "AM": str(due.amount)}
        only = seen[0] if seen is not None and len(seen) == 1 else {}
        holds = wanted.items() <= only.items() and len(only.get("DD", "")) == 8 and bool(only.get("ST"))
        expected = ", ".join(f"{tag} {text}" for tag, text in wanted.items())
        return Check(f"one DL: {expected}, DD YYYYMMDD, ST", f"{seen}", holds)

    return look


def _lists_none(talk: Talk, heard: Heard) -> Check:
    seen = _open_dues(talk, heard)
    return Check("no DL", f"{seen}", seen == [])


def _all_pages(talk: Talk) -> None:
    """Ask page after page while another follows; together they hold every due once."""
    listed: list[str] = []
    pages = 0
    more = True
    while more and pages < _PAGES_MAX:
        pages += 1
        wanted = [("PN", dues.PAGES), ("PG", str(pages) if pages > 1 else "")]
        ask(inquire("310000", wanted), code("00"), name="page")(talk)
        heard = talk.heard["page"]
        listed += [due.get("DU", "") for due in _open_dues(talk, heard) or ()]
        more = any(group.tag == "PG" and group.value == "more" for group in groups_of(talk, heard) or ())
    talk.check("one page does not hold them all", f"{pages} pages", pages > 1)
    expected = sorted(
        due.due for entry in dues.entries("") if entry.policy.policy == dues.PAGES for due in entry.dues
    )
    seen = f"{len(listed)} dues, {len(set(listed))} different ones"
    talk.check(f"the pages hold {len(expected)} dues, each once", seen, sorted(listed) == expected)


def _other_status(talk: Talk, heard: Heard) -> Check:
    before, after = (_status(talk, answer) for answer in (talk.heard["outcome"], heard))
    return Check("ST is not what it was before the reversal", f"{before}, then {after}", before != after)


def _status(talk: Talk, heard: Heard) -> str:
    return next((group.value for group in groups_of(talk, heard) or () if group.tag == "ST"), "")


def _names_payee(_talk: Talk, heard: Heard) -> Check:
    lines = heard.message.fields.get(62, "").splitlines()
    named = f"领款人：{dues.PAYEE}" in lines
    return Check("DE 62 names the payee", f"{len(lines)} lines, {'one' if named else 'none'} of them", named)


def _in_chinese(talk: Talk) -> None:
    """The case is for dialects that can carry the names of the examination."""
    if not talk.codec.dialect.carries(dues.HOLDER):
        raise NotApplicable(f"the dialect {talk.terms.dialect} carries no Chinese")


def _not_settled(terms: Terms) -> list[tuple[str, str]]:
    """The PN of a policy whose one due the bank may not settle; nothing where it may settle all."""
    forbidden = [code for code in terms.forbidden_codes if code in KINDS]
    return [("PN", dues.due_of(code).policy) for code in forbidden[:1]]


_WITH_IN = [("PN", _DUE.policy), ("IN", dues.STRANGER)]
_PAID = ask(settle(_DUE), code("00"), name="paid")
_ASK_DUES = inquire("310000", [("PN", _DUE.policy)])
_OUTCOME = inquire("312000", [], of="paid")
_INQUIRIES: tuple[Case, ...] = (
    _case(
        "CODE-310000",
        "4",
        "应收查询（310000）",
        "What is due: each due with its parts",
        _RULE_LISTED,
        ask(_ASK_DUES, code("00"), group("PN", _DUE.policy), _lists(_DUE)),
    ),
    _case(
        "INQ-01",
        "4",
        "应付查询",
        "What is payable: a benefit",
        _RULE_LISTED,
        ask(
            inquire("310000", [("PN", _PAYOUT.policy)]),
            code("00"),
            _lists(_PAYOUT),
        ),
    ),
    _case(
        "INQ-02",
        "3",
        "已收的应收不再列出",
        "A due that is paid is not listed any more",
        "what is due and payable on a policy",
        _PAID,
        ask(_ASK_DUES, code("00"), _lists_none),
    ),
    _case(
        "INQ-03",
        "3",
        "无应收的保单：00",
        "A policy without dues: 00 and no due",
        "what is due and payable on a policy",
        ask(inquire("310000", [("PN", dues.NO_DUES)]), code("00"), _lists_none, no_group("PG")),
    ),
    _case(
        "INQ-04",
        "4",
        "分页：`PG` more",
        "More dues than one page holds: every due once",
        "page wanted / `more` where another follows",
        _all_pages,
    ),
    _case(
        "INQ-05",
        "6",
        "查询无此保单：25",
        "An inquiry of a policy that is not there: 25",
        "no such policy or due",
        ask(inquire("310000", [("PN", dues.NO_POLICY)]), code("25")),
        ask(inquire("311000", [("PN", dues.NO_POLICY)]), code("25")),
    ),
    _case(
        "CODE-311000",
        "3",
        "保单状态查询（311000）",
        "A policy's status",
        "policy status",
        ask(inquire("311000", [("PN", _DUE.policy)]), code("00"), group("PN", _DUE.policy), has_group("ST")),
        ask(inquire("311000", [("PN", dues.LAPSED)]), code("00"), has_group("ST")),
    ),
    _case(
        "CODE-312000",
        "3",
        "交易结果查询（312000）",
        "The outcome of an earlier transaction, before and after its reversal",
        "outcome of an earlier transaction (by DE 90)",
        _PAID,
        ask(_OUTCOME, code("00"), has_group("ST"), group("AM", str(_DUE.amount)), name="outcome"),
        ask(reverse("paid"), code("00")),
        ask(_OUTCOME, code("00"), has_group("ST"), _other_status),
    ),
    _case(
        "INQ-06",
        "3",
        "查询不存在的交易：25",
        "The outcome of a transaction that never was: 25",
        "outcome of an earlier transaction (by DE 90)",
        lambda talk: talk.sent.update(paid=settle(_DUE)(talk)),
        ask(_OUTCOME, code("25")),
    ),
    _case(
        "INQ-07",
        "4",
        "投保人姓名：不带IN时遮蔽",
        "NM is masked, and whole where the inquiry carries IN",
        "NM is masked (`张*`) unless the inquiry carries IN",
        _in_chinese,
        ask(_ASK_DUES, code("00"), group("NM", f"{dues.HOLDER[0]}*")),
        ask(inquire("311000", [("PN", _DUE.policy)]), code("00"), group("NM", f"{dues.HOLDER[0]}*")),
        ask(inquire("310000", _WITH_IN), code("00"), group("NM", dues.HOLDER)),
        ask(inquire("311000", _WITH_IN), code("00"), group("NM", dues.HOLDER)),
    ),
    _case(
        "INQ-08",
        "4",
        "不列本行未开通的应收",
        "A due that the bank may not settle is not listed",
        "An inquiry lists the dues that the bank may settle.",
        needs(lambda means: _not_settled(means.terms), "the bank may settle every due"),
        ask(lambda talk: inquire("310000", _not_settled(talk.terms))(talk), code("00"), _lists_none),
    ),
    _case(
        "INQ-09",
        "6",
        "终端不允许的查询：58",
        "An inquiry at a terminal that may not do it: 58",
        "transaction not allowed to this bank / terminal",
        needs(lambda means: means.terms.forbidden_terminal, "every terminal of the bank is allowed"),
        ask(lambda talk: changed(_ASK_DUES(talk), {41: talk.terms.forbidden_terminal}), code("58")),
    ),
)

# Receipts.


def _receipt(talk: Talk) -> str:
    groups = groups_of(talk, talk.heard["paid"]) or ()
    return next((group.value for group in groups if group.tag == "RN"), "")


def _ask_receipt(talk: Talk) -> Message:
    return inquire("313000", [("RN", _receipt(talk))])(talk)


def _same_lines(talk: Talk) -> str:
    return talk.heard["paid"].message.fields.get(62, "")


_RECEIPTS: tuple[Case, ...] = (
    _case(
        "CODE-313000",
        "3",
        "按收据号补打（313000）",
        "A receipt again, by its number: the same lines",
        "receipt again (by receipt number or DE 90)",
        _PAID,
        ask(_ask_receipt, code("00"), there(62), value(62, _same_lines), group("RN", _receipt)),
    ),
    _case(
        "RECEIPT-01",
        "3",
        "按原交易补打",
        "A receipt again, by DE 90: the same lines",
        "receipt again (by receipt number or DE 90)",
        _PAID,
        ask(inquire("313000", [], of="paid"), code("00"), value(62, _same_lines), group("RN", _receipt)),
    ),
    _case(
        "RECEIPT-02",
        "6",
        "无此收据：25",
        "A receipt that is not there: 25",
        "no such policy or due",
        ask(inquire("313000", [("RN", "000000000000000000000")]), code("25")),
    ),
    _case(
        "RECEIPT-03",
        "6",
        "已冲正的交易无收据：12",
        "No receipt of what was taken back: 12",
        "not possible in this state (already paid, cancelled, lapsed;",
        _PAID,
        ask(reverse("paid"), code("00"), name="reversal"),
        ask(_ask_receipt, code("12")),
        ask(inquire("313000", [], of="paid"), code("12")),
    ),
    _case(
        "RECEIPT-04",
        "4",
        "给付凭证写明领款人",
        "The receipt of a benefit names the payee",
        "for a benefit the payee's name",
        _in_chinese,
        ask(settle(_PAYOUT), code("00"), _names_payee),
    ),
)

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
    return _case(id_, "7", title, title_en, rule, _BEFORE, *steps, ask(totals(), _moved(moved), _net_adds_up))


_TOTALS: tuple[Case, ...] = (
    _case(
        "TOTAL-01",
        "7",
        "对账相符：00，DE 66 = 1",
        "Totals in balance: 00, DE 66 = 1, the same figures",
        _RULE_TOTALS,
        _BEFORE,
        ask(_IN_BALANCE, code("00"), value(66, "1"), _moved({}), _net_adds_up),
    ),
    _case(
        "TOTAL-02",
        "7",
        "差一分：95，DE 66 = 2",
        "Totals that differ by one fen: 95, DE 66 = 2, the machine's own figures",
        _RULE_TOTALS,
        _BEFORE,
        ask(_one_fen_more, code("95"), value(66, "2"), _moved({}), there(44)),
    ),
    _case(
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
        {76: 1, 88: _DUE.amount},
        _PAID,
    ),
    _counted(
        "TOTAL-05",
        "给付计入总数",
        "A payout is counted",
        "number and amount of benefit payouts (credits)",
        {74: 1, 86: _PAYOUT.amount},
        ask(settle(_PAYOUT), code("00")),
    ),
    _counted(
        "TOTAL-06",
        "冲正计入总数",
        "A reversal is counted, once, however often it comes",
        "77, 89: those reversed or cancelled",
        {76: 1, 88: _DUE.amount, 77: 1, 89: _DUE.amount},
        _PAID,
        ask(reverse("paid"), code("00"), name="reversal"),
        ask(again("reversal", "0401"), code("00")),
        ask(reverse("paid"), code("00")),
    ),
    _counted(
        "TOTAL-07",
        "给付冲正计入总数",
        "A reversal of a payout is counted",
        "75, 87: those reversed or cancelled",
        {74: 1, 86: _PAYOUT.amount, 75: 1, 87: _PAYOUT.amount},
        ask(settle(_PAYOUT), code("00"), name="paid"),
        ask(reverse("paid"), code("00")),
    ),
    _counted(
        "TOTAL-08",
        "重发只计一次",
        "What is repeated is counted once",
        "It never acts twice",
        {76: 1, 88: _DUE.amount},
        _PAID,
        ask(again("paid"), code("00"), name="second"),
        ask(again("paid", "0201"), code("00"), name="third"),
    ),
    _counted(
        "TOTAL-09",
        "拒绝的交易不计",
        "What is refused is not counted",
        _RULE_TOTALS,
        {},
        ask(settle(_DUE, {4: "0" * 11 + "1"}), code("13")),
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
        seen = sorted(due.get("DU", "") for due in _open_dues(talk, talk.heard["open"]) or ())
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
    _case(
        "CLEAN-01",
        "6",
        "账务复原",
        "All is taken back: every due is open, and nobody owes more than before",
        "the original has no effect",
        _all_open,
        _net_as_before,
    ),
)

QUESTIONS: tuple[Case, ...] = (*_INQUIRIES, *_RECEIPTS, *_TOTALS, *CUTOVER, *_CLEAN)
