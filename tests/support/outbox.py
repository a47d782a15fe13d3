"""An outbox for tests: a loaded office whose persons have contacts, and a sender that does as it is told."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, time

from customers.contacts import NewContact, Sealing, add
from customers.notices.dispatch import Dispatched, dispatch
from customers.notices.message import Accepted, Answer, Message, Report, Sent
from customers.notices.outbox import Delivery, Outbox, deliveries_of
from customers.notices.queue import Notice, NoticeWanted, find, queue
from customers.notices.templates import read_templates
from customers.rules.contact import ContactKind, Source
from customers.rules.notice_states import Channel
from customers.rules.sending import Quiet
from ledger.rules.beijing import BEIJING
from tests.support.customers_desk import POLICY, Counter

PHONE, MAIL, ADDRESS = "13912345678", "jinsique@canary.example", "金丝雀路一号院二门"
MORNING = int(datetime(2026, 12, 1, 9, tzinfo=BEIJING).timestamp()) * 1_000_000
HOUR = 3600 * 1_000_000
ALL = (ContactKind.MOBILE, ContactKind.EMAIL, ContactKind.POST)
VALUE_OF = {ContactKind.MOBILE: PHONE, ContactKind.EMAIL: MAIL, ContactKind.POST: ADDRESS}


class Scripted:
    """A sender that answers as it is told, accepts otherwise, and keeps what it was given."""

    def __init__(self, *channels: Channel) -> None:
        self.name = "scripted"
        self.channels = channels or (Channel.MOBILE, Channel.EMAIL)
        self.given: list[Message] = []
        self.answers: list[Answer | BaseException] = []
        self.told: Callable[[Sent], Report | None] = lambda _: None

    def send(self, message: Message) -> Answer:
        self.given.append(message)
        answer = self.answers.pop(0) if self.answers else Accepted(f"r{len(self.given)}")
        if isinstance(answer, BaseException):
            raise answer
        return answer

    def reports(self, asked: Iterable[Sent]) -> Iterator[Report]:
        yield from filter(None, map(self.told, asked))


class Post:
    """The outbox, its sender and its clock."""

    def __init__(self, counter: Counter) -> None:
        self.counter, self.sender, self.at = counter, Scripted(), MORNING
        self.person = counter.person()
        self.outbox = Outbox(
            counter.store,
            counter.keys,
            (self.sender,),
            read_templates(),
            Quiet(time(21), time(8)),
            tuple(Channel),
        )

    def reach(self, *kinds: ContactKind, verified_at: int = MORNING) -> None:
        """Give the person contacts of these kinds."""
        fresh = [
            NewContact(self.person, kind, VALUE_OF[kind], Source.CORE, verified_at, load=1) for kind in kinds
        ]
        with self.counter.store.transaction() as connection:
            add(connection, Sealing(self.counter.keys, self.counter.entropy, MORNING), fresh)

    def put(self, about: str = "D1") -> int:
        values = {"amount": "12000", "date": "20261201", "policy": "0001"}
        wanted = NoticeWanted(self.person, POLICY, "grace", "zh", about, f"test:{about}", 0, values)
        with self.counter.store.transaction() as connection:
            return queue(connection, self.outbox.templates, wanted, self.at).notice

    def run(self, hours: int = 0) -> Dispatched:
        self.at += hours * HOUR
        return dispatch(self.outbox, lambda: self.at)

    def notice(self, number: int = 1) -> Notice:
        with self.counter.store.reading() as connection:
            return find(connection, number)

    def deliveries(self, number: int = 1) -> list[Delivery]:
        with self.counter.store.reading() as connection:
            return deliveries_of(connection, number)
