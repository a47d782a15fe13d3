"""The ceremony that docs/keys.md shows is what two custodians and a witness see, letter by letter."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from console.main import cli
from fep.setup.install import install
from tests.docs.pages import DOCS

COMPONENTS = ("00112233445566778899AABBCCDDEEFF", "9C8B1D74E3F02A5617C0D5E8B94F3621")
NAMES = ("Zhang", "Zhao")
_OPENING = "```text\n"


def transcript() -> list[str]:
    """The page's ceremony: what is shown, without the command."""
    text = (DOCS / "keys.md").read_text(encoding="utf-8").split(_OPENING)[1].split("```")[0]
    return text.splitlines()[1:]


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return install(tmp_path, os.urandom, datetime.now(UTC), first_port=0, status_port=0, plain=True)


def ceremony(config: Path, *, agreed: str = "y") -> Result:
    answers = [line for pair in zip(COMPONENTS, ("y", "y"), NAMES, strict=True) for line in pair]
    arguments = ["keys", "load", "zmk/01020000", "--replace", "--config", str(config)]
    return CliRunner().invoke(cli, arguments, input="\n".join([*answers, agreed]) + "\n")


def test_the_ceremony_shows_what_the_page_shows(config: Path) -> None:
    done = ceremony(config)
    assert [line.rstrip() for line in done.output.splitlines() if line.strip()] == transcript()
    assert done.exit_code == 0


def test_no_component_is_in_what_is_shown(config: Path) -> None:
    shown = ceremony(config).output
    assert [component for component in COMPONENTS if component in shown] == []


def test_a_witness_who_does_not_agree_leaves_all_as_it_was(config: Path) -> None:
    before = CliRunner().invoke(cli, ["keys", "list", "--config", str(config)]).output
    assert ceremony(config, agreed="n").exit_code == 1
    assert CliRunner().invoke(cli, ["keys", "list", "--config", str(config)]).output == before
