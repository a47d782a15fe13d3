"""`qianzhi collection form`: what there is, what a form says, and how a bank's files fare in it."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random
from typing import Any

import pytest
from click.testing import CliRunner, Result

from collection.forms.form_file import load, shipped, source_of
from collection.forms.request import write
from console.collection_form import form_group
from simulators.channel.channel import Channel
from simulators.channel.outcomes import Habits
from tests.support.batch_files import PAYEE, batch_of

SENT = batch_of(12000, 345, 600)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(form_group, arguments, env={"COLUMNS": "120"})


def as_json(*arguments: str) -> Any:  # noqa: ANN401 - JSON
    return json.loads(run(*arguments, "--json").stdout)


def bank_files(name: str, folder: Path) -> list[str]:
    """What a bank gives for the batch, and the request where it can be read; written into a folder."""
    form = load(name)
    bank = Channel(form, "91020000", PAYEE.account, Random(5), Habits(failed=400, returned=1000))
    request = write(SENT, form)
    bank.take(request, "20261124")
    made = [*bank.answers("20261124"), bank.returns("20261127"), bank.statement("20261125")]
    files = [file for file in (*request, *made) if file is not None and not file.name.startswith("pain008")]
    for file in files:
        (folder / file.name).write_bytes(file.content)
    return [str(folder / file.name) for file in files]


def test_the_shipped_forms_are_listed() -> None:
    assert [form["name"] for form in as_json("list")] == list(shipped())
    assert all(name in run("list").stdout for name in shipped())


@pytest.mark.parametrize("name", shipped())
def test_a_form_shows_its_files_and_columns(name: str) -> None:
    shown = as_json("show", name)
    assert list(shown["names"]) == ["request", "answer", "returns", "statement"]
    columns = {(column["file"], column["column"]) for column in shown["columns"]}
    assert (name == "pain008") or {("request", "account"), ("answer", "amount")} <= columns
    assert load(name).answer.name in run("show", name).stdout


@pytest.mark.parametrize("name", shipped())
def test_the_files_of_a_bank_are_tried(name: str, tmp_path: Path) -> None:
    files = bank_files(name, tmp_path)
    done = run("check", name, *files)
    assert (done.exit_code, [line.account in done.output for line in SENT.lines]) == (0, [False] * 3)
    found = as_json("check", name, *files)
    kinds = {one["tried"]["kind"]: one["tried"]["amount"] for one in found}
    assert kinds["answer"] == 12945
    assert kinds["returns"] == kinds["statement"] > 0
    assert {one["tried"]["outcome"] for one in found} == {"", "accepted"}


def test_a_refused_file_is_named_with_the_reason_and_the_others_are_tried(tmp_path: Path) -> None:
    request, answer, *_ = bank_files("batch-ubp", tmp_path)
    content = Path(answer).read_bytes()
    Path(answer).write_bytes(content[:-4])
    done = run("check", "batch-ubp", request, answer)
    assert done.exit_code == 1
    assert (
        "UBP_91020000_B0000123_20261124_01_R.txt, line 4: has no end: the file was cut short" in done.stdout
    )
    assert "request file, 3 lines, 129.45 yuan" in done.stdout
    assert "1 of 2 files are refused" in done.stderr


def test_a_code_that_the_table_does_not_know_is_told(tmp_path: Path) -> None:
    form = tmp_path / "own.toml"
    form.write_text(source_of("batch-ubp"), encoding="utf-8")
    table = tmp_path / "codes.toml"
    table.write_text('done = ["0", "00"]\n', encoding="utf-8")
    _request, answer, *_ = bank_files("batch-ubp", tmp_path)
    done = run("check", str(form), answer, "--codes", str(table))
    assert done.exit_code == 0
    assert "codes that the table does not know: " in done.stdout


def test_a_wrong_form_is_refused_with_its_key(tmp_path: Path) -> None:
    form = tmp_path / "own.toml"
    form.write_text(source_of("batch-ubp").replace("separator", "separatr", 1), encoding="utf-8")
    assert "did you mean 'separator'?" in str(run("check", str(form)).exception)
