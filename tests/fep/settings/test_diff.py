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
    assert changes(before, after(before)) == "nothing in the settings"


def test_a_changed_bank_is_named_with_its_changed_settings(before: Settings) -> None:
    differences = after(before, ('name = "The other bank"', 'name = "New"\nmessages_a_second = 7'))
    assert changes(before, differences) == f"banks changed {OTHER_BANK} (name, messages_a_second)"


def test_banks_that_come_and_go_are_named(before: Settings) -> None:
    differences = after(before, (f'code = "{OTHER_BANK}"', 'code = "01040000"'))
    assert changes(before, differences) == f"banks added 01040000; banks removed {OTHER_BANK}"
    assert BANK not in changes(before, differences)


def test_a_changed_section_is_named_and_no_value_of_it(before: Settings) -> None:
    differences = after(before, (SECRET, "another"), ('name = "fep1"', 'name = "fep2"'))
    assert changes(before, differences) == "sections changed node"
