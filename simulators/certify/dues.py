"""The dues that an examination of a machine works on, and the book file from which an operator loads them.

Small amounts on policies that belong to nobody. The cases say what is done with them; every due is open
again at the end.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final

from ledger.files import bookfile
from ledger.files.bookfile import PolicyDues
from ledger.files.bookline import DueLine
from ledger.rules.dues import KINDS, Policy

BENEFICIARY: Final = "000000199003070014"
STRANGER: Final = "000000198502030020"
"""Well-formed identity numbers of nobody: their region does not exist (GB/T 2260)."""
CARD: Final = "6222021234567890123"
"""A card number that no bank has issued: its check digit is wrong (ISO/IEC 7812-1)."""
HOLDER: Final = "认证测试"
"""Who holds every policy of the examination."""
PAYEE: Final = "领款测试"
"""Who is paid every benefit of the examination."""
NO_POLICY: Final = "CERT-NONE"
"""A policy that no book has."""

_PLACES: Final[Mapping[str, tuple[str, int, str]]] = MappingProxyType(
    {
        "500000": ("CERT-A1", 101, "active"),
        "501000": ("CERT-A2", 102, "pending"),
        "502000": ("CERT-A3", 103, "active"),
        "260000": ("CERT-B1", 104, "active"),
        "261000": ("CERT-B2", 105, "active"),
        "262000": ("CERT-B3", 106, "active"),
        "263000": ("CERT-B4", 107, "active"),
    }
)
"""For each processing code: the policy with the one due of it, its amount in fen, the policy's state."""

TWO_DUES: Final = "CERT-C1"
LAPSED: Final = "CERT-C2"
NO_DUES: Final = "CERT-C3"
PAGES: Final = "CERT-C4"
LOCKED: Final = "CERT-C5"
SERVED: Final = "CERT-C6"
ORPHANED: Final = "CERT-C7"
SERVING: Final = "演练营业部"
SERVING_PHONE: Final = "0571-00000000"
ORPHAN: Final = "ORPHAN"
GRACE_UNTIL: Final = "20991231"
DUES_OF_PAGES: Final = 19
"""More than two pages, whatever a page holds above nine."""


def due_of(code: str) -> DueLine:
    """The due that the cases use for a processing code; its due date is left open."""
    policy, amount, _ = _PLACES[code]
    return _due(policy, "", code, amount)


def two_dues() -> tuple[DueLine, DueLine]:
    """The two open premiums of one policy."""
    return _due(TWO_DUES, "A", "500000", 111), _due(TWO_DUES, "B", "500000", 112)


def lapsed_due() -> DueLine:
    """The premium of a policy that has lapsed."""
    return _due(LAPSED, "", "500000", 121)


def locked_due() -> DueLine:
    """The benefit for which wrong numbers are shown until it is locked: it is paid in no case."""
    return _due(LOCKED, "", "260000", 122)


def served_due() -> DueLine:
    """The premium of a policy of which the file says who serves it, and until when it can be paid."""
    return _due(SERVED, "", "500000", 123)._replace(grace_until=GRACE_UNTIL)


def entries(date: str) -> Iterator[PolicyDues]:
    """Every policy of the examination with its dues, all due on `date` (YYYYMMDD)."""
    for code, (policy, _, state) in _PLACES.items():
        yield _entry(policy, state, (due_of(code),), date)
    yield _entry(TWO_DUES, "active", two_dues(), date)
    yield _entry(LAPSED, "lapsed", (lapsed_due(),), date)
    yield _entry(NO_DUES, "active", (), date)
    yield _entry(LOCKED, "active", (locked_due(),), date)
    served = _entry(SERVED, "active", (served_due(),), date)
    for policy, serving in ((served.policy, SERVING), (served.policy._replace(policy=ORPHANED), ORPHAN)):
        dues = served.dues if policy.policy == SERVED else ()
        yield PolicyDues(policy._replace(serving=serving, serving_phone=SERVING_PHONE), dues)
    many = tuple(_due(PAGES, f"{number:02d}", "500000", 130 + number) for number in range(DUES_OF_PAGES))
    yield _entry(PAGES, "active", many, date)


def write(date: str) -> bytes:
    """The file for `qianzhi book load`, of the business date `date` (YYYYMMDD)."""
    return b"".join(bookfile.write(date, entries(date), serving=True))


def _entry(policy: str, state: str, dues: tuple[DueLine, ...], date: str) -> PolicyDues:
    return PolicyDues(Policy(policy, state, HOLDER), tuple(due._replace(due_date=date) for due in dues))


def _due(policy: str, suffix: str, code: str, amount: int) -> DueLine:
    kind = KINDS[code]
    number, payee = (BENEFICIARY, PAYEE) if kind == "benefit" else ("", "")
    return DueLine(f"{policy}-D{suffix}", policy, code, kind, "", amount, number, payee=payee)
