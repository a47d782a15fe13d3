"""What is wrong is said, the worst first; what is in order is not spoken of."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from fep.status.alarms import RULES, Alarm, alarms
from fep.status.host import Disk
from fep.status.limits import Room, Severity
from fep.status.snapshot import Aged, CertificateState, Light, OpenBreaks, Queue, ResponseCount, State
from fep.status.webpage import shipped
from tests.support.builders import BANK
from tests.support.snapshots import OTHER, bank_snapshot, snapshot

RED, YELLOW = Severity.RED, Severity.YELLOW


def queue(waiting: int) -> Queue:
    return Queue(waiting, 4096, 0, 0, 0, 0, 0, 0)


def banks(**changes: object) -> dict[str, Any]:
    return {"banks": (bank_snapshot(**changes), bank_snapshot(OTHER))}


def breaks(oldest_days: int) -> OpenBreaks:
    return OpenBreaks(True, 1, "", (Aged("bank_only", (0, 0, 1, 0), 5),), oldest_days)


DAY = 86_400
FILE = "/keys/machine.crt"


def certificate(**changes: object) -> dict[str, Any]:
    """A certificate that is valid for another year, but for these changes."""
    return {"certificate": replace(CertificateState(FILE, seconds_left=365 * DAY), **changes)}


def disk(free: int, size: int = 100 << 30) -> dict[str, Any]:
    return {"disks": (Disk(("book", "keystore"), "/var/lib", room=Room(free, size)),)}


WRONG: tuple[tuple[dict[str, Any], Alarm], ...] = (
    ({"state": State.STOPPED}, Alarm(RED, "stopped")),
    ({"state": State.DOUBT}, Alarm(RED, "doubt")),
    ({"state": State.NO_DAY, "business_date": ""}, Alarm(RED, "no_day")),
    ({"state": State.NO_DATABASE, "away_seconds": 7}, Alarm(RED, "database", figure=7)),
    ({"token_seconds": 3}, Alarm(RED, "token", figure=3)),
    ({"away_seconds": 0}, Alarm(RED, "database", figure=0)),
    ({"clock": "the wall clock jumped 40 s back"}, Alarm(RED, "clock")),
    *(
        ({"seconds_left": -60, "waits": name}, Alarm(RED, f"cutover_{name}", figure=60))
        for name in ("clock", "calendar", "dues", "late", "near")
    ),
    ({"seconds_left": 0, "waits": "dues"}, Alarm(RED, "cutover_dues", figure=0)),
    ({"seconds_left": None, "waits": "dues"}, Alarm(RED, "cutover_dues", figure=0)),
    ({"seconds_left": -60}, Alarm(RED, "cutover_fails", figure=60)),
    ({"queue": queue(2048)}, Alarm(RED, "queue", figure=2048)),
    ({"responses": (ResponseCount("96", 9, 2),)}, Alarm(RED, "faults", figure=2)),
    ({"responses": (ResponseCount("91", 9, 3),)}, Alarm(RED, "unavailable", figure=3)),
    (
        certificate(fault="no such file", seconds_left=None),
        Alarm(RED, "certificate_fault", subject="no such file"),
    ),
    (certificate(seconds_until_valid=1), Alarm(RED, "certificate_early", figure=1, subject=FILE)),
    (certificate(seconds_left=0), Alarm(RED, "certificate_expired", figure=0, subject=FILE)),
    (
        certificate(seconds_left=-303 * DAY - 5),
        Alarm(RED, "certificate_expired", figure=303, subject=FILE),
    ),
    (certificate(seconds_left=1), Alarm(RED, "certificate_ends_soon", figure=0, subject=FILE)),
    (certificate(seconds_left=7 * DAY), Alarm(RED, "certificate_ends_soon", figure=7, subject=FILE)),
    (certificate(seconds_left=7 * DAY + 1), Alarm(YELLOW, "certificate_ends", figure=7, subject=FILE)),
    (certificate(seconds_left=30 * DAY), Alarm(YELLOW, "certificate_ends", figure=30, subject=FILE)),
    (certificate(is_taken=False), Alarm(YELLOW, "certificate_waits", subject=FILE)),
    (banks(certificate_seconds=0), Alarm(RED, "bank_certificate_expired", BANK, 0)),
    (banks(certificate_seconds=-303 * DAY - 5), Alarm(RED, "bank_certificate_expired", BANK, 303)),
    (banks(certificate_seconds=7 * DAY), Alarm(RED, "bank_certificate_ends_soon", BANK, 7)),
    (banks(certificate_seconds=7 * DAY + 1), Alarm(YELLOW, "bank_certificate_ends", BANK, 7)),
    (banks(certificate_seconds=30 * DAY), Alarm(YELLOW, "bank_certificate_ends", BANK, 30)),
    ({"disks": (Disk(("log",), "/x", fault="gone"),)}, Alarm(RED, "disk_fault", subject="gone")),
    (disk((256 << 20) - 1, 1 << 30), Alarm(RED, "disk_full", figure=255, subject="/var/lib")),
    (disk((5 << 30) - 1), Alarm(RED, "disk_full", figure=5119, subject="/var/lib")),
    (disk(5 << 30, 1 << 40), Alarm(YELLOW, "disk_fills", figure=5120, subject="/var/lib")),
    (disk(5 << 30), Alarm(YELLOW, "disk_fills", figure=5120, subject="/var/lib")),
    (disk((20 << 30) - 1), Alarm(YELLOW, "disk_fills", figure=20_479, subject="/var/lib")),
    (disk((2 << 30) - 1, 4 << 30), Alarm(YELLOW, "disk_fills", figure=2047, subject="/var/lib")),
    (banks(light=Light.DOWN, heard_seconds=7), Alarm(RED, "bank_down", BANK, 7)),
    (banks(light=Light.DOWN, heard_seconds=None), Alarm(RED, "bank_down", BANK)),
    (banks(has_zmk=False), Alarm(RED, "bank_without_zmk", BANK)),
    (banks(light=Light.UNSIGNED, heard_seconds=1), Alarm(YELLOW, "bank_unsigned", BANK, 1)),
    (banks(light=Light.SILENT, heard_seconds=70), Alarm(YELLOW, "bank_silent", BANK, 70)),
    (banks(mac_lately=2), Alarm(YELLOW, "bad_mac", BANK, 2)),
    (banks(unfit=1_000_050, unfit_alarm=1_000_050), Alarm(YELLOW, "unfit", BANK, 10_000)),
    ({"locked_dues": 1}, Alarm(YELLOW, "dues_locked", figure=1)),
    (banks(misses=60), Alarm(YELLOW, "misses", BANK, 60)),
    (banks(held_lately=3), Alarm(YELLOW, "refusals", BANK, 3)),
    ({"refused_lately": 4}, Alarm(YELLOW, "refused", figure=4)),
    ({"cutover": "", "seconds_left": None, "today": "20261125"}, Alarm(YELLOW, "day_old")),
    ({"untold_year": 2027, "today": "20261201"}, Alarm(YELLOW, "calendar_ends", figure=31)),
    ({"untold_year": 2026, "business_date": "20261231"}, Alarm(YELLOW, "calendar_ends", figure=0)),
    ({"breaks": OpenBreaks(True, fault="is no JSON")}, Alarm(YELLOW, "breaks_unknown")),
    ({"breaks": breaks(8)}, Alarm(YELLOW, "breaks_old", figure=8)),
)


@pytest.mark.parametrize(("changes", "alarm"), WRONG)
def test_what_is_wrong_is_said(changes: dict[str, Any], alarm: Alarm) -> None:
    assert alarms(snapshot(**changes)) == (alarm,)


IN_ORDER: tuple[dict[str, Any], ...] = (
    {},
    {"seconds_left": -59},
    {"queue": queue(2047)},
    {"responses": (ResponseCount("96", 9, 0), ResponseCount("91", 9, 0), ResponseCount("12", 5, 5))},
    banks(light=Light.CLOSED, links=0, heard_seconds=None),
    banks(light=Light.SIGNED_OFF, links=0, heard_seconds=700),
    banks(light=Light.IDLE, links=0, heard_seconds=700),
    banks(light=Light.DISABLED, links=0, heard_seconds=None),
    banks(mac_failures=5),
    banks(unfit=999_999, unfit_alarm=1_000_000),
    banks(unfit=0, unfit_alarm=0),
    {"refused": 4},
    {"cutover": "", "seconds_left": None},
    {"cutover": "", "seconds_left": None, "business_date": ""},
    {"cutover": "", "seconds_left": None, "business_date": "20261125"},
    {"today": "20261125"},
    {"breaks": OpenBreaks(True)},
    {"breaks": breaks(7)},
    certificate(),
    certificate(seconds_left=30 * DAY + 1),
    banks(certificate_seconds=30 * DAY + 1),
    banks(certificate_seconds=None),
    disk(20 << 30),
    disk(20 << 30, 1 << 40),
    disk(2 << 30, 4 << 30),
)


@pytest.mark.parametrize("changes", IN_ORDER)
def test_what_is_in_order_is_not_spoken_of(changes: dict[str, Any]) -> None:
    assert alarms(snapshot(**changes)) == ()


def test_every_rule_is_seen_to_find_something() -> None:
    assert {alarm.name for _, alarm in WRONG} == {name for name, *_ in RULES}


def test_a_severity_is_written_down_as_its_name() -> None:
    assert [str(severity) for severity in Severity] == ["red", "yellow"]


def test_the_worst_comes_first() -> None:
    seen_alarms = alarms(snapshot(state=State.DOUBT, refused_lately=1, **banks(light=Light.DOWN)))
    assert [alarm.name for alarm in seen_alarms] == ["doubt", "bank_down", "refused"]
    severities = [severity for _, severity, _ in RULES]
    assert severities == sorted(severities, key=[RED, YELLOW].index)


def test_every_alarm_has_words_for_what_it_is_and_what_to_do() -> None:
    words = json.loads(shipped().files["words.json"].body)
    wanted = {f"alarm.{name}{end}" for name, *_ in RULES for end in ("", ".do")}
    assert wanted - words.keys() == set()
