"""Waiting for the reactor's thread has an end, and hands on what comes of it."""

from __future__ import annotations

import threading

import pytest
from twisted.internet.defer import Deferred, succeed

from tests.support import machine
from tests.support.machine import SOCKET_SECONDS, _run_reactor, wait_for


def test_what_comes_is_handed_on_be_it_a_value_a_deferred_s_or_a_coroutine_s() -> None:
    _run_reactor()

    async def doubled(number: int) -> int:
        return 2 * await succeed(number)

    assert (wait_for(int, "7"), wait_for(succeed, 7), wait_for(doubled, 7)) == (7, 7, 14)
    with pytest.raises(ValueError, match="invalid literal"):
        wait_for(int, "x")


def test_what_never_comes_is_given_up_and_cancelled(monkeypatch: pytest.MonkeyPatch) -> None:
    _run_reactor()
    monkeypatch.setattr(machine, "WAIT_SECONDS", 0)
    cancelled = threading.Event()
    never: Deferred[None] = Deferred(lambda _: cancelled.set())
    with pytest.raises(TimeoutError):
        wait_for(lambda: never)
    assert cancelled.wait(SOCKET_SECONDS)
