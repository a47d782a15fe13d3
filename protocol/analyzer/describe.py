"""Describes any bytes of a link: framing, dialect, a tree of fields with their meaning, the first wrong byte.

Every framing is tried with every dialect, and the results are ranked. Secrets are removed here, not where the
tree is shown: a node holds a value only if `field_display` lets it be shown and if the message around it is
read in step. Bytes are decoded by `framing`, `codec` and `tlv`, by no rules of this module.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

from protocol import tlv
from protocol.analyzer import field_display
from protocol.analyzer.error_locator import WrongByte, first_wrong
from protocol.analyzer.field_display import FieldDisplay
from protocol.card_number import masked_card
from protocol.codec import Codec, Part
from protocol.framing import (
    MESSAGE_BYTES_MAX,
    TPDU_BYTES,
    TPDU_ID,
    Frame,
    Framing,
    frame_bytes,
    frames_of,
    length_at,
    wrap,
)
from protocol.message import Message
from protocol.tlv import Group

FRAMINGS: Final[tuple[Framing | None, ...]] = (*Framing, None)
"""The framings of the interface, and None: a message without a frame, as a log or a manual shows it."""
_TRIED_BYTES: Final = 65_536
_TRIED_FRAMES: Final = 16
"""Bytes and frames looked at for the guess: a long capture has one framing and one dialect."""
_CARD_SHOWN: Final = 6
_SAMPLE: Final = Message("0800", {})
_SAMPLE_TPDU: Final = bytes([TPDU_ID, 0, 0, 0, 0])
_NOT_IN_STEP: Final = "what is around it is not in order"
_NOT_FITTING: Final = "not what this field may hold"


@dataclass(frozen=True, slots=True)
class Node:
    """One field, or a part of one. `at`: byte offset in the input. `size`: bytes. `raw`: the bytes as hex
    digits. `hidden`: why the value is not shown; then `raw` and `value` are empty.
    """

    field: str
    name: str
    at: int
    size: int
    raw: str = ""
    value: str = ""
    meaning: str = ""
    hidden: str = ""
    nodes: tuple[Node, ...] = ()


@dataclass(frozen=True, slots=True)
class DescribedFrame:
    """One frame: its offset in the input, its size in bytes, its fields, and its first wrong byte."""

    at: int
    size: int
    nodes: tuple[Node, ...]
    wrong: WrongByte | None


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
    """1 if the first MTI is one of ISO 8583:1987."""
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
    """A framing (None for none) and a dialect, and how well they explain the input."""

    rank: Rank
    framing: Framing | None
    dialect: str


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
    return read(data, guess.framing, codecs[guess.dialect])


def ranked(
    samples: Sequence[bytes],
    codecs: Mapping[str, Codec],
    framing: Framing | None = None,
    *,
    bare: bool = False,
) -> tuple[Guess, ...]:
    """Return every framing and dialect to try, the best first, by how well they explain all samples together
    (for example the two directions of a link). The other arguments are those of `describe`.
    """
    framings = (framing,) if framing is not None or bare else FRAMINGS
    guesses = [
        Guess(Rank.added(_rank(data, tried, codec) for data in samples), tried, name)
        for tried in framings
        for name, codec in codecs.items()
    ]
    return tuple(sorted(guesses, key=lambda guess: guess.rank, reverse=True))


def _frames(data: bytes, framing: Framing | None) -> tuple[list[_Cut], WrongByte | None]:
    """Return the frames of an input, and the first wrong byte between them, if there is one."""
    if framing is None:
        bare = [_Cut(0, 0, Frame(data), None)] if data else []
        return bare, None if data else WrongByte(0, "a message")
    frames, fault = frames_of(framing, data)
    head = len(wrap(framing, b"x", _SAMPLE_TPDU if framing is Framing.BE2_TPDU else b"")) - 1
    cuts: list[_Cut] = []
    at = 0
    for frame in frames:
        if not frame.is_empty:  # which is passed over, as on a link
            cuts.append(_Cut(at, head, frame, length_at(framing, data, at)))
        at += len(frame_bytes(framing, frame))
    if at == len(data) and cuts:
        return cuts, None
    if at + head < len(data):  # the rest is described too, as far as it can be read
        tpdu = data[at + head - TPDU_BYTES : at + head] if framing is Framing.BE2_TPDU else b""
        cuts.append(_Cut(at, head, Frame(data[at + head :], tpdu), length_at(framing, data, at)))
    if fault:
        return cuts, WrongByte(_fault_at(data, at, framing), f"a frame in framing {framing}: {fault}")
    return cuts, WrongByte(len(data), f"the rest of the frame in framing {framing} that begins at byte {at}")


def _fault_at(data: bytes, at: int, framing: Framing) -> int:
    """Return the offset of the byte that makes the bytes from `at` on no frame."""
    if length_at(framing, data, at) is None:
        digits = bytes.isdigit if framing is Framing.ASCII4 else lambda byte: byte.hex().isdecimal()
        return next(place for place in range(at, len(data)) if not digits(data[place : place + 1]))
    tpdu = at + 2
    if framing is Framing.BE2_TPDU and data[tpdu : tpdu + 1] not in (b"", bytes([TPDU_ID])):
        return tpdu
    return at


def _rank(data: bytes, framing: Framing | None, codec: Codec) -> Rank:
    """Return how well this framing and dialect explain one sample."""
    sample = data[:_TRIED_BYTES]
    cuts, wrong = _frames(sample, framing)
    if wrong is not None and len(sample) < len(data) and wrong.at == len(sample):
        cuts, wrong = cuts[:-1], None  # the last frame is incomplete because the sample ends, not by an error
    explained, fitting, plausible = 0, 0, False
    whole = wrong is None
    delimited = whole and framing is not None
    legible = framing is None or 0 < (length_at(framing, sample, 0) or 0) <= MESSAGE_BYTES_MAX + TPDU_BYTES
    tried = cuts[:_TRIED_FRAMES]
    for place, cut in enumerate(tried):
        parts, fault = codec.dissect(cut.frame.body)
        whole = whole and fault is None
        if place == 0:
            plausible = bool(parts) and field_display.is_plausible_mti(parts[0].text)
        parts = parts or _behind_mti(cut.frame.body, codec)
        anchors = _anchors(parts, codec.dialect.de48_encoding)
        in_step = parts[: next((near for near, good in anchors.items() if not good), None)]
        explained += sum(part.end - part.at for part in in_step) + (cut.head if parts else 0)
        fitting += sum(1 if good else -1 for good in anchors.values())
    size = sum(cut.head + len(cut.frame.body) for cut in tried) if len(tried) < len(cuts) else len(sample)
    framed = whole * ((framing is not None) + (framing is Framing.BE2_TPDU))
    return Rank(whole, delimited, plausible, legible, framed, 1000 * explained // max(size, 1), fitting)


def _behind_mti(body: bytes, codec: Codec) -> tuple[Part, ...]:
    """Return the parts after the MTI, read as if the MTI were correct: they show the dialect too."""
    width = codec.dialect.mti_width
    parts, _ = codec.dissect(codec.encode(_SAMPLE)[:width] + body[width:])
    return parts[1:]


def read(data: bytes, framing: Framing | None, codec: Codec) -> Reading:
    """Return the reading of `data` in this framing (None for none) and dialect.

    Nothing is described after a frame whose length is wrong: nobody knows where the next frame begins.
    """
    cuts, wrong = _frames(data, framing)
    frames: list[DescribedFrame] = []
    for cut in cuts:
        frame = _described(data, cut, codec)
        right = _right_length(data, cut, codec) if frame.wrong or wrong else None
        if right is not None:
            wrong = WrongByte(cut.at, f"a length of {right}, as many bytes as its fields take")
            message = Frame(data[cut.begin : cut.at + right + _width(cut)], cut.frame.tpdu)
            frames.append(replace(_described(data, cut._replace(frame=message), codec), wrong=wrong))
            break
        frames.append(frame)
    return Reading(framing, codec.dialect.name, tuple(frames), wrong)


def _width(cut: _Cut) -> int:
    """Return the size of a frame's length prefix in bytes."""
    return cut.head - len(cut.frame.tpdu)


