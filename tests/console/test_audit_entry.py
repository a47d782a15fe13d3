"""A command's act is written down before it is done and after: what is said where that fails."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

import console.audit_entry
from console.audit_entry import NotRecorded, recorded, write_down
from fep.operator.audit_trail import AuditEntryRefused
from fep.settings.config import Settings
from ledger.book.audit_log import Stage
from ledger.errors import LedgerError, Unavailable
from tests.support.machine import write_settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return write_settings(tmp_path, "sqlite:///front.db")


class Script:
    """Stands for the audit log: takes as many acts as it is told, and then no more."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, takes: int) -> None:
        self.taken: list[tuple[str, Mapping[str, str]]] = []
        self._takes = takes
        monkeypatch.setattr(console.audit_entry, "write_down", self._write)

    def _write(
        self, _settings: Settings, _act: str, _subject: str, stage: Stage, details: Mapping[str, str]
    ) -> None:
        if len(self.taken) == self._takes:
            raise Unavailable("no database")
        self.taken.append((stage.value, dict(details)))


def test_an_act_and_its_end_are_written_down_with_what_was_found_meanwhile(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = Script(monkeypatch, 2)
    with recorded(settings, "keys rewrap") as details:
        assert script.taken == [("asked", {})]
        details["master key"] = "0011223344"
    assert script.taken[1:] == [("done", {"master key": "0011223344"})]


def test_nothing_is_done_where_nothing_can_be_written(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    Script(monkeypatch, 0)
    done: list[int] = []
    with (
        pytest.raises(NotRecorded, match="nothing was done, since it cannot be written down: no database"),
        recorded(settings, "keys rewrap"),
    ):
        done.append(1)
    assert done == []


def test_who_cannot_have_the_end_written_down_is_told_that_it_is_done(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    Script(monkeypatch, 1)
    with (
        pytest.raises(NotRecorded, match="keys rewrap is done, but that it is could not be written down"),
        recorded(settings, "keys rewrap"),
    ):
        pass


@pytest.mark.parametrize("error", [LedgerError("why"), KeyboardInterrupt()])
def test_a_failure_stays_what_it_is(
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: BaseException,
) -> None:
    for takes, wording in ((2, ""), (1, "that this failed could not be written down: no database")):
        script = Script(monkeypatch, takes)
        with pytest.raises(type(error)) as raised, recorded(settings, "keys rewrap"):
            raise error
        assert raised.value is error
        assert script.taken[1:] == [("failed", {"error": type(error).__name__})][: takes - 1]
        assert wording in capsys.readouterr().err


def test_only_acts_of_the_table_are_written_down_here_too(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(AuditEntryRefused):
        write_down(settings, "cutover", "", Stage.DONE, {})
    assert not (tmp_path / "front.db").exists()
