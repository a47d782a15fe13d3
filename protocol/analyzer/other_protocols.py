"""Knows by its first bytes what is no message of ISO 8583, but of another protocol that is met on such links.

What a message looks like, `describe` knows; it is asked first.
"""

from __future__ import annotations

import re
from typing import Final

from qianzhi_errors.sentence import Sentence

_TLS_RECORDS: Final = range(20, 24)
_TLS_MAJOR: Final = 3
_TLS_MINORS: Final = range(5)
_TLS_HEAD: Final = 5
_TLS_RECORD_MAX: Final = (1 << 14) + 2048
TLS: Final = Sentence(
    "TLS: it is encrypted, and nothing of it can be described; capture it where it is plain"
)
_OTHERS: Final = (
    (
        re.compile(rb"(?:[A-Z]{3,10} [!-~]+ HTTP/[0-9.]+\r?\n|HTTP/[0-9.]+ [0-9]{3}[ \r\n])"),
        Sentence("HTTP, and no message of ISO 8583"),
    ),
    (re.compile(rb"SSH-[0-9.]+-"), Sentence("SSH, and no message of ISO 8583")),
    (
        re.compile(rb"\s*<(?:\?xml|!|[A-Za-z][!-~]*[\s/>])"),
        Sentence(
            "XML, and not the bytes of a message: what lists fields does not show how they were written"
        ),
    ),
)


def protocol_of(data: bytes) -> str:
    """Return which other protocol bytes begin as, in a sentence; empty if none that is known."""
    if _is_tls(data):
        return TLS
    return next((name for pattern, name in _OTHERS if pattern.match(data)), "")


def _is_tls(data: bytes) -> bool:
    """Tell whether bytes are records of TLS, the last of which may be cut (RFC 8446, section 5.1)."""
    at = 0
    while at + _TLS_HEAD <= len(data):
        kind, major, minor = data[at : at + 3]
        size = int.from_bytes(data[at + 3 : at + _TLS_HEAD])
        is_record = kind in _TLS_RECORDS and major == _TLS_MAJOR and minor in _TLS_MINORS
        if not is_record or size > _TLS_RECORD_MAX:
            return False
        at += _TLS_HEAD + size
    return at > 0
