"""Builds what tests need, every part defaulted, so that a test shows only what it is about."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import count

from ledger.files.bookfile import Book
from ledger.files.bookline import DueLine
from ledger.rules.day import DayState
from ledger.rules.dues import Policy
from ledger.rules.entry import GENESIS, Entry, Kind
from ledger.rules.numbering import authorization_code, receipt_number
from ledger.rules.request import Act, Answer, BankDay, Request, key_of
from ledger.rules.view import Chain, Day, Due, DueState, Guesses, View
from protocol.message import Message
from protocol.responses import Response
from protocol.tlv import build
from simulators import messages
from simulators.messages import Stamp

BANK = "01020000"
DATE = "20261124"
BENEFICIARY = "00000019900307001X"
PAYEE = "李四"
OPEN_DAY = Day(DATE, DayState.OPEN)

_stans = count(1)


RECEIPT = "202611240100000000017"
DONE = Answer(
    Response.APPROVED,
    business_date=DATE,
    authorization="000001",
    receipt=RECEIPT,
    code="500000",
    policy="P1",
    holder="张三",
    due="D1",
    due_date="20261201",
    amount=120_050,
    receipted=True,
    local_at="20261123101113",
    branch=" B1   ",
    terminal="T1 ",
)
"""The answer to a collection, with its receipt."""


def policy(number: str = "P1", state: str = "active", holder: str = "张三") -> Policy:
    return Policy(number, state, holder)


def premium(due: str = "D1", policy: str = "P1", amount: int = 120_000, code: str = "500000") -> DueLine:
    return DueLine(due, policy, code, "premium", "20261201", amount, "")


def benefit(due: str = "B1", policy: str = "P2", amount: int = 500_000, code: str = "260000") -> DueLine:
    return DueLine(due, policy, code, "benefit", "20261120", amount, BENEFICIARY, payee=PAYEE)


def book(policies: Iterable[Policy] = (), dues: Iterable[DueLine] = (), date: str = DATE) -> Book:
    """A book as a file would give it. By default P1 owes D1, P2 is owed B1."""
    chosen = tuple(dues) or (premium(), benefit())
    named = {policy.policy: policy for policy in policies}
    for due in chosen:
        named.setdefault(due.policy, policy(due.policy))
    collect = sum(due.amount for due in chosen if due.kind == "premium")
    pay = sum(due.amount for due in chosen if due.kind == "benefit")
    return Book(date, tuple(named.values()), chosen, collect, pay, f"digest of {date}")


def due(line: DueLine | None = None, **given: object) -> Due:
    """A due as the book holds it: D1 of P1, open and never settled, unless given."""
    named = (line or premium())._asdict()
    values = {name: named[name] for name in Due._fields if name in named}
    state = {"state": DueState.OPEN, "settled_by": "", "sequence": 0, "withdrawn": 0}
    return Due(**{**values, **state, **given})  # type: ignore[arg-type]


def view(
    *dues: Due,
    entries: Iterable[Entry] = (),
    policies: Iterable[Policy] = (),
    day: Day | None = OPEN_DAY,
    figures: Mapping[str, BankDay] | None = None,
    guesses: Iterable[Guesses] = (),
    earlier_dates: tuple[str, ...] = (),
    kept: Iterable[str] = (),
) -> View:
    """What a batch sees, nothing written yet: by default P1 owes D1 and P2 is owed B1, on an open day.

    `figures` are the bank's by business date. The journal holds `entries` and no other.
    """
    chosen = dues or (due(), due(benefit()))
    seen = View(day, Chain(1, 1, 0, GENESIS), recorded_at=1)
    seen.add_dues(chosen)
    seen.policies.update((held.policy, policy(held.policy)) for held in chosen)
    seen.policies.update((policy.policy, policy) for policy in policies)
    seen.add_figures({(BANK, date): those for date, those in (figures or {}).items()})
    seen.add_guesses(guesses)
    for written in entries:
        seen.write(written)
    seen.chain = seen.chain._replace(position=len(seen.written))
    seen.written.clear()
    seen.earlier_dates, seen.known_dates = earlier_dates, frozenset(kept)
    return seen


def stan() -> str:
    return f"{next(_stans) % 1_000_000:06d}"


def request(act: Act = Act.COLLECT, **given: object) -> Request:
    """A ledger request for D1 of P1; its key follows from the STAN unless given."""
    number = str(given.get("stan") or stan())
    values: dict[str, object] = {
        "act": act,
        "bank": BANK,
        "mti": "0200",
        "code": "500000",
        "terminal": "T0000001",
        "branch": "B00000000000001",
        "stan": number,
        "sent_at": "20261124101112",
        "local_at": "20261124101112",
        "rrn": f"RRN000{number}",
        "amount": 120_000,
        "currency": "156",
        "policy": "P1",
        "content": f"content {number}",
    }
    values.update(given)
    values.setdefault(
        "key", key_of(str(values["bank"]), str(values["terminal"]), str(values["sent_at"]), number)
    )
    return Request(**values)  # type: ignore[arg-type]


def entry(position: int = 1, **given: object) -> Entry:
    """A journal entry: the collection of D1 of P1 by `request`'s terminal, in effect."""
    number = f"{position:06d}"
    values: dict[str, object] = {
        "chain": 1,
        "position": position,
        "key": key_of(BANK, "T0000001", "20261124101112", number),
        "kind": Kind.COLLECTION,
        "mti": "0200",
        "code": "500000",
        "bank": BANK,
        "terminal": "T0000001",
        "branch": "B00000000000001",
        "stan": number,
        "sent_at": "20261124101112",
        "local_at": "20261124101112",
        "rrn": f"RRN000{number}",
        "card": "",
        "amount": 120_000,
        "currency": "156",
        "policy": "P1",
        "holder": "张三",
        "due": "D1",
        "due_date": "20261201",
        "original": "",
        "content": f"content {number}",
        "business_date": DATE,
        "recorded_at": position,
        "response": Response.APPROVED,
        "reason": "",
        "authorization": authorization_code(position),
        "receipt": receipt_number(DATE, 1, position),
        "exception_code": "",
        "side": "premium",
        "subject": "D1",
        "sequence": 1,
        "sequence_before": None,
        "previous": GENESIS,
        "salt": "",
    }
    return Entry(**{**values, **given})  # type: ignore[arg-type]


