"""The sealed layer of a parcel: what is personal, a line each under the key of its person alone.

How a line is sealed and opened, `customers.sealing` says. Here its nonce is made of the key, the place and
the content, so that the same parcel is sealed to the same bytes whenever its intake is run, and no two
contents ever share one. A line belongs to its archive, date and number, and not to a volume: a date is sealed
on one volume alone, and a name is under its key before it is on any disk of the archive.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

from customers.sealing import NONCE_BYTES, Label, SecretKey, opened, parse, place_on_volume, sealed_line

_DOMAIN: Final = b"qianzhi sealed line\n"


class PersonKey(NamedTuple):
    """A person and the key of that person; None once the person was forgotten."""

    person: str
    secret: SecretKey | None


KeysOfPolicies = Callable[[Sequence[str]], Mapping[str, PersonKey]]
"""The person who holds each of some policies, POLICIES_AT_ONCE at most, with the key; a policy that nobody is
known to hold is not among them.
"""
POLICIES_AT_ONCE: Final = 500


def seal(secret: SecretKey, label: Label, plain: bytes, archive: str, date: str, number: int) -> bytes:
    """Line `number` (from 1) of a date's sealed layer, with its line end."""
    aad = place_on_volume(archive, date, number)
    made = hmac.new(secret.reveal(), _DOMAIN + aad + b"\n" + plain, hashlib.sha256).digest()
    return f"{sealed_line(secret, label, plain, made[:NONCE_BYTES], aad)}\n".encode()


def open_line(line: bytes, secret: SecretKey, archive: str, date: str, number: int) -> bytes:
    """The content of a line. Raises SealedLineError for none, NotOpened where the key, the place or a byte is
    not the right one.
    """
    return opened(secret, parse(line.decode()), place_on_volume(archive, date, number))


def label_of(line: bytes) -> Label:
    """Whose line it is, and what it belongs to; its content stays sealed. Raises SealedLineError."""
    return parse(line.decode()).label
