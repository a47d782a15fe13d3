"""A bank's gate as tests ask it: its settings, what is sent to it, one good message of each kind."""

from __future__ import annotations

from datetime import date

from fep.keys.keys import FrontKey
from fep.links.request_parser import RequestParser
from fep.settings.config import Bank
from ledger.rules.request import Act, Request
from protocol.dialect import load
from protocol.message import Message
from tests.support.builders import BANK, BENEFICIARY, cancel, inquiry, message, original, reversal

TODAY = date(2026, 11, 24)
KEY = FrontKey(bytes(32))
COVERED = b"0200 and all that the MAC covers"
CODE = "00001020000"
COLLECTION = message(de11="000041")
ORIGINAL_KEY = f"{CODE}/T0000001/20261124101112/000041"
GROUPS = (("PN", "P1"), ("DU", "D1"), ("IN", BENEFICIARY), ("RN", "R1"), ("PG", "2"))
PAYOUT = {"de3": "260000", "groups": (("PN", "P2"), ("IN", BENEFICIARY))}


def request_parser(key_days: int = 31, **given: object) -> RequestParser:
    bank = Bank(**{"code": BANK, "name": "Bank", "port": 9001, "networks": ["127.0.0.1/32"], **given})
    return RequestParser(bank, KEY, DIALECT, key_days)


DIALECT = load("ascii87")


def ask(asked: Message, today: date = TODAY, covered: bytes = COVERED, **given: object) -> Request:
    return request_parser(**given).request(asked, covered, today)


def verdict(asked: Message, **given: object) -> tuple[str, str]:
    request = ask(asked, **given)
    return request.verdict, request.reason


def without(asked: Message, number: int) -> Message:
    return asked._replace(fields={name: value for name, value in asked.fields.items() if name != number})


def payout(mti: str = "0200", **fields: object) -> Message:
    return message(mti, **{**PAYOUT, **fields})


# One good message of each kind, and its act.
GOOD: dict[str, tuple[Message, Act]] = {
    "dues": (inquiry(), Act.DUES),
    "status": (inquiry(code="311000"), Act.STATUS),
    "outcome": (inquiry((), "312000", de90=original(COLLECTION)), Act.OUTCOME),
    "receipt by number": (inquiry((("RN", "R1"),), "313000"), Act.RECEIPT),
    "receipt by original": (inquiry((), "313000", de90=original(COLLECTION)), Act.RECEIPT),
    "renewal": (COLLECTION, Act.COLLECT),
    "first premium": (message(de3="501000"), Act.COLLECT),
    "loan": (message(de3="502000"), Act.COLLECT),
    "advice of a collection": (message("0220"), Act.COLLECT),
    **{f"payout {code}": (payout(de3=code), Act.PAY) for code in ("260000", "261000", "262000", "263000")},
    "advice of a payout": (payout("0220"), Act.PAY),
    "cancel": (cancel(COLLECTION), Act.CANCEL),
    "advice of a cancel": (cancel(COLLECTION, "0220"), Act.CANCEL),
    "reversal": (reversal(COLLECTION), Act.REVERSE),
    "advice of a reversal": (reversal(COLLECTION, "0420"), Act.REVERSE),
}
