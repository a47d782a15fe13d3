"""A bank's connection to the machine: frames, the session key, and which answer belongs to which question.

Knows the wire only: what is asked, and what an answer means, is the bank's (`simulators.bank`).
"""

from __future__ import annotations

import os

from OpenSSL import SSL
from twisted.internet.defer import Deferred
from twisted.internet.defer import TimeoutError as DeferredTimeout
from twisted.internet.error import ConnectError, ConnectionClosed, ConnectionLost
from twisted.internet.interfaces import ITCPTransport
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure

from protocol.codec import Codec
from protocol.errors import PeerError
from protocol.framing import FrameReader, sign_of_life, wrap
from protocol.keyblock import unwrap
from protocol.mac import MacKey
from protocol.message import Message, is_answer
from protocol.tlv import first, parse
from qianzhi_errors import QianzhiError
from simulators.messages import without_mac
from simulators.own_key import OwnKey, own_key
from simulators.profile import BankProfile

SILENCES_MAX = 2
"""So many answers in a row that did not come in time end a link on which nothing else came either: it is half
open, and whoever waits for it waits for ever."""

SILENCE = (DeferredTimeout, ConnectionClosed, ConnectError)
"""Nobody answered: not in time, not before the link ended, or there was none to be had."""

_APPROVED = "00"


class BankError(QianzhiError):
    """The bank cannot go on; the text says what the machine did."""


class BankLink(Protocol):
    """One connection: frames, session key, and which answer belongs to which question."""

    transport: ITCPTransport

    def __init__(self, profile: BankProfile, codec: Codec, violations: list[str]) -> None:
        self._profile = profile
        self._violations = violations
        self._silences = 0
        self._unsealed: set[tuple[str, str]] = set()
        self._codec = codec
        self._reader = FrameReader(profile.framing, takes_empty=True)
        self._head = profile.framing.head.sample()
        self._key: MacKey | None = None
        self._own: OwnKey | None = None
        self._waiting: dict[tuple[str, str], Deferred[Message]] = {}
        self.notices: list[Message] = []
        self.is_open = False

    def connectionMade(self) -> None:  # noqa: N802 - Twisted's name
        """Send each message at once."""
        self.is_open = True
        self.transport.setTcpNoDelay(True)

    def connectionLost(self, reason: Failure = connectionDone) -> None:  # noqa: N802 - Twisted's name
        """Fail every question that waits for an answer on this link."""
        if reason.check(SSL.Error):
            reason = Failure(ConnectionLost(f"TLS: {reason.getErrorMessage()}"))
        self.is_open = False
        waiting, self._waiting = self._waiting, {}
        for answer in waiting.values():
            answer.errback(reason)

    def dataReceived(self, data: bytes) -> None:  # noqa: N802 - Twisted's name
        """Take what came; at the first message that breaks the interface the link ends, and nothing is
        believed.
        """
        if not self.is_open:
            return
        self._silences = 0
        try:
            for frame in self._reader.feed(data):
                if not frame.is_empty:
                    self._take(frame.body)
        except (PeerError, BankError) as error:
            self._violations.append(str(error))
            self.abort()

    def _take(self, body: bytes) -> None:
        """Take one message: give an answer to its question, and answer a request."""
        message = self._codec.decode(body)
        self._check_mac(body, message)
        if not is_answer(message.mti):
            self._asked(message)
            return
        if 39 not in message.fields:
            raise BankError(f"{message.mti} came without DE 39")
        waiting = self._waiting.pop(_question(message), None)
        if waiting is not None:
            waiting.callback(message)

    def ask(self, message: Message, *, sealed: bool = True) -> Deferred[Message]:
        """Send a message; fires with its answer, or fails when the link is lost."""
        answer: Deferred[Message] = Deferred(lambda _: self._waiting.pop(_question(message), None))
        if not self.is_open:
            answer.errback(ConnectionLost("the link is gone"))
            return answer
        data = self._bytes(message, sealed=sealed)
        self._waiting[_question(message)] = answer
        if not sealed:
            self._unsealed.add(_question(message))
        self.transport.write(data)
        return answer

    def poll(self) -> None:
        """Send an empty frame, by which many hosts show that an idle link is alive."""
        if self.is_open:
            self.transport.write(sign_of_life(self._profile.framing, self._head))

    def missed(self) -> None:
        """Count an answer that did not come in time; too many in a row end the link."""
        self._silences += 1
        if self._silences == SILENCES_MAX:
            self.abort()

    def abort(self) -> None:
        """End the connection at once, if it stands: TLS that has ended cannot be ended again."""
        if self.is_open:
            self.is_open = False
            self.transport.abortConnection()

    def with_own_key(self, request: Message) -> Message:
        """A sign-on or change of keys as this link sends it: with a new key where the bank makes the keys."""
        if not self._profile.makes_keys:
            return request
        encoding = self._codec.dialect.de48_encoding
        self._own = own_key(self._profile.mac, self._profile.zmk, encoding, os.urandom)
        return Message(request.mti, {**request.fields, 48: self._own.groups})

    def install(self, answer: Message) -> None:
        """Take the session key that a sign-on or key change brought: in its answer, or in its request where
        the bank makes the keys. Raises BankError where it was refused.
        """
        if self._own is not None:
            if answer.fields.get(39) != _APPROVED:
                raise BankError("the machine did not take the bank's key")
            self._key = self._own.key
            return
        groups = parse(answer.fields.get(48, ""), self._codec.dialect.de48_encoding)
        key = MacKey(
            self._profile.mac, unwrap(self._profile.zmk, first(groups, "KA") or "", self._profile.mac)
        )
        if key.check_value != first(groups, "CA"):
            raise BankError("the session key's check value is wrong")
        self._key = key

    def _asked(self, message: Message) -> None:
        self.notices.append(message)
        answer = Message("0810", {**without_mac(message).fields, 39: _APPROVED})
        self.transport.write(self._bytes(answer, sealed=True))

    def _bytes(self, message: Message, *, sealed: bool) -> bytes:
        if sealed and self._key is not None:
            body = self._codec.seal(message, self._key.mac)
        else:
            body = self._codec.encode(message)
        return wrap(self._profile.framing, body, self._head)

    def _check_mac(self, body: bytes, message: Message) -> None:
        """Once there is a key, only the answer to our own sign-on may come without a MAC (docs/protocol.md
        section 5.3).
        """
        split = self._codec.mac_of(body, message)
        if split is None:
            asked_unsealed = message.mti == "0810" and _question(message) in self._unsealed
            self._unsealed.discard(_question(message))
            if self._key is not None and not asked_unsealed:
                raise BankError(f"{message.mti} came without a MAC")
        elif self._key is None or not self._key.verify(self._codec.mac_input(split[0]), split[1]):
            raise BankError(f"the MAC of {message.mti} is wrong")


def _question(message: Message) -> tuple[str, str]:
    return message.fields.get(7, ""), message.fields.get(11, "")
