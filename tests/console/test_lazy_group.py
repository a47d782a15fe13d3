"""A lazy group: what its table says of a command is what the command says, and listing imports none."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
from importlib import import_module

import click
import pytest
from click.shell_completion import CompletionItem
from click.testing import CliRunner

import console.failure
import console.lazy_group
import console.main
from console.completion import INSTALL
from console.lazy_group import CommandPlace, LazyGroup, imported
from console.main import COMMANDS, cli

HEAVY = {
    "sqlalchemy",
    "twisted",
    "jinja2",
    "textual",
    "cryptography",
    "pydantic",
    "rich",
    "prometheus_client",
}
"""Packages that the commands are made with, of a tenth of a second each or more to import."""
OURS = {"console", "fep", "ledger", "office", "firewall_rules", "protocol"}
LIGHT = {
    "console.completion",
    "console.failure",
    "console.help_text",
    "console.language",
    "console.lazy_group",
    "console.main",
    "console.say",
    "fep.errors",
    "fep.process.memory",
    "ledger.rules.escaping",
}
"""The modules of ours that the root of the command may import."""
PROBE = """
import sys
from console.main import main
sys.argv = ["qianzhi", *sys.argv[1:]]
try:
    main()
finally:
    print("\\n".join(sys.modules), file=sys.stderr)
"""


def modules_of(*arguments: str) -> set[str]:
    """The modules that a run of `qianzhi` has imported when it ends."""
    done = subprocess.run(
        [sys.executable, "-c", PROBE, *arguments],
        capture_output=True,
        text=True,
        check=True,
        encoding="utf-8",
    )
    return set(done.stderr.splitlines())


@pytest.mark.parametrize(
    "arguments", [("--version",), ("--help",), *(("completion", shell) for shell in INSTALL)], ids=" ".join
)
def test_what_lists_the_commands_imports_none_of_them(arguments: tuple[str, ...]) -> None:
    modules = modules_of(*arguments)
    assert {module.partition(".")[0] for module in modules} & HEAVY == set()
    ours = {module for module in modules if module.partition(".")[0] in OURS and "." in module}
    packages = {module.rpartition(".")[0] for module in LIGHT}
    assert ours <= LIGHT | packages


def test_a_chinese_locale_has_the_list_in_chinese_and_imports_none() -> None:
    chinese = {**os.environ, "QIANZHI_LANG": "", "LC_ALL": "zh_CN.UTF-8", "PYTHONUTF8": "1"}
    done = subprocess.run(
        [sys.executable, "-c", PROBE, "--help"],
        capture_output=True,
        check=True,
        encoding="utf-8",
        env=chinese,
    )
    assert "  recon       与银行对账\n" in done.stdout
    assert not {place.module for place in COMMANDS} & set(done.stderr.splitlines())


def test_a_command_takes_along_no_more_than_its_own_group() -> None:
    modules = modules_of("describe", "--help")
    assert {module.partition(".")[0] for module in modules} & {"twisted", "sqlalchemy", "jinja2"} == set()
    assert not {place.module for place in COMMANDS} - {"console.describe"} & modules


@pytest.mark.parametrize("place", COMMANDS, ids=lambda place: place.name)
def test_the_table_says_of_a_command_what_the_command_says(place: CommandPlace) -> None:
    command = imported(place)
    assert command.name == place.name
    assert not command.hidden
    listed = cli.commands[place.name]
    for limit in range(1, 200):
        assert listed.get_short_help_str(limit) == command.get_short_help_str(limit)


def test_help_and_completion_are_what_click_makes_of_the_commands_themselves() -> None:
    eager = click.Group("qianzhi", commands=[imported(place) for place in COMMANDS], help=cli.help)
    context, eager_context = click.Context(cli), click.Context(eager)

    def listed(command: click.Command, of: click.Context) -> str:
        formatter = click.HelpFormatter(width=80)
        assert isinstance(command, click.Group)
        command.format_commands(of, formatter)
        return formatter.getvalue()

    def items(found: list[CompletionItem]) -> list[tuple[str, str | None]]:
        return [(item.value, item.help) for item in found if not item.value.startswith("-")]

    assert listed(cli, context) == listed(eager, eager_context)
    for incomplete in ("", "a", "re", "nothing"):
        assert items(cli.shell_complete(context, incomplete)) == items(
            eager.shell_complete(eager_context, incomplete)
        )


def test_options_of_the_group_are_completed_as_ever() -> None:
    assert "--version" in [item.value for item in cli.shell_complete(click.Context(cli), "--")]


def test_an_unknown_command_is_refused_with_the_names_that_are_like_it() -> None:
    done = CliRunner().invoke(cli, ["officer"])
    assert (done.exit_code, "office" in done.output) == (2, True)


def test_a_place_that_holds_no_command_is_a_fault_of_ours() -> None:
    group = LazyGroup("x", places=(CommandPlace("y", "console.wall_clock:today", "Nothing."),))
    with pytest.raises(TypeError, match="wall_clock:today is no command"):
        group.get_command(click.Context(group), "y")


def test_nothing_is_searched_for_garbage_while_a_command_is_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    collecting: list[bool] = []

    def imports(name: str) -> object:
        collecting.append(gc.isenabled())
        return import_module(name)

    monkeypatch.setattr(console.lazy_group, "import_module", imports)
    imported(COMMANDS[0])
    assert (collecting, gc.isenabled()) == ([False], True)


def test_nor_is_what_was_imported_when_the_program_exits(monkeypatch: pytest.MonkeyPatch) -> None:
    at_exit: list[object] = []
    monkeypatch.setattr(console.failure.atexit, "register", at_exit.append)
    monkeypatch.setattr(console.main, "run", lambda _command: None)
    monkeypatch.setattr(console.main, "keep_memory_private", lambda: None)
    monkeypatch.setattr(console.main.os, "umask", lambda _mode: None)
    with pytest.raises(SystemExit):
        console.main.main()
    assert at_exit == [gc.freeze]
