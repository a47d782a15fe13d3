"""Banks that trade through a balancer while nodes and databases die, and go on until every outcome is known.

Each link that ends is opened anew; each transaction without an answer is reversed, and the reversal repeated
until it is answered (PROTOCOL section 6). What must come of it is simulators.cluster.verdict's.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from random import Random
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.defer import TimeoutError as DeferredTimeout
from twisted.internet.error import ConnectError, ConnectionClosed, ConnectionLost
from twisted.internet.task import deferLater

from ledger.bookfile import DueLine
from protocol.message import Message
from simulators.bank import Bank, BankError, BankProfile, SignOnRefusedError, together
from simulators.beliefs import Belief, State

LINKS_A_BANK = 6
AT_ONCE = 12
"""Counters that serve customers at the same time, at each bank."""
ANSWER_SECONDS = 10
RETRY_SECONDS = 0.1
_LINK_SECONDS = 0.05
_APPROVED = "00"


class SteadyBank(Bank):
    """A bank whose links are kept open by one who does nothing else, and which notes when it was told yes."""

    def __init__(
        self,
        profile: BankProfile,
        reactor: Any,  # noqa: ANN401 - reactors have no one type
        now: Callable[[], datetime],
        first_stan: int,
    ) -> None:
        super().__init__(profile, reactor, now, ANSWER_SECONDS, first_stan, RETRY_SECONDS)
        self.approved_at: list[float] = []
        self.reconnected = 0
        self.codes: dict[str, int] = {}
        self.reactor = reactor
        self._closing = False

    async def _ask(self, message: Message) -> Message:
        link = self._link_or_none()
        if link is None:
            raise ConnectionLost("no link is open now")
        answer = await link.ask(message).addTimeout(self._answer_seconds, self._reactor)
        code = answer.fields[39]
        self.codes[code] = self.codes.get(code, 0) + 1
        if code == _APPROVED:
            self.approved_at.append(self._reactor.seconds())
        return answer

    async def keep_links(self) -> None:
        """Open a link for each that has ended, until `close`."""
        while not self._closing:
            self.links[:] = [link for link in self.links if link.is_open]
            if len(self.links) < LINKS_A_BANK:
                try:
                    self.links.append(await self._open())
                    self.reconnected += 1
                    continue
                except (DeferredTimeout, ConnectionClosed, ConnectError, SignOnRefusedError):
                    pass  # no node takes it now: the next try is soon
            await deferLater(self._reactor, _LINK_SECONDS)

    def close(self) -> None:
        """End every link, and open none any more."""
        self._closing = True
        for link in self.links:
            link.transport.abortConnection()


@dataclass(slots=True)
class Counters:
    """One bank's counters, and how often what happened there."""

    bank: SteadyBank
    random: Random
    pause_seconds: float = 0
    repeats: int = 0
    lost_answers: int = 0
    reversals_first: int = 0
    cancels: int = 0

    async def serve(self, waiting: Iterator[DueLine], is_over: Callable[[], bool]) -> None:
        """One customer after the other."""
        for due in waiting:
            if is_over():
                return
            await self._visit(due)
            if self.pause_seconds:
                await deferLater(self.bank.reactor, self.pause_seconds)

    def _visit(self, due: DueLine) -> Coroutine[Any, Any, object]:
        draw = self.random.randrange(100)
        for share, act in _VISITS:
            if draw < share:
                return act(self, due)
        return self._settle(due)

    def _prepared(self, due: DueLine) -> Belief:
        return self.bank.prepare(due.code, due.policy, due.amount, due=due.due)

    def _settle(self, due: DueLine) -> Coroutine[Any, Any, Belief]:
        return self.bank.carry_out(self._prepared(due), due.beneficiary)

    async def _repeated(self, due: DueLine) -> None:
        """Everything is sent twice: the second answer must be the first, whichever node it is of."""
        first = await self._settle(due)
        if first.state not in (State.DONE, State.REFUSED):
            return
        again = await self.bank.carry_out(first, due.beneficiary, repeat=True)
        if again.state is not first.state:
            return  # no answer came, and it was reversed
        self.repeats += 1
        names = ("response", "receipt", "authorization")
        if [getattr(first, name) for name in names] != [getattr(again, name) for name in names]:
            raise BankError(f"a repeat of {first.key} was answered otherwise than the first")

    async def _answer_lost(self, due: DueLine) -> None:
        """The answer never reaches the bank, which reverses; then the customer pays again."""
        await self.bank.carry_out(self._prepared(due), due.beneficiary, lose=True)
        self.lost_answers += 1
        await self._settle(due)

    async def _reversal_first(self, due: DueLine) -> None:
        """The reversal overtakes its original, which must then have no effect."""
        belief = await self.bank.reverse(self._prepared(due))
        await self.bank.carry_out(belief, due.beneficiary)
        self.reversals_first += 1

    async def _overtaken(self, due: DueLine) -> None:
        """Original and reversal are under way at once, on two links: perhaps on two nodes."""
        belief = self._prepared(due)
        original = Deferred.fromCoroutine(self.bank.carry_out(belief, due.beneficiary))
        await together([original, Deferred.fromCoroutine(self.bank.reverse(belief))])

    async def _cancelled(self, due: DueLine) -> None:
        belief = await self._settle(due)
        if belief.state is State.DONE:
            await self.bank.cancel(belief)
            self.cancels += 1

    async def _advised(self, due: DueLine) -> None:
        """The bank took the money while its link was down, and tells afterwards."""
        belief = self.bank.prepare(due.code, due.policy, due.amount, due=due.due, advice=True)
        await self.bank.carry_out(belief, due.beneficiary)


