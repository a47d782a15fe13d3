"""What a load asks: acts drawn from a mix, each on a due of the book that nobody else has.

Drives simulated banks, which do what a bank must: what has no answer is reversed before its act ends. Times
and latencies are the driver's.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from itertools import cycle
from random import Random
from typing import Any

from twisted.internet.defer import Deferred

from ledger.files.bookfile import Book
from ledger.files.bookline import DueLine
from protocol.message import Message
from simulators.bank import Bank
from simulators.beliefs import Belief, State
from simulators.profile import BankProfile

ACTS = ("inquiry", "collect", "pay", "cancel")
NO_ANSWER = "no answer"


class LoadBank(Bank):
    """A bank that counts its answers by the MTI of the request and DE 39."""

    def __init__(
        self,
        profile: BankProfile,
        reactor: Any,  # noqa: ANN401 - reactors have no one type
        now: Callable[[], datetime],
        answer_seconds: float,
        first_stan: int,
    ) -> None:
        super().__init__(profile, reactor, now, answer_seconds, first_stan)
        self.outcomes: Counter[tuple[str, str]] = Counter()

    async def _ask(self, message: Message) -> Message:
        code = NO_ANSWER
        try:
            answer = await super()._ask(message)
            code = answer.fields[39]
        finally:
            self.outcomes[message.mti, code] += 1
        return answer


class Share:
    """One bank's part of the book: what it may still collect and pay, and what it may cancel."""

    def __init__(self, bank: Bank, policies: Sequence[str], dues: Sequence[DueLine]) -> None:
        self.bank = bank
        self.policies = policies
        self.premiums = deque(due for due in dues if due.kind == "premium")
        self.benefits = deque(due for due in dues if due.kind == "benefit")
        self.collected: deque[tuple[Belief, DueLine]] = deque()

    def can(self, act: str) -> bool:
        """Whether something is left in this share to do the act on."""
        left = {"collect": self.premiums, "pay": self.benefits, "cancel": self.collected}
        return bool(left.get(act, self.policies))

    async def collect(self) -> None:
        """Collect the next premium."""
        due = self.premiums.popleft()
        belief = await self._settle(due)
        if belief.state is State.DONE:
            self.collected.append((belief, due))

    async def pay(self) -> None:
        """Pay the next benefit."""
        await self._settle(self.benefits.popleft())

    async def cancel(self) -> None:
        """Cancel the oldest collection of this run; its premium may be collected again."""
        belief, due = self.collected.popleft()
        if (await self.bank.cancel(belief)).state is State.DONE:
            self.premiums.append(due)

    async def _settle(self, due: DueLine) -> Belief:
        return await self.bank.settle(due.code, due.policy, due.amount, due=due.due, identity=due.beneficiary)


class Mix:
    """Chooses acts by weight, one after the other, over all banks in turn. The same seed gives the same acts
    and dues in the same order; with another seed a run meets dues that an earlier run has not settled.
    """

    def __init__(self, weights: Mapping[str, int], banks: Sequence[Bank], book: Book, seed: int) -> None:
        self._random = Random(seed)
        policies = [policy.policy for policy in book.policies]
        dues = self._random.sample(book.dues, len(book.dues))
        self._shares = tuple(
            Share(bank, policies[place :: len(banks)], dues[place :: len(banks)])
            for place, bank in enumerate(banks)
        )
        self._turn = cycle(self._shares)
        self._acts, self._weights = tuple(weights), tuple(weights.values())
        self.instead = 0
        """How often an inquiry was asked because there was nothing left to do the drawn act on."""

    def begin(self) -> Deferred[str]:
        """Start the next act; fires with its name when its outcome is known."""
        share = next(self._turn)
        act = self._random.choices(self._acts, self._weights)[0]
        if not share.can(act):
            self.instead += 1
            act = "inquiry"
        return Deferred.fromCoroutine(self._act(share, act))

    async def _act(self, share: Share, act: str) -> str:
        if act == "inquiry":
            await share.bank.inquire(self._random.choice(share.policies))
        elif act == "collect":
            await share.collect()
        elif act == "pay":
            await share.pay()
        else:
            await share.cancel()
        return act
