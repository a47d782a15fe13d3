"""Makes the ledger's request of a bank's message, with a verdict on its form and on the bank's permission.

Pure: the bank's settings and a message go in, a Request comes out. Whether the book allows the request is
decided by `ledger.rules.decide`. A refusing verdict travels with the request, so that the refusal is recorded
under the request's key, and a repeat gets it again. docs/protocol.md sections 3, 4 and 6.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from datetime import date
from functools import lru_cache
from itertools import repeat
from types import MappingProxyType
from typing import NamedTuple

from fep.keys.keys import FrontKey
from fep.settings.config import Bank
from ledger.rules import identity
from ledger.rules.masking import masked_numbers
from ledger.rules.moment import KeyWindow
from ledger.rules.names import shortened
from ledger.rules.request import ACT_OF_CODE, FINANCIAL, INQUIRIES, Act, Request, Totals, key_of
from protocol.card_number import masked_card
from protocol.dialect import Dialect
from protocol.errors import FormatError, MessageRefused
from protocol.message import Message, is_advice
from protocol.responses import Response
from protocol.tlv import Group, parse

_KEY_FIELDS = (7, 11, 32, 41)
_NEVER_ACCEPTED: Mapping[int, str] = MappingProxyType(
    dict.fromkeys((52, 53, 125), "PIN DATA IS NOT ACCEPTED")
    | dict.fromkeys((35, 36, 45), "TRACK DATA NOT ACCEPTED")
)
"""Data elements that no message may carry, and DE 44 of the answer: a card's PIN and tracks are not for us.
"""
_GROUP_TAGS = ("PN", "DU", "IN", "RN", "PG")
"""The DE 48 tags of the fields of Groups, in their order."""
_CURRENCY = "156"
_TOTAL_FIELDS = (76, 88, 77, 89, 74, 86, 75, 87)
"""The DEs of the fields of ledger.rules.request.Totals, in their order (docs/protocol.md section 7)."""

MANDATORY: Mapping[str, tuple[int, ...]] = MappingProxyType(
    {
        "0100": (3, 7, 11, 12, 13, 32, 41, 42, 48),
        "0200": (3, 4, 7, 11, 12, 13, 32, 37, 41, 42, 48, 49),
        "0220": (3, 4, 7, 11, 12, 13, 32, 37, 41, 42, 48, 49),
        "0400": (3, 4, 7, 11, 12, 13, 32, 37, 41, 42, 49, 90),
        "0420": (3, 4, 7, 11, 12, 13, 32, 37, 41, 42, 49, 90),
        "0500": (7, 11, 15, 32, 49, 74, 75, 76, 77, 86, 87, 88, 89, 97),
        "0520": (7, 11, 15, 32, 49, 74, 75, 76, 77, 86, 87, 88, 89, 97),
        "0800": (7, 11, 32, 70),
    }
)
"""The mandatory DEs (M in docs/protocol.md section 3) by MTI, repeats counted as their first form. The MAC is
not
listed: the link checks it."""

TRANSACTIONS = frozenset(mti[:3] + last for mti in MANDATORY if mti != "0800" for last in "01")
"""The MTIs that become requests: all but network management, and their repeats."""

POLICY_LENGTH, DUE_LENGTH = 24, 20
"""The most characters of a policy's and a due's number, which a file of dues holds to as well."""
_GROUP_CHECKS: Mapping[str, Callable[[str], object]] = MappingProxyType(
    {
        "PN": re.compile(f"[A-Z0-9-]{{0,{POLICY_LENGTH}}}").fullmatch,
        "DU": re.compile(f"[A-Z0-9-]{{0,{DUE_LENGTH}}}").fullmatch,
        "IN": lambda number: len(identity.normalised(number)) <= identity.LENGTH,
        "RN": re.compile("[A-Z0-9-]{0,21}").fullmatch,
        "PG": re.compile("|0*[1-9][0-9]{0,2}").fullmatch,
    }
)
"""What a group of DE 48 may hold, by its tag; PG is a page from 1 to 999. An empty one is an absent one."""
_ORIGINAL_MTIS = frozenset({"0200", "0201", "0220", "0221"})


class Unsupported(MessageRefused):
    """The message decodes, but the interface does not take it: it is answered with DE 39 = 40."""

    response = Response.NOT_SUPPORTED


@lru_cache(maxsize=64)
def _window(today: date, days_back: int) -> KeyWindow:
    """The window of a day, cached: all messages of a day ask for the same few."""
    return KeyWindow(today, days_back)


class Groups(NamedTuple):
    """The DE 48 groups that requests use, each empty where absent: policy number (PN), due number (DU),
    identity number (IN), receipt number (RN), page (PG).
    """

    policy: str = ""
    due: str = ""
    identity: str = ""
    receipt: str = ""
    page: str = ""

    def __repr__(self) -> str:
        """The names of the groups that are present, never a value: one of them is an identity number."""
        return f"Groups({' '.join(name for name in self._fields if getattr(self, name))})"


class RequestParser:
    """Makes requests of one bank's messages, under its settings."""

    def __init__(self, bank: Bank, front_key: FrontKey, dialect: Dialect, key_days: int) -> None:
        """`key_days` is how many days before today DE 7, and so a transaction's key, may lie."""
        self._bank = bank
        self._key_days = key_days
        self._front_key = front_key
        self._encoding = dialect.de48_encoding
        self._mti_width = dialect.mti_width
        self._transactions = frozenset(bank.transactions)
        self._allows_terminal = bank.terminal_pattern.match

    def request(self, message: Message, covered: bytes, today: date) -> Request:
        """The request that a message makes on `today`. `covered` is its bytes from the MTI up to the MAC.

        Raises Unsupported for an MTI that the interface does not have, and FormatError where no key can be
        formed or its date is outside the window; every other fault becomes the request's `verdict`.
        """
        mti = first_form(message.mti)
        if mti not in MANDATORY:
            raise Unsupported(f"MTI {message.mti} NOT SUPPORTED")
        window = _window(today, self._key_days)
        if mti[1] == "5":
            return self._totals(message, mti, window)
        sent_at = sent_moment(message, window)
        request = self._keyed(message, mti, covered, window, sent_at)
        if window.holds(sent_at):
            return request
        if not request.advice or request.act not in FINANCIAL:
            raise FormatError("7", f"not within {self._key_days} days")
        return request._replace(outside_window=True)  # an advice: its money has moved, so it is recorded

    def _keyed(self, message: Message, mti: str, covered: bytes, window: KeyWindow, sent_at: str) -> Request:
        """The request of a message that has a key. `sent_at` is its DE 7 as YYYYMMDDhhmmss."""
        fields = message.fields
        code = fields.get(3, "")
        act = act_of(mti, code)
        groups, original, local_at = Groups(), "", ""
        try:
            check_carries_no_secret(message)
            recorded = act in FINANCIAL and self._is_advice(mti, act)
            groups, original = content_of(message, act, window, self._encoding, recorded=recorded)
            local_at = full_moment("13", fields[13] + fields[12], window)
            verdict, reason = self._permission(message, act, original)
        except MessageRefused as error:
            verdict, reason = error.response, str(error)
        return Request(
            key=key_of(fields[32], fields[41], sent_at, fields[11]),
            act=act or (Act.DUES if mti == "0100" else Act.COLLECT),
            bank=self._bank.code,
            mti=mti,
            code=code,
            terminal=fields[41],
            branch=fields.get(42, ""),
            stan=fields[11],
            sent_at=sent_at,
            local_at=local_at,
            rrn=fields.get(37, ""),
            card=masked_card(fields[2]) if 2 in fields else "",
            amount=int(fields[4]) if 4 in fields and mti != "0100" else 0,
            currency=fields.get(49, ""),
            policy=groups.policy,
            due=groups.due,
            identity=self._front_key.identity(groups.identity) if groups.identity else "",
            receipt=groups.receipt,
            original=original,
            content=self._digest(mti, covered) if mti != "0100" else "",
            advice=self._is_advice(mti, act),
            verdict=verdict,
            reason=reason,
            limit_day=self._bank.limit_day_fen,
            reversal_days=self._bank.reversal_days,
            may_settle=self._transactions,
            page=int(groups.page or "1"),
        )

    def _is_advice(self, mti: str, act: Act | None) -> bool:
        """Whether a message reports what has been done. Of a payout only where the bank's entry allows it."""
        return is_advice(mti) and (act is not Act.PAY or self._bank.payout_advices)

    def _digest(self, mti: str, covered: bytes) -> str:
        """The keyed digest by which a repeat is told from a reused key: of all bytes under the MAC, with the
        MTI in its first form.
        """
        return self._front_key.content(mti.encode() + covered[self._mti_width :])

    def _permission(self, message: Message, act: Act | None, original: str) -> tuple[Response, str]:
        """The verdict on the bank's and the terminal's permission, and DE 44. A reversal is always allowed:
        it only undoes.
        """
        fields = message.fields
        if original and not original.startswith(self._bank.code.zfill(11) + "/"):
            return Response.BANK_NOT_ALLOWED, "DE 90: OTHER BANK"
        if act is Act.REVERSE:
            return Response.APPROVED, ""
        if act in FINANCIAL and act is not Act.CANCEL and fields[3] not in self._transactions:
            return Response.BANK_NOT_ALLOWED, "NOT ALLOWED TO THIS BANK"
        if not self._allows_terminal(fields[41]):
            return Response.TERMINAL_NOT_ALLOWED, "TERMINAL NOT ALLOWED"
        if act in INQUIRIES:
            return Response.APPROVED, ""
        if 0 < self._bank.limit_transaction_fen < int(fields[4]):
            return Response.OVER_LIMIT, "OVER LIMIT"
        return Response.APPROVED, ""

    def _totals(self, message: Message, mti: str, window: KeyWindow) -> Request:
        """The request of a 0500: the bank's totals of a business date. Raises Unsupported and FormatError."""
        date_text = totals_date(message, window)
        fields = message.fields
        net = int(fields[97][1:])
        return Request(
            key="",
            act=Act.TOTALS,
            bank=self._bank.code,
            mti=mti,
            date=date_text,
            totals=Totals(*(int(fields[number]) for number in _TOTAL_FIELDS)),
            net=net if fields[97][0] == "D" else -net,
        )


