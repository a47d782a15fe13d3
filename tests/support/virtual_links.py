"""A machine's end of banks' connections in virtual time: no sockets, and answers as a test says.

No rule is checked here.
"""

from __future__ import annotations

from collections.abc import Coroutine
from datetime import UTC, datetime
from itertools import count
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionLost
from twisted.internet.error import ConnectionRefusedError as RefusedError
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.python.failure import Failure

from protocol import keyblock
from protocol.codec import Codec
from protocol.dialect import load
from protocol.framing import FrameReader, Framing, wrap
from protocol.mac import MacKey, MacMethod
from protocol.message import Message
from protocol.tlv import build
from simulators.bank import Bank
from simulators.profile import BankProfile
from tests.support.builders import BANK
from tests.support.machine import ZMK

ANSWER_SECONDS = 10
PROFILE = BankProfile(BANK, "127.0.0.1", 8583, Framing.BE2, "ascii87", MacMethod.AES_CMAC, ZMK)
CODEC = Codec(load("ascii87"))
KEY = MacKey(MacMethod.AES_CMAC, bytes(range(16)))
BLOCK = keyblock.wrap(ZMK, bytes(range(16)), MacMethod.AES_CMAC, bytes)
KEYS = build((("KA", BLOCK), ("CA", KEY.check_value)), load("ascii87").de48_encoding)


class Transport(StringTransport):
    """As sockets, it can be told not to wait; as TLS, it cannot be aborted when it has ended."""

    is_lost = False

    def setTcpNoDelay(self, enabled: bool) -> None:  # noqa: N802 - Twisted's name
        self.no_delay = enabled

    def abortConnection(self) -> None:  # noqa: N802 - Twisted's name
        assert not self.is_lost
        super().abortConnection()


class Taken:
    """The machine's end of one connection."""

    def __init__(self, protocol: Any) -> None:  # noqa: ANN401 - an endpoint's wrapper
        self._protocol = protocol
        self.transport = Transport()
        self._reader = FrameReader(Framing.BE2)
        protocol.makeConnection(self.transport)

    def asked(self) -> list[Message]:
        """What was said since the last look."""
        data = self.transport.value()
        self.transport.clear()
        return [CODEC.decode(frame.body) for frame in self._reader.feed(data)]

    def answer(self, question: Message, *, sealed: bool = True, **fields: str) -> None:
        """Answer, with fields by their names `de39` and so on."""
        given = {int(name.removeprefix("de")): value for name, value in fields.items()}
        kept = {number: question.fields[number] for number in (7, 11)}
        message = Message(f"{question.mti[:2]}{int(question.mti[2]) + 1}0", {**kept, **given})
        body = CODEC.seal(message, KEY.mac) if sealed else CODEC.encode(message)
        self._protocol.dataReceived(wrap(Framing.BE2, body))

    def lose(self) -> None:
        """End the connection."""
        self.transport.is_lost = True
        self._protocol.connectionLost(Failure(ConnectionLost()))

    def sign_on(self, code: str = "00") -> None:
        """Let the bank sign on, or not."""
        [question] = self.asked()
        self.answer(question, sealed=False, de39=code, **({"de48": KEYS} if code == "00" else {}))


class Machine:
    """All that banks do to a reactor without sockets."""

    def __init__(self) -> None:
        self.reactor: Any = MemoryReactorClock()
        stans = count(1)
        self.second = lambda: datetime(2026, 11, 24, 10, 11, next(stans) % 60, tzinfo=UTC)
        self.taken: list[Taken] = []

    def bank(self) -> Bank:
        return Bank(PROFILE, self.reactor, self.second, ANSWER_SECONDS)

    def take(self) -> Taken:
        """Take the next connection."""
        self.taken.append(Taken(self._opening().buildProtocol(None)))
        return self.taken[-1]

    def refuse(self) -> None:
        """Refuse the next connection."""
        self._opening().clientConnectionFailed(None, Failure(RefusedError()))
        self.taken.append(None)  # type: ignore[arg-type] - only counted

    def opened(self) -> int:
        """How many connections banks wanted."""
        return len(self.reactor.tcpClients)

    def _opening(self) -> Any:  # noqa: ANN401 - Twisted's factory
        return self.reactor.tcpClients[len(self.taken)][2]


def begun(act: Coroutine[Any, Any, Any]) -> list[Any]:
    """Start an act: its result or its exception, when it has one."""
    ended: list[Any] = []
    Deferred.fromCoroutine(act).addCallbacks(ended.append, lambda failure: ended.append(failure.value))
    return ended
