"""One run of one seed: joins all parts, causes the planned faults, and asks the oracle.

The only module that knows all the others.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

from twisted.logger import LogLevel, globalLogPublisher
from twisted.python.failure import Failure

from fep.settings.config import Settings
from ledger.errors import LedgerError
from ledger.files.bookfile import PolicyDues, write
from ledger.files.bookline import DueLine
from ledger.rules.dues import Policy
from simulators.world import accounts, closing
from simulators.world.banks import Ask, Bank, BankLink, Deal, Script
from simulators.world.fixture import (
    FIRST_BOOK,
    STRANGER,
    Fixture,
    as_due,
    benefit,
    first_book,
    permitted_otherwise,
    premium,
    settings,
)
from simulators.world.machine import Machine
from simulators.world.misconduct import MISDEEDS
from simulators.world.network import CALM, Host, Network
from simulators.world.observer import Observer
from simulators.world.operator import Operator
from simulators.world.oracle import Oracle
from simulators.world.plan import Plan, draw
from simulators.world.reading import DUES, Terms
from simulators.world.rules import Loading
from simulators.world.scene import Scene, Target
from simulators.world.store import Fault
from simulators.world.walltime import WallTime

_LONGEST = 3000.0
_STEPS = 200_000


def digest(parts: Sequence[tuple[object, ...]]) -> str:
    """A SHA-256 of a run's trace, in hex: equal for two runs if they went alike."""
    return hashlib.sha256("\n".join(map(repr, parts)).encode()).hexdigest()


class RunResult(NamedTuple):
    """The result of a run: no `violations` if all was right; `judged` counts answers."""

    seed: int
    violations: tuple[str, ...]
    judged: int
    virtual_seconds: float
    trace: Sequence[tuple[object, ...]]
    plan: Plan

    @property
    def digest(self) -> str:
        """A digest of the trace: equal for two runs if they went alike."""
        return digest(self.trace)


