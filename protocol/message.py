"""The message: an MTI and data elements as text, and what the digits of an MTI say.

What a field means to a transaction does not belong here, nor how a field is written on the wire.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from protocol.errors import EncodeError
from qianzhi_errors.sentence import Sentence

ECHOED: Final = (2, 3, 4, 7, 11, 12, 13, 32, 37, 41, 42, 49)
"""The DEs that an answer echoes from its request, where the request has them (docs/protocol.md section 3)."""


REQUEST_MTIS: Final = frozenset(
    first + origin for first in ("010", "020", "022", "040", "042", "050", "052", "080") for origin in "01"
)
"""The MTIs of the requests that the interface has, with their repeats (docs/protocol.md section 3)."""

NO_SUBFIELDS: Final[Mapping[int, Mapping[int, str]]] = MappingProxyType({})


class Message(NamedTuple):
    """One decoded message.

    `mti` is 4 digits. `fields` maps a DE number (2 to 128, no bitmaps) to its text; binary DEs are upper-case
    hex digits. A variable-length DE may be present and empty. `subfields` has the DEs with a private bitmap,
    which are not in `fields`: DE number to the texts of its subfields, 1 to 64, by number. `alike`: the DEs
    whose content a subfield has, as the dialect says, when the message was decoded.
    """

    mti: str
    fields: Mapping[int, str]
    subfields: Mapping[int, Mapping[int, str]] = NO_SUBFIELDS
    alike: frozenset[int] = frozenset()

    @property
    def last(self) -> int:
        """The highest number of a DE that the message has; 0 for none."""
        last = max(self.fields, default=0)
        return max(last, *self.subfields) if self.subfields else last

    def __repr__(self) -> str:
        """Show the MTI and the numbers of the DEs, never a value: logs and tracebacks keep this text."""
        within = [
            f"{number}.{subfield}" for number, below in self.subfields.items() for subfield in ("p", *below)
        ]
        return f"Message({self.mti} DE {' '.join([*map(str, self.fields), *within])})"


def answer_mti(mti: str) -> str:
    """Return the MTI that answers `mti`: third digit + 1, last digit 0, so "0201" gives "0210".

    Raises EncodeError if `mti` is an answer itself (odd third digit): an answer is not answered.
    """
    if is_answer(mti):
        raise EncodeError("t", Sentence("an answer is not answered"))
    return f"{mti[:2]}{int(mti[2]) + 1}0"


def is_answer(mti: str) -> bool:
    """Tell whether the MTI is an answer (0210, 0430, 0810, ...): its third digit is odd."""
    return mti[2] in "13579"


def is_repeat(mti: str) -> bool:
    """Tell whether the MTI marks a repeat: origin 1, 3 or 5 (ISO 8583:1987, message type identifier)."""
    return mti[3] in "135"


def is_advice(mti: str) -> bool:
    """Tell whether the MTI is an advice (0220, 0421, ...): it reports something that has already happened."""
    return mti[2] == "2"
