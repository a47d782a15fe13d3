"""What every sender is: it takes a message and says what became of it, and later what was reported of it.

A sender is where a contact's value is in clear, for as long as it sends. No value of one may get into an
answer, an error or a log: reasons are codes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple, Protocol

from customers.rules.notice_states import Channel


class Message(NamedTuple):
    """A notice on its way: `to` is the contact in clear. `key` is the same whenever this notice is sent to
    this contact again, so that whoever gets it twice can know it. `at` in microseconds since 1970-01-01 UTC.
    """

    key: str
    channel: Channel
    to: str
    subject: str
    text: str
    template: str
    lang: str
    values: Mapping[str, str]
    at: int

    def __repr__(self) -> str:
        """Name the message, never the person that it goes to."""
        return f"Message({self.key}, {self.channel})"


class Accepted(NamedTuple):
    """The sender has it, under this name of its own."""

    ref: str


class Refused(NamedTuple):
    """The sender will never deliver it. `is_of_contact` where the contact is the reason."""

    reason: str
    is_of_contact: bool = True


class Later(NamedTuple):
    """The sender does not have it, and may be asked again."""

    reason: str


class Unsure(NamedTuple):
    """Nobody knows whether the sender has it."""

    reason: str


Answer = Accepted | Refused | Later | Unsure


class Sent(NamedTuple):
    """A message of which a report is asked; `ref` is empty where the sender's answer is not known."""

    key: str
    ref: str


class Report(NamedTuple):
    """What became of a message: it has arrived, or never will."""

    sent: Sent
    has_arrived: bool
    reason: str = ""


class Sender(Protocol):
    """A way out for messages of some channels."""

    @property
    def name(self) -> str:
        """Its name in the settings."""

    @property
    def channels(self) -> tuple[Channel, ...]:
        """What it takes."""

    def send(self, message: Message) -> Answer:
        """Send a message. Raises nothing for what a network or a gateway does."""

    def reports(self, asked: Iterable[Sent]) -> Iterator[Report]:
        """Yield what is known of these messages; nothing of one that is still on its way."""
