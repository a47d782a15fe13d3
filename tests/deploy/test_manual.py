"""The manual page says what click's help says, and nothing in it is taken for a request of roff."""

from __future__ import annotations

import re
import shutil
import subprocess
from datetime import UTC, datetime

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.main import cli
from deploy.manual import escaped, leaves, manual

DAY = datetime(2026, 11, 25, tzinfo=UTC)
FILES = {"/etc/x-y.toml": "Settings."}


def page() -> str:
    return manual(cli, "qianzhi", "1.2", DAY, FILES)


def shown(text: str) -> str:
    """What roff shows of escaped text: the reverse of `escaped`, told by man(7) and not by its code."""
    lines = [line.removeprefix("\\&") for line in text.split("\n")]
    return "\n".join(lines).replace("\\-", "-").replace("\\e", "\\")


@given(st.text(alphabet=st.sampled_from("\\&-e.' a\n前")))
def test_text_is_shown_as_it_is_and_no_line_is_a_request(text: str) -> None:
    made = escaped(text)
    assert [line for line in made.split("\n") if line[:1] in (".", "'")] == []
    assert shown(made) == text


def test_every_command_and_option_of_the_help_is_in_the_manual() -> None:
    page_text = shown(page())
    commands = list(leaves(cli, click.Context(cli, info_name="qianzhi")))
    assert len(commands) > len(cli.commands)
    for command, context in commands:
        assert f'.SS "{context.command_path} ' in page_text
        for option in command.params:
            if isinstance(option, click.Option):
                assert f".B {', '.join(option.opts)}" in page_text


def test_files_and_the_exit_code_are_told() -> None:
    assert '.TH QIANZHI 1 2026-11-25 "qianzhi 1.2"\n' in page()
    assert ".SH FILES\n.TP\n.B /etc/x\\-y.toml\nSettings.\n.SH EXIT STATUS\n" in page()


def test_what_is_hidden_stays_hidden() -> None:
    group = click.Group(
        "x", [click.Command("seen", help="Is seen."), click.Command("unseen", help="Is not.", hidden=True)]
    )
    page_text = manual(group, "x", "1", DAY, {})
    assert ("x seen" in page_text, "unseen" in page_text) == (True, False)


@pytest.mark.skipif(shutil.which("groff") is None, reason="groff is not on this machine")
def test_roff_has_no_complaint() -> None:
    done = subprocess.run(
        ["groff", "-k", "-man", "-Tutf8", "-ww", "-rLL=100n"],
        input=page(),
        capture_output=True,
        text=True,
        check=False,
        encoding="utf-8",
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "qianzhi day cutover [OPTIONS]" in re.sub("\x1b\\[[0-9]+m|.\x08", "", done.stdout)
