"""Whether the details of two lines of the same transaction agree: policy, due and processing code.

Pure. This module says which details differ; `office.matching.lines.pair_differs` decides which class of break
that is. Amounts, states and directions do not belong here.

An empty value differs from no other: it is empty if the layout has no such column, and a bank need not know
the name of a due. Lower case and blanks around a name make no difference, since our names of policies and
dues have neither (ledger.files.bookfile). The journal masks a name that is an identity or card number; so the
bank's name is masked in the same way before the two are compared.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Final, Protocol

from ledger.rules.masking import masked_numbers
from office.accounting.break_reasons import DETAILS

_NAMES: Final[Mapping[str, str]] = MappingProxyType(
    {"policy": "policy", "due": "due", "code": "processing code"}
)


class Detailed(Protocol):
    """Anything with the three details: our line, the bank's line, or a break."""

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
    """Whether all details that both sides give agree."""
    if (ours.code, ours.policy, ours.due) == (theirs.code, theirs.policy, theirs.due):
        return True
    return not differing(ours, theirs)


def differing(ours: Detailed, theirs: Detailed) -> tuple[str, ...]:
    """The names, of `policy`, `due` and `code`, of the details that both sides give and that differ."""
    values = ((name, plain(getattr(ours, name)), plain(getattr(theirs, name))) for name in _NAMES)
    return tuple(name for name, our, their in values if our and their and our != their)


def in_words(names: Collection[str]) -> str:
    """Which details differ, as words for the clerk; never the values, since one may be a person's number."""
    return DETAILS.format(details=" and another ".join(_NAMES[name] for name in names))


def plain(name: str) -> str:
    """A policy's or a due's name in the form for comparison: stripped of blanks, masked, in upper case."""
    return masked_numbers(name.strip()).upper()
