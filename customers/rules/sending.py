"""When a notice is sent, and by which channel: quiet hours, how many a day, what follows a refusal.

Pure: values in, values out, and the moment is handed in. Who is written to, a number of a contact says; no
value of one may be put here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import time, timedelta
from typing import Final, NamedTuple

from customers.rules.notice_states import Channel, DeliveryState
from ledger.rules.beijing import beijing

_HOUR_US: Final = 3600 * 1_000_000
SILENT_US: Final = 72 * _HOUR_US
"""An accepted notice of which nothing was reported for so long is unknown; microseconds, as all here."""
AGAIN_US: Final = 24 * _HOUR_US
"""For so long nothing is sent again of which nobody knows whether the sender has it."""
LATER_US: Final = _HOUR_US // 4
"""So much later a sender is asked again that had no time."""
TRIES_MAX: Final = 3
"""So often a contact is tried for a notice of which nobody knows whether the sender has it."""
A_DAY_MAX: Final = 3
"""So many notices a person gets on a day at most; letters are not counted."""


class Quiet(NamedTuple):
    """The hours in Beijing in which nobody is disturbed: from one time, over midnight, until the other."""

    begins: time
    ends: time


class Reach(NamedTuple):
    """A contact by its number, and the channel that it is of."""

    contact: int
    channel: Channel


class Attempt(NamedTuple):
    """A delivery of a notice, so far as it decides about the next one. `ref` is empty where the sender's
    answer is not known.
    """

    reach: Reach
    state: DeliveryState
    ref: str
    sent_at: int


class Send(NamedTuple):
    """The notice goes now, to this contact."""

    reach: Reach


class Wait(NamedTuple):
    """The notice goes at this moment at the earliest."""

    until: int


class Print(NamedTuple):
    """The notice goes as a letter, which somebody prints and posts."""

    reach: Reach


class GiveUp(NamedTuple):
    """Nothing is left by which the person can be reached: a task for staff."""


Decision = Send | Wait | Print | GiveUp


def decide(
    reaches: Sequence[Reach],
    attempts: Sequence[Attempt],
    sent_today: int,
    quiet: Quiet,
    at: int,
) -> Decision:
    """What is done with a queued notice at `at`. `reaches` are the person's contacts for which there is a
    sender, in the order in which they are to be tried; `sent_today` is how many notices went to the person on
    this day in Beijing.
    """
    tried = Counter(attempt.reach.contact for attempt in attempts)
    failed = {attempt.reach.contact for attempt in attempts if attempt.state is DeliveryState.FAILED}
    failed |= {contact for contact, tries in tried.items() if tries >= TRIES_MAX}
    following = next((reach for reach in reaches if reach.contact not in failed), None)
    if following is None:
        return GiveUp()
    unsure = [attempt for attempt in attempts if attempt.state is DeliveryState.UNKNOWN]
    if unsure and at - unsure[-1].sent_at < AGAIN_US:
        return Wait(unsure[-1].sent_at + AGAIN_US)
    if following.channel is Channel.POST:
        return Print(following)
    if (loud := after_quiet(at, quiet)) > at:
        return Wait(loud)
    if sent_today >= A_DAY_MAX:
        return Wait(next_morning(at, quiet))
    return Send(following)


def after_quiet(at: int, quiet: Quiet) -> int:
    """This moment, or the end of the quiet hours in which it lies."""
    now = beijing(at)
    if quiet.begins == quiet.ends:
        return at
    if now.time() < quiet.ends:
        return at + _until(at, quiet.ends, 0)
    if now.time() >= quiet.begins:
        return at + _until(at, quiet.ends, 1)
    return at


def next_morning(at: int, quiet: Quiet) -> int:
    """The first moment of the next day in Beijing that is not quiet."""
    return after_quiet(at + _until(at, time(), 1), quiet)


def day_of(at: int) -> str:
    """The day in Beijing, YYYYMMDD."""
    return beijing(at).strftime("%Y%m%d")


def in_order(reaches: Sequence[Reach], channels: Sequence[Channel]) -> tuple[Reach, ...]:
    """The reaches of these channels, by the order of the channels; of one channel as they are given."""
    wanted = [reach for reach in reaches if reach.channel in channels]
    return tuple(sorted(wanted, key=lambda reach: channels.index(reach.channel)))


def is_silent(sent_at: int, at: int) -> bool:
    """Whether an accepted notice has been without a report for too long."""
    return at - sent_at >= SILENT_US


def may_go_again(sent_at: int, at: int) -> bool:
    """Whether a notice of which nobody knows whether the sender has it may be sent again."""
    return at - sent_at >= AGAIN_US


def _until(at: int, clock: time, days: int) -> int:
    """Microseconds from `at` to a time of the day in Beijing, so many days later."""
    now = beijing(at)
    there = now.replace(hour=clock.hour, minute=clock.minute, second=clock.second, microsecond=0) + timedelta(
        days=days
    )
    return (there - now) // timedelta(microseconds=1)
