"""`qianzhi office audit` runs every audit that is configured, and fails if one of them does."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import ModuleType

import click
import pytest
from click.testing import CliRunner

from console import office_audit
from console.main import cli
from console.office_audit import AuditPlace
from console.output import show
from console.settings_place import Place
from deploy.manual import leaves
from qianzhi_errors import QianzhiError


def audit(name: str, found: int, error: Exception | None = None) -> click.Command:
    """An audit with so many findings, or one that cannot be run."""

    @click.command("audit")
    @click.option("--config", type=Path, required=True)
    @click.option("--json", "as_json", is_flag=True)
    def command(config: Path, as_json: bool) -> None:
        if error is not None:
            raise error
        show({"name": name, "config": config.name}, lambda: [f"{name} was looked at"], as_json=as_json)
        if found:
            raise SystemExit(1)

    return command


@pytest.fixture
def audits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Two audits with settings, and one without."""
    made = ModuleType("made_audits")
    monkeypatch.setitem(sys.modules, made.__name__, made)
    places = []
    for name in ("books", "persons", "archive"):
        path = tmp_path / f"{name}.toml"
        if name != "archive":
            path.write_text("")
        setattr(made, name, audit(name, 0))
        places.append(AuditPlace(f"{name} audit", Place(f"X_{name}", (path,)), f"made_audits:{name}"))
    monkeypatch.setattr(office_audit, "AUDITS", tuple(places))
    return made


def run(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(cli, ("office", "audit", *arguments))
    return done.exit_code, done.stdout


def test_each_audit_that_is_configured_is_run_and_one_that_is_not_is_named(audits: ModuleType) -> None:
    code, printed = run()
    lines = printed.splitlines()
    assert code == 0
    assert [line for line in lines if "looked at" in line] == ["books was looked at", "persons was looked at"]
    assert lines[-3:-1] == ["books audit: everything holds", "persons audit: everything holds"]
    assert lines[-1].startswith("archive audit: not here")
    code, printed = run("--json")
    rows = json.loads(printed)
    assert (code, [row["configured"] for row in rows]) == (0, [True, True, False])
    assert rows[0]["result"] == {"name": "books", "config": "books.toml"}
    assert audits


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (None, "it does not hold"),
        (QianzhiError("the keystore is gone"), "the keystore is gone"),
        (click.ClickException("3 findings"), "3 findings"),
    ],
)
def test_one_audit_that_fails_or_cannot_be_run_fails_the_whole_and_the_others_are_run(
    audits: ModuleType, error: Exception | None, words: str
) -> None:
    audits.books = audit("books", 1, error)
    code, printed = run()
    assert code == 1
    assert f"books audit: {words}" in printed
    assert "persons audit: everything holds" in printed
    code, printed = run("--json")
    assert (code, [row["fault"] for row in json.loads(printed)]) == (1, [words, "", ""])


def test_where_nothing_is_configured_nothing_was_audited(audits: ModuleType, tmp_path: Path) -> None:
    for path in tmp_path.glob("*.toml"):
        path.unlink()
    assert run()[0] == 1
    assert audits


def test_every_audit_that_there_is_is_among_them() -> None:
    names = {context.command_path.strip() for _command, context in leaves(cli, click.Context(cli))}
    every = {name for name in names if name.split()[-1] == "audit"} - {"office audit"}
    assert {place.command for place in office_audit.AUDITS} == every
