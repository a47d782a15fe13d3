"""What customers do at a bank's counters: mostly the usual, and every trouble often enough.

Drives one simulated bank over real sockets, and keeps count. What must come of it, whoever asks compares.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass
from random import Random
from typing import Any

from ledger.files.bookline import DueLine
from simulators.bank import Bank
from simulators.beliefs import Belief, State
from simulators.link import BankError

Visits = tuple[tuple[int, Callable[[Any, DueLine], Coroutine[Any, Any, object]]], ...]
"""What a customer's visit turns into, by cumulated per cent."""


@dataclass(slots=True)
class Customers:
    """One bank's customers; each wants one due settled."""

    bank: Bank
    random: Random
    receipt: str = ""
    repeats: int = 0
    lost_answers: int = 0
    reversals_first: int = 0
    cancels: int = 0

    async def counter(self, waiting: Iterator[DueLine], served: Callable[[], None]) -> None:
        """A coroutine that serves one customer after the other."""
        for due in waiting:
            await self._visit(due)
            served()

    def _visit(self, due: DueLine) -> Coroutine[Any, Any, object]:
        draw = self.random.randrange(100)
        for share, act in self._visits():
            if draw < share:
                return act(self, due)
        return self._usual(due)

    def _visits(self) -> Visits:
        """The kinds of visit with their chances; every other visit is a usual one."""
        return _VISITS

    async def _usual(self, due: DueLine) -> None:
        await self.bank.inquire(due.policy)
        await self._note_receipt(await self._settle(due))

    async def _repeated(self, due: DueLine) -> None:
        """The bank sends everything twice, once as a repeat."""
        first = await self._settle(due)
        again = await self.bank.carry_out(first, due.beneficiary, repeat=True)
        self._count_repeat(first, again)

    def _count_repeat(self, first: Belief, again: Belief) -> None:
        """Raises BankError where the second answer is not the first."""
        self.repeats += 1
        names = ("response", "receipt", "authorization")
        if [getattr(first, name) for name in names] != [getattr(again, name) for name in names]:
            raise BankError(f"a repeat of {first.key} was answered otherwise than the first")

    async def _answer_lost(self, due: DueLine) -> None:
        """The answer is lost and the bank reverses; then the customer pays again."""
        await self.bank.carry_out(self._prepared(due), due.beneficiary, lose=True)
        self.lost_answers += 1
        await self._settle(due)

    async def _reversal_first(self, due: DueLine) -> None:
        """The reversal overtakes its original, which must then have no effect."""
        belief = await self.bank.reverse(self._prepared(due))
        await self.bank.carry_out(belief, due.beneficiary)
        self.reversals_first += 1

    async def _cancelled(self, due: DueLine) -> None:
        belief = await self._settle(due)
        if belief.state is State.DONE:
            await self.bank.cancel(belief)
            self.cancels += 1

    async def _wrong_amount(self, due: DueLine) -> None:
        await self.bank.settle(due.code, due.policy, due.amount + 1, due=due.due, identity=due.beneficiary)

    async def _advised(self, due: DueLine) -> None:
        """The bank took the money while its link was down, and advises it afterwards."""
        await self.bank.settle(
            due.code, due.policy, due.amount, due=due.due, identity=due.beneficiary, advice=True
        )

    def _prepared(self, due: DueLine) -> Belief:
        return self.bank.prepare(due.code, due.policy, due.amount, due=due.due)

    async def _settle(self, due: DueLine) -> Belief:
        return await self.bank.carry_out(self._prepared(due), due.beneficiary)

    async def _note_receipt(self, belief: Belief) -> None:
        """Keep one receipt to show, and ask for it again as a teller would."""
        if not self.receipt and belief.receipt:
            answer = await self.bank.receipt(belief.receipt)
            self.receipt = answer.fields[62]


_VISITS: Visits = (
    (12, Customers._repeated),
    (20, Customers._answer_lost),
    (26, Customers._reversal_first),
    (31, Customers._cancelled),
    (34, Customers._wrong_amount),
    (37, Customers._advised),
)
