"""Two clerks decide on breaks, each under a name of their own. What they try is drawn; which refusal they
must get is known beforehand.

`accounts` says which break may end how, and what the books are afterwards.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from random import Random

from ledger.errors import LedgerError
from office.accounting.chart import Chart
from office.accounting.decisions import Decision, Desk, decide, propose
from office.errors import OfficeError
from simulators.world.accounts import ENDS, Break, Decided, fits

NAMES = ("li", "wang")
_STEPS: Sequence[tuple[Decision, bool, str, str]] = (
    (Decision.APPROVE, False, "", "closed"),
    (Decision.APPROVE, False, "", "closed"),
    (Decision.APPROVE, True, "SamePerson", "proposed"),
    (Decision.REJECT, False, "", "suspense"),
    (Decision.REJECT, True, "SamePerson", "proposed"),
    (Decision.WITHDRAW, False, "", "suspense"),
    (Decision.WITHDRAW, True, "", "suspense"),
)
"""What may be done about a proposal; whether by who made it; the refusal's name; where the break is then."""


@dataclass(slots=True)
class Clerks:
    """Two clerks at one desk. `decided` holds what both agreed on, `states` the state in which each break
    must be.
    """

    desk: Desk
    chart: Chart
    random: Random
    decided: list[Decided] = field(default_factory=list)
    states: dict[str, str] = field(default_factory=dict)

    def work(self, breaks: Sequence[Break]) -> Iterator[str]:
        """Decide on breaks, or leave them; yields each violation."""
        for entry in breaks:
            self.states[entry.name] = "suspense"
            if self.random.random() < 0.8:
                yield from self._see_to(entry)

    def _see_to(self, entry: Break) -> Iterator[str]:
        random = self.random
        proposer, other = random.sample(NAMES, 2)
        fitting = sorted(name for name in ENDS if fits(entry, name))
        resolution = random.choice(fitting if fitting and random.random() < 0.8 else sorted(ENDS))
        is_fitting = resolution in fitting
        refused_as = _refusal(lambda: propose(self.desk, proposer, entry.name, resolution, "", self.chart))
        if refused_as != ("" if is_fitting else "StepRefused"):
            about = f"{entry.name}, {entry.cls} of {entry.difference} fen"
            yield f"{resolution} for {about}, was told {refused_as or 'yes'}"
            return
        if not is_fitting:
            return
        self.states[entry.name] = "proposed"
        if random.random() < 0.1:
            return
        step, is_own, refusal, end = random.choice(_STEPS)
        refused_as = _refusal(lambda: decide(self.desk, proposer if is_own else other, step, entry.name, ""))
        if refused_as != refusal:
            by = "who proposed it" if is_own else "another"
            yield f"{step} of {entry.name} by {by} was told {refused_as or 'yes'}"
            return
        self.states[entry.name] = end
        if end == "closed":
            self.decided.append(Decided(entry, resolution))


def _refusal(do: Callable[[], object]) -> str:
    """The class name of the refusal, the office's or the database's; empty if there was none."""
    try:
        do()
    except (OfficeError, LedgerError) as error:
        return type(error).__name__
    return ""
