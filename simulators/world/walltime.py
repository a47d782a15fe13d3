"""The wall clock of a run: the date and hour at which it begins, when somebody sets it, and what people do
about that.

Only the machine's wall clock is set; the banks' clocks and virtual time, which is monotonic, go on.
`stamps` judges what comes of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from random import Random
from typing import Any, NamedTuple

from fep.day.clock_watch import ACCEPT_COMMAND, accept_unserved
from fep.doctor.selftest import Unfit
from ledger.book.store import Store
from ledger.rules.beijing import BEIJING
from simulators.world.fixture import CALENDARS, DATES, Fixture
from simulators.world.machine import Machine
from simulators.world.network import SortedClock
from simulators.world.oracle import Oracle

_STEPS = (1.0, 40.0, 40.0, 3600.0, 8 * 3600.0)
_EARLY = 30.0
"""Before the hour of cut-over comes, in most runs that have one."""
_FARTHEST = 12 * 3600.0
"""Farther from the banks' clocks, and DE 7 would be a question of its own."""
_AGAIN_SECONDS = 5.0


class Setting(NamedTuple):
    """At virtual second `at` the wall clock is set by `seconds`; a person accepts it `word_after` seconds
    later, None for never.
    """

    at: float
    seconds: float
    word_after: float | None


class When(NamedTuple):
    """When a run takes place: its business dates, the local time at its beginning, the hour of cut-over
    (HH:MM or None), and how the wall clock is set.
    """

    dates: tuple[str, ...]
    start_at: datetime
    hour: str | None
    settings: tuple[Setting, ...]


def draw(seed: int, seconds: float, begun: int, *, by_clock: bool) -> When:
    """Draw when a run takes place. Most begin one minute and `begun` seconds before the hour of cut-over;
    some shortly before midnight, over New Year or around a 29 February.
    """
    random = Random(f"clock {seed}")
    dates = random.choice((DATES, DATES, DATES, *CALENDARS))
    last_minute, hour = ("21:59", "22:00") if dates is DATES else ("23:58", "23:59")
    return When(
        dates,
        datetime.fromisoformat(f"{dates[0]}T{last_minute}") + timedelta(seconds=begun * by_clock),
        hour if by_clock else None,
        tuple(_settings(random, random.choice((seconds, _EARLY)))) if random.random() < 0.4 else (),
    )


def _settings(random: Random, seconds: float) -> list[Setting]:
    settings, off = [], 0.0
    for at in sorted(random.random() * seconds for _ in range(random.randrange(1, 4))):
        step = random.choice((1, -1)) * random.choice(_STEPS)
        step = -step if abs(off + step) > _FARTHEST else step
        off += step
        settings.append(Setting(at, step, random.choice((None, None, 0.5, 40.0 * random.random()))))
    return settings


class WallTime:
    """Sets the machine's wall clock, accepts it as a person does, and starts the machine. `order` gives the
    machine an operator's command.
    """

    def __init__(
        self,
        when: When,
        machine: Machine,
        clock: SortedClock,
        oracle: Oracle,
        order: Callable[[Mapping[str, Any]], None],
        fixture: Fixture,
    ) -> None:
        self._when = when
        self._machine = machine
        self._clock = clock
        self._oracle = oracle
        self._order = order
        self._fixture = fixture

    def true(self) -> datetime:
        """The local time of the banks' clocks, which nobody sets."""
        return self._when.start_at + timedelta(seconds=self._clock.seconds())

    def schedule(self) -> None:
        """Schedule the settings of the plan."""
        for setting in self._when.settings:
            self._clock.callLater(setting.at, self._set, setting)

    def start(self) -> None:
        """Start the machine; if it refuses because of its clock, accept the clock and start it again."""
        machine, stamps = self._machine, self._oracle.stamps
        if machine.is_up:
            return
        stamps.ended()
        try:
            machine.start()
        except Unfit:
            stamps.refused(machine.now_us())
            node, store = machine.settings.node.name, Store(f"sqlite:///{self._fixture.database}")
            try:
                accept_unserved(store, node, machine.now().replace(tzinfo=BEIJING), "operator")
            finally:
                store.close()
            self._oracle.look()
            self._clock.callLater(_AGAIN_SECONDS, self.start)
        else:
            stamps.began(machine.now_us())
            self._oracle.began()

    def _set(self, setting: Setting) -> None:
        machine, date = self._machine, self._oracle.book.date
        hour = self._when.hour
        is_due = hour is not None and f"{machine.now():%Y%m%d%H:%M}" >= f"{date}{hour}"
        if machine.is_up:
            self._oracle.stamps.clock_set(setting.seconds, self._clock.seconds(), date * is_due)
        machine.network.trace("the wall clock is set", 0, setting.seconds)
        machine.moved += timedelta(seconds=setting.seconds)
        if setting.word_after is not None:
            self._clock.callLater(setting.word_after, self._order, {"command": ACCEPT_COMMAND})
