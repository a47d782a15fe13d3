"""What is wrong is said, the worst first; what is in order is not spoken of."""

from __future__ import annotations

import json
from typing import Any

import pytest

from fep.status.alarms import RULES, Alarm, Severity, alarms
from fep.status.snapshot import Aged, Light, OpenBreaks, Queue, ResponseCount, State
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
    (banks(light=Light.DOWN, heard_seconds=7), Alarm(RED, "bank_down", BANK, 7)),
    (banks(light=Light.DOWN, heard_seconds=None), Alarm(RED, "bank_down", BANK)),
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
