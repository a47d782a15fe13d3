"""`python -m bench.archive`: what a volume costs to make, to check and to find a record in.

An index of so many records by a generator, with look-ups warm and cold; a volume of so many entries from a
staged folder to an image that was read again, with the records of random keys read from the image; and the
parity of a set, with one image restored. Prints the figures, the peak of memory, and how it was run.
"""

from __future__ import annotations

import argparse
import base64
import os
import platform
import resource
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from shutil import copyfile
from typing import NamedTuple

from archive.volume import image
from archive.volume.build import Completed, complete
from archive.volume.description import VolumeDescription
from archive.volume.index import Hit, Index, IndexRow, Kind, Place, index_path, line_bytes, write_indexes
from archive.volume.parity import restore, write_parity
from archive.volume.reader import open_volume

SHARE = 16
"""A policy of the index has on average so many records."""
LOG = "bench.example/archive"
FILE_LINES = 1_500_000
"""Entries in one file of a volume: below its largest size."""


def main() -> None:
    """Run the parts that are asked for and print the figures."""
    parser = argparse.ArgumentParser(prog="python -m bench.archive", description=__doc__)
    parser.add_argument("--records", type=int, default=200_000, help="of the index; 0: leave it out")
    parser.add_argument("--entries", type=int, default=50_000, help="of the volume; 0: leave it out")
    parser.add_argument("--look-ups", type=int, default=2_000)
    parser.add_argument("--folder", type=Path, help="on the disk to be measured; else the system's for such")
    given = parser.parse_args()
    print(f"{platform.machine()}, {os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}, {given}")
    with tempfile.TemporaryDirectory(prefix="qianzhi-bench-archive-", dir=given.folder) as name:
        folder = Path(name)
        if given.records:
            _index(folder / "index", given.records, given.look_ups)
        if given.entries:
            _volume(folder, given.entries, given.look_ups)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(f"most memory at any time: {peak / 1024:.0f} MB")


def _policy(number: int) -> str:
    return f"P{number * 2_654_435_761 % 2**40:015d}"


