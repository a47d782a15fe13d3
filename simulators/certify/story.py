"""The events of a rehearsal put in order: transactions, each with all messages about it.

Reads events and nothing else; no rule stands here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from protocol.message import Message
from simulators.certify.exercises import Provocation
from simulators.certify.interposer import Fate
from simulators.certify.result import Check
from simulators.certify.scheduler import Event, Key, Side, key_of

REVERSALS = frozenset({"0400", "0401", "0420", "0421"})
REVERSED = frozenset({"0410", "0430"})
REQUESTS = frozenset({"0200", "0201"})
ADVICES = frozenset({"0220", "0221"})


@dataclass(frozen=True, slots=True)
class Tale:
    """One transaction's events: its requests, its reversals, and the answers to both, in order."""

    subject: Key
    provocation: Provocation
    policy: str
    events: tuple[Event, ...]

    def by_bank(self, mtis: Iterable[str]) -> list[Event]:
        """The bank's messages about it with one of these MTIs."""
        return [event for event in self.events if event.side is Side.BANK and _is(event, mtis)]

    def answers(self, mtis: Iterable[str]) -> list[Event]:
        """The answers with one of these MTIs that reached the bank, whole and unchanged."""
        return [event for event in self.events if _reached(event) and _is(event, mtis)]

    @property
    def reversals(self) -> list[Event]:
        """The bank's reversals of it, with their repeats."""
        return self.by_bank(REVERSALS)

    @property
    def reversed_at(self) -> int | None:
        """The number of the event that first told the bank that a reversal was accepted; None if there is
        none.
        """
        answers = self.answers(REVERSED)
        return answers[0].number if answers else None


@dataclass(frozen=True, slots=True)
class Judged:
    """What came of one rule: its checks (none if it had no occasion) and the events to show."""

    checks: tuple[Check, ...]
    events: tuple[Event, ...]


@dataclass(frozen=True, slots=True)
class Story:
    """All events of a rehearsal. `spoilt` holds the check values of keys that were sent with a wrong one."""

    events: tuple[Event, ...]
    spoilt: frozenset[str] = frozenset()

    def tales(self, *provocations: Provocation) -> Iterator[Tale]:
        """The transactions that the bank requested under one of these provocations, or all."""
        about: dict[Key, list[Event]] = {}
        for event in self.events:
            if event.subject is not None:
                about.setdefault(event.subject, []).append(event)
        for subject, events in about.items():
            first = events[0]
            if first.provocation is None or (provocations and first.provocation not in provocations):
                continue
            yield Tale(subject, first.provocation, first.policy, tuple(events))

    def of_bank(self) -> Iterator[tuple[Event, Message]]:
        """The messages that the bank sent."""
        for event in self.events:
            if event.side is Side.BANK and event.message is not None:
                yield event, event.message

    def to_bank(self) -> Iterator[tuple[Event, Message]]:
        """The messages that reached the bank."""
        for event in self.events:
            if _reached(event) and event.message is not None:
                yield event, event.message

    def questions(self, code: str) -> Iterator[Event]:
        """The requests 0800 with this DE 70 that reached the bank."""
        for event, message in self.to_bank():
            if message.mti == "0800" and message.fields.get(70) == code:
                yield event

    def answer_to(self, question: Event) -> Event | None:
        """The bank's answer to an 0800 of ours, on the same link."""
        if question.message is None:
            return None
        wanted = key_of(question.message)[1:]
        for event, message in self.of_bank():
            if message.mti == "0810" and event.link == question.link and key_of(message)[1:] == wanted:
                return event
        return None


def _is(event: Event, mtis: Iterable[str]) -> bool:
    return event.message is not None and event.message.mti in mtis


def _reached(event: Event) -> bool:
    return event.side is not Side.BANK and event.fate is Fate.PASSED


def code_of(event: Event | None) -> str:
    """DE 39; empty where there is none."""
    return field_of(event, 39)


def reason_of(event: Event) -> str:
    """DE 44; empty where there is none."""
    return field_of(event, 44)


def field_of(event: Event | None, number: int) -> str:
    """A DE of an event's message; empty where there is none."""
    return event.message.fields.get(number, "") if event is not None and event.message is not None else ""
