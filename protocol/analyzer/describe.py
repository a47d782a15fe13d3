"""Describes any bytes of a link: framing, dialect, a tree of fields with their meaning, the first wrong byte.

Every framing is tried with every dialect, and the results are ranked; where none is convincing, a message
is sought behind a head (`head_finder`). Frames are cut here; a message's nodes
are made, and its secrets hidden, in `field_tree`. Bytes are decoded by `framing`, `codec` and `tlv`, by no
rules of this module.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

from protocol import tlv
from protocol.analyzer import field_display
from protocol.analyzer.error_locator import WrongByte, first_wrong
from protocol.analyzer.field_tree import Node, anchors_of, field_nodes, groups_key
from protocol.analyzer.head_finder import Beginning, beginnings, usual_at
from protocol.codec import Codec
from protocol.errors import FrameFault
from protocol.frame_head import TPDU_BYTES, TPDU_ID
from protocol.framing import MESSAGE_BYTES_MAX, Frame, Framing, frame_bytes, frames_of, length_at
from protocol.message import Message
from protocol.part import Part
from qianzhi_errors.sentence import Sentence

FRAMINGS: Final[tuple[Framing | None, ...]] = (
    Framing.BE2,
    Framing.ASCII4,
    Framing.BCD2,
    Framing.BE2_TPDU,
    None,
)
"""The framings that are guessed, and None: a message without a frame, as a log or a manual shows it."""
_TRIED_BYTES: Final = 65_536
_TRIED_FRAMES: Final = 16
_TRIED_SAMPLES: Final = 16
"""Bytes, frames and samples looked at for the guess: a long capture has one framing and one dialect."""
_FITTING_MIN: Final = 1
"""Fields that fit of a message in which nothing fits but its MTI."""
_USUAL: Final = Beginning(None).usual
_OWN_EDITION: Final = "0"
"""The first digit of the MTIs of ISO 8583:1987."""
_NOT_IN_ORDER: Final = Sentence("it may hold anything")
_SAMPLE: Final = Message("0800", {})
_OF_THE_HEAD: Final = frozenset({FrameFault.NO_TPDU, FrameFault.NO_HEADER, FrameFault.OTHER_LENGTH})
"""The faults that lie behind the length."""


@dataclass(frozen=True, slots=True)
class DescribedFrame:
    """One frame: its offset in the input, its size in bytes, its fields, and its first wrong byte; `refused`
    says what the machine would refuse in its message, where that was asked for.
    """

    at: int
    size: int
    nodes: tuple[Node, ...]
    wrong: WrongByte | None
    refused: str = ""

    @property
    def begin(self) -> int | None:
        """The offset of the message's MTI in the input; None where it has none."""
        return next((node.at for node in self.nodes if node.field == "MTI"), None)


@dataclass(frozen=True, slots=True)
class Reading:
    """The input, read in one framing and dialect. `wrong`: the byte at which no further frame can be cut."""

    framing: Framing | None
    dialect: str
    frames: tuple[DescribedFrame, ...]
    wrong: WrongByte | None

    @property
    def whole(self) -> bool:
        """Whether all of the input is messages."""
        return bool(self.frames) and not self.wrongs

    @property
    def wrongs(self) -> tuple[WrongByte, ...]:
        """All wrong bytes in ascending order, each offset once."""
        by_offset = {self.wrong.at: self.wrong} if self.wrong is not None else {}
        by_offset |= {frame.wrong.at: frame.wrong for frame in self.frames if frame.wrong is not None}
        return tuple(by_offset[at] for at in sorted(by_offset))


class Rank(NamedTuple):
    """How well a framing and dialect explain the input: larger is better; the first difference decides."""

    whole: int
    """1 if all of the sample is messages."""
    delimited: int
    """1 if the sample is cut into frames without a rest: lengths that fit to the byte are hardly chance."""
    plausible: int
    """2 if the first MTI is one of ISO 8583 in the dialect's edition, 1 if it is one in another."""
    legible: int
    """1 if the first length is one that a message may have."""
    framed: int
    """0 to 2: a whole reading with a framing is likelier than one without, and one with a TPDU likeliest."""
    explained: int
    """Bytes in fields before the first anchor that does not fit, in thousandths of the sample."""
    fitting: int
    """Number of anchors that fit, less the number of those that do not."""

    @classmethod
    def added(cls, ranks: Iterable[Rank]) -> Rank:
        """Return the rank over several samples: figure by figure the sum."""
        return cls(*(sum(figures) for figures in zip(*ranks, strict=True)))