def _index(folder: Path, records: int, look_ups: int) -> None:
    folder.mkdir()
    places = {"data/a": Place(1, 10**12)}
    rows = (
        IndexRow(Kind.POLICY, _policy(number // SHARE), "data/a", number * 450, 450)
        for number in range(records)
    )
    spent = _timed(lambda: write_indexes(folder, 7, rows, places))
    path = folder / index_path(Kind.POLICY)
    _say("index of {} records", str(spent), _rate(records, spent, "lines"), count=records)
    _say("  size", f"{path.stat().st_size / 1e6:,.0f} MB", f"{line_bytes(Kind.POLICY)} bytes a record")
    random = Random(1)
    keys = [_policy(random.randrange(max(records // SHARE, 1))) for _ in range(look_ups)]
    with Index(Kind.POLICY, path) as index:
        _say("  look-up, warm", *_percentiles([_timed(lambda key=key: index.look_up(key)) for key in keys]))
        _say("  look-up, cold", *_percentiles([_cold(path, index, key) for key in keys[:200]]))


def _cold(path: Path, index: Index, key: str) -> Spent:
    """What a look-up takes after the system forgot what it has in memory of the index."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    return _timed(lambda: index.look_up(key))


def _volume(folder: Path, entries: int, look_ups: int) -> None:
    bag, path = folder / "bag", folder / "QZ-0007.iso"
    staged = _timed(lambda: _stage(bag, entries))
    made: list[Completed] = []
    build = _timed(lambda: made.append(complete(bag, _description(entries), _rows(bag), _signed)))
    written = _timed(lambda: image.write(bag, path))
    checked = _timed(lambda: image.check(path, made[0].all_files))
    size = path.stat().st_size
    _say("volume of {} entries", f"{size / 1e6:,.0f} MB", f"staged in {staged}", count=entries)
    _say("  indexes, sums, note", str(build), f"image {written}", f"read again {checked}")
    _say("  all together", str(build + written + checked), f"check {_rate(size / 1e6, checked, 'MB')}")
    idx = sum((bag / index_path(kind)).stat().st_size for kind in Kind)
    _say(
        "  indexes", f"{idx / 1e6:,.1f} MB", f"{100 * idx / made[0].description.payload:.1f} % of the payload"
    )
    _records(path, made[0], bag, look_ups, entries)
    _parity(folder, path)


def _stage(bag: Path, entries: int) -> None:
    (bag / "data" / "20260901").mkdir(parents=True)
    filler = "x" * 330
    for start in range(0, entries, FILE_LINES):
        with (bag / "data" / "20260901" / f"entries-{start // FILE_LINES + 1}.jsonl").open("w") as file:
            for number in range(start, min(start + FILE_LINES, entries)):
                file.write(
                    f'[1,{number},"K{number:014}","{_policy(number // SHARE)}","R{number:014}","{filler}"]\n'
                )


def _rows(bag: Path) -> Iterator[IndexRow]:
    """The rows of three kinds, out of the files, as an archive derives them."""
    for path in sorted(bag.glob("data/*/entries-*.jsonl")):
        offset, where = 0, path.relative_to(bag).as_posix()
        with path.open("rb") as file:
            for line in file:
                key, policy, receipt = line.decode().split('"')[1:6:2]
                for kind, value in ((Kind.KEY, key), (Kind.POLICY, policy), (Kind.RECEIPT, receipt)):
                    yield IndexRow(kind, value, where, offset, len(line))
                offset += len(line)


def _records(path: Path, made: Completed, bag: Path, look_ups: int, entries: int) -> None:
    """Records of random keys: found in the index, read from the image, proved."""
    random = Random(2)
    keys = [f"K{random.randrange(entries):014}" for _ in range(look_ups)]
    opening = _timed(lambda: _open_once(path, made.note))
    with Index(Kind.KEY, bag / index_path(Kind.KEY)) as index, open_volume(path, made.note) as volume:

        def read(key: str) -> None:
            (hit,) = index.look_up(key).hits
            assert volume.record(Kind.KEY, key, Hit(*hit))

        warm = [_timed(lambda key=key: read(key)) for key in keys]
        cold = []
        for key in keys[:100]:
            with path.open("rb") as file:
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
            cold.append(_timed(lambda key=key: read(key)))
    _say("  record from the image, warm", *_percentiles(warm), f"opening {1e3 * opening.wall:.1f} ms")
    _say("  record from the image, cold", *_percentiles(cold))


def _open_once(path: Path, note: str) -> None:
    with open_volume(path, note) as volume:
        assert volume.files


def _parity(folder: Path, path: Path) -> None:
    """The parity of four images of this size, one of which is restored."""
    images = {"QZ-0007": path}
    for number in (8, 9, 10):
        images[f"QZ-{number:04}"] = folder / f"{number}.iso"
        copyfile(path, images[f"QZ-{number:04}"])
        os.truncate(images[f"QZ-{number:04}"], path.stat().st_size - 2_048 * number)
    made = _timed(lambda: write_parity(images, folder / "parity"))
    others = {name: each for name, each in images.items() if name != "QZ-0007"}
    restored = _timed(lambda: restore(others, folder / "parity", "QZ-0007", folder / "again.iso"))
    size = path.stat().st_size / 1e6
    assert (folder / "again.iso").stat().st_size == path.stat().st_size
    _say("parity of 4 such images", _rate(4 * size, made, "MB read"), str(made))
    _say("  one restored", _rate(4 * size, restored, "MB read"), str(restored))


def _description(entries: int) -> VolumeDescription:
    root = base64.b64encode(bytes(32)).decode()
    counts = {"parcels": 1, "entries": entries, "receipts": entries, "persons_sealed": 0, "log_size": 0}
    return VolumeDescription(
        **{"volume": "QZ-0007", "place": "1 of 4+1", "retention": "Z30"},
        **{"first_date": "20260901", "last_date": "20260901", "log": LOG, "log_root": root},
        **{"previous": "none", "made": "2026-10-09T02:11:00Z", "version": "bench"},
        **counts,
    )


def _signed(text: bytes) -> str:
    return f"{text.decode()}\n\u2014 {LOG} {base64.b64encode(bytes(68)).decode()}\n"


class Spent(NamedTuple):
    """Seconds on the clock, and seconds of this process's processor: others may have had the machine."""

    wall: float
    cpu: float

    def __str__(self) -> str:
        return f"{self.wall:.1f} s ({self.cpu:.1f} s CPU)"

    def __add__(self, other: object) -> Spent:
        assert isinstance(other, Spent)
        return Spent(self.wall + other.wall, self.cpu + other.cpu)


def _timed(work: Callable[[], object]) -> Spent:
    begin, cpu = time.perf_counter(), time.process_time()
    work()
    return Spent(time.perf_counter() - begin, time.process_time() - cpu)


def _percentiles(spent: list[Spent]) -> tuple[str, ...]:
    figures = []
    for name, values in (("", [each.wall for each in spent]), ("CPU ", [each.cpu for each in spent])):
        ordered = sorted(values)
        last = ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)]
        figures.append(f"{name}p50 {1e3 * statistics.median(ordered):.3f} ms p99 {1e3 * last:.3f} ms")
    return tuple(figures)


def _rate(count: float, spent: Spent, what: str) -> str:
    return f"{count / spent.wall:,.0f} {what} a second ({count / spent.cpu:,.0f} of CPU)"


def _say(what: str, *figures: str, count: int = 0) -> None:
    print(f"{what.format(f'{count:,}'):34} {'  '.join(figures)}")


if __name__ == "__main__":
    main()
