"""docs/commands.md: what it shows of `qianzhi describe` is what the command says."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from click.testing import CliRunner

from console.describe import describe_command

PAGE = Path(__file__).parents[2] / "docs" / "commands.md"
EXAMPLE = re.compile(r"```text\n\$ qianzhi describe (.*)\n((?:.*\n)*?)```")


def test_the_examples_of_describe_are_what_it_says() -> None:
    examples = EXAMPLE.findall(PAGE.read_text(encoding="utf-8"))
    assert len(examples) == 2
    for arguments, shown in examples:
        done = CliRunner().invoke(describe_command, shlex.split(arguments), env={"COLUMNS": "100"})
        lines = (done.stdout + done.stderr).splitlines()
        assert [line.rstrip() for line in lines] == shown.splitlines()
