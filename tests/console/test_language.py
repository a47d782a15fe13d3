"""The language of the commands: which one is asked for, and what is shown in it."""

from __future__ import annotations

import json
import os
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from console.language import LanguageUnknown, language_of, speak, speaks_chinese, spoken
from console.main import cli, main
from console.office import balance_tables
from console.recon import break_text
from ledger.book.store import BadDatabaseUrl, Store
from office.accounting.books import TrialBalance
from tests.support.builders import DATE
from tests.support.machine import load_front_book, write_settings
from tests.support.report_books import broken


@pytest.fixture
def config(tmp_path: Path) -> str:
    settings = write_settings(tmp_path, f"sqlite:///{tmp_path}/front.db")
    load_front_book(settings)
    return str(tmp_path / "qianzhi.toml")


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["--lang", "zh", *arguments], env={"COLUMNS": "80"}, terminal_width=80)


@pytest.mark.parametrize(
    ("environment", "language"),
    [
        ({}, "en"),
        ({"LANG": "C.UTF-8"}, "en"),
        ({"LANG": "en_US.UTF-8"}, "en"),
        ({"LANG": "de_DE.UTF-8"}, "en"),
        ({"LANG": "zh_CN.UTF-8"}, "zh"),
        ({"LANG": "zh_CN.GB18030"}, "zh"),
        ({"LANG": "zh_HK"}, "zh"),
        ({"LANG": "zh"}, "zh"),
        ({"LANG": "zha_CN"}, "en"),
        ({"LANG": "zh_CN.UTF-8", "LC_MESSAGES": "en_US.UTF-8"}, "en"),
        ({"LANG": "en_US.UTF-8", "LC_MESSAGES": "zh_CN.UTF-8"}, "zh"),
        ({"LANG": "zh_CN.UTF-8", "LC_ALL": "C.UTF-8"}, "en"),
        ({"LC_MESSAGES": "en_US.UTF-8", "LC_ALL": "zh_CN.UTF-8"}, "zh"),
        ({"LANG": "zh_CN.UTF-8", "LC_ALL": ""}, "zh"),
        ({"LANG": "en_US.UTF-8", "LANGUAGE": "zh_CN:en"}, "zh"),
        ({"LANG": "zh_CN.UTF-8", "LANGUAGE": "en_US:zh_CN"}, "en"),
        ({"LANG": "C.UTF-8", "LANGUAGE": "zh_CN"}, "en"),
        ({"LC_ALL": "POSIX", "LANGUAGE": "zh_CN"}, "en"),
        ({"QIANZHI_LANG": "zh", "LC_ALL": "en_US.UTF-8"}, "zh"),
        ({"QIANZHI_LANG": "en", "LC_ALL": "zh_CN.UTF-8"}, "en"),
        ({"QIANZHI_LANG": "", "LC_ALL": "zh_CN.UTF-8"}, "zh"),
    ],
)
def test_the_variable_goes_before_the_locale(environment: dict[str, str], language: str) -> None:
    assert language_of(environment) == language


def test_a_language_that_is_not_spoken_is_refused_by_the_variables_name() -> None:
    with pytest.raises(LanguageUnknown, match=r"^QIANZHI_LANG is neither en nor zh$"):
        language_of({"QIANZHI_LANG": "zh_CN"})


def test_the_command_ends_where_the_variable_names_no_language(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("QIANZHI_LANG", "fr")
    monkeypatch.setattr(os, "umask", lambda _mode: None)
    with pytest.raises(SystemExit, match="1"):
        main()
    assert capsys.readouterr().err == "qianzhi: QIANZHI_LANG is neither en nor zh\n"


@pytest.mark.parametrize("language", ["en", "zh"])
def test_what_is_spoken_is_what_was_said_last(language: str) -> None:
    speak("zh")
    speak(language)
    assert speaks_chinese() == (language == "zh")


def test_the_root_lists_its_commands_in_chinese_and_imports_none() -> None:
    shown = run("--help").stdout
    assert "Qianzhi 前置：银行与寿险公司之间的前置机及其后台。" in shown
    assert "  recon       与银行对账\n" in shown
    assert "显示版本并退出。" in shown


def test_a_groups_command_has_its_help_and_options_in_chinese() -> None:
    shown = run("office", "balance", "--help").stdout
    assert shown.startswith("用法: cli office balance [OPTIONS]\n\n  打印试算平衡表：")
    assert "每家银行一张试算平衡表" in shown


def test_a_wrong_call_is_answered_in_chinese() -> None:
    done = run("day", "cutover", "--date", "20261399")
    assert (done.exit_code, "错误：'--date' 的值无效：不是日期，应写作 YYYYMMDD" in done.stderr) == (2, True)


def test_no_text_of_a_command_is_changed_for_a_later_reader() -> None:
    command = cli.get_command(click.Context(cli), "day")
    assert command is not None
    english = command.help
    run("day", "--help")
    speak("en")
    again = cli.get_command(click.Context(cli), "day")
    assert again is not None
    assert (again.help, english) == ("The business day.",) * 2


def test_the_day_is_shown_in_chinese_and_its_json_is_as_ever(config: str) -> None:
    lines = run("day", "status", "--config", config).stdout.splitlines()
    assert lines[0] == f"{DATE} 营业中"
    assert lines[1].startswith("应收应付：")
    assert lines[3].split() == ["银行", "代收", "代付", "轧差"]
    chinese = run("day", "status", "--config", config, "--json").stdout
    speak("en")
    english = CliRunner().invoke(cli, ["day", "status", "--config", config, "--json"]).stdout
    left = {"seconds_left": None}
    assert {**json.loads(chinese), **left} == {**json.loads(english), **left}


def test_the_trial_balance_has_the_glossarys_words() -> None:
    speak("zh")
    [table] = balance_tables(TrialBalance((), ()), {})
    assert table.title == "试算平衡表"
    assert [column.header for column in table.columns] == ["科目", "期初余额", "借方", "贷方", "期末余额"]


def test_a_break_has_its_class_and_state_in_words() -> None:
    speak("zh")
    row = broken(1, "20261124", "details_differ", 500, 500, withheld=500, reason="why", bank_policy="P9")
    text = break_text(row, "20261125")
    assert text == "要素不符，挂账，1 天，李娜 P1：why（银行方：保单 P9）"


def test_an_error_from_below_the_commands_is_told_in_chinese() -> None:
    with pytest.raises(BadDatabaseUrl) as refused:
        Store("mysql://host/name")
    assert str(refused.value) == "no front book can live on mysql: give sqlite or postgresql+psycopg"
    speak("zh")
    assert spoken(refused.value) == "前置账册不能放在 mysql 上：请给出 sqlite 或 postgresql+psycopg"


@pytest.mark.parametrize("error", [ValueError(), ValueError("a", 1), OSError(2, "gone"), KeyError("a")])
def test_any_other_error_keeps_its_text(error: Exception) -> None:
    speak("zh")
    assert spoken(error) == str(error)
