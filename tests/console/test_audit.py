"""`qianzhi audit`: what it prints to keep elsewhere and takes again, and the dues against their files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import create_engine, text

from console.main import cli
from ledger.rules.seal import Sealer
from tests.support.machine import SEAL_KEY, write_settings
from tests.support.suspense_breaks import BANK

pytestmark = pytest.mark.slow

DATE = "20261124"


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """A machine whose book was loaded from `dues.csv`, and the office beside it, which has closed once."""
    write_settings(tmp_path, f"sqlite:///{tmp_path}/front.db")
    run("book", "sample", "20", "--date", DATE, "--output", str(tmp_path / "dues.csv"))
    run("book", "load", str(tmp_path / "dues.csv"), "--config", str(tmp_path / "qianzhi.toml"))
    (tmp_path / "office.toml").write_text(
        f'[office]\ndatabase = "sqlite:///{tmp_path}/office.db"\nfront = "sqlite:///{tmp_path}/front.db"\n'
        f'seal_key = "{Sealer(SEAL_KEY).public}"\n[[bank]]\ncode = "{BANK}"\nname = "x"\n'
    )
    run("office", "close", "--config", str(tmp_path / "office.toml"))
    return tmp_path


def run(*arguments: str, code: int = 0) -> Result:
    done = CliRunner().invoke(cli, arguments)
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == code, done.output
    return done


def audited(here: Path, *arguments: str, code: int = 0) -> str:
    return run("audit", *arguments, "--config", str(here / "office.toml"), code=code).output


def kept(here: Path) -> dict[str, Any]:
    shown: dict[str, Any] = json.loads(audited(here, "--json"))["kept"]
    return shown


def change(here: Path, name: str, statement: str) -> None:
    engine = create_engine(f"sqlite:///{here}/{name}.db")
    with engine.begin() as connection:
        connection.execute(text(statement))
    engine.dispose()


def test_what_it_prints_to_keep_is_compared_when_it_is_given_again(here: Path) -> None:
    kept_part = kept(here)
    office, front = kept_part["sides"]
    output = audited(here)
    lines = [" ".join(line.split()) for line in output.splitlines()]
    assert f"all digest {kept_part['digest']}" in lines
    assert f"office digest {office['digest']}" in lines
    assert lines[lines.index(f"office act {office['act']} has hash") + 1] == office["record_hash"]
    assert max(map(len, output.splitlines())) <= 80
    expected = [
        kept_part["digest"],
        office["digest"],
        front["digest"],
        office["record_hash"],
        front["record_hash"],
    ]
    audited(here, *(part for digest in expected for part in ("--expect", digest)))


def test_a_digest_that_is_not_found_again_ends_with_exit_code_1(here: Path) -> None:
    kept_part = kept(here)
    change(here, "front", "UPDATE policies SET holder = 'x'")
    assert f"what was kept, {kept_part['digest'][:12]}" in audited(
        here, "--expect", kept_part["digest"], code=1
    )
    audited(here, "--expect", kept_part["sides"][0]["digest"])
    audited(here, "--expect", kept_part["sides"][1]["record_hash"])


def dues(here: Path, *files: str, code: int = 0) -> str:
    named = [part for file in files for part in ("--dues", str(here / file))]
    return run("audit", *named, "--front-config", str(here / "qianzhi.toml"), code=code).output


def test_the_dues_are_held_against_their_file_without_any_office(here: Path) -> None:
    (here / "office.toml").unlink()
    output = dues(here, "dues.csv")
    assert "a due is settled at most once, and at its amount  holds" in output
    assert "the audit found nothing" in output
    assert "append-only" not in output


def test_an_invented_due_and_another_beneficiary_end_with_exit_code_1(here: Path) -> None:
    names = "policy, code, kind, due_date, amount, beneficiary, load"
    row = f"SELECT 'INVENTED', {names}, 'open', '', 0, 0 FROM dues LIMIT 1"  # noqa: S608
    change(here, "front", f"INSERT INTO dues (due, {names}, state, settled_by, sequence, withdrawn) {row}")
    change(here, "front", f"UPDATE dues SET beneficiary = '{'0' * 32}' WHERE kind = 'benefit'")  # noqa: S608
    output = dues(here, "dues.csv", code=1)
    assert "due INVENTED: is in no file that was loaded" in output
    assert "is not as its file has it: beneficiary" in output


def test_a_file_that_was_never_loaded_is_said_to_be_none(here: Path) -> None:
    (here / "other.csv").write_text((here / "dues.csv").read_text().replace("TOTAL", "total"))
    assert "file other.csv: was never loaded, or not with these bytes" in dues(here, "other.csv", code=1)
