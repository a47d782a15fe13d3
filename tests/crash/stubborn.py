"""The bank of the crash matrix: it asks, repeats and reverses until every one of its beliefs is certain.

Knows the wire only. What struck the other side, it learns from its answers or from their absence.
"""

from __future__ import annotations

from collections.abc import Coroutine
from datetime import UTC, datetime
from typing import Any

from twisted.internet.defer import Deferred, ensureDeferred

from protocol.framing import Framing
from protocol.mac import MacMethod
from simulators.bank import Bank, together
from simulators.beliefs import Belief, State
from simulators.profile import BankProfile
from tests.support.builders import BANK, BENEFICIARY, benefit, book, policy, premium
from tests.support.machine import ZMK, reactor

POLICIES = 16
LINKS = 2
ANSWER_SECONDS = 2.0
RETRY_SECONDS = 0.05
_WARM = 3
_PREMIUM, _MATURITY = "500000", "260000"


def amount(number: int) -> int:
    """What policy `number` owes: no two the same, so that no two mistakes cancel each other out."""
    return 10_001 << number


BOOK = book(
    [policy(f"P{n}") for n in range(POLICIES)] + [policy("Q0"), policy("Q1")],
    [premium(f"D{n}", f"P{n}", amount(n)) for n in range(POLICIES)]
    + [benefit(f"B{n}", f"Q{n}", 7_000 + n) for n in range(2)],
)


class Stubborn(Bank):
    """A bank that gives up on nothing."""

    def __init__(self, port: int) -> None:
        profile = BankProfile(BANK, "127.0.0.1", port, Framing.BE2, "ascii87", MacMethod.AES_CMAC, ZMK)
        moment = datetime(2026, 11, 24, 10, 11, 12, tzinfo=UTC)
        super().__init__(profile, reactor, lambda: moment, ANSWER_SECONDS, retry_seconds=RETRY_SECONDS)
        self._done: list[Belief] = []
        self._acts: list[Deferred[Any]] = []

    def reset(self) -> None:
        """Reset every link."""
        for link in self.links:
            transport: Any = link.transport  # twisted's interface has no self
            transport.abortConnection()

    def certain(self) -> frozenset[object]:
        """What the bank has been told so far."""
        beliefs = tuple(self.record.beliefs.values())
        return frozenset(
            (belief.key, belief.state) for belief in beliefs if belief.state is not State.UNKNOWN
        )

    async def insist(self, belief: Belief, identity: str = "") -> Belief:
        """Send a prepared transaction and its repeats until one of them is answered for good."""
        return self._answered(belief, await self._insist(self._financial(belief, identity)))

    def collection(self, number: int, *, advice: bool = False) -> Belief:
        """A premium collection that has its key, not sent yet."""
        return self.prepare(_PREMIUM, f"P{number}", amount(number), advice=advice)

    async def warm_up(self) -> None:
        """Sign on, and have some transactions done in peace."""
        await self.connect(LINKS)
        for number in range(_WARM):
            self._done.append(await self.insist(self.collection(number)))
        states = [(belief.state, belief.response, belief.reason) for belief in self._done]
        assert states == [(State.DONE, "00", "")] * _WARM, states

    def trade(self) -> Deferred[Any]:
        """One of everything that moves money, all at once; fires when the bank is certain of each."""
        paid, cancelled, _ = self._done
        payout = self.prepare(_MATURITY, "Q0", 7_000)
        acts: list[Coroutine[Any, Any, Any]] = [
            self.insist(self.collection(3)),
            self.carry_out(self.collection(4)),
            self.insist(payout, BENEFICIARY),
            self.reverse(paid),
            self.cancel(cancelled),
            self.carry_out(self.collection(5, advice=True)),
            self.carry_out(self.collection(6)),
            self.insist(self.collection(7)),
        ]
        self._acts = [ensureDeferred(act) for act in acts]
        return together(self._acts)

    def end(self) -> None:
        """Give up after all: where one act has failed the others go on asking, of whoever listens there."""
        for act in self._acts:
            act.cancel()
        self.reset()

    async def go_over(self) -> None:
        """Afterwards: repeat all that was settled (the same answers must come, or the record raises), do one
        thing more, and agree on the totals.
        """
        for belief in list(self.record.beliefs.values()):
            if belief.code == _PREMIUM:
                answer = await self.insist(belief)
                assert (answer.receipt, answer.state) == (belief.receipt or answer.receipt, belief.state), (
                    answer
                )
        assert (await self.insist(self.collection(8))).state is State.DONE

    async def totals_agree(self, date: str) -> bool:
        """Whether the machine's totals of a date (MMDD) are the bank's."""
        answer = await self.reconcile(date)
        return (answer.fields[39], answer.fields[66]) == ("00", "1")
