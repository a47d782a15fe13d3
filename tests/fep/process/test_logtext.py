"""What the log and a traceback say, and what they never do."""

from __future__ import annotations

import io

import pytest
from twisted.logger import Logger
from twisted.python.failure import Failure

from fep.errors import FepError
from fep.process.logtext import log_observer, struck, traceback_text
from ledger.errors import Unavailable
from tests.support.canary import CARD, IDENTITY, PIN_BLOCK

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
    [
        *("20261124", "01020000/T0000001/1124101112/000001", "1" * 12, "1" * 12 + "X"),
        *("a1" * 7 + "a", "deadbeefdeadbeef", "DEADBEEFDEADBEEF"),
        *(f"G{CARD}", f"{CARD}G", f"{IDENTITY}1", f"g{PIN}", f"{PIN}g"),
    ],
)
def test_what_is_shorter_has_no_digit_or_is_a_part_of_a_name_stays(text: str) -> None:
    assert struck(text) == text


def test_what_is_no_letter_or_digit_ends_a_secret() -> None:
    assert struck("/tmp/d41d8cd98f00b204e9800998ecf8427e-x") == f"/tmp/{'*' * 32}-x"
    assert struck(f"{CARD}-{PIN}") == f"{'*' * 19}-{'*' * 16}"


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


@pytest.mark.parametrize(
    ("error", "last_line"),
    [
        (Unavailable("no database"), "Unavailable: no database"),
        (FepError("no such file"), "FepError: no such file"),
        (FileNotFoundError(2, "No such file", "/x"), "FileNotFoundError: No such file"),
        (OSError("张三"), "OSError"),
        (ValueError("张三"), "ValueError"),
        (Unavailable(f"at {CARD}"), f"Unavailable: at {'*' * 19}"),
    ],
)
def test_our_own_errors_speak_and_the_systems_say_why(error: Exception, last_line: str) -> None:
    assert traceback_text(raised(error)).splitlines()[-1] == last_line


def test_what_led_to_an_error_is_told_unless_it_was_left_out_on_purpose() -> None:
    def lines(error: BaseException) -> list[str]:
        return [line for line in traceback_text(error).splitlines() if not line.startswith(" ")]

    alone = ["Traceback (most recent call last):", "ValueError"]
    error = raised(ValueError())
    assert lines(error) == alone
    error.__context__ = KeyError()
    assert lines(error) == ["Traceback (most recent call last):", "KeyError", "which led to:", *alone]
    error.__suppress_context__ = True
    assert lines(error) == alone


def test_an_error_that_has_lost_its_frames_is_told_with_those_that_are_handed_in() -> None:
    error = raised(ValueError())
    frames = error.__traceback__
    lost = error.with_traceback(None)
    assert traceback_text(lost) == "Traceback (most recent call last):\nValueError"
    assert "in raised" in traceback_text(lost, frames)


def logged(error: BaseException) -> str:
    """What the log has of a failure, from the first frame on."""
    stream = io.StringIO()
    log_observer(stream)({"log_format": "it failed", "log_failure": Failure(error)})
    return stream.getvalue().partition("\n")[2]


def test_a_failure_in_the_log_is_told_once_and_without_its_text() -> None:
    name = "张" + "三"
    error = raised(ValueError(f"the holder {name}"))
    assert logged(error) == "".join(f"\t{line}\n" for line in traceback_text(error).splitlines())
    assert name not in logged(error)


def test_a_failure_keeps_its_frames_where_its_error_has_lost_them() -> None:
    error = raised(ValueError())
    failure = Failure(error)
    error.__traceback__ = None
    stream = io.StringIO()
    log_observer(stream)({"log_format": "it failed", "log_failure": failure})
    assert "in raised" in stream.getvalue()


def test_an_event_that_says_nothing_is_no_line() -> None:
    stream = io.StringIO()
    log_observer(stream)({})
    assert stream.getvalue() == ""


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


@pytest.mark.parametrize("unseen", ["\u202e", "\u2028", "\x85", "\x1b", "\r"])
def test_what_a_terminal_would_obey_is_an_escape_in_the_log(unseen: str) -> None:
    stream = io.StringIO()
    log_observer(stream)({"log_format": "bank {name}\nsigned on", "name": f"a{unseen}b"})
    assert unseen not in stream.getvalue()
    assert f"bank a\\u{ord(unseen):04x}b\n\tsigned on\n" in stream.getvalue()
