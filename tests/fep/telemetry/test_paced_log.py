"""The log of a link: an entry a second at most, and none is left out without being counted."""

from __future__ import annotations

import io

from twisted.internet.task import Clock
from twisted.logger import Logger

from fep.process.logtext import log_observer
from fep.telemetry.paced_log import PACE_SECONDS, PacedLog


def test_what_comes_within_a_second_is_left_out_and_counted_in_the_next_entry() -> None:
    stream, clock = io.StringIO(), Clock()
    paced = PacedLog(Logger(namespace="here", observer=log_observer(stream)), clock.seconds)
    for number in range(4):
        paced.warn("entry {number}", number=number)
    clock.advance(PACE_SECONDS)
    paced.info("entry {number}", number=4)
    paced.info("entry {number}", number=5)
    paced.end()
    paced.end()
    assert [line.partition(" ")[2] for line in stream.getvalue().splitlines()] == [
        "[here#warn] entry 0",
        "[here#info] entry 4; 3 more were left out",
        "[here#warn] 1 entries like the last were left out",
    ]
