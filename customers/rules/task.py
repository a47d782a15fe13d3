"""When a task for staff is taken away again, and which tasks an event ends.

Pure: values in, values out. How tasks are kept stands in `customers.notices.tasks`.
"""

from __future__ import annotations

from typing import Final

from customers.rules.notice_states import TaskState

DAY_US: Final = 24 * 3600 * 1_000_000
"""Microseconds of a day."""
DAYS_MAX: Final = 14
"""So many days a person may have a task; then it is open again, and escalated."""


def is_overdue(state: TaskState, taken_at: int, at: int) -> bool:
    """Whether a task that was taken at `taken_at` has to be taken away at `at` (microseconds since 1970-01-01
    UTC).
    """
    return state is TaskState.ASSIGNED and at - taken_at >= DAYS_MAX * DAY_US
