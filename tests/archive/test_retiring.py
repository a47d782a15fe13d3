"""A copy leaves while enough good ones stay, or by two people; old media leave for new ones read whole."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest

from archive import keeping, retiring
from archive.catalogue import copies, proposals, volumes
from archive.catalogue.copies import FULL, Check, Copy, Loan
from archive.catalogue.proposals import Act, Decision
from archive.catalogue.schema import audit_log
from archive.errors import ActRefused, SamePerson
from archive.keeping import Actor
from archive.retiring import Migrated
from archive.rules.states import CopyEvent, CopyState, VolumeEvent, VolumeState
from ledger.book.audit_log import read_audit_log
from ledger.book.store import Store
from ledger.errors import LedgerError
from tests.support.archived_days import AT
from tests.support.sealing_room import places

LI = Actor("li", AT)
WANG = Actor("wang", AT)
VOLUME = "QZ-0001"


@pytest.fixture
def folder(sealed_days: Path, tmp_path: Path) -> Path:
    return shutil.copytree(sealed_days, tmp_path / "archive")


def good(store: Store, name: str, place: str, medium: str = "disk") -> None:
    """A copy that was written, read whole and shelved."""
    with store.transaction() as connection:
        copies.add_copy(connection, Copy(name, VOLUME, medium, place, 1, 0, CopyState.WRITTEN))
        checked = copies.record_check(connection, Check(name, AT, "li", FULL, 3, 0, ""))
        copies.put_at(connection, checked, place)


def states(store: Store) -> dict[str, str]:
    with store.reading() as connection:
        return {copy.copy: copy.state.value for copy in copies.copies_of(connection)}


def retire(store: Store, copy: str, wanted: int = 2) -> CopyState:
    return retiring.retire(store, copy, "worn", wanted, LI).state


def test_a_copy_leaves_while_enough_good_ones_stay_at_two_places(store: Store) -> None:
    for name, place in (("C1", "house"), ("C2", "vault"), ("C3", "vault")):
        good(store, name, place)
    for copy, wanted in (("C1", 2), ("C2", 3)):
        with pytest.raises(ActRefused, match=f"{copy} stays: without it fewer than {wanted}"):
            retire(store, copy, wanted)
    assert retire(store, "C2") is CopyState.RETIRED
    with store.reading() as connection:
        records = [row[:5] for row in read_audit_log(connection, audit_log) if row.act == "retire"]
        assert len(records) == 1
        assert volumes.find_volume(connection, VOLUME).state is VolumeState.SAFE
        assert [copy.copy for copy in copies.held_copies(connection, VOLUME)] == ["C1", "C3"]
    with pytest.raises(ActRefused):
        retire(store, "C3")


def test_a_copy_that_nobody_trusts_leaves_and_a_lent_one_comes_back_first(store: Store) -> None:
    for name, place in (("C1", "house"), ("C2", "vault"), ("C3", "barn")):
        good(store, name, place)
    with store.transaction() as connection:
        copies.add_copy(connection, Copy("C4", VOLUME, "bdr", "x", 1, 0, CopyState.WRITTEN))
        copies.record_check(connection, Check("C1", AT, "li", FULL, 3, 1, "data/a"))
        copies.lend(
            connection, copies.find_copy(connection, "C3"), Loan("C3", "auditor", 9, "li", "20261231")
        )
    assert retire(store, "C1") is CopyState.RETIRED
    assert retire(store, "C4") is CopyState.RETIRED
    with pytest.raises(ActRefused, match="C3"):
        retire(store, "C3", 1)
    with pytest.raises(ActRefused, match="copy C3 is lent"):
        retiring.propose_retirement(store, "C3", "worn", LI)


def test_below_the_number_two_people_retire_and_the_database_lets_no_other(
    store: Store, folder: Path
) -> None:
    good(store, "C1", "house")
    good(store, "C2", "vault")
    with pytest.raises(LedgerError), store.transaction() as connection:
        copies.move_copy(connection, copies.find_copy(connection, "C1"), CopyEvent.RETIRE)
    made = retiring.propose_retirement(store, "C1", "the house is sold", LI)
    with pytest.raises(SamePerson):
        keeping.decide(store, places(folder), made.proposal, Decision.APPROVE, LI)
    assert states(store) == {"C1": "shelved", "C2": "shelved"}
    keeping.decide(store, places(folder), made.proposal, Decision.APPROVE, WANG)
    assert states(store) == {"C1": "retired", "C2": "shelved"}
    with store.reading() as connection:
        assert volumes.find_volume(connection, VOLUME).state is VolumeState.WRITTEN


def test_the_media_of_a_destroyed_volume_leave_one_by_one(store: Store) -> None:
    good(store, "C1", "house")
    with store.transaction() as connection:
        made = proposals.propose(connection, Act.DESTROY, VOLUME, "over", "list", "li", AT)
        proposals.decide(connection, made.proposal, Decision.APPROVE, "wang", AT)
        volumes.move(connection, volumes.find_volume(connection, VOLUME), VolumeEvent.DESTROY)
    assert retire(store, "C1") is CopyState.RETIRED


class Burner:
    """A command that copies to a shelf; `spoils` damages what it writes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.written: list[str] = []
        self.spoils = False

    def run(self, arguments: Sequence[str]) -> str:
        image, place = arguments[1:]
        Path(place).mkdir(exist_ok=True)
        data = bytearray(Path(image).read_bytes())
        data[-70_000] ^= self.spoils
        (Path(place) / Path(image).name).write_bytes(data)
        self.written.append(Path(place).name)
        return ""

    def migrate(self, store: Store, *names: str) -> Migrated:
        targets = [str(self.folder.parent / name) for name in names]
        writer = ("burn", "{image}", "{place}")
        return retiring.migrate(
            store, places(self.folder), VOLUME, "bdr", targets, writer, self.run, 2, 365, LI
        )


