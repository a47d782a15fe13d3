"""A simulated network in virtual time: it delays, splits, cuts at any byte, and sends what it likes twice.

`Host` stands for a machine's reactor and ends with it; `Network` holds the wires. Nothing here knows a
message. Every chance is drawn from a generator of the connection's own, so that the order in which a
program looks at its connections changes nothing.
"""

from __future__ import annotations

from bisect import insort
from collections import deque
from collections.abc import Callable
from operator import attrgetter
from random import Random
from typing import Any, NamedTuple, Protocol

from twisted.internet.address import IPv4Address, UNIXAddress
from twisted.internet.base import DelayedCall
from twisted.internet.error import ConnectError, ConnectionDone, ConnectionLost
from twisted.internet.interfaces import IDelayedCall
from twisted.internet.task import Clock
from twisted.python.failure import Failure


class Weather(NamedTuple):
    """How the network behaves. Chances from 0 to 1, times in virtual seconds."""

    latency: float = 0.02
    split: float = 0.0
    stall: float = 0.0
    stall_seconds: float = 40.0
    cut: float = 0.0
    half_open: float = 0.0
    ghost: float = 0.0


CALM = Weather()


class Tap(Protocol):
    """Receives what happens on the wires at the machine's end."""

    def opened(self, number: int, port: int) -> None:
        """A connection reached the machine, and was taken."""

    def machine_got(self, number: int, data: bytes) -> None:
        """The machine is about to be given these bytes."""

    def machine_wrote(self, number: int, data: bytes) -> None:
        """The machine let go of these bytes."""

    def ended(self, number: int) -> None:
        """The machine has been told that the connection is over, or is no more itself."""


class _Call(DelayedCall):
    """A call whose `time` is always when it is due: Twisted's keeps what it was put off by apart."""

    def reset(self, seconds: float) -> None:
        """As Twisted's."""
        super().reset(seconds)
        self._settle()

    def delay(self, seconds: float) -> None:
        """As Twisted's."""
        super().delay(seconds)
        self._settle()

    def _settle(self) -> None:
        self.activate_delay()
        self.resetter(self)


class SortedClock(Clock):
    """Twisted's virtual clock, but it inserts a new call at its place and does not sort all of them."""

    def callLater(self, delay: float, call: Callable[..., Any], *given: Any, **named: Any) -> IDelayedCall:  # noqa: N802, ANN401
        """As Twisted's; of calls that are due at one moment, the first to be asked for comes first."""
        delayed = _Call(
            self.rightNow + delay, call, given, named, self.calls.remove, self._moved, self.seconds
        )
        insort(self.calls, delayed, key=_time)
        return delayed

    def _moved(self, _call: DelayedCall) -> None:
        self.calls.sort(key=_time)

    def next_moment(self) -> None:
        """Advance to the next moment at which a call is due, and make all calls of that moment."""
        calls = self.calls
        self.rightNow = now = max(self.rightNow, calls[0].time)
        while calls and calls[0].time <= now:
            call = calls.pop(0)
            call.called = 1
            call.func(*call.args, **call.kw)


_time = attrgetter("time")


class Network:
    """All wires, and the one clock."""

    def __init__(self, seed: str, weather: Weather, trace: Callable[..., None]) -> None:
        self.clock = SortedClock()
        self.weather = weather
        self.trace = trace
        self.tap: Tap | None = None
        self._seed = seed
        self._count = 0
        self.ports: dict[object, Port] = {}

    def step(self) -> None:
        """Make the next thing happen."""
        self.clock.next_moment()

    def connect(self, client: Host, port: object, protocol: Any, address: str) -> None:  # noqa: ANN401
        """Have `protocol` connected to a port; its `connectionLost` is called if that fails."""
        wire = self._wire(client, protocol, address)
        wire.dial(port)
        if wire.random.random() < wire.weather.ghost:
            ghost = self._wire(client, _Sink(), address)
            ghost.dial(port)
            wire.ghost = ghost

    def _wire(self, client: Host, protocol: Any, address: str) -> Wire:  # noqa: ANN401
        self._count += 1
        random = Random(f"{self._seed}/wire {self._count}")
        return Wire(self, self._count, random, client, protocol, address)


