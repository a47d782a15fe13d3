"""Mandates: entered, signed, suspended, resumed, ended; the account is nowhere in clear."""

from __future__ import annotations

import pytest

from collection import mandate_end, mandates
from collection.errors import ActRefused, NoSuchItem, NotAllowed
from collection.mandates import Account, Evidence
from collection.rules.mandate import AccountKind, SignedBy
from collection.rules.states import MandateState
from customers.rules.states import Act
from tests.support.collection_desk import ACCOUNT, AGREEING, EVIDENCE, FACTORY_ACCOUNT, Room
from tests.support.customers_desk import OTHER_POLICY, POLICY


def states(room: Room) -> list[str]:
    return [mandate.state.value for mandate in room.mandates()]


def test_a_mandate_is_a_draft_until_the_payer_signed(room: Room) -> None:
    added = mandates.add(room.desk(), room.wanted())
    assert (added.mandate, added.state, added.tail) == ("M0000001", MandateState.DRAFT, "3445")
    signed = mandates.sign(room.desk(), added.mandate, EVIDENCE)
    assert (signed.state, signed.evidence_digest, signed.signed_by) == (
        MandateState.ACTIVE,
        EVIDENCE.digest,
        "paper",
    )


def test_the_payer_pays_and_the_holder_where_there_is_none(room: Room) -> None:
    assert room.mandate().payer == room.customers.person(POLICY)
    other = room.mandate(OTHER_POLICY)
    assert (other.person, other.payer) == (
        room.customers.person(OTHER_POLICY),
        room.customers.person(OTHER_POLICY, "payer"),
    )


def test_no_account_and_no_name_stands_in_a_column_in_clear(room: Room) -> None:
    room.mandate()
    for table in ("mandates", "events", "audit_log"):
        rows = str(room.rows(f"SELECT * FROM {table}"))  # noqa: S608 - of a tuple above
        assert ACCOUNT.number not in rows, table
        assert ACCOUNT.name not in rows, table
    assert repr(ACCOUNT) == "Account(...)"


def test_accounts_are_opened_under_each_payers_key_alone(room: Room) -> None:
    names = [room.mandate().mandate, room.mandate(OTHER_POLICY).mandate]
    with room.store.reading() as connection:
        opened = mandates.open_accounts(room.desk(), connection, names)
    assert opened == {names[0]: ACCOUNT, names[1]: FACTORY_ACCOUNT}
    room.customers.agreed(Act.SHRED, room.customers.person(OTHER_POLICY, "payer"))
    with room.store.reading() as connection:
        opened = mandates.open_accounts(room.desk(), connection, names)
    assert opened == {names[0]: ACCOUNT, names[1]: mandates.NO_ACCOUNT}


def test_a_policy_has_one_active_mandate_for_a_purpose(room: Room) -> None:
    first = room.mandate()
    second = mandates.add(room.desk(), room.wanted())
    with pytest.raises(ActRefused, match="M0000001 of this policy is active"):
        mandates.sign(room.desk(), second.mandate, EVIDENCE)
    mandate_end.suspend(room.desk(), first.mandate, "moved abroad")
    mandates.sign(room.desk(), second.mandate, EVIDENCE)
    with pytest.raises(ActRefused, match="M0000002 of this policy is active"):
        mandates.resume(room.desk(), first.mandate, EVIDENCE)


def test_a_suspended_mandate_is_resumed_by_new_evidence_and_a_cancelled_one_never(room: Room) -> None:
    name = room.mandate().mandate
    mandate_end.suspend(room.desk(), name, "card lost")
    new = Evidence("f" * 64, SignedBy.PORTAL)
    resumed = mandates.resume(room.desk(), name, new)
    assert (resumed.state, resumed.evidence_digest) == (MandateState.ACTIVE, new.digest)
    mandate_end.cancel(room.desk(), name, "asked by telephone")
    for step in (mandates.resume, mandates.sign):
        with pytest.raises(ActRefused, match="is cancelled"):
            step(room.desk(), name, new)
    assert [row[0] for row in room.rows("SELECT event FROM events ORDER BY number")] == [
        *("add", "sign", "suspend", "resume", "cancel")
    ]


def test_where_the_bank_must_agree_a_signature_alone_is_not_enough(room: Room) -> None:
    added = mandates.add(room.desk(), room.wanted(channel=AGREEING))
    assert mandates.send(room.desk(), AGREEING) == ()
    signed = mandates.sign(room.desk(), added.mandate, EVIDENCE)
    assert signed.state is MandateState.DRAFT
    [(sent, account)] = mandates.send(room.desk(), AGREEING)
    assert (sent.state, account) == (MandateState.SENT, ACCOUNT)
    assert mandates.send(room.desk(), AGREEING) == ((sent, account),)  # the bank has not answered
    assert mandates.agree(room.desk(), added.mandate).state is MandateState.ACTIVE
    other = mandates.add(room.desk(), room.wanted(OTHER_POLICY, channel=AGREEING))
    mandates.sign(room.desk(), other.mandate, EVIDENCE)
    mandates.send(room.desk(), AGREEING)
    assert mandates.refuse(room.desk(), other.mandate, "no such account").state is MandateState.REFUSED


def test_what_cannot_be_collected_is_not_entered(room: Room) -> None:
    cases = (
        ({"kind": AccountKind.CREDIT}, "takes no credit"),
        ({"account": Account("12", "x")}, "the account: not 6 to 34"),
        ({"account": Account("6222020200112233445", "")}, "the account holder's name"),
        ({"limit_fen": -1}, "a limit"),
        ({"valid_to": "20200101"}, "a term"),
    )
    for changes, reason in cases:
        with pytest.raises(ActRefused, match=reason):
            mandates.add(room.desk(), room.wanted(**changes))
    with pytest.raises(NoSuchItem, match="no channel"):
        mandates.add(room.desk(), room.wanted(channel="99999999"))
    with pytest.raises(NoSuchItem, match="nobody holds"):
        mandates.add(room.desk(), room.wanted("P9"))
    assert room.mandates() == ()


def test_a_restricted_persons_account_is_not_entered(room: Room) -> None:
    room.customers.agreed(Act.RESTRICT, room.customers.person())
    with pytest.raises(ActRefused, match="is restricted or forgotten"):
        mandates.add(room.desk(), room.wanted())


def test_evidence_is_a_digest(room: Room) -> None:
    name = mandates.add(room.desk(), room.wanted()).mandate
    with pytest.raises(ActRefused, match="evidence is a SHA-256"):
        mandates.sign(room.desk(), name, Evidence("scan.pdf", SignedBy.PAPER))


def test_a_mandate_that_is_over_or_unused_for_36_months_expires(room: Room) -> None:
    room.mandate(valid_to="20271231")
    room.mandate(OTHER_POLICY, valid_from="20250601")
    for today, expected in (("20271231", ["active"] * 2), ("20280101", ["expired", "active"])):
        with room.store.transaction() as connection:
            mandates.expire(room.desk(), connection, today)
        assert states(room) == expected, today
    with room.store.transaction() as connection:
        mandates.note_use(connection, ["M0000002"], "20280301")
        assert mandates.expire(room.desk(), connection, "20310228") == ()
        assert mandates.expire(room.desk(), connection, "20310301") == ("M0000002",)


def test_who_may_not_is_refused_and_the_refusal_is_recorded(room: Room) -> None:
    with pytest.raises(NotAllowed):
        mandates.add(room.desk("guest"), room.wanted())
    assert room.rows('SELECT "by", act, note FROM audit_log') == [
        ("guest", "mandate add", "failed: NotAllowed")
    ]