def test_old_media_leave_once_new_copies_were_read_whole_at_two_places(store: Store, folder: Path) -> None:
    burner = Burner(folder)
    for name, place in (("C1", "house"), ("C2", "vault"), ("C3", "barn")):
        good(store, name, place)
    with store.transaction() as connection:
        copies.lend(
            connection, copies.find_copy(connection, "C3"), Loan("C3", "auditor", 9, "li", "20261231")
        )
    first = burner.migrate(store, "new-house")
    assert (len(first.new), first.retired) == (1, ())
    done = burner.migrate(store, "new-house", "new-vault")
    assert burner.written == ["new-house", "new-vault"]
    assert [copy.copy for copy in done.retired] == ["C1", "C2"]
    assert [copy.copy for copy in done.lent] == ["C3"]
    with store.transaction() as connection:
        copies.put_at(
            connection,
            copies.move_copy(connection, copies.find_copy(connection, "C3"), CopyEvent.RETURN),
            "barn",
        )
        assert volumes.find_volume(connection, VOLUME).state is VolumeState.SAFE
    assert [copy.copy for copy in burner.migrate(store).retired] == ["C3"]
    assert burner.migrate(store).retired == ()


def test_no_old_copy_leaves_for_a_new_one_that_is_faulty(store: Store, folder: Path) -> None:
    burner = Burner(folder)
    for name, place in (("C1", "house"), ("C2", "vault")):
        good(store, name, place)
    burner.migrate(store, "one", "two")
    assert states(store)["C1"] == "retired"
    good(store, "C9", "attic")
    burner.spoils = True
    done = burner.migrate(store, "three")
    assert [check.errors > 0 for check in done.checks] == [True]
    assert states(store)["C9"] == "shelved"
    burner.spoils = False
    assert [copy.copy for copy in burner.migrate(store).retired] == ["C9"]


def test_a_migration_that_was_killed_reads_what_was_written(store: Store, folder: Path) -> None:
    burner = Burner(folder)
    target = folder.parent / "one"
    burner.run(("burn", str(places(folder).image(VOLUME)), str(target)))
    with store.transaction() as connection:
        copies.add_copy(connection, Copy("C1", VOLUME, "bdr", str(target), 1, 0, CopyState.WRITTEN))
    done = burner.migrate(store, "one")
    assert (burner.written, [copy.copy for copy in done.new]) == (["one"], ["C1"])
