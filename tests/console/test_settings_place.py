"""Where a command looks for its settings."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from console.main import cli
from console.settings_place import FRONT, OFFICE, Place


def place(folder: Path) -> Place:
    return Place("QIANZHI_TEST", (folder / "first.toml", folder / "second.toml"))


def test_what_the_environment_names_comes_first_whether_it_is_there_or_not(tmp_path: Path) -> None:
    (tmp_path / "first.toml").touch()
    assert place(tmp_path).find({"QIANZHI_TEST": "named.toml"}) == Path("named.toml")


@pytest.mark.parametrize(
    ("there", "name"),
    [
        (("first.toml", "second.toml"), "first.toml"),
        (("first.toml",), "first.toml"),
        (("second.toml",), "second.toml"),
        ((), "first.toml"),
    ],
)
@pytest.mark.parametrize("environment", [{}, {"QIANZHI_TEST": ""}])
def test_else_the_first_usual_one_that_is_there(
    there: tuple[str, ...], name: str, environment: dict[str, str], tmp_path: Path
) -> None:
    for file in there:
        (tmp_path / file).touch()
    assert place(tmp_path).find(environment) == tmp_path / name


def test_a_checkout_comes_before_the_packages_folder() -> None:
    assert ("QIANZHI_CONFIG", (Path("var/qianzhi.toml"), Path("/etc/qianzhi/qianzhi.toml"))) == FRONT
    assert (
        "QIANZHI_OFFICE_CONFIG",
        (Path("var/office/office.toml"), Path("/etc/qianzhi-office/office.toml")),
    ) == OFFICE


@pytest.mark.parametrize(
    ("variable", "arguments"),
    [("QIANZHI_CONFIG", ("day", "status")), ("QIANZHI_OFFICE_CONFIG", ("office", "status"))],
)
def test_a_command_reads_the_settings_that_the_environment_names(
    variable: str, arguments: tuple[str, ...], tmp_path: Path
) -> None:
    result = CliRunner().invoke(cli, arguments, env={variable: str(tmp_path / "nowhere.toml")})
    assert "nowhere.toml" in str(result.exception)


def test_help_says_where_the_settings_are_looked_for() -> None:
    text = " ".join(CliRunner().invoke(cli, ["day", "status", "--help"]).output.split())
    assert "[default: ($QIANZHI_CONFIG, or var/qianzhi.toml, or /etc/qianzhi/qianzhi.toml)]" in text