def _right_length(data: bytes, cut: _Cut, codec: Codec) -> int | None:
    """Return the right length of a frame whose length is wrong; None if it is right, or none is certain.

    It is certain if the fields, read without the length, end with the input or before another frame.
    """
    if not cut.head:
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
    right = len(cut.frame.tpdu) + end
    return right if right != cut.length else None


def _described(data: bytes, cut: _Cut, codec: Codec) -> DescribedFrame:
    """Return a frame with its fields and its first wrong byte."""
    at, head, frame, _ = cut
    parts, fault = codec.dissect(frame.body)
    wrong = first_wrong(codec.dialect, frame.body, parts, fault) if fault else None
    wrong = _wrong_group(parts, codec.dialect.de48_encoding) or wrong
    begin = at + head
    fields = tuple(_fields(parts, codec, begin, whole=fault is None))
    if wrong is not None:
        wrong = wrong._replace(at=begin + wrong.at)
    nodes = (*_head(data[at:begin], cut), *fields)
    return DescribedFrame(at, head + len(frame.body), nodes, wrong)


def _wrong_group(parts: Sequence[Part], encoding: str) -> WrongByte | None:
    """Return where DE 48 stops being groups, if it begins with a known group: such a message is refused."""
    for part in parts:
        if part.key == "48":
            groups, stop = tlv.intact(part.text, encoding)
            if groups and groups[0].tag in tlv.KNOWN and stop < len(part.data):
                expected = "a group of DE 48: two characters, three digits, as many bytes as they say"
                return WrongByte(part.at + len(part.prefix) + stop, expected)
    return None


