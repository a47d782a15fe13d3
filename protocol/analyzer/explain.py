"""Explains any input that a person has: finds the bytes in it, and describes each stream of them.

Joins `hexdump`, `capture` and `describe`; what is known about texts, captures and messages belongs there. The
names of the fields here and in `describe` are the keys of `qianzhi describe --json`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Final, NamedTuple

from protocol.analyzer import capture, hexdump
from protocol.analyzer.capture import Capture, Stream
from protocol.analyzer.describe import DescribedFrame, Guess, Rank, Reading, ranked, read
from protocol.analyzer.error_locator import WrongByte
from protocol.analyzer.hexdump import Hexdump
from protocol.analyzer.other_protocols import protocol_of
from protocol.codec import Codec
from protocol.framing import Framing
from qianzhi_errors.sentence import Sentence

_OF_CHARACTERS: Final = (hexdump.RAW, hexdump.BASE64, hexdump.LINES, hexdump.CODED)
"""Forms in which almost any text could be."""
_LOST: Final = re.compile(r"[0-9]{4}[^.\ufffd]{0,7}[.\ufffd]")
"""An MTI, and a byte of its bitmap that was printed as a dot, or as the sign for what is no character."""
_ANCHORS_MIN: Final = 2
"""Fields that fit exactly, of a message whose MTI alone is damaged: so many at least."""
_A_FORM: Final = Sentence("hex digits, a hexdump, base64 or a message")
_A_BYTE: Final = Sentence(
    "the byte itself: what is no character was printed as a dot or another sign, and is lost; give hex digits"
)
_REPLACED: Final = "\ufffd".encode()
_REPLACED_MIN: Final = 2
"""A program that takes bytes for text of UTF-8 puts this sign in the place of each that is none."""
_NOTHING: Final = Sentence("a message of ISO 8583; nothing here begins as one, in any dialect that was tried")


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


def _no_gate(_codec: Codec, _message: bytes) -> str:
    return ""


def _no_variants() -> Mapping[str, Codec]:
    return {}


class Candidates(NamedTuple):
    """What to try: the codecs by the names of their dialects, and one framing, or none at all (`bare`), if
    that is known. `gate` says in words what the machine would refuse in a message, empty for nothing.
    `variants` gives more codecs, which are tried where none of the others reads all of an input.
    """

    codecs: Mapping[str, Codec]
    framing: Framing | None = None
    bare: bool = False
    gate: Callable[[Codec, bytes], str] = _no_gate
    variants: Callable[[], Mapping[str, Codec]] = _no_variants

    def guesses(self, samples: Sequence[bytes], *, headed: bool = True) -> tuple[Guess, ...]:
        """Return the framings and dialects that the samples may be in, the best first; `headed` as for
        `ranked`.
        """
        return ranked(samples, self.codecs, self.framing, bare=self.bare, headed=headed)

    def varied(self) -> Candidates:
        """Return the same with the variants instead of the codecs."""
        return self._replace(codecs=self.variants(), variants=_no_variants)

    def read(self, data: bytes, guess: Guess) -> Reading:
        """Return the reading of `data` in the framing and dialect of a guess, with what would be refused."""
        codec = self.codecs[guess.dialect]
        reading = read(data, guess.framing, codec, guess.lead)
        # A frame that is none, or is not all there, is not answered: its message is not looked at.
        answered = reading.frames if reading.wrong is None else reading.frames[:-1]
        frames = tuple(replace(frame, refused=self._refused(data, frame, codec)) for frame in answered)
        return replace(reading, frames=(*frames, *reading.frames[len(frames) :]))

    def _refused(self, data: bytes, frame: DescribedFrame, codec: Codec) -> str:
        """Return what the machine would refuse in a frame's message."""
        return "" if frame.begin is None else self.gate(codec, data[frame.begin : frame.at + frame.size])


def explain(data: bytes, candidates: Candidates) -> Explained:
    """Return what an input is (a capture, hex digits, a hexdump, base64, or the bytes themselves), explained.

    Whatever the bytes, nothing is raised.
    """
    if capture.is_capture(data):
        return _captured(Sentence("capture"), capture.read(data), candidates)
    forms = hexdump.readings(data)
    explained, guess = _best(data, forms, candidates)
    varied = candidates if guess.rank.whole else candidates.varied()
    if varied.codecs and varied is not candidates:
        other, another = _best(data, forms, varied)
        fits_more = another.rank.fitting > guess.rank.fitting and another.rank > guess.rank
        if other.told and (another.rank.whole or fits_more):
            return other
    return explained


