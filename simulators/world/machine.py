"""The real machine's process in the simulated world: started, killed at any moment, started again.

Everything that the production code would take from the system is given to it here: reactor, clock, entropy,
threads, and a database that fails when the weather says so. No rule of the machine is said again here.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, MutableSet
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import cache, partial
from queue import SimpleQueue
from random import Random
from typing import Any, Generic, TypeVar

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.interfaces import IDelayedCall
from twisted.python.failure import Failure

import fep.links.counterparties
import fep.operator.operations
import fep.service
from fep.day.clock import WallClock
from fep.doctor.selftest import Unfit
from fep.operator.control import ControlFactory
from fep.service import Service, World
from fep.settings.config import Settings
from fep.settings.dialects import served_dialect
from ledger.book.store import Store
from ledger.errors import Unavailable
from ledger.rules.beijing import BEIJING
from protocol.codec import Codec
from protocol.dialect import Dialect, load
from protocol.mac_cover import Cover
from simulators.world.network import Host, Network
from simulators.world.store import Fault, FaultyStore, Killed

T = TypeVar("T")
Names = dict[str, Any]


class Ordered(MutableSet[T], Generic[T]):
    """A set that keeps the order of insertion, so that iterating it is the same in every process."""

    def __init__(self) -> None:
        self._items: dict[T, None] = {}

    def __contains__(self, item: object) -> bool:
        return item in self._items

    def __iter__(self) -> Iterator[T]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def add(self, value: T) -> None:
        """Put in at the end."""
        self._items[value] = None

    def discard(self, value: T) -> None:
        """Take out, if it is there."""
        self._items.pop(value, None)


SILENT_SECONDS = 5.0
"""A database that has a call for so long counts as silent, by docs/decisions/0029: who comes gets 91."""


class VirtualThreads:
    """The commit thread in virtual time: a call waits, happens all at once, and waits again."""

    def __init__(self, machine: Machine, host: Host) -> None:
        self._machine = machine
        self._host = host

    def start(self) -> None:
        """Nothing to start."""

    def stop(self) -> None:
        """Nothing to stop."""

    def run(self, function: Callable[..., Any], *arguments: object) -> Deferred[Any]:
        """A Deferred that fires later with what the function returns."""
        outcome: Deferred[Any] = Deferred()
        silence = self._host.callLater(SILENT_SECONDS, self._machine.on_silence)
        self._host.callLater(self._machine.pause(), self._do, outcome, function, arguments)
        return outcome.addBoth(self._came_back, silence)

    def _came_back(self, result: Any, silence: IDelayedCall) -> Any:  # noqa: ANN401 - the call's own
        """Say once more of a call that was out for long that it was: what waited is turned away until now."""
        if silence.active():
            silence.cancel()
        else:
            self._machine.on_silence()
        return result

    def _do(
        self, outcome: Deferred[Any], function: Callable[..., Any], arguments: tuple[object, ...]
    ) -> None:
        machine = self._machine
        machine.before_thread()
        try:
            result = function(*arguments)
        except Killed:
            machine.kill()
            return
        except Exception:
            result = Failure()
        finally:
            machine.after_thread()
        self._host.callLater(machine.pause(), self._fire, outcome, result)

    @staticmethod
    def _fire(outcome: Deferred[Any], result: object) -> None:
        if not outcome.called:
            outcome.callback(result) if not isinstance(result, Failure) else outcome.errback(result)


class Lockstep:
    """The threads of a load: real ones, of which one runs at a time, and only while the world waits."""

    def __init__(self, host: Host) -> None:
        self._here = threading.local()
        self._open: dict[int, tuple[SimpleQueue[Any], SimpleQueue[Any]]] = {}
        self.host = host

    def end(self) -> None:
        """The process has ended: each of its threads fails where it waits."""
        while self._open:
            _, (answers, asked) = self._open.popitem()
            answers.put(Failure(Unavailable("the process ended")))
            asked.get()

    def defer(self, function: Callable[..., Any], *arguments: Any) -> Deferred[Any]:  # noqa: ANN401
        """In the place of twisted.internet.threads.deferToThread."""
        outcome: Deferred[Any] = Deferred()
        answers: SimpleQueue[Any] = SimpleQueue()
        asked: SimpleQueue[Any] = SimpleQueue()

        def work() -> None:
            self._here.queues = answers, asked
            answers.get()
            try:
                asked.put((None, function(*arguments)))
            except Exception:
                asked.put((None, Failure()))

        threading.Thread(target=work, daemon=True).start()
        self._go_on(self.host, outcome, answers, asked, None)
        return outcome

    def _go_on(
        self,
        host: Host,
        outcome: Deferred[Any],
        answers: SimpleQueue[Any],
        asked: SimpleQueue[Any],
        answer: object,
    ) -> None:
        answers.put(answer)
        wish, result = asked.get()
        self._open[id(answers)] = answers, asked
        if wish is None:
            del self._open[id(answers)]
            outcome.callback(result) if not isinstance(result, Failure) else outcome.errback(result)
            return
        going = maybeDeferred(wish)
        going.addBoth(lambda given: host.callLater(0, self._go_on, host, outcome, answers, asked, given))

    def block(self, _reactor: object, function: Callable[..., Any], *arguments: Any) -> Any:  # noqa: ANN401
        """In the place of twisted.internet.threads.blockingCallFromThread."""
        answers, asked = self._here.queues
        asked.put((partial(function, *arguments), None))
        answer = answers.get()
        if isinstance(answer, Failure):
            answer.raiseException()
        return answer


class Machine:
    """The simulated process of the real machine, and its database file."""

    def __init__(
        self,
        settings: Settings,
        network: Network,
        random: Random,
        start_at: datetime,
        on_look: Callable[[], None],
        on_fault: Callable[[Fault], None],
    ) -> None:
        self.settings = settings
        self.network = network
        self.random = random
        self.start_at = start_at
        self.moved = timedelta()
        """By how much the wall clock was set since."""
        self.faults: list[Fault] = []
        self.next_faults: Callable[[], list[Fault]] = list
        self.reread: Callable[[], Settings] = lambda: self.settings
        self.thread_seconds = 0.004
        self.service: Service | None = None
        self.host = Host(network, "machine 0")
        self.host.alive = False
        self.on_killed: Callable[[], None] = lambda: None
        self.on_silence: Callable[[], None] = lambda: None
        self._on_look = on_look
        self._on_fault = on_fault
        self._store: FaultyStore | None = None
        self._lockstep = Lockstep(self.host)
        self._count = 0

    @property
    def is_up(self) -> bool:
        """Whether a process is there."""
        return self.host.alive

    def now(self) -> datetime:
        """The wall clock."""
        return self.start_at + self.moved + timedelta(seconds=self.network.clock.seconds())

    def now_us(self) -> int:
        """The wall clock, in microseconds since 1970-01-01 UTC."""
        return int(self.now().replace(tzinfo=BEIJING).timestamp() * 1_000_000)

    def pause(self) -> float:
        """How many virtual seconds a step of a thread takes."""
        return self.thread_seconds * self.random.random()

    def start(self) -> None:
        """A new process on the file. Raises Unfit where it refuses to serve; it has ended then."""
        self._count += 1
        self.host = Host(self.network, f"machine {self._count}")
        self._lockstep.host = self.host
        self.faults.clear()
        world = World(
            self.host,
            WallClock(self.now_us, self.host.seconds),
            self.random.randbytes,
            lambda _: VirtualThreads(self, self.host),
        )
        self.service = Service(self.settings, world, self.reread)
        try:
            self.service.start()
        except Unfit:
            self.host.kill()
            self.service = self._store = None
            raise
        self.service.server.connections = Ordered()  # type: ignore[assignment]
        self.network.trace("machine starts", self._count, "")
        self._on_look()

    def kill(self) -> None:
        """End the process at once; what it had in memory is lost."""
        if not self.is_up:
            return
        self.network.trace("machine is killed", self._count, "")
        self.host.kill()
        self._lockstep.end()
        self.service = None
        self._close()
        self._on_look()
        self.on_killed()

    def stop(self) -> Deferred[Any]:
        """Stop the machine gracefully, as its operator does."""
        if self.service is None:
            raise RuntimeError("no machine is up")
        self.network.trace("machine is to stop", self._count, "")
        return self.service.stop().addCallback(lambda _: self.host.kill())

    def _close(self) -> None:
        if self._store is not None:
            self._store.close()
            self._store = None

    def before_thread(self) -> None:
        """Draw the faults that the next transactions meet."""
        if not self.faults:
            self.faults += self.next_faults()
            for fault in self.faults:
                self.network.trace("fault", self._count, fault.value)
        for fault in self.faults:
            self._on_fault(fault)

    def after_thread(self) -> None:
        """Have the oracle look at the file."""
        self._on_look()

    def _open(self, url: str) -> Store:
        self._store = FaultyStore(self.faults, url)
        return self._store

    @contextmanager
    def at_hand(self) -> Iterator[None]:
        """Context manager: the production modules find the world's reactor, threads and stores in place of
        the real ones.
        """
        with (
            _named(fep.service, Store=self._open, ControlFactory=_operated),
            _named(fep.links.counterparties, served_dialect=_dialect, Codec=_codec),
            _named(
                fep.operator.operations,
                deferToThread=self._lockstep.defer,
                blockingCallFromThread=self._lockstep.block,
            ),
        ):
            try:
                yield
            finally:
                self.host.alive = False
                self._lockstep.end()
                self._close()


_operated = partial(ControlFactory, identify=lambda _transport: "operator")
"""The kernel knows nobody at the other end of a simulated socket."""
_dialect = cache(served_dialect)
"""A dialect is read once a process here, and at each start by the machine itself; so it is compiled."""


@cache
def _compiled(name: str, cover: Cover) -> Codec:
    return Codec(load(name), cover)


def _codec(dialect: Dialect, cover: Cover) -> Codec:
    return _compiled(dialect.name, cover)


@contextmanager
def _named(module: Any, **parts: Any) -> Iterator[None]:  # noqa: ANN401
    before: Names = {name: getattr(module, name) for name in parts}
    for name, part in parts.items():
        setattr(module, name, part)
    try:
        yield
    finally:
        for name, part in before.items():
            setattr(module, name, part)
