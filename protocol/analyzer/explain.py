"""Any input, as a person has it, explained: the bytes found in it, and each stream of them described.

Joins `listing`, `capture` and `describe`; what is known about text, captures and messages belongs there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from protocol.analyzer import capture, hexdump
from protocol.analyzer.capture import Capture, Stream
from protocol.analyzer.describe import Guess, Reading, ranked, read
from protocol.analyzer.error_locator import Wrong
from protocol.codec import Codec
from protocol.framing import Framing

_TLS_RECORDS: Final = range(20, 24)
_TLS_MAJOR: Final = 3
_TLS_BYTES_MIN: Final = 5
_TLS: Final = "TLS: it is encrypted, and nothing of it can be described; capture it where it is plain"


class Told(NamedTuple):
    """One stream: `name` says which where there are several; `reading` is None where `note` says why."""

    name: str
    reading: Reading | None
    note: str = ""


class Explained(NamedTuple):
    """An input: the `form` that it is in, its streams, and where the form itself is broken."""

    form: str
    told: tuple[Told, ...]
    wrong: Wrong | None

    @property
    def whole(self) -> bool:
        """Whether all of the input is messages."""
        readings = [one.reading for one in self.told]
        return (
            self.wrong is None and bool(readings) and all(one is not None and one.whole for one in readings)
        )


class Wanted(NamedTuple):
    """The dialects to try, by name, and what is fixed: a framing, or that there is none (`bare`)."""

    codecs: Mapping[str, Codec]
    framing: Framing | None = None
    bare: bool = False

    def guesses(self, samples: Sequence[bytes]) -> tuple[Guess, ...]:
        """What the samples may be, the best first."""
        return ranked(samples, self.codecs, self.framing, bare=self.bare)

    def read(self, data: bytes, guess: Guess) -> Reading:
        """The data as that."""
        return read(data, guess.framing, self.codecs[guess.dialect])


def explain(data: bytes, wanted: Wanted) -> Explained:
    """Return what an input is: a capture, hex digits, a hexdump, base64, or bytes as they are.

    Whatever the bytes, nothing is raised.
    """
    if capture.is_capture(data):
        return _captured("capture", capture.read(data), wanted)
    found = [(wanted.guesses(one.stretches)[0], one) for one in hexdump.readings(data)]
    # The first that is as good as any: digits that make no whole message are rather digits than a message.
    guess, chosen = max(found, key=lambda each: each[0].rank[:3])
    if chosen.form == "hexdump":
        packets = capture.of_packets(chosen.stretches)
        if packets is not None and not guess.rank.whole:
            return _captured("hexdump of packets", packets, wanted)
    slip = hexdump.spoilt(data) if not guess.rank.whole else None
    if slip is not None and wanted.guesses((slip.mended,))[0].rank >= guess.rank:
        # Likelier digits with a slip in them than a message that happens to look like digits.
        return Explained("hex digits", (), Wrong(slip.at, slip.expected))
    many = len(chosen.stretches) > 1
    told = tuple(
        Told(f"stretch {place}" if many else "", wanted.read(stretch, guess))
        for place, stretch in enumerate(chosen.stretches, 1)
    )
    return Explained(chosen.form, told, None)


def _captured(form: str, found: Capture, wanted: Wanted) -> Explained:
    fault = found.fault
    wrong = Wrong(fault.position, fault.expected) if fault is not None else None
    if wrong is None and not found.streams:
        wrong = Wrong(
            0, f"TCP with data: there is none; {found.other_packets} packets are something else, or cut short"
        )
    return Explained(form, tuple(_stream(one, found.streams, wanted) for one in found.streams), wrong)


def _stream(stream: Stream, streams: Sequence[Stream], wanted: Wanted) -> Told:
    """One direction, in what both directions of its connection are best read as."""
    data = stream.data
    both = [one.data for one in streams if one.way in (stream.way, stream.way.back)]
    guess = wanted.guesses(both)[0]
    if not guess.rank.whole and _is_tls(data):
        return Told(str(stream.way), None, _TLS)
    note = f"{stream.missing} bytes were not captured after it" if stream.missing else ""
    return Told(str(stream.way), wanted.read(data, guess), note)


def _is_tls(data: bytes) -> bool:
    """Whether a stream begins as a record of TLS does (RFC 8446, section 5.1)."""
    return len(data) >= _TLS_BYTES_MIN and data[0] in _TLS_RECORDS and data[1] == _TLS_MAJOR
