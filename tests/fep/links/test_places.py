"""Who of a bank's connections gives way to whom, by the second."""

from __future__ import annotations

import pytest
from twisted.internet.task import Clock

from fep.links.places import ANSWER_SECONDS, FULL, NEWER, SILENT, Places


class StubConnection:
    """A connection; `answers`: it answers an echo at once."""

    def __init__(self, house: House, host: str = "a", *, answers: bool = False) -> None:
        self.host, self._house, self._answers = host, house, answers
        self._heard_at = house.clock.seconds()
        self.asked, self.reason = 0, ""

    def silent_seconds(self) -> float:
        return self._house.clock.seconds() - self._heard_at

    def ask_for_echo(self) -> None:
        self.asked += 1
        if self._answers:
            self._heard_at = self._house.clock.seconds() + 0.1  # answered a moment later

    def give_way(self, reason: str) -> None:
        self.reason = reason
        self._house.places.gone(self)


class House:
    """A bank with two places, and two connections that have not signed on at most."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.places = Places(self.clock)
        self.granted: list[StubConnection] = []

    def come(self, host: str = "a") -> StubConnection:
        connection = StubConnection(self, host)
        self.places.come(connection, 2)
        return connection

    def sign_on(self, connection: StubConnection) -> StubConnection:
        self.places.sign_on(connection, 2, lambda: self.granted.append(connection))
        return connection

    def signed_on(self, *, answers: bool = False) -> StubConnection:
        connection = self.come()
        connection._answers = answers
        return self.sign_on(connection)


@pytest.fixture
def house() -> House:
    return House()


def test_the_oldest_that_has_not_signed_on_gives_way_to_a_newcomer(house: House) -> None:
    first, second, third = (house.come() for _ in range(3))
    assert [first.reason, second.reason, third.reason] == [NEWER, "", ""]


def test_it_gives_way_that_comes_from_the_address_with_most_of_them(house: House) -> None:
    alone, first, second = house.come("b"), house.come(), house.come()
    assert [alone.reason, first.reason, second.reason] == ["", NEWER, ""]


def test_what_has_signed_on_does_not_give_way_to_what_has_not(house: House) -> None:
    links = [house.signed_on(), house.signed_on()]
    newcomers = [house.come() for _ in range(9)]
    assert [link.reason for link in links] == ["", ""]
    assert [newcomer.reason for newcomer in newcomers] == [NEWER] * 7 + [""] * 2


def test_room_is_made_by_the_oldest_that_has_not_signed_on_alone(house: House) -> None:
    house.signed_on()
    assert house.places.make_room() is False
    newcomer = house.come()
    assert (house.places.make_room(), newcomer.reason) == (True, NEWER)


def test_where_all_links_answer_the_one_too_many_is_ended(house: House) -> None:
    links = [house.signed_on(answers=True), house.signed_on(answers=True)]
    house.clock.advance(9)
    late = house.signed_on()
    assert [link.asked for link in links] == [1, 1]
    house.clock.advance(ANSWER_SECONDS)
    assert ([link.reason for link in links], late.reason) == (["", ""], FULL)
    assert late not in house.granted


def test_a_silent_link_gives_way_to_one_that_signs_on(house: House) -> None:
    alive, silent = house.signed_on(answers=True), house.signed_on()
    house.clock.advance(9)
    late = house.signed_on()
    house.clock.advance(ANSWER_SECONDS - 0.01)
    assert late not in house.granted
    house.clock.advance(0.01)
    assert (alive.reason, silent.reason, late.reason) == ("", SILENT, "")
    assert house.granted == [alive, silent, late]
    assert house.places.has_signed_on(late)


def test_the_longest_silent_gives_way_first_and_each_makes_one_place(house: House) -> None:
    longest = house.signed_on()
    house.clock.advance(5)
    other = house.signed_on()
    house.clock.advance(9)
    first = house.signed_on()
    house.clock.advance(ANSWER_SECONDS)
    assert (longest.reason, other.reason, house.granted[2:]) == (SILENT, "", [first])


def test_a_link_that_was_heard_just_now_is_asked_before_its_silence_counts(house: House) -> None:
    links = [house.signed_on(answers=True), house.signed_on(answers=True)]
    late = house.signed_on()
    house.clock.advance(ANSWER_SECONDS)
    assert ([link.asked for link in links], late.reason) == ([1, 1], FULL)


def test_a_place_that_becomes_free_is_given_at_once_to_who_waits(house: House) -> None:
    leaving = house.signed_on(answers=True)
    house.signed_on(answers=True)
    late = house.signed_on()
    house.places.gone(leaving)
    assert house.granted[-1] is late
    house.clock.advance(ANSWER_SECONDS)
    assert late.reason == ""


def test_who_waited_and_is_gone_gets_nothing(house: House) -> None:
    leaving, stays = house.signed_on(), house.signed_on()
    late = house.signed_on()
    house.places.gone(late)
    house.places.gone(leaving)
    house.clock.advance(ANSWER_SECONDS)
    assert (late in house.granted, stays.reason) == (False, "")


def test_signing_on_again_needs_no_second_place(house: House) -> None:
    link, _ = house.signed_on(), house.signed_on()
    house.sign_on(link)
    assert house.granted.count(link) == 2


def test_signing_on_twice_while_it_waits_is_answered_once(house: House) -> None:
    house.signed_on()
    house.signed_on()
    house.clock.advance(9)
    late = house.signed_on()
    house.sign_on(late)
    house.clock.advance(ANSWER_SECONDS)
    assert house.granted.count(late) == 1


def test_a_link_that_answered_is_alive_however_late_one_looks(house: House) -> None:
    links = [house.signed_on(answers=True), house.signed_on(answers=True)]
    late = house.signed_on()
    house.clock.advance(9 * ANSWER_SECONDS)
    assert ([link.reason for link in links], late.reason) == (["", ""], FULL)
