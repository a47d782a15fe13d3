"""The scene in which a bank misbehaves: its bank, the other banks, and a due that can be tried for.

Imports the simulated banks only. The scripts are in `misconduct` and `false_claims`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from simulators.world.banks import Bank, Deal, Script

SOON = 5.0
"""So many virtual seconds a misdeed waits for an answer."""


class Target(NamedTuple):
    """A due that scripts may try to settle; `identity` is the number that its beneficiary shows."""

    policy: str
    due: str
    code: str
    amount: int
    identity: str


class Scene(NamedTuple):
    """What a script works with: its bank, the other banks, a target, and a number that is nobody's."""

    bank: Bank
    others: Sequence[Bank]
    target: Target
    stranger: str


Misdeed = Callable[[Scene], Script]


def unrecorded(scene: Scene, **other: object) -> Deal:
    """A deal for the target that is left out of the bank's own record."""
    target = scene.target
    deal = scene.bank.deal(target.code, target.policy, target.due, target.amount, identity=target.identity)
    scene.bank.deals.remove(deal)
    for name, value in other.items():
        setattr(deal, name, value)
    return deal
