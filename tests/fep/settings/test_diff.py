"""What a reload says that it changed: the names of banks and settings, and none of their values."""

from __future__ import annotations

from pathlib import Path

import pytest

from fep.settings.config import Settings, load_settings
from fep.settings.diff import changes
from tests.support.builders import BANK
from tests.support.machine import OTHER_BANK, write_settings

SECRET = "5up3r5ecret"


@pytest.fixture
def before(tmp_path: Path) -> Settings:
    return write_settings(tmp_path, f"postgresql+psycopg://fep:{SECRET}@127.0.0.1/front")


def after(before: Settings, *edits: tuple[str, str]) -> Settings:
    path = before.keystore.path.with_name("qianzhi.toml")
    content = path.read_text()
    for old, new in edits:
        assert old in content
        content = content.replace(old, new, 1)
    path.write_text(content)
    return load_settings(path)


def test_nothing_changed(before: Settings) -> None:
    assert changes(before, after(before)) == ()


def test_a_changed_bank_is_named_with_its_changed_settings(before: Settings) -> None:
    differences = after(before, ('name = "The other bank"', 'name = "New"\nmessages_a_second = 7'))
    assert changes(before, differences) == (f"bank {OTHER_BANK} changed: name, messages_a_second",)


def test_banks_that_come_and_go_are_named(before: Settings) -> None:
    differences = after(before, (f'code = "{OTHER_BANK}"', 'code = "01040000"'))
    assert changes(before, differences) == (f"bank {OTHER_BANK} removed", "bank 01040000 added")


def test_a_bank_that_is_disabled_or_enabled_is_told_as_such_beside_what_else_changed(
    before: Settings,
) -> None:
    name = 'name = "Bank under test"'
    disabled = after(before, (name, f"{name}\nenabled = false\nlinks = 3"))
    assert changes(before, disabled) == (f"bank {BANK} disabled", f"bank {BANK} changed: links")
    assert changes(disabled, before) == (f"bank {BANK} enabled", f"bank {BANK} changed: links")


def test_a_changed_section_is_named_and_no_value_of_it(before: Settings) -> None:
    differences = after(before, (SECRET, "another"), ('name = "fep1"', 'name = "fep2"'))
    assert changes(before, differences) == ("section node changed: name, database",)
