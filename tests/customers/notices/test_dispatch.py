"""Notices are sent at most once, by the next channel after a refusal, and nobody in clear is left behind."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import select

from customers.contacts import every_contact
from customers.database.schema import CUSTOMERS
from customers.notices import tasks
from customers.notices.dispatch import Dispatched
from customers.notices.message import Later, Refused, Report, Unsure
from customers.rules.notice_states import Channel, NoticeState, TaskState
from customers.rules.states import Act
from tests.support.customers_desk import Counter
from tests.support.outbox import ADDRESS, ALL, HOUR, MAIL, MORNING, PHONE, Post


@pytest.fixture
def post(loaded: Counter) -> Iterator[Post]:
    return Post(loaded)


def test_a_notice_goes_once_and_its_report_makes_the_contact_good(post: Post) -> None:
    post.reach(*ALL, verified_at=0)
    post.put()
    assert post.run() == Dispatched(sent=1)
    assert post.run() == Dispatched()
    [message] = post.sender.given
    assert (message.to, message.channel) == (PHONE, Channel.MOBILE)
    assert message.text == "您尾号0001的保单保费120.00元尚未缴纳，宽限期至2026-12-01，逾期保单效力将中止。"
    assert PHONE not in repr(message)
    post.sender.told = lambda sent: Report(sent, has_arrived=True)
    assert post.run() == Dispatched(arrived=1)
    assert (post.notice().state, post.deliveries()[0].state) == ("delivered", "delivered")
    with post.counter.store.reading() as connection:
        states = {row.kind: row.state for row in every_contact(connection, post.person)}
    assert states == {"mobile": "good", "email": "unverified", "post": "unverified"}
    assert post.run() == Dispatched()


def test_a_refusal_is_followed_by_the_next_channel_the_letter_and_a_task(post: Post) -> None:
    post.reach(*ALL)
    post.put()
    post.sender.answers = [Refused("HTTP 422")]
    assert post.run() == Dispatched(refused=1)
    assert post.run() == Dispatched(sent=1)
    assert [message.to for message in post.sender.given] == [PHONE, MAIL]
    post.sender.told = lambda sent: Report(sent, has_arrived=False, reason="reported 200")
    assert post.run() == Dispatched(refused=1, letters=1)
    assert [row.state for row in post.deliveries()] == ["failed", "failed"]
    with post.counter.store.reading() as connection:
        states = {row.kind: row.state for row in every_contact(connection, post.person)}
    assert states == {"mobile": "bouncing", "email": "bouncing", "post": "good"}


def test_who_cannot_be_reached_is_a_task_that_ends_when_something_arrives(post: Post) -> None:
    post.put()
    assert post.run() == Dispatched(given_up=1)
    assert post.notice().state is NoticeState.FAILED
    with post.counter.store.reading() as connection:
        [task] = tasks.listing(connection)
    assert (task.kind, task.person, task.due_on) == ("unreachable", post.person, "20261201")
    post.reach(*ALL[:1])
    post.put("D2")
    post.run()
    post.sender.told = lambda sent: Report(sent, has_arrived=True)
    post.run()
    with post.counter.store.reading() as connection:
        assert tasks.find(connection, 1).state is TaskState.DONE


def test_a_crash_between_sending_and_its_note_is_unknown_and_not_sent_again_for_a_day(post: Post) -> None:
    post.reach(*ALL)
    post.put()
    post.sender.answers = [KeyboardInterrupt()]
    with pytest.raises(KeyboardInterrupt):
        post.run()
    assert (post.notice().state, post.deliveries()[0].state) == ("unknown", "unknown")
    assert post.run() == Dispatched()
    assert post.run(hours=23) == Dispatched()
    assert len(post.sender.given) == 1
    assert post.run(hours=1) == Dispatched(sent=1)
    first, second = post.sender.given
    assert first.key == second.key


def test_a_report_ends_what_is_unknown_without_sending_it_again(post: Post) -> None:
    post.reach(*ALL)
    post.put()
    post.sender.answers = [Unsure("timeout")]
    assert post.run() == Dispatched(unknown=1)
    post.sender.told = lambda sent: Report(sent, has_arrived=True)
    assert post.run(hours=30) == Dispatched(arrived=1)
    assert (post.notice().state, len(post.sender.given)) == ("delivered", 1)


def test_a_sender_without_time_is_asked_again_later_and_once_a_run(post: Post) -> None:
    post.reach(*ALL)
    post.put("D1")
    post.put("D2")
    post.sender.answers = [Later("HTTP 503")]
    assert post.run() == Dispatched(later=2)
    assert len(post.sender.given) == 1
    assert post.run(hours=1) == Dispatched(sent=2)
    assert {message.to for message in post.sender.given} == {PHONE}


def test_three_a_day_and_none_in_the_night(post: Post) -> None:
    post.reach(*ALL)
    for number in range(4):
        post.put(f"D{number}")
    assert post.run() == Dispatched(sent=3, waiting=1)
    assert post.notice(4).not_before == MORNING + 23 * HOUR
    assert post.run(hours=13) == Dispatched()
    assert post.run(hours=10) == Dispatched(sent=1)
    assert [row.nth_of_day for number in (1, 2, 3, 4) for row in post.deliveries(number)] == [1, 2, 3, 1]


def test_an_accepted_notice_without_a_report_is_unknown_after_three_days(post: Post) -> None:
    post.reach(*ALL)
    post.put()
    post.run()
    assert post.run(hours=71) == Dispatched()
    assert post.run(hours=1) == Dispatched(silent=1)
    assert post.notice().state is NoticeState.UNKNOWN
    assert post.run(hours=48) == Dispatched()
    assert len(post.sender.given) == 1


def test_nothing_is_sent_to_a_restricted_person(post: Post) -> None:
    post.reach(*ALL)
    post.put()
    post.counter.agreed(Act.RESTRICT, post.person)
    assert post.run() == Dispatched(given_up=1)
    assert (post.sender.given, post.notice().state) == ([], NoticeState.FAILED)
    with post.counter.store.reading() as connection:
        assert list(tasks.listing(connection)) == []


def test_no_contact_is_in_clear_in_any_table(post: Post) -> None:
    post.reach(*ALL)
    post.put()
    post.sender.answers = [Refused("RCPT 550")]
    post.run()
    post.run()
    with post.counter.store.reading() as connection:
        for table in CUSTOMERS.tables.values():
            text = repr(connection.execute(select(table)).all())
            for value in (PHONE, MAIL, ADDRESS, "jinsique"):
                assert value not in text, table.name
