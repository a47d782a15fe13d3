"""The names of processing codes and response codes, as they stand inside a sentence.

Made from the tables `transactions` and `responses`, so no name is written here: in English, and a Sentence,
for a reader of another language. The words of reports do not belong here.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from protocol.responses import RESPONSES, Response
from protocol.transactions import TRANSACTIONS
from qianzhi_errors.sentence import Sentence


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
    {
        code: Sentence(f"{_ACTS[row.act]}{inside_a_sentence(row.english)}")
        for code, row in TRANSACTIONS.items()
    }
)
"""Processing code (DE 3) to what it does and its name: "collection: renewal premium"."""

RESPONSE_NAMES: Final[Mapping[Response, str]] = MappingProxyType(
    {code: Sentence(inside_a_sentence(row.english)) for code, row in RESPONSES.items()}
)
"""Response code (DE 39) to its name: "approved: done, and on disk"."""