def _head(head: bytes, cut: _Cut) -> Iterator[Node]:
    """Yield the nodes of what a framing puts before the message: the length, and the TPDU."""
    at, frame, width = cut.at, cut.frame, _width(cut)
    tpdu = len(frame.tpdu)
    if not head:
        return
    here = len(frame.body) + tpdu
    meaning = f"{cut.length} bytes follow" if cut.length is not None else "not digits"
    if cut.length not in (None, here):
        meaning = f"{cut.length} bytes are to follow; {here} do"
    yield Node("length", "Length of the frame", at, width, head[:width].hex(), "", meaning)
    if tpdu == TPDU_BYTES:
        address = f"to {frame.tpdu[1:3].hex()}, from {frame.tpdu[3:].hex()}"
        yield Node("TPDU", "Transport protocol data unit", at + width, tpdu, frame.tpdu.hex(), "", address)


def _anchors(parts: Sequence[Part], encoding: str) -> dict[int, bool]:
    """Return the anchors among the parts by their place, and whether each fits."""
    anchors: dict[int, bool] = {}
    for place, part in enumerate(parts):
        if part.key == "t":
            anchors[place] = field_display.is_plausible_mti(part.text)
        elif part.key == "48":
            anchors[place] = _is_grouped(part.text, encoding)
        elif part.key.isdecimal():
            display = field_display.display_of(int(part.key))
            if display.anchor and display.fits is not None:
                anchors[place] = display.fits.fullmatch(part.text) is not None
    return anchors


def _is_grouped(text: str, encoding: str) -> bool:
    """Tell whether a DE 48 consists of known groups to its end."""
    groups, stop = tlv.intact(text, encoding)
    whole = stop == len(text.encode(encoding))
    return bool(groups) and whole and all(tag in tlv.KNOWN for tag, _ in groups)


def _fields(parts: Sequence[Part], codec: Codec, begin: int, *, whole: bool) -> Iterator[Node]:
    """Yield the nodes of the parts. `begin`: offset of the message. `whole`: it decodes to its end."""
    anchors = _anchors(parts, codec.dialect.de48_encoding)
    # In a message that breaks off, one anchor that does not fit makes every field doubtful.
    sure = whole or (len(anchors) > 1 and all(anchors.values()))
    for place, part in enumerate(parts):
        if part.key == "t":
            yield _mti(part, begin)
        elif part.key in ("p", "1"):
            yield _bitmap(part, begin, shown=sure)
        else:
            before = sure and next(anchors[near] for near in range(place, -1, -1) if near in anchors)
            after = next((anchors[near] for near in range(place, len(parts)) if near in anchors), None)
            held = before and (whole if after is None else after)
            yield _field(part, begin, codec, _Step(held, before and after is None, whole))


class _Step(NamedTuple):
    """Whether a field is read in step. `held`: it stands between two anchors that fit. `slight`: it stands
    after an anchor that fits, and no anchor follows. `whole`: the message decodes to its end.
    """

    held: bool
    slight: bool
    whole: bool


def _mti(part: Part, begin: int) -> Node:
    """Return the node of the MTI, its four digits below it."""
    digits = tuple(
        Node("", name, begin, 0, "", digit, meanings.get(digit, "none of ISO 8583:1987"))
        for digit, (name, meanings) in zip(part.text, field_display.MTI_DIGITS, strict=True)
    )
    meaning = "not one of ISO 8583:1987"
    if field_display.is_plausible_mti(part.text):
        _, kind, function, origin = (digit.meaning for digit in digits)
        meaning = f"{kind} {function}, {origin}"
    raw, size = part.data.hex(), len(part.data)
    return Node("MTI", "Message type identifier", begin, size, raw, part.text, meaning, "", digits)


def _bitmap(part: Part, begin: int, *, shown: bool) -> Node:
    """Return the node of a bitmap; it means the numbers of its DEs."""
    name = "Bitmap, primary" if part.key == "p" else "Bitmap, secondary"
    at, size = begin + part.at, len(part.data)
    if not shown:
        return Node("bitmap", name, at, size, hidden=_NOT_IN_STEP)
    first = 1 if part.key == "p" else 65
    bits = f"{int(part.text, 16):064b}"
    set_ = " ".join(str(first + place) for place, bit in enumerate(bits) if bit == "1")
    return Node("bitmap", name, at, size, part.data.hex(), "", f"DE {set_}" if set_ else "no DE")


