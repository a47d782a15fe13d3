"""How much one input may cost, in processor time and in memory at the peak; both grow with its length only.

The limits are wide: they are to catch a cost that is quadratic, or a length field that is believed, not a
slow machine.
"""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Callable
from typing import Final, NamedTuple

from fuzz.errors import TooMuch

Run = Callable[[bytes], None]

NANOSECONDS: Final = 1_000_000_000


class Limits(NamedTuple):
    """What one input may cost in nanoseconds and in bytes: a fixed part, and a part for each byte of the
    input.
    """

    nanoseconds: int = 2 * NANOSECONDS
    nanoseconds_a_byte: int = 1_000_000
    bytes_held: int = 4 << 20
    bytes_held_a_byte: int = 1_000


USUAL: Final = Limits()
INPUT_BYTES_MAX: Final = 1 << 14
"""Bytes of the longest input: a defect shows in a short input too, and a long one only takes time."""


def timed(run: Run, data: bytes, limits: Limits = USUAL) -> None:
    """Run one input; raise TooMuch if it took too long, in time of this thread: other load does not count."""
    began = time.thread_time_ns()
    run(data)
    took = time.thread_time_ns() - began
    allowed = limits.nanoseconds + limits.nanoseconds_a_byte * len(data)
    if took > allowed:
        raise TooMuch(
            f"{len(data)} bytes took {took / NANOSECONDS:.1f} s, {allowed / NANOSECONDS:.1f} are allowed"
        )


def weighed(run: Run, data: bytes, limits: Limits = USUAL) -> None:
    """As `timed`, and raise TooMuch if the input made the peak of memory too high. Several times slower."""
    nested = tracemalloc.is_tracing()
    if not nested:
        tracemalloc.start(1)
    try:
        before = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        timed(run, data, limits)
        peak = tracemalloc.get_traced_memory()[1] - before
    finally:
        if not nested:
            tracemalloc.stop()
    allowed = limits.bytes_held + limits.bytes_held_a_byte * len(data)
    if peak > allowed:
        raise TooMuch(f"{len(data)} bytes made {peak} bytes be held, {allowed} are allowed")