class Guess(NamedTuple):
    """A framing (None for none, then with `lead` bytes of head) and a dialect, and how well they explain the
    input.
    """

    rank: Rank
    framing: Framing | None
    dialect: str
    lead: int = 0

    @property
    def is_headed(self) -> bool:
        """Whether the message is behind a head that none of the usual framings has."""
        return self.lead > 0 or self.framing not in FRAMINGS

    @property
    def message_at(self) -> int:
        """Bytes before the first message."""
        return self.lead if self.framing is None else self.framing.message_at

    def marks(self, samples: Sequence[bytes]) -> int:
        """Return what shows the framing: how many samples have lengths that all fit, and how many a TPDU."""
        tpdu_at = 0 if self.framing is None else self.framing.length.width
        has_tpdu = self.lead >= TPDU_BYTES if self.framing is None else self.framing.tpdu
        identified = sum(sample[tpdu_at : tpdu_at + 1] == bytes([TPDU_ID]) for sample in samples)
        return self.rank.delimited + has_tpdu * identified


class _Cut(NamedTuple):
    """A frame in the input: its offset `at`, the bytes `head` before its message (length and TPDU), the
    frame, and the value of its `length`, None if that is not digits.
    """

    at: int
    head: int
    frame: Frame
    length: int | None

    @property
    def begin(self) -> int:
        """Offset of the message in the input."""
        return self.at + self.head


def describe(
    data: bytes, codecs: Mapping[str, Codec], framing: Framing | None = None, *, bare: bool = False
) -> Reading:
    """Return the best reading of `data`. `codecs`: the codecs to try, by the names of their dialects.

    `framing` fixes the framing; `bare` fixes that there is none; one entry in `codecs` fixes the dialect.
    Whatever the bytes, nothing is raised.
    """
    [guess, *_] = ranked((data,), codecs, framing, bare=bare)
    return read(data, guess.framing, codecs[guess.dialect], guess.lead)


def ranked(
    samples: Sequence[bytes],
    codecs: Mapping[str, Codec],
    framing: Framing | None = None,
    *,
    bare: bool = False,
    headed: bool = True,
) -> tuple[Guess, ...]:
    """Return every framing and dialect to try, the best first, by how well they explain all samples together
    (for example the two directions of a link). The other arguments are those of `describe`. The first has a
    head of its own where that explains the samples, and none of the usual framings does; never without
    `headed`.
    """
    samples = samples[:_TRIED_SAMPLES]
    framings = (framing,) if framing is not None or bare else FRAMINGS
    guesses = tuple(
        sorted(
            (
                _guess(samples, Beginning(tried), name, codec)
                for tried in framings
                for name, codec in codecs.items()
            ),
            key=lambda guess: guess.rank,
            reverse=True,
        )
    )
    plain = guesses[0]
    figures = plain.rank.whole, plain.rank.plausible, plain.rank.legible
    is_sure = figures[0] == len(samples) and min(figures) >= len(samples)
    if framing is not None or not headed or is_sure:
        return guesses
    best = max(_headed(samples, codecs, plain, bare=bare), default=None)
    return guesses if best is None else (best.guess, *guesses)


class _Headed(NamedTuple):
    """A guess with a head of its own, after what ranks it among others: fields that fit count for more than
    bytes that are explained, since a long field explains many by chance.
    """

    whole: int
    marks: int
    usual: int
    fitting: int
    explained: int
    edition: int
    nearness: int
    order: int
    guess: Guess


