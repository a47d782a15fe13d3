"""A bank's links in virtual time: one is opened where none is left, a half-open one ends, and no wait is
without an end.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from random import Random
from typing import Any

import pytest
from twisted.internet.defer import TimeoutError as DeferredTimeout
from twisted.internet.error import ConnectionLost
from twisted.internet.error import ConnectionRefusedError as RefusedError

from simulators.bank import Bank, SignOnRefusedError
from simulators.cluster.traffic import LINKS_A_BANK, Counters, SteadyBank, Traffic
from simulators.link import SILENCES_MAX
from tests.support.builders import premium
from tests.support.virtual_links import ANSWER_SECONDS, PROFILE, Machine, begun


def test_all_who_find_no_link_share_the_one_that_is_opened_and_none_is_lost() -> None:
    machine = Machine()
    bank = machine.bank()
    answers = [begun(bank.inquire("P1")) for _ in range(3)]
    assert machine.opened() == 1
    link = machine.take()
    link.sign_on()
    questions = link.asked()
    assert [question.mti for question in questions] == ["0100"] * 3
    for question in questions:
        link.answer(question, de39="00")
    assert [[ending.fields[39] for ending in ended] for ended in answers] == [["00"]] * 3
    assert len(bank.links) == 1


def test_all_who_find_no_link_learn_that_none_can_be_opened_and_the_next_tries_anew() -> None:
    machine = Machine()
    bank = machine.bank()
    answers = [begun(bank.inquire("P1")) for _ in range(2)]
    machine.refuse()
    assert [[type(ending) for ending in ended] for ended in answers] == [[RefusedError]] * 2
    begun(bank.inquire("P1"))
    assert machine.opened() == 2


@pytest.mark.parametrize(("code", "error"), [("05", SignOnRefusedError), (None, DeferredTimeout)])
def test_a_link_that_does_not_sign_on_is_closed(code: str | None, error: type[Exception]) -> None:
    machine = Machine()
    ended = begun(machine.bank().connect())
    link = machine.take()
    if code is None:
        machine.reactor.advance(ANSWER_SECONDS)
    else:
        link.sign_on(code)
    assert [type(ending) for ending in ended] == [error]
    assert link.transport.disconnecting or link.transport.disconnected


def test_a_link_that_is_lost_before_its_sign_on_says_so_and_is_not_ended_again() -> None:
    machine = Machine()
    ended = begun(machine.bank().connect())
    machine.take().lose()
    assert [type(ending) for ending in ended] == [ConnectionLost]


@pytest.mark.parametrize("act", [Bank.echo, Bank.change_keys, Bank.sign_off])
def test_a_machine_that_says_nothing_is_not_waited_for_without_end(
    act: Callable[[Bank], Coroutine[Any, Any, Any]],
) -> None:
    machine = Machine()
    bank = machine.bank()
    begun(bank.connect())
    machine.take().sign_on()
    ended = begun(act(bank))
    machine.reactor.advance(ANSWER_SECONDS)
    assert [type(ending) for ending in ended] == [DeferredTimeout]


def test_an_answer_without_its_response_code_breaks_the_interface() -> None:
    machine = Machine()
    bank = machine.bank()
    begun(bank.connect())
    link = machine.take()
    link.sign_on()
    begun(bank.inquire("P1"))
    [question] = link.asked()
    link.answer(question, de3="310000")
    assert bank.violations == ["0110 came without DE 39"]


# The banks of a cluster, whose links somebody keeps.


def steady(machine: Machine) -> SteadyBank:
    return SteadyBank(PROFILE, machine.reactor, machine.second, 1)


def test_a_cluster_s_bank_gives_up_a_half_open_link_and_opens_another() -> None:
    machine = Machine()
    bank = steady(machine)
    begun(bank.keep_links())
    for _ in range(LINKS_A_BANK):
        machine.take().sign_on()
    for _ in range(SILENCES_MAX * LINKS_A_BANK):
        begun(bank.inquire("P1"))
    machine.reactor.advance(ANSWER_SECONDS)
    machine.reactor.advance(1)
    assert not any(link.is_open for link in bank.links)
    assert machine.opened() == LINKS_A_BANK + 1


def test_a_cluster_s_bank_leaves_no_link_open_that_was_being_opened_as_it_closed() -> None:
    machine = Machine()
    bank = steady(machine)
    kept = begun(bank.keep_links())
    link = machine.take()
    bank.close()
    link.sign_on()
    assert (kept, machine.opened()) == ([None], 1)
    assert link.transport.disconnecting or link.transport.disconnected


def test_a_cluster_s_bank_closes_though_a_link_has_ended_meanwhile() -> None:
    machine = Machine()
    bank = steady(machine)
    kept = begun(bank.keep_links())
    for _ in range(LINKS_A_BANK):
        machine.take().sign_on()
    machine.taken[0].lose()
    bank.close()
    machine.reactor.advance(1)
    assert kept == [None]
    assert all(ending.transport.disconnecting for ending in machine.taken[1:])


def test_banks_that_nobody_answers_end_when_their_time_is_over() -> None:
    """Nobody takes a connection; each of the counters would insist for ever."""
    machine = Machine()
    bank = steady(machine)
    traffic = Traffic(machine.reactor, [Counters(bank, Random(1))])
    traffic.start([iter([premium(f"D{number}", "P1") for number in range(99)])])
    finished: list[Any] = []
    traffic.finish(ANSWER_SECONDS).addErrback(finished.append)
    machine.reactor.pump([1] * ANSWER_SECONDS)
    assert [failure.type for failure in finished] == [DeferredTimeout]
    bank.close()
    machine.refuse()
    machine.reactor.advance(1)
    assert machine.reactor.getDelayedCalls() == []
