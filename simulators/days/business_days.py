"""Business days one after the other, at the ledger's own speed: banks and their customers without sockets.

Drives the real front book with every trouble that a day knows, keeps what each bank believes, cuts over,
writes the banks' files with discrepancies in them, and says what a reconciliation must find: by the rules of
docs/protocol.md and docs/day.md only, never by asking the code that is to find it. Everything follows from
one seeded random.Random.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from random import Random
from typing import NamedTuple

from ledger.book.cutover import Cutover, cut_over
from ledger.book.front import FrontBook
from ledger.book.load import Loaded, load_book
from ledger.book.store import Store
from ledger.files import bookfile, sample
from ledger.files.bankline import BankLine
from ledger.files.bookline import DueLine
from ledger.rules.break_classes import BreakClass
from ledger.rules.dues import KINDS, Policy
from ledger.rules.request import Act, Answer, Request, key_of
from ledger.rules.seal import Sealer
from protocol.responses import Response
from simulators.beliefs import Belief, Meaning, Record
from simulators.days import dayfile
from simulators.days.discrepancies import Counts, Expected, effect, seed
from simulators.messages import CANCEL_CODE

BATCH = 64
_OPENING = timedelta(hours=8)
_CLOSING = timedelta(hours=22)
_NEAR = timedelta(minutes=5)
"""A day's last customers come within this time before the cut-over."""


class Asked(NamedTuple):
    """One request on its way, and the function that takes its answer."""

    request: Request
    heard: Callable[[Answer], None]


@dataclass(slots=True)
class BankSide:
    """One bank: its record, what it does tomorrow, and what the reconciliation must report of its files."""

    code: str
    record: Record
    late_reversals: list[Belief] = field(default_factory=list)
    late_advices: list[tuple[Belief, DueLine]] = field(default_factory=list)
    moved: list[BankLine] = field(default_factory=list)
    near: set[str] = field(default_factory=set)
    touched: set[str] = field(default_factory=set)
    opens: dict[str, list[Expected]] = field(default_factory=dict)
    closes: dict[str, list[str]] = field(default_factory=dict)
    exception_advices: dict[str, list[Expected]] = field(default_factory=dict)

    def key(self, belief: Belief) -> str:
        """The key of a transaction of this bank."""
        return key_of(self.code, *belief.key)


