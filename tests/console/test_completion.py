"""`qianzhi completion`: a shell's own script, how to install it, and that it completes."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from console.completion import INSTALL
from console.main import cli
from tests.support.builders import BANK
from tests.support.machine import write_settings


@pytest.mark.parametrize("shell", INSTALL)
def test_each_shell_gets_its_script_and_is_told_where_it_goes(shell: str) -> None:
    result = CliRunner().invoke(cli, ["completion", shell])
    assert result.exit_code == 0
    assert result.stdout.startswith(f"# To install: {INSTALL[shell]}")
    assert f"_QIANZHI_COMPLETE={shell}_complete" in result.stdout
    if shutil.which(shell):
        assert (
            subprocess.run(
                [shell, "-n", "/dev/stdin"], input=result.stdout, text=True, check=False
            ).returncode
            == 0
        )


def test_the_program_completes_a_banks_code(tmp_path: Path) -> None:
    write_settings(tmp_path, f"sqlite:///{tmp_path}/front.db")
    words = f"qianzhi bank test --config {tmp_path}/qianzhi.toml {BANK[:3]}"
    given = {"COMP_WORDS": words, "COMP_CWORD": "5", "_QIANZHI_COMPLETE": "bash_complete"}
    program = str(Path(sys.executable).with_name("qianzhi"))
    completed = subprocess.run(
        [program], env={**given, "PATH": "/usr/bin:/bin"}, capture_output=True, text=True, check=False
    )
    assert f"plain,{BANK}" in completed.stdout.splitlines()
