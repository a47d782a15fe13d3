"""Two people decide about a person, each step is written down, and a killed one comes to the same end."""

from __future__ import annotations

from pathlib import Path

import pytest

from customers import decisions
from customers.certificate import certificate_path
from customers.database.schema import audit_log
from customers.errors import CustomersError, NoSuchPerson, NotAllowed, ProposalRefused, SamePerson
from customers.rules.states import Act, PersonState, ProposalState
from ledger.book.audit_log import read_audit_log
from tests.support.customers_desk import Counter


class Killed(BaseException):
    """The process is lost here."""


def acts(counter: Counter) -> list[tuple[str, str, str]]:
    with counter.store.reading() as connection:
        return [(row.by, row.act, row.note) for row in read_audit_log(connection, audit_log)][1:]


def test_a_person_is_restricted_and_released_by_two(loaded: Counter) -> None:
    person = loaded.person()
    loaded.agreed(Act.RESTRICT, person)
    assert loaded.book.state_of(person) is PersonState.RESTRICTED
    loaded.agreed(Act.RELEASE, person)
    assert loaded.book.state_of(person) is PersonState.ACTIVE
    assert acts(loaded)[:3] == [
        ("li", "propose", "proposal 1: restrict: asked for in writing"),
        ("wang", "approve", "proposal 1: restrict"),
        ("wang", "restrict", "proposal 1: restrict"),
    ]


@pytest.mark.parametrize("step", [decisions.approve, decisions.reject])
def test_who_proposed_does_not_decide(loaded: Counter, step: object) -> None:
    decisions.propose(loaded.desk(), "li", loaded.person(), Act.SHRED, "why")
    with pytest.raises(SamePerson, match="li proposed it"):
        step(loaded.desk(), "li", 1)  # type: ignore[operator]
    assert acts(loaded)[-1][2] == "failed: SamePerson"
    assert loaded.book.key_of(loaded.person()) is not None


def test_a_clerk_without_the_permission_neither_proposes_nor_decides(loaded: Counter) -> None:
    with pytest.raises(NotAllowed):
        decisions.propose(loaded.desk(), "guest", loaded.person(), Act.SHRED, "why")
    decisions.propose(loaded.desk(), "li", loaded.person(), Act.SHRED, "why")
    with pytest.raises(NotAllowed):
        decisions.approve(loaded.desk(), "guest", 1)


def test_what_is_rejected_or_withdrawn_changes_nothing(loaded: Counter) -> None:
    person = loaded.person()
    for step, by, state in (
        (decisions.reject, "wang", ProposalState.REJECTED),
        (decisions.withdraw, "li", ProposalState.WITHDRAWN),
    ):
        made = decisions.propose(loaded.desk(), "li", person, Act.SHRED, "why")
        assert step(loaded.desk(), by, made.number).state is state
        with pytest.raises(ProposalRefused, match=f"is {state}: it cannot be approve"):
            decisions.approve(loaded.desk(), "wang", made.number)
    assert loaded.book.state_of(person) is PersonState.ACTIVE


def test_one_proposal_about_a_person_waits_at_a_time(loaded: Counter) -> None:
    decisions.propose(loaded.desk(), "li", loaded.person(), Act.RESTRICT, "why")
    with pytest.raises(ProposalRefused, match="proposal 1 about this person waits already"):
        decisions.propose(loaded.desk(), "wang", loaded.person(), Act.SHRED, "why")


@pytest.mark.parametrize("act", [Act.RELEASE, Act.LOOK])
def test_what_does_not_fit_the_state_is_not_proposed(loaded: Counter, act: Act) -> None:
    with pytest.raises(ProposalRefused, match=f"the person is active: {act} does not fit"):
        decisions.propose(loaded.desk(), "li", loaded.person(), act, "why")


@pytest.mark.parametrize("reason", ["", "  ", "a\nb", "x" * 201])
def test_a_reason_is_one_line(loaded: Counter, reason: str) -> None:
    with pytest.raises(ProposalRefused, match="one line"):
        decisions.propose(loaded.desk(), "li", loaded.person(), Act.SHRED, reason)


def test_an_identity_number_in_a_reason_is_masked_and_one_for_a_person_is_not_kept(loaded: Counter) -> None:
    decisions.propose(loaded.desk(), "li", loaded.person(), Act.SHRED, "he is 11010119900307803X")
    with pytest.raises(NoSuchPerson):
        decisions.propose(loaded.desk(), "li", "11010119900307803X", Act.SHRED, "why")
    with loaded.store.reading() as connection:
        records = list(read_audit_log(connection, audit_log))
    assert "19900307" not in repr(records)
    assert records[-1].subject == ""


def test_a_shredding_is_not_done_twice_and_nothing_follows(loaded: Counter) -> None:
    person = loaded.person()
    done = loaded.agreed(Act.SHRED, person)
    assert decisions.approve(loaded.desk(), "wang", done.number) == done
    assert [act for _, act, _ in acts(loaded)].count("shred") == 1
    for act in Act:
        with pytest.raises(ProposalRefused, match="the person is shredded"):
            decisions.propose(loaded.desk(), "li", person, act, "why")


@pytest.mark.parametrize("place", ["_carry_out", "_destroy_key", "write_certificate"])
def test_a_shredding_that_was_killed_comes_to_the_same_end(
    loaded: Counter, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    """Between approval and deletion, within the deletion, between the deletion and the certificate's file."""
    person = loaded.person()
    decisions.propose(loaded.desk(), "li", person, Act.SHRED, "why")

    def killed(*_arguments: object) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(decisions, place, killed)
        with pytest.raises(Killed):
            decisions.approve(loaded.desk(), "wang", 1)
    gone = place == "write_certificate"
    assert (loaded.book.key_of(person) is None) is gone
    assert not Path(loaded.settings.customers.certificates).exists()
    done = decisions.approve(loaded.desk(), "wang", 1)
    assert (done.state, loaded.book.key_of(person)) == (ProposalState.DONE, None)
    path = certificate_path(Path(loaded.settings.customers.certificates), done)
    assert path.read_text(encoding="utf-8") == done.certificate
    assert [act for _, act, _ in acts(loaded)] == ["propose", "approve", "shred"]


def test_a_certificate_that_was_changed_is_not_written_over(loaded: Counter) -> None:
    done = loaded.agreed(Act.SHRED, loaded.person())
    path = certificate_path(Path(loaded.settings.customers.certificates), done)
    path.write_text("another", encoding="utf-8")
    with pytest.raises(CustomersError, match="is there with another text"):
        decisions.approve(loaded.desk(), "wang", done.number)
    assert path.read_text(encoding="utf-8") == "another"
