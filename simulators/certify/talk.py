"""The conversation of one case: its links, the messages sent and received by name, the checks made.

At its end it reverses what it had approved. The cases say what is asked and what must come of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from os import urandom

from ledger.rules.dues import KINDS
from protocol.codec import Codec
from protocol.mac import MacKey
from protocol.message import Message, answer_mti
from simulators import messages
from simulators.certify.result import CertifyError, Check, Shown, Way
from simulators.certify.terms import Terms
from simulators.certify.wire import Closed, Heard, Nonsense, Silence, Wire, try_close
from simulators.messages import Stamp, Terminal
from simulators.own_key import own_key


class Failed(Exception):
    """A check of the case did not hold; the check itself says what."""


class NotApplicable(Exception):
    """The case cannot be run here; the text says why."""


@dataclass(frozen=True, slots=True)
class Means:
    """What an examination works with. `stans` gives numbers not used before today; `pause` waits so many
    seconds, None where waiting is not wanted; `cutover` has the operator cut over and returns how many
    seconds the notice may take, None where that is not possible.
    """

    terms: Terms
    codec: Codec
    now: Callable[[], datetime]
    stans: Iterator[int]
    seconds: float = 10.0
    pause: Callable[[float], None] | None = None
    cutover: Callable[[], float] | None = None
    baseline: dict[int, str] = field(default_factory=dict)
    """The machine's totals before the first case: by DE."""


@dataclass(slots=True)
class Talk:
    """The conversation of one case."""

    means: Means
    checks: list[Check] = field(default_factory=list)
    shown: list[Shown] = field(default_factory=list)
    sent: dict[str, Message] = field(default_factory=dict)
    heard: dict[str, Heard] = field(default_factory=dict)
    in_effect: dict[tuple[str, ...], Message] = field(default_factory=dict)
    old_key: MacKey | None = None
    _wire: Wire | None = None

    @property
    def terms(self) -> Terms:
        """What was agreed."""
        return self.means.terms

    @property
    def codec(self) -> Codec:
        """The dialect at work."""
        return self.means.codec

    @property
    def wire(self) -> Wire:
        """The link of the case, opened when it is first asked for."""
        if self._wire is None:
            return self.open()
        return self._wire

    def open(self) -> Wire:
        """Open a link, in place of the one before, which is closed."""
        self.close()
        try:
            self._wire = Wire(self.terms, self.codec, self.means.seconds, self.shown.append)
        except OSError as error:
            where = f"{self.terms.host}:{self.terms.port}"
            raise CertifyError(f"{where}: no link can be opened: {error.strerror or error}") from error
        return self._wire

    def close(self) -> None:
        """Close the link, if there is one."""
        if self._wire is not None:
            try_close(self._wire)
            self._wire = None

    def remark(self, text: str) -> None:
        """Add a remark about a link to the transcript."""
        self.shown.append(Shown(Way.NOTE, text))

    def check(self, expected: str, seen: str, passed: bool) -> None:
        """Record what was expected and what was seen. Raises Failed where it does not hold."""
        self.checks.append(Check(expected, seen, passed))
        if not passed:
            raise Failed

    @property
    def key(self) -> MacKey:
        """The session key, which is there once the case has signed on."""
        if self.wire.key is None:
            raise LookupError("this case has not signed on")
        return self.wire.key

    # Speaking.

    def moment(self) -> str:
        """DE 7 of now."""
        return self.means.now().strftime("%m%d%H%M%S")

    def stan(self) -> str:
        """A DE 11 that was not used before."""
        return f"{next(self.means.stans) % 1_000_000:06d}"

    def sign_on(self) -> None:
        """Open a link and sign on, and take the key."""
        self.open()
        heard = self.ask(self.network("001"), sealed=False)
        code = heard.message.fields.get(39, "")
        self.check("sign-on is answered DE 39 = 00", f"DE 39 = {code}", code == "00")
        self.wire.take_key(heard)

    def network(self, code: str) -> Message:
        """An 0800; a sign-on or change of keys has a new key where the bank makes the keys."""
        message = messages.network(self.terms.code, self.stamp(), code)
        if not self.terms.makes_keys or code not in ("001", "101"):
            return message
        own = own_key(self.terms.mac, self.terms.zmk, self.codec.dialect.de48_encoding, urandom)
        self.wire.own_key = own.key
        return Message(message.mti, {**message.fields, 48: own.groups})

    def ask(self, message: Message, name: str = "", *, sealed: bool = True) -> Heard:
        """Send a message and wait for its answer; both can be found again by `name`."""
        body = self.wire.sealed(message) if sealed else self.codec.encode(message)
        return self.ask_bytes(message, body, name, "right" if sealed and self.wire.key else "none")

    def ask_bytes(self, message: Message, body: bytes, name: str = "", mac: str = "right") -> Heard:
        """Send bytes made by hand, for which `message` stands in the transcript, and wait for the answer."""
        self.sent[name] = message
        try:
            self.wire.send(message, body, mac)
        except Closed:
            self.check(f"{message.mti} is answered", "the link was closed", False)
        return self.hear(message, name)

    def hear(self, request: Message, name: str = "") -> Heard:
        """Wait for the answer to a request, and check that it comes, that its MTI is right, and that its MAC
        is.
        """
        expected = f"{request.mti} is answered"
        try:
            heard = self.wire.receive()
        except Silence:
            self.check(expected, f"nothing within {self.means.seconds:g} s", False)
            raise
        except Closed:
            self.check(expected, "the link was closed", False)
            raise
        except Nonsense as error:
            self.check(f"{expected} in the dialect agreed", str(error), False)
            raise
        self.heard[name] = heard
        self._keep_in_effect(request, heard.message)
        wanted = answer_mti(request.mti)
        if heard.message.mti != wanted:
            self.check(f"{expected} by {wanted}", heard.message.mti, False)
        if heard.mac != "right" and (self.wire.key is not None or heard.mac == "wrong"):
            is_sign_on = request.fields.get(70) == "001"
            if not is_sign_on:
                self.check("the answer carries a right MAC", f"MAC {heard.mac}", False)
        return heard

    # Taking back.

    def _keep_in_effect(self, request: Message, answer: Message) -> None:
        fields = request.fields
        if request.mti[:3] in ("020", "022") and fields.get(3) in KINDS and answer.fields.get(39) == "00":
            key = tuple(fields.get(number, "") for number in (32, 41, 7, 11))
            self.in_effect.setdefault(key, request)

    def take_back(self) -> None:
        """Reverse, on a new link, whatever the case had approved; an original that was undone already is
        answered 00 too.
        """
        if not self.in_effect:
            return
        self.remark("the case is over: what it had approved is reversed")
        self.sign_on()
        for original in self.in_effect.values():
            answer = self.ask(self.reversal_of(original)).message
            code = answer.fields.get(39, "")
            self.check("what the case had approved is reversed: DE 39 = 00", f"DE 39 = {code}", code == "00")

    def reversal_of(self, original: Message, mti: str = "0400") -> Message:
        """A reversal of a message, with a key of its own."""
        return messages.reversal(original, self.terms.code, self.stamp(), mti)

    def terminal(self) -> Terminal:
        """The terminal at which the examining bank works."""
        return Terminal(self.terms.code, self.terms.branch, self.terms.terminal)

    def stamp(self) -> Stamp:
        """The moment and the number of a new message."""
        return Stamp(self.moment(), self.stan())
