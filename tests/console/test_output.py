"""What is shown: every command that shows something has --json, with the same data as its words."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any, NamedTuple

import click
import pytest
from click.testing import CliRunner, Result

from console.main import cli
from console.output import as_json_text, here, plain, show, table
from console.wall_clock import today
from deploy.manual import leaves
from ledger.book.audit_log import read_audit_log, record_hash
from ledger.book.schema import audit_log
from ledger.book.store import Store
from tests.support.builders import BANK, DATE
from tests.support.machine import load_front_book, write_settings

ACTS_OR_FILES = {
    "init", "serve", "run", "reload", "book sample", "completion", "bank add",
    "clock accept", "bank disable", "bank enable",
    "due unlock",
    "firewall render", "firewall check", "firewall apply", "keys create", "keys load", "keys generate",
    "keys remove", "keys rewrap", "keys export-public", "office init", "office close", "office export ack",
    "office statement load", "office statement settle", "recon run",
    "recon propose", "recon approve", "recon reject", "recon withdraw", "recon post", "recon report",
    "receipt keys", "receipt page", "receipt pdf",
    "archive init", "archive approve", "archive checkpoint", "archive reject", "archive destroy",
    "archive get", "archive hold", "archive image",
    "archive lend", "archive parity", "archive prove", "archive rebuild", "archive release",
    "archive restore", "archive retire", "archive return",
    "archive shelve", "archive write",
    "customers init", "customers propose", "customers approve", "customers reject", "customers withdraw",
    "customers escrow", "customers open-escrow", "customers rewrap",
    "customers change", "customers changes", "customers mark", "customers consent",
    "collection init", "collection mandate export", "collection mandate suspend", "collection mandate cancel",
    "collection accept", "collection approve", "collection reject", "collection dayfile",
    "collection batch approve", "collection batch recall", "collection batch cancel",
    "collection batch write", "collection batch sent", "collection batch accept",
    "collection batch apply", "collection batch settle", "collection batch close",
    "collection batch release",
    "customers notify", "customers assign", "customers done",
}  # fmt: skip
"""Commands that do something, or write a file or a text that has a form of its own: they show no data."""


def test_every_command_that_shows_something_has_json() -> None:
    flags = {
        context.command_path.strip(): {flag for option in command.params for flag in option.opts}
        for command, context in leaves(cli, click.Context(cli))
    }
    assert {name for name, options in flags.items() if "--json" not in options} == ACTS_OR_FILES


class Colour(Enum):
    RED = "red"


class Pair(NamedTuple):
    first: int
    second: Colour


@dataclass(frozen=True, slots=True)
class Box:
    pairs: tuple[Pair, ...]
    path: Path


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (Box((Pair(1, Colour.RED),), Path("a")), {"pairs": [{"first": 1, "second": "red"}], "path": "a"}),
        ({1: None, "b": (True, 2)}, {"1": None, "b": [True, 2]}),
        (iter("ab"), ["a", "b"]),
        (Pair, str(Pair)),
    ],
)
def test_named_things_become_objects(value: object, expected: object) -> None:
    assert plain(value) == expected
    json.dumps(plain(value))


def test_what_a_terminal_would_take_for_a_command_is_not_printed(capsys: pytest.CaptureFixture[str]) -> None:
    rows = table("a")
    rows.add_row("[red]b[/red] :smile:")
    show([], lambda: ["\x1b[2Jx\u202e", rows], as_json=False)
    output = capsys.readouterr().out
    assert "\\u001b[2Jx\\u202e\n" in output
    assert "[red]b[/red] :smile:" in output
    assert json.loads(as_json_text({"name": "张\u202e三"})) == {"name": "张\u202e三"}
    assert "\u202e" not in as_json_text({"name": "张\u202e三"})


@pytest.fixture
def config(tmp_path: Path) -> str:
    settings = write_settings(tmp_path, f"sqlite:///{tmp_path}/front.db")
    load_front_book(settings)
    return str(tmp_path / "qianzhi.toml")


def run(*arguments: str) -> Result:
    done = CliRunner().invoke(cli, arguments, env={"COLUMNS": "100"})
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done


def as_json(*arguments: str) -> Any:  # noqa: ANN401 - JSON
    return json.loads(run(*arguments, "--json").stdout)


def test_keys_are_listed_alike(config: str) -> None:
    shown = as_json("keys", "list", "--config", config)
    lines = [f"{key['name']} {key['kind']} {key['check_value']}" for key in shown]
    assert run("keys", "list", "--config", config).stdout.splitlines() == lines
    assert f"zmk/{BANK}" in [key["name"] for key in shown]


def test_the_journal_is_proved_alike(config: str, tmp_path: Path) -> None:
    assert as_json("journal", "verify", "--config", config) == []
    store = Store(f"sqlite:///{tmp_path}/front.db")
    with store.transaction() as connection:
        connection.exec_driver_sql("INSERT INTO chains VALUES (1, 'fep1', 1, 7, 'tip')")
    store.close()
    failed = run("journal", "verify", "--config", config, "--json")
    [chain] = json.loads(failed.stdout)
    assert (failed.exit_code, chain["entries"], [fault["position"] for fault in chain["broken"]]) == (
        1,
        7,
        [0],
    )
    assert "chain 1, entry 0: is not the last entry" in run("journal", "verify", "--config", config).stdout


def test_a_trail_is_an_act_a_line(config: str, tmp_path: Path) -> None:
    result = run("audit-log", "--config", config, "--json", "--verify")
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    store = Store(f"sqlite:///{tmp_path}/front.db", lock=False)
    with store.reading() as connection:
        kept = list(read_audit_log(connection, audit_log))
    store.close()
    assert lines == [act._asdict() for act in kept]
    assert "every link holds" in result.stderr
    assert record_hash(kept[-1]) in result.stderr


def test_a_load_and_a_cutover_say_what_they_did_alike(config: str, tmp_path: Path) -> None:
    done = as_json("day", "cutover", "--config", config, "--date", DATE)
    assert (done["date"], done["done_before"]) == (DATE, False)
    again = run("day", "cutover", "--config", config, "--date", DATE)
    wording = f"{DATE} was closed before, and nothing was changed; {done['next_date']} followed"
    assert again.stdout == f"{wording}; root {done['root']}\n"
    file = tmp_path / "book.csv"
    run("book", "sample", "3", "--output", str(file), "--date", done["next_date"])
    loaded = as_json("book", "load", str(file), "--config", config)
    assert (loaded["date"], loaded["policies"]) == (done["next_date"], 3)
    assert today().isdecimal()


def test_a_path_below_the_working_folder_is_shown_from_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert here(tmp_path / "reports" / "a.html") == Path("reports", "a.html")
    assert here(Path("a.html")) == Path("a.html")
    assert here(tmp_path.parent / "a.html") == tmp_path.parent / "a.html"
