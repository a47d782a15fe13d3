"""What sending needs, and the rows of deliveries: begun before anything is sent, answered, reported.

Statements, and the steps of a notice that follow from them. What is sent when, `customers.notices.dispatch`
says. No contact's value may be put here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, func, insert, select, update

from customers.contacts import Contact, mark
from customers.database.notice_tables import deliveries, notices
from customers.errors import NoticeRefused
from customers.keys import Keys
from customers.notices.message import Sender
from customers.notices.queue import Notice, find
from customers.notices.templates import Templates
from customers.rules.contact_states import Outcome
from customers.rules.notice_states import (
    DELIVERY_TRANSITIONS,
    NOTICE_TRANSITIONS,
    Channel,
    DeliveryState,
    NoticeStep,
)
from customers.rules.sending import Quiet, day_of
from ledger.book.store import Store
from qianzhi_errors.sentence import Sentence

_KEY_BYTES: Final = 16
ASKED_US: Final = 30 * 24 * 3600 * 1_000_000
"""For so long a sender is asked what became of a message; microseconds."""


class Outbox(NamedTuple):
    """What sending needs: the database, the keys, the senders, the texts, the hours, the channels' order."""

    store: Store
    keys: Keys
    senders: tuple[Sender, ...]
    templates: Templates
    quiet: Quiet
    channels: tuple[Channel, ...]


class Delivery(NamedTuple):
    """A delivery as the database has it; moments are microseconds since 1970-01-01 UTC, 0 for none."""

    notice: int
    attempt: int
    person: str
    day: str
    nth_of_day: int
    channel: Channel
    contact: int
    sender: str
    key: str
    ref: str
    state: DeliveryState
    sent_at: int
    report_at: int
    reason: str


DELIVERIES: Final = select(*(deliveries.c[name] for name in Delivery._fields)).order_by(
    deliveries.c.notice, deliveries.c.attempt
)


def deliveries_of(connection: Connection, notice: int) -> list[Delivery]:
    """The attempts to deliver a notice, in their order."""
    return [delivery_of(row) for row in connection.execute(DELIVERIES.where(deliveries.c.notice == notice))]


def delivery_rows(connection: Connection, notice: int = 0) -> Iterator[Delivery]:
    """The attempts to deliver a notice, or all notices, in their order."""
    query = DELIVERIES.where(deliveries.c.notice == notice) if notice else DELIVERIES
    yield from map(delivery_of, connection.execute(query))


def delivery_of(row: Iterable[Any]) -> Delivery:
    """The delivery of a row of DELIVERIES."""
    delivery = Delivery._make(row)
    return delivery._replace(channel=Channel(delivery.channel), state=DeliveryState(delivery.state))


def places_of_day(connection: Connection, person: str, day: str) -> set[int]:
    """Which of the notices that a person may get on a day in Beijing have gone."""
    query = select(deliveries.c.nth_of_day).where(deliveries.c.person == person, deliveries.c.day == day)
    return {int(nth) for nth in connection.execute(query).scalars() if nth}


def begin(
    connection: Connection, notice: Notice, contact: Contact, sender: str, at: int, note: str = ""
) -> Delivery:
    """Write a delivery as unknown, and the notice with it, before anything is sent. Raises NoticeRefused
    where somebody else sends it.
    """
    channel = Channel(contact.kind.value)
    attempt = 1 + int(
        connection.execute(
            select(func.count()).select_from(deliveries).where(deliveries.c.notice == notice.notice)
        ).scalar_one()
    )
    day, nth = day_of(at), 0
    if channel is not Channel.POST:
        gone = places_of_day(connection, notice.person, day)
        nth = next(place for place in range(1, len(gone) + 2) if place not in gone)
    delivery = Delivery(
        *(notice.notice, attempt, notice.person, day, nth, channel, contact.number, sender),
        key_of(notice, contact.number),
        *("", DeliveryState.UNKNOWN, at, 0, note),
    )
    connection.execute(insert(deliveries).values(delivery._asdict()))
    move(connection, notice, NoticeStep.SEND, at)
    return delivery


