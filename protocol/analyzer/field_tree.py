"""The tree of a message's fields: each with its bytes, its value and its meaning, or why it is not shown.

Secrets are removed here, not where the tree is shown: a node holds a value only if `field_display` lets it
be shown and if the message around it is read in step. Frames and guesses do not belong here
(`protocol.analyzer.describe`), nor rules of decoding: parts come from `codec`, groups from `tlv`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile
from typing import Final, NamedTuple

from protocol import tlv
from protocol.analyzer import field_display
from protocol.analyzer.field_display import FieldDisplay
from protocol.card_number import masked_card
from protocol.codec import Codec
from protocol.dialect import Dialect, Private
from protocol.part import Part
from protocol.tlv import Group
from qianzhi_errors.sentence import Sentence

_CARD_SHOWN: Final = 6
_CARD: Final = 2
_GROUPS: Final = 48
_ORIGINAL: Final = 90
_NOT_IN_STEP: Final = Sentence("what is around it is not in order")
_NOT_FITTING: Final = Sentence("not what this field may hold")


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


class _Step(NamedTuple):
    """Whether a field is read in step. `held`: it stands between two anchors that fit. `slight`: it stands
    after an anchor that fits, and no anchor follows. `whole`: the message decodes to its end.
    """

    held: bool
    slight: bool
    whole: bool


def field_nodes(parts: Sequence[Part], codec: Codec, begin: int, *, whole: bool) -> Iterator[Node]:
    """Yield the nodes of the parts. `begin`: offset of the message. `whole`: it decodes to its end."""
    anchors = anchors_of(parts, codec.dialect)
    # In a message that breaks off, one anchor that does not fit makes every field doubtful.
    sure = whole or (len(anchors) > 1 and all(anchors.values()))
    for place, part in enumerate(parts):
        if part.key == "t":
            yield _mti(part, begin)
        elif part.key in ("p", "1"):
            yield _bitmap(part, begin, shown=sure)
        elif "." not in part.key:  # what is within a DE is shown below it
            before = sure and next(anchors[near] for near in range(place, -1, -1) if near in anchors)
            after = next((anchors[near] for near in range(place, len(parts)) if near in anchors), None)
            held = before and (whole if after is None else after)
            step = _Step(held, before and after is None, whole)
            if int(part.key) in codec.dialect.private:
                below = tuple(takewhile(lambda one: "." in one.key, parts[place + 1 :]))
                yield _divided(part, below, begin, codec.dialect, step)
            else:
                yield _field(part, begin, codec, step)


def anchors_of(parts: Sequence[Part], dialect: Dialect) -> dict[int, bool]:
    """Return the anchors among the parts by their place, and whether each fits."""
    anchors: dict[int, bool] = {}
    groups = groups_key(dialect)
    for place, part in enumerate(parts):
        if part.key == "t":
            anchors[place] = field_display.is_plausible_mti(part.text)
        elif part.key == groups:
            anchors[place] = _is_grouped(part.text, dialect.de48_encoding)
        elif part.key.isdecimal():
            display = _display_of(int(part.key), dialect)
            if display.anchor and display.fits is not None:
                anchors[place] = display.fits.fullmatch(part.text) is not None
    return anchors


def groups_key(dialect: Dialect) -> str:
    """Return the key of the part that has the interface's groups: "48", or where the network has them."""
    return str(dialect.place_of(_GROUPS))


def _display_of(number: int, dialect: Dialect) -> FieldDisplay:
    """Return how a DE of the network is displayed: one in which a DE of the interface stands, as that one.

    What a moved DE leaves behind is the network's own.
    """
    return field_display.display_of(dialect.place_of(number))


def _is_grouped(text: str, encoding: str) -> bool:
    """Tell whether a DE 48 consists of known groups to its end."""
    groups, stop = tlv.intact(text, encoding)
    whole = stop == len(text.encode(encoding))
    return bool(groups) and whole and all(tag in tlv.KNOWN for tag, _ in groups)


def _mti(part: Part, begin: int) -> Node:
    """Return the node of the MTI, its four digits below it."""
    said = field_display.mti_digits(part.text)
    digits = tuple(Node("", name, begin, 0, "", digit, meaning) for name, digit, meaning, _ in said)
    meaning = field_display.mti_meaning(said)
    raw, size = part.data.hex(), len(part.data)
    return Node("MTI", Sentence("Message type identifier"), begin, size, raw, part.text, meaning, "", digits)


def _bitmap(part: Part, begin: int, *, shown: bool) -> Node:
    """Return the node of a bitmap; it means the numbers of its DEs."""
    name = Sentence("Bitmap, primary") if part.key == "p" else Sentence("Bitmap, secondary")
    at, size = begin + part.at, len(part.data)
    if not shown:
        return Node("bitmap", name, at, size, hidden=_NOT_IN_STEP)
    first = 1 if part.key == "p" else 65
    bits = f"{int(part.text, 16):064b}"
    set_ = " ".join(str(first + place) for place, bit in enumerate(bits) if bit == "1")
    return Node("bitmap", name, at, size, part.data.hex(), "", f"DE {set_}" if set_ else Sentence("no DE"))


