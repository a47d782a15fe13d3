"""Banks that trade through a balancer while nodes and databases die, and go on until every outcome is
known.

Each link that ends is opened again. Each transaction without an answer is reversed, and the reversal repeated
until it is answered (docs/protocol.md section 6). `simulators.cluster.verdict` judges what comes of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from typing import Any, NoReturn

from twisted.internet.defer import Deferred
from twisted.internet.defer import TimeoutError as DeferredTimeout
from twisted.internet.error import ConnectionLost
from twisted.internet.task import deferLater

from ledger.files.bookline import DueLine
from protocol.message import Message
from simulators.bank import NO_ANSWER, Bank, together
from simulators.beliefs import State
from simulators.days.customers import Customers, Visits
from simulators.link import BankLink
from simulators.profile import BankProfile

LINKS_A_BANK = 6
AT_ONCE = 12
"""Counters that serve customers at the same time, at each bank."""
ANSWER_SECONDS = 10
RETRY_SECONDS = 0.1
_LINK_SECONDS = 0.05
_APPROVED = "00"


class SteadyBank(Bank):
    """A bank whose links one coroutine keeps open, and which notes the time of each approval."""

    def __init__(
        self,
        profile: BankProfile,
        reactor: Any,  # noqa: ANN401 - reactors have no one type
        now: Callable[[], datetime],
        first_stan: int,
    ) -> None:
        super().__init__(profile, reactor, now, ANSWER_SECONDS, first_stan, RETRY_SECONDS)
        self.approved_at: list[float] = []
        self.codes: dict[str, int] = {}
        self.reactor = reactor
        self._closing = False

    async def _some_link(self) -> BankLink:
        """An open link; it opens none, since `keep_links` does."""
        link = self._link_or_none()
        if link is None:
            raise ConnectionLost("no link is open now")
        return link

    async def _ask(self, message: Message) -> Message:
        answer = await super()._ask(message)
        code = answer.fields[39]
        self.codes[code] = self.codes.get(code, 0) + 1
        if code == _APPROVED:
            self.approved_at.append(self._reactor.seconds())
        return answer

    async def keep_links(self) -> None:
        """Open a link for each that has ended, until `close`; then close them all."""
        try:
            while not self._closing:
                self.links[:] = [link for link in self.links if link.is_open]
                if len(self.links) < LINKS_A_BANK:
                    try:
                        self.links.append(await self._open())
                        continue
                    except NO_ANSWER:
                        pass  # no node takes it now: the next try is soon
                await deferLater(self._reactor, _LINK_SECONDS)
        finally:
            self.close()  # also the one that was being opened

    def close(self) -> None:
        """Close every link, and open no other."""
        self._closing = True
        for link in self.links:
            link.abort()


@dataclass(slots=True)
class Counters(Customers):
    """One bank's counters. An answer may never come there, and the answer to a repeat neither."""

    bank: SteadyBank
    pause_seconds: float = 0

    async def serve(self, waiting: Iterator[DueLine], is_over: Callable[[], bool]) -> None:
        """One customer after the other."""
        for due in waiting:
            if is_over():
                return
            await self._visit(due)
            if self.pause_seconds:
                await deferLater(self.bank.reactor, self.pause_seconds)

    def _visits(self) -> Visits:
        return _VISITS

    async def _usual(self, due: DueLine) -> None:
        """Collect or pay without an inquiry before: that would have no answer where a node dies."""
        await self._settle(due)

    async def _repeated(self, due: DueLine) -> None:
        """Send everything twice: the second answer must equal the first, whichever node gives it."""
        first = await self._settle(due)
        if first.state not in (State.DONE, State.REFUSED):
            return
        again = await self.bank.carry_out(first, due.beneficiary, repeat=True)
        if again.state is first.state:  # else no answer came, and it was reversed
            self._count_repeat(first, again)

    async def _overtaken(self, due: DueLine) -> None:
        """Send original and reversal at once on two links, perhaps to two nodes."""
        belief = self._prepared(due)
        original = Deferred.fromCoroutine(self.bank.carry_out(belief, due.beneficiary))
        await together([original, Deferred.fromCoroutine(self.bank.reverse(belief))])


_VISITS: Visits = (
    (12, Counters._repeated),
    (18, Counters._answer_lost),
    (23, Counters._reversal_first),
    (28, Counters._overtaken),
    (32, Counters._cancelled),
    (35, Counters._advised),
)


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

    def finish(self, seconds: float | None = None) -> Deferred[Any]:
        """Serve no more customers; fires when every outcome is known. Fails with a counter's failure, or with
        TimeoutError where outcomes are still unknown after so many seconds; then no bank goes on asking.
        """
        self._over = True
        finished = together(self._running)
        return finished if seconds is None else finished.addTimeout(seconds, self.reactor, _too_late)

    def close(self) -> Deferred[Any]:
        """End every link."""
        for counters in self.banks:
            counters.bank.close()
        return together(self._kept)

    def told_yes(self) -> int:
        """The number of approvals that banks have received so far."""
        return sum(len(counters.bank.approved_at) for counters in self.banks)

    def approvals(self) -> list[float]:
        """The times of all approvals that banks have received, in order, by the reactor's clock (s)."""
        return sorted(moment for counters in self.banks for moment in counters.bank.approved_at)

    def pause_around(self, moment: float) -> float:
        """Seconds from the last approval before a moment to the first after it; 0 where there is none."""
        approvals = self.approvals()
        before = [approval for approval in approvals if approval <= moment]
        after = [approval for approval in approvals if approval > moment]
        return min(after) - max(before) if before and after else 0

    def longest_pause(self, since: float, until: float) -> float:
        """The longest time without an approval between two moments."""
        approvals = [since, *(approval for approval in self.approvals() if since < approval < until), until]
        return max(later - earlier for earlier, later in pairwise(approvals))


def _too_late(_: object, seconds: float) -> NoReturn:
    raise DeferredTimeout(seconds, "not every outcome is known")
