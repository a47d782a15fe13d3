"""A bank on the stand, for the tests of the certification: silence costs no time.

The bank's own time limits run on a virtual clock, which goes on as soon as the stand has lost or held back
something: so nothing is waited for, and nothing is a question of how fast a machine is.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from twisted.internet.task import Clock

from protocol.framing_table import framing_of
from protocol.mac_table import mac_of
from simulators.bank import Bank
from simulators.beliefs import Belief
from simulators.certify.exercises import EXERCISES, Exercise, Provocation
from simulators.certify.interposer import Fate
from simulators.certify.result import Result
from simulators.certify.scheduler import DELAY_SECONDS, Event
from simulators.certify.story import Story
from simulators.certify.terms import Terms
from simulators.certify.trial_machine import EXERCISE_ZMK, Surroundings, TrialMachine
from simulators.certify.watch import watched
from simulators.link import BankError
from simulators.profile import BankProfile
from tests.support.builders import BANK
from tests.support.machine import _run_reactor, reactor, wait_for

Act = Callable[[Bank, TrialMachine], Coroutine[Any, Any, None]]
_SOON = 2
"""Seconds: a bank that waits less than this is not waiting for an answer."""


class BankReactor:
    """Real sockets; what waits for an answer waits on a virtual clock."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.connectTCP = reactor.connectTCP
        self.seconds = self.clock.seconds

    def callLater(self, delay: float, call: Callable[..., Any], *given: Any, **named: Any) -> Any:  # noqa: N802, ANN401
        """As Twisted's."""
        where = reactor if delay < _SOON else self.clock
        return where.callLater(0 if delay < _SOON else delay, call, *given, **named)

    def pass_time_limits(self, event: Event) -> None:
        """Let the time limits pass after an event that leaves a request without an answer."""
        if event.fate in (Fate.LOST, Fate.HELD):
            reactor.callLater(0, self.clock.advance, DELAY_SECONDS + 1)


def now() -> datetime:
    return datetime(2026, 11, 24, 10, 11, 12, tzinfo=UTC)


def practise(
    folder: Path,
    act: Act,
    make: Callable[..., Bank] = Bank,
    *,
    framing: str = "2be",
    dialect: str = "ascii87",
    mac: str = "aes-cmac",
    makes_keys: bool = False,
) -> tuple[Result, ...]:
    """Have a bank act on a stand of its own; what was seen of it, rule by rule."""
    _run_reactor()
    folder.mkdir(exist_ok=True)
    virtual = BankReactor()
    terms = Terms(
        BANK, "127.0.0.1", 0, framing_of(framing), dialect, mac_of(mac), EXERCISE_ZMK, makes_keys=makes_keys
    )
    around = Surroundings(reactor, virtual.clock, now, os.urandom)
    trial_machine = TrialMachine(folder, terms, around, virtual.pass_time_limits)

    async def session() -> None:
        port = trial_machine.start()
        try:
            profile = BankProfile(
                BANK,
                "127.0.0.1",
                port,
                terms.framing,
                dialect,
                terms.mac,
                EXERCISE_ZMK,
                makes_keys=makes_keys,
            )
            bank = make(profile, virtual, now, retry_seconds=0)
            await bank.connect()
            await act(bank, trial_machine)
            await bank.sign_off()
        finally:
            await trial_machine.stop()

    wait_for(session)
    return watched(
        Story(tuple(trial_machine.scheduler.events), frozenset(trial_machine.scheduler.spoilt_keys))
    )


async def do(bank: Bank, exercise: Exercise) -> Belief:
    """Act on the policy of an exercise."""
    due = exercise.due
    advice = exercise.provocation is Provocation.ADVICE
    return await bank.settle(
        due.code, due.policy, due.amount, due=due.due, identity=due.beneficiary, advice=advice
    )


async def whole_day(bank: Bank, trial_machine: TrialMachine) -> None:
    """Every exercise in order, keys changed, and the day reconciled after its cut-over."""
    for exercise in EXERCISES:
        await do(bank, exercise)
        if exercise.provocation is Provocation.CHECK_VALUE:
            await change_keys_twice(bank)
        elif exercise.provocation is Provocation.ECHO:
            await bank.echo()
    await trial_machine.settled()
    await bank.echo()
    await bank.reconcile("1124")


async def change_keys_twice(bank: Bank) -> None:
    """The first key comes with a wrong check value: the bank signs on again, for the machine speaks under
    that key from now on. The second is good.
    """
    try:
        await bank.change_keys()
    except BankError:
        for link in bank.links:
            link.transport.loseConnection()
        bank.links.clear()
        await bank.connect()
    await bank.change_keys()
    await bank.echo()


def exercises(*provocations: Provocation) -> Act:
    """Only these exercises."""

    async def act(bank: Bank, trial_machine: TrialMachine) -> None:
        for exercise in EXERCISES:
            if exercise.provocation in provocations:
                await do(bank, exercise)
        if any(link.is_open for link in bank.links):
            await bank.echo()

    return act


async def key_change(bank: Bank, _trial_machine: TrialMachine) -> None:
    """The exercise of the check value, and then a change of keys that is good."""
    for exercise in EXERCISES:
        if exercise.provocation is Provocation.CHECK_VALUE:
            await do(bank, exercise)
    await change_keys_twice(bank)


async def cut_over(bank: Bank, trial_machine: TrialMachine) -> None:
    """Something done, the cut-over, and the totals of the closed date."""
    for exercise in EXERCISES:
        if exercise.provocation in (Provocation.NOTHING, Provocation.CUTOVER):
            await do(bank, exercise)
    await trial_machine.settled()
    await bank.echo()
    await bank.reconcile("1124")