def key_of(notice: Notice, contact: int) -> str:
    """What a sender knows a notice by: the same whenever it goes to this contact. 32 hex digits."""
    return hashlib.blake2b(f"{notice.dedupe}|{contact}".encode(), digest_size=_KEY_BYTES).hexdigest()


def move(connection: Connection, notice: Notice, step: NoticeStep, at: int, not_before: int = 0) -> Notice:
    """Take a notice a step further, and return it. Raises NoticeRefused where its state does not allow it, or
    has changed since it was read.
    """
    following = NOTICE_TRANSITIONS.get((notice.state, step))
    same = (notices.c.notice == notice.notice) & (notices.c.state == notice.state.value)
    values: dict[str, Any] = {"moved_at": at, "not_before": max(not_before, notice.not_before)}
    if following is not None:
        values["state"] = following.value
    if following is None or connection.execute(update(notices).where(same).values(values)).rowcount != 1:
        raise NoticeRefused(
            Sentence(
                "notice {notice} is {state}: it cannot {step}",
                notice=notice.notice,
                state=notice.state,
                step=step,
            )
        )
    return find(connection, notice.notice)


def follow(
    connection: Connection, delivery: Delivery, step: NoticeStep, at: int, **changes: str | int
) -> bool:
    """Take a delivery a step further with these columns changed; whether its state allows it."""
    following = DELIVERY_TRANSITIONS.get((delivery.state, step))
    if following is None:
        return False
    if following is DeliveryState.FAILED:
        changes["nth_of_day"] = 0
    same = (
        (deliveries.c.notice == delivery.notice)
        & (deliveries.c.attempt == delivery.attempt)
        & (deliveries.c.state == delivery.state.value)
    )
    values = {"state": following.value, "report_at": at, **changes}
    return connection.execute(update(deliveries).where(same).values(values)).rowcount == 1


def arrived(connection: Connection, delivery: Delivery, at: int) -> bool:
    """Write down that a delivery has arrived, and that its contact is good, which ends the task of who could
    not be reached (`customers.notices.conditions`). Whether that was news.
    """
    if not follow(connection, delivery, NoticeStep.ARRIVE, at):
        return False
    notice = find(connection, delivery.notice)
    if (notice.state, NoticeStep.ARRIVE) in NOTICE_TRANSITIONS:
        move(connection, notice, NoticeStep.ARRIVE, at)
    mark(connection, delivery.contact, Outcome.DELIVERED, at)
    return True


def refused(connection: Connection, delivery: Delivery, reason: str, at: int, *, is_of_contact: bool) -> bool:
    """Write down that a delivery will never arrive: its notice waits for the next channel. Whether that was
    news.
    """
    if not follow(connection, delivery, NoticeStep.REFUSE, at, reason=reason):
        return False
    notice, last = find(connection, delivery.notice), deliveries_of(connection, delivery.notice)[-1]
    if last.attempt == delivery.attempt and (notice.state, NoticeStep.REFUSE) in NOTICE_TRANSITIONS:
        move(connection, notice, NoticeStep.REFUSE, at)
    if is_of_contact:
        mark(connection, delivery.contact, Outcome.FAILED, at)
    return True


def waiting_for_report(connection: Connection, sender: str, at: int) -> Sequence[Delivery]:
    """The deliveries of a sender in its last ASKED_US of which nothing is known for good."""
    states = [DeliveryState.UNKNOWN.value, DeliveryState.ACCEPTED.value]
    recent = deliveries.c.sent_at > at - ASKED_US
    query = DELIVERIES.where(deliveries.c.sender == sender, deliveries.c.state.in_(states), recent)
    return [delivery_of(row) for row in connection.execute(query)]
