"""How well a framing and dialect explain an input, figure by figure: the guess is nothing but their order."""

from __future__ import annotations

import pytest

from protocol.analyzer.describe import Guess, Rank, describe, ranked
from protocol.framing import MESSAGE_BYTES_MAX, TPDU_BYTES, Framing, wrap
from protocol.message import Message
from tests.support.messages import CODECS

ECHO = CODECS["ascii87"].encode(Message("0800", {7: "1124101112", 11: "000123", 70: "001"}))
"""39 bytes, with three anchors: the MTI, DE 7 and DE 70."""
FRAME = wrap(Framing.BE2, ECHO)
NO_GROUPS = CODECS["ascii87"].encode(Message("0800", {7: "1124101112", 48: ""}))
NO_MESSAGE = wrap(Framing.BE2, b"x")
LONG_FIELDS = dict.fromkeys((46, 47, 55, 56, 57, 58), "x" * 999)
LONG = wrap(Framing.BE2, CODECS["ascii87"].encode(Message("0800", {7: "1124101112", **LONG_FIELDS})))
"""Of which ten are whole among the first bytes, with two anchors each: the MTI and DE 7."""
LENGTH_MAX = MESSAGE_BYTES_MAX + TPDU_BYTES


@pytest.mark.parametrize(
    ("data", "framing", "rank"),
    [
        (ECHO, None, Rank(1, 0, 2, 1, 0, 1000, 3)),
        (FRAME, Framing.BE2, Rank(1, 1, 2, 1, 1, 1000, 3)),
        (
            wrap(Framing.BE2_TPDU, ECHO, bytes.fromhex("6000010002")),
            Framing.BE2_TPDU,
            Rank(1, 1, 2, 1, 2, 1000, 3),
        ),
        (b"", Framing.BE2, Rank(0, 0, 0, 0, 0, 0, 0)),
        (b"", None, Rank(0, 0, 0, 1, 0, 0, 0)),
        (FRAME[:-1], Framing.BE2, Rank(0, 0, 2, 1, 0, 950, 2)),
        (FRAME + b"\0", Framing.BE2, Rank(0, 0, 2, 1, 0, 976, 3)),
        (FRAME.replace(b"1124101112", b"9924101112"), Framing.BE2, Rank(1, 1, 2, 1, 1, 536, 1)),
        (FRAME.replace(b"0800", b"0a00"), Framing.BE2, Rank(0, 1, 0, 1, 0, 902, 2)),
        (FRAME.replace(b"0800", b"0900"), Framing.BE2, Rank(1, 1, 0, 1, 1, 48, 1)),
        (NO_GROUPS, None, Rank(1, 0, 2, 1, 0, 880, 1)),
        (NO_MESSAGE, Framing.BE2, Rank(0, 1, 0, 1, 0, 0, 0)),
        (NO_MESSAGE + FRAME, Framing.BE2, Rank(0, 1, 0, 1, 0, 931, 3)),
        (b"\0\0" + ECHO, Framing.BE2, Rank(0, 0, 2, 0, 0, 1000, 3)),
        (b"\0\1" + ECHO, Framing.BE2, Rank(0, 0, 0, 1, 0, 243, 0)),
        (LENGTH_MAX.to_bytes(2) + ECHO, Framing.BE2, Rank(0, 0, 2, 1, 0, 1000, 3)),
        ((LENGTH_MAX + 1).to_bytes(2) + ECHO, Framing.BE2, Rank(0, 0, 2, 0, 0, 1000, 3)),
        (FRAME.replace(b"0800", b"1800"), Framing.BE2, Rank(1, 1, 1, 1, 1, 1000, 3)),
        (b"00x0" + ECHO, Framing.ASCII4, Rank(0, 0, 2, 0, 0, 1000, 3)),
    ],
)
def test_a_rank_is_figure_by_figure_right(data: bytes, framing: Framing | None, rank: Rank) -> None:
    codecs = {"ascii87": CODECS["ascii87"]}
    assert ranked((data,), codecs, framing, bare=framing is None) == (Guess(rank, framing, "ascii87"),)


@pytest.mark.parametrize(
    ("data", "rank"),
    [
        (FRAME * 15 + NO_MESSAGE, Rank(0, 1, 2, 1, 0, 995, 45)),
        (FRAME * 16 + NO_MESSAGE, Rank(1, 1, 2, 1, 1, 1000, 48)),
        ((FRAME * 1600)[:65_536], Rank(0, 0, 2, 1, 0, 1000, 48)),
        ((FRAME * 1600)[:65_537], Rank(1, 1, 2, 1, 1, 1000, 48)),
        (FRAME * 1500 + b"\xff\xff" + FRAME * 200, Rank(0, 0, 2, 1, 0, 1000, 48)),
        (LONG * 11, Rank(1, 1, 2, 1, 1, 10 * len(LONG) * 1000 // 65_536, 20)),
    ],
)
def test_a_guess_is_made_from_the_first_frames_and_bytes(data: bytes, rank: Rank) -> None:
    codecs = {"ascii87": CODECS["ascii87"]}
    assert ranked((data,), codecs, Framing.BE2) == (Guess(rank, Framing.BE2, "ascii87"),)


def test_the_ranks_of_several_samples_are_added() -> None:
    codecs = {"ascii87": CODECS["ascii87"]}
    [guess] = ranked((FRAME, FRAME + b"\0"), codecs, Framing.BE2)
    assert guess.rank == Rank(1, 1, 4, 2, 1, 1976, 6)


def test_what_is_fixed_as_bare_is_read_without_a_framing() -> None:
    assert describe(FRAME, {"ascii87": CODECS["ascii87"]}, bare=True).framing is None
    assert describe(FRAME, {"ascii87": CODECS["ascii87"]}).framing is Framing.BE2
