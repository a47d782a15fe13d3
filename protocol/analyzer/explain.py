"""Explains any input that a person has: finds the bytes in it, and describes each stream of them.

Joins `hexdump`, `capture` and `describe`; what is known about texts, captures and messages belongs there. The
names of the fields here and in `describe` are the keys of `qianzhi describe --json`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from protocol.analyzer import capture, hexdump
from protocol.analyzer.capture import Capture, Stream
from protocol.analyzer.describe import Guess, Reading, ranked, read
from protocol.analyzer.error_locator import WrongByte
from protocol.codec import Codec
from protocol.framing import Framing
from qianzhi_errors.sentence import Sentence

_TLS_RECORDS: Final = range(20, 24)
_TLS_MAJOR: Final = 3
_TLS_BYTES_MIN: Final = 5
_TLS: Final = Sentence(
    "TLS: it is encrypted, and nothing of it can be described; capture it where it is plain"
)


class ExplainedStream(NamedTuple):
    """One stream: its `name` if there are several, and its reading; `note` says why there is no reading, or
    that bytes are missing.
    """

    name: str
    reading: Reading | None
    note: str = ""


class Explained(NamedTuple):
    """An explained input: its `form`, the streams found in it (`told`, as the JSON key has it), and the first
    wrong byte of the form itself, or None.
    """

    form: str
    told: tuple[ExplainedStream, ...]
    wrong: WrongByte | None

    @property
    def whole(self) -> bool:
        """Whether all of the input is messages."""
        readings = [stream.reading for stream in self.told]
        are_whole = all(reading is not None and reading.whole for reading in readings)
        return self.wrong is None and bool(readings) and are_whole


class Candidates(NamedTuple):
    """What to try: the codecs by the names of their dialects, and one framing, or none at all (`bare`), if
    that is known.
    """

    codecs: Mapping[str, Codec]
    framing: Framing | None = None
    bare: bool = False

    def guesses(self, samples: Sequence[bytes]) -> tuple[Guess, ...]:
        """Return the framings and dialects that the samples may be in, the best first."""
        return ranked(samples, self.codecs, self.framing, bare=self.bare)

    def read(self, data: bytes, guess: Guess) -> Reading:
        """Return the reading of `data` in the framing and dialect of a guess."""
        return read(data, guess.framing, self.codecs[guess.dialect])


def explain(data: bytes, candidates: Candidates) -> Explained:
    """Return what an input is (a capture, hex digits, a hexdump, base64, or the bytes themselves), explained.

    Whatever the bytes, nothing is raised.
    """
    if capture.is_capture(data):
        return _captured(Sentence("capture"), capture.read(data), candidates)
    guessed = [(candidates.guesses(form.stretches)[0], form) for form in hexdump.readings(data)]
    # Of equally good ones the first: digits that are not a whole message are likelier digits than a message.
    guess, chosen = max(guessed, key=lambda pair: pair[0].rank[:3])
    if chosen.form == "hexdump":
        packets = capture.of_packets(chosen.stretches)
        if packets is not None and not guess.rank.whole:
            return _captured(Sentence("hexdump of packets"), packets, candidates)
    typo = hexdump.find_typo(data) if not guess.rank.whole else None
    if typo is not None and candidates.guesses((typo.mended,))[0].rank >= guess.rank:
        # These are likelier digits with a typo than a message that happens to look like digits.
        return Explained(hexdump.HEX_DIGITS, (), WrongByte(typo.at, typo.expected))
    many = len(chosen.stretches) > 1
    streams = tuple(
        ExplainedStream(
            Sentence("stretch {place}", place=place) if many else "", candidates.read(stretch, guess)
        )
        for place, stretch in enumerate(chosen.stretches, 1)
    )
    return Explained(chosen.form, streams, None)


def _captured(form: str, content: Capture, candidates: Candidates) -> Explained:
    """Return the streams of a capture, explained."""
    fault = content.fault
    wrong = WrongByte(fault.position, fault.expected) if fault is not None else None
    if wrong is None and not content.streams:
        others = content.other_packets
        wrong = WrongByte(
            0,
            Sentence(
                "TCP with data: there is none; {others} packets are something else, or cut short",
                others=others,
            ),
        )
    streams = tuple(_stream(stream, content.streams, candidates) for stream in content.streams)
    return Explained(form, streams, wrong)


def _stream(stream: Stream, streams: Sequence[Stream], candidates: Candidates) -> ExplainedStream:
    """Return one direction, explained in the framing and dialect that fit both directions together."""
    data = stream.data
    connection = (stream.direction, stream.direction.opposite)
    both = [other.data for other in streams if other.direction in connection]
    guess = candidates.guesses(both)[0]
    if not guess.rank.whole and _is_tls(data):
        return ExplainedStream(str(stream.direction), None, _TLS)
    note = (
        Sentence("{count} bytes were not captured after it", count=stream.missing) if stream.missing else ""
    )
    return ExplainedStream(str(stream.direction), candidates.read(data, guess), note)


def _is_tls(data: bytes) -> bool:
    """Tell whether a stream begins as a TLS record does (RFC 8446, section 5.1)."""
    return len(data) >= _TLS_BYTES_MIN and data[0] in _TLS_RECORDS and data[1] == _TLS_MAJOR
