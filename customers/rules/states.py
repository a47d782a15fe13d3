"""The states of a person and of a proposal about one, as tables of data.

Pure data, which `make docs` draws and the audit reads. The statements stand in `customers.decisions`, and
what the database itself refuses in `customers.database.schema`.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class PersonState(StrEnum):
    """How far the use of what is known of a person goes."""

    ACTIVE = "active"
    RESTRICTED = "restricted"
    SHREDDED = "shredded"


class Act(StrEnum):
    """What two people can decide about a person."""

    RESTRICT = "restrict"
    RELEASE = "release"
    LOOK = "look"
    SHRED = "shred"


TRANSITIONS: Final[Mapping[tuple[PersonState, Act], PersonState]] = MappingProxyType(
    {
        (PersonState.ACTIVE, Act.RESTRICT): PersonState.RESTRICTED,
        (PersonState.RESTRICTED, Act.RELEASE): PersonState.ACTIVE,
        (PersonState.RESTRICTED, Act.LOOK): PersonState.RESTRICTED,
        (PersonState.ACTIVE, Act.SHRED): PersonState.SHREDDED,
        (PersonState.RESTRICTED, Act.SHRED): PersonState.SHREDDED,
    }
)
"""All that can happen to a person. Restricted: nothing but storage and protection, and a look only by two
people (PIPL, article 47). Shredded: the key is destroyed, and nothing follows.
"""


class ProposalState(StrEnum):
    """How far a proposal has come."""

    PROPOSED = "proposed"
    APPROVED = "approved"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
    DONE = "done"


class Step(StrEnum):
    """What can be done with a proposal."""

    APPROVE = "approve"
    REJECT = "reject"
    WITHDRAW = "withdraw"
    CARRY_OUT = "carry_out"


PROPOSAL_TRANSITIONS: Final[Mapping[tuple[ProposalState, Step], ProposalState]] = MappingProxyType(
    {
        (ProposalState.PROPOSED, Step.APPROVE): ProposalState.APPROVED,
        (ProposalState.PROPOSED, Step.REJECT): ProposalState.REJECTED,
        (ProposalState.PROPOSED, Step.WITHDRAW): ProposalState.WITHDRAWN,
        (ProposalState.APPROVED, Step.WITHDRAW): ProposalState.WITHDRAWN,
        (ProposalState.APPROVED, Step.CARRY_OUT): ProposalState.DONE,
    }
)
"""The life of a proposal. An approved one is carried out at once, but a look: that is carried out when its
proposer looks.
"""
OPEN: Final = (ProposalState.PROPOSED, ProposalState.APPROVED)
"""The states in which a proposal waits for somebody; a person has at most one such proposal."""