def content_of(
    message: Message, act: Act | None, window: KeyWindow, encoding: str, *, recorded: bool
) -> tuple[Groups, str]:
    """The groups and the original's key (empty if none is named) of a message whose groups are in `encoding`.
    `recorded`: it is an advice that is recorded whatever its groups say, since its money has moved.

    Raises FormatError where something mandatory is missing or malformed, and Unsupported for an unknown
    processing code.
    """
    mti, fields = first_form(message.mti), message.fields
    _check_complete(message)
    if act is None:
        raise Unsupported(f"DE 3 {fields[3]} NOT SUPPORTED")
    check_time("12", fields[12])
    if mti != "0100" and (fields[49] != _CURRENCY or not int(fields[4])):
        raise FormatError("49" if fields[49] != _CURRENCY else "4", "malformed")
    groups = _groups(parse(fields[48], encoding)) if 48 in fields else Groups()
    if recorded:
        groups = _cut(groups)
    else:
        _check(groups)
    _GROUPS_NEEDED[act](groups, fields)
    names_original = 90 in fields and act in _USES_ORIGINAL
    return groups, original_key(fields[90], fields[41], window) if names_original else ""


def totals_date(message: Message, window: KeyWindow) -> str:
    """The business date YYYYMMDD of a 0500 that is in order. Raises Unsupported and FormatError."""
    check_carries_no_secret(message)
    _check_complete(message)
    full_moment("7", message.fields[7], window)
    if message.fields[49] != _CURRENCY:
        raise FormatError("49", "malformed")
    return full_date("15", message.fields[15], window)


