"""Judges the stamps in the book, and what is done by the wall clock, while that is set ahead and back.

It is told what the world does to the clock and what the book has; it reads no clock. Imports nothing of the
ledger, the machine or the office. Moments in microseconds since 1970-01-01 UTC.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

_TOLERATED_US = 60_000_000
"""How far behind the book a machine may begin to serve without a person's word."""
_JUMP_SECONDS = 2.0
_WRITTEN_SECONDS = 30.0


class AuditRow(NamedTuple):
    """A record of the audit log, as the file has it."""

    number: int
    at: int
    by: str
    act: str
    subject: str
    note: str


@dataclass(slots=True)
class Stamps:
    """Whether the stamps of one book are right, and whether its machine may trust its clock. `say` takes a
    violation; `last` is the latest stamp, in microseconds.
    """

    say: Callable[[str], None]
    last: int = 0
    accepted_at: int = -1
    was_set: bool = False
    is_distrusted: bool = False
    set_at: float | None = None
    """When the clock of the process that serves was set, until that stands in the audit log."""
    set_by: float = 0.0
    """By how many seconds: what was set ahead and back at once, nobody need have seen."""
    excused: set[str] = field(default_factory=set)
    """Dates whose hour had come before the clock was set: a cut-over may have been under way."""

    def stamped(self, event: str, at: int) -> None:
        """Judge a stamp that was written into the book."""
        if at < self.last:
            self.say(f"{event} is stamped {self.last - at} us before what was written before it")
        self.last = max(self.last, at)

    def acted(self, act: AuditRow) -> None:
        """Judge a new record of the audit log."""
        self.stamped(f"act {act.number}, {act.act},", act.at)
        if act.act == "clock jump":
            if not self.was_set:
                self.say("a jump of the clock is written down, and nobody set it")
            self.is_distrusted, self.set_at, self.set_by, self.accepted_at = True, None, 0.0, -1
        elif act.act == "clock accept":
            self.is_distrusted, self.accepted_at = False, act.at
        elif (act.act, act.by) == ("cutover", "machine") and act.subject not in self.excused:
            self._cut_over(act.subject)

    def _cut_over(self, date: str) -> None:
        if self.is_distrusted or self.set_at is not None:
            self.say(f"{date} was cut over by a clock that had jumped, and nobody had accepted it")

    def clock_set(self, seconds: float, now: float, date_due: str) -> None:
        """Note that the machine's clock was set at `now` virtual seconds. `date_due` is the open date if its
        hour of cut-over had come before, else empty.
        """
        self.was_set = True
        self.set_by += seconds
        self.set_at = now if abs(self.set_by) > _JUMP_SECONDS else None
        self.excused.add(date_due)

    def ended(self) -> None:
        """Note the end of the process: what it had not written into the audit log, the next one does not
        know.
        """
        self.set_at, self.set_by = None, 0.0

    def began(self, now_us: int) -> None:
        """Note that a machine serves by a clock that shows this moment."""
        if self._must_refuse(now_us):
            self.say("a machine serves whose book is ahead of its clock, and nobody accepted that")

    def refused(self, now_us: int) -> None:
        """Judge a machine's refusal to serve because of its clock."""
        if not self._must_refuse(now_us):
            self.say("a machine does not serve, and its clock is not behind its book, or was accepted")

    def finish(self, now: float) -> None:
        """Judge the end of a run: every jump of the clock must stand in the audit log."""
        if self.set_at is not None and now - self.set_at > _WRITTEN_SECONDS:
            self.say("the clock jumped, and nothing was written down")

    def _must_refuse(self, now_us: int) -> bool:
        return self.last - now_us > _TOLERATED_US and self.last > self.accepted_at
