"""What can happen to a notice, to its delivery and to a task for staff, as tables of data.

Pure data, which the program and the audit read and the database enforces
(`customers.database.notice_tables`). When a step is taken stands in `customers.rules.sending` and
`customers.rules.task`.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class Channel(StrEnum):
    """By what a notice goes, in the order in which it is tried; the last one is a letter to print."""

    MOBILE = "mobile"
    WECHAT = "wechat"
    EMAIL = "email"
    POST = "post"


class NoticeState(StrEnum):
    """How far a notice has come. It is unknown from before it is sent until the sender's answer is written
    down, and again where no report came.
    """

    QUEUED = "queued"
    UNKNOWN = "unknown"
    ACCEPTED = "accepted"
    DELIVERED = "delivered"
    FAILED = "failed"


class NoticeStep(StrEnum):
    """What happens to a notice."""

    SEND = "send"
    ACCEPT = "accept"
    REFUSE = "refuse"
    ARRIVE = "arrive"
    SILENCE = "silence"
    AGAIN = "again"
    GIVE_UP = "give_up"


_N = NoticeState
NOTICE_TRANSITIONS: Final[Mapping[tuple[NoticeState, NoticeStep], NoticeState]] = MappingProxyType(
    {
        (_N.QUEUED, NoticeStep.SEND): _N.UNKNOWN,
        (_N.QUEUED, NoticeStep.GIVE_UP): _N.FAILED,
        (_N.QUEUED, NoticeStep.ARRIVE): _N.DELIVERED,
        (_N.UNKNOWN, NoticeStep.ACCEPT): _N.ACCEPTED,
        (_N.UNKNOWN, NoticeStep.REFUSE): _N.QUEUED,
        (_N.UNKNOWN, NoticeStep.ARRIVE): _N.DELIVERED,
        (_N.UNKNOWN, NoticeStep.AGAIN): _N.QUEUED,
        (_N.ACCEPTED, NoticeStep.ARRIVE): _N.DELIVERED,
        (_N.ACCEPTED, NoticeStep.REFUSE): _N.QUEUED,
        (_N.ACCEPTED, NoticeStep.SILENCE): _N.UNKNOWN,
    }
)
"""All that can happen to a notice. One that was refused waits for the next channel. `again` is for one of
which nobody knows whether the sender has it; while it waits, the report on it may still come.
"""


class DeliveryState(StrEnum):
    """What is known of one attempt to deliver a notice."""

    UNKNOWN = "unknown"
    ACCEPTED = "accepted"
    DELIVERED = "delivered"
    FAILED = "failed"


_D = DeliveryState
DELIVERY_TRANSITIONS: Final[Mapping[tuple[DeliveryState, NoticeStep], DeliveryState]] = MappingProxyType(
    {
        (_D.UNKNOWN, NoticeStep.ACCEPT): _D.ACCEPTED,
        (_D.UNKNOWN, NoticeStep.REFUSE): _D.FAILED,
        (_D.UNKNOWN, NoticeStep.ARRIVE): _D.DELIVERED,
        (_D.ACCEPTED, NoticeStep.ARRIVE): _D.DELIVERED,
        (_D.ACCEPTED, NoticeStep.REFUSE): _D.FAILED,
        (_D.ACCEPTED, NoticeStep.SILENCE): _D.UNKNOWN,
    }
)
"""All that can happen to a delivery; `again` leaves it unknown, and is another delivery."""


class TaskKind(StrEnum):
    """Why staff have to do something about a policy or a person."""

    LAPSING = "lapsing"
    LAPSED = "lapsed"
    ORPHAN = "orphan"
    UNREACHABLE = "unreachable"
    NO_MANDATE = "no_mandate"
    RETURN = "return"
    HARD_FAILURE = "hard_failure"
    REQUEST = "request"


class TaskState(StrEnum):
    """How far a task has come."""

    OPEN = "open"
    ASSIGNED = "assigned"
    DONE = "done"


class TaskStep(StrEnum):
    """What happens to a task. It is escalated where who took it let its time pass."""

    OPEN = "open"
    TAKE = "take"
    FINISH = "finish"
    CLOSE = "close"
    ESCALATE = "escalate"


TASK_TRANSITIONS: Final[Mapping[tuple[TaskState, TaskStep], TaskState]] = MappingProxyType(
    {
        (TaskState.OPEN, TaskStep.TAKE): TaskState.ASSIGNED,
        (TaskState.OPEN, TaskStep.CLOSE): TaskState.DONE,
        (TaskState.ASSIGNED, TaskStep.TAKE): TaskState.ASSIGNED,
        (TaskState.ASSIGNED, TaskStep.FINISH): TaskState.DONE,
        (TaskState.ASSIGNED, TaskStep.CLOSE): TaskState.DONE,
        (TaskState.ASSIGNED, TaskStep.ESCALATE): TaskState.OPEN,
    }
)
"""All that can happen to a task. It is closed by an event, and finished by who has it."""


class Outcome(StrEnum):
    """What came of a task, by the word of who had it."""

    PAID = "paid"
    CONTACT_CHANGED = "contact_changed"
    WISHES_TO_LAPSE = "wishes_to_lapse"
    DEAD = "dead"
    NOT_FOUND = "not_found"
    SETTLED = "settled"


class Event(StrEnum):
    """What ends tasks by itself."""

    PAID = "paid"
    REACHED = "reached"
    MANDATE = "mandate"
    SERVED = "served"


ENDS: Final[Mapping[Event, tuple[TaskKind, ...]]] = MappingProxyType(
    {
        Event.PAID: (TaskKind.LAPSING, TaskKind.LAPSED, TaskKind.RETURN, TaskKind.HARD_FAILURE),
        Event.REACHED: (TaskKind.UNREACHABLE,),
        Event.MANDATE: (TaskKind.NO_MANDATE, TaskKind.HARD_FAILURE),
        Event.SERVED: (TaskKind.ORPHAN,),
    }
)
"""The kinds of tasks that an event ends; a request is ended by its outcome alone."""
