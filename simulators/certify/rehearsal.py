"""One rehearsal: a trial machine in this process, until a signal or a long enough silence.

Real reactor, real clock, real entropy; the folder is removed at the end. Nothing is judged here.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.error import CannotListenError
from twisted.internet.task import LoopingCall

from fep.process.reactor import react
from simulators.certify.interposer import Fate
from simulators.certify.result import CertifyError, Result, Run
from simulators.certify.scheduler import Event, Side
from simulators.certify.terms import Terms
from simulators.certify.trial_machine import Surroundings, TrialMachine

_LOOK_SECONDS = 0.5


def rehearse(
    terms: Terms, delay_seconds: float, idle_seconds: float | None, say: Callable[[str], None]
) -> tuple[tuple[Event, ...], frozenset[str]]:
    """Serve until SIGINT or SIGTERM, or until nothing was sent for `idle_seconds`. Returns the events, and
    the check values of the keys that were sent with a wrong one. Raises CertifyError where the port is taken.
    """
    held: list[TrialMachine] = []
    failed: list[BaseException] = []

    def start(reactor: Any) -> Deferred[None]:  # noqa: ANN401 - reactors have no one type
        around = Surroundings(reactor, reactor, lambda: datetime.now().astimezone(), os.urandom)
        trial_machine = TrialMachine(
            Path(folder), terms, around, lambda event: say(in_a_line(event)), delay_seconds
        )
        held.append(trial_machine)
        serving = maybeDeferred(_serve, reactor, trial_machine, idle_seconds, say)
        return serving.addErrback(lambda failure: failed.append(failure.value))

    with tempfile.TemporaryDirectory(prefix="qianzhi-practice-") as folder:
        try:
            react(start)
        except SystemExit:
            if failed and isinstance(failed[0], CannotListenError):
                raise CertifyError(f"{terms.host}:{terms.port} cannot be listened at: {failed[0]}") from None
            if failed:
                raise failed[0] from None
    return tuple(held[0].scheduler.events), frozenset(held[0].scheduler.spoilt_keys)


def _serve(
    reactor: Any,  # noqa: ANN401 - as above
    trial_machine: TrialMachine,
    idle_seconds: float | None,
    say: Callable[[str], None],
) -> Deferred[None]:
    """Start the stand; it stops when the reactor does, which hears the signals itself. Never fires."""
    port = trial_machine.start()
    reactor.addSystemEventTrigger("before", "shutdown", trial_machine.stop)
    say(f"listening at port {port}; SIGINT or SIGTERM ends it")
    began = reactor.seconds()

    def look() -> None:
        events = trial_machine.scheduler.events
        since = events[-1].at if events else began
        if idle_seconds is not None and reactor.seconds() - since >= idle_seconds:
            looking.stop()
            reactor.stop()

    looking = LoopingCall(look)
    looking.clock = reactor
    looking.start(_LOOK_SECONDS, now=False)
    return Deferred()


def rehearsal_run(terms: Terms, now: datetime, results: tuple[Result, ...]) -> Run:
    """The rehearsal, with what was agreed at its head."""
    facts = (
        ("bank, DE 32", terms.code),
        ("framing", str(terms.framing)),
        ("dialect", terms.dialect),
        ("MAC", str(terms.mac)),
        ("held at", now.isoformat(" ", "seconds")),
    )
    return Run("银行系统认证", "Certification of a bank", facts, results)


def in_a_line(event: Event) -> str:
    """An event in one line for a person who watches; without any field that could be a secret."""
    arrow = {Side.BANK: "bank →", Side.MACHINE: "← machine", Side.STAND: "← stand"}[event.side]
    fields = event.message.fields if event.message is not None else {}
    parts = [f"DE {number} {fields[number]}" for number in (11, 39, 70) if number in fields]
    fate = event.fate.value if event.fate is not Fate.PASSED else ""
    mac = f"MAC {event.mac}" if event.mac not in ("", "right") else ""
    parts = (
        f"{event.number:4} link {event.link}",
        arrow,
        event.title,
        *parts,
        event.policy,
        mac,
        fate,
    )
    return " ".join(part for part in parts if part)
