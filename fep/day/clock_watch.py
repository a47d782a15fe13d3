"""Reports a jump of the wall clock to the log, the event log and the audit log, and takes a person's
acceptance.

The audit log carries the distrust over a restart. What a jump is, `fep.day.clock` says; that the cut-over
waits meanwhile, `fep.day.schedule`; that retiring waits, `fep.operator.operations`. No entry is stamped here.
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
from fep.operator.control_client import ControlError, Progress
from fep.telemetry.event_log import EventLog, Kind
from ledger.book.audit_log import MACHINE
from ledger.book.startup_check import examine
from ledger.book.store import Store
from qianzhi_errors.sentence import Sentence, listed

ACCEPT_COMMAND: Final = "accept clock"
"""The name of the acceptance at the control socket."""


def acceptance(fault: str, now: datetime) -> str:
    """Return the audit record's note of an acceptance: the clock's fault, and the time `now` that is
    accepted.
    """
    return Sentence("{fault}; the clock says {now}", fault=fault, now=_in_seconds(now))


def _in_seconds(now: datetime) -> str:
    return f"{now:%Y-%m-%d %H:%M:%S}"


def accept_unserved(store: Store, node: str, now: datetime, by: str) -> str:
    """Record, in a book that no process serves, that `by` accepts the node's clock, which says `now`.
    Returns the note that was written. Raises ControlError where the clock is trusted, and whatever
    Store.transaction raises.
    """
    now_us = round(now.timestamp() * 1_000_000)
    word, last = audit_trail.clock_word(store, node), examine(store).last_written
    behind = clock_findings(now_us, last) if last > word.accepted_at else ()
    fault = listed(list(filter(None, (word.fault, *behind))), "{first}; {rest}")
    if not fault:
        raise ControlError(Sentence("the clock is trusted: it says {now}", now=_in_seconds(now)))
    note = acceptance(fault, now)
    audit_trail.write(store, now_us, by, audit_trail.CLOCK_ACCEPT, node, note)
    return note


@dataclass(slots=True)
class ClockWatch:
    """Watches the wall clock of one node. `between_batches` runs a function that writes into the book
    between two batches of the engine, and fires with its result.
    """

    clock: WallClock
    store: Store
    between_batches: Callable[[Callable[[], Any]], Deferred[Any]]
    event_log: EventLog
    node: str
    _reported: int = 0
    """How many jumps the log and the event log have."""
    _written: int = 0
    """How many jumps the audit log has."""
    _lock: DeferredLock = field(default_factory=DeferredLock)
    """Keeps the order in the audit log: a jump comes before its acceptance."""

    log = Logger(namespace="fep.day.clock_watch")

    def take_up(self, word: audit_trail.ClockWord) -> None:
        """Distrust the clock, if an earlier process did and nobody has accepted it since."""
        if word.fault:
            self.clock.distrust(word.fault)
            self._report(word.fault)

    def look(self) -> Deferred[None] | None:
        """Report a jump that is new, and write it into the audit log; None where there is nothing to write.
        Fails where it cannot be written; the next look tries again.
        """
        fault = self.clock.fault()
        if self._written == self.clock.jumps:
            return None
        if self._reported != self.clock.jumps:
            self._reported = self.clock.jumps
            self._report(fault)
        return self._lock.run(lambda: Deferred.fromCoroutine(self._write_down()))

    def accept(self, asked: Mapping[str, Any], _progress: Progress) -> Deferred[dict[str, str]]:
        """Trust the time as it is now, by a person's word. Fires with the note that was written: what was
        wrong, and what the clock says. Fails with ControlError where the clock is trusted already or jumps
        meanwhile, and with LedgerError where the record cannot be written; the clock is then trusted no
        more than before.
        """
        return self._lock.run(lambda: Deferred.fromCoroutine(self._accept(str(asked["by"]))))

    def _report(self, fault: str) -> None:
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
            raise ControlError(
                Sentence("the clock is trusted: it says {now}", now=_in_seconds(self.clock.now()))
            )
        await self._write_down()
        jumps, note = self.clock.jumps, acceptance(fault, self.clock.now())
        await self._write(by, audit_trail.CLOCK_ACCEPT, note)
        self.clock.fault()  # looks again: it may have jumped meanwhile
        if self.clock.jumps != jumps:
            raise ControlError(Sentence("the clock jumped again meanwhile: look, then accept again"))
        self.clock.accept()
        self.event_log.note(Kind.CLOCK_ACCEPTED)
        self.log.info("{by} has accepted the clock: {note}", by=by, note=note)
        return {"accepted": note}

    def _write(self, by: str, act: str, note: str) -> Deferred[int]:
        return self.between_batches(partial(self._write_now, self.clock.now_us(), by, act, note))

    def _write_now(self, now_us: int, by: str, act: str, note: str) -> int:
        self.store.reconnect()
        return audit_trail.write(self.store, now_us, by, act, self.node, note)
