"""A day that is ended by the clock, on a machine that serves: once, whatever the clock does, by whichever
node; and settings of the day that are read again.
"""

from __future__ import annotations

import json
import urllib.request
from datetime import datetime
from pathlib import Path

import pytest

from fep.day.schedule import SETTLE_SECONDS
from fep.operator.control_client import ask
from fep.settings.config import Settings, load_settings
from ledger.files.settings import SettingsError
from ledger.rules.beijing import BEIJING
from ledger.rules.calendar import Calendar
from tests.support.clocks import MovedClock
from tests.support.interleaving import new_postgresql
from tests.support.machine import SOCKET_SECONDS, Books, Machine, load_front_book, wait_for, write_settings

# Clocks are moved in the reactor's thread: the machine reads them there too, and must not see half a move.
MORNING = datetime(2026, 11, 24, 10)  # noqa: DTZ001 - Beijing's
LATE = datetime(2026, 11, 24, 22)  # noqa: DTZ001
BY_THE_CLOCK = '[day]\ncutover = "22:00"\n'


def settings_with(folder: Path, database: str, day: str, name: str = "fep1") -> Settings:
    write_settings(folder, database)
    path = folder / "qianzhi.toml"
    path.write_text(path.read_text().replace('name = "fep1"', f'name = "{name}"') + day)
    return load_settings(path)


def look(machine: Machine) -> str:
    """The date that is open after the day clock has looked."""
    wait_for(machine.service.cutover_clock.look)
    return machine.service.engine.business_date


def waits(machine: Machine) -> str:
    """What keeps the clock from cutting over, by the operator's socket; the metric says the same."""
    named = str(ask(Path(machine.settings.node.control), "day")["waits"])
    lines = machine.get("/metrics")[1].splitlines()
    shown = [line for line in lines if line.startswith("qianzhi_cutover_waits{") and line.endswith(" 1.0")]
    assert shown == ([f'qianzhi_cutover_waits{{reason="{named}"}} 1.0'] if named else [])
    return named


def test_the_clock_ends_one_day_and_the_next_without_dues_waits_for_a_person(
    tmp_path: Path, database: str
) -> None:
    settings = settings_with(tmp_path, database, BY_THE_CLOCK)
    load_front_book(settings)
    clock = MovedClock(MORNING)
    machine = Machine(settings, clock)
    try:
        assert look(machine) == "20261124"
        wait_for(clock.wait_until, LATE)
        assert [(look(machine), waits(machine)) for _ in range(2)] == [("20261125", "")] * 2
        for day in (25, 26, 30):
            wait_for(clock.wait_until, datetime(2026, 11, day, 22))  # noqa: DTZ001
            assert (look(machine), waits(machine)) == ("20261125", "dues")
    finally:
        machine.stop()
    books = Books(database)
    assert books.rows("SELECT date, state FROM days ORDER BY date") == [
        ("20261124", "closed"),
        ("20261125", "open"),
    ]
    books.close()


def test_a_clock_that_was_set_ahead_for_seconds_ends_nothing(tmp_path: Path, database: str) -> None:
    settings = settings_with(tmp_path, database, BY_THE_CLOCK)
    load_front_book(settings)
    clock = MovedClock(MORNING)
    machine = Machine(settings, clock)
    try:
        wait_for(clock.wait, SETTLE_SECONDS)
        wait_for(clock.set, 14 * 86_400)
        assert [(look(machine), waits(machine)) for _ in range(6)] == [("20261124", "clock")] * 6
        wait_for(clock.set, -14 * 86_400)
        assert (look(machine), waits(machine)) == ("20261124", "")
    finally:
        machine.stop()


def test_a_machine_that_was_off_for_days_ends_nothing(tmp_path: Path, database: str) -> None:
    settings = settings_with(tmp_path, database, BY_THE_CLOCK)
    load_front_book(settings)
    clock = MovedClock(datetime(2026, 11, 30, 9))  # noqa: DTZ001
    machine = Machine(settings, clock)
    try:
        wait_for(clock.wait, SETTLE_SECONDS)
        assert (look(machine), waits(machine)) == ("20261124", "late")
        assert machine.cut_over() == "20261125"
    finally:
        machine.stop()


