"""An entry's hash: what stands under it, and that a person can be forgotten without breaking a chain."""

from __future__ import annotations

import hashlib

import pytest

from ledger.book.journal import BrokenLink, broken_links
from ledger.rules.entry import (
    GENESIS,
    SALT_BYTES,
    Entry,
    Kind,
    chain_entries,
    entry_hash,
    forgotten,
    holder_digest,
)
from ledger.rules.view import Chain
from tests.support.builders import entry

SALTS = bytes(range(SALT_BYTES * 3))


def linked() -> tuple[list[Entry], str]:
    return chain_entries([entry(position) for position in (1, 2, 3)], GENESIS, SALTS)


def test_each_entry_has_a_salt_of_its_own_and_the_hash_of_the_one_before() -> None:
    entries, tip = linked()
    assert [entry.salt for entry in entries] == [SALTS[at : at + 16].hex() for at in (0, 16, 32)]
    assert [entry.previous for entry in entries] == [GENESIS, *(entry_hash(entry) for entry in entries[:2])]
    assert tip == entry_hash(entries[-1])


def test_a_holders_digest_is_what_sha256sum_says_of_salt_and_name() -> None:
    salt = "00112233445566778899aabbccddeeff"
    assert holder_digest(salt, "张三") == hashlib.sha256(f"{salt}张三".encode()).hexdigest()


def test_a_chain_is_proved_after_its_persons_were_forgotten() -> None:
    entries, tip = linked()
    anonymous = [forgotten(entry) for entry in entries]
    assert all("张三" not in entry and entry.salt == "" for entry in anonymous)
    assert list(broken_links(anonymous, Chain(1, 1, 3, tip))) == []
    assert forgotten(anonymous[0]) == anonymous[0]


@pytest.mark.parametrize(
    ("stamps", "broken"), [((5, 5, 9), []), ((5, 4, 9), [2]), ((5, 9, 4), [3]), ((9, 5, 4), [2, 3])]
)
def test_stamps_that_go_back_along_a_chain_are_found_though_every_hash_is_right(
    stamps: tuple[int, ...], broken: list[int]
) -> None:
    given = [entry(place, recorded_at=stamp) for place, stamp in enumerate(stamps, 1)]
    entries, tip = chain_entries(given, GENESIS, SALTS)
    faults = list(broken_links(entries, Chain(1, 1, 3, tip)))
    assert faults == [BrokenLink(1, place, "is stamped before the entry before it") for place in broken]


@pytest.mark.parametrize("name", [name for name in Entry._fields if name not in ("chain", "position")])
def test_every_column_of_an_entry_stands_under_its_hash(name: str) -> None:
    first = linked()[0][0]
    value = getattr(first, name)
    other = first._replace(**{name: value + 1 if isinstance(value, int) else f"{value or ''}x"})
    assert entry_hash(other) != entry_hash(first)


@pytest.mark.parametrize("given", [SALTS[:-1], SALTS + b"x", b""])
def test_salts_are_one_for_each_entry(given: bytes) -> None:
    with pytest.raises(ValueError, match="bytes of salt for 3 entries"):
        chain_entries([entry(position) for position in (1, 2, 3)], GENESIS, given)


def test_the_bytes_under_the_hash_are_a_json_array_in_utf_8_without_blanks() -> None:
    first = linked()[0][0]
    digest = holder_digest(first.salt, "张三")
    text = (
        f'[1,1,"{first.key}","collection","0200","500000","01020000","T0000001","B00000000000001","000001",'
        f'"20261124101112","20261124101112","保000001","",120000,"156","P1","{digest}","D1","20261201","",'
        f'"content 000001","20261124",1,"00","","000001","{first.receipt}","",'
        f'"premium","D1",1,null,"{"0" * 64}"]'
    )
    assert entry_hash(first._replace(rrn="保000001")) == hashlib.sha256(text.encode()).hexdigest()
    assert GENESIS == "0" * 64


def test_a_kind_is_written_down_as_its_name() -> None:
    assert [str(kind) for kind in Kind] == [kind.name.lower() for kind in Kind]
