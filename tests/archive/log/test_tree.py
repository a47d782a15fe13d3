"""Roots and proofs are those of RFC 6962, and other people's programs say the same."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymerkle import InmemoryTree

from archive.log.leaf import leaf_hash
from archive.log.tree import (
    Nodes,
    consistency_proof,
    included_root,
    inclusion_proof,
    is_consistent,
    node_hash,
    root,
    subtree_hash,
)

# The leaves and roots of the tests of Google's certificate-transparency (merkletree, SHA-256).
CT_LEAVES = tuple(
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
)
CT_ROOTS = (
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
)


# The proofs of consistency of the same tests: old size, new size, hashes.
CT_PROOFS = (
    (1, 1, ()),
    (
        *(1, 8),
        (
            "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
        ),
    ),
    (
        *(6, 8),
        (
            "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ),
    ),
    (
        *(2, 5),
        (
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        ),
    ),
)


def nodes_over(leaves: tuple[bytes, ...]) -> Nodes:
    hashes = [leaf_hash(leaf) for leaf in leaves]
    return lambda level, index: subtree_hash(hashes[index << level : (index + 1) << level])


def lines(size: int) -> tuple[bytes, ...]:
    return tuple(b"leaf %d" % number for number in range(size))


@pytest.mark.parametrize("size", range(1, 9))
def test_the_root_is_the_published_one(size: int) -> None:
    assert root(size, nodes_over(CT_LEAVES)).hex() == CT_ROOTS[size - 1]


@pytest.mark.parametrize(("old", "new", "hashes"), CT_PROOFS)
def test_the_proof_of_consistency_is_the_published_one(old: int, new: int, hashes: tuple[str, ...]) -> None:
    assert tuple(hashed.hex() for hashed in consistency_proof(old, new, nodes_over(CT_LEAVES))) == hashes


def test_the_root_of_no_leaf_is_the_hash_of_nothing() -> None:
    assert root(0, nodes_over(())) == hashlib.sha256(b"").digest()


@given(st.integers(1, 70), st.data())
def test_another_program_makes_the_same_roots_and_proofs_of_inclusion(size: int, data: st.DataObject) -> None:
    other = InmemoryTree(algorithm="sha256")
    for line in lines(size):
        other.append_entry(line)
    nodes, old = nodes_over(lines(size)), data.draw(st.integers(1, size))
    place = data.draw(st.integers(0, size - 1))
    assert root(size, nodes) == other.get_root()
    assert root(old, nodes) == other.get_root(old)
    beside = [bytes.fromhex(text) for text in other.prove_inclusion(place + 1).serialize()["path"]]
    assert list(inclusion_proof(place, size, nodes)) == beside[1:]


@given(st.integers(1, 600), st.data())
def test_a_leaf_of_the_tree_is_proved_and_no_other(size: int, data: st.DataObject) -> None:
    nodes, place = nodes_over(lines(size)), data.draw(st.integers(0, size - 1))
    proof, top = inclusion_proof(place, size, nodes), root(size, nodes)
    assert included_root(leaf_hash(b"leaf %d" % place), place, size, proof) == top
    assert included_root(leaf_hash(b"another"), place, size, proof) != top
    for other in {place - 1, place + 1, size - 1 - place} - {place}:
        assert included_root(leaf_hash(b"leaf %d" % place), other, size, proof) != top
    for wrong in (proof[:-1], (*proof, top), proof[1:], proof[::-1]):
        if wrong != proof:
            assert included_root(leaf_hash(b"leaf %d" % place), place, size, wrong) != top


@given(st.integers(0, 300), st.integers(0, 300))
def test_a_tree_goes_on_from_each_earlier_one(one: int, other: int) -> None:
    old, new = sorted((one, other))
    nodes = nodes_over(lines(new))
    proof = consistency_proof(old, new, nodes)
    assert is_consistent(old, root(old, nodes), new, root(new, nodes), proof)


@given(st.integers(1, 300), st.integers(1, 300), st.data())
def test_a_tree_does_not_go_on_from_one_that_differs(one: int, other: int, data: st.DataObject) -> None:
    old, new = sorted((one, other))
    changed = data.draw(st.integers(0, old - 1))
    ours = lines(new)
    theirs = (*ours[:changed], b"changed", *ours[changed + 1 :])
    proof = consistency_proof(old, new, nodes_over(ours))
    before, after = root(old, nodes_over(theirs)), root(new, nodes_over(ours))
    assert not is_consistent(old, before, new, after, proof)
    assert not is_consistent(old, root(old, nodes_over(ours)), new, root(new, nodes_over(theirs)), proof)


@given(st.integers(1, 300), st.integers(1, 300), st.data())
def test_a_proof_of_consistency_with_a_changed_hash_proves_nothing(
    one: int, other: int, data: st.DataObject
) -> None:
    old, new = sorted((one, other))
    nodes = nodes_over(lines(new))
    proof = list(consistency_proof(old, new, nodes))
    before, after = root(old, nodes), root(new, nodes)
    assert not is_consistent(old, before, new, after, [*proof, after])
    if proof:
        at = data.draw(st.integers(0, len(proof) - 1))
        assert not is_consistent(old, before, new, after, [*proof[:at], *proof[at + 1 :]])
        proof[at] = hashlib.sha256(proof[at]).digest()
        assert not is_consistent(old, before, new, after, proof)


def test_a_proof_of_another_length_proves_nothing_whatever_its_hashes_are() -> None:
    first, other, third = (hashlib.sha256(bytes([number])).digest() for number in range(3))
    pair = node_hash(first, other)
    triple = node_hash(pair, third)
    assert included_root(first, 0, 2, [other]) == pair
    for size, proof in ((4, [other]), (2, [other, third]), (1, [other])):
        assert included_root(first, 0, size, proof) is None, size
    assert is_consistent(4, first, 8, pair, [other])
    assert not is_consistent(4, first, 16, pair, [other])
    assert not is_consistent(4, first, 8, triple, [other, third])
    assert not is_consistent(5, first, 3, triple, [first, other, third])
    assert not is_consistent(3, first, 5, first, [])
    assert not is_consistent(0, root(0, nodes_over(())), 8, pair, [other])


def test_every_small_tree_goes_on_from_each_earlier_one() -> None:
    nodes = nodes_over(lines(17))
    roots = [root(size, nodes) for size in range(18)]
    for new in range(18):
        for old in range(new + 1):
            proof = consistency_proof(old, new, nodes)
            assert is_consistent(old, roots[old], new, roots[new], proof), (old, new)


def test_nothing_is_consistent_with_a_shorter_tree() -> None:
    nodes = nodes_over(lines(5))
    assert not is_consistent(5, root(5, nodes), 3, root(3, nodes), consistency_proof(3, 5, nodes))
    assert not is_consistent(-1, root(0, nodes), 3, root(3, nodes), ())


def test_a_tree_of_no_leaf_needs_no_proof_but_its_own_root() -> None:
    nodes = nodes_over(lines(3))
    assert is_consistent(0, root(0, nodes), 3, root(3, nodes), ())
    assert not is_consistent(0, root(1, nodes), 3, root(3, nodes), ())
    assert not is_consistent(3, root(3, nodes), 3, root(2, nodes), ())


@pytest.mark.parametrize(("place", "size"), [(-1, 3), (3, 3), (0, 0)])
def test_a_leaf_outside_of_the_tree_has_no_proof(place: int, size: int) -> None:
    with pytest.raises(ValueError, match=f"leaf {place} is not in a tree of {size}"):
        inclusion_proof(place, size, nodes_over(lines(3)))
    assert included_root(leaf_hash(b"leaf 0"), place, size, ()) is None


@pytest.mark.parametrize(("old", "new"), [(-1, 2), (3, 2)])
def test_a_shorter_tree_does_not_go_on_from_a_longer_one(old: int, new: int) -> None:
    with pytest.raises(ValueError, match=f"a tree of {new} does not go on from one of {old}"):
        consistency_proof(old, new, nodes_over(lines(3)))