def message(
    mti: str = "0200", groups: Iterable[tuple[str, str]] = (("PN", "P1"),), **fields: object
) -> Message:
    """A message as a bank would send it: DE numbers as `de4=...`; None leaves a field out."""
    values: dict[int, object] = {
        3: "500000",
        4: "000000120000",
        7: "1124101112",
        11: stan(),
        12: "101112",
        13: "1124",
        32: BANK,
        37: "RRN000000001",
        41: "T0000001",
        42: "B00000000000001",
        48: build(groups, "utf-8"),
        49: "156",
    }
    if mti[1] == "4":
        del values[48]
    values.update({int(name.removeprefix("de")): value for name, value in fields.items()})
    return Message(
        mti, {number: str(values[number]) for number in sorted(values) if values[number] is not None}
    )


def inquiry(
    groups: Iterable[tuple[str, str]] = (("PN", "P1"),), code: str = "310000", **fields: object
) -> Message:
    return message("0100", groups, **{"de3": code, "de4": None, "de49": None, "de37": None, **fields})


def original(of: Message, mti: str = "0200") -> str:
    """DE 90 that names the message."""
    return messages.original(mti, Stamp(of.fields[7], of.fields[11]), of.fields[32])


def reversal(of: Message, mti: str = "0400", **fields: object) -> Message:
    """A reversal of the message, at its terminal."""
    same = {f"de{number}": of.fields[number] for number in (3, 4, 41) if number in of.fields}
    return message(mti, **{**same, "de90": original(of), **fields})


def cancel(of: Message, mti: str = "0200", **fields: object) -> Message:
    """A same-day cancel of the message."""
    return message(mti, **{"de3": "020000", "de4": of.fields[4], "de90": original(of), **fields})


def totals(mti: str = "0500", *, net: int = 0, date: str = "1124", **fields: object) -> Message:
    """A reconciliation by totals, all nought unless given."""
    nought = {f"de{number}": "0" * (10 if number < 80 else 16) for number in (74, 75, 76, 77, 86, 87, 88, 89)}
    values = {7: "1124235959", 11: stan(), 15: date, 32: BANK, 49: "156"}
    sign = "D" if net >= 0 else "C"
    given = {**nought, "de97": f"{sign}{abs(net):016d}", **fields}
    values.update(
        {int(name.removeprefix("de")): str(value) for name, value in given.items() if value is not None}
    )
    return Message(mti, dict(sorted(values.items())))
