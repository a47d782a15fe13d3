"""The plan of a seed: who takes part, what goes wrong and when. Every number here is a chance or a virtual
second.

Draws only; nothing runs here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any, NamedTuple

from simulators.world import walltime
from simulators.world.fixture import FIRST_BOOK, agreed, bounded
from simulators.world.misconduct import MISDEEDS
from simulators.world.network import Weather
from simulators.world.reading import Terms
from simulators.world.scene import Target
from simulators.world.store import Fault
from simulators.world.walltime import When

_FAULTS = (
    Fault.UNREACHABLE,
    Fault.LOST_BEFORE_COMMIT,
    Fault.REFUSED,
    Fault.LOST_UNDONE,
    Fault.LOST_DONE,
    Fault.KILLED_BEFORE_COMMIT,
    Fault.KILLED_AFTER_COMMIT,
)
_REFUSALS = (Fault.REFUSED,)
_IN_VAIN, _VAIN = 0.1, ("guess_numbers", "guess_numbers", "ask_elsewhere")
_TARGETS = tuple(
    Target(line.policy, line.due, line.code, line.amount, line.beneficiary)
    for entry in FIRST_BOOK
    for line in entry.dues
)


class Plan(NamedTuple):
    """What happens in the run of a seed: each run has some of all that may happen, and none has all of it.

    The names of the fields are the labels under which a plan is printed. `acts` are names of
    `misconduct.MISDEEDS`, drawn with the chance `misconduct`; `kills`, `stops`, `cutovers`, `reloads` and
    `unlocks` are virtual seconds since the start; `rate` is messages a second of each bank.
    """

    banks: tuple[Terms, ...]
    weather: Weather
    seconds: float
    tellers: int
    targets: tuple[Target, ...]
    acts: tuple[str, ...]
    misconduct: float
    fault_chance: float
    kills: tuple[float, ...]
    stops: tuple[float, ...]
    cutovers: tuple[float, ...]
    loads: bool
    thread_seconds: float
    limits: Mapping[str, int]
    rate: int
    when: When
    office: bool
    faults: tuple[Fault, ...]
    reloads: tuple[float, ...]
    unlocks: Sequence[float]

    @property
    def hour(self) -> str | None:
        """The hour of cut-over by the clock, HH:MM; None for none."""
        return self.when.hour

    @property
    def is_crowded(self) -> bool:
        """Whether the queue may become full."""
        return self.limits["queue"] < 100


def draw(seed: int) -> Plan:
    """Return the plan of a seed, the same for every call."""
    random, apart = Random(f"plan {seed}"), Random(f"apart {seed}")
    some: Callable[[float, Any, Any], Any] = lambda chance, yes, no: yes if random.random() < chance else no  # noqa: E731
    weather = Weather(
        latency=random.choice((0.002, 0.02, 0.3)),
        split=some(0.4, random.random(), 0.0),
        stall=some(0.3, 0.2 * random.random(), 0.0),
        cut=some(0.5, random.choice((0.01, 0.05, 0.2)), 0.0),
        half_open=some(0.5, random.random(), 0.0),
        ghost=some(0.2, 0.5, 0.0),
    )
    seconds = random.choice((20.0, 60.0, 120.0))
    batch = random.choice((1, 2, 256, 256))
    cutovers = some(0.5, tuple(sorted(random.random() * seconds for _ in range(random.randrange(1, 3)))), ())
    by_clock = random.random() < 0.3
    plan = Plan(
        banks=agreed(random, random.choice((1, 2, 2, 3))),
        weather=weather,
        seconds=seconds,
        tellers=random.randrange(2, 9),
        targets=tuple(random.sample(_TARGETS, random.randrange(1, len(_TARGETS) + 1))),
        acts=tuple(random.sample(sorted(MISDEEDS), random.randrange(1, 12))),
        misconduct=random.choice((0.0, 0.3, 0.7, 1.0)),
        fault_chance=some(0.4, random.choice((0.02, 0.1, 0.4)), 0.0),
        kills=some(0.4, tuple(random.random() * seconds for _ in range(random.randrange(1, 3))), ()),
        stops=some(0.15, (random.random() * seconds,), ()),
        cutovers=cutovers,
        loads=random.random() < 0.7,
        thread_seconds=random.choice((0.002, 0.02, 0.5, 3.0)),
        limits={"batch": batch, "queue": max(batch, random.choice((2, 4096, 4096)))},
        rate=some(0.15, random.choice((1, 10)), 1000),
        when=walltime.draw(seed, seconds, random.randrange(60), by_clock=by_clock),
        office=random.random() < 0.15,
        faults=random.choice((_FAULTS, _FAULTS, _REFUSALS)),
        reloads=some(0.25, tuple(random.random() * seconds for _ in range(random.randrange(1, 3))), ()),
        unlocks=apart.choice(((), range(3, int(seconds) + 20, 7))),
    )
    return _in_vain(plan, apart) if apart.random() < _IN_VAIN else plan


def _in_vain(plan: Plan, random: Random) -> Plan:
    """Return the plan changed so that banks often ask for dues that do not exist, and soon have to wait."""
    banks = bounded(random, plan.banks)
    weather = plan.weather._replace(cut=0.0, half_open=0.0) if random.random() < 0.7 else plan.weather
    return plan._replace(banks=banks, weather=weather, acts=_VAIN, misconduct=random.choice((0.7, 1.0)))
