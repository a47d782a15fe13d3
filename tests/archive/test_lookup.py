"""What was sealed is found by its keys and read right; what is damaged or foreign is named, not served."""

from __future__ import annotations

import json
import shutil
from os import SEEK_CUR
from pathlib import Path

import pytest

from archive.catalogue.volumes import files_of
from archive.errors import NoSuchItem, NothingServed, VolumeFault
from archive.log.note import public_half
from archive.log.proof import check_proof, parse_proof
from archive.lookup import Lookup, parse_item
from archive.merged_index import live_volumes
from archive.proving import prove
from archive.volume.index import Kind
from ledger.book.store import Store
from tests.support.archived_days import ARCHIVE, OfficeDays, person_of
from tests.support.sealing_room import SEED, places, sealing

pytestmark = pytest.mark.slow


@pytest.fixture
def folder(sealed_days: Path, tmp_path: Path) -> Path:
    return shutil.copytree(sealed_days, tmp_path / "archive")


def entries(days: OfficeDays) -> list[tuple[object, ...]]:
    """The entries of both days, as the office has them."""
    from sqlalchemy import select

    from office.database.schema import entries as table

    with days.books() as books:
        query = select(table).where(table.c.business_date.in_(days.dates))
        return [tuple(row) for row in books.office.execute(query)]


@pytest.mark.slow
def test_each_key_of_each_entry_finds_it_and_what_is_read_is_the_entry(
    office_days: OfficeDays, folder: Path, store: Store
) -> None:
    lookup = Lookup(store, places(folder))
    read: dict[str, list[object]] = {}
    for entry in entries(office_days):
        for kind, key in (
            (Kind.KEY, entry[2]),
            (Kind.POLICY, entry[16]),
            (Kind.DUE, entry[18]),
            (Kind.RECEIPT, entry[27]),
        ):
            if not key:
                continue
            found = lookup.find(kind, str(key), 100)
            for record in found.records:
                if record.item not in read:
                    got = lookup.read(parse_item(record.item))
                    assert got is not None
                    assert got.faults == ()
                    is_receipt = record.path.endswith("receipts.txt")
                    read[record.item] = [] if is_receipt else json.loads(got.data)
            assert [entry[0], entry[1]] in [read[record.item][:2] for record in found.records]
    assert lookup.find(Kind.POLICY, "none", 10).records == ()


def test_a_find_is_narrowed_by_dates_and_a_persons_lines_are_found_by_the_person(
    office_days: OfficeDays, folder: Path, store: Store
) -> None:
    lookup = Lookup(store, places(folder))
    first, second = office_days.dates
    policies = {str(entry[16]) for entry in entries(office_days) if entry[17]}
    policy = next(p for p in sorted(policies) if lookup.find(Kind.POLICY, p, 10).records)
    dates = {record.date for record in lookup.find(Kind.POLICY, policy, 100).records}
    for date in (first, second):
        narrowed = {record.date for record in lookup.find(Kind.POLICY, policy, 100, date, date).records}
        assert narrowed == dates & {date}
    lines = lookup.find(Kind.PERSON, person_of(policy).person, 100).records
    assert lines
    assert all(record.path.startswith("sealed/") for record in lines)


def any_item(lookup: Lookup, office_days: OfficeDays) -> str:
    return lookup.find(Kind.KEY, str(entries(office_days)[0][2]), 1).records[0].item


def damage(image: Path, offset: int) -> None:
    with image.open("r+b") as stream:
        stream.seek(offset)
        byte = stream.read(1)
        stream.seek(offset)
        stream.write(bytes([byte[0] ^ 1]))


def test_a_damaged_image_is_named_and_the_next_copy_is_read(
    office_days: OfficeDays, folder: Path, store: Store, tmp_path: Path
) -> None:
    lookup = Lookup(store, places(folder))
    item = parse_item(any_item(lookup, office_days))
    file, image = lookup.file_of(item), places(folder).image("QZ-0001")
    good = shutil.copy(image, tmp_path / "copy.iso")
    damage(image, file.image_offset + item.offset)
    with pytest.raises(NothingServed, match=f"QZ-0001.iso: {file.path}: block"):
        lookup.read(item)
    read = lookup.read(item, [image, Path(good)])
    assert read is not None
    assert read.medium == Path(good)
    assert len(read.faults) == 1


