"""Cases of sections 3 and 4: inquiries, and receipts again. What is asked for totals is `questions`'."""

from __future__ import annotations

from ledger.files.bookline import DueLine
from ledger.rules.dues import KINDS
from protocol.errors import FormatError
from protocol.message import Message
from protocol.tlv import parse
from simulators.certify import dues
from simulators.certify.drafts import changed, inquire, reverse, settle
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

DUE = dues.due_of("500000")
PAYOUT = dues.due_of("263000")
_PAGES_MAX = 20
_RULE_LISTED = "one due: nested DU, PC, DK, DD, AM, ST (repeats)"


def case(id_: str, section: str, title: str, title_en: str, rule: str, *steps: Step) -> Case:
    """A case that signs on first."""
    return Case(id_, section, title, title_en, rule, (sign_on, *steps))


# Inquiries.


def open_dues(talk: Talk, heard: Heard) -> list[dict[str, str]] | None:
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
        seen = open_dues(talk, heard)
        wanted = {"DU": due.due, "PC": due.code, "DK": due.kind, "AM": str(due.amount)}
        only = seen[0] if seen is not None and len(seen) == 1 else {}
        holds = wanted.items() <= only.items() and len(only.get("DD", "")) == 8 and bool(only.get("ST"))
        expected = ", ".join(f"{tag} {text}" for tag, text in wanted.items())
        return Check(f"one DL: {expected}, DD YYYYMMDD, ST", f"{seen}", holds)

    return look


def _graced(talk: Talk, heard: Heard) -> Check:
    seen = open_dues(talk, heard)
    holds = seen is not None and [due.get("GU") for due in seen] == [dues.GRACE_UNTIL]
    return Check(f"one DL with GU {dues.GRACE_UNTIL}", f"{seen}", holds)


def _lists_none(talk: Talk, heard: Heard) -> Check:
    seen = open_dues(talk, heard)
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
        listed += [due.get("DU", "") for due in open_dues(talk, heard) or ()]
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