def _field(part: Part, begin: int, codec: Codec, step: _Step) -> Node:
    """Return the node of a DE: shown, masked, or hidden with the reason."""
    number = int(part.key)
    field, name = f"DE {number}", codec.dialect.elements[number].name
    at, size, text = begin + part.at, part.end - part.at, part.text
    if number == 2:
        card = masked_card(text) if step.held and step.whole else text[:_CARD_SHOWN].ljust(len(text), "*")
        return Node(field, name, at, size, "", card, "", "masked")
    if number == 48 and tlv.intact(text, codec.dialect.de48_encoding)[0]:
        return _grouped(part, at, name, codec.dialect.de48_encoding, step)
    display = field_display.display_of(number)
    reason = _why_hidden(text, display, step)
    if reason:
        return Node(field, name, at, size, hidden=f"{_shape(text)}; {reason}")
    raw = (part.prefix + part.data).hex()
    says = display.says(text) if display.fits is not None and display.fits.fullmatch(text) else ""
    return Node(field, name, at, size, raw, text, says, "", _original(part, at) if number == 90 else ())


def _why_hidden(text: str, display: FieldDisplay, step: _Step) -> str:
    """Return why a value must not be shown; empty if it may be shown."""
    if display.fits is None:
        return "" if display is field_display.UNUSED and field_display.is_short(text) else display.hidden
    if display.fits.fullmatch(text) is None:
        return "" if field_display.is_short(text) else _NOT_FITTING
    if display.anchor:
        return ""
    if step.held:
        return (
            ""
            if field_display.is_harmless(text, dated=display.dated)
            else "it has as many digits as a card number"
        )
    return "" if step.slight and field_display.is_slight(text) else _NOT_IN_STEP


def _shape(text: str) -> str:
    """Return the number of characters of a hidden value: "19 digits", "3 characters"."""
    noun = "digit" if text.isdecimal() else "character"
    return f"1 {noun}" if len(text) == 1 else f"{len(text)} {noun}s"


def _original(part: Part, at: int) -> tuple[Node, ...]:
    """Return the nodes of the parts of a well-formed DE 90, each with its byte offset."""
    nodes: list[Node] = []
    place = 0
    packed = len(part.data) < len(part.text)
    for name, digits, says in field_display.ORIGINAL_PARTS:
        text = part.text[place : place + digits]
        byte = place // 2 if packed else place
        nodes.append(Node("", name, at + byte, 0, "", text, says(text)))
        place += digits
    return tuple(nodes)


def _grouped(part: Part, at: int, name: str, encoding: str, step: _Step) -> Node:
    """Return the node of DE 48 with its groups up to the first error, each displayed by its own rule."""
    begin = at + len(part.prefix)
    groups, stop = tlv.intact(part.text, encoding)
    nodes = tuple(_groups(groups, begin, encoding, step))
    rest = len(part.data) - stop
    meaning = _counted(groups) + (f", and at byte {begin + stop} begins none" if rest else "")
    hidden = f"the {rest} bytes from there" if rest else ""
    return Node("DE 48", name, at, part.end - part.at, part.prefix.hex(), "", meaning, hidden, nodes)


def _counted(groups: Sequence[Group]) -> str:
    return "1 group" if len(groups) == 1 else f"{len(groups)} groups"


def _groups(groups: Sequence[Group], begin: int, encoding: str, step: _Step) -> Iterator[Node]:
    """Yield the nodes of groups that begin at byte `begin` of the input."""
    at = begin
    for tag, value in groups:
        raw = tlv.build([(tag, value)], encoding).encode(encoding)
        yield _group(tag, value, raw, at, encoding, step)
        at += len(raw)


def _group(tag: str, value: str, raw: bytes, at: int, encoding: str, step: _Step) -> Node:
    """Return the node of one group; the value of a DL group is groups again."""
    is_known = tag in tlv.KNOWN
    field, name = (f"48.{tag}", tlv.KNOWN[tag]) if is_known else ("48.?", "unknown group")
    if tag == "DL":
        inner, stop = tlv.intact(value, encoding)
        if inner and stop == len(value.encode(encoding)):
            nodes = tuple(_groups(inner, at + len(raw) - stop, encoding, step))
            return Node(field, name, at, len(raw), "", "", _counted(inner), "", nodes)
    display = field_display.GROUPS.get(
        tag, field_display.UNKNOWN_GROUP if not is_known else FieldDisplay(hidden=_NOT_FITTING)
    )
    reason = _why_hidden(value, display, step)
    if reason:
        return Node(field, name, at, len(raw), hidden=f"{_shape(value)}; {reason}")
    says = display.says(value) if display.fits is not None and display.fits.fullmatch(value) else ""
    return Node(field, name, at, len(raw), raw.hex(), value, says)
