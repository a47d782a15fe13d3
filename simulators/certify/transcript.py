"""Messages as a person may see them: hex and every field by its name, with all secrets masked.

Masked means masked in the hex as well: the bytes shown are those of a message in which each secret was
overwritten, so that the layout is true and the secret is nowhere. Nothing is judged here.
"""

from __future__ import annotations

from ledger.rules.masking import masked_numbers
from protocol.card_number import masked_card
from protocol.codec import Codec
from protocol.dialect import Dialect
from protocol.errors import EncodeError, FormatError
from protocol.message import Message
from protocol.tlv import KNOWN, build, parse
from simulators.certify.result import Shown, Way

_CARD = 2
_GROUPS = 48
_SECRET = frozenset({34, 35, 36, 45, 52, 53, 125})
"""Tracks, PIN blocks and what goes with them: never shown."""
_SECRET_GROUPS = frozenset({"IN", "KA"})
_MACS = frozenset({64, 128})
_BLANK = {"n": "0", "b": "0", "z": "0", "x+n": "0"}


def shown(way: Way, codec: Codec, message: Message, mac: str = "") -> Shown:
    """A message with its hex and its fields; `mac` says what is known of its MAC."""
    safe = masked(message, codec.dialect)
    try:
        digits = codec.encode(safe).hex(" ")
    except EncodeError:  # a message that was made wrong on purpose
        digits = ""
    return Shown(way, message.mti, digits, tuple(explained(safe, codec.dialect)), mac)


def masked(message: Message, dialect: Dialect) -> Message:
    """The message with its secrets overwritten, each by as many characters."""
    fields = {number: _safe(number, text, dialect) for number, text in message.fields.items()}
    return Message(message.mti, fields)


def explained(safe: Message, dialect: Dialect) -> list[tuple[str, str, str]]:
    """(DE, name, text) of each field of a masked message; DE 48 is followed by its groups, as 48.PN."""
    rows = []
    for number, text in safe.fields.items():
        safe_text = masked_card(text) if number == _CARD else text
        rows.append((str(number), dialect.elements[number].name, safe_text))
        if number == _GROUPS:
            rows += _group_rows(text, dialect)
    return rows


def _group_rows(text: str, dialect: Dialect) -> list[tuple[str, str, str]]:
    try:
        groups = parse(text, dialect.de48_encoding)
    except FormatError as error:
        return [("48", "groups", str(error))]
    return [(f"48.{tag}", KNOWN.get(tag, "unknown: passed over"), value) for tag, value in groups]


def _safe(number: int, text: str, dialect: Dialect) -> str:
    if number == _CARD:
        return masked_card(text).replace("*", "0")
    if number in _SECRET:
        return _BLANK.get(dialect.elements[number].kind, "*") * len(text)
    if number == _GROUPS:
        return _safe_groups(text, dialect)
    return text


def _safe_groups(text: str, dialect: Dialect) -> str:
    """Groups with their secrets overwritten, and whatever else in them could be a card or identity number; of
    groups that do not parse nothing is shown that could be one: who knows where a secret begins in them.
    """
    try:
        groups = parse(text, dialect.de48_encoding)
    except FormatError:
        suspect = any(tag in text for tag in _SECRET_GROUPS) or masked_numbers(text) != text
        return "*" * len(text) if suspect else text
    safe = [
        (tag, "*" * len(value) if tag in _SECRET_GROUPS or masked_numbers(value) != value else value)
        for tag, value in groups
    ]
    return build(safe, dialect.de48_encoding)