_VISITS: tuple[tuple[int, Callable[[Counters, DueLine], Coroutine[Any, Any, object]]], ...] = (
    (12, Counters._repeated),
    (18, Counters._answer_lost),
    (23, Counters._reversal_first),
    (28, Counters._overtaken),
    (32, Counters._cancelled),
    (35, Counters._advised),
)
"""What a customer's visit turns into, by cumulated per cent; the rest is the usual."""


@dataclass(slots=True)
class Traffic:
    """All banks at once. Every method is called in the reactor's thread."""

    reactor: Any
    banks: Sequence[Counters]
    _running: list[Deferred[Any]] = field(default_factory=list)
    _kept: list[Deferred[Any]] = field(default_factory=list)
    _over: bool = False

    def start(self, waiting: Sequence[Iterator[DueLine]]) -> None:
        """Let each bank serve the customers who wait for it."""
        for counters, dues in zip(self.banks, waiting, strict=True):
            self._kept.append(Deferred.fromCoroutine(counters.bank.keep_links()))
            for _ in range(AT_ONCE):
                self._running.append(Deferred.fromCoroutine(counters.serve(dues, lambda: self._over)))

    def finish(self) -> Deferred[Any]:
        """Serve nobody new; fires when every outcome is known. Fails with what a counter failed with."""
        self._over = True
        return together(self._running)

    def close(self) -> Deferred[Any]:
        """End every link."""
        for counters in self.banks:
            counters.bank.close()
        return together(self._kept)

    def told_yes(self) -> int:
        """How often banks were told yes so far."""
        return sum(len(counters.bank.approved_at) for counters in self.banks)

    def approvals(self) -> list[float]:
        """When banks were told yes, in order, by the reactor's clock."""
        return sorted(moment for counters in self.banks for moment in counters.bank.approved_at)

    def pause_around(self, moment: float) -> float:
        """Seconds from the last approval before a moment to the first after it; 0 where there is none."""
        told = self.approvals()
        before = [one for one in told if one <= moment]
        after = [one for one in told if one > moment]
        return min(after) - max(before) if before and after else 0

    def longest_pause(self, since: float, until: float) -> float:
        """The longest time without an approval between two moments."""
        told = [since, *(one for one in self.approvals() if since < one < until), until]
        return max(later - earlier for earlier, later in pairwise(told))
