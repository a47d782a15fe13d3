"""The states of a mandate, a batch and a line, and all that can happen to each, as tables.

Pure data. `collection.database.guards` has the database obey the same tables. What is done at an event does
not belong here.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class MandateState(StrEnum):
    """How far a mandate has come. SENT: the payer's bank was asked to agree. EXPIRED: its term is over, or it
    was not used for 36 months.
    """

    DRAFT = "draft"
    SENT = "sent"
    ACTIVE = "active"
    SUSPENDED = "suspended"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    REFUSED = "refused"


class MandateEvent(StrEnum):
    """What moves a mandate. SUSPEND: by a person, or since its account or the mandate itself was refused."""

    SEND = "send"
    SIGN = "sign"
    AGREE = "agree"
    REFUSE = "refuse"
    SUSPEND = "suspend"
    RESUME = "resume"
    CANCEL = "cancel"
    EXPIRE = "expire"


class BatchState(StrEnum):
    """How far a batch has come. HELD: the front's answer says which dues are held. ANSWERED: every line has
    an outcome or is unknown. APPLIED: every outcome is in the front's book.
    """

    PLANNED = "planned"
    HELD = "held"
    APPROVED = "approved"
    WRITTEN = "written"
    SENT = "sent"
    ACCEPTED = "accepted"
    REFUSED_WHOLE = "refused_whole"
    ANSWERED = "answered"
    APPLIED = "applied"
    SETTLED = "settled"
    CLOSED = "closed"
    CANCELLED = "cancelled"


class BatchEvent(StrEnum):
    """What moves a batch. RECALL: a line is taken out of what was written, and the rest is written anew.
    NOT_RECEIVED: the bank has no such file, which is sent again as it was. ANSWER: its
    last open line has an outcome, or an answer says that it is complete.
    """

    HOLD = "hold"
    APPROVE = "approve"
    WRITE = "write"
    SEND = "send"
    RECALL = "recall"
    NOT_RECEIVED = "not_received"
    ACCEPT = "accept"
    REFUSE_WHOLE = "refuse_whole"
    ANSWER = "answer"
    APPLY = "apply"
    SETTLE = "settle"
    CLOSE = "close"
    CANCEL = "cancel"


class LineState(StrEnum):
    """How far a line has come: one due in one batch. MISFIT: the bank moved the money, and the front's book
    had no place for it.
    """

    PLANNED = "planned"
    HELD = "held"
    SENT = "sent"
    UNKNOWN = "unknown"
    RELEASED = "released"
    DONE = "done"
    FAILED = "failed"
    RETURNED = "returned"
    MISFIT = "misfit"
    DROPPED = "dropped"


class LineEvent(StrEnum):
    """What moves a line. MISSING: a complete answer has no outcome of it, or one that nobody can read."""

    HELD = "held"
    NOT_HELD = "not_held"
    DROP = "drop"
    SEND = "send"
    DONE = "done"
    FAILED = "failed"
    MISSING = "missing"
    REFUSED_WHOLE = "refused_whole"
    FORCED = "forced"
    RETURN = "return"
    MISFIT = "misfit"


MANDATE: Final[Mapping[tuple[MandateState, MandateEvent], MandateState]] = MappingProxyType(
    {
        (MandateState.DRAFT, MandateEvent.SEND): MandateState.SENT,
        (MandateState.DRAFT, MandateEvent.SIGN): MandateState.ACTIVE,
        (MandateState.DRAFT, MandateEvent.CANCEL): MandateState.CANCELLED,
        (MandateState.SENT, MandateEvent.AGREE): MandateState.ACTIVE,
        (MandateState.SENT, MandateEvent.REFUSE): MandateState.REFUSED,
        (MandateState.SENT, MandateEvent.CANCEL): MandateState.CANCELLED,
        (MandateState.ACTIVE, MandateEvent.CANCEL): MandateState.CANCELLED,
        (MandateState.ACTIVE, MandateEvent.SUSPEND): MandateState.SUSPENDED,
        (MandateState.ACTIVE, MandateEvent.EXPIRE): MandateState.EXPIRED,
        (MandateState.SUSPENDED, MandateEvent.RESUME): MandateState.ACTIVE,
        (MandateState.SUSPENDED, MandateEvent.CANCEL): MandateState.CANCELLED,
    }
)
"""All that can happen to a mandate. A customer may end it in any state that has not ended already."""

BATCH: Final[Mapping[tuple[BatchState, BatchEvent], BatchState]] = MappingProxyType(
    {
        (BatchState.PLANNED, BatchEvent.HOLD): BatchState.HELD,
        (BatchState.PLANNED, BatchEvent.CANCEL): BatchState.CANCELLED,
        (BatchState.HELD, BatchEvent.APPROVE): BatchState.APPROVED,
        (BatchState.HELD, BatchEvent.CANCEL): BatchState.CANCELLED,
        (BatchState.APPROVED, BatchEvent.WRITE): BatchState.WRITTEN,
        (BatchState.APPROVED, BatchEvent.CANCEL): BatchState.CANCELLED,
        (BatchState.WRITTEN, BatchEvent.SEND): BatchState.SENT,
        (BatchState.WRITTEN, BatchEvent.CANCEL): BatchState.CANCELLED,
        (BatchState.WRITTEN, BatchEvent.RECALL): BatchState.APPROVED,
        (BatchState.SENT, BatchEvent.NOT_RECEIVED): BatchState.SENT,
        (BatchState.SENT, BatchEvent.ACCEPT): BatchState.ACCEPTED,
        (BatchState.SENT, BatchEvent.REFUSE_WHOLE): BatchState.REFUSED_WHOLE,
        (BatchState.SENT, BatchEvent.ANSWER): BatchState.ANSWERED,
        (BatchState.ACCEPTED, BatchEvent.REFUSE_WHOLE): BatchState.REFUSED_WHOLE,
        (BatchState.ACCEPTED, BatchEvent.NOT_RECEIVED): BatchState.ACCEPTED,
        (BatchState.ACCEPTED, BatchEvent.ANSWER): BatchState.ANSWERED,
        (BatchState.ANSWERED, BatchEvent.ANSWER): BatchState.ANSWERED,
        (BatchState.ANSWERED, BatchEvent.APPLY): BatchState.APPLIED,
        (BatchState.APPLIED, BatchEvent.ANSWER): BatchState.ANSWERED,
        (BatchState.APPLIED, BatchEvent.SETTLE): BatchState.SETTLED,
        (BatchState.SETTLED, BatchEvent.ANSWER): BatchState.ANSWERED,
        (BatchState.SETTLED, BatchEvent.CLOSE): BatchState.CLOSED,
    }
)
"""All that can happen to a batch. Once it is sent, it cannot be cancelled. A late outcome of an unknown line
brings an applied or settled batch back to answered. No event is the clock's.
"""

LINE: Final[Mapping[tuple[LineState, LineEvent], LineState]] = MappingProxyType(
    {
        (LineState.PLANNED, LineEvent.HELD): LineState.HELD,
        (LineState.PLANNED, LineEvent.NOT_HELD): LineState.DROPPED,
        (LineState.PLANNED, LineEvent.DROP): LineState.DROPPED,
        (LineState.HELD, LineEvent.DROP): LineState.DROPPED,
        (LineState.HELD, LineEvent.SEND): LineState.SENT,
        (LineState.SENT, LineEvent.DONE): LineState.DONE,
        (LineState.SENT, LineEvent.FAILED): LineState.FAILED,
        (LineState.SENT, LineEvent.MISSING): LineState.UNKNOWN,
        (LineState.SENT, LineEvent.REFUSED_WHOLE): LineState.DROPPED,
        (LineState.SENT, LineEvent.FORCED): LineState.RELEASED,
        (LineState.UNKNOWN, LineEvent.DONE): LineState.DONE,
        (LineState.UNKNOWN, LineEvent.FAILED): LineState.FAILED,
        (LineState.UNKNOWN, LineEvent.FORCED): LineState.RELEASED,
        (LineState.RELEASED, LineEvent.DONE): LineState.DONE,
        (LineState.RELEASED, LineEvent.MISFIT): LineState.MISFIT,
        (LineState.RELEASED, LineEvent.FAILED): LineState.FAILED,
        (LineState.DONE, LineEvent.MISFIT): LineState.MISFIT,
        (LineState.DONE, LineEvent.RETURN): LineState.RETURNED,
        (LineState.MISFIT, LineEvent.RETURN): LineState.RETURNED,
    }
)
"""All that can happen to a line. From failed, returned and dropped nothing follows: a new attempt is
a new line. Only an outcome or two people end `unknown`, never the clock.
"""

OPEN_LINES: Final = (LineState.PLANNED, LineState.HELD, LineState.SENT, LineState.UNKNOWN, LineState.RELEASED)
"""The states of a line whose outcome can still come: its due is in no other such line."""

HOLDING_LINES: Final = (LineState.HELD, LineState.SENT, LineState.UNKNOWN)
"""The states of a line whose due the front's book holds."""

MONEY_MOVED: Final = (LineState.DONE, LineState.MISFIT)
"""The states of a line whose money the bank has moved and not taken back."""
