"""What a reload took beside the settings: new ZMKs and certificates, told by what may be said of them."""

from __future__ import annotations

import os
from pathlib import Path

from fep.keys.key_provider import KeyProvider
from fep.keys.keys import KeyKind, checked, zmk_name
from fep.keys.keystore import Keystore, MasterKey
from fep.keys.material import Material, material_of, renewed
from fep.settings.config import Settings
from ledger.rules.secret import Secret
from tests.support.builders import BANK
from tests.support.machine import MASTER_KEY, OTHER_BANK, write_settings


def material(settings: Settings) -> Material:
    return material_of(settings, KeyProvider(settings.keystore))


def test_a_new_zmk_is_told_with_its_bank_and_check_value(tmp_path: Path) -> None:
    settings = write_settings(tmp_path, "sqlite:///none.db")
    before = material(settings)
    assert list(renewed(before, material(settings), "")) == []
    keystore = Keystore(settings.keystore.path, MasterKey(Secret(MASTER_KEY)))
    key = checked(KeyKind.AES, Secret(bytes(range(16))))
    keystore.put(zmk_name(OTHER_BANK), key, os.urandom, replace=True)
    after = material(settings)
    check_value = after.zmks[OTHER_BANK]
    assert before.zmks[OTHER_BANK] != check_value
    assert list(renewed(before, after, "")) == [f"new ZMK of bank {OTHER_BANK}, check value {check_value}"]


def test_the_first_zmk_of_a_bank_is_no_new_one_and_neither_is_one_that_is_gone() -> None:
    assert list(renewed(Material({}, ""), Material({BANK: "ab"}, ""), "")) == []
    assert list(renewed(Material({BANK: "ab"}, ""), Material({}, ""), "")) == []


def test_a_zmk_that_the_token_lacks_is_told_at_each_reload() -> None:
    lacks = f"the token has no ZMK that bank {BANK} can sign on with"
    assert list(renewed(Material({BANK: "ab"}, ""), Material({BANK: ""}, ""), "")) == [lacks]
    assert list(renewed(Material({BANK: ""}, ""), Material({BANK: ""}, ""), "")) == [lacks]
    came = list(renewed(Material({BANK: ""}, ""), Material({BANK: "ab"}, ""), ""))
    assert came == [f"new ZMK of bank {BANK}, check value ab"]


def test_a_new_certificate_is_told_with_its_end() -> None:
    said = list(renewed(Material({}, "one"), Material({}, "two"), "2027-11-24"))
    assert said == ["new certificate of the machine, until 2027-11-24"]
    for before, after in (("", "two"), ("one", ""), ("one", "one")):
        assert list(renewed(Material({}, before), Material({}, after), "2027-11-24")) == []
