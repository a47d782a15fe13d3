"""The deadlines of a link, by the second: the last moment at which each still holds, and the first at which
it has passed.
"""

from __future__ import annotations

import pytest

from fep.links.deadlines import Deadlines
from fep.settings.config import Limits
from fep.telemetry.last_seen import LastSeen

OPENED_AT = 1000.0
LIMITS = Limits(frame_seconds=10, sign_on_seconds=30, idle_seconds=60, echo_seconds=15)
NEVER = OPENED_AT + 1_000_000


def deadlines(*, signed_on: bool = True) -> Deadlines:
    made = Deadlines(LIMITS, OPENED_AT)
    if signed_on:
        made.signed_on()
    return made


def after(seconds: float) -> float:
    return OPENED_AT + seconds


def test_a_bank_that_has_not_signed_on_in_time_is_closed() -> None:
    link = deadlines(signed_on=False)
    assert (link.missed(after(29.9)), link.missed(after(30))) == ("", "no sign-on in time")


def test_bytes_that_are_no_sign_on_do_not_extend_its_deadline() -> None:
    link = deadlines(signed_on=False)
    link.heard(after(29), frame_pending=False)
    assert link.missed(after(30)) == "no sign-on in time"


def test_a_bank_that_has_signed_on_has_no_deadline_but_silence() -> None:
    link = deadlines()
    assert (link.missed(NEVER), link.is_echo_due(after(59.9)), link.is_echo_due(after(60))) == (
        "",
        False,
        True,
    )


def test_a_bank_that_has_not_signed_on_is_not_asked_for_an_echo() -> None:
    assert deadlines(signed_on=False).is_echo_due(NEVER) is False


def test_any_byte_ends_the_silence() -> None:
    link = deadlines()
    link.heard(after(50), frame_pending=False)
    assert (link.is_echo_due(after(109.9)), link.is_echo_due(after(110))) == (False, True)
    assert link.idle_seconds(after(53)) == 3


def test_a_frame_counts_from_its_first_byte_and_not_from_its_last() -> None:
    link = deadlines()
    link.heard(after(100), frame_pending=True)
    link.heard(after(109), frame_pending=True)
    assert (link.missed(after(109.9)), link.missed(after(110))) == ("", "a frame was not complete in time")


def test_a_frame_that_was_completed_has_no_deadline_any_more() -> None:
    link = deadlines()
    link.heard(after(100), frame_pending=True)
    link.heard(after(109), frame_pending=False)
    assert link.missed(NEVER) == ""


def test_a_frame_that_began_in_the_bytes_that_completed_another_counts_from_there() -> None:
    link = deadlines()
    link.heard(after(100), frame_pending=True)
    link.frame_began_again()
    link.heard(after(109), frame_pending=True)
    assert (link.missed(after(118.9)), link.missed(after(119))) == ("", "a frame was not complete in time")


def test_our_echo_is_to_be_answered_in_time_and_is_asked_once() -> None:
    link = deadlines()
    link.asked(after(60))
    assert not link.is_echo_due(NEVER)
    assert (link.missed(after(74.9)), link.missed(after(75))) == ("", "our echo was not answered in time")


def test_bytes_are_no_answer_to_our_echo() -> None:
    link = deadlines()
    link.asked(after(60))
    link.heard(after(61), frame_pending=False)
    assert link.missed(after(75)) == "our echo was not answered in time"


def test_an_answer_to_our_echo_ends_its_deadline_and_is_the_banks_last_echo() -> None:
    link = deadlines()
    link.asked(after(60))
    link.answered(after(61))
    assert (link.missed(NEVER), link.is_echo_due(after(120))) == ("", True)
    assert link.last_seen() == LastSeen(OPENED_AT, after(61))


def test_an_answer_to_nothing_is_no_echo() -> None:
    link = deadlines()
    link.answered(after(61))
    assert link.last_seen() == LastSeen(OPENED_AT, None)


def test_the_banks_own_echo_is_its_last_echo_and_answers_nothing() -> None:
    link = deadlines()
    link.asked(after(60))
    link.echoed(after(61))
    assert link.last_seen() == LastSeen(OPENED_AT, after(61))
    assert link.missed(after(75)) == "our echo was not answered in time"


@pytest.mark.parametrize(
    ("now", "reason"),
    [
        (after(10), "a frame was not complete in time"),
        (after(30), "a frame was not complete in time"),
    ],
)
def test_of_two_deadlines_that_have_passed_the_frames_is_told(now: float, reason: str) -> None:
    link = deadlines(signed_on=False)
    link.heard(OPENED_AT, frame_pending=True)
    assert link.missed(now) == reason


def test_the_opening_of_a_link_counts_as_a_sign_of_life() -> None:
    link = deadlines(signed_on=False)
    assert link.last_seen() == LastSeen(OPENED_AT, None)
    link.heard(after(7), frame_pending=False)
    assert link.last_seen() == LastSeen(after(7), None)


def test_a_handshake_has_a_deadline_of_its_own_until_it_is_done() -> None:
    limits = Limits(handshake_seconds=5, sign_on_seconds=30)
    slow, done = (Deadlines(limits, OPENED_AT, shakes_hands=True) for _ in range(2))
    done.shaken_hands()
    assert (slow.missed(after(4.9)), slow.missed(after(5))) == ("", "no TLS handshake in time")
    assert done.missed(after(29.9)) == ""


def test_a_handshake_and_a_sign_on_have_seconds_unless_the_settings_say_otherwise() -> None:
    assert (Limits().handshake_seconds, Limits().sign_on_seconds) == (5, 10)


def test_an_echo_is_awaited_from_when_it_is_asked_until_it_is_answered() -> None:
    link = deadlines()
    assert link.is_asked() is False
    link.asked(after(1))
    assert link.is_asked() is True
    link.answered(after(2))
    assert link.is_asked() is False
