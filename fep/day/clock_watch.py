"""Tells what the wall clock did, in the log, the event log and the audit log, and takes a person's word on
it.

A clock that jumped is distrusted over a restart, by the audit log. What a jump is, fep.day.clock says; what
waits meanwhile, fep.operator.operations. No entry is stamped here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any, Final

from twisted.internet.defer import Deferred, DeferredLock
from twisted.logger import Logger

from fep.day.clock import WallClock
from fep.doctor.selftest import clock_findings
from fep.operator import audit_trail
from fep.operator.control import ControlError, Progress
from fep.telemetry.event_log import EventLog, Kind
from ledger.book.audit_log import MACHINE
from ledger.book.startup_check import examine
from ledger.book.store import Store

COMMAND: Final = "accept clock"
"""Its name at the control socket."""


def acceptance(fault: str, now: datetime) -> str:
    """The note of an act by which a person accepts a clock that says `now`, though it has this fault."""
    return f"{fault}; the clock says {now:%Y-%m-%d %H:%M:%S}"


def accept_unserved(store: Store, node: str, now: datetime, by: str) -> str:
    """Have it written down in a book that nobody serves that `by` accepts the node's clock, which says `now`:
    what was accepted. Raises ControlError where nothing is to be, and what Store.transaction does.
    """
    now_us = round(now.timestamp() * 1_000_000)
    word, last = audit_trail.clock_word(store, node), examine(store).last_written
    behind = clock_findings(now_us, last) if last > word.accepted_at else ()
    fault = "; ".join(filter(None, (word.fault, *behind)))
    if not fault:
        raise ControlError(f"the clock is trusted: it says {now:%Y-%m-%d %H:%M:%S}")
    note = acceptance(fault, now)
    audit_trail.write(store, now_us, by, audit_trail.CLOCK_ACCEPT, node, note)
    return note


@dataclass(slots=True)
class ClockWatch:
    """Watches the wall clock of one node. `between_batches` runs what writes into the book in its turn."""

    clock: WallClock
    store: Store
    between_batches: Callable[[Callable[[], Any]], Deferred[Any]]
    event_log: EventLog
    node: str
    _told: int = 0
    _written: int = 0
    _one: DeferredLock = field(default_factory=DeferredLock)
    """So that in the audit log a jump comes before its acceptance."""

    log = Logger(namespace="fep.day.clock")

    def take_up(self, word: audit_trail.ClockWord) -> None:
        """Distrust the clock, where an earlier process did and nobody has accepted it since."""
        if word.fault:
            self.clock.distrust(word.fault)
            self._tell(word.fault)

    def look(self) -> Deferred[None] | None:
        """Tell of a jump, and write it down; fails where that cannot be done, and does it the next time."""
        fault = self.clock.fault()
        if self._written == self.clock.jumps:
            return None
        if self._told != self.clock.jumps:
            self._told = self.clock.jumps
            self._tell(fault)
        return self._one.run(lambda: Deferred.fromCoroutine(self._write_down()))

    def accept(self, asked: Mapping[str, Any], _progress: Progress) -> Deferred[dict[str, str]]:
        """Trust the time as it is now, by a person's word: what was wrong, and what the clock says. Fails
        with ControlError where it was trusted, or jumps meanwhile, and with LedgerError where the word cannot
        be written down; the clock is then trusted no more than before.
        """
        return self._one.run(lambda: Deferred.fromCoroutine(self._accept(str(asked["by"]))))

    def _tell(self, fault: str) -> None:
        self.event_log.note(Kind.CLOCK, detail=fault)
        self.log.error(
            "{fault}: no cut-over by the clock until a person has looked: qianzhi clock accept", fault=fault
        )

    async def _write_down(self) -> None:
        jumps, fault = self.clock.jumps, self.clock.fault()
        if self._written != jumps:
            await self._write(MACHINE, audit_trail.CLOCK_JUMP, fault)
            self._written = jumps

    async def _accept(self, by: str) -> dict[str, str]:
        fault = self.clock.fault()
        if not fault:
            raise ControlError(f"the clock is trusted: it says {self.clock.now():%Y-%m-%d %H:%M:%S}")
        await self._write_down()
        jumps, note = self.clock.jumps, acceptance(fault, self.clock.now())
        await self._write(by, audit_trail.CLOCK_ACCEPT, note)
        self.clock.fault()  # looks again: it may have jumped meanwhile
        if self.clock.jumps != jumps:
            raise ControlError("the clock jumped again meanwhile: look, then accept again")
        self.clock.accept()
        self.event_log.note(Kind.CLOCK_ACCEPTED)
        self.log.info("{by} has accepted the clock: {note}", by=by, note=note)
        return {"accepted": note}

    def _write(self, by: str, act: str, note: str) -> Deferred[int]:
        return self.between_batches(partial(self._write_now, self.clock.now_us(), by, act, note))

    def _write_now(self, now_us: int, by: str, act: str, note: str) -> int:
        self.store.reconnect()
        return audit_trail.write(self.store, now_us, by, act, self.node, note)
