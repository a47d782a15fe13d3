"""What a bank's message asks for by the interface's description: the oracle's own reading of the bytes.

Imports the wire's code only, and nothing of the machine's or the ledger's, so that their mistakes are not
repeated here. `rules` says what the answer must be.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, timedelta
from fnmatch import fnmatchcase
from functools import cache
from typing import NamedTuple

from protocol.codec import Codec
from protocol.errors import FormatError
from protocol.framing import Framing
from protocol.mac import MacMethod
from protocol.message import Message
from protocol.tlv import first, parse

COLLECTIONS = frozenset({"500000", "501000", "502000"})
PAYOUTS = frozenset({"260000", "261000", "262000", "263000"})
CANCEL = "020000"
DUES, STATUS, OUTCOME, RECEIPT = "310000", "311000", "312000", "313000"
INQUIRIES = frozenset({DUES, STATUS, OUTCOME, RECEIPT})

_ALWAYS = (3, 7, 11, 12, 13, 32, 41, 42)
_NEEDED: Mapping[str, tuple[int, ...]] = {
    "01": (*_ALWAYS, 48),
    "02": (*_ALWAYS, 4, 37, 48, 49),
    "04": (*_ALWAYS, 4, 37, 49, 90),
    "05": (7, 11, 15, 32, 49, 74, 75, 76, 77, 86, 87, 88, 89, 97),
}
_NETWORK = (7, 11, 32, 70)
_MTIS = frozenset({"0100", "0200", "0220", "0400", "0420", "0500", "0520"})
_REPEATS = {**{mti: mti for mti in _MTIS}, **{mti[:3] + "1": mti for mti in _MTIS}}
_SECRETS = (35, 36, 45, 52, 53, 125)
"""Tracks and PINs."""
_DAYS_BACK, _DAYS_AHEAD = 31, 1
"""When a key may be made."""
_CLOCK = re.compile("([01][0-9]|2[0-3])[0-5][0-9][0-5][0-9]", re.ASCII).fullmatch
_PAGE = re.compile("0*[1-9][0-9]{0,2}", re.ASCII).fullmatch


class Terms(NamedTuple):
    """What was agreed with one bank. Limits in fen, 0 for none. `payout_advices`: whether advices of payouts
    are accepted; `reversal_days`: how many business dates back its reversals reach; `misses_a_minute` and
    `misses_a_day`: after how many answers 25 and 76 it must wait.
    """

    code: str
    port: int
    framing: Framing
    dialect: str
    mac: MacMethod
    zmk: bytes
    codec: Codec
    transactions: frozenset[str]
    terminals: tuple[str, ...] = ("*",)
    limit_transaction: int = 0
    limit_day: int = 0
    payout_advices: bool = False
    reversal_days: int = 1
    misses_a_minute: int = 120
    misses_a_day: int = 5000

    @property
    def full_code(self) -> str:
        """The bank's code with 11 digits, as in DE 90 and in the journal."""
        return self.code.zfill(11)


class Ask(NamedTuple):
    """What one message asks for. `fault` is the response code that its form or the bank's permissions alone
    demand, empty for none; `key` is empty for totals, and where no key can be formed; `is_done` marks an
    advice that is believed, since its money has moved; `is_strange` a DE 7 whose date allows no key; `card`
    holds the part of the card number that may be kept.
    """

    mti: str
    bank: str
    key: str = ""
    code: str = ""
    amount: int = 0
    policy: str = ""
    due: str = ""
    identity: str = ""
    receipt: str = ""
    original: str = ""
    terminal: str = ""
    branch: str = ""
    card: str = ""
    stan: str = ""
    sent_at: str = ""
    rrn: str = ""
    page: int = 1
    date: str = ""
    figures: tuple[int, ...] = ()
    net: int = 0
    fault: str = ""
    is_done: bool = False
    is_strange: bool = False
    reversal_days: int = 1

    @property
    def is_keyed(self) -> bool:
        """Whether its answer is kept in the journal under its key."""
        return bool(self.key) and self.mti[1] in "24"

    @property
    def waits(self) -> bool:
        """Whether it is delayed once its bank has had too many answers 25 and 76: inquiries, and payouts that
        are not advices.
        """
        return self.mti[:2] == "01" or (self.mti[:2] == "02" and self.code in PAYOUTS and not self.is_done)


def read(message: Message, terms: Terms, today: date) -> Ask:
    """Parse a message that arrives on the date `today` into an Ask."""
    mti = _REPEATS.get(message.mti, "")
    if not mti:
        return Ask("", terms.code, fault="40")
    fields = message.fields
    if mti[1] == "5":
        return _totals(mti, fields, terms, today)
    sent_at = _moment(fields.get(7, ""), today)
    if any(number not in fields for number in (7, 11, 32, 41)) or not sent_at:
        return Ask(mti, terms.code, fault="30")
    code = fields.get(3, "")
    is_done = mti == "0220" and (code not in PAYOUTS or terms.payout_advices)
    is_strange = not _in_window(sent_at, today)
    if is_strange and not is_done:
        return Ask(mti, terms.code, fault="30")
    key = f"{fields[32].zfill(11)}/{fields[41]}/{sent_at}/{fields[11]}"
    ask = Ask(
        mti,
        terms.code,
        key,
        code=code,
        amount=int(fields.get(4, "0")) if mti[1] != "1" else 0,
        terminal=fields[41],
        branch=fields.get(42, ""),
        card=_kept_of(fields.get(2, "")),
        stan=fields[11],
        sent_at=sent_at,
        rrn=fields.get(37, ""),
        is_done=is_done,
        is_strange=is_strange,
        reversal_days=terms.reversal_days,
    )
    if any(number in fields for number in _SECRETS):
        return ask._replace(fault="40")
    return _content(ask, fields, terms, today)


