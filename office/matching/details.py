"""Whether two lines of one transaction are about the same: policy, due and processing code.

Pure. Says which details differ; what becomes of two lines that differ, `office.matching.pairing`
and `office.matching.match` say. Amounts, states and directions do not belong here.

A blank says nothing, so it differs from nothing: a layout without the column leaves the value empty, and a
bank need not know a due's name. Our names of policies and dues have no lower case and no blanks around them
(ledger.files.bookfile), so neither can make a difference. A journal holds a name that is somebody's identity
or card number masked; the bank's is masked in the same way before the two are compared.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Final, Protocol

from ledger.rules.masking import masked_numbers

_NAMES: Final[Mapping[str, str]] = MappingProxyType(
    {"policy": "policy", "due": "due", "code": "processing code"}
)


class Detailed(Protocol):
    """Whatever names what its money is for: our line, the bank's, or a break."""

    @property
    def code(self) -> str:
        """The processing code, DE 3."""

    @property
    def policy(self) -> str:
        """The policy's name."""

    @property
    def due(self) -> str:
        """The due's name."""


def agree(ours: Detailed, theirs: Detailed) -> bool:
    """Whether no detail that both sides give differs."""
    if (ours.code, ours.policy, ours.due) == (theirs.code, theirs.policy, theirs.due):
        return True
    return not differing(ours, theirs)


def differing(ours: Detailed, theirs: Detailed) -> tuple[str, ...]:
    """The names of the details that both sides give and that differ, among `policy`, `due` and `code`."""
    values = ((name, plain(getattr(ours, name)), plain(getattr(theirs, name))) for name in _NAMES)
    return tuple(name for name, one, other in values if one and other and one != other)


def in_words(names: Collection[str]) -> str:
    """What differs, for the clerk; the values stand beside it, never in it: one may be a person's number."""
    return "the bank names another " + " and another ".join(_NAMES[name] for name in names)


def plain(name: str) -> str:
    """A policy's or a due's name as it is compared: without blanks around it, in one case, masked."""
    return masked_numbers(name.strip()).upper()
