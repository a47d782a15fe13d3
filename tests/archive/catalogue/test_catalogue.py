"""The catalogue keeps its states, and the database itself refuses what no table of states leads to."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from archive.catalogue import copies, parcels, proposals, volumes
from archive.catalogue.acts import MACHINE, prepare, write_access, write_record
from archive.catalogue.copies import FULL, SAMPLE, Check, Copy, Loan
from archive.catalogue.proposals import Act, Decision
from archive.catalogue.schema import accesses, audit_log
from archive.catalogue.volumes import Volume
from archive.errors import ActRefused, NoSuchItem, SamePerson
from archive.rules.states import CopyEvent, CopyState, VolumeEvent, VolumeState
from ledger.book.audit_log import broken_records, read_audit_log
from ledger.book.store import Store
from ledger.errors import LedgerError
from tests.support.archived_days import ARCHIVE

DAY = 86_400_000_000
OPEN = Volume(
    "QZ-0001",
    "Z30",
    VolumeState.OPEN,
    "20260923",
    "20260924",
    7,
    "none",
    0,
    0,
    0,
    0,
    "",
    "",
    "",
    0,
    "",
    "",
    "",
)
SEALED = OPEN._replace(
    leaves=5, files=3, bytes=9, manifest="ab", root="cd", note="n", image_bytes=9, image_sha256="ef"
)


def seal(store: Store) -> None:
    with store.transaction() as connection:
        volumes.open_volume(connection, OPEN)
        volumes.seal_volume(
            connection, SEALED, [volumes.CatalogueFile("QZ-0001", 1, "data/a", 9, "ab", 4096)]
        )


def state(store: Store) -> VolumeState:
    with store.reading() as connection:
        return volumes.find_volume(connection, "QZ-0001").state


def add(store: Store, name: str, place: str) -> None:
    with store.transaction() as connection:
        copies.add_copy(connection, Copy(name, "QZ-0001", "disk", place, 1, 0, CopyState.WRITTEN))


def check(store: Store, name: str, at: int = 2, kind: str = FULL, errors: int = 0) -> CopyState:
    with store.transaction() as connection:
        given = Check(name, at, "li", kind, 3, errors, "data/a" if errors else "")
        copies.record_check(connection, given)
        copies.checked_in_time(connection, "QZ-0001", at, 365)
        return copies.find_copy(connection, name).state


def test_a_volume_is_safe_with_two_verified_copies_at_two_places_and_no_longer_with_one(
    catalogue: Store,
) -> None:
    seal(catalogue)
    add(catalogue, "QZ-0001-C1", "house")
    assert state(catalogue) is VolumeState.WRITTEN
    check(catalogue, "QZ-0001-C1")
    add(catalogue, "QZ-0001-C2", "house")
    check(catalogue, "QZ-0001-C2")
    assert state(catalogue) is VolumeState.WRITTEN
    with catalogue.transaction() as connection:
        copies.put_at(connection, copies.find_copy(connection, "QZ-0001-C2"), "vault")
    assert state(catalogue) is VolumeState.SAFE
    assert check(catalogue, "QZ-0001-C1", kind=SAMPLE, errors=1) is CopyState.SUSPECT
    assert state(catalogue) is VolumeState.WRITTEN


def test_a_copy_that_once_gave_a_wrong_byte_is_never_good_again(catalogue: Store) -> None:
    seal(catalogue)
    add(catalogue, "QZ-0001-C1", "house")
    assert check(catalogue, "QZ-0001-C1", errors=1) is CopyState.SUSPECT
    assert check(catalogue, "QZ-0001-C1") is CopyState.SUSPECT
    with pytest.raises(ActRefused), catalogue.transaction() as connection:
        copies.put_at(connection, copies.find_copy(connection, "QZ-0001-C1"), "vault")


def test_a_copy_not_read_for_a_year_is_due_and_read_whole_it_is_not(catalogue: Store) -> None:
    seal(catalogue)
    for name, place in (("QZ-0001-C1", "house"), ("QZ-0001-C2", "vault")):
        add(catalogue, name, place)
        check(catalogue, name, at=DAY)
    year = 366 * DAY
    with catalogue.transaction() as connection:
        assert copies.mark_due(connection, year - 1, 365) == ()
        assert [volume.volume for volume in copies.mark_due(connection, year, 365)] == ["QZ-0001"]
    check(catalogue, "QZ-0001-C1", at=year)
    assert state(catalogue) is VolumeState.DUE
    check(catalogue, "QZ-0001-C2", at=year)
    assert state(catalogue) is VolumeState.SAFE


def test_a_lent_copy_comes_back_to_the_shelf(catalogue: Store) -> None:
    seal(catalogue)
    add(catalogue, "QZ-0001-C1", "house")
    check(catalogue, "QZ-0001-C1")
    with catalogue.transaction() as connection:
        copy = copies.put_at(connection, copies.find_copy(connection, "QZ-0001-C1"), "shelf 4")
        copies.lend(connection, copy, Loan(copy.copy, "auditor", 9, "li", "20261231"))
        assert copies.find_copy(connection, copy.copy).state is CopyState.LENT
        loan = copies.last_loan(connection, copy.copy)
        assert loan is not None
        assert loan.to == "auditor"
        copies.move_copy(connection, copies.find_copy(connection, copy.copy), CopyEvent.RETURN)
        assert copies.find_copy(connection, copy.copy).state is CopyState.SHELVED


def test_a_hold_keeps_a_volume_until_two_people_release_it(catalogue: Store) -> None:
    seal(catalogue)
    with catalogue.transaction() as connection:
        hold = proposals.add_hold(connection, "QZ-0001", "lawsuit", "li", 1)
        made = proposals.propose(connection, Act.RELEASE, str(hold.hold), "it is over", "", "li", 2)
    with pytest.raises(LedgerError), catalogue.transaction() as connection:
        proposals.release(connection, hold.hold, 3)
    for spelling in ("li", "LI", "Li"):
        with pytest.raises(SamePerson), catalogue.transaction() as connection:
            proposals.decide(connection, made.proposal, Decision.APPROVE, spelling, 3)
    with catalogue.transaction() as connection:
        proposals.decide(connection, made.proposal, Decision.APPROVE, "wang", 3)
        proposals.release(connection, hold.hold, 3)
        assert proposals.open_holds(connection) == ()
    with pytest.raises(ActRefused), catalogue.transaction() as connection:
        proposals.decide(connection, made.proposal, Decision.REJECT, "zhao", 4)


def test_the_same_act_is_proposed_once_and_what_is_not_there_is_named(catalogue: Store) -> None:
    with catalogue.transaction() as connection:
        proposals.propose(connection, Act.DESTROY, "QZ-0001", "over", "data/a", "li", 1)
    with pytest.raises(ActRefused, match="proposed already"), catalogue.transaction() as connection:
        proposals.propose(connection, Act.DESTROY, "QZ-0001", "again", "data/a", "wang", 1)
    with catalogue.reading() as connection:
        for missing in (volumes.find_volume, copies.find_copy):
            with pytest.raises(NoSuchItem, match="QZ-0009"):
                missing(connection, "QZ-0009")
        with pytest.raises(NoSuchItem, match="7"):
            proposals.open_proposal(connection, 7)


REFUSED = {
    "a volume of no state": "UPDATE volumes SET state = 'gone'",
    "a step that no table has": "UPDATE volumes SET state = 'due'",
    "safe without copies": "UPDATE volumes SET state = 'safe'",
    "destroyed by one person": "UPDATE volumes SET state = 'destroyed'",
    "a sealed volume changed": "UPDATE volumes SET manifest = 'other'",
    "a volume deleted": "DELETE FROM volumes",
    "a copy deleted": "DELETE FROM copies",
    "a parcel deleted": "DELETE FROM parcels",
    "a copy shelved unverified": "UPDATE copies SET state = 'shelved'",
    "a copy born verified": "INSERT INTO copies VALUES ('c', 'QZ-0001', 'disk', 'p', 1, 1, 'verified')",
    "a parcel complete": "INSERT INTO parcels VALUES ('20260101', 'x', 'Z30', 'complete', 1, 1, 'd', '', 0)",
    "a parcel sealed at once": "UPDATE parcels SET state = 'sealed', digest = 'd', volume = 'v'",
    "a file changed": "UPDATE files SET sha256 = 'other'",
    "a file deleted": "DELETE FROM files",
    "an act changed": "UPDATE audit_log SET note = 'other'",
    "an access deleted": "DELETE FROM accesses",
    "a release by nobody": "INSERT INTO releases VALUES (1, 5)",
    "a decision by who proposed": "INSERT INTO decisions VALUES (1, 'approve', 'li', 5, '')",
    "a decision by them in capitals": "INSERT INTO decisions VALUES (1, 'approve', 'LI', 5, '')",
}


def test_the_database_itself_refuses_what_no_rule_leads_to(catalogue: Store) -> None:
    seal(catalogue)
    add(catalogue, "QZ-0001-C1", "house")
    with catalogue.transaction() as connection:
        parcels.expect(connection, "20260923", "office", "Z30")
        proposals.add_hold(connection, "QZ-0001", "lawsuit", "li", 1)
        proposals.propose(connection, Act.RELEASE, "1", "over", "", "li", 2)
        write_access(connection, 1, "li", "get", "QZ-0001", "asked")
    for name, statement in REFUSED.items():
        try:
            with catalogue.transaction() as connection:
                connection.execute(text(statement))
        except LedgerError:
            continue
        pytest.fail(f"{name} was let through")


def test_a_copy_that_a_volume_needs_is_retired_by_two_people(catalogue: Store) -> None:
    seal(catalogue)
    retired = text("UPDATE copies SET state = 'retired' WHERE copy = 'QZ-0001-C1'")
    for name, place in (("QZ-0001-C1", "house"), ("QZ-0001-C2", "vault"), ("QZ-0001-C3", "vault")):
        add(catalogue, name, place)
        check(catalogue, name)
    with pytest.raises(LedgerError), catalogue.transaction() as connection:
        connection.execute(retired)
    with catalogue.transaction() as connection:
        made = proposals.propose(connection, Act.RETIRE, "QZ-0001-C1", "sold", "", "li", 1)
    with pytest.raises(LedgerError), catalogue.transaction() as connection:
        connection.execute(retired)
    with catalogue.transaction() as connection:
        proposals.decide(connection, made.proposal, Decision.APPROVE, "wang", 2)
        connection.execute(retired)


def test_what_two_people_decided_and_no_hold_forbids_is_destroyed(catalogue: Store) -> None:
    seal(catalogue)
    with catalogue.transaction() as connection:
        made = proposals.propose(connection, Act.DESTROY, "QZ-0001", "over", "data/a", "li", 1)
        proposals.decide(connection, made.proposal, Decision.APPROVE, "wang", 2, "certificate")
        hold = proposals.add_hold(connection, "QZ-0001", "lawsuit", "li", 3)
    with pytest.raises(LedgerError), catalogue.transaction() as connection:
        volumes.move(connection, volumes.find_volume(connection, "QZ-0001"), VolumeEvent.DESTROY)
    with catalogue.transaction() as connection:
        ended = proposals.propose(connection, Act.RELEASE, str(hold.hold), "over", "", "li", 4)
        proposals.decide(connection, ended.proposal, Decision.APPROVE, "wang", 5)
        proposals.release(connection, hold.hold, 5)
        volumes.move(connection, volumes.find_volume(connection, "QZ-0001"), VolumeEvent.DESTROY)
    assert state(catalogue) is VolumeState.DESTROYED


def test_both_records_are_chained_and_a_catalogue_is_that_of_one_archive(catalogue: Store) -> None:
    with catalogue.transaction() as connection:
        for number in range(3):
            write_record(connection, number, MACHINE, "act", "s", "")
            write_access(connection, number, "li", "get", "s", "asked")
    with catalogue.reading() as connection:
        for table in (audit_log, accesses):
            assert list(broken_records(read_audit_log(connection, table))) == []
    prepare(catalogue, ARCHIVE, 5, "li")
    with pytest.raises(ActRefused, match="other/archive"):
        prepare(catalogue, "other/archive", 5, "li")
