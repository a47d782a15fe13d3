"""The names of processing codes and response codes in English, as they stand inside a sentence.

Made from the tables `transactions` and `responses`; no name is written here. Chinese names and the words of
reports do not belong here.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from protocol.responses import RESPONSES, Response
from protocol.transactions import TRANSACTIONS


def inside_a_sentence(name: str) -> str:
    """Return a name with a small first letter, but one in capitals as it is: "approved", "MAC, key"."""
    return name if name[1:2].isupper() else f"{name[:1].lower()}{name[1:]}"


_ACTS: Final = MappingProxyType(
    {
        **dict.fromkeys(("dues", "status", "outcome", "receipt"), "inquiry: "),
        "collect": "collection: ",
        "pay": "payout: ",
        "cancel": "",
    }
)
TRANSACTION_NAMES: Final[Mapping[str, str]] = MappingProxyType(
    {code: f"{_ACTS[row.act]}{inside_a_sentence(row.english)}" for code, row in TRANSACTIONS.items()}
)
"""Processing code (DE 3) to what it does and its name: "collection: renewal premium"."""

RESPONSE_NAMES: Final[Mapping[Response, str]] = MappingProxyType(
    {code: inside_a_sentence(row.english) for code, row in RESPONSES.items()}
)
"""Response code (DE 39) to its name: "approved: done, and on disk"."""
