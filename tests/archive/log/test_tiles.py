"""A log's tiles are those of C2SP's tlog-tiles, and every root and proof comes out of them."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from archive.errors import LogFault
from archive.log.leaf import leaf_hash
from archive.log.tiles import Tile, append_hashes, check_tiles, nodes_of, root_of, tiles_of
from archive.log.tree import (
    consistency_proof,
    included_root,
    inclusion_proof,
    is_consistent,
    root,
    subtree_hash,
)

pytestmark = pytest.mark.slow

OWN_FOLDER = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


def hashes(first: int, last: int) -> list[bytes]:
    return [leaf_hash(b"%d" % number) for number in range(first, last)]


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    ("tile", "path"),
    [
        (Tile(0, 0, 256), "tile/0/000"),
        (Tile(0, 5, 3), "tile/0/005.p/3"),
        (Tile(1, 999, 256), "tile/1/999"),
        (Tile(2, 1000, 256), "tile/2/x001/000"),
        (Tile(0, 1234067, 256), "tile/0/x001/x234/067"),  # the specification's own example
        (Tile(0, 1234067, 112), "tile/0/x001/x234/067.p/112"),
    ],
)
def test_a_tile_is_where_the_specification_says(tile: Tile, path: str) -> None:
    assert tile.path == path


def test_a_tree_of_seventy_thousand_has_the_tiles_that_the_specification_counts() -> None:
    tiles = list(tiles_of(70_000))
    assert [tile for tile in tiles if tile.width < 256] == [Tile(0, 273, 112), Tile(1, 1, 17), Tile(2, 0, 1)]
    assert len(tiles) == 273 + 1 + 1 + 1 + 1


def test_a_full_tile_has_one_hash_above_it() -> None:
    assert list(tiles_of(256)) == [Tile(0, 0, 256), Tile(1, 0, 1)]


def test_no_leaf_makes_no_tile(tmp_path: Path) -> None:
    assert list(tiles_of(0)) == []
    assert append_hashes(tmp_path, 0, []) == 0
    assert files(tmp_path) == {}


@OWN_FOLDER
@given(st.lists(st.integers(0, 700), min_size=1, max_size=3))
def test_appended_in_parts_a_log_has_the_tiles_of_the_whole(
    tmp_path_factory: pytest.TempPathFactory, parts: list[int]
) -> None:
    in_parts, whole = tmp_path_factory.mktemp("parts"), tmp_path_factory.mktemp("whole")
    size = 0
    for part in parts:
        size = append_hashes(in_parts, size, hashes(size, size + part))
    assert append_hashes(whole, 0, hashes(0, size)) == size
    expected = {tile.path for tile in tiles_of(size)}
    assert set(files(whole)) == expected
    assert {path: files(in_parts)[path] for path in expected} == files(whole)
    check_tiles(in_parts, size)


def test_the_tiles_give_each_root_and_proof(tmp_path: Path) -> None:
    size = append_hashes(tmp_path, 0, hashes(0, 66_000))
    nodes, leaves = nodes_of(tmp_path, size), hashes(0, size)

    def direct(level: int, index: int) -> bytes:
        return subtree_hash(leaves[index << level : (index + 1) << level])

    assert root_of(tmp_path, size) == root(size, direct)
    for old in (1, 255, 256, 257, 300, 65_535, 65_536, 65_537, 66_000):
        before = root(old, nodes)
        assert before == root(old, direct)
        assert is_consistent(old, before, size, root_of(tmp_path, size), consistency_proof(old, size, nodes))
        place = old - 1
        proof = inclusion_proof(place, size, nodes)
        assert included_root(leaves[place], place, size, proof) == root_of(tmp_path, size)


@pytest.mark.parametrize("first", [1, 255, 256, 257, 511, 512, 700])
def test_the_tiles_of_later_leaves_prove_these_and_what_went_before(tmp_path: Path, first: int) -> None:
    whole, part, size = tmp_path / "whole", tmp_path / "part", 800
    append_hashes(whole, 0, hashes(0, size))
    for tile in tiles_of(size, first):
        (part / tile.path).parent.mkdir(parents=True, exist_ok=True)
        (part / tile.path).write_bytes((whole / tile.path).read_bytes())
    nodes = nodes_of(part, size)
    assert root(first, nodes) == root(first, nodes_of(whole, size))
    assert consistency_proof(first, size, nodes) == consistency_proof(first, size, nodes_of(whole, size))
    for place in range(first, size):
        assert inclusion_proof(place, size, nodes) == inclusion_proof(place, size, nodes_of(whole, size))
    check_tiles(part, size, first)


def test_a_run_that_was_killed_is_run_again_to_the_same_files(tmp_path: Path) -> None:
    append_hashes(tmp_path, 0, hashes(0, 300))

    def killed() -> None:
        def half() -> object:
            yield from hashes(300, 700)
            raise KeyboardInterrupt

        append_hashes(tmp_path, 300, half())  # type: ignore[arg-type]

    with pytest.raises(KeyboardInterrupt):
        killed()
    append_hashes(tmp_path, 300, hashes(300, 900))
    whole = tmp_path / "whole"
    append_hashes(whole, 0, hashes(0, 900))
    assert {tile.path: (tmp_path / tile.path).read_bytes() for tile in tiles_of(900)} == files(whole)


def test_a_missing_tile_is_named(tmp_path: Path) -> None:
    append_hashes(tmp_path, 0, hashes(0, 600))
    (tmp_path / "tile/0/001").unlink()
    with pytest.raises(LogFault, match=r"^tile/0/001 cannot be read: "):
        inclusion_proof(300, 600, nodes_of(tmp_path, 600))


@pytest.mark.parametrize("change", [-1, 1])
def test_a_tile_of_another_length_is_named(tmp_path: Path, change: int) -> None:
    append_hashes(tmp_path, 0, hashes(0, 600))
    tile = tmp_path / "tile/0/002.p/88"
    tile.write_bytes((tile.read_bytes() + b"\0")[: 88 * 32 + change])
    with pytest.raises(LogFault, match=rf"^tile/0/002.p/88 has {88 * 32 + change} bytes, not {88 * 32}$"):
        append_hashes(tmp_path, 600, hashes(600, 601))


def test_a_changed_byte_of_a_full_tile_is_found(tmp_path: Path) -> None:
    append_hashes(tmp_path, 0, hashes(0, 600))
    tile = tmp_path / "tile/0/001"
    data = bytearray(tile.read_bytes())
    data[4000] ^= 1
    tile.write_bytes(data)
    with pytest.raises(LogFault, match=r"^tile/0/001 is not what the tile above it says$"):
        check_tiles(tmp_path, 600)
