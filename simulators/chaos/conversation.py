"""What the rules do to one connection: bytes and times in, effects out.

Pure: no socket, no clock, no entropy but the seed. The same bytes at the same times give the same effects,
however they are split, and other connections change nothing in it. Times are whole microseconds on any one
clock.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from random import Random
from types import MappingProxyType
from typing import NamedTuple

from protocol.dialect import load
from protocol.errors import FrameError
from protocol.framing import FrameReader, frame_bytes
from simulators.chaos.rules import Injection, Rule, Rules, Way

_MILLISECOND = 1000
_SECOND = 1_000_000


class Send(NamedTuple):
    """Effect: bytes go on their way."""

    at: int
    way: Way
    data: bytes

    def __repr__(self) -> str:
        """Show how many bytes, never one: they may hold what no log may."""
        return f"Send({self.at}, {self.way}, {len(self.data)} bytes)"


class Close(NamedTuple):
    """Effect: the receiver at the end of this way is told that nothing more comes."""

    at: int
    way: Way


class Abort(NamedTuple):
    """Effect: the connection ends at once, both ways."""

    at: int


class Refuse(NamedTuple):
    """Effect: no connection is accepted until a time."""

    until: int


class Did(NamedTuple):
    """What a rule did, for the log. `frame` is 0 and `mti` empty for a rule on a new connection."""

    at: int
    connection: int
    way: str
    frame: int
    mti: str
    rule: str
    did: str
    bytes: int


Effect = Send | Close | Abort | Refuse | Did


@dataclass(frozen=True, slots=True)
class _Unit:
    """A frame on its way, and the effects of the rules on it so far. `start` counts its first byte from 1."""

    way: Way
    number: int
    start: int
    mti: str
    data: bytes
    wait: int = 0
    piece: int = 0
    gap: int = 0
    copies: int = 1
    cut_at: int | None = None
    rate: int = 0
    is_dropped: bool = False


@dataclass(slots=True)
class _Stream:
    """One way of a connection: the bytes of an incomplete frame, and the time when the way is free again."""

    reader: FrameReader | None
    held: bytes = b""
    units: int = 0
    taken: int = 0
    free_at: int = 0
    rate: int = 0
    is_dropped: bool = False
    fired: dict[int, int] = field(default_factory=dict)


def _place(rule: Rule, unit: _Unit, random: Random) -> int:
    """The offset in a unit that a rule means: `offset`, the place of its `byte`, or a drawn one; never
    outside the unit.
    """
    if rule.byte is not None:
        return min(rule.byte - unit.start, len(unit.data))
    if rule.offset is not None:
        return min(rule.offset, len(unit.data))
    return random.randrange(len(unit.data)) if unit.data else 0


def _cut(rule: Rule, unit: _Unit, random: Random) -> _Unit:
    middle = rule.byte is None and rule.offset is None
    return replace(unit, cut_at=len(unit.data) // 2 if middle else _place(rule, unit, random))


def _corrupt(rule: Rule, unit: _Unit, random: Random) -> _Unit:
    mask = rule.mask or random.randrange(1, 256)
    place = min(_place(rule, unit, random), len(unit.data) - 1)
    if place < 0:
        return unit
    changed = bytes([unit.data[place] ^ mask])
    return replace(unit, data=unit.data[:place] + changed + unit.data[place + 1 :])


INJECTIONS: Mapping[Injection, Callable[[Rule, _Unit, Random], _Unit]] = MappingProxyType(
    {
        Injection.CUT: _cut,
        Injection.SWALLOW: lambda _, unit, __: replace(unit, data=b""),
        Injection.SWALLOW_AND_CUT: lambda _, unit, __: replace(unit, data=b"", cut_at=0),
        Injection.DELAY: lambda rule, unit, _: replace(
            unit, wait=unit.wait + (rule.milliseconds or 0) * _MILLISECOND
        ),
        Injection.THROTTLE: lambda rule, unit, _: replace(unit, rate=rule.bytes_a_second or 0),
        Injection.SPLIT: lambda rule, unit, _: replace(
            unit, piece=rule.piece or 0, gap=(rule.milliseconds or 0) * _MILLISECOND
        ),
        Injection.CORRUPT: _corrupt,
        Injection.DUPLICATE: lambda _, unit, __: replace(unit, copies=unit.copies + 1),
        Injection.DROP: lambda _, unit, __: replace(unit, is_dropped=True),
    }
)
"""Every fault on bytes; REFUSE is done as a connection opens."""


class Conversation:
    """One connection, from its opening to its end."""

    def __init__(self, rules: Rules, number: int) -> None:
        self._rules, self._number = rules, number
        framing = self._framing = rules.framing
        dialect = load(rules.dialect)
        self._mti_width = dialect.mti_width
        mti_encoding = dialect.spec["t"]["data_enc"]
        self._mti_encoding = None if mti_encoding == "b" else str(mti_encoding)
        self._streams = {
            way: _Stream(FrameReader(framing, takes_empty=True) if framing else None) for way in Way
        }
        self.is_over = False

    def opened(self, now: int) -> tuple[Effect, ...]:
        """The effects as the connection opens."""
        effects: list[Effect] = []
        for place, rule in enumerate(self._rules.rule):
            if rule.do is Injection.REFUSE and rule.connection in (None, self._number) and self._drawn(place):
                until = now + (rule.milliseconds or 0) * _MILLISECOND
                effects += (Refuse(until), Abort(now), self._did(now, place, "", 0, "", 0))
                self.is_over = True
        return tuple(effects)

    def is_half_open(self, way: Way) -> bool:
        """Whether nothing passes this way any more, not even its end."""
        return self._streams[way].is_dropped

    def heard(self, way: Way, data: bytes, now: int) -> tuple[Effect, ...]:
        """The effects of bytes that came this way."""
        effects: list[Effect] = []
        for raw, body in self._cut_frames(self._streams[way], data):
            if not self.is_over:
                effects += self._pass(way, raw, body, now)
        return tuple(effects)

    def ended(self, way: Way, now: int) -> tuple[Effect, ...]:
        """The effects of the end of what came this way. The receiver is told behind all that is still held;
        on a way that drops everything it is never told, since that is what half open means.
        """
        stream = self._streams[way]
        if self.is_over:
            return ()
        rest, stream.held = stream.held, b""
        effects = self._pass(way, rest, None, now) if rest else []
        if self.is_over or stream.is_dropped:
            return tuple(effects)
        return (*effects, Close(max(now, stream.free_at), way))

    def _cut_frames(self, stream: _Stream, data: bytes) -> Iterator[tuple[bytes, bytes | None]]:
        """The bytes cut into frames with their length fields; uncut where the framing is "raw"."""
        if stream.reader is None or self._framing is None:
            yield data, None
            return
        stream.held += data
        broken = False
        try:
            frames = tuple(stream.reader.feed(data))
        except FrameError as error:
            frames, broken = error.frames, True
        for frame in frames:
            raw = frame_bytes(self._framing, frame)
            stream.held = stream.held[len(raw) :]
            yield raw, frame.body or None
        if broken:
            stream.reader = None
            rest, stream.held = stream.held, b""
            yield rest, None

    def _pass(self, way: Way, raw: bytes, body: bytes | None, now: int) -> list[Effect]:
        stream = self._streams[way]
        stream.units += 1
        unit = _Unit(way, stream.units, stream.taken + 1, self._mti(body), raw)
        stream.taken += len(raw)
        if stream.is_dropped:
            return []
        effects: list[Effect] = []
        for place, rule in enumerate(self._rules.rule):
            if not self._holds(place, rule, unit, len(raw)):
                continue
            unit = INJECTIONS[rule.do](rule, unit, self._random(place, unit, "what"))
            effects.append(self._did(now, place, way, unit.number, unit.mti, len(raw)))
            if unit.is_dropped or unit.cut_at is not None:
                break
        stream.is_dropped = unit.is_dropped
        stream.rate = unit.rate or stream.rate
        return effects + ([] if unit.is_dropped else self._sent(stream, unit, now))

    def _sent(self, stream: _Stream, unit: _Unit, now: int) -> list[Effect]:
        """The bytes that leave, each piece as soon as the way is free; no piece overtakes another."""
        data = (unit.data * unit.copies)[: unit.cut_at]
        at = max(now + unit.wait, stream.free_at)
        effects: list[Effect] = []
        size = unit.piece or len(data) or 1
        for start in range(0, len(data), size):
            piece = data[start : start + size]
            at += unit.gap if start else 0
            at += -(-len(piece) * _SECOND // stream.rate) if stream.rate else 0
            effects.append(Send(at, unit.way, piece))
        stream.free_at = at
        if unit.cut_at is not None:
            effects.append(Abort(at))
            self.is_over = True
        return effects

    def _holds(self, place: int, rule: Rule, unit: _Unit, length: int) -> bool:
        """Whether a rule applies to this unit; if so, it is counted."""
        if (
            rule.do is Injection.REFUSE
            or rule.connection not in (None, self._number)
            or rule.way not in (None, unit.way)
            or rule.frame not in (None, unit.number)
            or rule.mti not in (None, unit.mti)
            or (rule.byte is not None and not unit.start <= rule.byte < unit.start + length)
            or not self._drawn(place, unit)
        ):
            return False
        fired = sum(stream.fired.get(place, 0) for stream in self._streams.values())
        if rule.times is not None and fired >= rule.times:
            return False
        stream = self._streams[unit.way]
        stream.fired[place] = stream.fired.get(place, 0) + 1
        return True

    def _drawn(self, place: int, unit: _Unit | None = None) -> bool:
        return self._random(place, unit, "whether").randrange(self._rules.rule[place].one_in) == 0

    def _random(self, place: int, unit: _Unit | None, purpose: str) -> Random:
        """A generator for this rule at this unit alone, so that nothing else changes its draws."""
        where = f"{unit.way}/{unit.number}" if unit else "opened"
        return Random(f"{self._rules.seed}/{place}/{self._number}/{where}/{purpose}")

    def _mti(self, body: bytes | None) -> str:
        if body is None:
            return ""
        head = body[: self._mti_width]
        text = head.hex() if self._mti_encoding is None else head.decode(self._mti_encoding, "replace")
        return text if text.isdecimal() and text.isascii() else ""

    def _did(self, at: int, place: int, way: str, frame: int, mti: str, size: int) -> Did:
        rule = self._rules.rule[place]
        return Did(at, self._number, str(way), frame, mti, rule.name, str(rule.do), size)
