"""A parcel whose files lie in parts is sealed, found, opened, proved, checked and made again as any other."""

from __future__ import annotations

import contextlib
import io
import json
import shutil
from pathlib import Path

import pytest

from archive.catalogue.acts import prepare
from archive.catalogue.parcels import read_parcels
from archive.catalogue.volumes import files_of
from archive.intake.gather import Gathered, gather_office
from archive.intake.take import take_in
from archive.keeping import Actor
from archive.log.note import public_half
from archive.log.proof import check_proof
from archive.lookup import Lookup, parse_item
from archive.medium_check import copy_out
from archive.numbered_files import SUFFIXES, cut
from archive.parcel import OFFICE, digest_of, leaves_of, rows_of
from archive.parcel import files_of as parcel_files
from archive.proving import prove
from archive.rebuild import rebuild
from archive.sealed_line import open_line
from archive.volume.carried import verify
from archive.volume.index import Kind
from ledger.book.store import Store
from tests.support.archived_days import ARCHIVE, AT, OfficeDays, person_of, persons_of
from tests.support.sealing_room import SEED, places, sealing

MOST = 1_000
KEY = public_half(ARCHIVE, SEED)


def cut_below(folder: Path) -> None:
    """Cut every file of lines that is larger than MOST."""
    for path in sorted(path for path in folder.rglob("*") if path.suffix in SUFFIXES):
        if path.stat().st_size > MOST:
            cut(path, MOST)


def records(folder: Path, date: str) -> list[tuple[Kind, str, bytes]]:
    return [
        (row.kind, row.key, (folder / row.path).read_bytes()[row.offset : row.offset + row.length])
        for row in rows_of(folder, date)
    ]


def catalogue(folder: Path) -> Store:
    """The catalogue in a folder; an empty one where none is there."""
    store = Store(f"sqlite:///{folder / 'archive.db'}", by_index=False)
    prepare(store, ARCHIVE, 1, "li")
    return store


@pytest.fixture(scope="module")
def archive(office_days: OfficeDays, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An archive with one volume, of a day in parts; beside it its files and the day's whole ones."""
    date, folder = office_days.dates[0], tmp_path_factory.mktemp("parts")

    def gather(parcel: Path) -> Gathered:
        with office_days.books() as books:
            gather_office(ARCHIVE, date, books, persons_of, parcel)
        shutil.copytree(parcel, folder / "whole")
        cut_below(parcel)
        files = tuple(parcel_files(parcel))
        return Gathered(files, digest_of(files), ())

    store = catalogue(folder)
    take_in(store, places(folder).staging, date, OFFICE, "Z30", gather, AT)
    (sealed,) = sealing(store, folder).run(AT, now=True)
    with store.reading() as connection:
        copy_out(places(folder).image(sealed.volume), files_of(connection, sealed.volume), folder / "disc")
    store.close()
    return folder


def parts(archive: Path, pattern: str) -> list[Path]:
    return sorted((archive / "disc").glob(pattern))


def test_leaves_and_records_are_those_of_the_whole_files(office_days: OfficeDays, archive: Path) -> None:
    date = office_days.dates[0]
    for pattern in ("data/{}/entries-1", "data/{}/acts-office", "data/{}/receipts", "sealed/{}"):
        assert len(parts(archive, f"{pattern.format(date)}.p*")) > 1, pattern
    assert parts(archive, f"data/{date}/bankfiles/*.p*") != []
    disc, whole = archive / "disc", archive / "whole"
    assert list(leaves_of(disc, date)) == list(leaves_of(whole, date))
    assert records(disc, date) == records(whole, date)


def test_the_program_on_the_volume_checks_it_and_sees_a_part_that_is_missing(
    office_days: OfficeDays, archive: Path, tmp_path: Path
) -> None:
    disc = shutil.copytree(archive / "disc", tmp_path / "disc")
    given, said = [str(disc), "--key", KEY.public.hex()], io.StringIO()
    with contextlib.redirect_stdout(said):
        assert verify.main(given) == 0, said.getvalue()
    sorted(disc.glob(f"data/{office_days.dates[0]}/entries-1.p*"))[1].unlink()
    with contextlib.redirect_stdout(said):
        assert verify.main(given) == 1
    assert "WRONG chains" in said.getvalue()


def test_a_name_and_an_entry_of_a_later_part_are_opened_and_proved(
    office_days: OfficeDays, archive: Path
) -> None:
    date, store = office_days.dates[0], catalogue(archive)
    last = parts(archive, f"sealed/{date}.p*")[-1]
    lookup = Lookup(store, places(archive))
    person = json.loads(last.read_bytes().splitlines()[-1])["person"]
    found = lookup.find(Kind.PERSON, person, 100).records
    items = [parse_item(record.item) for record in found if record.path.endswith(last.name)]
    entries = map(json.loads, (archive / f"whole/data/{date}/entries-1.jsonl").read_bytes().splitlines())
    policies = {f"entries/1/{fields[1]}": fields[16] for fields in entries}
    assert items
    for item in items:
        read = lookup.read(item)
        assert read
        secret = person_of(policies[json.loads(read.data)["ref"]]).secret
        assert secret
        number = lookup.line_number(item, read.medium)
        assert b"holder" in open_line(read.data, secret, ARCHIVE, date, number)
    for pattern, kind in (
        (f"data/{date}/entries-1.p*", Kind.KEY),
        (f"data/{date}/receipts.p*", Kind.RECEIPT),
    ):
        line = parts(archive, pattern)[-1].read_bytes().splitlines()[-1]
        key = json.loads(line)[2] if kind is Kind.KEY else line.split(b"|")[2].decode()
        for record in lookup.find(kind, key, 5).records:
            proof = prove(store, places(archive), parse_item(record.item), ARCHIVE, SEED)
            assert check_proof(proof, [KEY]).size > proof.place
    store.close()


def test_a_catalogue_is_made_again_of_parts(archive: Path, tmp_path: Path) -> None:
    shutil.copytree(places(archive).images, places(tmp_path).images)
    before, after = catalogue(archive), catalogue(tmp_path)
    rebuild(after, places(tmp_path), [places(tmp_path).image("QZ-0001")], KEY, Actor("li", AT))
    with before.reading() as one, after.reading() as other:
        assert read_parcels(other) == read_parcels(one)
    before.close()
    after.close()