def _divided(part: Part, below: Sequence[Part], begin: int, dialect: Dialect, step: _Step) -> Node:
    """Return the node of a DE with a private bitmap: the bitmap and the subfields, each a node below it."""
    number, at = int(part.key), begin + part.at
    size = (below[-1].end if below else part.end) - part.at
    meaning = _counted_subfields(max(len(below) - 1, 0))
    nodes = tuple(_subfield(one, begin, dialect.private[number], step) for one in below)
    name = dialect.elements[number].name
    return Node(f"DE {number}", name, at, size, part.prefix.hex(), "", meaning, "", nodes)


def _counted_subfields(count: int) -> str:
    return Sentence("1 subfield") if count == 1 else Sentence("{count} subfields", count=count)


def _subfield(part: Part, begin: int, private: Private, step: _Step) -> Node:
    """Return the node of a private bitmap, or of a subfield: shown, masked, or hidden with the reason."""
    _, _, subfield = part.key.partition(".")
    if not subfield.isdecimal():
        bits = f"{int(part.text, 16):064b}"
        set_ = " ".join(f"{private.number}.{bit}" for bit, one in enumerate(bits, 1) if one == "1")
        is_shown = step.held or step.slight
        return Node(
            part.key,
            Sentence("Bitmap, private"),
            begin + part.at,
            len(part.data),
            part.data.hex() if is_shown else "",
            "",
            (set_ or Sentence("no subfield")) if is_shown else "",
            "" if is_shown else _NOT_IN_STEP,
        )
    number = int(subfield)
    display = field_display.UNKNOWN_GROUP
    if number in private.shown:
        display = field_display.OF_THE_FILE
    like = private.like.get(number, 0)
    if like:
        display = field_display.display_of(like)
    name, is_card = private.elements[number].name, like == _CARD
    return _shown(part, part.key, name, begin, display, step, is_card=is_card)


def _field(part: Part, begin: int, codec: Codec, step: _Step) -> Node:
    """Return the node of a DE: shown, masked, or hidden with the reason."""
    number = int(part.key)
    field, name = f"DE {number}", codec.dialect.elements[number].name
    if part.key == groups_key(codec.dialect) and tlv.intact(part.text, codec.dialect.de48_encoding)[0]:
        return _grouped(part, begin + part.at, name, codec.dialect.de48_encoding, step)
    display = _display_of(number, codec.dialect)
    node = _shown(part, field, name, begin, display, step, is_card=number == _CARD)
    if number == _ORIGINAL and not node.hidden:
        return replace(node, nodes=_original(part, node.at))
    return node


def _shown(
    part: Part, field: str, name: str, begin: int, display: FieldDisplay, step: _Step, *, is_card: bool
) -> Node:
    """Return the node of a DE or a subfield: shown, masked, or hidden with the reason."""
    at, size, text = begin + part.at, part.end - part.at, part.text
    if is_card:
        card = masked_card(text) if step.held and step.whole else text[:_CARD_SHOWN].ljust(len(text), "*")
        return Node(field, name, at, size, "", card, "", Sentence("masked"))
    reason = _why_hidden(text, display, step)
    if reason:
        return Node(
            field, name, at, size, hidden=Sentence("{shape}; {reason}", shape=_shape(text), reason=reason)
        )
    raw = (part.prefix + part.data).hex()
    says = display.says(text) if display.fits is not None and display.fits.fullmatch(text) else ""
    return Node(field, name, at, size, raw, text, says)


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
            else Sentence("it has as many digits as a card number")
        )
    return "" if step.slight and field_display.is_slight(text) else _NOT_IN_STEP


def _shape(text: str) -> str:
    """Return the number of characters of a hidden value: "19 digits", "3 characters"."""
    count = len(text)
    if text.isdecimal():
        return Sentence("1 digit") if count == 1 else Sentence("{count} digits", count=count)
    return Sentence("1 character") if count == 1 else Sentence("{count} characters", count=count)


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
    meaning, hidden = _counted(groups), ""
    if rest:
        meaning = Sentence("{groups}, and at byte {byte} begins none", groups=meaning, byte=begin + stop)
        hidden = Sentence("the {count} bytes from there", count=rest)
    field = f"DE {part.key}"
    return Node(field, name, at, part.end - part.at, part.prefix.hex(), "", meaning, hidden, nodes)


def _counted(groups: Sequence[Group]) -> str:
    return Sentence("1 group") if len(groups) == 1 else Sentence("{count} groups", count=len(groups))


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
    field, name = (f"48.{tag}", tlv.KNOWN[tag]) if is_known else ("48.?", Sentence("unknown group"))
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
        return Node(
            field,
            name,
            at,
            len(raw),
            hidden=Sentence("{shape}; {reason}", shape=_shape(value), reason=reason),
        )
    says = display.says(value) if display.fits is not None and display.fits.fullmatch(value) else ""
    return Node(field, name, at, len(raw), raw.hex(), value, says)