@dataclass(slots=True)
class World:
    """One run while it goes on."""

    seed: int
    fixture: Fixture
    plan: Plan
    trace: list[tuple[object, ...]] = field(default_factory=list)
    random: Random = field(init=False)
    network: Network = field(init=False)
    oracle: Oracle = field(init=False)
    machine: Machine = field(init=False)
    wall_time: WallTime = field(init=False)
    banks: list[Bank] = field(default_factory=list)
    outside: Host = field(init=False)
    _calm: bool = False

    def __post_init__(self) -> None:
        plan = self.plan
        self.random = Random(f"run {self.seed}")
        self.network = Network(f"run {self.seed}", plan.weather, self._note)
        self.outside = Host(self.network, "outside")
        limits = {terms.code: terms.limit_day for terms in plan.banks}
        self.oracle = Oracle(
            {terms.port: terms for terms in plan.banks},
            first_book(limits, plan.when.dates[0]),
            plan.when.dates,
            self.network.clock.seconds,
            lambda: self.machine.now().date(),
            plan.is_crowded,
        )
        self.network.tap = self.oracle
        self.machine = Machine(
            self._settings(plan.banks),
            self.network,
            Random(f"machine {self.seed}"),
            plan.when.start_at,
            self._look,
            self._fault,
        )
        self.machine.thread_seconds = plan.thread_seconds
        self.machine.on_silence = partial(self.oracle.trouble.note, "silent")
        self.machine.next_faults = self._next_faults
        self.machine.on_killed = self._after_kill
        self.machine.reread = self._other_settings
        self.wall_time = WallTime(
            plan.when, self.machine, self.network.clock, self.oracle, self._order, self.fixture
        )

    def _note(self, event: str, number: int, data: object) -> None:
        if isinstance(data, str):
            data = data.replace(str(self.fixture.folder), "")  # another one in each process
        self.trace.append((self.network.clock.seconds(), event, number, data))

    def _look(self) -> None:
        self.oracle.look()

    def _settings(self, banks: Sequence[Terms]) -> Settings:
        plan = self.plan
        return settings(self.fixture, banks, plan.limits, plan.hour, plan.rate)

    # The run.

    def run(self) -> RunResult:
        """Run to the end and return the result."""
        self.fixture.fresh(self.fixture.database, self.plan.when.dates[0])
        observer = Observer(self.fixture.database, self.oracle.say)
        globalLogPublisher.addObserver(self._logged)
        try:
            self.oracle.attach(observer)
            with self.machine.at_hand():
                self.wall_time.start()
                self._schedule()
                self._until(self.plan.seconds)
                self._quieten()
                self._until_idle()
                self.oracle.finish()
                self._compare()
                if self.plan.office and not self.oracle.violations:
                    self._last_cutover()
            if self.plan.office and not self.oracle.violations:
                self._close_books()
        finally:
            globalLogPublisher.removeObserver(self._logged)
            observer.close()
        return RunResult(
            self.seed,
            tuple(self.oracle.violations),
            self.oracle.judged,
            self.network.clock.seconds(),
            self.trace,
            self.plan,
        )

    def _until(self, seconds: float) -> None:
        network, oracle = self.network, self.oracle
        for _ in range(_STEPS):
            if oracle.violations or network.clock.calls[0].getTime() > seconds:
                return
            network.step()
        oracle.say("the run does not end")

    def _until_idle(self) -> None:
        """Go on until every teller is done, and then long enough for every answer."""
        begun = self.network.clock.seconds()
        while not self.oracle.violations and any(bank.busy for bank in self.banks):
            if self.network.clock.seconds() - begun > _LONGEST:
                self.oracle.say("a teller never comes to an end")
                return
            self._until(self.network.clock.seconds() + 10.0)
        self._until(self.network.clock.seconds() + 30.0)
        while self.oracle.is_waiting and self.network.clock.seconds() - begun < _LONGEST:
            if self.oracle.violations:
                return
            self._until(self.network.clock.seconds() + 20.0)

    def _schedule(self) -> None:
        plan, random = self.plan, self.random
        for place, terms in enumerate(plan.banks):
            self.banks.append(self._bank(place, terms))
        for bank in self.banks:
            bank.open()
            for _ in range(plan.tellers):
                bank.employ(self._script(bank), plan.seconds * random.random())
            bank.employ(self._end_of_day(bank), plan.seconds * random.random())
        self.wall_time.schedule()
        for at in plan.kills:
            self.network.clock.callLater(at, self.machine.kill)
        for at in plan.stops:
            self.network.clock.callLater(at, self._stop)
        for at in plan.cutovers:
            self.network.clock.callLater(at, self._order_cutover)
        for at in plan.reloads:
            self.network.clock.callLater(at, self._order, {"command": "reload"})
        for at in plan.unlocks:
            self.network.clock.callLater(at, self._order_unlock)
        if plan.loads and (plan.cutovers or plan.hour):
            for _ in range(3):
                self.network.clock.callLater(plan.seconds * random.random(), self._order_load)

    def _bank(self, place: int, terms: Terms) -> Bank:
        random = Random(f"bank {self.seed} {place}")
        address = f"10.0.{place}.1"

        def dial(link: BankLink) -> None:
            self.network.connect(self.outside, terms.port, link, address)

        return Bank(
            terms,
            self.outside,
            random,
            lambda: self.wall_time.true().strftime("%Y%m%d%H%M%S"),
            dial,
            lambda text: self.oracle.say(f"bank {terms.code}: {text}"),
            random.choice((1, 2)),
            random.choice((3.0, 30.0)),
            random.random() < 0.5,
            random.random() < 0.8,
        )

    def _script(self, bank: Bank) -> Script:
        plan, random = self.plan, bank.random
        target = random.choice(plan.targets)
        if random.random() < plan.misconduct:
            misdeed = random.choice([MISDEEDS[name] for name in plan.acts])
            others = [other for other in self.banks if other is not bank]
            return misdeed(Scene(bank, others, target, STRANGER))
        return self._honest(bank, target)

    @staticmethod
    def _honest(bank: Bank, target: Target) -> Script:
        """The script of an honest customer at a terminal."""
        random = bank.random
        if target.code not in bank.terms.transactions:
            return
        advice = random.random() < 0.1
        deal = bank.deal(
            target.code, target.policy, target.due, target.amount, advice=advice, identity=target.identity
        )
        yield from bank.settle(deal)
        if random.random() < 0.3:
            yield from bank.inquire_outcome(deal)
        if deal.state == "done" and random.random() < 0.4:
            yield 20.0 * random.random()
            yield from World._change_of_mind(bank, deal)

    @staticmethod
    def _change_of_mind(bank: Bank, deal: Deal) -> Script:
        if deal.state != "done":
            return
        if bank.random.random() < 0.6:
            yield from bank.cancel(deal)
        else:
            yield from bank.undo(deal)

    def _end_of_day(self, bank: Bank) -> Script:
        """The script of a bank that reconciles, and asks what is due, at any time."""
        yield Ask(bank.totals(bank.random.choice(self.plan.when.dates[:2])[4:]))
        yield Ask(bank.inquiry(DUES, (("PN", bank.random.choice(self.plan.targets).policy),)))

    # What goes wrong.

    def _next_faults(self) -> list[Fault]:
        random, chance = self.machine.random, self.plan.fault_chance
        if self._calm or not chance or random.random() >= chance:
            return []
        return [random.choice(self.plan.faults) for _ in range(random.choice((1, 1, 2, 4)))]

    def _fault(self, fault: Fault) -> None:
        self.oracle.trouble.note("refused" if fault is Fault.REFUSED else "down")

    def _after_kill(self) -> None:
        self.network.clock.callLater(5 * self.random.random(), self._start_again)

    def _start_again(self) -> None:
        self.oracle.stopping = False
        self.wall_time.start()

    def _stop(self) -> None:
        if self.machine.is_up and not self.oracle.stopping:
            self.oracle.stopping = True
            self.machine.stop().addCallback(lambda _: self._after_kill())

    def _quieten(self) -> None:
        """Stop all faults: network, database and process work from now on."""
        self._calm = True
        self.network.weather = CALM
        self.machine.faults.clear()
        self.machine.thread_seconds = min(self.machine.thread_seconds, 0.02)
        if self.oracle.stopping:
            self._until(self.network.clock.seconds() + 200.0)
        self._start_again()

    def _logged(self, event: Mapping[str, Any]) -> None:
        """Take an event of the machine's log: a failure must have been caused by the world."""
        if event.get("log_level") is LogLevel.critical:
            failure = event.get("log_failure")
            expected = isinstance(failure, Failure) and failure.check(LedgerError)
            if not expected:
                text = failure.getTraceback() if isinstance(failure, Failure) else event.get("log_format")
                self.oracle.say(f"the machine failed: {text}")

    # The operator.

    def _other_settings(self) -> Settings:
        """The settings that a reload reads: banks may do other things, on links opened from then on."""
        banks = permitted_otherwise(self.random, self.plan.banks)
        self.machine.settings = self._settings(banks)
        self.oracle.terms = {terms.port: terms for terms in banks}
        return self.machine.settings

    def _order(self, command: Mapping[str, Any]) -> None:
        path = str(Path(self.machine.settings.node.control))
        self.network.connect(
            self.outside, path, Operator(command, partial(self._note, "operator", 0)), "127.0.0.1"
        )

    def _order_cutover(self) -> None:
        """Order the cut-over of the open date, by one operator or by two at once."""
        date = self.oracle.book.date
        for _ in range(self.random.choice((1, 2))):
            self._order({"command": "cutover", "early": True, "date": date})

    def _order_unlock(self) -> None:
        """Order every locked due unlocked, and one that is not locked."""
        dues = self.oracle.book.dues
        locked = [name for name in sorted(dues) if dues[name].is_locked]
        for name in (*locked, self.plan.targets[0].due):
            self._order({"command": "unlock", "due": name})

    def _order_load(self) -> None:
        """Order the load of the open date's dues, if they are not loaded yet."""
        date = self.oracle.book.date
        if date == self.plan.when.dates[0]:
            return
        if date not in self.oracle.loadings:
            entries, leaving = self._next_day(date)
            path = self.fixture.folder / f"{date}.csv"
            path.write_bytes(b"".join(write(date, entries, leaving)))
            self.oracle.loadings[date] = Loading(
                tuple((entry.policy.policy, entry.policy.state) for entry in entries),
                tuple(as_due(line) for entry in entries for line in entry.dues),
                tuple(line.due for line in leaving),
                tuple((entry.policy.policy, entry.policy.holder) for entry in entries),
            )
        self._order({"command": "load", "path": str(self.fixture.folder / f"{date}.csv")})

    def _next_day(self, date: str) -> tuple[list[PolicyDues], list[DueLine]]:
        random = self.random
        fresh = premium(f"N{date[4:]}", "P6", 10_000)
        more = benefit(f"M{date[4:]}", "P3", 20_000, "261000")
        entries = [
            PolicyDues(Policy("P6", "active", "Qian"), (fresh,)),
            PolicyDues(Policy("P3", "active", "Wang Wu"), (more,)),
        ]
        if random.random() < 0.3:
            entries.append(PolicyDues(Policy("P5", "lapsed", "Sun"), ()))
        lines = {line.due: line for entry in FIRST_BOOK for line in entry.dues}
        dues = self.oracle.book.dues
        here = [
            name
            for name in sorted(lines)
            if name in dues
            and dues[name].state != "withdrawn"
            and not dues[name].leaving
            and lines[name].policy != "P5"
        ]
        leaving = random.sample(here, min(len(here), random.randrange(3)))
        settled = [name for name in here if dues[name].owner and name not in leaving]
        if settled and random.random() < 0.8:
            leaving.append(random.choice(settled))  # too late: it stays settled, for as long as it is
        return entries, [lines[name] for name in leaving]

    # At the end.

    def _last_cutover(self) -> None:
        """Close the open date, so that every entry belongs to a closed one, and stop the machine."""
        date = self.oracle.book.date
        self._order({"command": "cutover", "early": True, "date": date})
        self._until(self.network.clock.seconds() + 20.0)
        if self.oracle.book.date == date:
            self.oracle.say(f"{date} could not be closed")
        self._stop()
        self._until(self.network.clock.seconds() + 1.0)

    def _close_books(self) -> None:
        """Have the office close all dates, and judge its books."""
        dates = [date for date in self.plan.when.dates if date < self.oracle.book.date]
        book, office = self.oracle.book, self.fixture.office
        lines, results = closing.close(self.fixture, self.banks, dates, Random(f"office {self.seed}"))
        for result in results:
            if result.waiting:
                self.oracle.say(f"the office waits: {result}")
        for fault in accounts.faults(office, book, dates, lines):
            self.oracle.say(f"office: {fault}")
        if self.oracle.violations:
            return
        clerks, wrong = closing.decide(self.fixture, self.banks, Random(f"clerks {self.seed}"))
        for fault in (*wrong, *accounts.faults(office, book, dates, lines, clerks.decided)):
            self.oracle.say(f"office, decided: {fault}")

    def _compare(self) -> None:
        """Compare each bank's own record with the oracle's book."""
        for bank in self.banks:
            for deal in bank.deals:
                key = f"{bank.terms.full_code}/{deal.terminal}/{deal.sent_at}/{deal.stan}"
                fact = self.oracle.book.facts.get(key)
                stands = fact is not None and self.oracle.book.stands(fact)
                if deal.state == "unknown" or stands != (deal.state == "done"):
                    self.oracle.say(f"{key} is {deal.state} to its bank, and stands: {stands}")


def run_seed(seed: int, fixture: Fixture) -> RunResult:
    """Run one seed on a prepared fixture."""
    return World(seed, fixture, draw(seed)).run()
