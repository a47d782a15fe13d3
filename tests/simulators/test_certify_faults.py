"""The examination can fail: each fault, put into our machine, is found by the case that is named for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import pytest

from fep.keys.keys import BankKeys, SessionKey
from fep.links import answering, network_management, request_parser, session
from fep.links.answering import AnswerSender
from fep.links.authentication import Authenticator
from fep.links.network_management import NetworkManagement
from fep.links.server import Server
from ledger.rules import decide, decision, inquire, reversal, settlement
from ledger.rules.decision import Decision, Refusal, answer_of, refused
from ledger.rules.moment import KeyWindow
from ledger.rules.request import INQUIRIES, SETTLEMENT_CODES, Act, Answer, Request
from ledger.rules.view import Due, View
from protocol.errors import FormatError
from protocol.framing import Frame
from protocol.message import Message
from protocol.responses import Response
from protocol.tlv import KNOWN, Group, parse
from simulators.certify.result import Outcome
from tests.support.certification import by_id, certify, machine_with_dues

SILENCE_SECONDS = 3
"""How long a machine with a fault is waited for."""
Patch = pytest.MonkeyPatch
Change = Callable[[Message, Message, Answer], Mapping[int, str | None]]


class Fault(NamedTuple):
    """What is wrong with a machine: how it is put in, the case that must find it, the settings for it."""

    put_in: Callable[[Patch], None] | None
    case: str
    given: Mapping[str, str] = MappingProxyType({})

    @property
    def settings(self) -> bool:
        """Whether the settings are the fault, so that it is there from the start."""
        return self.put_in is None


def says(change: Change) -> Callable[[Patch], None]:
    """A machine that answers something else: `change` gives the DEs that differ, None for one left out."""

    def put_in(patch: Patch) -> None:
        real = answering.render

        def render(request: Message, answer: Answer, *rest: Any) -> Message:  # noqa: ANN401 - passed on
            right_answer = real(request, answer, *rest)
            fields = {**right_answer.fields, **change(request, right_answer, answer)}
            return Message(
                right_answer.mti, {number: text for number, text in fields.items() if text is not None}
            )

        patch.setattr(answering, "render", render)

    return put_in


def code_becomes(wrong: str, right: str) -> Callable[[Patch], None]:
    """A machine that answers one code where another is right."""
    return says(lambda _asked, right_answer, _answer: {39: wrong} if right_answer.fields[39] == right else {})


def on_replay(fields: Mapping[int, str]) -> Callable[[Patch], None]:
    """A machine whose answer to a repeat differs from the first."""
    return says(lambda _asked, _said, answer: fields if answer.replayed else {})


def spoils_macs_of(mti: str) -> Callable[[Patch], None]:
    """A machine whose answers of one kind have a wrong MAC."""

    def put_in(patch: Patch) -> None:
        real = AnswerSender._write

        def write(self: AnswerSender, body: bytes, head: bytes) -> None:
            spoilt = body[:-1] + bytes([body[-1] ^ 1]) if body.startswith(mti.encode()) else body
            real(self, spoilt, head)

        patch.setattr(AnswerSender, "_write", write)

    return put_in


def believes_any_mac(patch: Patch) -> None:
    patch.setattr(session.SessionKeys, "authentic", lambda *_: True)


def never_counts_macs(patch: Patch) -> None:
    patch.setattr(Authenticator, "count_bad_mac", lambda _: None)


def never_forgives_a_mac(patch: Patch) -> None:
    """Good MACs between the bad ones are not seen."""
    real = Authenticator.covered

    def authenticated(self: Authenticator, message: Message, frame: Frame) -> bytes | None:
        before = self._bad_macs
        covered = real(self, message, frame)
        if covered is not None:
            self._bad_macs = before
        return covered

    patch.setattr(Authenticator, "covered", authenticated)


def forgets_the_old_key(patch: Patch) -> None:
    def authentic(self: session.SessionKeys, covered: bytes, mac: bytes, _now: float) -> bool:
        return self.current is not None and self.current.verify(covered, mac)

    patch.setattr(session.SessionKeys, "authentic", authentic)


def keeps_the_old_key(patch: Patch) -> None:
    real = session.SessionKeys.authentic
    patch.setattr(
        session.SessionKeys, "authentic", lambda self, covered, mac, _now: real(self, covered, mac, -1e9)
    )


def seals_with_the_new_key(patch: Patch) -> None:
    """The answer to a change of keys under the key that it brings."""

    def change(self: NetworkManagement, message: Message, frame: Frame) -> None:
        fresh = self._bank_keys.fresh()
        self._session.key_changed(fresh.key, self._old_key_retires_at())
        self._answers.approve_with_key(message, frame.head, fresh, sealed=True)

    patch.setattr(NetworkManagement, "_change_key", change)


def fresh_key_is(change: Callable[[SessionKey], SessionKey]) -> Callable[[Patch], None]:
    def put_in(patch: Patch) -> None:
        real = BankKeys.fresh
        patch.setattr(BankKeys, "fresh", lambda self: change(real(self)))

    return put_in


def has_one_key(patch: Patch) -> None:
    """Every sign-on and change brings the same key."""
    real = BankKeys.fresh
    made: list[SessionKey] = []

    def fresh(self: BankKeys) -> SessionKey:
        if not made:
            made.append(real(self))
        return made[0]

    patch.setattr(BankKeys, "fresh", fresh)


def takes_any_key(patch: Patch) -> None:
    def refuse_key(
        self: NetworkManagement, asked: Message, frame: Frame, _why: Exception, **how: bool
    ) -> None:
        self._answers.approve(asked, frame.head, **how)

    patch.setattr(NetworkManagement, "_refuse_key", refuse_key)


def wants_the_key_at_once(patch: Patch) -> None:
    patch.setattr(NetworkManagement, "_brings_no_new_key", lambda *_: False)


def signs_on_anybody(patch: Patch) -> None:
    real = NetworkManagement._sign_on

    def sign_on(self: NetworkManagement, message: Message, frame: Frame) -> None:
        real(self, Message(message.mti, {**message.fields, 32: self._bank}), frame)

    patch.setattr(NetworkManagement, "_sign_on", sign_on)


def forgives_reused_keys(patch: Patch) -> None:
    patch.setattr(decide, "_answer_repeat", lambda _request, known, _view: answer_of(known, replayed=True))


def names_no_payee(patch: Patch) -> None:
    patch.setattr(decision, "payee_of", lambda _entry, _view: "")


def lays_no_tombstone(patch: Patch) -> None:
    def forgetful(request: Request, view: View, refusal: Refusal, **_: bool) -> Decision:
        return refused(request, view, refusal)

    patch.setattr(reversal, "refused", forgetful)


def agrees_with_anything(patch: Patch) -> None:
    patch.setattr(reversal, "_disagreement", lambda *_: None)


def reverses_any_code(patch: Patch) -> None:
    """A reversal's DE 3 is not held against its original's."""

    def reverse(request: Request, view: View) -> Decision:
        original = view.entries.get(request.original)
        return reversal.reverse(request if original is None else request._replace(code=original.code), view)

    decides(Act.REVERSE, decide._keyed(reverse))(patch)


def does_not_look_at_the_filler(patch: Patch) -> None:
    real = request_parser.original_key

    def original_key(de90: str, terminal: str, window: KeyWindow) -> str:
        return real(f"{de90[:31]}{'0' * 11}", terminal, window)

    patch.setattr(request_parser, "original_key", original_key)


def lists_every_due(patch: Patch) -> None:
    """What the bank may not settle, too."""

    def dues(request: Request, view: View) -> Answer:
        return inquire.inquire_dues(request._replace(may_settle=SETTLEMENT_CODES), view)

    decides(Act.DUES, decide._read_only(dues))(patch)


def answers_at_any_terminal(patch: Patch) -> None:
    """Inquiries, that is: what moves money stays where it may be done."""
    real = request_parser.RequestParser._permission

    def permission(
        self: request_parser.RequestParser, message: Message, act: Act, original: str
    ) -> tuple[Response, str]:
        return (Response.APPROVED, "") if act in INQUIRIES else real(self, message, act, original)

    patch.setattr(request_parser.RequestParser, "_permission", permission)


def prints_what_was_taken_back(patch: Patch) -> None:
    patch.setattr(inquire, "outcome_of", lambda *_: "done")


def keeps_no_window(patch: Patch) -> None:
    patch.setattr(request_parser.KeyWindow, "holds", lambda *_: True)


def decides(act: Act, rule: Callable[[Request, View], Decision]) -> Callable[[Patch], None]:
    return lambda patch: patch.setattr(decide, "DECIDERS", {**decide.DECIDERS, act: rule})


def looks_at_the_number_first(patch: Patch) -> None:
    """Who guesses then learns a number without any money."""

    def settle(request: Request, view: View) -> Decision:
        due = view.dues.get(request.due)
        if due is not None and due.kind == "benefit" and due.beneficiary != request.identity:
            return refused(request, view, Refusal(Response.IDENTITY_DIFFERS, "IDENTITY DIFFERS"))
        return settlement.settle(request, view)

    decides(Act.PAY, decide._keyed(settle))(patch)


def never_locks(patch: Patch) -> None:
    """The right number is paid, however many wrong ones came before it."""
    real = settlement._judge_identity

    def judge(request: Request, view: View, due: Due) -> settlement._Judged:
        return settlement._Judged(None) if due.beneficiary == request.identity else real(request, view, due)

    patch.setattr(settlement, "_judge_identity", judge)


def names_whoever_asks(patch: Patch) -> None:
    patch.setattr(inquire, "masked_name", lambda name: name)


def keeps_every_day(patch: Patch) -> None:
    """A day that was not kept has nought in all its figures."""

    def totals(request: Request, view: View) -> Answer:
        return inquire.reconcile_totals(request, replace(view, known_dates=frozenset({request.date})))

    decides(Act.TOTALS, decide._read_only(totals))(patch)


def _receipt_for_anything(asked: Message, answered: Message, _answer: Answer) -> Mapping[int, str | None]:
    return {62: "RECEIPT"} if asked.mti == "0220" and 38 in answered.fields else {}


def signs_on_by_any_mti(patch: Patch) -> None:
    patch.setattr(network_management, "check_network", lambda *_: None)


def only_says_reversed(_request: Request, view: View) -> Decision:
    return Decision(Answer(Response.APPROVED, business_date=view.day.date if view.day else ""))


def refuses_advices(patch: Patch) -> None:
    patch.setattr(settlement, "_unfit", refused)


def counts_no_reversals(patch: Patch) -> None:
    """The 0510 leaves out what was reversed."""
    zeros = {75: "0" * 10, 77: "0" * 10, 87: "0" * 16, 89: "0" * 16}
    says(lambda _asked, answered, _answer: zeros if answered.mti == "0510" else {})(patch)


def takes_secrets(patch: Patch) -> None:
    patch.setattr(request_parser, "_NEVER_ACCEPTED", {})


def refuses_unknown_tags(patch: Patch) -> None:
    def strict(text: str, encoding: str) -> tuple[Group, ...]:
        groups = parse(text, encoding)
        if any(group.tag not in KNOWN for group in groups):
            raise FormatError("48", "unknown tag")
        return groups

    patch.setattr(request_parser, "parse", strict)


def takes_cut_groups(patch: Patch) -> None:
    """What runs past the end is cut at the end."""

    def lenient(text: str, encoding: str) -> tuple[Group, ...]:
        try:
            return parse(text, encoding)
        except FormatError:
            return (Group(text[:2], text[5:]),)

    patch.setattr(request_parser, "parse", lenient)


def does_not_ask_for(mti: str, number: int) -> Callable[[Patch], None]:
    def put_in(patch: Patch) -> None:
        fewer = tuple(mandatory for mandatory in request_parser.MANDATORY[mti] if mandatory != number)
        patch.setattr(request_parser, "MANDATORY", {**request_parser.MANDATORY, mti: fewer})

    return put_in


def announces_nothing(patch: Patch) -> None:
    patch.setattr(Server, "announce", lambda *_: None)


def keeps_tpdu(patch: Patch) -> None:
    patch.setattr(AnswerSender, "_reply", lambda sender, body, head: sender._write(body, head))


def pays_anybody(patch: Patch) -> None:
    patch.setattr(settlement, "_judge_identity", lambda *_: settlement._Judged(None))


def _mti(digits: str) -> Callable[[Patch], None]:
    """A machine that answers a 0401 by another MTI than a 0400."""

    def put_in(patch: Patch) -> None:
        real = answering.render

        def render(request: Message, answer: Answer, *rest: Any) -> Message:  # noqa: ANN401 - passed on
            answered = real(request, answer, *rest)
            return Message(digits, answered.fields) if request.mti == "0401" else answered

        patch.setattr(answering, "render", render)

    return put_in


def _first_page_only(_asked: Message, answered: Message, answer: Answer) -> Mapping[int, str | None]:
    return {48: answered.fields[48].removesuffix("PG004more")} if answer.more else {}


def _another_receipt(asked: Message, answered: Message, _answer: Answer) -> Mapping[int, str | None]:
    return (
        {62: f"DUPLICATE\n{answered.fields[62]}"}
        if asked.fields.get(3) == "313000" and 62 in answered.fields
        else {}
    )


_TPDU = {"framing": "2be-tpdu"}
_TAKEN_AT_ITS_WORD = {"entry": "payout_advices = true"}
_BANK_MAKES = {"entry": 'keys_made_by = "bank"'}
_NARROW = {"entry": 'terminals = ["T*"]\ntransactions = ["020000", "260000", "500000"]'}
FAULTS: Mapping[str, Fault] = MappingProxyType(
    {
        "gives no reason": Fault(says(lambda *_: {44: None}), "OUT-REASON"),
        "does not name the field": Fault(says(lambda *_: {44: "FORMAT"}), "MUST-0200-04"),
        "says 12 for 13": Fault(code_becomes("12", "13"), "OUT-13-MORE"),
        "says 12 for 25": Fault(code_becomes("12", "25"), "OUT-25-POLICY"),
        "repeats no RRN": Fault(says(lambda *_: {37: None}), "OUT-ECHO"),
        "repeats another card": Fault(
            says(lambda asked, _said, _answer: {2: "6222020000000000000"} if 2 in asked.fields else {}),
            "OUT-ECHO",
        ),
        "gives a repeat another authorization code": Fault(on_replay({38: "ABCDEF"}), "REP-01"),
        "approves a refusal's repeat": Fault(on_replay({39: "00", 44: None}), "REP-05"),  # type: ignore[dict-item]
        "takes a key twice": Fault(forgives_reused_keys, "REUSE-01"),
        "answers totals under a wrong MAC": Fault(spoils_macs_of("0510"), "MAC-07"),
        "believes any MAC": Fault(believes_any_mac, "MAC-01"),
        "believes a MAC over other bytes": Fault(believes_any_mac, "MAC-03"),
        "never closes for bad MACs": Fault(never_counts_macs, "MAC-05"),
        "counts bad MACs that are not in a row": Fault(never_forgives_a_mac, "MAC-06"),
        "forgets the old key at once": Fault(forgets_the_old_key, "KEY-02"),
        "keeps the old key for ever": Fault(keeps_the_old_key, "KEY-03"),
        "seals a change with the new key": Fault(seals_with_the_new_key, "KEY-01"),
        "sends a wrong check value": Fault(
            fresh_key_is(lambda fresh: fresh._replace(check_value="0" * 10)), "SIGN-01"
        ),
        "has one key for ever": Fault(has_one_key, "KEY-01"),
        "takes any key of the bank's": Fault(takes_any_key, "KEY-05", _BANK_MAKES),
        "takes a key of another check value": Fault(takes_any_key, "KEY-06", _BANK_MAKES),
        "signs nobody on without a key": Fault(wants_the_key_at_once, "KEY-07", _BANK_MAKES),
        "signs on anybody": Fault(signs_on_anybody, "SIGN-02"),
        "forgets a reversal that came first": Fault(lays_no_tombstone, "REV-02"),
        "forgets a cancel that came first": Fault(lays_no_tombstone, "CANCEL-02"),
        "only says that it reversed": Fault(decides(Act.REVERSE, only_says_reversed), "REV-01"),
        "refuses advices": Fault(refuses_advices, "ADV-03"),
        "answers a 0401 by another MTI": Fault(_mti("0411"), "REV-04"),
        "does not count reversals": Fault(counts_no_reversals, "TOTAL-06"),
        "finds all totals good": Fault(
            says(lambda _asked, answered, _answer: {39: "00", 66: "1"} if answered.mti == "0510" else {}),
            "TOTAL-02",
        ),
        "takes a PIN": Fault(takes_secrets, "PIN-01"),
        "takes a PIN in totals": Fault(takes_secrets, "PIN-03"),
        "takes a PIN in an echo": Fault(takes_secrets, "PIN-04"),
        "takes track 2": Fault(takes_secrets, "TRACK-01"),
        "takes track 3": Fault(takes_secrets, "TRACK-02"),
        "signs on by a 0802": Fault(signs_on_by_any_mti, "NOT-06"),
        "prints a receipt of what was taken back": Fault(forgives_reused_keys, "REP-04"),
        "prints a receipt of what does not fit": Fault(says(_receipt_for_anything), "ADV-04"),
        "reverses another amount": Fault(agrees_with_anything, "AGREE-AMOUNT"),
        "reverses at another branch": Fault(agrees_with_anything, "AGREE-BRANCH"),
        "reverses for another card": Fault(agrees_with_anything, "AGREE-CARD"),
        "reverses another policy's": Fault(agrees_with_anything, "AGREE-POLICY"),
        "reverses another due's": Fault(agrees_with_anything, "AGREE-DUE"),
        "cancels another policy's": Fault(agrees_with_anything, "AGREE-CANCEL-POLICY"),
        "reverses another code's": Fault(reverses_any_code, "AGREE-CODE"),
        "does not look at a DE 90's filler": Fault(does_not_look_at_the_filler, "AGREE-FILLER"),
        "takes a key of any date": Fault(keeps_no_window, "DATE-01"),
        "takes a DE 90 of any date": Fault(keeps_no_window, "DATE-04"),
        "is in balance on a day that was not kept": Fault(keeps_every_day, "DATE-06"),
        "takes an advice for authority to pay": Fault(pays_anybody, "ADV-06"),
        "has no ear for who has paid": Fault(refuses_advices, "ADV-07", _TAKEN_AT_ITS_WORD),
        "prints a receipt of a payout that does not fit": Fault(
            says(_receipt_for_anything), "ADV-07", _TAKEN_AT_ITS_WORD
        ),
        "looks at the number first": Fault(looks_at_the_number_first, "OUT-76-LAST"),
        "has anybody guess for ever": Fault(never_locks, "OUT-76-LOCKED"),
        "names a holder to whoever asks": Fault(names_whoever_asks, "INQ-07"),
        "lists what the bank may not settle": Fault(lists_every_due, "INQ-08", _NARROW),
        "answers at any terminal": Fault(answers_at_any_terminal, "INQ-09", _NARROW),
        "prints a receipt again of what was taken back": Fault(prints_what_was_taken_back, "RECEIPT-03"),
        "names no payee": Fault(names_no_payee, "RECEIPT-04"),
        "refuses unknown tags": Fault(refuses_unknown_tags, "TLV-01"),
        "takes groups that are cut short": Fault(takes_cut_groups, "TLV-03"),
        "does not ask for an RRN": Fault(does_not_ask_for("0200", 37), "MUST-0200-37"),
        "does not ask for a total": Fault(does_not_ask_for("0400", 49), "MUST-0400-49"),
        "says no business date in a refusal": Fault(
            says(lambda _asked, answered, _answer: {15: None} if answered.fields[39] != "00" else {}),
            "ECHO-02",
        ),
        "pays anybody": Fault(pays_anybody, "OUT-76"),
        "hides that another page follows": Fault(says(_first_page_only), "INQ-04"),
        "prints another receipt": Fault(says(_another_receipt), "CODE-313000"),
        "announces no cut-over": Fault(announces_nothing, "CUT-01"),
        "does not swap the TPDU": Fault(keeps_tpdu, "FRAME-05", _TPDU),
        "takes longer messages": Fault(None, "FRAME-02", {"limits": "frame_bytes = 65535"}),
        "closes after three bad MACs": Fault(None, "MAC-06", {"limits": "bad_macs = 3"}),
    }
)


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_found_by_the_case_named_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    fault = FAULTS[name]
    with machine_with_dues(tmp_path, **fault.given) as machine:
        if not fault.settings:
            assert by_id(certify(machine, [fault.case]))[fault.case].outcome is Outcome.PASSED
        if fault.put_in is not None:
            fault.put_in(monkeypatch)
        result = by_id(certify(machine, [fault.case], SILENCE_SECONDS))[fault.case]
    assert result.outcome is Outcome.FAILED
    assert [check for check in result.checks if not check.passed] != []
    assert result.reason.startswith(("expected ", "taking back: "))
