"""Who may decide, and that every decision and every refusal of one stands in the office's audit log."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ledger.book.audit_log import broken_records, read_audit_log
from ledger.book.store import Store
from ledger.errors import LedgerError
from office.accounting.break_states import BreakState
from office.accounting.breaks import find
from office.accounting.decisions import Decision, Desk, decide, propose
from office.config import NotAllowed, Settings
from office.database.audit_log import recorded
from office.database.schema import audit_log
from office.errors import NoSuchBreak, OfficeError, SamePerson, StepRefused
from tests.support.suspense_breaks import BANK, CHART, NAME, in_suspense

SECRET = "00112233445566778899AABBCCDDEEFF"
CLERKS = (("li", ("propose",)), ("wang", ("propose", "approve")), ("zhao", ("approve",)))


@pytest.fixture
def desk(store: Store) -> Iterator[Desk]:
    with store.transaction() as connection:
        assert in_suspense(connection) == NAME
    settings = Settings.model_validate(
        {
            "office": {"database": "x", "front": "y", "seal_key": "0" * 64},
            "bank": [{"code": BANK, "name": "x"}],
            "clerk": [{"name": name, "may": may} for name, may in CLERKS],
        }
    )
    return Desk(store, settings, 7)


def audit_rows(desk: Desk) -> list[tuple[str, ...]]:
    with desk.store.reading() as connection:
        records = list(read_audit_log(connection, audit_log))
    assert list(broken_records(records)) == []
    return [act[2:6] for act in records if act.act != "chart"]


def state(desk: Desk) -> BreakState:
    with desk.store.reading() as connection:
        return find(connection, NAME).state


def test_two_people_decide_and_the_trail_has_both(desk: Desk) -> None:
    assert propose(desk, "li", NAME, "refund", "asked the bank", CHART).proposed_by == "li"
    assert decide(desk, "wang", Decision.APPROVE, NAME, "").approved_by == "wang"
    assert audit_rows(desk) == [
        ("li", "propose", NAME, "refund: asked the bank"),
        ("wang", "approve", NAME, "refund"),
    ]
    assert state(desk) is BreakState.APPROVED


@pytest.mark.parametrize(
    ("decision", "by", "after"),
    [
        (Decision.REJECT, "zhao", BreakState.SUSPENSE),
        (Decision.WITHDRAW, "li", BreakState.SUSPENSE),
    ],
)
def test_a_proposal_is_taken_back_or_rejected(
    desk: Desk, decision: Decision, by: str, after: BreakState
) -> None:
    propose(desk, "li", NAME, "refund", "", CHART)
    decide(desk, by, decision, NAME, "")
    assert (state(desk), audit_rows(desk)[1]) == (after, (by, decision.value, NAME, "refund"))


@pytest.mark.parametrize(
    ("by", "decision", "name", "refused"),
    [
        ("li", Decision.APPROVE, NAME, NotAllowed),
        ("li", Decision.REJECT, NAME, NotAllowed),
        ("zhao", Decision.WITHDRAW, NAME, NotAllowed),
        ("root", Decision.APPROVE, NAME, NotAllowed),
        ("wang", Decision.APPROVE, NAME, SamePerson),
        ("zhao", Decision.APPROVE, "B20261124-01020000-0009", NoSuchBreak),
    ],
)
def test_what_is_refused_changes_nothing_and_is_recorded(
    desk: Desk, by: str, decision: Decision, name: str, refused: type[LedgerError]
) -> None:
    propose(desk, "wang", NAME, "refund", "", CHART)
    with pytest.raises(refused):
        decide(desk, by, decision, name, "")
    assert state(desk) is BreakState.PROPOSED
    assert audit_rows(desk)[1:] == [(by, decision.value, name, f"failed: {refused.__name__}")]


def test_a_refused_proposal_is_recorded_without_what_was_typed(desk: Desk) -> None:
    for by, name, resolution, refused in (
        ("zhao", NAME, "refund", NotAllowed),
        ("li", SECRET, "refund", NoSuchBreak),
        ("li", NAME, SECRET, StepRefused),
    ):
        with pytest.raises(refused):
            propose(desk, by, name, resolution, "", CHART)
    assert audit_rows(desk) == [
        ("zhao", "propose", NAME, "failed: NotAllowed"),
        ("li", "propose", "", "failed: NoSuchBreak"),
        ("li", "propose", NAME, "failed: StepRefused"),
    ]


def test_what_a_person_has_the_office_do_is_recorded_before_and_after(desk: Desk) -> None:
    times = iter((8, 9))
    with recorded(desk.store, lambda: next(times), "li", "close"):
        assert audit_rows(desk) == [("li", "close", "", "asked")]
    assert audit_rows(desk)[1:] == [("li", "close", "", "done")]


def test_what_failed_is_recorded_by_its_kind(desk: Desk) -> None:
    with pytest.raises(OfficeError), recorded(desk.store, lambda: 8, "li", "post"):
        raise OfficeError(SECRET)
    assert audit_rows(desk) == [("li", "post", "", "asked"), ("li", "post", "", "failed: OfficeError")]
