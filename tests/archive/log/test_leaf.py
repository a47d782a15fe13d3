"""A leaf is one line of text, and its hash is that of RFC 6962."""

from __future__ import annotations

import hashlib

import pytest

from archive.errors import LogFault
from archive.log.leaf import Leaf, leaf_hash, parse_leaf


def test_a_leafs_hash_covers_its_line_behind_a_zero_byte() -> None:
    leaf = Leaf("entry", "1/8812", "9f" * 32)
    assert leaf.line == b"entry 1/8812 " + b"9f" * 32
    assert leaf.hash == leaf_hash(leaf.line) == hashlib.sha256(b"\0" + leaf.line).digest()


@pytest.mark.parametrize("leaf", [Leaf("entry", "1/8812", "9f" * 32), Leaf("seal", "20261124", "0" * 64)])
def test_a_leaf_is_written_and_read_back(leaf: Leaf) -> None:
    assert parse_leaf(leaf.line.decode()) == leaf


@pytest.mark.parametrize(
    "line",
    [
        "",
        "entry 1/1",
        f"entry 1/1 {'0' * 63}",
        f"entry 1/1 {'A' * 64}",
        f"ENTRY 1/1 {'0' * 64}",
        f"entry 1 1 {'0' * 64}",
        f"entry 1/1 {'0' * 64}\n",
        f"entry 名 {'0' * 64}",
        f"entry  {'0' * 64}",
        f"entry {'x' * 97} {'0' * 64}",
    ],
)
def test_what_is_no_leaf_is_refused(line: str) -> None:
    with pytest.raises(LogFault, match=r"^a leaf is a kind, a name and a SHA-256"):
        parse_leaf(line)
