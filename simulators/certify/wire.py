"""One connection of an examining bank: bytes out, frames in, session key, each message noted down.

Blocking, since an examination is one question after the other. Judges nothing but MACs, and remembers no
transaction.
"""

from __future__ import annotations

import socket
import ssl
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from protocol.codec import Codec
from protocol.errors import PeerError
from protocol.framing import FrameReader, wrap
from protocol.keyblock import BINDINGS, unwrap
from protocol.mac import MacKey
from protocol.message import Message, is_answer
from protocol.tlv import first, parse
from simulators.certify.result import Shown, Way
from simulators.certify.terms import Terms, TlsFiles
from simulators.certify.transcript import shown
from simulators.messages import without_mac

_READ_BYTES = 65_536


class Silence(Exception):
    """No answer came in time."""


class Closed(Exception):
    """The machine closed the link."""


class Nonsense(Exception):
    """Bytes from the machine cannot be read; the text says why, and quotes nothing of them."""


@dataclass(frozen=True, slots=True)
class Heard:
    """One message from the machine. `covered` is what its MAC covers (all of it where there is none);
    `mac` is "right", "wrong" or "none".
    """

    message: Message
    covered: bytes
    head: bytes
    mac: str


class Wire:
    """One link to the machine."""

    def __init__(self, terms: Terms, codec: Codec, seconds: float, note: Callable[[Shown], None]) -> None:
        """Open the link; `seconds` is how long an answer may take. Raises OSError."""
        self.codec = codec
        self.key: MacKey | None = None
        self.own_key: MacKey | None = None
        """The session key that this bank made last, where it makes them."""
        self._terms = terms
        self._note = note
        self._reader = FrameReader(terms.framing, 0xFFFF, takes_empty=True)
        self._frames: deque[tuple[bytes, bytes]] = deque()
        self._notices: deque[Message] = deque()
        self._seconds = seconds
        plain = socket.create_connection((terms.host, terms.port), timeout=seconds)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket = _context(terms.tls).wrap_socket(plain) if terms.tls else plain

    def close(self) -> None:
        """End the link."""
        self._socket.close()

    def within(self, seconds: float) -> None:
        """Set how many seconds an answer may take from now on."""
        self._seconds = seconds

    def framed(self, body: bytes) -> bytes:
        """A message's bytes in a frame."""
        return wrap(self._terms.framing, body, self._terms.framing.head.sample())

    def sealed(self, message: Message) -> bytes:
        """The message with its MAC; without one where there is no key yet."""
        if self.key is None:
            return self.codec.encode(message)
        return self.codec.seal(message, self.key.mac)

    def send(self, message: Message, body: bytes, mac: str) -> None:
        """Send a message's bytes as one frame."""
        self._note(shown(Way.BANK, self.codec, message, mac))
        self.write(self.framed(body))

    def write(self, data: bytes) -> None:
        """Send bytes. Raises Closed."""
        try:
            self._socket.settimeout(self._seconds)
            self._socket.sendall(data)
        except TimeoutError:
            raise Silence from None
        except OSError:
            raise Closed from None

    def receive(self) -> Heard:
        """The next answer; what the machine asks meanwhile is answered and kept for `notice`. Raises
        Silence, Closed and Nonsense.
        """
        until = self._deadline()
        while True:
            heard = self._next(until)
            if is_answer(heard.message.mti):
                return heard
            self._asked(heard.message)

    def notice(self) -> Message:
        """What the machine asks next of its own accord, or has asked; it is answered. Raises as `receive`."""
        until = self._deadline()
        while not self._notices:
            heard = self._next(until)
            if not is_answer(heard.message.mti):
                self._asked(heard.message)
        return self._notices.popleft()

    def _asked(self, message: Message) -> None:
        self._notices.append(message)
        answer = Message("0810", {**message.fields, 39: "00"})
        self.send(answer, self.sealed(answer), "right")

    def take_key(self, heard: Heard) -> tuple[str, str, str]:
        """Take the session key of an answer into use, or this bank's own: the key block's version letter, the
        check value that came with it, and the one that the key has. Raises KeyBlockError where the block is
        not good.
        """
        if self.own_key is not None:
            self.key = self.own_key
            version = BINDINGS[self._terms.mac.algorithm].version
            return version, self.key.check_value, self.key.check_value
        groups = parse(heard.message.fields.get(48, ""), self.codec.dialect.de48_encoding)
        block = first(groups, "KA") or ""
        key = MacKey(self._terms.mac, unwrap(self._terms.zmk, block, self._terms.mac))
        self.key = key
        return block[:1], first(groups, "CA") or "", key.check_value

    def is_closed(self) -> bool:
        """Wait until the machine closes the link, passing over what it still says; False if it does not."""
        until = self._deadline()
        try:
            while self._read(until):
                pass
        except TimeoutError:
            return False
        except OSError:
            return True
        return True

    def _deadline(self) -> float:
        """The time by which the awaited message must have come, whatever else arrives before it."""
        return time.monotonic() + self._seconds

    def _read(self, until: float) -> bytes:
        left = until - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._socket.settimeout(left)
        return self._socket.recv(_READ_BYTES)

    def _next(self, until: float) -> Heard:
        while not self._frames:
            try:
                data = self._read(until)
            except TimeoutError:
                raise Silence from None
            except OSError:
                raise Closed from None
            if not data:
                raise Closed
            try:
                frames = self._reader.feed(data)
                self._frames.extend((frame.body, frame.head) for frame in frames if not frame.is_empty)
            except PeerError as error:
                raise Nonsense(str(error)) from None
        body, head = self._frames.popleft()
        try:
            message = self.codec.decode(body)
        except PeerError as error:
            self._note(Shown(Way.MACHINE, f"{len(body)} bytes", mac=str(error)))
            raise Nonsense(str(error)) from None
        heard = self._heard(body, head, message)
        self._note(shown(Way.MACHINE, self.codec, message, heard.mac))
        return heard

    def _heard(self, body: bytes, head: bytes, message: Message) -> Heard:
        split = self.codec.mac_of(body, message)
        if split is None:
            return Heard(message, body, head, "none")
        right = self.key is not None and self.key.verify(self.codec.mac_input(split[0]), split[1])
        return Heard(without_mac(message), split[0], head, "right" if right else "wrong")


def _context(files: TlsFiles) -> ssl.SSLContext:
    """A TLS context of version 1.2 or later that trusts exactly the machine's certificate, self-signed or
    not.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.check_hostname = False  # the certificate itself is what was agreed, not a name
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.load_verify_locations(files.machine)
    context.load_cert_chain(files.certificate, files.key)
    return context


def try_close(wire: Wire) -> None:
    """Close a link that may be closed already."""
    with suppress(OSError):
        wire.close()
