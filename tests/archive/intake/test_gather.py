"""A posted date becomes a parcel that proves itself, or waits with each missing piece named."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from sqlalchemy import text

from archive.errors import IntakeRefused, ParcelDiffers
from archive.intake import journal
from archive.intake.gather import Gathered, gather_office, put_in_place
from archive.intake.take import parcel_folder, take_in
from archive.parcel import OFFICE, leaves_of, rows_of
from archive.sealed_line import KeysOfPolicies, PersonKey, open_line, seal
from archive.volume.index import Kind
from customers.sealing import Label, SecretKey
from ledger.book.store import Store
from ledger.rules.entry import holder_digest
from office.receipts.published import published_keys
from receipts.signature import Outcome, verify
from tests.support.archived_days import ARCHIVE, AT, OfficeDays, forgotten, nobody, person_of, persons_of

pytestmark = pytest.mark.slow


def gather(days: OfficeDays, folder: Path, number: int = 0, key_of: KeysOfPolicies = persons_of) -> Gathered:
    with days.books() as books:
        return gather_office(ARCHIVE, days.dates[number], books, key_of, folder)


@pytest.fixture
def altered(office_days: OfficeDays, tmp_path: Path) -> OfficeDays:
    """A copy of the office that a test may change."""
    folder = tmp_path / "altered"
    shutil.copytree(office_days.folder, folder)
    days = object.__new__(OfficeDays)
    days.folder, days.dates = folder, office_days.dates
    days.urls = tuple(f"sqlite:///{folder / name}.db" for name in ("front", "office"))
    days.folders = type(office_days.folders)(*(folder / path.name for path in office_days.folders))
    return days


def change(url: str, *statements: str) -> None:
    """Do to a book what its triggers refuse."""
    store = Store(url, by_index=False)
    with store.transaction() as connection:
        names = connection.scalars(text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).all()
        for name in names:
            connection.execute(text(f"DROP TRIGGER {name}"))
        for statement in statements:
            for each in statement.split("; "):
                connection.execute(text(each))
    store.close()


def test_a_parcels_lines_recompute_the_journals_chain_to_the_days_seal(
    office_days: OfficeDays, tmp_path: Path
) -> None:
    gathered = gather(office_days, tmp_path / "parcel")
    assert gathered.missing == ()
    data = tmp_path / "parcel" / "data" / office_days.dates[0]
    seal = json.loads((data / "seal.json").read_bytes())
    lines = (data / "entries-1.jsonl").read_bytes().splitlines()
    previous = json.loads(lines[0])[-1]
    for line in lines:
        assert json.loads(line)[-1] == previous
        previous = hashlib.sha256(line).hexdigest()
    position = json.loads(lines[-1])[1]
    assert [1, position, previous] in seal["ends"]


def test_no_holders_name_is_in_clear_and_each_opens_with_its_persons_key(
    office_days: OfficeDays, tmp_path: Path
) -> None:
    gather(office_days, tmp_path / "parcel")
    date = office_days.dates[0]
    entries = (tmp_path / "parcel" / "data" / date / "entries-1.jsonl").read_bytes().splitlines()
    by_ref = {f"entries/{fields[0]}/{fields[1]}": fields for fields in map(json.loads, entries)}
    sealed = (tmp_path / "parcel" / "sealed" / f"{date}.jsonl").read_bytes().splitlines()
    assert sealed
    for number, line in enumerate(sealed, 1):
        fields = json.loads(line)
        entry = by_ref[fields["ref"]]
        key = person_of(entry[16])
        assert fields["person"] == key.person
        assert key.secret
        plain = json.loads(open_line(line, key.secret, ARCHIVE, date, number))
        assert holder_digest(plain["salt"], plain["holder"]) == entry[17]
        for path in (tmp_path / "parcel").rglob("*.jsonl"):
            assert plain["holder"].encode() not in path.read_bytes()


def test_each_sealed_line_is_in_its_file_before_the_next_entries_are_read(
    office_days: OfficeDays, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lengths: list[int] = []
    layer = tmp_path / "parcel.new" / "sealed" / f"{office_days.dates[0]}.jsonl.new"

    def large_line(
        secret: SecretKey, label: Label, plain: bytes, archive: str, date: str, number: int
    ) -> bytes:
        line = seal(secret, label, plain + b" " * 100_000, archive, date, number)
        lengths.append(len(line))
        return line

    def keys_of(policies: Sequence[str]) -> Mapping[str, PersonKey]:
        held = sum(lengths) - (layer.stat().st_size if layer.exists() else 0)
        assert held < 100_000, f"{held} bytes of {len(lengths)} lines are not in the file"
        return persons_of(policies)

    monkeypatch.setattr(journal, "seal", large_line)
    monkeypatch.setattr(journal, "POLICIES_AT_ONCE", 1)
    gather(office_days, tmp_path / "parcel", key_of=keys_of)
    assert len(lengths) > 1


def test_the_same_date_is_gathered_to_the_same_bytes(office_days: OfficeDays, tmp_path: Path) -> None:
    first, second = gather(office_days, tmp_path / "one"), gather(office_days, tmp_path / "two")
    assert first == second


def test_every_entry_and_every_bank_file_is_a_leaf_and_every_policy_is_found(
    office_days: OfficeDays, tmp_path: Path
) -> None:
    gather(office_days, tmp_path / "parcel", number=1)
    date = office_days.dates[1]
    entries = (tmp_path / "parcel" / "data" / date / "entries-1.jsonl").read_bytes()
    kinds = [leaf.kind for leaf in leaves_of(tmp_path / "parcel", date)]
    assert kinds.count("entry") == len(entries.splitlines())
    assert (kinds.count("seal"), kinds.count("acts"), kinds.count("bankfile")) == (1, 2, 3)
    assert kinds.count("receipt") > 0
    with office_days.books() as books:
        keys = published_keys(books.office)
    for row in rows_of(tmp_path / "parcel", date):
        record = (tmp_path / "parcel" / row.path).read_bytes()[row.offset : row.offset + row.length]
        if row.path.endswith("receipts.txt"):
            assert verify(record.decode(), keys).outcome is Outcome.GOOD
            assert row.key == record.decode().split("|")[2]
            continue
        fields = json.loads(record)
        assert row.kind is Kind.PERSON or row.key.replace("_", " ") in [str(field) for field in fields]


def test_a_person_who_was_forgotten_has_no_line_and_the_chain_still_holds(
    office_days: OfficeDays, tmp_path: Path
) -> None:
    gathered = gather(office_days, tmp_path / "parcel", key_of=forgotten)
    assert gathered.missing == ()
    assert gathered.digest == gather(office_days, tmp_path / "other").digest
    sealed = tmp_path / "parcel" / "sealed" / f"{office_days.dates[0]}.jsonl"
    assert sealed.read_bytes() == b""


def test_missing_pieces_are_each_named_and_leave_no_folder(altered: OfficeDays, tmp_path: Path) -> None:
    date = altered.dates[0]
    next(iter(altered.folders.files.glob(f"*.{date}.txt"))).unlink()
    (altered.folders.exports / date / "dues.csv").write_bytes(b"another")
    for page in altered.folders.reports.glob(f"{date}.*"):
        page.unlink()
    gathered = gather(altered, tmp_path / "parcel")
    assert [piece.piece for piece in gathered.missing] == [
        "export/dues.csv",
        f"01020000.{date}.txt",
        "reports",
    ]
    assert not (tmp_path / "parcel").exists()
    assert gather(altered, tmp_path / "next", number=1).missing == ()


def test_a_policy_whose_holder_nobody_knows_holds_its_date(office_days: OfficeDays, tmp_path: Path) -> None:
    gathered = gather(office_days, tmp_path / "parcel", key_of=nobody)
    assert gathered.missing
    assert all(piece.piece.startswith("person of ") for piece in gathered.missing)


@pytest.mark.parametrize(
    ("book", "statement"),
    [
        (1, "UPDATE entries SET amount = amount + 1 WHERE position = 2"),
        (1, "DELETE FROM signed_receipts WHERE position = 3; DELETE FROM entries WHERE position = 3"),
        (1, "UPDATE entries SET holder = 'another' WHERE position = 2"),
        (0, "UPDATE days SET closed_at = closed_at + 1 WHERE state = 'closed'"),
        (0, "UPDATE days SET signature = 'ab' || substr(signature, 3) WHERE state = 'closed'"),
    ],
)
def test_what_the_offices_audit_would_refuse_is_refused(
    altered: OfficeDays, tmp_path: Path, book: int, statement: str
) -> None:
    change(altered.urls[book], statement)
    with pytest.raises(IntakeRefused):
        gather(altered, tmp_path / "parcel")
    assert [path.name for path in tmp_path.iterdir()] == ["altered"]


def test_an_intake_again_that_comes_to_another_digest_is_an_alarm_and_overwrites_nothing(
    altered: OfficeDays, tmp_path: Path, on_sqlite: Store
) -> None:
    date, staging = altered.dates[0], tmp_path / "staging"

    def take() -> bool:
        return take_in(
            on_sqlite, staging, date, OFFICE, "Z30", lambda folder: gather(altered, folder), AT
        ).again

    assert (take(), take()) == (False, True)
    folder = parcel_folder(staging, f"{date}-{OFFICE}")
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    change(altered.urls[1], "UPDATE audit_log SET note = 'changed' WHERE number = 2")
    with pytest.raises(ParcelDiffers, match=f"{date}-office"):
        take()
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
    with on_sqlite.reading() as connection:
        acts = connection.scalars(text("SELECT act FROM audit_log ORDER BY number")).all()
    assert acts == ["create", "intake", "alarm"]


def test_a_file_of_lines_above_the_limit_is_put_in_place_in_parts_and_no_other_is_taken(
    tmp_path: Path,
) -> None:
    fresh = tmp_path / "p.new"
    fresh.mkdir()
    (fresh / "receipts.txt").write_bytes(b"12345678\n" * 3)
    (fresh / "seal.json").write_bytes(b"{}\n")
    gathered = put_in_place(fresh, tmp_path / "p", 20)
    assert [(file.path, file.bytes) for file in gathered.files] == [
        ("receipts.p00000001.txt", 18),
        ("receipts.p00000003.txt", 9),
        ("seal.json", 3),
    ]
    (tmp_path / "p" / "page.html").write_bytes(b"x" * 21)
    with pytest.raises(IntakeRefused, match=r"page.html has 21 bytes, 20 at most"):
        put_in_place(tmp_path / "p", tmp_path / "q", 20)
