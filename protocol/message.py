"""The message: an MTI and data elements as text, and what the digits of an MTI say.

What a field means to a transaction does not belong here, nor how a field is written on the wire.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from protocol.errors import EncodeError

ECHOED: Final = (2, 3, 4, 7, 11, 12, 13, 32, 37, 41, 42, 49)
"""The DEs that an answer echoes from its request, where the request has them (PROTOCOL.md section 3)."""


class Message(NamedTuple):
    """One decoded message.

    `mti` is 4 digits. `fields` maps a DE number (2 to 128, no bitmaps) to its text; binary DEs are upper-case
    hex digits. A variable-length DE may be present and empty.
    """

    mti: str
    fields: Mapping[int, str]

    def __repr__(self) -> str:
        """Show the MTI and the numbers of the DEs, never a value: logs and tracebacks keep this text."""
        return f"Message({self.mti} DE {' '.join(map(str, self.fields))})"


def answer_mti(mti: str) -> str:
    """Return the MTI that answers `mti`: third digit + 1, last digit 0, so "0201" gives "0210".

    Raises EncodeError if `mti` is an answer itself (odd third digit): an answer is not answered.
    """
    if is_answer(mti):
        raise EncodeError("t", "an answer is not answered")
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


# The names of ISO 8583:1987, table of data elements; the dialect files carry the same ones.
NAMES: Final[Mapping[int, str]] = MappingProxyType(
    {
        1: "Bitmap, secondary",
        2: "Primary account number",
        3: "Processing code",
        4: "Amount, transaction",
        5: "Amount, settlement",
        6: "Amount, cardholder billing",
        7: "Transmission date and time",
        8: "Amount, cardholder billing fee",
        9: "Conversion rate, settlement",
        10: "Conversion rate, cardholder billing",
        11: "System trace audit number",
        12: "Time, local transaction",
        13: "Date, local transaction",
        14: "Date, expiration",
        15: "Date, settlement",
        16: "Date, conversion",
        17: "Date, capture",
        18: "Merchant's type",
        19: "Acquiring institution country code",
        20: "Primary account number extended, country code",
        21: "Forwarding institution country code",
        22: "Point of service entry mode",
        23: "Card sequence number",
        24: "Network international identifier",
        25: "Point of service condition code",
        26: "Point of service PIN capture code",
        27: "Authorization identification response length",
        28: "Amount, transaction fee",
        29: "Amount, settlement fee",
        30: "Amount, transaction processing fee",
        31: "Amount, settlement processing fee",
        32: "Acquiring institution identification code",
        33: "Forwarding institution identification code",
        34: "Primary account number, extended",
        35: "Track 2 data",
        36: "Track 3 data",
        37: "Retrieval reference number",
        38: "Authorization identification response",
        39: "Response code",
        40: "Service restriction code",
        41: "Card acceptor terminal identification",
        42: "Card acceptor identification code",
        43: "Card acceptor name and location",
        44: "Additional response data",
        45: "Track 1 data",
        46: "Additional data, ISO",
        47: "Additional data, national",
        48: "Additional data, private",
        49: "Currency code, transaction",
        50: "Currency code, settlement",
        51: "Currency code, cardholder billing",
        52: "Personal identification number data",
        53: "Security related control information",
        54: "Additional amounts",
        55: "Reserved ISO (55)",
        56: "Reserved ISO (56)",
        57: "Reserved national (57)",
        58: "Reserved national (58)",
        59: "Reserved national (59)",
        60: "Reserved national (60)",
        61: "Reserved private (61)",
        62: "Reserved private (62)",
        63: "Reserved private (63)",
        64: "Message authentication code",
        65: "Bitmap, extended",
        66: "Settlement code",
        67: "Extended payment code",
        68: "Receiving institution country code",
        69: "Settlement institution country code",
        70: "Network management information code",
        71: "Message number",
        72: "Message number, last",
        73: "Date, action",
        74: "Credits, number",
        75: "Credits, reversal number",
        76: "Debits, number",
        77: "Debits, reversal number",
        78: "Transfers, number",
        79: "Transfers, reversal number",
        80: "Inquiries, number",
        81: "Authorizations, number",
        82: "Credits, processing fee amount",
        83: "Credits, transaction fee amount",
        84: "Debits, processing fee amount",
        85: "Debits, transaction fee amount",
        86: "Credits, amount",
        87: "Credits, reversal amount",
        88: "Debits, amount",
        89: "Debits, reversal amount",
        90: "Original data elements",
        91: "File update code",
        92: "File security code",
        93: "Response indicator",
        94: "Service indicator",
        95: "Replacement amounts",
        96: "Message security code",
        97: "Amount, net settlement",
        98: "Payee",
        99: "Settlement institution identification code",
        100: "Receiving institution identification code",
        101: "File name",
        102: "Account identification 1",
        103: "Account identification 2",
        104: "Transaction description",
        105: "Reserved ISO (105)",
        106: "Reserved ISO (106)",
        107: "Reserved ISO (107)",
        108: "Reserved ISO (108)",
        109: "Reserved ISO (109)",
        110: "Reserved ISO (110)",
        111: "Reserved ISO (111)",
        112: "Reserved national (112)",
        113: "Reserved national (113)",
        114: "Reserved national (114)",
        115: "Reserved national (115)",
        116: "Reserved national (116)",
        117: "Reserved national (117)",
        118: "Reserved national (118)",
        119: "Reserved national (119)",
        120: "Reserved private (120)",
        121: "Reserved private (121)",
        122: "Reserved private (122)",
        123: "Reserved private (123)",
        124: "Reserved private (124)",
        125: "Reserved private (125)",
        126: "Reserved private (126)",
        127: "Reserved private (127)",
        128: "Message authentication code, secondary",
    }
)