def _headed(
    samples: Sequence[bytes], codecs: Mapping[str, Codec], plain: Guess, *, bare: bool
) -> Iterator[_Headed]:
    """Yield the guesses with a head of their own that are likelier than the best one without."""
    there = plain.rank
    is_seen = there.plausible and there.legible
    marks_there = plain.marks(samples)
    usual_there = usual_at(samples[0], plain.message_at, codecs[plain.dialect].dialect) if samples else 0
    order = 0
    for name, codec in codecs.items():
        for beginning in dict.fromkeys(
            found for data in samples for found in beginnings(data, codec.dialect)
        ):
            framing, _, usual = beginning
            if bare and framing is not None:
                continue
            guess = _guess(samples, beginning, name, codec)
            here, marks = guess.rank, guess.marks(samples)
            # The message is where it should be, and its length is wrong; or it is right in another form.
            if is_seen and guess.message_at == plain.message_at and here.delimited < len(samples):
                continue
            more_usual = usual == _USUAL and usual_there < _USUAL
            if _outdoes(here, marks, there, marks_there, usual == _USUAL, more_usual):
                order -= 1
                fit = (usual, here.fitting, here.explained, here.plausible)
                yield _Headed(here.whole, marks, *fit, -guess.message_at, order, guess)


def _outdoes(here: Rank, marks: int, there: Rank, marks_there: int, usual: bool, more_usual: bool) -> bool:
    """Tell whether a guess with a head of its own is likelier than the best one without, by ranks, by marks,
    and by whether MTI and bitmap are usual ones, and more so than its.

    A message that is damaged has digits in it that could be an MTI: so what is not whole, and has no more
    marks, has to explain more than the message does that begins where it should.
    """
    is_seen = there.plausible and there.legible
    if here.whole != there.whole:
        is_certain = here.fitting > here.whole or marks > marks_there
        return here.whole > there.whole and bool(is_certain or not is_seen)
    if marks > marks_there:
        return here.fitting >= there.fitting
    if there.whole:  # or its first frame is empty, as the upper half of a longer length is
        return here.legible > there.legible
    if more_usual and marks == marks_there and here.fitting > there.fitting:
        return True
    is_shown = here.fitting > _FITTING_MIN or marks > 0 or usual
    return not is_seen and is_shown and here.explained > there.explained


def _guess(samples: Sequence[bytes], beginning: Beginning, name: str, codec: Codec) -> Guess:
    """Return the guess of this beginning and dialect, ranked over all samples."""
    framing, lead, _ = beginning
    rank = Rank.added(_rank(data, framing, codec, lead) for data in samples)
    return Guess(rank, framing, name, lead)


def _frames(data: bytes, framing: Framing | None, lead: int) -> tuple[list[_Cut], WrongByte | None]:
    """Return the frames of an input, and the first wrong byte between them, if there is one."""
    if framing is None:
        bare = [_Cut(0, lead, Frame(data[lead:], data[:lead]), None)] if data else []
        return bare, None if data else WrongByte(0, Sentence("a message"))
    frames, fault = frames_of(framing, data)
    head = framing.message_at
    cuts: list[_Cut] = []
    at = 0
    for frame in frames:
        if not frame.is_empty:  # which is passed over, as on a link
            cuts.append(_Cut(at, head, frame, _following(framing, data, at)))
        at += len(frame_bytes(framing, frame))
    if at == len(data) and cuts:
        return cuts, None
    if at + head < len(data):  # the rest is described too, as far as it can be read
        before = data[at + framing.length.width : at + head]
        cuts.append(_Cut(at, head, Frame(data[at + head :], before), _following(framing, data, at)))
    if fault:
        return cuts, WrongByte(
            _fault_at(data, at, framing, fault),
            Sentence("a frame in framing {framing}: {fault}", framing=str(framing), fault=fault),
        )
    return cuts, WrongByte(
        len(data),
        Sentence(
            "the rest of the frame in framing {framing} that begins at byte {byte}",
            framing=str(framing),
            byte=at,
        ),
    )


def _following(framing: Framing, data: bytes, at: int) -> int | None:
    """Return how many bytes of head and message the length at byte `at` says; None where it says none."""
    length = length_at(framing, data, at)
    return None if length is None else length - _beside(framing)


def _beside(framing: Framing) -> int:
    """Return what a framing's lengths count beside head and message: themselves, or a trailer."""
    return framing.overhead - framing.head.size


