"""The rules of the chaos: when, and what; read from a TOML file or from options, and checked whole.

Pure but for the one file that is read. What a rule then does to bytes, `simulators.chaos.conversation` says.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Annotated

from pydantic import Field, PlainValidator, ValidationError, field_validator

from ledger.errors import LedgerError
from ledger.files.settings import Fault, Section, SettingsError, read_settings
from protocol.dialect import shipped
from protocol.errors import FramingError
from protocol.framing import Framing
from protocol.framing_table import framing_of

RAW = "raw"
"""A framing for what cannot be cut into frames, TLS above all: rules may then count bytes and connections."""


class ChaosError(LedgerError):
    """The rules, or the place to listen, are no good; the text says which and why."""


class Way(StrEnum):
    """Which way bytes go."""

    REQUEST = "request"
    """From the bank to the machine."""

    ANSWER = "answer"
    """From the machine to the bank."""


class Injection(StrEnum):
    """What a rule does."""

    CUT = "cut"
    """End the connection both ways, at a byte of the frame (`offset`) or in its middle."""

    SWALLOW = "swallow"
    """Do not pass the frame on; the connection goes on."""

    SWALLOW_AND_CUT = "swallow_and_cut"
    """Do not pass the frame on, and end the connection."""

    DELAY = "delay"
    """Hold the frame, and all that comes behind it this way, for `milliseconds`."""

    THROTTLE = "throttle"
    """From this frame on let `bytes_a_second` through this way."""

    SPLIT = "split"
    """Pass the frame on in pieces of `piece` bytes, `milliseconds` apart."""

    CORRUPT = "corrupt"
    """Change one byte: at `offset`, or at one drawn by the seed; by XOR with `mask`, or one drawn."""

    DUPLICATE = "duplicate"
    """Pass the frame on twice; without a frame or MTI in the rule, all that goes this way."""

    DROP = "drop"
    """From this frame on pass nothing on this way, while the connection stands: it is half open."""

    REFUSE = "refuse"
    """End the connection as it opens, and take no other for `milliseconds`."""


_NEEDED: Mapping[Injection, frozenset[str]] = MappingProxyType(
    {
        Injection.CUT: frozenset(),
        Injection.SWALLOW: frozenset(),
        Injection.SWALLOW_AND_CUT: frozenset(),
        Injection.DELAY: frozenset({"milliseconds"}),
        Injection.THROTTLE: frozenset({"bytes_a_second"}),
        Injection.SPLIT: frozenset({"piece"}),
        Injection.CORRUPT: frozenset(),
        Injection.DUPLICATE: frozenset(),
        Injection.DROP: frozenset(),
        Injection.REFUSE: frozenset({"milliseconds"}),
    }
)
_ALLOWED: Mapping[Injection, frozenset[str]] = MappingProxyType(
    {
        **_NEEDED,
        Injection.CUT: frozenset({"offset"}),
        Injection.SPLIT: frozenset({"piece", "milliseconds"}),
        Injection.CORRUPT: frozenset({"offset", "mask"}),
    }
)
_PARAMETERS = ("offset", "milliseconds", "bytes_a_second", "piece", "mask")
_OF_FRAMES = ("frame", "mti")
_OF_BYTES = ("way", "frame", "byte", "mti")


class Rule(Section):
    """One rule. What is not given holds for all; several that are given must all hold.

    `connection`, `frame` and `byte` count from 1, the last two on each connection and way for itself; `byte`
    means the frame that holds it, and is the place in it too: of a cut it is the first byte that is lost. Of
    what the rest lets through, `one_in` draws one in so many by the seed, and `times` is how often at most on
    a connection.
    """

    name: str = Field(min_length=1, max_length=80)
    do: Injection = Field(strict=False)
    connection: int | None = Field(default=None, ge=1)
    way: Way | None = Field(default=None, strict=False)
    frame: int | None = Field(default=None, ge=1)
    byte: int | None = Field(default=None, ge=1)
    mti: str | None = Field(default=None, pattern=r"^[0-9]{4}$")
    one_in: int = Field(default=1, ge=1)
    times: int | None = Field(default=None, ge=1)
    offset: int | None = Field(default=None, ge=0)
    milliseconds: int | None = Field(default=None, ge=0, le=3_600_000)
    bytes_a_second: int | None = Field(default=None, ge=1)
    piece: int | None = Field(default=None, ge=1)
    mask: int | None = Field(default=None, ge=1, le=255)

    def faults(self, framing: Framing | None) -> Iterator[str]:
        """What contradicts itself in this rule, where frames are cut so; None where none are."""
        given = {name for name in _PARAMETERS if getattr(self, name) is not None}
        for name in sorted(_NEEDED[self.do] - given):
            yield f"{self.do} needs {name}"
        for name in sorted(given - _ALLOWED[self.do]):
            yield f"{name} means nothing to {self.do}"
        if self.do is Injection.REFUSE and any(getattr(self, name) is not None for name in _OF_BYTES):
            yield f"refuse is done as a connection opens, before any of {', '.join(_OF_BYTES)}"
        if framing is None and any(getattr(self, name) is not None for name in _OF_FRAMES):
            yield f"frames and MTIs are not seen where framing is {RAW}"
        if self.byte is not None and self.offset is not None:
            yield "byte says the place already: offset contradicts it"


def _framing(value: object) -> Framing | None:
    if value is None or value == RAW:
        return None
    try:
        return framing_of(value)
    except FramingError as error:
        raise ValueError(str(error)) from None


class Rules(Section):
    """A whole file: how the links are framed (None for not at all), and the rules in the order in which they
    are applied.
    """

    seed: int = 1
    framing: Annotated[Framing | None, PlainValidator(_framing)] = Framing.BE2
    dialect: str = "ascii87"
    rule: tuple[Rule, ...] = Field(default=(), strict=False)

    @field_validator("dialect")
    @classmethod
    def _dialect_is_shipped(cls, value: str) -> str:
        if value not in shipped():
            raise ValueError(f"no dialect {value!r}; there are {', '.join(shipped())}")
        return value


def read_rules(path: Path | None, options: tuple[str, ...] = (), **given: object) -> Rules:
    """The rules of a file, and those of options after them; `given` settings other than None replace the
    file's. Raises ChaosError or SettingsError.
    """
    rules = read_settings(path, Rules) if path is not None else Rules()
    added = tuple(parse_option(option, len(rules.rule) + place) for place, option in enumerate(options, 1))
    replaced = {name: value for name, value in given.items() if value is not None}
    try:
        rules = Rules.model_validate({**dict(rules), **replaced, "rule": (*rules.rule, *added)})
    except ValidationError as error:
        raise ChaosError(_worded(error)) from None
    faults = [
        Fault(f"rule {rule.name!r}", reason) for rule in rules.rule for reason in rule.faults(rules.framing)
    ]
    if faults:
        raise SettingsError(str(path or "--rule"), tuple(faults))
    return rules


def parse_option(text: str, place: int) -> Rule:
    """A rule out of an option's text, such as "do=swallow way=answer mti=0210". Raises ChaosError."""
    pairs = [part.partition("=") for part in text.split()]
    values = {name: value for name, _, value in pairs}
    if len(values) < len(pairs):
        raise ChaosError(f"--rule {text!r}: one of its names is given twice")
    try:
        return Rule.model_validate({"name": f"rule {place}", **values}, strict=False)
    except ValidationError as error:
        raise ChaosError(f"--rule {text!r}: {_worded(error)}") from None


def _worded(error: ValidationError) -> str:
    return "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors())
