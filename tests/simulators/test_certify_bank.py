"""The stand: an honest bank keeps every rule, and one with a fault breaks the rule that is named for it."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import TimeoutError as DeferredTimeout
from twisted.internet.error import ConnectionClosed

from protocol.keyblock import unwrap
from protocol.mac import MacKey
from protocol.message import Message
from protocol.tlv import first, parse
from simulators.bank import Bank
from simulators.beliefs import Belief, State
from simulators.certify.exercises import Provocation, exercise_on
from simulators.certify.result import Outcome, Result
from simulators.certify.trial_machine import TrialMachine
from simulators.certify.watch import RULES
from simulators.link import BankError, BankLink
from tests.support.builders import BANK
from tests.support.rehearsal import Act, cut_over, exercises, key_change, practise, whole_day

TERMS = {
    "2be ascii87": {},
    "4ascii bcd87": {"framing": "4ascii", "dialect": "bcd87", "mac": "x9.19"},
    "2be-tpdu ebcdic87": {"framing": "2be-tpdu", "dialect": "ebcdic87"},
    "2bcd hex87": {"framing": "2bcd", "dialect": "hex87", "mac": "x9.19"},
}


@pytest.mark.parametrize("name", TERMS)
def test_an_honest_bank_keeps_every_rule(tmp_path: Path, name: str) -> None:
    results = practise(tmp_path, whole_day, **TERMS[name])
    assert {result.id: result.reason for result in results if result.outcome is not Outcome.PASSED} == {}


class NeverReverses(Bank):
    """Takes silence for a refusal."""

    async def reverse(self, belief: Belief) -> Belief:
        return belief


class ReversesWhatWasApproved(Bank):
    async def carry_out(self, belief: Belief, identity: str = "", **how: bool) -> Belief:
        done = await super().carry_out(belief, identity, **how)
        return await self.reverse(done) if done.state is State.DONE and done.mti == "0200" else done


class ReversesOnce(Bank):
    """Sends its reversal, and does not mind whether it is answered."""

    async def _insist(self, message: Message) -> Message:
        try:
            return await self._ask(message)
        except DeferredTimeout:
            return Message("0410", {39: "00"})


class ReversesUnderNewKeys(Bank):
    """Each repeat of a reversal is a transaction of its own."""

    async def _insist(self, message: Message) -> Message:
        while True:
            try:
                return await self._ask(message)
            except (DeferredTimeout, ConnectionClosed):
                message = Message(message.mti, {**message.fields, 11: self._stan()})


class RepeatsReversalsAsRequests(Bank):
    """Repeats a reversal as 0400, not as 0401."""

    async def _insist(self, message: Message) -> Message:
        while True:
            try:
                return await self._ask(message)
            except (DeferredTimeout, ConnectionClosed):
                continue


class TriesAgainUnderAnotherKey(Bank):
    """Where it has no answer it asks for the same again, as a new transaction, before it reverses."""

    async def reverse(self, belief: Belief) -> Belief:
        again = self.prepare(belief.code, belief.policy, belief.amount, due=belief.due)
        asked = self._ask(self._financial(again, ""))
        with suppress(DeferredTimeout, ConnectionClosed):
            await asked
        await super().reverse(again)
        return await super().reverse(belief)


class TakesBusyForRefused(Bank):
    async def carry_out(self, belief: Belief, identity: str = "", **how: bool) -> Belief:
        if exercise_on(belief.policy).provocation not in (Provocation.BUSY, Provocation.CLOSING):  # type: ignore[union-attr]
            return await super().carry_out(belief, identity, **how)
        answer = await self._ask(self._financial(belief, identity))
        return self._answered(belief, answer)


class GoesOnReversing(Bank):
    """Does not take 21 for an end."""

    async def reverse(self, belief: Belief) -> Belief:
        await super().reverse(belief)
        return await super().reverse(belief)


class NamesNoOriginal(Bank):
    """Puts its own STAN into DE 90, not the original's."""

    async def _insist(self, message: Message) -> Message:
        named = message.fields[90]
        other = f"{named[:4]}{(int(named[4:10]) + 500_000) % 1_000_000:06d}{named[10:]}"
        return await super()._insist(Message(message.mti, {**message.fields, 90: other}))


class AdvisesOnce(ReversesOnce):
    """Sends an advice, and does not mind whether it is answered."""