def test_of_two_nodes_that_end_the_day_at_once_each_knows_that_it_is_ended(
    tmp_path: Path, postgresql: str
) -> None:
    database = new_postgresql(postgresql, "clocks")
    clocks = [MovedClock(MORNING), MovedClock(MORNING)]
    machines = []
    for number, clock in enumerate(clocks, 1):
        folder = tmp_path / f"node{number}"
        folder.mkdir()
        settings = settings_with(folder, database, BY_THE_CLOCK, f"fep{number}")
        if number == 1:
            load_front_book(settings)
        machines.append(Machine(settings, clock))
    try:
        for clock in clocks:
            wait_for(clock.wait_until, LATE)
        assert [look(machine) for machine in machines] == ["20261125", "20261125"]
        wait_for(clocks[1].set, 86_400)
        wait_for(clocks[1].accept)
        assert [look(machine) for machine in machines] == ["20261125", "20261125"]
    finally:
        for machine in machines:
            machine.stop()
    books = Books(database)
    acts = books.rows("SELECT subject FROM audit_log WHERE act = 'cutover'")
    assert acts == [("20261124",)]
    books.close()


def test_settings_of_the_day_that_are_read_again_hold_at_once(tmp_path: Path, database: str) -> None:
    settings = settings_with(tmp_path, database, "")
    load_front_book(settings)
    clock, path = MovedClock(MORNING), tmp_path / "qianzhi.toml"
    machine = Machine(settings, clock)
    without = path.read_text()

    def reload(day: str) -> None:
        path.write_text(without + day)
        wait_for(machine.service.reload)

    try:
        wait_for(clock.wait_until, LATE)
        assert look(machine) == "20261124", "by an operator"
        with pytest.raises(SettingsError, match="20261125 is in holidays too"):
            reload('[day]\nholidays = ["20261125"]\nworkdays = ["20261125"]\n')
        reload('[day]\ncutover = "22:30"\nholidays = ["20261125"]\npoll_seconds = 60\n')
        assert look(machine) == "20261124"
        assert machine.service._polling.interval == 60
        wait_for(clock.wait, 1800)
        assert look(machine) == "20261126", "the holiday was added"
    finally:
        machine.stop()
    books = Books(database)
    notes = [
        note for (note,) in books.rows("SELECT note FROM audit_log WHERE act = 'reload' ORDER BY number")
    ]
    done = "done: section day changed: cutover, holidays, poll_seconds"
    assert notes == ["asked", "failed: SettingsError", "asked", done]
    books.close()


def shown(machine: Machine) -> dict[str, tuple[str, int | None]]:
    """The alarms that the status page is told when it is opened, by their names: how grave, and a figure."""
    wait_for(machine.service.feed.tick)  # a page that is opened in the same second is told the same
    url = f"http://127.0.0.1:{machine.service.status_port}/feed"
    with urllib.request.urlopen(url, timeout=SOCKET_SECONDS) as feed:
        data = next(line for line in feed if line.startswith(b"data: "))
    as_shown = json.loads(data.removeprefix(b"data: "))["alarms"]
    return {alarm["name"]: (alarm["severity"], alarm["figure"]) for alarm in as_shown}


def test_the_page_says_what_a_cut_over_waits_for_and_a_year_that_nobody_has_told(
    tmp_path: Path, database: str
) -> None:
    settings = settings_with(tmp_path, database, BY_THE_CLOCK)
    load_front_book(settings)
    unknown = Calendar().first_unknown_year("20261124")
    clock = MovedClock(datetime(unknown - 1, 11, 30, 23, 59))  # noqa: DTZ001
    machine = Machine(settings, clock)
    try:
        wait_for(clock.wait, 30)
        look(machine)
        begun = shown(machine)
        assert (begun["cutover_late"][0], "calendar_ends" in begun) == ("red", False)
        wait_for(clock.wait, 30)
        assert shown(machine)["calendar_ends"] == ("yellow", 31)
        ends = datetime(unknown, 1, 1, tzinfo=BEIJING).timestamp()
        name = "qianzhi_calendar_end_timestamp_seconds"
        lines = [line for line in machine.get("/metrics")[1].splitlines() if line.startswith(name)]
        assert [float(line.split()[1]) for line in lines] == [ends]
    finally:
        machine.stop()
