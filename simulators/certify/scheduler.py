"""Provokes a bank by the policies that it names, and records everything that both sides send.

Decides about each frame at once. Whether the bank behaves rightly is judged afterwards, by `watch`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from types import MappingProxyType

from ledger.rules.masking import masked_numbers
from protocol.codec import Codec
from protocol.errors import FormatError
from protocol.message import ECHOED, Message, answer_mti
from protocol.tlv import build, first, parse
from simulators.certify.exercises import Provocation, exercise_on
from simulators.certify.forgery import wrong_mac
from simulators.certify.interposer import Fate, Interposed, Relayed, Ruling
from simulators.certify.result import Shown, Way
from simulators.certify.transcript import shown

Key = tuple[str, str, str]
"""DE 41, DE 7, DE 11."""

DELAY_SECONDS = 35.0
"""Later than a bank waits by convention (docs/protocol.md section 6)."""
_DEAF_TO = 2
_PASSED = Ruling()
_NOT_NOW: Mapping[Provocation, tuple[str, str]] = MappingProxyType(
    {Provocation.BUSY: ("91", "BUSY, ASK AGAIN"), Provocation.CLOSING: ("90", "CUTOVER, ASK AGAIN")}
)


class Side(StrEnum):
    """The side that caused an event."""

    BANK = "bank"
    MACHINE = "machine"
    STAND = "stand"


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened on a link, `at` seconds after the start. `number` is the event's own; `message`
    is None where there is none; `subject` is the key of the transaction that it is about, the original's for
    a reversal and its answer; `provocation` is that transaction's; `key` is the check value of the key under
    which the MAC is right.
    """

    at: float
    link: int
    side: Side
    title: str
    message: Message | None = None
    mac: str = ""
    key: str = ""
    fate: Fate = Fate.PASSED
    subject: Key | None = None
    provocation: Provocation | None = None
    policy: str = ""
    shown: Shown | None = None
    number: int = 0


@dataclass(slots=True)
class _Transaction:
    """What has happened to a transaction so far."""

    provocation: Provocation
    policy: str
    requests: int = 0
    advices_answered: int = 0
    reversals_answered: int = 0