_WITH_IN = [("PN", DUE.policy), ("IN", dues.STRANGER)]
PAID = ask(settle(DUE), code("00"), name="paid")
_ASK_DUES = inquire("310000", [("PN", DUE.policy)])
_OUTCOME = inquire("312000", [], of="paid")
_INQUIRIES: tuple[Case, ...] = (
    case(
        "CODE-310000",
        "4",
        "应收查询（310000）",
        "What is due: each due with its parts",
        _RULE_LISTED,
        ask(_ASK_DUES, code("00"), group("PN", DUE.policy), _lists(DUE)),
    ),
    case(
        "INQ-01",
        "4",
        "应付查询",
        "What is payable: a benefit",
        _RULE_LISTED,
        ask(
            inquire("310000", [("PN", PAYOUT.policy)]),
            code("00"),
            _lists(PAYOUT),
        ),
    ),
    case(
        "INQ-02",
        "3",
        "已收的应收不再列出",
        "A due that is paid is not listed any more",
        "what is due and payable on a policy",
        PAID,
        ask(_ASK_DUES, code("00"), _lists_none),
    ),
    case(
        "INQ-03",
        "3",
        "无应收的保单：00",
        "A policy without dues: 00 and no due",
        "what is due and payable on a policy",
        ask(inquire("310000", [("PN", dues.NO_DUES)]), code("00"), _lists_none, no_group("PG")),
    ),
    case(
        "INQ-04",
        "4",
        "分页：`PG` more",
        "More dues than one page holds: every due once",
        "page wanted / `more` where another follows",
        _all_pages,
    ),
    case(
        "INQ-05",
        "6",
        "查询无此保单：25",
        "An inquiry of a policy that is not there: 25",
        "no such policy or due",
        ask(inquire("310000", [("PN", dues.NO_POLICY)]), code("25")),
        ask(inquire("311000", [("PN", dues.NO_POLICY)]), code("25")),
    ),
    case(
        "CODE-311000",
        "3",
        "保单状态查询（311000）",
        "A policy's status",
        "policy status",
        ask(inquire("311000", [("PN", DUE.policy)]), code("00"), group("PN", DUE.policy), has_group("ST")),
        ask(inquire("311000", [("PN", dues.LAPSED)]), code("00"), has_group("ST")),
    ),
    case(
        "INQ-311",
        "4",
        "保单状态查询：服务人员与宽限期",
        "A policy's status says who serves it, and until when its premium can be paid",
        "311000 also has SN and SP",
        _in_chinese,
        ask(
            inquire("311000", [("PN", dues.SERVED)]),
            code("00"),
            group("SN", dues.SERVING),
            group("SP", dues.SERVING_PHONE),
            _graced,
        ),
        ask(
            inquire("311000", [("PN", dues.ORPHANED)]),
            code("00"),
            group("SN", dues.ORPHAN),
            _lists_none,
        ),
    ),
    case(
        "CODE-312000",
        "3",
        "交易结果查询（312000）",
        "The outcome of an earlier transaction, before and after its reversal",
        "outcome of an earlier transaction (by DE 90)",
        PAID,
        ask(_OUTCOME, code("00"), has_group("ST"), group("AM", str(DUE.amount)), name="outcome"),
        ask(reverse("paid"), code("00")),
        ask(_OUTCOME, code("00"), has_group("ST"), _other_status),
    ),
    case(
        "INQ-06",
        "3",
        "查询不存在的交易：25",
        "The outcome of a transaction that never was: 25",
        "outcome of an earlier transaction (by DE 90)",
        lambda talk: talk.sent.update(paid=settle(DUE)(talk)),
        ask(_OUTCOME, code("25")),
    ),
    case(
        "INQ-07",
        "4",
        "投保人姓名：不带IN时遮蔽",
        "NM is masked, and whole where the inquiry carries IN",
        "NM is masked (`张*`) unless the inquiry carries IN",
        _in_chinese,
        ask(_ASK_DUES, code("00"), group("NM", f"{dues.HOLDER[0]}*")),
        ask(inquire("311000", [("PN", DUE.policy)]), code("00"), group("NM", f"{dues.HOLDER[0]}*")),
        ask(inquire("310000", _WITH_IN), code("00"), group("NM", dues.HOLDER)),
        ask(inquire("311000", _WITH_IN), code("00"), group("NM", dues.HOLDER)),
    ),
    case(
        "INQ-08",
        "4",
        "不列本行未开通的应收",
        "A due that the bank may not settle is not listed",
        "An inquiry lists the dues that the bank may settle.",
        needs(lambda means: _not_settled(means.terms), "the bank may settle every due"),
        ask(lambda talk: inquire("310000", _not_settled(talk.terms))(talk), code("00"), _lists_none),
    ),
    case(
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
    case(
        "CODE-313000",
        "3",
        "按收据号补打（313000）",
        "A receipt again, by its number: the same lines",
        "receipt again (by receipt number or DE 90)",
        PAID,
        ask(_ask_receipt, code("00"), there(62), value(62, _same_lines), group("RN", _receipt)),
    ),
    case(
        "RECEIPT-01",
        "3",
        "按原交易补打",
        "A receipt again, by DE 90: the same lines",
        "receipt again (by receipt number or DE 90)",
        PAID,
        ask(inquire("313000", [], of="paid"), code("00"), value(62, _same_lines), group("RN", _receipt)),
    ),
    case(
        "RECEIPT-02",
        "6",
        "无此收据：25",
        "A receipt that is not there: 25",
        "no such policy or due",
        ask(inquire("313000", [("RN", "000000000000000000000")]), code("25")),
    ),
    case(
        "RECEIPT-03",
        "6",
        "已冲正的交易无收据：12",
        "No receipt of what was taken back: 12",
        "not possible in this state (already paid, cancelled, lapsed;",
        PAID,
        ask(reverse("paid"), code("00"), name="reversal"),
        ask(_ask_receipt, code("12")),
        ask(inquire("313000", [], of="paid"), code("12")),
    ),
    case(
        "RECEIPT-04",
        "4",
        "给付凭证写明领款人",
        "The receipt of a benefit names the payee",
        "for a benefit the payee's name",
        _in_chinese,
        ask(settle(PAYOUT), code("00"), _names_payee),
    ),
)

INQUIRIES: tuple[Case, ...] = (*_INQUIRIES, *_RECEIPTS)
"""Cases of the transactions that only read."""