class Days:
    """Business days over one front book."""

    def __init__(
        self,
        store: Store,
        front: FrontBook,
        sealer: Sealer,
        mask: Callable[[str], str],
        random: Random,
        banks: Sequence[str],
        next_date: Callable[[str], str],
    ) -> None:
        self.loaded: list[bytes] = []  # the files of dues, in order
        self._store = store
        self._front = front
        self._sealer = sealer
        self._mask = mask
        self._random = random
        self._next_date = next_date
        self.banks = tuple(BankSide(code, Record(code)) for code in banks)
        self.date = ""
        self.policies: dict[str, Policy] = {}
        self.unpaid: dict[str, DueLine] = {}
        self._stans = count(1)
        self._now = datetime(2000, 1, 1, tzinfo=UTC)

    # The dues.

    def first_book(self, date: str, policies: int) -> Loaded:
        """Load a book of so many policies and open its business day."""
        entries = tuple(sample.make(self._random, policies, date))
        return self._load(date, b"".join(bookfile.write(date, entries)))

    def next_book(self) -> Loaded:
        """Load the dues of the open day."""
        following = sample.follow(
            self._random, tuple(self.policies.values()), tuple(self.unpaid.values()), self.date
        )
        return self._load(
            self.date, b"".join(bookfile.write(self.date, following.entries, following.withdrawn))
        )

    def _load(self, date: str, data: bytes) -> Loaded:
        self.loaded.append(data)
        book = bookfile.parse(data)
        loaded = load_book(self._store, book, self._mask, self._us())
        self._begin(date)
        lapsing = {policy.policy for policy in book.policies if policy.state in ("lapsed", "terminated")}
        leaving = {due.due for due in book.withdrawn}
        leaving |= {
            name for name, due in self.unpaid.items() if due.kind == "premium" and due.policy in lapsing
        }
        self.unpaid = {name: due for name, due in self.unpaid.items() if name not in leaving}
        self.unpaid.update((due.due, due) for due in book.dues if due.policy not in lapsing)
        self.policies.update((policy.policy, policy) for policy in book.policies)
        return loaded

    def _begin(self, date: str) -> None:
        if date != self.date:
            self.date = date
            self._now = datetime.strptime(date, "%Y%m%d").replace(tzinfo=UTC) + _OPENING

    # The day's business.

    def trade(self, customers: int) -> None:
        """Serve so many customers at each bank; the last tenth of them comes shortly before the cut-over."""
        self._late_events()
        waiting = self._customers(customers)
        early = waiting[: len(waiting) * 9 // 10]
        self._serve(early)
        self._now = datetime.strptime(self.date, "%Y%m%d").replace(tzinfo=UTC) + _CLOSING - _NEAR
        self._serve(waiting[len(early) :], near=True)

    def _customers(self, customers: int) -> list[tuple[BankSide, DueLine]]:
        """The visits: each due has one customer, or two at different banks, of whom the second is refused."""
        names = sorted(self.unpaid)
        chosen = self._random.sample(names, min(len(names), customers * len(self.banks)))
        visits = [(self.banks[place % len(self.banks)], self.unpaid[due]) for place, due in enumerate(chosen)]
        twice = [(self._random.choice(self.banks), due) for _, due in visits[: len(visits) // 20]]
        visits += twice
        self._random.shuffle(visits)
        return visits

    def _serve(self, visits: Sequence[tuple[BankSide, DueLine]], *, near: bool = False) -> None:
        """Commit all requests: each customer's in order, those of different customers together."""
        threads = [self._visit(bank, due, near=near) for bank, due in visits]
        while threads:
            asked, running = [], []
            for thread in threads[:BATCH]:
                pending = next(thread, None)
                if pending is not None:
                    asked.append(pending)
                    running.append(thread)
            self._commit(asked)
            threads = running + threads[BATCH:]

    def _commit(self, asked: Sequence[Asked]) -> None:
        if not asked:
            return
        self._now += timedelta(milliseconds=20)
        answers = self._front.commit([pending.request for pending in asked], self._us())
        for pending, answer in zip(asked, answers, strict=True):
            pending.heard(answer)

    def _visit(self, bank: BankSide, due: DueLine, *, near: bool) -> Iterator[Asked]:
        draw = self._random.randrange(100)
        for share, act in _ACTS:
            if draw < share:
                yield from act(self, bank, due)
                return
        belief = self._prepared(bank, due)
        yield self._settle(bank, belief, due)
        if near and bank.record.beliefs[belief.key].date:
            bank.near.add(bank.key(belief))

    def _usual_twice(self, bank: BankSide, due: DueLine) -> Iterator[Asked]:
        belief = self._prepared(bank, due)
        yield self._settle(bank, belief, due)
        yield self._settle(bank, belief, due)

    def _answer_lost(self, bank: BankSide, due: DueLine) -> Iterator[Asked]:
        """The answer is lost and the bank reverses; it learns the date of the reversal only."""
        belief = self._prepared(bank, due)
        yield Asked(self._request(bank, belief, due), lambda answer: self._paid(answer, due))
        yield self._reverse(bank, belief, due)
        yield self._reverse(bank, belief, due)

    def _reversal_first(self, bank: BankSide, due: DueLine) -> Iterator[Asked]:
        belief = self._prepared(bank, due)
        yield self._reverse(bank, belief, due)
        yield self._settle(bank, belief, due)

    def _cancelled(self, bank: BankSide, due: DueLine) -> Iterator[Asked]:
        belief = self._prepared(bank, due)
        yield self._settle(bank, belief, due)
        if bank.record.beliefs[belief.key].date:
            yield self._cancel(bank, belief, due)

    def _wrong_amount(self, bank: BankSide, due: DueLine) -> Iterator[Asked]:
        wrong = due._replace(amount=due.amount + 1)
        yield self._settle(bank, self._prepared(bank, wrong), wrong)

    def _advised(self, bank: BankSide, due: DueLine) -> Iterator[Asked]:
        """The bank took the money while its link was down, and advises it; an advice that does not fit the
        book is recorded all the same.
        """
        yield self._advise(bank, self._prepared(bank, due, "0220"), due)

    def _exception_advice(self, bank: BankSide, due: DueLine) -> Iterator[Asked]:
        wrong = due._replace(amount=due.amount + 100)
        yield self._advise(bank, self._prepared(bank, wrong, "0220"), wrong)

    def _undone_tomorrow(self, bank: BankSide, due: DueLine) -> Iterator[Asked]:
        belief = self._prepared(bank, due)
        yield self._settle(bank, belief, due)
        if bank.record.beliefs[belief.key].date:
            bank.late_reversals.append(bank.record.beliefs[belief.key])

    def _told_tomorrow(self, bank: BankSide, due: DueLine) -> Iterator[Asked]:
        """The bank advises today's money tomorrow: its file has it today, our journal tomorrow."""
        belief = self._prepared(bank, due, "0220")
        bank.record.keep(belief.after(Meaning.APPROVED, self.date[4:]))
        bank.late_advices.append((belief, due))
        self.unpaid.pop(due.due, None)
        yield from ()

    def _late_events(self) -> None:
        """The reversals and advices left over from the day before."""
        for bank in self.banks:
            reversals, bank.late_reversals = bank.late_reversals, []
            advices, bank.late_advices = bank.late_advices, []
            for belief in reversals:
                if bank.key(belief) not in bank.touched:
                    due = self._due_of(belief)
                    self._commit([self._reverse(bank, belief, due)])
            for belief, due in advices:
                self._commit([self._advise(bank, belief, due)])
                bank.closes.setdefault(self.date, []).append(bank.key(belief))

    @staticmethod
    def _due_of(belief: Belief) -> DueLine:
        return DueLine(belief.due, belief.policy, belief.code, KINDS[belief.code], "", belief.amount, "")

    # Requests, and what the banks make of the answers.

    def _prepared(self, bank: BankSide, due: DueLine, mti: str = "0200") -> Belief:
        stan = f"{next(self._stans) % 1_000_000:06d}"
        sent_at = f"{self._now:%Y%m%d%H%M%S}"
        terminal = f"T{self._random.randrange(1, 5):07d}"
        rrn = f"{stan}{self._random.randrange(10**6):06d}"
        belief = Belief(
            mti, due.code, terminal, "BRANCH000000001", sent_at, stan, rrn, due.policy, due.due, due.amount
        )
        return bank.record.keep(belief)

    def _request(self, bank: BankSide, belief: Belief, due: DueLine) -> Request:
        act = Act.COLLECT if KINDS[belief.code] == "premium" else Act.PAY
        return self._plain(bank, belief)._replace(
            act=act,
            advice=belief.mti == "0220",
            due=belief.due,
            policy=belief.policy,
            identity=self._mask(due.beneficiary) if due.beneficiary else "",
        )

    @staticmethod
    def _plain(bank: BankSide, belief: Belief) -> Request:
        return Request(
            key=bank.key(belief),
            act=Act.COLLECT,
            bank=bank.code,
            mti=belief.mti,
            code=belief.code,
            terminal=belief.terminal,
            branch=belief.branch,
            stan=belief.stan,
            sent_at=belief.sent_at,
            local_at=belief.sent_at,
            rrn=belief.rrn,
            amount=belief.amount,
            currency="156",
            content=f"{belief.stan}{belief.sent_at}{belief.amount}",
        )

    def _settle(self, bank: BankSide, belief: Belief, due: DueLine) -> Asked:
        def heard(answer: Answer) -> None:
            now = bank.record.beliefs[belief.key]
            approved = answer.response is Response.APPROVED
            after = now.after(Meaning.APPROVED if approved else Meaning.REFUSED, answer.business_date[4:])
            bank.record.keep(after)
            if approved:
                self._paid(answer, due)

        return Asked(self._request(bank, belief, due), heard)

    def _paid(self, answer: Answer, due: DueLine) -> None:
        if answer.response is Response.APPROVED:
            self.unpaid.pop(due.due, None)

    def _advise(self, bank: BankSide, belief: Belief, due: DueLine) -> Asked:
        """An advice is never refused; one whose answer names no due's date fitted none."""

        def heard(answer: Answer) -> None:
            now = bank.record.beliefs[belief.key]
            bank.record.keep(now.after(Meaning.APPROVED, answer.business_date[4:]))
            if answer.due_date:
                self._paid(answer, due)
            else:
                signed = belief.amount if KINDS[belief.code] == "premium" else -belief.amount
                whole = Expected(BreakClass.EXCEPTION_ADVICE, bank.key(belief), signed)
                bank.exception_advices.setdefault(answer.business_date, []).append(whole)

        return Asked(self._request(bank, belief, due), heard)

    def _reverse(self, bank: BankSide, belief: Belief, due: DueLine) -> Asked:
        own = self._prepared_act(belief)
        request = self._plain(bank, own)._replace(act=Act.REVERSE, mti="0400", original=bank.key(belief))

        def heard(answer: Answer) -> None:
            now = bank.record.beliefs[belief.key]
            undone = answer.response is Response.APPROVED
            after = now.after(Meaning.UNDONE if undone else Meaning.NO_ORIGINAL, answer.business_date[4:])
            bank.record.keep(after)
            if (undone and due.due in self.unpaid) or not undone:
                return
            self._free(due)

        return Asked(request, heard)

    def _cancel(self, bank: BankSide, belief: Belief, due: DueLine) -> Asked:
        own = self._prepared_act(belief)
        request = self._plain(bank, own)._replace(
            act=Act.CANCEL, mti="0200", code=CANCEL_CODE, original=bank.key(belief), policy=belief.policy
        )

        def heard(answer: Answer) -> None:
            if answer.response is Response.APPROVED:
                now = bank.record.beliefs[belief.key]
                bank.record.keep(now.after(Meaning.UNDONE, answer.business_date[4:]))
                self._free(due)

        return Asked(request, heard)

    def _prepared_act(self, belief: Belief) -> Belief:
        """A reversal or cancel under a key of its own, at the original's terminal."""
        stan = f"{next(self._stans) % 1_000_000:06d}"
        moment = f"{self._now:%m%d%H%M%S}"
        return Belief(
            "0400",
            belief.code,
            belief.terminal,
            belief.branch,
            moment,
            stan,
            f"{stan}000000",
            "",
            "",
            belief.amount,
        )

    def _free(self, due: DueLine) -> None:
        """Mark a due as open again; one whose due date is not known is left alone."""
        if due.due_date:
            self.unpaid[due.due] = due

    # The day's end.

    def cut_over(self) -> Cutover:
        """Close the business day and begin the next."""
        self._now = datetime.strptime(self.date, "%Y%m%d").replace(tzinfo=UTC) + _CLOSING
        closed = cut_over(self._store, self.date, self._next_date, self._sealer, self._us())
        self._begin(closed.next_date)
        return closed

    def lines(self, code: str, date: str, counts: Counts) -> tuple[BankLine, ...]:
        """A bank's lines for a closed date with discrepancies put in; the bank keeps what to report."""
        bank = next(bank for bank in self.banks if bank.code == code)
        own = tuple(dayfile.lines(bank.record, date[4:]))
        moved, bank.moved = bank.moved, []
        plain = [line for line in own if not self._is_special(bank, line, date)]
        special = [line for line in own if self._is_special(bank, line, date)]
        seeded = seed(bank.code, plain, bank.near, self._random, counts)
        bank.near.clear()
        opens = bank.opens.setdefault(date, [])
        opens += [
            expectation._replace(cls=BreakClass.OURS_ONLY)
            if expectation.cls is BreakClass.TIMING
            else expectation
            for expectation in seeded.expected
        ]
        bank.touched |= {expectation.key for expectation in seeded.expected}
        opens += [
            Expected(BreakClass.BANK_ONLY, bank.key(belief), effect(line))
            for belief, line in self._not_told_yet(bank, special)
        ]
        bank.closes.setdefault(date, []).extend(self._line_key(bank, line) for line in moved)
        bank.moved = list(seeded.tomorrow)
        lines = (*seeded.lines, *special, *moved)
        return tuple(line._replace(line=number) for number, line in enumerate(lines, 1))

    def _is_special(self, bank: BankSide, line: BankLine, date: str) -> bool:
        """Whether a line concerns the day before or after too: such a line gets no discrepancy of its own."""
        belief = bank.record.beliefs[line.terminal, line.sent_at, line.stan]
        late = any(belief.key == advice.key for advice, _ in bank.late_advices)
        late = late or any(belief.key == advice.key for advice in bank.late_reversals)
        return late or belief.date not in ("", date[4:]) or belief.mti == "0220"

    def _not_told_yet(self, bank: BankSide, special: Sequence[BankLine]) -> Iterator[tuple[Belief, BankLine]]:
        by_key = {belief.key: belief for belief, _ in bank.late_advices}
        for line in special:
            belief = by_key.get((line.terminal, line.sent_at, line.stan))
            if belief is not None:
                yield belief, line

    @staticmethod
    def _line_key(bank: BankSide, line: BankLine) -> str:
        return key_of(bank.code, line.terminal, line.sent_at, line.stan)

    def _us(self) -> int:
        return int(self._now.timestamp()) * 1_000_000 + self._now.microsecond


def _on_the_day(expected: Expected) -> Expected:
    """What must be reported on the day itself: a line moved to tomorrow's file looks like a lost one until
    then.
    """
    return expected._replace(cls=BreakClass.OURS_ONLY) if expected.cls is BreakClass.TIMING else expected


_ACTS: tuple[tuple[int, Callable[[Days, BankSide, DueLine], Iterator[Asked]]], ...] = (
    (6, Days._usual_twice),
    (13, Days._answer_lost),
    (17, Days._reversal_first),
    (22, Days._cancelled),
    (25, Days._wrong_amount),
    (28, Days._advised),
    (30, Days._exception_advice),
    (33, Days._undone_tomorrow),
    (35, Days._told_tomorrow),
)
"""What a customer's visit turns into, by cumulated per cent; the rest is the usual."""