@dataclass(slots=True)
class Scheduler:
    """Decides what happens to each frame of a rehearsal. `order` makes the machine do something: "echo" or
    "cutover".
    """

    codec: Codec
    seconds: Callable[[], float]
    order: Callable[[str], None]
    on_event: Callable[[Event], None] = lambda _: None
    delay_seconds: float = DELAY_SECONDS
    events: list[Event] = field(default_factory=list)
    spoilt_keys: set[str] = field(default_factory=set)
    """Check values of the keys that were sent with another."""
    _transactions: dict[Key, _Transaction] = field(default_factory=dict)
    _subjects: dict[Key, Key] = field(default_factory=dict)
    _spoil_next_key: bool = False

    # What happens.

    def opened(self, link: Interposed) -> None:
        """A bank has opened a link."""
        self._note(Event(self.seconds(), link.number, Side.BANK, "link opened"))

    def closed(self, link: Interposed, by: str) -> None:
        """A link is over."""
        self._note(Event(self.seconds(), link.number, Side(by), "link closed"))

    def garbled(self, link: Interposed, reason: str) -> None:
        """The bank sent bytes that are no frame."""
        note = Shown(Way.BANK, f"no frame: {reason}")
        self._note(Event(self.seconds(), link.number, Side.BANK, note.title, shown=note))

    def from_bank(self, link: Interposed, relayed: Relayed) -> Ruling:
        """The ruling on a frame from the bank: it passes, unless the policy named in it provokes something
        else.
        """
        subject = self._subject(relayed.message)
        ruling = self._rule_on_request(link, relayed, subject)
        self._note(self._event(link, Side.BANK, relayed, subject, ruling))
        if ruling.fate is Fate.ANSWERED:
            answer = link.codec.decode(ruling.body)
            own = Relayed(ruling.body, answer, "right", "")
            self._note(self._event(link, Side.STAND, own, subject, _PASSED))
        return ruling

    def from_machine(self, link: Interposed, relayed: Relayed) -> Ruling:
        """The ruling on an answer: it passes, unless its transaction's policy provokes something else."""
        message = relayed.message
        subject = self._subjects.get(key_of(message)) if message is not None else None
        ruling = self._rule_on_answer(link, relayed, subject)
        self._note(self._event(link, Side.MACHINE, relayed, subject, ruling))
        self._follow_up(message, subject)
        return ruling

    # Ruling.

    def _subject(self, message: Message | None) -> Key | None:
        """The key of the transaction that a message is about; a new one is remembered with its policy."""
        if message is None or message.mti[:2] not in ("02", "04"):
            return None
        own = key_of(message)
        subject = own
        if message.mti[:2] == "04" and len(message.fields.get(90, "")) >= 20:
            original = message.fields[90]
            subject = message.fields.get(41, ""), original[10:20], original[4:10]
        self._subjects[own] = subject
        if message.mti[:2] == "02" and subject not in self._transactions:
            policy = policy_of(message, self.codec)
            exercise = exercise_on(policy)
            self._transactions[subject] = _Transaction(
                exercise.provocation if exercise else Provocation.NOTHING, policy
            )
        return subject

    def _rule_on_request(self, link: Interposed, relayed: Relayed, subject: Key | None) -> Ruling:
        message, about = relayed.message, self._transactions.get(subject) if subject else None
        if message is None or about is None or message.mti[:3] != "020" or relayed.mac != "right":
            return _PASSED
        about.requests += 1
        if about.requests > 1:
            return _PASSED
        if about.provocation is Provocation.LOSS:
            return Ruling(Fate.CUT)
        if about.provocation in _NOT_NOW:
            code, reason = _NOT_NOW[about.provocation]
            fields = {n: text for n, text in message.fields.items() if n in ECHOED}
            answer = Message(answer_mti(message.mti), {**fields, 39: code, 44: reason})
            return Ruling(Fate.ANSWERED, link.codec.seal(answer, link.keys[0].mac))
        return _PASSED

    def _rule_on_answer(self, link: Interposed, relayed: Relayed, subject: Key | None) -> Ruling:
        message, about = relayed.message, self._transactions.get(subject) if subject else None
        if message is None:
            return _PASSED
        if message.mti == "0810" and 48 in message.fields and self._spoil_next_key:
            return self._spoil(link, relayed, message)
        if about is None:
            return _PASSED
        if message.mti[:2] == "04":
            about.reversals_answered += 1
            deaf = about.provocation is Provocation.DEAFNESS and about.reversals_answered <= _DEAF_TO
            return Ruling(Fate.LOST) if deaf else _PASSED
        if message.mti == "0230":
            about.advices_answered += 1
            lost = about.provocation is Provocation.ADVICE and about.advices_answered == 1
            return Ruling(Fate.LOST) if lost else _PASSED
        return self._rule_on_outcome(about, relayed, link)

    def _rule_on_outcome(self, about: _Transaction, relayed: Relayed, link: Interposed) -> Ruling:
        if about.provocation in (Provocation.SILENCE, Provocation.DEAFNESS):
            return Ruling(Fate.LOST)
        if about.provocation is Provocation.DELAY and about.requests == 1:
            return Ruling(Fate.HELD, seconds=self.delay_seconds)
        if about.provocation is Provocation.CUT and about.requests == 1:
            return Ruling(Fate.CUT)
        if about.provocation is Provocation.FORGERY and about.requests == 1:
            return Ruling(Fate.CHANGED, wrong_mac(relayed.body, link.codec.dialect))
        return _PASSED

    def _spoil(self, link: Interposed, relayed: Relayed, message: Message) -> Ruling:
        """The same answer with a wrong check value, sealed by the same key, if it was sealed."""
        self._spoil_next_key = False
        encoding = link.codec.dialect.de48_encoding
        groups = parse(message.fields[48], encoding)
        right = first(groups, "CA") or ""
        self.spoilt_keys.add(right)
        wrong = ("0" if right[:1] != "0" else "1") + right[1:]
        text = build(((tag, wrong if tag == "CA" else value) for tag, value in groups), encoding)
        changed = Message(message.mti, {**message.fields, 48: text})
        if relayed.mac == "none":
            return Ruling(Fate.CHANGED, link.codec.encode(changed))
        return Ruling(Fate.CHANGED, link.codec.seal(changed, link.keys[0].mac))

    def _follow_up(self, message: Message | None, subject: Key | None) -> None:
        """Do what an exercise does after an answer 00."""
        about = self._transactions.get(subject) if subject else None
        if message is None or about is None or (message.mti, message.fields.get(39)) != ("0210", "00"):
            return
        if about.provocation is Provocation.CHECK_VALUE:
            self._spoil_next_key = True
        elif about.provocation in (Provocation.ECHO, Provocation.CUTOVER) and about.requests == 1:
            self.order(about.provocation.value)

    # Writing down.

    def _event(
        self, link: Interposed, side: Side, relayed: Relayed, subject: Key | None, ruling: Ruling
    ) -> Event:
        message = relayed.message
        about = self._transactions.get(subject) if subject else None
        title = f"{len(relayed.body)} bytes that do not decode" if message is None else message.mti
        way = Way.BANK if side is Side.BANK else Way.MACHINE
        mac = f"{relayed.mac}; {ruling.fate.value}" if ruling.fate is not Fate.PASSED else relayed.mac
        message_shown = Shown(way, title) if message is None else shown(way, link.codec, message, mac)
        return Event(
            self.seconds(),
            link.number,
            side,
            title,
            message,
            relayed.mac,
            relayed.key,
            ruling.fate,
            subject,
            about.provocation if about else None,
            masked_numbers(about.policy) if about else "",
            message_shown,
        )

    def _note(self, event: Event) -> None:
        event = replace(event, number=len(self.events))
        self.events.append(event)
        self.on_event(event)


def key_of(message: Message) -> Key:
    """What names a message within its bank: DE 41, DE 7, DE 11."""
    fields = message.fields
    return fields.get(41, ""), fields.get(7, ""), fields.get(11, "")


def policy_of(message: Message, codec: Codec) -> str:
    """The policy that a message names, empty where it names none that can be read."""
    try:
        return first(parse(message.fields.get(48, ""), codec.dialect.de48_encoding), "PN") or ""
    except FormatError:
        return ""
