"""The file of public keys: keys with their dates, and the id that is derived from each."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from receipts.errors import KeysFault
from receipts.public_keys import PublicKey, key_id, read, write

PUBLIC = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
KEY = PublicKey("EXAMPLE", key_id(PUBLIC), "20261124", "", PUBLIC)
LINE = f"EXAMPLE|{KEY.key}|ed25519|20261124||{PUBLIC}"


def key_of(public: str, from_date: str = "20261124", to_date: str = "") -> PublicKey:
    return PublicKey("EXAMPLE", key_id(public), from_date, to_date, public)


def test_a_file_has_a_line_a_key_and_a_head_for_people() -> None:
    assert write([KEY]) == f"# insurer|key id|algorithm|from|to|public key in hex\n{LINE}\n"
    assert read(write([KEY])) == (KEY,)


def test_the_oldest_key_comes_first_and_blank_lines_do_not_matter() -> None:
    old = key_of("00" * 31 + "01", "20250101", "20261124")
    assert read("\ufeff\r\n" + write([KEY, old]).replace("\n", "\r\n\r\n")) == (old, KEY)


@given(st.lists(st.binary(min_size=32, max_size=32), unique=True, min_size=1))
def test_whatever_is_written_is_read_again(publics: list[bytes]) -> None:
    keys = [key_of(public.hex()) for public in publics]
    assert set(read(write(keys))) == set(keys)


def test_a_key_is_in_force_from_its_first_date_to_its_last() -> None:
    key = key_of(PUBLIC, "20260102", "20260103")
    assert [key.is_in_force(f"2026010{day}") for day in (1, 2, 3, 4)] == [False, True, True, False]
    assert key._replace(to_date="").is_in_force("99991231")


@pytest.mark.parametrize(
    ("good", "bad", "reason"),
    [
        (KEY.key, "AAAAAAAA", "the key id is not that of this public key"),
        (PUBLIC, PUBLIC.replace("d", "e", 1), "the key id is not that of this public key"),
        (PUBLIC, PUBLIC[:-1], "not 64 hex digits"),
        (PUBLIC, PUBLIC.upper(), "not 64 hex digits"),
        ("ed25519", "rsa", "the algorithm is not ed25519"),
        ("20261124", "20261131", "a date is not written YYYYMMDD"),
        ("20261124|", "20261124|2026112", "a date is not written YYYYMMDD"),
        ("20261124|", "20261124|20261123", "its last date is before its first"),
        ("EXAMPLE", "example", "the insurer is not"),
        ("|20261124", "20261124", "not 6 fields"),
        (LINE, f"{LINE}|", "not 6 fields"),
        (LINE, f"{LINE}\n{LINE}", "line 3: this key is there already"),
        (LINE, "", "no public key of receipts is in it"),
    ],
)
def test_a_fault_names_its_line(good: str, bad: str, reason: str) -> None:
    with pytest.raises(KeysFault, match=reason):
        read(write([KEY]).replace(good, bad, 1))