class AdvisesWhatWasRefused(Bank):
    async def carry_out(self, belief: Belief, identity: str = "", **how: bool) -> Belief:
        done = await super().carry_out(belief, identity, **how)
        if done.state is State.REFUSED:
            advice = self.prepare(done.code, done.policy, done.amount, due=done.due, advice=True)
            return await super().carry_out(advice, identity)
        return done


class ReconcilesTheNewDate(Bank):
    async def reconcile(self, date: str) -> Message:
        return await super().reconcile("1125")


class LosesCount(Bank):
    """Its totals are one fen more than it collected."""

    async def _ask(self, message: Message) -> Message:
        if message.mti == "0500":
            message = Message("0500", {**message.fields, 88: f"{int(message.fields[88]) + 1:016d}"})
        return await super()._ask(message)


class UsesKeysTwice(Bank):
    """Has one STAN for all that it does within a second."""

    def _stan(self) -> str:
        return "000001"

    async def carry_out(self, belief: Belief, identity: str = "", **how: bool) -> Belief:
        with suppress(BankError):  # it takes 94 for its own fault
            return await super().carry_out(belief, identity, **how)
        return belief


def ignores_macs(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(BankLink, "_check_mac", lambda *_: None)


def answers_no_questions(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(BankLink, "_asked", lambda *_: None)


def answers_questions_unsealed(patch: pytest.MonkeyPatch) -> None:
    real = BankLink._bytes
    patch.setattr(
        BankLink, "_bytes", lambda self, m, *, sealed: real(self, m, sealed=sealed and m.mti != "0810")
    )


def seals_nothing(patch: pytest.MonkeyPatch) -> None:
    real = BankLink._bytes
    patch.setattr(BankLink, "_bytes", lambda self, m, *, sealed: real(self, m, sealed=False))


def believes_any_check_value(patch: pytest.MonkeyPatch) -> None:
    def install(self: BankLink, answer: Message) -> None:
        groups = parse(answer.fields[48], self._codec.dialect.de48_encoding)
        self._key = MacKey(
            self._profile.mac, unwrap(self._profile.zmk, first(groups, "KA") or "", self._profile.mac)
        )

    patch.setattr(BankLink, "install", install)


def keeps_its_old_key(patch: pytest.MonkeyPatch) -> None:
    """Takes no key after its first."""
    real = BankLink.install
    patch.setattr(BankLink, "install", lambda self, m: None if self._key else real(self, m))
    patch.setattr(BankLink, "_check_mac", lambda *_: None)


def sends_no_branch(patch: pytest.MonkeyPatch) -> None:
    real = Bank._financial

    def financial(self: Bank, belief: Belief, identity: str, **how: bool) -> Message:
        message = real(self, belief, identity, **how)
        return Message(message.mti, {n: text for n, text in message.fields.items() if n != 42})

    patch.setattr(Bank, "_financial", financial)


P = Provocation
FAULTS: dict[str, tuple[Any, Act, str]] = {
    "never reverses": (NeverReverses, exercises(P.SILENCE), "SILENCE"),
    "does not reverse after a late answer": (NeverReverses, exercises(P.DELAY), "DELAY"),
    "does not reverse after a cut": (NeverReverses, exercises(P.CUT, P.NOTHING), "CUT"),
    "reverses what was approved": (ReversesWhatWasApproved, exercises(P.NOTHING), "NO-REVERSAL"),
    "reverses once": (ReversesOnce, exercises(P.DEAFNESS), "INSIST"),
    "reverses under new keys": (ReversesUnderNewKeys, exercises(P.DEAFNESS), "INSIST"),
    "repeats a 0400 as 0400": (RepeatsReversalsAsRequests, exercises(P.DEAFNESS), "INSIST"),
    "tries again under another key": (TriesAgainUnderAnotherKey, exercises(P.LOSS), "ONE-KEY"),
    "takes 91 for a refusal": (TakesBusyForRefused, exercises(P.BUSY), "BUSY"),
    "takes 90 for a refusal": (TakesBusyForRefused, exercises(P.CLOSING), "CLOSING"),
    "goes on after 21": (GoesOnReversing, exercises(P.LOSS), "LOSS"),
    "names no original": (NamesNoOriginal, exercises(P.SILENCE), "NAMES"),
    "advises once": (AdvisesOnce, exercises(P.ADVICE), "ADVICE"),
    "advises what was refused": (AdvisesWhatWasRefused, exercises(P.REFUSAL), "REFUSAL"),
    "ignores our MAC": (ignores_macs, exercises(P.FORGERY), "FORGERY"),
    "seals nothing": (seals_nothing, exercises(), "MACS"),
    "answers no echo": (answers_no_questions, exercises(P.ECHO), "ECHO"),
    "answers an echo without a MAC": (answers_questions_unsealed, exercises(P.ECHO), "ECHO"),
    "believes any check value": (believes_any_check_value, key_change, "CHECK-VALUE"),
    "keeps its old key": (keeps_its_old_key, key_change, "NEW-KEY"),
    "answers no notice": (answers_no_questions, cut_over, "NOTICE"),
    "reconciles the new date": (ReconcilesTheNewDate, cut_over, "DATE"),
    "loses count": (LosesCount, cut_over, "DATE"),
    "uses a key twice": (UsesKeysTwice, exercises(P.NOTHING, P.REFUSAL), "KEYS"),
    "sends no branch": (sends_no_branch, exercises(P.NOTHING), "FORMAT"),
}


def by_id(results: tuple[Result, ...]) -> dict[str, Result]:
    return {result.id: result for result in results}


def test_every_rule_has_a_fault_that_breaks_it() -> None:
    assert {rule for _, _, rule in FAULTS.values()} == {rule.id for rule in RULES}


def test_a_rule_whose_occasion_never_came_says_how_to_make_it_come(tmp_path: Path) -> None:
    results = by_id(practise(tmp_path, exercises()))
    assert results["MACS"].outcome is Outcome.PASSED
    assert results["SILENCE"].outcome is Outcome.NOT_APPLICABLE
    assert results["SILENCE"].reason == "no occasion: act on policy PRACT-03"


def test_what_was_on_its_way_at_a_change_of_keys_may_be_under_the_old_key(tmp_path: Path) -> None:
    async def act(bank: Bank, _trial_machine: TrialMachine) -> None:
        [link] = bank.links
        old = link._key
        await bank.change_keys()
        new, link._key = link._key, old
        late = link._bytes(Message("0800", {7: "1124101112", 11: "999999", 32: BANK, 70: "301"}), sealed=True)
        link._key = new
        link.transport.write(late)
        await bank.echo()

    results = by_id(practise(tmp_path, act))
    assert {name: results[name].outcome for name in ("MACS", "NEW-KEY")} == dict.fromkeys(
        ("MACS", "NEW-KEY"), Outcome.PASSED
    )


def test_a_bank_that_makes_the_keys_is_held_to_the_ones_that_it_makes(tmp_path: Path) -> None:
    async def act(bank: Bank, _trial_machine: TrialMachine) -> None:
        await bank.change_keys()
        await bank.echo()

    results = by_id(practise(tmp_path / "good", act, makes_keys=True))
    outcomes = {name: results[name].outcome for name in ("MACS", "FORMAT", "NEW-KEY", "CHECK-VALUE")}
    assert outcomes == {
        "MACS": Outcome.PASSED,
        "FORMAT": Outcome.PASSED,
        "NEW-KEY": Outcome.PASSED,
        "CHECK-VALUE": Outcome.NOT_APPLICABLE,
    }
    with pytest.MonkeyPatch.context() as patch:
        keeps_its_old_key(patch)
        results = by_id(practise(tmp_path / "bad", act, makes_keys=True))
    assert results["NEW-KEY"].outcome is Outcome.FAILED


@pytest.mark.parametrize(
    ("data", "seen"),
    [
        (b"\xff\xff", "1 are no message"),
        (b"\x00\x04\xde\xad\xbe\xef", "1 are no message"),
    ],
    ids=["no frame", "no message"],
)
def test_bytes_that_are_no_message_break_a_rule(tmp_path: Path, data: bytes, seen: str) -> None:
    async def act(bank: Bank, _trial_machine: TrialMachine) -> None:
        link = bank.links[0]
        link.transport.write(data)
        with suppress(ConnectionClosed):  # what comes after bytes that are no frame has nobody to hear it
            await bank.inquire("PRACT-01")
        bank.links = [link for link in bank.links if link.is_open]

    result = by_id(practise(tmp_path, act))["FORMAT"]
    assert (result.outcome, result.checks[0].seen) == (Outcome.FAILED, seen)


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_of_a_bank_is_found_by_the_rule_named_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    fault, act, rule = FAULTS[name]
    assert by_id(practise(tmp_path / "honest", act))[rule].outcome is Outcome.PASSED
    make = Bank
    if isinstance(fault, type):
        make = fault
    else:
        fault(monkeypatch)
    result = by_id(practise(tmp_path / "faulty", act, make))[rule]
    assert result.outcome is Outcome.FAILED, result.reason
    assert result.shown != ()
