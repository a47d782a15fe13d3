"""A person's decision about a break or about a bank's date: the check that this person may decide, and the
step with its audit record in one transaction. A refused decision is recorded too.

The caller knows the person: the command has the name from the kernel (`fep.operator.identity`), never from
what was typed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from enum import StrEnum
from types import MappingProxyType
from typing import Final, NamedTuple

from ledger.book.audit_log import failed
from ledger.book.store import Store
from office.accounting import breaks
from office.accounting.break_states import Break
from office.accounting.chart import Chart
from office.accounting.date_decisions import DateStep, decide_date, propose_date
from office.config import NotAllowed, Permission, Settings
from office.database.audit_log import write
from office.errors import OfficeError

_NAME: Final = r"B[0-9]{8}-[0-9]{1,11}-[0-9]{4,9}|D[0-9]{8}-[0-9]{1,11}"
PROPOSE: Final = "propose"


class Decision(StrEnum):
    """The decisions about a proposal."""

    APPROVE = "approve"
    REJECT = "reject"
    WITHDRAW = "withdraw"


_MAY: Final[Mapping[Decision, Permission]] = MappingProxyType(
    {Decision.APPROVE: "approve", Decision.REJECT: "approve", Decision.WITHDRAW: "propose"}
)
_STEPS: Final[Mapping[Decision, Callable[..., Break]]] = MappingProxyType(
    {
        Decision.APPROVE: breaks.approve,
        Decision.REJECT: breaks.reject,
        Decision.WITHDRAW: breaks.withdraw,
    }
)


class Desk(NamedTuple):
    """What a decision needs: the office's database and settings, and the moment `at` (microseconds since
    1970-01-01 UTC).
    """

    store: Store
    settings: Settings
    at: int


def propose(desk: Desk, by: str, name: str, resolution: str, note: str, chart: Chart) -> Break:
    """Propose the resolution of a break, and return the break. `by` is the person. Raises NotAllowed and
    OfficeError.
    """
    with _refusals_recorded(desk, by, PROPOSE, name):
        desk.settings.check_may(by, "propose")
        with desk.store.transaction() as connection:
            return breaks.propose(connection, name, resolution, by, desk.at, note, chart)


def decide(desk: Desk, by: str, decision: Decision, name: str, note: str) -> Break:
    """Decide about the proposal of a break, and return the break. `by` is the person. Raises NotAllowed and
    OfficeError, among them SamePerson.
    """
    with _refusals_recorded(desk, by, decision.value, name):
        desk.settings.check_may(by, _MAY[decision])
        with desk.store.transaction() as connection:
            return _STEPS[decision](connection, name, by, desk.at, note)


def propose_for_date(desk: Desk, by: str, name: str, resolution: str, note: str) -> DateStep:
    """Propose a decision about a bank's date, and return the step. `by` is the person. Raises NotAllowed,
    NoSuchBank for a bank that the settings have not, and OfficeError.
    """
    with _refusals_recorded(desk, by, PROPOSE, name):
        desk.settings.check_may(by, "propose")
        desk.settings.named(name.rpartition("-")[2])
        with desk.store.transaction() as connection:
            return propose_date(connection, name, resolution, by, desk.at, note)


def decide_for_date(desk: Desk, by: str, decision: Decision, name: str, note: str) -> DateStep:
    """Decide about the proposal for a bank's date, and return the step. `by` is the person. Raises NotAllowed
    and OfficeError, among them SamePerson.
    """
    with _refusals_recorded(desk, by, decision.value, name):
        desk.settings.check_may(by, _MAY[decision])
        with desk.store.transaction() as connection:
            return decide_date(connection, name, by, desk.at, note, step=decision.value)


@contextmanager
def _refusals_recorded(desk: Desk, by: str, act: str, name: str) -> Iterator[None]:
    """Write an audit record if the block raises OfficeError or NotAllowed, and raise it again."""
    try:
        yield
    except (OfficeError, NotAllowed) as error:
        subject = name if re.fullmatch(_NAME, name) else ""  # a text that is no break's name may be anything
        write(desk.store, desk.at, by, act, subject, failed(error))
        raise
