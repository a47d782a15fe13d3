"""A bank's light by its links, the breaks by their age, the time to the cut-over."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from fep.links.tls import Validity
from fep.settings.config import Bank
from fep.status.host import Certificate
from fep.status.snapshot import (
    Aged,
    CertificateState,
    Light,
    OpenBreaks,
    SnapshotBuilder,
    certificate_state,
    light,
    open_breaks,
    with_certificate,
)
from fep.telemetry.last_seen import NEVER, LastSeen, latest
from fep.telemetry.rates import History
from fep.telemetry.statistics import Statistics
from ledger.files.open_breaks_file import Figures, Outstanding
from tests.support.builders import BANK
from tests.support.snapshots import bank_snapshot


@pytest.mark.parametrize(
    ("links", "signed_on", "silent", "is_hour", "is_enabled", "expected"),
    [
        (2, 2, False, True, True, Light.UP),
        (2, 1, False, True, True, Light.UP),
        (1, 1, False, False, True, Light.UP),
        (2, 2, True, True, True, Light.SILENT),
        (1, 0, False, True, True, Light.UNSIGNED),
        (1, 0, True, True, True, Light.UNSIGNED),
        (0, 0, True, True, True, Light.DOWN),
        (0, 0, True, False, True, Light.CLOSED),
        (0, 0, True, True, False, Light.DISABLED),
        (0, 0, True, False, False, Light.DISABLED),
        (1, 1, False, True, False, Light.UP),
    ],
)
def test_a_light_says_what_its_links_do(
    links: int, signed_on: int, silent: bool, is_hour: bool, is_enabled: bool, expected: Light
) -> None:
    assert light(links, signed_on, silent=silent, is_hour=is_hour, is_enabled=is_enabled) is expected


@pytest.mark.parametrize(
    ("links", "signed_on", "signed_off", "short_links", "is_hour", "is_enabled", "expected"),
    [
        (0, 0, True, False, True, True, Light.SIGNED_OFF),
        (1, 0, True, False, True, True, Light.SIGNED_OFF),
        (2, 1, True, False, True, True, Light.UP),
        (0, 0, True, False, False, True, Light.CLOSED),
        (0, 0, True, False, True, False, Light.DISABLED),
        (0, 0, False, True, True, True, Light.IDLE),
        (1, 0, False, True, True, True, Light.IDLE),
        (1, 1, False, True, True, True, Light.UP),
        (0, 0, True, True, True, True, Light.SIGNED_OFF),
        (0, 0, False, True, False, True, Light.CLOSED),
        (0, 0, False, True, True, False, Light.DISABLED),
    ],
)
def test_a_bank_that_signed_off_or_opens_links_as_it_needs_them_has_a_light_of_its_own(
    links: int,
    signed_on: int,
    signed_off: bool,
    short_links: bool,
    is_hour: bool,
    is_enabled: bool,
    expected: Light,
) -> None:
    shown = light(
        links,
        signed_on,
        silent=False,
        is_hour=is_hour,
        is_enabled=is_enabled,
        signed_off=signed_off,
        short_links=short_links,
    )
    assert shown is expected


class StubLink:
    """A link as a snapshot asks it."""

    def __init__(self, state: str, idle_seconds: float) -> None:
        self.session = SimpleNamespace(state=lambda: state)
        self.idle_seconds = lambda: idle_seconds
        self.last_seen = lambda: NEVER


def test_a_bank_is_silent_by_its_signed_on_links_alone() -> None:
    bank = Bank.model_validate({"code": BANK, "name": "A bank", "port": 0, "networks": ["127.0.0.0/8"]})
    statistics = Statistics()
    server: Any = SimpleNamespace(last_seen={})
    none: Any = None
    overview: Any = SimpleNamespace(figures={})
    history = History(statistics)
    desk: Any = SimpleNamespace(without_zmk={BANK})
    snapshot_builder = SnapshotBuilder(
        none, server, none, statistics, history, none, lambda: 0.0, none, {}, lambda: overview, desk, none
    )
    links: list[Any] = [StubLink("signed on", 70), StubLink("connected", 0)]
    now = datetime(2026, 11, 24, 10, 11, 12, tzinfo=UTC)
    assert snapshot_builder._bank(bank, links, 60, now, 0).light is Light.SILENT
    assert not snapshot_builder._bank(bank, links, 60, now, 0).has_zmk
    links[0].idle_seconds = lambda: 60
    assert snapshot_builder._bank(bank, links, 60, now, 0).light is Light.UP


@pytest.mark.parametrize(
    ("states", "signed_off", "expected"),
    [
        ((), {BANK}, Light.SIGNED_OFF),
        ((), set(), Light.DOWN),
        (("signed off",), set(), Light.SIGNED_OFF),
        (("signed off", "connected"), {BANK}, Light.UNSIGNED),
        (("connected",), {BANK}, Light.UNSIGNED),
        (("signed off", "signed on"), set(), Light.UP),
    ],
)
def test_a_bank_has_signed_off_by_its_links_or_where_it_has_none_by_its_last(
    states: tuple[str, ...], signed_off: set[str], expected: Light
) -> None:
    bank = Bank.model_validate({"code": BANK, "name": "A bank", "port": 0, "networks": ["127.0.0.0/8"]})
    server: Any = SimpleNamespace(signed_off=signed_off)
    none: Any = None
    snapshot_builder = SnapshotBuilder(
        none, server, none, none, none, none, lambda: 0.0, none, {}, lambda: none, none, none
    )
    links: list[Any] = [StubLink(state, 0) for state in states]
    now = datetime(2026, 11, 24, 10, 11, 12, tzinfo=UTC)
    assert snapshot_builder._light(bank, links, 60, now) is expected


def test_a_certificate_has_its_seconds_left_and_its_end_in_beijing() -> None:
    at = datetime(2026, 11, 24, 12, tzinfo=UTC)
    at_us = int(at.timestamp()) * 1_000_000 + 999_999
    begins, ends = at - timedelta(days=9), at + timedelta(days=1)
    valid = certificate_state(Certificate("m.crt", validity=Validity(begins, ends)), at_us)
    assert valid == CertificateState("m.crt", "2026-11-25 20:00", 86_399)
    early = certificate_state(Certificate("m.crt", validity=Validity(ends, ends)), at_us)
    assert early == CertificateState("m.crt", "2026-11-25 20:00", 86_399, 86_399)
    expired = Certificate("m.crt", validity=Validity(begins, begins), is_taken=False)
    assert certificate_state(expired, at_us) == CertificateState(
        "m.crt", "2026-11-15 20:00", -9 * 86_400, is_taken=False
    )
    spoilt = Certificate("m.crt", fault="[tls] bad")
    assert certificate_state(spoilt, at_us) == CertificateState("m.crt", fault="[tls] bad")
    assert certificate_state(None, at_us) is None


def test_a_bank_that_has_shown_no_certificate_has_no_end_of_one() -> None:
    at = datetime(2026, 11, 24, 12, tzinfo=UTC)
    at_us = int(at.timestamp()) * 1_000_000
    assert with_certificate(bank_snapshot(), None, at_us) == bank_snapshot()
    shown = with_certificate(bank_snapshot(), Validity(at, at + timedelta(days=1)), at_us)
    assert shown == bank_snapshot(certificate_seconds=86_400, certificate_until="2026-11-25 20:00")


def test_the_latest_sign_of_life_is_taken_from_each() -> None:
    assert latest(NEVER) == LastSeen(None, None)
    assert latest(NEVER, LastSeen(5.0, None), LastSeen(3.0, 1.0)) == LastSeen(5.0, 1.0)


def test_breaks_are_banded_by_their_age_today() -> None:
    rows = (
        Outstanding("1", "bank_only", "20261124", 1, 10),
        Outstanding("1", "bank_only", "20261123", 2, 20),
        Outstanding("2", "bank_only", "20261122", 4, 40),
        Outstanding("2", "bank_only", "20261117", 8, 80),
        Outstanding("2", "bank_only", "20261116", 16, 160),
        Outstanding("2", "bank_only", "20261025", 32, 320),
        Outstanding("2", "bank_only", "20261024", 64, 640),
        Outstanding("2", "timing", "20261124", 3, 0),
    )
    expected = (Aged("bank_only", (3, 12, 48, 64), 1270), Aged("timing", (3, 0, 0, 0), 0))
    assert open_breaks(Figures(7, rows), "20261124") == OpenBreaks(True, 7, "", expected, 31)


def test_a_break_dated_ahead_of_today_is_a_young_one() -> None:
    shown = open_breaks(Figures(7, (Outstanding("1", "timing", "20261125", 1, 0),)), "20261124")
    assert (shown.classes, shown.oldest_days) == ((Aged("timing", (1, 0, 0, 0), 0),), -1)


def test_no_break_and_no_figures_are_two_things() -> None:
    assert open_breaks(Figures(7, ()), "20261124") == OpenBreaks(True, 7)
    assert open_breaks(None, "20261124") == OpenBreaks(True)
    assert open_breaks(None, "20261124", is_wanted=False) == OpenBreaks(False)
    assert open_breaks("is no JSON", "20261124") == OpenBreaks(True, fault="is no JSON")
