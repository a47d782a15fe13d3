"""Sends what is due: each notice by the next channel, at most once, and asks what became of those before.

A delivery is written as unknown before anything is sent, so a crash anywhere leaves it unknown: its sender is
asked, and it is not sent again for a day. A contact's value is opened for the one call that sends it. The
clock is handed in.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from sqlalchemy import Connection, select, update

from customers.book import read_person
from customers.contacts import Contact, contacts_of, value_of
from customers.contacts import find as find_contact
from customers.database.notice_tables import notices
from customers.notices.conditions import look
from customers.notices.message import Accepted, Answer, Later, Message, Refused, Sender, Sent
from customers.notices.outbox import (
    Delivery,
    Outbox,
    arrived,
    begin,
    deliveries_of,
    follow,
    move,
    places_of_day,
    refused,
    waiting_for_report,
)
from customers.notices.queue import NOTICES, Notice, find, notice_of
from customers.notices.tasks import TaskWanted, escalate, open_task
from customers.notices.templates import written
from customers.rules.contact_states import ContactState
from customers.rules.notice_states import Channel, DeliveryState, NoticeState, NoticeStep, TaskKind
from customers.rules.sending import (
    LATER_US,
    Attempt,
    Decision,
    GiveUp,
    Print,
    Reach,
    Wait,
    day_of,
    decide,
    is_silent,
    may_go_again,
)
from customers.rules.states import PersonState

AT_ONCE: Final = 1000
"""So many notices a run looks at, the oldest first; the next run goes on."""
Clock = Callable[[], int]
"""Gives the moment, microseconds since 1970-01-01 UTC."""


class Dispatched(NamedTuple):
    """How many notices of a run were sent, refused, put off by a sender, are unknown, wait for their hour,
    are to be printed, reached nobody; how many arrived, are silent; how many tasks were escalated, opened and
    ended by conditions.
    """

    sent: int = 0
    refused: int = 0
    later: int = 0
    unknown: int = 0
    waiting: int = 0
    letters: int = 0
    given_up: int = 0
    arrived: int = 0
    silent: int = 0
    escalated: int = 0
    opened: int = 0
    ended: int = 0

    def counted(self, name: str, count: int = 1) -> Dispatched:
        """These counts with one of them raised."""
        return self._replace(**{name: getattr(self, name) + count})


def dispatch(outbox: Outbox, clock: Clock) -> Dispatched:
    """Ask for reports, send what is due, and return what was done."""
    counts = take_reports(outbox, clock())
    with outbox.store.transaction() as connection:
        counts = counts.counted("escalated", len(escalate(connection, clock())))
        counts = counts.counted("silent", _take_up(connection, clock()))
        looked = look(connection, clock())
        counts = counts.counted("opened", looked.opened).counted("ended", looked.ended)
    busy: set[str] = set()
    for number in _due(outbox, clock()):
        counts = counts.counted(_send_one(outbox, number, clock, busy))
    return counts


def take_reports(outbox: Outbox, at: int) -> Dispatched:
    """Ask all senders what became of what is not known yet, and write it down."""
    counts = Dispatched()
    for sender in outbox.senders:
        with outbox.store.reading() as connection:
            waiting = {row.key: row for row in waiting_for_report(connection, sender.name, at)}
        if not waiting:
            continue
        asked = [Sent(row.key, row.ref) for row in waiting.values()]
        for report in sender.reports(asked):
            delivery = waiting[report.sent.key]
            with outbox.store.transaction() as connection:
                if report.has_arrived:
                    counts = counts.counted("arrived", arrived(connection, delivery, at))
                else:
                    news = refused(connection, delivery, report.reason, at, is_of_contact=True)
                    counts = counts.counted("refused", news)
    return counts


def _take_up(connection: Connection, at: int) -> int:
    """Have accepted notices without a report be unknown after their time, and notices of which nobody knows
    whether a sender has them be queued again; return how many fell silent.
    """
    query = NOTICES.where(notices.c.state.in_([NoticeState.ACCEPTED.value, NoticeState.UNKNOWN.value]))
    silent = 0
    for notice in map(notice_of, connection.execute(query).all()):
        last = deliveries_of(connection, notice.notice)[-1]
        if last.channel is Channel.POST:
            continue
        if last.state is DeliveryState.ACCEPTED and is_silent(last.sent_at, at):
            follow(connection, last, NoticeStep.SILENCE, at)
            move(connection, notice, NoticeStep.SILENCE, at)
            silent += 1
        elif last.state is DeliveryState.UNKNOWN and not last.ref and may_go_again(last.sent_at, at):
            move(connection, notice, NoticeStep.AGAIN, at)
    return silent


def _due(outbox: Outbox, at: int) -> list[int]:
    query = (
        select(notices.c.notice)
        .where(notices.c.state == NoticeState.QUEUED.value, notices.c.not_before <= at)
        .order_by(notices.c.not_before, notices.c.notice)
        .limit(AT_ONCE)
    )
    with outbox.store.reading() as connection:
        return list(connection.execute(query).scalars())


def _send_one(outbox: Outbox, number: int, clock: Clock, busy: set[str]) -> str:
    """Do with a notice what is to be done now; return under which name it counts. `busy` are the senders that
    want to be left alone in this run.
    """
    at = clock()
    with outbox.store.transaction() as connection:
        notice = find(connection, number)
        if notice.state is not NoticeState.QUEUED:
            return "waiting"
        if read_person(connection, notice.person).state is not PersonState.ACTIVE:
            move(connection, notice, NoticeStep.GIVE_UP, at)
            return "given_up"
        reaches = ordered(outbox, contacts_of(connection, notice.person))
        decision = decision_of(connection, outbox, notice, reaches, at)
        if isinstance(decision, Print):
            return "letters"
        if isinstance(decision, Wait):
            _put_off(connection, notice, decision.until)
            return "waiting"
        if isinstance(decision, GiveUp):
            move(connection, notice, NoticeStep.GIVE_UP, at)
            wanted = TaskWanted(TaskKind.UNREACHABLE, "", notice.person, day_of(at), f"notice {number}")
            open_task(connection, wanted, at)
            return "given_up"
        sender = _sender_of(outbox, decision.reach.channel)
        if sender is None or sender.name in busy:
            return "later"
        contact = find_contact(connection, decision.reach.contact)
        delivery = begin(connection, notice, contact, sender.name, at)
        message = _message(outbox, connection, notice, delivery, contact)
    return _note(outbox, delivery, sender.send(message), clock(), busy)


def decision_of(
    connection: Connection, outbox: Outbox, notice: Notice, reaches: tuple[Reach, ...], at: int
) -> Decision:
    """What is to be done with a queued notice now, by these reaches."""
    attempts = [_attempt(row) for row in deliveries_of(connection, notice.notice)]
    gone = len(places_of_day(connection, notice.person, day_of(at)))
    return decide(reaches, attempts, gone, outbox.quiet, at)


def ordered(outbox: Outbox, contacts: tuple[Contact, ...]) -> tuple[Reach, ...]:
    """The contacts for which there is a way out, in the order in which they are tried: by the channels'
    order, those that bounced after the others, letters last.
    """
    ways = {channel for sender in outbox.senders for channel in sender.channels} | {Channel.POST}
    usable = [
        (contact, channel)
        for contact in contacts
        if (channel := Channel(contact.kind.value)) in ways and channel in outbox.channels
    ]

    def rank(pair: tuple[Contact, Channel]) -> tuple[bool, bool, int]:
        contact, channel = pair
        bounced = contact.state is ContactState.BOUNCING
        return channel is Channel.POST, bounced, outbox.channels.index(channel)

    return tuple(Reach(contact.number, channel) for contact, channel in sorted(usable, key=rank))


def _note(outbox: Outbox, delivery: Delivery, answer: Answer, at: int, busy: set[str]) -> str:
    """Write a sender's answer down; return under which name it counts."""
    with outbox.store.transaction() as connection:
        if isinstance(answer, Accepted):
            follow(connection, delivery, NoticeStep.ACCEPT, at, ref=answer.ref, report_at=0)
            move(connection, find(connection, delivery.notice), NoticeStep.ACCEPT, at)
            return "sent"
        if isinstance(answer, Refused):
            refused(connection, delivery, answer.reason, at, is_of_contact=answer.is_of_contact)
            return "refused"
        if isinstance(answer, Later):
            busy.add(delivery.sender)
            follow(connection, delivery, NoticeStep.REFUSE, at, reason=f"{LATER}{answer.reason}")
            notice = find(connection, delivery.notice)
            move(connection, notice, NoticeStep.REFUSE, at, not_before=at + LATER_US)
            return "later"
    return "unknown"


LATER: Final = "later: "
"""How the reason of a delivery begins that its sender had no time for: its contact is tried again."""


def _attempt(delivery: Delivery) -> Attempt:
    reach = Reach(0 if delivery.reason.startswith(LATER) else delivery.contact, delivery.channel)
    return Attempt(reach, delivery.state, delivery.ref, delivery.sent_at)


def _put_off(connection: Connection, notice: Notice, until: int) -> None:
    later = {"not_before": max(until, notice.not_before)}
    connection.execute(update(notices).where(notices.c.notice == notice.notice).values(later))


def _sender_of(outbox: Outbox, channel: Channel) -> Sender | None:
    return next((sender for sender in outbox.senders if channel in sender.channels), None)


def _message(
    outbox: Outbox, connection: Connection, notice: Notice, delivery: Delivery, contact: Contact
) -> Message:
    template = outbox.templates[notice.template]
    text = written(template, notice.lang, notice.values, delivery.channel)
    return Message(
        key=delivery.key,
        channel=delivery.channel,
        to=value_of(connection, outbox.keys, contact),
        subject=text.subject,
        text=text.text,
        template=notice.template,
        lang=notice.lang,
        values=notice.values,
        at=delivery.sent_at,
    )
