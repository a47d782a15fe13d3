"""Messages as a bank sends them, made from their parts (docs/protocol.md); pure.

The one builder for every bank of ours: what differs between them is when they send and what they remember.
A message that is wrong on purpose is made right here and changed by who wants it wrong.

The parts are texts as the interface has them: amounts in fen with 12 digits, times as MMDDhhmmss, DE 48 as
groups already built in the bank's encoding. One example, a premium of 2477.00 yuan:

    >>> stamp = Stamp("1124101112", "000007")
    >>> terminal = Terminal("03080000", "B00000000000001", "T0000001")
    >>> settlement("0200", "500000", 247_700, terminal, stamp, stamp.rrn, "PN002P1").fields[4]
    '000000247700'

Nothing is sent or received here, and no clock or counter is read.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from protocol.message import Message

CANCEL_CODE: Final = "020000"
CURRENCY: Final = "156"
COUNTS: Final = (74, 75, 76, 77)
"""The data elements of an 0500 that count transactions: 10 digits each."""
SUMS: Final = (86, 87, 88, 89)
"""Those that add up amounts in fen: 16 digits each."""
_MACS: Final = frozenset({64, 128})
_REPEATED: Final = frozenset({2, 3, 4, 32, 41, 42, 49})
"""What a reversal or cancel repeats of its original."""


class Stamp(NamedTuple):
    """When a message is made (DE 7, MMDDhhmmss) and its number at the bank (DE 11, 6 digits)."""

    moment: str
    stan: str

    @property
    def rrn(self) -> str:
        """A retrieval reference of 12 characters (DE 37): the date, the hour and the number."""
        return f"{self.moment[:6]}{self.stan}"

    @property
    def times(self) -> dict[int, str]:
        """DE 7, and the same moment as time and date (DE 12 and 13), with DE 11."""
        return {7: self.moment, 11: self.stan, 12: self.moment[4:], 13: self.moment[:4]}


class Terminal(NamedTuple):
    """Where in a bank a message is made: the bank's code (DE 32), a branch (DE 42), its terminal (DE 41)."""

    bank: str
    branch: str
    terminal: str


def amount_text(fen: int) -> str:
    """DE 4 of an amount in fen."""
    return f"{fen:012d}"


def network(bank: str, stamp: Stamp, code: str) -> Message:
    """An 0800 with this DE 70: 001 sign-on, 002 sign-off, 101 key change, 301 echo."""
    return Message("0800", {7: stamp.moment, 11: stamp.stan, 32: bank, 70: code})


def inquiry(code: str, terminal: Terminal, stamp: Stamp, groups: str, original: str = "") -> Message:
    """An 0100; with `original` it asks for the outcome of the transaction that this DE 90 names."""
    fields = {
        3: code,
        **stamp.times,
        32: terminal.bank,
        41: terminal.terminal,
        42: terminal.branch,
        48: groups,
    }
    return Message("0100", fields | ({90: original} if original else {}))


def settlement(
    mti: str, code: str, amount: int, terminal: Terminal, stamp: Stamp, rrn: str, groups: str
) -> Message:
    """A premium collected or a benefit paid, `amount` in fen: 0200, 0220, or a repeat of one."""
    return Message(
        mti,
        {
            3: code,
            4: amount_text(amount),
            **stamp.times,
            32: terminal.bank,
            37: rrn,
            41: terminal.terminal,
            42: terminal.branch,
            48: groups,
            49: CURRENCY,
        },
    )


def reversal(of: Message, bank: str, stamp: Stamp, mti: str = "0400") -> Message:
    """A reversal of a message, under a key of its own, at the terminal of the original."""
    fields = {number: text for number, text in of.fields.items() if number in _REPEATED}
    return Message(mti, {**fields, **stamp.times, 37: stamp.rrn, 90: original_of(of, bank)})


def cancel(of: Message, bank: str, stamp: Stamp, groups: str, mti: str = "0200") -> Message:
    """A same-day cancel of a message, under a key of its own, at the terminal of the original."""
    return Message(mti, {**reversal(of, bank, stamp).fields, 3: CANCEL_CODE, 48: groups})


def original(mti: str, stamp: Stamp, bank: str) -> str:
    """DE 90: MTI, number and moment of the original, its bank with 11 digits, and 11 zeros."""
    return f"{mti}{stamp.stan}{stamp.moment}{bank.zfill(11)}{'0' * 11}"


def original_of(of: Message, bank: str) -> str:
    """DE 90 that names a message, or, where that is a repeat, the message that it repeats."""
    return original(f"{of.mti[:3]}0", Stamp(of.fields[7], of.fields[11]), bank)


def totals(
    bank: str, stamp: Stamp, date: str, figures: Mapping[int, int], net: int, mti: str = "0500"
) -> Message:
    """A bank's totals of a business date (MMDD). `figures`: a number for each of COUNTS, fen for each of
    SUMS, 0 where it names none; `net` is in fen, what the bank owes the insurer above 0 (DE 97, sign D).
    """
    return Message(
        mti,
        {
            7: stamp.moment,
            11: stamp.stan,
            15: date,
            32: bank,
            49: CURRENCY,
            **{number: f"{figures.get(number, 0):010d}" for number in COUNTS},
            **{number: f"{figures.get(number, 0):016d}" for number in SUMS},
            97: f"{'D' if net >= 0 else 'C'}{abs(net):016d}",
        },
    )


def repeat(message: Message) -> Message:
    """The same message once more, under the same key: its MTI ends in 1."""
    return Message(f"{message.mti[:3]}1", message.fields)


def without_mac(message: Message) -> Message:
    """The message without DE 64 and DE 128."""
    return Message(
        message.mti, {number: text for number, text in message.fields.items() if number not in _MACS}
    )