class _Sink:
    """The far end of a connection that repeats another's bytes; it ignores what it gets."""

    def makeConnection(self, transport: Any) -> None:  # noqa: N802, ANN401 - Twisted's name
        """Ready."""

    def dataReceived(self, data: bytes) -> None:  # noqa: N802 - Twisted's name
        """Not looked at."""

    def connectionLost(self, reason: Failure) -> None:  # noqa: N802 - Twisted's name
        """Nobody minds."""


class Host:
    """One process's reactor: everything that it has started ends with it."""

    def __init__(self, network: Network, name: str) -> None:
        self.network = network
        self.name = name
        self.alive = True
        self.ends: dict[int, End] = {}
        self._next_port = 40_000

    def seconds(self) -> float:
        """Virtual seconds."""
        return self.network.clock.seconds()

    def callLater(self, delay: float, call: Callable[..., Any], *given: Any, **named: Any) -> IDelayedCall:  # noqa: N802, ANN401
        """As Twisted's; nothing is called once the process is no more."""
        return self.network.clock.callLater(delay, self._call, call, given, named)

    def _call(self, call: Callable[..., Any], given: tuple[Any, ...], named: dict[str, Any]) -> None:
        if self.alive:
            call(*given, **named)

    def callFromThread(self, call: Callable[..., Any], *given: Any) -> None:  # noqa: N802, ANN401
        """As Twisted's."""
        self.callLater(0, call, *given)

    def listenTCP(self, port: int, factory: Any, backlog: int = 50, interface: str = "") -> Port:  # noqa: N802, ARG002, ANN401
        """As Twisted's, in the simulated network."""
        if not port:
            self._next_port += 1
            port = self._next_port
        return Port(self, port, factory, IPv4Address("TCP", interface, port))

    def listenUNIX(self, address: str, factory: Any, mode: int = 0o666) -> Port:  # noqa: N802, ARG002, ANN401
        """As Twisted's, in the simulated network."""
        return Port(self, address, factory, UNIXAddress(address))

    def kill(self) -> None:
        """End at once: nothing more is called, and the others' connections are left to find out."""
        self.alive = False
        for name, port in list(self.network.ports.items()):
            if port.host is self:
                del self.network.ports[name]
        for end in list(self.ends.values()):
            end.vanish()


class Port:
    """A listening port."""

    def __init__(self, host: Host, name: object, factory: Any, address: object) -> None:  # noqa: ANN401
        if name in host.network.ports:
            raise ConnectError(f"{name} is taken")
        self.host = host
        self.name = name
        self.factory = factory
        self._address = address
        host.network.ports[name] = self

    def getHost(self) -> object:  # noqa: N802 - Twisted's name
        """Where it listens."""
        return self._address

    def stopListening(self) -> None:  # noqa: N802 - Twisted's name
        """Take no more."""
        self.host.network.ports.pop(self.name, None)


