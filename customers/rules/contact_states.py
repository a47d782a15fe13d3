"""What can happen to a contact, to a change of one, to an agent and to a consent, as tables of data.

Pure data, which the audit reads and the database enforces (`customers.database.contact_tables`). What a
contact's value may be stands in `customers.rules.contact`.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class ContactState(StrEnum):
    """Whether a person can be reached by a contact."""

    UNVERIFIED = "unverified"
    GOOD = "good"
    BOUNCING = "bouncing"
    DEAD = "dead"
    REPLACED = "replaced"


class ContactEvent(StrEnum):
    """What happens to a contact. A failure on another day than the first since the last success is
    FAILED_AGAIN.
    """

    ADDED = "added"
    CONFIRMED = "confirmed"
    DELIVERED = "delivered"
    FAILED = "failed"
    FAILED_AGAIN = "failed_again"
    REPLACED = "replaced"


class Outcome(StrEnum):
    """What is told of a contact: something arrived or did not, or the person or the core confirmed it."""

    CONFIRMED = "confirmed"
    DELIVERED = "delivered"
    FAILED = "failed"


_U, _G, _B, _D, _R = ContactState
CONTACT_TRANSITIONS: Final[Mapping[tuple[ContactState, ContactEvent], ContactState]] = MappingProxyType(
    {
        (_U, ContactEvent.CONFIRMED): _G,
        (_U, ContactEvent.DELIVERED): _G,
        (_U, ContactEvent.FAILED): _B,
        (_U, ContactEvent.REPLACED): _R,
        (_G, ContactEvent.CONFIRMED): _G,
        (_G, ContactEvent.DELIVERED): _G,
        (_G, ContactEvent.FAILED): _B,
        (_G, ContactEvent.REPLACED): _R,
        (_B, ContactEvent.CONFIRMED): _G,
        (_B, ContactEvent.DELIVERED): _G,
        (_B, ContactEvent.FAILED): _B,
        (_B, ContactEvent.FAILED_AGAIN): _D,
        (_B, ContactEvent.REPLACED): _R,
        (_D, ContactEvent.CONFIRMED): _G,
        (_D, ContactEvent.DELIVERED): _D,
        (_D, ContactEvent.FAILED): _D,
        (_D, ContactEvent.REPLACED): _R,
        (_R, ContactEvent.DELIVERED): _R,
        (_R, ContactEvent.FAILED): _R,
    }
)
"""All that can happen to a contact. A dead one is good again by a confirmation alone: a late report of
something that was sent before it died proves nothing about now. A replaced one stays so, whatever arrives.
"""
BEGINNINGS: Final = (ContactState.UNVERIFIED, ContactState.GOOD)
"""The states in which a contact is added."""
SENDABLE: Final = (ContactState.GOOD, ContactState.UNVERIFIED, ContactState.BOUNCING)
"""The states in which a contact may be tried, in the order in which it is."""


class ChangeState(StrEnum):
    """How far a customer's request for another contact has come."""

    MADE = "made"
    SENT = "sent"
    DONE = "done"
    DECLINED = "declined"
    DROPPED = "dropped"


class ChangeStep(StrEnum):
    """What can be done with such a request; it is dropped when its person is shredded."""

    SEND = "send"
    ACCEPT = "accept"
    DECLINE = "decline"
    DROP = "drop"


CHANGE_TRANSITIONS: Final[Mapping[tuple[ChangeState, ChangeStep], ChangeState]] = MappingProxyType(
    {
        (ChangeState.MADE, ChangeStep.SEND): ChangeState.SENT,
        (ChangeState.MADE, ChangeStep.DROP): ChangeState.DROPPED,
        (ChangeState.SENT, ChangeStep.ACCEPT): ChangeState.DONE,
        (ChangeState.SENT, ChangeStep.DECLINE): ChangeState.DECLINED,
        (ChangeState.SENT, ChangeStep.DROP): ChangeState.DROPPED,
    }
)
"""The life of a request: the core system alone says whether it is done."""
WAITING: Final = (ChangeState.MADE, ChangeState.SENT)
"""The states in which a request waits for the core system."""


class AgentState(StrEnum):
    """Whether an agent works for the insurer. One who left may come back."""

    ACTIVE = "active"
    LEFT = "left"


class Purpose(StrEnum):
    """For what a person's consent is asked (PIPL, articles 13 to 15)."""

    NOTICE = "notice"
    DEBIT = "debit"
    MARKETING = "marketing"
