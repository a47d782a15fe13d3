"""Papers of contracts are kept from the end in the newest list of the core, and while one goes on."""

from __future__ import annotations

from pathlib import Path

import pytest

from archive.catalogue import proposals, volumes
from archive.catalogue.ends import ContractEnd, add_policies, ends_on, follow_ends
from archive.catalogue.schema import audit_log
from archive.catalogue.volumes import CatalogueFile, Volume
from archive.errors import ActRefused, DocumentRefused, ParcelDiffers
from archive.intake.ends import EndsTaken, parse_ends, take_ends, waiting_ends
from archive.keeping import Actor, propose_destruction
from archive.rules.retention import shipped
from archive.rules.states import VolumeState
from ledger.book.audit_log import read_audit_log
from ledger.book.store import Store

LI = Actor("li", 5)
HEAD = "policy,class,ended\n"
OPEN = Volume(
    *("QZ-0001", "B?", VolumeState.OPEN, "20260923", "20260924", 7, "none", 0, 0, 0, 0, "", "", ""),
    *(0, "", "", ""),
)


@pytest.fixture
def kept(catalogue: Store) -> Store:
    """A catalogue with a volume that has papers of the policies P1 and P2, and one of none."""
    with catalogue.transaction() as connection:
        for name, policies in (("QZ-0001", ("P2", "P1", "P1")), ("QZ-0002", ())):
            volumes.open_volume(connection, OPEN._replace(volume=name))
            sealed = OPEN._replace(volume=name, manifest="ab", root="cd", note="n", image_sha256="ef")
            volumes.seal_volume(connection, sealed, [CatalogueFile(name, 1, "data/a", 9, "ab", 4096)])
            add_policies(connection, name, policies)
    return catalogue


def take(store: Store, inbox: Path, date: str, *lines: str) -> EndsTaken:
    (inbox / f"ends.{date}.csv").write_text(HEAD + "".join(f"{line}\n" for line in lines), encoding="utf-8")
    return take_ends(store, inbox, date, shipped(), 3)


def destroy_after(store: Store) -> list[str]:
    with store.reading() as connection:
        return [volume.destroy_after for volume in volumes.read_volumes(connection)]


def test_a_volume_is_kept_until_the_last_of_its_contracts_has_been_over_for_its_years(
    kept: Store, tmp_path: Path
) -> None:
    assert take(kept, tmp_path, "20261231", "P1,B10,20260401", "P9,B5,20200101").volumes == {}
    with pytest.raises(ActRefused, match="of 1 of its policies no end is known, such as P2"):
        propose_destruction(kept, "QZ-0001", "over", "20991231", LI)
    assert take(kept, tmp_path, "20271231", "P2,B5,20271101").volumes == {"QZ-0001": "20360401"}
    assert destroy_after(kept) == ["20360401", ""]
    with pytest.raises(ActRefused, match="up to and with 20360401"):
        propose_destruction(kept, "QZ-0001", "over", "20360401", LI)
    made = propose_destruction(kept, "QZ-0001", "over", "20360402", LI)
    assert made.list.splitlines() == [
        "ab  data/a",
        "policy P1, B10, ended 20260401",
        "policy P2, B5, ended 20271101",
    ]
    with pytest.raises(ActRefused, match="no day yet"):
        propose_destruction(kept, "QZ-0002", "over", "20991231", LI)


def test_of_a_policy_the_newest_list_counts_whenever_it_comes(kept: Store, tmp_path: Path) -> None:
    take(kept, tmp_path, "20281231", "P1,B10,20280101", "P2,B10,20280601")
    assert destroy_after(kept)[0] == "20380601"
    assert take(kept, tmp_path, "20261231", "P1,B10,20260101", "P2,B10,").volumes == {}
    assert take(kept, tmp_path, "20291231", "P2,B10,").volumes == {"QZ-0001": ""}
    with kept.reading() as connection:
        assert ends_on(connection, "QZ-0001") == (
            ContractEnd("P1", "B10", "20280101"),
            ContractEnd("P2", "B10", ""),
        )
        records = [(row.act, row.subject, row.note[:9]) for row in read_audit_log(connection, audit_log)]
    assert records[-2:] == [("ends", "20291231", "1 policie"), ("destroy after", "QZ-0001", "not known")]


def test_a_volume_that_is_sealed_after_the_list_follows_it(kept: Store, tmp_path: Path) -> None:
    take(kept, tmp_path, "20271231", "P3,B5,20271101")
    with kept.transaction() as connection:
        add_policies(connection, "QZ-0002", ["P3"])
        assert follow_ends(connection, shipped(), "QZ-0002") == {"QZ-0002": "20321101"}


def test_a_list_is_taken_once_and_another_of_its_date_is_refused(kept: Store, tmp_path: Path) -> None:
    for _again in range(2):
        taken = take(kept, tmp_path, "20271231", "P1,B5,20271101", "P2,B5,20271101")
        assert taken.policies == 2
    assert taken.volumes == {}
    with pytest.raises(ParcelDiffers, match="20271231"):
        take(kept, tmp_path, "20271231", "P1,B5,20200101")
    assert destroy_after(kept)[0] == "20321101"


def test_an_end_that_is_taken_back_stops_a_destruction_that_was_proposed(kept: Store, tmp_path: Path) -> None:
    from archive.catalogue.proposals import Decision
    from archive.keeping import decide
    from archive.sealing import Places

    take(kept, tmp_path, "20271231", "P1,B5,20201101", "P2,B5,20201101")
    made = propose_destruction(kept, "QZ-0001", "over", "20271231", LI)
    take(kept, tmp_path, "20281231", "P1,B5,")
    with pytest.raises(ActRefused, match="such as P1"):
        decide(kept, Places(tmp_path, tmp_path), made.proposal, Decision.APPROVE, Actor("wang", 2 * 10**15))
    with kept.reading() as connection:
        assert proposals.open_proposal(connection, made.proposal)


def test_the_first_line_with_a_fault_is_named_and_nothing_is_kept() -> None:
    faults = {
        "P1,B10": "line 3: not 3 columns",
        "P 1,B10,20260101": "line 3: ",
        "P1,Z30,20260101": "line 3: the class is none of B10, B5",
        "P1,B?,20260101": "line 3: the class is none of B10, B5",
        "P1,B10,20260230": "line 3: the end is no date",
        "P1,B10,20270101": "line 3: the end is after the list's date 20261231",
        "P0,B10,20260101": "line 3: this policy is listed before",
    }
    for line, fault in faults.items():
        with pytest.raises(DocumentRefused, match=fault):
            parse_ends(f"{HEAD}P0,B5,20260101\n{line}\n".encode(), "20261231", shipped())
    for data in (b"", HEAD.encode(), b"\xff", b"policy,ended\nP1,20260101\n", b'policy,class,ended\n"P'):
        with pytest.raises(DocumentRefused):
            parse_ends(data, "20261231", shipped())


def test_lists_wait_under_their_own_name_with_a_date(tmp_path: Path) -> None:
    for name in (
        "ends.20271231.csv",
        "ends.20261231.csv",
        "ends.20261301.csv",
        "ends.csv",
        "ends.20251231.csv.new",
    ):
        (tmp_path / name).write_bytes(b"")
    assert waiting_ends(tmp_path) == ("20261231", "20271231")