def read_network(message: Message, terms: Terms, today: date) -> Ask:
    """Parse an 08xx. It asks nothing of the book, but may have to be refused for its form."""
    ask, fields = Ask("0800", terms.code), message.fields
    if message.mti not in ("0800", "0801") or any(number in fields for number in _SECRETS):
        return ask._replace(fault="40")
    if any(number not in fields for number in _NETWORK) or not _moment(fields[7], today):
        return ask._replace(fault="30")
    return ask


def _content(ask: Ask, fields: Mapping[int, str], terms: Terms, today: date) -> Ask:
    if any(number not in fields for number in _NEEDED[ask.mti[:2]]):
        return ask._replace(fault="30")
    codes = INQUIRIES if ask.mti[1] == "1" else COLLECTIONS | PAYOUTS | {CANCEL}
    if ask.mti[1] != "4" and ask.code not in codes:
        return ask._replace(fault="40")
    if not _CLOCK(fields[12]) or not _date(fields[13], today):
        return ask._replace(fault="30")
    if ask.mti[1] != "1" and (fields[49] != "156" or not ask.amount):
        return ask._replace(fault="30")
    try:
        groups = parse(fields.get(48, ""), terms.codec.dialect.de48_encoding)
    except FormatError:
        return ask._replace(fault="30")
    policy, due, identity, receipt, page = (
        first(groups, tag) or "" for tag in ("PN", "DU", "IN", "RN", "PG")
    )
    ask = ask._replace(policy=policy, due=due, identity=identity.upper(), receipt=receipt)
    if not _groups_are_there(ask, page, fields):
        return ask._replace(fault="30")
    ask = ask._replace(page=int(page or 1) if _PAGE(page or "1") else 1)
    if 90 in fields and (ask.mti[1] == "4" or ask.code in (CANCEL, OUTCOME, RECEIPT)):
        original = _original(fields[90], fields[41], today)
        ask = ask._replace(original=original, fault="" if original else "30")
    return ask if ask.fault else ask._replace(fault=_permission(ask, terms))


def _groups_are_there(ask: Ask, page: str, fields: Mapping[int, str]) -> bool:
    if ask.mti[1] == "4" or ask.code in (CANCEL, OUTCOME):
        return 90 in fields
    if ask.code == RECEIPT:
        return bool(ask.receipt) or 90 in fields
    if not ask.policy or (page and not _PAGE(page)):
        return False
    return bool(ask.identity) or ask.code not in PAYOUTS


def _permission(ask: Ask, terms: Terms) -> str:
    if ask.original and not ask.original.startswith(f"{terms.full_code}/"):
        return "57"
    if ask.mti[1] == "4":
        return ""
    if ask.code not in INQUIRIES | {CANCEL} | terms.transactions:
        return "57"
    if not any(fnmatchcase(ask.terminal, pattern) for pattern in terms.terminals):
        return "58"
    return "61" if 0 < terms.limit_transaction < ask.amount else ""


def _totals(mti: str, fields: Mapping[int, str], terms: Terms, today: date) -> Ask:
    ask = Ask(mti, terms.code)
    if any(number in fields for number in _SECRETS):
        return ask._replace(fault="40")
    if any(number not in fields for number in _NEEDED["05"]) or not _moment(fields[7], today):
        return ask._replace(fault="30")
    day = _date(fields[15], today)
    if not day or fields[49] != "156":
        return ask._replace(fault="30")
    figures = tuple(int(fields[number]) for number in (76, 88, 77, 89, 74, 86, 75, 87))
    net = int(fields[97][1:]) * (1 if fields[97][0] == "D" else -1)
    return ask._replace(date=day, figures=figures, net=net)


def _kept_of(card: str) -> str:
    """The part of a card number that may be kept: both ends, if it is long enough to have a middle."""
    return card[:6] + "*" * (len(card) - 10) + card[-4:] if len(card) > 12 else "*" * len(card)


def _original(text: str, terminal: str, today: date) -> str:
    """The key that DE 90 names at a terminal; empty where it names none, or one that is too old."""
    mti, stan, bank = text[:4], text[4:10], text[20:31]
    if mti[:2] != "02" or mti[2:] not in ("00", "01", "20", "21") or text[31:].strip("0"):
        return ""
    sent_at = _moment(text[10:20], today)
    return f"{bank}/{terminal}/{sent_at}/{stan}" if sent_at and _in_window(sent_at, today) else ""


def _moment(text: str, today: date) -> str:
    """MMDDhhmmss with its year added; empty for no such moment."""
    day = _date(text[:4], today)
    return day + text[4:] if day and _CLOCK(text[4:]) else ""


@cache
def _date(text: str, today: date) -> str:
    """MMDD with its year added, the nearest to today of last, this and next year; empty for no such date."""
    for distance in range(2 * 366):
        for day in (today - timedelta(distance), today + timedelta(distance)):
            if f"{day:%m%d}" == text and abs(day.year - today.year) <= 1:
                return f"{day:%Y%m%d}"
    return ""


def _in_window(moment: str, today: date) -> bool:
    day = date(int(moment[:4]), int(moment[4:6]), int(moment[6:8]))
    return today - timedelta(_DAYS_BACK) <= day <= today + timedelta(_DAYS_AHEAD)