class Wire:
    """One connection: the client's end and, once it is taken, the machine's."""

    def __init__(
        self,
        network: Network,
        number: int,
        random: Random,
        client: Host,
        protocol: Any,  # noqa: ANN401 - any of Twisted's
        address: str,
    ) -> None:
        self.network = network
        self.number = number
        self.random = random
        self.client = End(self, client, protocol, is_machine=False)
        self.machine: End | None = None
        self.address = IPv4Address("TCP", address, 50_000 + number)
        self.ghost: Wire | None = None
        self.broken = False
        self.is_local = False

    @property
    def weather(self) -> Weather:
        """A local socket knows no weather."""
        return CALM if self.is_local else self.network.weather

    def delay(self) -> float:
        """How many virtual seconds the next bytes take."""
        weather, random = self.weather, self.random
        delay = weather.latency * (0.5 + random.random())
        if weather.stall and random.random() < weather.stall:
            delay += weather.stall_seconds * random.random()
        return delay

    def dial(self, port: object) -> None:
        """Ask for the port; a local socket's is a path."""
        self.is_local = isinstance(port, str)
        self.network.clock.callLater(self.delay(), self._knock, port)

    def _knock(self, name: object) -> None:
        port = self.network.ports.get(name)
        protocol = port.factory.buildProtocol(self.address) if port else None
        if port is None or protocol is None or not self.client.host.alive:
            self.network.clock.callLater(self.delay(), self.client.lose, ConnectError("refused"))
            return
        self.machine = End(self, port.host, protocol, is_machine=True)
        self.network.trace("open", self.number, "an operator" if self.is_local else f"port {name}")
        if self.network.tap is not None and isinstance(name, int):
            self.network.tap.opened(self.number, name)
        self.machine.begin(port.getHost())
        self.client.begin(None, self.delay())

    def other(self, end: End) -> End | None:
        """The far end."""
        return self.machine if end is self.client else self.client

    def carry(self, sender: End, data: bytes) -> None:
        """Carry bytes to the far end: in pieces, in order, perhaps not all."""
        weather, random = self.weather, self.random
        receiver = self.other(sender)
        if receiver is None or self.broken:
            if self.broken:
                self._later(sender, ConnectionLost("reset"))
            return
        if self.ghost is not None and sender is self.client and self.ghost.machine is not None:
            self.ghost.client.write(data)
        cut = weather.cut and random.random() < weather.cut
        if cut:
            data = data[: random.randrange(len(data) + 1)]
        start = 0
        while start < len(data):
            size = len(data) - start
            if weather.split and random.random() < weather.split:
                size = random.randrange(1, size + 1)
            receiver.expect(data[start : start + size], self.delay())
            start += size
        if cut:
            self.cut(receiver)

    def cut(self, receiver: End) -> None:
        """Cut the path: bytes under way to `receiver` may still arrive, all others are lost."""
        self.broken = True
        self.network.trace("cut", self.number, "")
        sender = self.other(receiver)
        for end in (receiver, sender):
            if end is None:
                continue
            if end is sender:
                end.forget()
            if self.random.random() >= self.weather.half_open:
                self._later(end, ConnectionLost("cut"))

    def _later(self, end: End, reason: Exception) -> None:
        end.expect_loss(reason, self.delay())