def test_a_swapped_disc_is_named_and_a_missing_one_is_nothing(
    office_days: OfficeDays, folder: Path, store: Store
) -> None:
    lookup, here = Lookup(store, places(folder)), places(folder)
    item = parse_item(any_item(lookup, office_days))
    here.image("QZ-0001").unlink()
    assert lookup.read(item) is None
    shutil.copy(here.image("QZ-0002"), here.image("QZ-0001"))
    with pytest.raises(NothingServed, match="this is QZ-0002, and not QZ-0001"):
        lookup.read(item)


def test_an_index_that_lies_is_named_and_nothing_of_it_is_served(
    office_days: OfficeDays, folder: Path, store: Store
) -> None:
    lookup = Lookup(store, places(folder))
    key = str(entries(office_days)[0][2])
    (index,) = places(folder).index.glob("*/key.idx")
    text = index.read_bytes()
    for old, new in ((b" 0001 ", b" 0009 "), (b" 0002 ", b" 0007 ")):
        text = text.replace(old, new)
    index.write_bytes(text)
    found = lookup.find(Kind.KEY, key, 10)
    assert found.records == ()
    assert "names what volume" in found.faults[0]
    with index.open("ab") as stream:
        stream.write(b"x")
    with pytest.raises(VolumeFault, match="not whole lines"):
        lookup.find(Kind.KEY, key, 10)


def test_an_index_that_leads_to_another_keys_record_is_named_and_nothing_of_it_is_served(
    office_days: OfficeDays, folder: Path, store: Store
) -> None:
    lookup = Lookup(store, places(folder))
    first, second = (str(entry[2]) for entry in entries(office_days)[:2])
    (index,) = places(folder).index.glob("*/key.idx")
    lines = index.read_bytes().splitlines(keepends=True)
    at = {line.split()[0].decode(): line for line in lines}
    index.write_bytes(b"".join(lines).replace(at[first][48:], at[second][48:]))
    found = lookup.find(Kind.KEY, first, 10)
    assert found.records == ()
    assert "another key's record" in found.faults[0]


@pytest.mark.parametrize(
    "item", ["QZ-0001", "QZ-0001/1/2", "QZ-0001/1/2/3/4", "../1/2/3", "QZ-0001/99/0/1", "QZ-0009/1/0/1"]
)
def test_what_is_no_item_is_refused(folder: Path, store: Store, item: str) -> None:
    with pytest.raises(NoSuchItem):
        Lookup(store, places(folder)).file_of(parse_item(item))


def test_every_entry_is_proved_under_the_newest_checkpoint(
    office_days: OfficeDays, folder: Path, store: Store
) -> None:
    lookup, key = Lookup(store, places(folder)), public_half(ARCHIVE, SEED)
    given = entries(office_days)
    for entry in (given[0], given[-1]):
        item = parse_item(lookup.find(Kind.KEY, str(entry[2]), 1).records[0].item)
        proof = prove(store, places(folder), item, ARCHIVE, SEED)
        checkpoint = check_proof(parse_proof(str(proof).encode()), [key])
        assert proof.leaf.name == f"{entry[0]}/{entry[1]}"
        assert checkpoint.size > proof.place
    with store.reading() as connection:
        sealed = next(file for file in files_of(connection, "QZ-0001") if file.path.startswith("sealed/"))
    with pytest.raises(NoSuchItem, match="no leaf of its own"):
        prove(store, places(folder), parse_item(f"QZ-0001/{sealed.number}/0/10"), ARCHIVE, SEED)


def test_an_index_that_its_image_does_not_have_as_sealed_is_never_merged(store: Store, folder: Path) -> None:
    with store.reading() as connection:
        index = live_volumes(connection)[0].indexes[Kind.RECEIPT]
    image = places(folder).image("QZ-0001")
    with image.open("r+b") as file:
        file.seek(
            index.image_offset + index.bytes - 2
        )  # the last digit of a length: still a line of an index
        digit = file.read(1)
        file.seek(-1, SEEK_CUR)
        file.write(b"1" if digit != b"1" else b"2")
    shutil.rmtree(places(folder).index)
    with pytest.raises(VolumeFault, match=r"index/receipt\.idx is not what was sealed"):
        sealing(store, folder).tidy()
