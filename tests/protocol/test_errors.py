"""The errors' family: who is at fault, what each says, and what it lets a caller ask."""

from __future__ import annotations

import pytest

from protocol.errors import (
    CaptureError,
    DecodeError,
    DialectError,
    EncodeError,
    FormatError,
    FrameError,
    FrameFault,
    KeyBlockError,
    OwnError,
    PeerError,
    ProtocolError,
)
from protocol.framing import Frame
from protocol.message import Message

PARTIAL = Message("0200", {11: "000001"})
_EMPTY = FrameFault.EMPTY


def test_the_family_says_who_is_at_fault() -> None:
    theirs = (FrameError, DecodeError, FormatError, CaptureError, KeyBlockError)
    assert all(issubclass(error, PeerError) for error in theirs)
    assert all(issubclass(error, OwnError) for error in (DialectError, EncodeError))
    with pytest.raises(TypeError) as caught:
        ProtocolError("of no one")
    assert str(caught.value) == "ProtocolError is abstract: raise a PeerError or an OwnError"


@pytest.mark.parametrize(
    ("kind", "args", "text", "attributes"),
    [
        (FrameError, (_EMPTY,), "the message is empty", {"fault": _EMPTY, "frames": ()}),
        (
            FrameError,
            (_EMPTY, "why", (Frame(b"a"),)),
            "why",
            {"fault": _EMPTY, "frames": (Frame(b"a"),)},
        ),
        (
            DecodeError,
            ("4", 30, "why"),
            "field 4 at byte 30: why",
            {"field": "4", "position": 30, "partial": None},
        ),
        (
            DecodeError,
            ("p", 4, "why", PARTIAL),
            "field p at byte 4: why",
            {"field": "p", "position": 4, "partial": PARTIAL},
        ),
        (FormatError, ("4",), "DE 4 missing", {"field": "4"}),
        (FormatError, ("48.PN", "malformed"), "DE 48.PN malformed", {"field": "48.PN"}),
        (CaptureError, (24, "a block"), "byte 24: expected a block", {"position": 24, "expected": "a block"}),
        (EncodeError, ("48.PN", "why"), "field 48.PN: why", {"field": "48.PN"}),
    ],
)
def test_an_error_says_where_and_what_and_keeps_it_for_its_caller(
    kind: type[ProtocolError], args: tuple[object, ...], text: str, attributes: dict[str, object]
) -> None:
    error = kind(*args)
    assert (str(error), vars(error)) == (text, attributes)


@pytest.mark.parametrize(
    ("reason", "text"),
    [
        ("is longer than it may be", "DE 48.PN is longer than i"),
        ("is much longer than it is", "DE 48.PN is much longer t"),
        ("has 张 in it", "DE 48.PN has ? in it"),
        ("ends in a blank at 25,  so", "DE 48.PN ends in a blank"),
    ],
)
def test_a_format_error_fits_de_44(reason: str, text: str) -> None:
    """At most 25 ASCII characters, and no blank at the end."""
    assert str(FormatError("48.PN", reason)) == text
