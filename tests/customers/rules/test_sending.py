"""When a notice goes and by which channel: quiet hours, three a day, what follows a refusal."""

from __future__ import annotations

from datetime import datetime, time

from customers.rules.notice_states import Channel, DeliveryState
from customers.rules.sending import (
    A_DAY_MAX,
    AGAIN_US,
    TRIES_MAX,
    Attempt,
    GiveUp,
    Print,
    Quiet,
    Reach,
    Send,
    Wait,
    after_quiet,
    day_of,
    decide,
    is_silent,
    may_go_again,
    next_morning,
)
from ledger.rules.beijing import BEIJING

QUIET = Quiet(time(21), time(8))
MOBILE, EMAIL = Reach(1, Channel.MOBILE), Reach(2, Channel.EMAIL)
POST = Reach(3, Channel.POST)
ALL = (MOBILE, EMAIL, POST)


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=BEIJING).timestamp()) * 1_000_000


NOON = at("2026-12-01T12:00")


def failed(reach: Reach, state: DeliveryState = DeliveryState.FAILED, sent_at: int = 0) -> Attempt:
    return Attempt(reach, state, "", sent_at)


def test_the_next_channel_follows_a_refusal_and_a_task_the_last() -> None:
    assert decide(ALL, [], 0, QUIET, NOON) == Send(MOBILE)
    assert decide(ALL, [failed(MOBILE)], 0, QUIET, NOON) == Send(EMAIL)
    assert decide(ALL, [failed(MOBILE), failed(EMAIL)], 0, QUIET, NOON) == Print(POST)
    assert decide(ALL, [failed(reach) for reach in ALL], 0, QUIET, NOON) == GiveUp()
    assert decide((), [], 0, QUIET, NOON) == GiveUp()


def test_nobody_is_disturbed_from_nine_to_eight() -> None:
    eight, tomorrow = at("2026-12-01T08:00"), at("2026-12-02T08:00")
    for moment, until in (
        ("2026-12-01T00:00", eight),
        ("2026-12-01T07:59", eight),
        ("2026-12-01T21:00", tomorrow),
        ("2026-12-01T23:59", tomorrow),
    ):
        assert after_quiet(at(moment), QUIET) == until, moment
        assert decide(ALL, [], 0, QUIET, at(moment)) == Wait(until), moment
        assert decide((POST,), [], 0, QUIET, at(moment)) == Print(POST), moment
    for moment in ("2026-12-01T08:00", "2026-12-01T20:59"):
        assert decide(ALL, [], 0, QUIET, at(moment)) == Send(MOBILE), moment
    assert after_quiet(at("2026-12-01T03:00"), Quiet(time(8), time(8))) == at("2026-12-01T03:00")


def test_a_person_gets_three_a_day_and_the_next_in_the_morning() -> None:
    assert decide(ALL, [], A_DAY_MAX - 1, QUIET, NOON) == Send(MOBILE)
    assert decide(ALL, [], A_DAY_MAX, QUIET, NOON) == Wait(at("2026-12-02T08:00"))
    assert decide((POST,), [], A_DAY_MAX, QUIET, NOON) == Print(POST)
    assert next_morning(at("2026-12-01T20:59"), QUIET) == at("2026-12-02T08:00")
    assert (day_of(at("2026-12-01T00:00")), day_of(at("2026-12-01T23:59"))) == ("20261201", "20261201")


def test_what_may_have_been_sent_is_not_sent_again_for_a_day_and_not_for_ever() -> None:
    unsure = failed(MOBILE, DeliveryState.UNKNOWN, NOON)
    assert decide(ALL, [unsure], 0, QUIET, NOON + AGAIN_US - 1) == Wait(NOON + AGAIN_US)
    assert decide(ALL, [unsure], 0, QUIET, NOON + AGAIN_US) == Send(MOBILE)
    assert decide(ALL, [unsure] * TRIES_MAX, 0, QUIET, NOON + AGAIN_US) == Send(EMAIL)
    assert [may_go_again(0, moment) for moment in (AGAIN_US - 1, AGAIN_US)] == [False, True]
    assert [is_silent(0, moment) for moment in (3 * AGAIN_US - 1, 3 * AGAIN_US)] == [False, True]
