"""Who was turned away before it had signed on, why, and from where: the last ones of each bank, and the last
ones of addresses that are no bank's.

For the operator at the machine alone: it holds addresses, which the status page never shows. Bounded, in
memory, and gone with the process; the log has the same. The same refusal again is counted with the last one,
so that a flood of one kind does not push out the others. No value of a message comes in here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Final, NamedTuple

REFUSALS_MAX: Final = 20
"""Refusals that are kept for each bank, and for unknown addresses; the oldest goes."""
NOBODY: Final = ""
"""In place of a bank's code: the address is no bank's."""


class Refusal(NamedTuple):
    """What was refused. `peer` is the address that it came from, `peer_port` its port there, `port` ours.
    `certificate` says which was shown, or is empty. `times` is how often, `at` when for the last time, in the
    reactor's seconds.
    """

    reason: str
    peer: str
    peer_port: int
    port: int
    certificate: str
    times: int
    at: float


class Refusals:
    """The last refusals. `seconds` is the reactor's clock."""

    def __init__(self, seconds: Callable[[], float]) -> None:
        self._seconds = seconds
        self._of: defaultdict[str, dict[tuple[str, str, int, str], Refusal]] = defaultdict(dict)

    def note(
        self, bank: str, reason: str, peer: tuple[str, int], port: int, certificate: str = ""
    ) -> Refusal:
        """Add a refusal of a bank's connection from `peer`, host and port, or count it with the same of
        before. Returns it.
        """
        kept, subject = self._of[bank], (reason, peer[0], port, certificate)
        before = kept.pop(subject, None)
        refusal = Refusal(
            reason, *peer, port, certificate, before.times + 1 if before else 1, self._seconds()
        )
        kept[subject] = refusal
        if len(kept) > REFUSALS_MAX:
            del kept[next(iter(kept))]
        return refusal

    def of(self, bank: str) -> tuple[Refusal, ...]:
        """Return a bank's refusals, or those of unknown addresses for NOBODY; the oldest first."""
        return tuple(self._of[bank].values()) if bank in self._of else ()