def _check_complete(message: Message) -> None:
    """Raises FormatError for a message without one of its mandatory fields."""
    for number in MANDATORY[first_form(message.mti)]:
        if number not in message.fields:
            raise FormatError(str(number))


def check_carries_no_secret(message: Message) -> None:
    """Raises Unsupported for a message with PIN data or a card's track data, whatever it asks for, in a DE or
    in a subfield that is like one.
    """
    held: Collection[int] = {*message.fields, *message.alike} if message.alike else message.fields
    if not _NEVER_ACCEPTED.keys().isdisjoint(held):
        raise Unsupported(next(reason for number, reason in _NEVER_ACCEPTED.items() if number in held))


def sent_moment(message: Message, window: KeyWindow) -> str:
    """DE 7 of a message as YYYYMMDDhhmmss. Raises FormatError where a DE of its key is missing, or where that
    is no date and time.
    """
    for number in _KEY_FIELDS:
        if number not in message.fields:
            raise FormatError(str(number))
    return full_moment("7", message.fields[7], window)


def check_network(message: Message, today: date) -> None:
    """Raises Unsupported for an 08xx that the interface does not take, and FormatError for one that lacks a
    mandatory field or whose DE 7 is not a date and time.
    """
    mti = first_form(message.mti)
    if mti not in MANDATORY:
        raise Unsupported(f"MTI {message.mti} NOT SUPPORTED")
    check_carries_no_secret(message)
    _check_complete(message)
    full_moment("7", message.fields[7], KeyWindow(today))


def first_form(mti: str) -> str:
    """The MTI of the message that a repeat repeats: 0200 for 0201 (ISO 8583:1987, transaction originator)."""
    return mti[:3] + "0" if mti[3] == "1" else mti


