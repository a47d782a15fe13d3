"""One connection as the oracle follows it at the machine's end: questions, session keys, what still waits.

Imports the wire's code only. `oracle` judges the answers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date

from protocol.errors import DecodeError, FrameError, PeerError
from protocol.framing import FrameReader
from protocol.keyblock import unwrap
from protocol.mac import MacKey
from protocol.message import ECHOED, Message, answer_mti, is_answer
from protocol.tlv import first, parse
from simulators.world.reading import Ask, Terms, read, read_network

OLD_KEY_SECONDS = 30.0
"""How long a session key that was replaced stays good (docs/protocol.md section 5.4)."""
_FOREVER = float("inf")
Name = tuple[str, ...]


@dataclass(slots=True, eq=False)
class Question:
    """One message that reached the machine. `moment` counts what the book had seen by then; `refused` tells
    that the answer's code forbids any effect.
    """

    link: Conversation
    name: Name
    body: bytes
    message: Message
    ask: Ask
    at: float
    moment: int
    split: tuple[bytes, bytes] | None
    content: bytes = b""
    refused: bool = False
    _proofs: dict[int, bool] = field(default_factory=dict)

    def may_act(self, now: float) -> bool:
        """Whether it was authentic and its link signed on at some time from its arrival until `now`."""
        return self._has_right_bank() and any(self._good_keys(now)) and self.link.was_signed_on(self.at, now)

    def must_act(self, now: float) -> bool:
        """Whether it was authentic and its link signed on all the time from its arrival until `now`."""
        return (
            self._has_right_bank()
            and any(key.issued <= self.at and key.retires > now for key in self._good_keys(now))
            and self.link.was_signed_on_all(self.at, now)
        )

    def network_fault(self, code: str, now: float) -> str:
        """What is wrong with the answer to an 08xx; empty for nothing."""
        fields, fault = self.message.fields, self.ask.fault
        if fault:
            right = (fault,) if fields.get(70) == "001" else (fault, "63")
            return "" if code in right else f"an {self.message.mti} was answered {code}, not {fault}"
        if fields.get(70) == "001":
            good = ("00", "91") if self._has_right_bank() else ("63",)
            return "" if code in good else f"sign-on was answered {code}"
        if code == "00" and self.link.keys and not self.may_act(now):
            signed = self.link.was_signed_on(self.at, now)
            return f"{fields.get(70)} was answered 00 without a good MAC" if signed else ""
        if code == "63" and self.must_act(now):
            return "an 0800 with a good MAC was answered 63"
        return "" if code in ("00", "30", "40", "63", "91") else f"an 0800 was answered {code}"

    def _has_right_bank(self) -> bool:
        given = self.message.fields.get(32, "")
        return given.zfill(11) == self.link.terms.full_code

    def _good_keys(self, now: float) -> Iterator[SessionKey]:
        if self.split is not None:
            for place, key in enumerate(self.link.keys):
                if (
                    key.issued <= now
                    and key.retires >= self.at
                    and self._is_under(place, key.key, self.split)
                ):
                    yield key

    def _is_under(self, place: int, key: MacKey, split: tuple[bytes, bytes]) -> bool:
        """Whether its MAC is right under a key; computed once for each key."""
        if place not in self._proofs:
            self._proofs[place] = key.verify(*split)
        return self._proofs[place]


@dataclass(slots=True)
class SessionKey:
    """A session key, and the virtual seconds from which and until which it is accepted."""

    key: MacKey
    issued: float
    retires: float = _FOREVER


@dataclass(slots=True, eq=False)
class Conversation:
    """What went over one connection, as seen at the machine's end."""

    number: int
    terms: Terms
    say: Callable[[str], None]
    today: Callable[[], date]
    keys: list[SessionKey] = field(default_factory=list)
    signed: list[list[float]] = field(default_factory=list)
    waiting: dict[Name, list[Question]] = field(default_factory=dict)
    alive: bool = True
    ended_at: float = _FOREVER
    garbled: int = 0
    order: list[Question] = field(default_factory=list)
    notices: list[tuple[str, float]] = field(default_factory=list)
    _incoming: FrameReader = field(init=False)
    _outgoing: FrameReader = field(init=False)
    _broken: bool = False

    def __post_init__(self) -> None:
        self._incoming = FrameReader(self.terms.framing)
        self._outgoing = FrameReader(self.terms.framing)

    def asked(self, data: bytes, now: float, moment: int) -> list[Question]:
        """The messages that these bytes of the bank's complete."""
        if self._broken:
            return []
        try:
            frames = self._incoming.feed(data)
        except FrameError as error:
            frames, self._broken = list(error.frames), True
        questions = []
        for frame in frames:
            question = self._question(frame.body, now, moment)
            if question is not None:
                questions.append(question)
                self.waiting.setdefault(question.name, []).append(question)
        return questions

    def _question(self, body: bytes, now: float, moment: int) -> Question | None:
        codec = self.terms.codec
        try:
            message = codec.decode(body)
        except DecodeError:
            self.garbled += 1
            return None
        if is_answer(message.mti):
            return None
        reading = read_network if message.mti[:2] == "08" else read
        ask = reading(message, self.terms, self.today())
        split = codec.mac_of(body, message)
        name = (answer_mti(message.mti), *_echo(message))
        question = Question(self, name, body, message, ask, now, moment, split)
        if split is not None:
            width = codec.dialect.mti_width
            question.content = ask.mti.encode() + split[0][width:]
        return question

    def messages_in(self, data: bytes) -> list[tuple[Message, bytes]]:
        """The messages that these bytes of the machine's complete, each with its bytes."""
        try:
            bodies = [frame.body for frame in self._outgoing.feed(data)]
            return [(self.terms.codec.decode(body), body) for body in bodies]
        except PeerError as error:
            self.say(f"the machine wrote what is no message: {error}")
            return []

    def candidates(self, answer: Message) -> list[Question]:
        """The questions that an answer may belong to."""
        return self.waiting.get((answer.mti, *_echo(answer)), [])

    def is_sealed(self, answer: Message, body: bytes) -> bool:
        """Whether an answer carries a right MAC under the newest key."""
        split = self.terms.codec.mac_of(body, answer)
        return split is not None and bool(self.keys) and self.keys[-1].key.verify(*split)

    def take_key(self, answer: Message, now: float) -> None:
        """Take the key that the answer to a sign-on or key change brought."""
        groups = parse(answer.fields[48], self.terms.codec.dialect.de48_encoding)
        key = MacKey(self.terms.mac, unwrap(self.terms.zmk, first(groups, "KA") or "", self.terms.mac))
        if key.check_value != first(groups, "CA"):
            self.say("a session key's check value is wrong")
        for older in self.keys[:-1]:
            older.retires = min(older.retires, now)
        if self.keys:
            self.keys[-1].retires = now + OLD_KEY_SECONDS
        self.keys.append(SessionKey(key, now))

    def sign_on(self, now: float) -> None:
        """Note that the link is signed on."""
        if not self.signed or self.signed[-1][1] != _FOREVER:
            self.signed.append([now, _FOREVER])

    def sign_off(self, now: float) -> None:
        """Note that the link is signed off."""
        if self.signed:
            self.signed[-1][1] = min(self.signed[-1][1], now)

    def was_signed_on(self, begin: float, end: float) -> bool:
        """Whether it was signed on at some time between two moments."""
        return any(since <= end and until >= begin for since, until in self.signed)

    def was_signed_on_all(self, begin: float, end: float) -> bool:
        """Whether it was signed on all the time between two moments."""
        return any(since <= begin and until > end for since, until in self.signed)


def _echo(message: Message) -> Name:
    fields = message.fields
    return tuple(fields.get(number, "") for number in ECHOED)
