"""Contacts as values: their kinds, the check and one spelling of each, what is shown, how one is known again.

Pure. Nothing here may put a contact's value into an error's text. What can happen to a contact stands in
`customers.rules.contact_states`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from ledger.rules.names import is_name

_DIGEST_BYTES: Final = 16
_MOBILE: Final = re.compile(r"1[3-9][0-9]{9}|\+[1-9][0-9]{6,14}")
_OURS: Final = re.compile(r"\+86(1[3-9][0-9]{9})")
_DROPPED: Final = dict.fromkeys(map(ord, " -()"))
_EMAIL: Final = re.compile(
    r"(?=.{6,120}$)[A-Za-z0-9_%+-]+(?:\.[A-Za-z0-9_%+-]+)*"
    r"@(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,24}"
)
_WECHAT: Final = re.compile(r"[A-Za-z0-9_-]{6,64}")
_POST_MIN: Final = 6
_SHOWN: Final = 4


class ContactKind(StrEnum):
    """By what a person is reached."""

    MOBILE = "mobile"
    EMAIL = "email"
    WECHAT = "wechat"
    POST = "post"


class Source(StrEnum):
    """From whom a contact is: the core system's file, or a change that the person made somewhere."""

    CORE = "core"
    PORTAL = "portal"
    COUNTER = "counter"
    BANK = "bank"
    STAFF = "staff"


def normalised(kind: ContactKind, text: str) -> str:
    """The one spelling of a contact's value: a mobile number without blanks, hyphens, brackets and +86, an
    e-mail address with its domain in small letters. Anything else is as it was.
    """
    if kind is ContactKind.MOBILE:
        number = text.translate(_DROPPED)
        ours = _OURS.fullmatch(number)
        return ours[1] if ours else number
    if kind is ContactKind.EMAIL:
        local, at, domain = text.rpartition("@")
        return f"{local}{at}{domain.lower()}"
    return text


def compared(kind: ContactKind, text: str) -> str:
    """A contact's value as two are compared: its one spelling, an e-mail address in small letters."""
    value = normalised(kind, text)
    return value.lower() if kind is ContactKind.EMAIL else value


def is_contact(kind: ContactKind, text: str) -> bool:
    """Whether this is a contact's value of its kind, in any spelling: a mobile number of mainland China, or
    one with its country's code (E.164); an e-mail address in ASCII; an id of WeChat; a postal address.
    """
    return bool(_CHECKS[kind](normalised(kind, text)))


def tail(kind: ContactKind, value: str) -> str:
    """What is shown of a contact's value: the last four characters, the domain, of an address nothing."""
    if kind is ContactKind.EMAIL:
        return f"*@{value.rpartition('@')[2]}"
    if kind is ContactKind.POST:
        return "*"
    return f"*{value[-_SHOWN:]}"


class ContactDigest:
    """Makes the keyed digest under which a contact's value is found again. Its key is that of the documents'
    digests; the two never meet, since each is made for a purpose of its own.
    """

    def __init__(self, key: bytes) -> None:
        self._digest = hashlib.blake2b(key=key, digest_size=_DIGEST_BYTES, person=b"contact")

    def of(self, kind: ContactKind, value: str) -> str:
        """The keyed digest (BLAKE2b, RFC 7693; 32 hex digits) of a kind and a value, the same for all
        spellings of the value and for capital and small letters of an address.
        """
        digest = self._digest.copy()
        digest.update(f"{kind}:{compared(kind, value)}".encode())
        return digest.hexdigest()


def _is_post(value: str) -> bool:
    return len(value) >= _POST_MIN and is_name(value)


_CHECKS: Final[Mapping[ContactKind, Callable[[str], object]]] = MappingProxyType(
    {
        ContactKind.MOBILE: _MOBILE.fullmatch,
        ContactKind.EMAIL: _EMAIL.fullmatch,
        ContactKind.WECHAT: _WECHAT.fullmatch,
        ContactKind.POST: _is_post,
    }
)
