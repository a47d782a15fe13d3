"""Tries a dialect on a captured message: does it read, and is it written again byte for byte.

For the person who writes a dialect's file. Where it does not, the first wrong byte is named, and no value: a
captured message holds card numbers.
"""

from __future__ import annotations

from typing import NamedTuple

from protocol.analyzer.error_locator import first_wrong
from protocol.codec import Codec
from protocol.errors import EncodeError
from qianzhi_errors.sentence import Sentence


class Trial(NamedTuple):
    """How one message fared. `mti` and `fields` are what was read, as the network numbers them, up to the
    first wrong byte, a subfield as "127.2"; `at` is the offset of that byte, None if the message reads and is
    written again byte for byte; `expected` says what should stand there.
    """

    mti: str
    fields: tuple[str, ...]
    at: int | None
    expected: str


def tried(codec: Codec, raw: bytes) -> Trial:
    """Return how a message fares in a codec's dialect. Never raises for the bytes."""
    parts, error = codec.dissect(raw)
    mti = parts[0].text if parts else ""
    fields = tuple(part.key for part in parts if part.key[-1].isdecimal() and part.key != "1")
    if error is not None:
        wrong = first_wrong(codec.dialect, raw, parts, error)
        return Trial(mti, fields, wrong.at, wrong.expected)
    try:
        again = codec.encode(codec.decode(raw))
    except EncodeError as fault:
        return Trial(mti, fields, 0, Sentence("a message that can be written: {fault}", fault=str(fault)))
    if again == raw:
        return Trial(mti, fields, None, "")
    at = next((at for at, (mine, theirs) in enumerate(zip(again, raw, strict=False)) if mine != theirs), 0)
    field = next((part.key for part in parts if part.at <= at < part.end), "")
    return Trial(
        mti, fields, at, Sentence("what is written for field {field}: another way to write it", field=field)
    )
