"""A TCP balancer: hands each new connection to the next node that takes it, and the bytes on as they come.

Knows hosts and ports, and nothing of what is said. It never moves a connection that stands: a bank whose node
dies opens another. The node sees the balancer's address and not the bank's: see docs/cluster.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from simulators.relay import Link, Place, Relay


@dataclass(slots=True)
class Targets:
    """Where the nodes listen for one bank, and whose turn it is."""

    places: list[Place]
    _turn: int = 0

    def in_turn(self) -> Sequence[Place]:
        """All of them, beginning with the one whose turn it is; the next call begins one later."""
        first = self._turn % len(self.places)
        self._turn = first + 1
        return self.places[first:] + self.places[:first]


class Balancer(Relay):
    """The listening ports, one for each bank."""

    def listen(self, port: int, targets: Targets, host: str = "127.0.0.1") -> int:
        """Take connections for these targets; the port, which the system chooses where 0 was given. Raises
        CannotListenError.
        """
        return self.take(host, port, lambda: Link(self, targets.in_turn))