def _best(data: bytes, forms: Sequence[Hexdump], candidates: Candidates) -> tuple[Explained, Guess]:
    """Return an input explained in the form and by the guess that explain it best, and the guess."""
    # Among many hex digits, read as characters, something like a header and an MTI is soon found.
    guessed = [(candidates.guesses(form.stretches, headed=form is forms[0])[0], form) for form in forms]
    # Of equally good ones the first: digits that are not a whole message are likelier digits than a message.
    guess, chosen = max(guessed, key=lambda pair: _likeness(pair[0], pair[1], forms[0]))
    if chosen.form == "hexdump":
        packets = capture.of_packets(chosen.stretches)
        if packets is not None and (guess.is_headed or not guess.rank.whole):
            return _captured(Sentence("hexdump of packets"), packets, candidates), guess
    typo = hexdump.find_typo(data) if not guess.rank.whole else None
    if typo is not None and candidates.guesses((typo.mended,), headed=False)[0].rank >= guess.rank:
        # These are likelier digits with a typo than a message that happens to look like digits.
        return Explained(hexdump.HEX_DIGITS, (), WrongByte(typo.at, typo.expected)), guess
    if not guess.rank.whole:
        another = _explained_without(data, guess.rank, chosen)
        if another is not None:
            return another, guess
    many = len(chosen.stretches) > 1
    streams = tuple(
        ExplainedStream(
            Sentence("stretch {place}", place=place) if many else "", candidates.read(stretch, guess)
        )
        for place, stretch in enumerate(chosen.stretches, 1)
    )
    return Explained(chosen.form, streams, None), guess


def _likeness(guess: Guess, form: Hexdump, first: Hexdump) -> tuple[float, ...]:
    """Return how much a form is like one of messages, stretch by stretch: an MTI counts behind a length that
    may be one. Among many hex digits, read as characters, an MTI is soon found, and lengths are: they count
    there with more.
    """
    rank = guess.rank
    if form.form in _OF_CHARACTERS and first.form not in _OF_CHARACTERS and rank.fitting < _ANCHORS_MIN:
        return rank.whole / len(form.stretches), 0, 0
    figures = rank.whole, rank.delimited, rank.plausible if rank.legible else 0
    return tuple(figure / len(form.stretches) for figure in figures)


def _explained_without(data: bytes, rank: Rank, chosen: Hexdump) -> Explained | None:
    """Return what an input is in which no message can be seen: another protocol, characters of which some are
    lost, or nothing known. None where a message can be seen, though it is damaged.
    """
    protocol = next(filter(None, map(protocol_of, (data, *chosen.stretches))), "")
    if protocol:
        return Explained(chosen.form, (ExplainedStream("", None, protocol),), None)
    if data.count(_REPLACED) >= _REPLACED_MIN:
        return Explained(hexdump.NO_FORM, (), WrongByte(data.index(_REPLACED), _A_BYTE))
    if _is_text(data) and chosen.form in _OF_CHARACTERS:
        dot = _LOST.search(data.decode("utf-8", "replace"))
        if dot is not None:
            return Explained(hexdump.NO_FORM, (), WrongByte(len(dot[0][:-1].encode()) + dot.start(), _A_BYTE))
        if _is_strange(rank):
            return Explained(hexdump.NO_FORM, (), WrongByte(0, _A_FORM))
    if _is_strange(rank):
        return Explained(chosen.form, (), WrongByte(0, _NOTHING))
    return None


def _is_strange(rank: Rank) -> bool:
    """Tell whether nothing about the best guess looks like a message."""
    return not (rank.whole or rank.delimited or rank.plausible) and rank.fitting < _ANCHORS_MIN


def _is_text(data: bytes) -> bool:
    """Tell whether an input is nothing but characters, blanks and ends of lines."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return bool(text.strip()) and all(map(str.isprintable, text.split()))


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
    protocol = "" if guess.rank.whole else protocol_of(data)
    if protocol:
        return ExplainedStream(str(stream.direction), None, protocol)
    note = (
        Sentence("{count} bytes were not captured after it", count=stream.missing) if stream.missing else ""
    )
    return ExplainedStream(str(stream.direction), candidates.read(data, guess), note)
