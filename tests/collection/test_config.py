"""The settings of collection: what contradicts itself is refused with its key."""

from __future__ import annotations

from pathlib import Path

import pytest

from collection.config import load_settings
from collection.errors import InstallRefused, NoSuchItem, NotAllowed
from collection.install import SAMPLE_CLERKS, install
from ledger.files.settings import SettingsError

_CHANNEL = '[[channel]]\ncode = "91020000"\nbank = "01020000"\nname = "x"\nrequest = "f"\ncodes = "c"\n'
_HEAD = (
    '[collection]\ndatabase = "sqlite:///c.db"\ncustomers = "../customers.toml"\n'
    '[keystore]\nfile = "k"\nmaster_key = "file:m"\n'
)


def test_new_settings_can_be_loaded_and_name_who_may_do_what(tmp_path: Path) -> None:
    path = install(tmp_path / "new")
    settings = load_settings(path)
    assert settings.collection.database == f"sqlite:///{tmp_path}/new/collection.db"
    assert settings.collection.customers == str(tmp_path / "customers" / "customers.toml")
    assert {clerk.name for clerk in settings.clerk} == {name for name, _may in SAMPLE_CLERKS}
    settings.check_may("wang", "approve")
    with pytest.raises(NotAllowed):
        settings.check_may("li", "approve")
    with pytest.raises(NoSuchItem):
        settings.channel_of("91030000")
    with pytest.raises(InstallRefused):
        install(tmp_path / "new")


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        (_CHANNEL + _CHANNEL, "channel: two channels have one code"),
        (_CHANNEL.replace("91020000", "01020000"), "channel[0].code: is the bank's own"),
        (_CHANNEL + "debit = false\n", "channel[0]: takes neither"),
        (_CHANNEL + 'cutof = "21:00"\n', "channel[0].cutof: is no setting; did you mean 'cutoff'?"),
        (_CHANNEL + 'cutoff = "25:00"\n', "channel[0].cutoff"),
        ("[dunning]\ngrace_days = 30\n", "dunning: a reminder or the task comes when the grace has ended"),
        ("[dunning]\npaydays = [29]\n", "dunning.paydays[0]"),
        ('[calendar]\nholidays = ["20261301"]\n', "calendar.holidays"),
        ("[calendar]\nwhole_years = [2031]\n", "calendar.holidays: 20310101 is free by law"),
        ('[[clerk]]\nname = "li"\nmay = ["rob"]\n', "clerk[0].may[0]"),
        ('[[clerk]]\nname = "li"\n[[clerk]]\nname = "li"\n', "clerk: two clerks have one name"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused_with_their_key(
    tmp_path: Path, given: str, fault: str
) -> None:
    path = tmp_path / "collection.toml"
    path.write_text(_HEAD + given, encoding="utf-8")
    with pytest.raises(SettingsError) as caught:
        load_settings(path)
    assert fault in str(caught.value)