def _fault_at(data: bytes, at: int, framing: Framing, fault: str) -> int:
    """Return the offset of the byte that makes the bytes from `at` on no frame."""
    width = framing.length.width
    if length_at(framing, data, at) is None:
        return at + framing.length.wrong_at(data[at : at + width])
    return at + width if fault in _OF_THE_HEAD else at


def _rank(data: bytes, framing: Framing | None, codec: Codec, lead: int) -> Rank:
    """Return how well this framing and dialect explain one sample."""
    sample = data[:_TRIED_BYTES]
    cuts, wrong = _frames(sample, framing, lead)
    if wrong is not None and len(sample) < len(data) and wrong.at == len(sample):
        cuts, wrong = cuts[:-1], None  # the last frame is incomplete because the sample ends, not by an error
    explained, fitting, plausible = 0, 0, 0
    whole = wrong is None
    delimited = whole and framing is not None
    legible = framing is None or 0 < (length_at(framing, sample, 0) or 0) <= MESSAGE_BYTES_MAX + TPDU_BYTES
    tried = cuts[:_TRIED_FRAMES]
    for place, cut in enumerate(tried):
        parts, fault = codec.dissect(cut.frame.body)
        whole = whole and fault is None
        if place == 0:
            plausible = _plausible(parts, codec)
        parts = parts or _behind_mti(cut.frame.body, codec)
        anchors = anchors_of(parts, codec.dialect)
        in_step = parts[: next((near for near, good in anchors.items() if not good), None)]
        explained += sum(part.end - part.at for part in in_step) + (_understood(cut) if parts else 0)
        fitting += sum(1 if good else -1 for good in anchors.values())
    size = sum(cut.head + len(cut.frame.body) for cut in tried) if len(tried) < len(cuts) else len(sample)
    framed = whole * ((framing is not None) + (framing is not None and framing.tpdu))
    return Rank(whole, delimited, plausible, legible, framed, 1000 * explained // max(size, 1), fitting)


def _plausible(parts: Sequence[Part], codec: Codec) -> int:
    """Return how plausible the MTI of a message is, as a rank has it."""
    if not parts or not field_display.is_plausible_mti(parts[0].text):
        return 0
    rewriting = codec.dialect.rewriting
    edition = rewriting.edition if rewriting is not None else ""
    return 2 if parts[0].text.startswith(edition or _OWN_EDITION) else 1


def _understood(cut: _Cut) -> int:
    """Return how many bytes before a message are understood: its length and TPDU. A header says nothing."""
    return _width(cut) + len(_tpdu(cut.frame.head))


def _behind_mti(body: bytes, codec: Codec) -> tuple[Part, ...]:
    """Return the parts after the MTI, read as if the MTI were correct: they show the dialect too."""
    width = codec.dialect.mti_width
    parts, _ = codec.dissect(codec.encode(_SAMPLE)[:width] + body[width:])
    return parts[1:]


def read(data: bytes, framing: Framing | None, codec: Codec, lead: int = 0) -> Reading:
    """Return the reading of `data` in this framing (None for none, then behind `lead` bytes) and dialect.

    Nothing is described after a frame whose length is wrong: nobody knows where the next frame begins.
    """
    cuts, wrong = _frames(data, framing, lead)
    frames: list[DescribedFrame] = []
    for cut in cuts:
        frame = _described(data, cut, codec)
        right = _right_length(data, cut, codec) if frame.wrong or wrong else None
        if right is not None:
            length = right + (_beside(framing) if framing is not None else 0)
            wrong = WrongByte(
                cut.at, Sentence("a length of {length}, as many bytes as its fields take", length=length)
            )
            message = Frame(data[cut.begin : cut.at + right + _width(cut)], cut.frame.head)
            frames.append(replace(_described(data, cut._replace(frame=message), codec), wrong=wrong))
            break
        frames.append(frame)
    return Reading(framing, codec.dialect.name, tuple(frames), wrong)


def _width(cut: _Cut) -> int:
    """Return the size of a frame's length prefix in bytes."""
    return cut.head - len(cut.frame.head)


def _right_length(data: bytes, cut: _Cut, codec: Codec) -> int | None:
    """Return the right length of a frame whose length is wrong; None if it is right, or none is certain.

    It is certain if the fields, read without the length, end with the input or before another frame.
    """
    if not _width(cut):
        return None
    rest = data[cut.begin : cut.begin + MESSAGE_BYTES_MAX]
    parts, fault = codec.dissect(rest)
    if not parts or (fault is not None and fault.field != parts[-1].key):
        return None
    end = parts[-1].end
    after = rest[end + cut.head :]
    following = codec.dissect(after)[0]
    if end < len(rest) and not (following and field_display.is_plausible_mti(following[0].text)):
        return None
    right = len(cut.frame.head) + end
    return right if right != cut.length else None


def _described(data: bytes, cut: _Cut, codec: Codec) -> DescribedFrame:
    """Return a frame with its fields and its first wrong byte."""
    at, head, frame, _ = cut
    parts, fault = codec.dissect(frame.body)
    wrong = first_wrong(codec.dialect, frame.body, parts, fault) if fault else None
    wrong = _wrong_group(parts, codec) or wrong
    begin = at + head
    fields = tuple(field_nodes(parts, codec, begin, whole=fault is None))
    if wrong is not None:
        wrong = wrong._replace(at=begin + wrong.at)
    nodes = (*_head(data[at:begin], cut, shown=bool(_width(cut)) or fault is None), *fields)
    return DescribedFrame(at, head + len(frame.body), nodes, wrong)


def _wrong_group(parts: Sequence[Part], codec: Codec) -> WrongByte | None:
    """Return where the DE of the groups stops being groups, if it begins with a known one: such a message is
    refused.
    """
    key = groups_key(codec.dialect)
    for part in parts:
        if part.key == key:
            groups, stop = tlv.intact(part.text, codec.dialect.de48_encoding)
            if groups and groups[0].tag in tlv.KNOWN and stop < len(part.data):
                expected = Sentence(
                    "a group of DE {field}: two characters, three digits, as many bytes as they say",
                    field=key,
                )
                return WrongByte(part.at + len(part.prefix) + stop, expected)
    return None


def _tpdu(head: bytes) -> bytes:
    """Return the TPDU that a head begins with; nothing if it has none."""
    return head[:TPDU_BYTES] if len(head) >= TPDU_BYTES and head[0] == TPDU_ID else b""


def _head(head: bytes, cut: _Cut, *, shown: bool) -> Iterator[Node]:
    """Yield the nodes of what stands before the message: the length, the TPDU, and the header.

    Not `shown` is what no length delimits before a message that is not in order: it may hold anything.
    """
    width = _width(cut)
    if width:
        yield _length(head[:width], cut)
    tpdu = _tpdu(cut.frame.head)
    header, place = cut.frame.head[len(tpdu) :], cut.at + width
    if tpdu:
        name = Sentence("Transport protocol data unit")
        address = Sentence("to {target}, from {source}", target=tpdu[1:3].hex(), source=tpdu[3:].hex())
        hidden = "" if shown else _NOT_IN_ORDER
        known = (tpdu.hex(), "", address) if shown else ("", "", "")
        yield Node("TPDU", name, place, len(tpdu), *known, hidden)
    if header:
        hidden = "" if shown and _is_harmless(header) else _NOT_IN_ORDER
        raw = "" if hidden else header.hex()
        yield Node(
            "header", Sentence("Header of the network"), place + len(tpdu), len(header), raw, hidden=hidden
        )


def _is_harmless(header: bytes) -> bool:
    """Tell whether no way to read a header makes a card number or a name of it."""
    texts = (header.decode("latin-1"), header.decode("cp500"))
    return field_display.is_harmless(header.hex()) and all(map(field_display.is_harmless, texts))


def _length(prefix: bytes, cut: _Cut) -> Node:
    """Return the node of a frame's length."""
    frame = cut.frame
    here = len(frame.body) + len(frame.head)
    if cut.length is None:
        meaning = Sentence("not digits")
    elif cut.length == here:
        meaning = Sentence("{length} bytes follow", length=here)
    else:
        meaning = Sentence("{length} bytes are to follow; {actual} do", length=cut.length, actual=here)
    return Node("length", Sentence("Length of the frame"), cut.at, len(prefix), prefix.hex(), "", meaning)
