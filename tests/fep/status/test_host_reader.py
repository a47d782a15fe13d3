"""When certificates and disks are read, and which of a bank's certificates counts."""

from __future__ import annotations

from datetime import timedelta

import pytest
from twisted.internet.defer import Deferred

from fep.links.tls import Validity
from fep.settings.config import Bank, Settings
from fep.setup.certificates import VALID
from fep.status.host import Host, read_certificate
from fep.status.host_reader import HostReader
from fep.status.limits import Room
from tests.support.host_files import MADE, ROOM, files

NOW_US = int(MADE.timestamp()) * 1_000_000


def test_the_host_is_read_when_it_is_looked_at_and_what_was_asked_before_new_settings_is_dropped(
    settings: Settings,
) -> None:
    certificate, _ = files(settings)
    asked: list[Deferred[Host]] = []

    def run(*_call: object) -> Deferred[Host]:
        asked.append(Deferred())
        return asked[-1]

    reader = HostReader(lambda: settings, lambda: None, {}, lambda: NOW_US, lambda _: ROOM, run)
    first = reader.latest
    assert first.certificate == read_certificate(settings)
    reader.look()
    reader.look()
    assert (len(asked), reader.latest) == (1, first), "one reading at a time, and none is waited for"
    asked[0].callback(Host())
    assert reader.latest == Host()
    reader.look()
    certificate.unlink()
    told = reader.look_now()
    assert reader.warnings() == [
        f"[tls] certificate_file {certificate}: cannot be read: No such file or directory"
    ]
    asked[1].callback(Host())
    assert reader.latest == told
    reader.look()
    assert len(asked) == 3


@pytest.mark.parametrize(("free", "number"), [(5 << 30, 0), ((5 << 30) - 1, 1)])
def test_a_reload_is_told_of_a_disk_that_is_red(settings: Settings, free: int, number: int) -> None:
    reader = HostReader(lambda: settings, lambda: None, {}, lambda: NOW_US, lambda _: Room(free, 100 << 30))
    assert len(reader.warnings()) == number


def test_a_reading_that_fails_leaves_the_last_one(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = HostReader(lambda: settings, lambda: None, {}, lambda: NOW_US, lambda _: ROOM)
    before = reader.latest
    failing: Deferred[Host] = Deferred()
    monkeypatch.setattr(reader, "_run", lambda *_: failing)
    reader.look()
    failing.errback(RuntimeError("no thread"))
    assert reader.latest == before


def test_of_a_banks_certificates_the_one_that_ends_first_counts_while_its_key_is_pinned(
    settings: Settings,
) -> None:
    first, second = "a" * 64, "b" * 64
    early, late = Validity(MADE, MADE + timedelta(days=9)), Validity(MADE, MADE + VALID)
    values = {"code": "01020000", "name": "A bank", "port": 0, "networks": ["127.0.0.0/8"]}

    def pinned(*pins: str) -> Settings:
        return settings.model_copy(update={"bank": (Bank.model_validate({**values, "pins": pins}),)})

    seen = {"01020000": {first: early, second: late}, "09999999": {first: early}}
    now = pinned(first, second)
    reader = HostReader(lambda: now, lambda: None, seen, lambda: NOW_US, lambda _: ROOM)
    assert reader.bank_ends() == {"01020000": early}
    now = pinned(second)
    assert reader.bank_ends() == {"01020000": late}
    now = pinned("c" * 64)
    assert reader.bank_ends() == {}