class End:
    """One end of a wire: a transport as Twisted's protocols know it."""

    def __init__(self, wire: Wire, host: Host, protocol: Any, *, is_machine: bool) -> None:  # noqa: ANN401
        self.wire = wire
        self.host = host
        self.protocol = protocol
        self.is_machine = is_machine
        self.connected = False
        self.disconnecting = False
        self._over = False
        self._arrives = 0.0
        self._age = 0
        self._line: deque[tuple[Callable[..., None], object, int]] = deque()
        self._paused = False
        self._held: list[bytes] = []
        self._ending: Exception | None = None
        self._address: object = None

    # What the network does.

    def begin(self, address: object, delay: float = 0.0) -> None:
        """The connection stands."""
        self._address = address
        self._arrives = self.host.seconds()
        self.host.ends[id(self)] = self
        if delay:
            self._arrives += delay
            self.wire.network.clock.callLater(delay, self._made)
        else:
            self._made()

    def _made(self) -> None:
        if not self._over and self.host.alive:
            self.connected = True
            self.protocol.makeConnection(self)

    def expect(self, data: bytes, delay: float) -> None:
        """Note that bytes are on their way to this end."""
        self._schedule(delay, self._arrive, data)

    def expect_loss(self, reason: Exception, delay: float) -> None:
        """Note that the end of the connection is on its way to this end."""
        self._schedule(delay, self._end_of_stream, reason)

    def _schedule(self, delay: float, call: Callable[..., None], argument: object) -> None:
        now = self.host.seconds()
        self._arrives = max(self._arrives, now + delay)
        self._line.append((call, argument, self._age))
        self.wire.network.clock.callLater(self._arrives - now, self._next)

    def _next(self) -> None:
        """The first in the line arrives: two that are due at one moment may be called in any order."""
        call, argument, age = self._line.popleft()
        call(argument, age)

    def forget(self) -> None:
        """Drop what is on its way to this end."""
        self._age += 1

    def _arrive(self, data: bytes, age: int) -> None:
        if age != self._age or self._over or not self.host.alive:
            return
        if self._paused:
            self._held.append(data)
            return
        self._give(data)

    def _give(self, data: bytes) -> None:
        network = self.wire.network
        self._trace("machine got" if self.is_machine else "bank got", data)
        if self.is_machine and network.tap is not None:
            network.tap.machine_got(self.wire.number, data)
        self.protocol.dataReceived(data)

    def _trace(self, event: str, data: bytes) -> None:
        """What an operator says names a folder, which is another in each process: not part of the run."""
        if not self.wire.is_local:
            self.wire.network.trace(event, self.wire.number, data)

    def _end_of_stream(self, reason: Exception, age: int) -> None:
        if self._paused or self._held:
            self._ending = reason  # who does not read does not see the end
        elif age == self._age or isinstance(reason, ConnectionLost):
            self.lose(reason)

    def lose(self, reason: Exception) -> None:
        """End the connection, and tell this end's protocol."""
        if self._over or not self.host.alive:
            return
        self._over = True
        self.host.ends.pop(id(self), None)
        if self.is_machine and self.wire.network.tap is not None:
            self.wire.network.tap.ended(self.wire.number)
        self.protocol.connectionLost(Failure(reason))

    def vanish(self) -> None:
        """This end's process has ended; the other end learns it by a reset, or when it writes next."""
        self._over = True
        self.host.ends.pop(id(self), None)
        if self.is_machine and self.wire.network.tap is not None:
            self.wire.network.tap.ended(self.wire.number)
        self.wire.broken = True
        other = self.wire.other(self)
        if other is not None and self.wire.random.random() >= self.wire.weather.half_open:
            other.expect_loss(ConnectionLost("reset"), self.wire.delay())

    # What a protocol asks of its transport.

    def write(self, data: bytes) -> None:
        """Send."""
        if self._over or not data:
            return
        network = self.wire.network
        if self.is_machine:
            self._trace("machine wrote", data)
            if network.tap is not None:
                network.tap.machine_wrote(self.wire.number, data)
        self.wire.carry(self, data)

    def writeSequence(self, parts: Any) -> None:  # noqa: N802, ANN401 - Twisted's name
        """Send."""
        self.write(b"".join(parts))

    def loseConnection(self) -> None:  # noqa: N802 - Twisted's name
        """Close when all is sent."""
        self._close(ConnectionDone())

    def abortConnection(self) -> None:  # noqa: N802 - Twisted's name
        """Close now, and lose what is unsent."""
        other = self.wire.other(self)
        if other is not None and self.wire.random.random() < 0.5:
            other.forget()
        self._close(ConnectionLost("aborted"))

    def _close(self, reason: Exception) -> None:
        if self.disconnecting or self._over:
            return
        self.disconnecting = True
        other = self.wire.other(self)
        if other is not None and not self.wire.broken:
            other.expect_loss(reason, self.wire.delay())
        self.host.callLater(0, self.lose, ConnectionDone())

    def pauseProducing(self) -> None:  # noqa: N802 - Twisted's name
        """Read no more for now."""
        self._paused = True

    def resumeProducing(self) -> None:  # noqa: N802 - Twisted's name
        """Read on: what came meanwhile comes now."""
        self._paused = False
        if self._held or self._ending is not None:
            self.host.callLater(0, self._read_on)

    def _read_on(self) -> None:
        while self._held and not self._paused and not self._over:
            self._give(self._held.pop(0))
        if self._ending is not None and not self._held and not self._paused:
            self.lose(self._ending)

    def registerProducer(self, producer: object, streaming: bool) -> None:  # noqa: N802 - Twisted's name
        """The simulated socket is never full."""

    def unregisterProducer(self) -> None:  # noqa: N802 - Twisted's name
        """Nothing was registered."""

    def setTcpNoDelay(self, enabled: bool) -> None:  # noqa: N802 - Twisted's name
        """There is no Nagle here."""

    def setTcpKeepAlive(self, enabled: bool) -> None:  # noqa: N802 - Twisted's name
        """Half-open connections stay so."""

    def getPeer(self) -> object:  # noqa: N802 - Twisted's name
        """The bank's address, seen from the machine."""
        return self.wire.address

    def getHost(self) -> object:  # noqa: N802 - Twisted's name
        """The port's address."""
        return self._address