def act_of(mti: str, code: str) -> Act | None:
    """The act that a message asks for; None if its MTI's class has no such processing code."""
    if mti[1] == "4":
        return Act.REVERSE
    act = ACT_OF_CODE.get(code)
    return act if act in (INQUIRIES if mti[1] == "1" else FINANCIAL) else None


def _groups(groups: tuple[Group, ...]) -> Groups:
    """The groups that requests use; of a tag that comes twice the first counts."""
    values: dict[str, str] = {}
    for tag, value in groups:
        values.setdefault(tag, value)
    return Groups(*map(values.get, _GROUP_TAGS, repeat("")))


def _check(groups: Groups) -> None:
    """Raises FormatError for a group that is too long or has characters that it may not have."""
    for tag, value in zip(_GROUP_TAGS, groups, strict=True):
        if value and not _GROUP_CHECKS[tag](value):
            raise FormatError(f"48.{tag}", "malformed")


def _cut(groups: Groups) -> Groups:
    """The groups of an advice that is recorded whatever they say: names that are too long are cut. Groups
    that say nothing about an advice are left out.
    """
    return Groups(_cut_name(groups.policy, POLICY_LENGTH), _cut_name(groups.due, DUE_LENGTH), groups.identity)


def _cut_name(name: str, length: int) -> str:
    """A policy's or due's number, or what stands in its place, cut to `length` characters. What was cut ends
    with `...`, so that it is no other policy's or due's number. The number of a person or a card in it is
    masked first, so that no part of it is left.
    """
    return name if len(name) <= length else shortened(masked_numbers(name), length)


def _need_policy(groups: Groups, _fields: Mapping[int, str]) -> None:
    if not groups.policy:
        raise FormatError("48.PN")


def _need_beneficiary(groups: Groups, fields: Mapping[int, str]) -> None:
    _need_policy(groups, fields)
    if not groups.identity:
        raise FormatError("48.IN")


def _need_original(_groups: Groups, fields: Mapping[int, str]) -> None:
    if 90 not in fields:
        raise FormatError("90")


def _need_receipt_or_original(groups: Groups, fields: Mapping[int, str]) -> None:
    if not groups.receipt and 90 not in fields:
        raise FormatError("48.RN")


_GROUPS_NEEDED: Mapping[Act, Callable[[Groups, Mapping[int, str]], None]] = MappingProxyType(
    {
        Act.DUES: _need_policy,
        Act.STATUS: _need_policy,
        Act.OUTCOME: _need_original,
        Act.RECEIPT: _need_receipt_or_original,
        Act.COLLECT: _need_policy,
        Act.PAY: _need_beneficiary,
        Act.CANCEL: _need_original,
        Act.REVERSE: _need_original,
    }
)
_USES_ORIGINAL = frozenset({Act.OUTCOME, Act.RECEIPT, Act.CANCEL, Act.REVERSE})


def original_key(original: str, terminal: str, window: KeyWindow) -> str:
    """The key of the transaction that DE 90 names, at a terminal (DE 41). Raises FormatError where DE 90 is
    malformed or its date is outside the window.

    DE 90: MTI 4, STAN 6, DE 7 10, DE 32 11 zero-filled on the left, 11 zeros (docs/protocol.md section 3).
    """
    mti, stan, sent_at, bank = original[:4], original[4:10], original[10:20], original[20:31]
    if mti not in _ORIGINAL_MTIS or original[31:].strip("0"):
        raise FormatError("90", "malformed")
    moment = full_moment("90", sent_at, window)
    if not window.holds(moment):
        raise FormatError("90", f"not within {window.days_back} days")
    return key_of(bank, terminal, moment, stan)


def full_moment(field: str, moment: str, window: KeyWindow) -> str:
    """YYYYMMDDhhmmss of a MMDDhhmmss, in the year that brings it nearest to today. Raises FormatError, naming
    `field`, where there is no such date or time.
    """
    date_part = full_date(field, moment[:4], window)
    check_time(field, moment[4:])
    return date_part + moment[4:]


def full_date(field: str, month_day: str, window: KeyWindow) -> str:
    """YYYYMMDD of a MMDD, in the year that brings it nearest to today. Raises FormatError, naming `field`,
    where there is no such date.
    """
    date_text = window.date_of(month_day)
    if not date_text:
        raise FormatError(field, "malformed")
    return date_text


def check_time(field: str, time: str) -> None:
    """Raises FormatError, naming `field`, unless `time` is a time of day hhmmss."""
    if time[:2] > "23" or time[2:4] > "59" or time[4:] > "59":
        raise FormatError(field, "malformed")
