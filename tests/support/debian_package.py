"""The Debian package for tests: made by a process of its own, once for all processes of a run."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.package import PYTHON
from tests.support.shared_folder import one_at_a_time

ROOT = Path(__file__).resolve().parent.parent.parent
NO_NETWORK = re.compile(r"name resolution|Network is unreachable|Connection refused|timed out")


def lacking() -> str:
    """Why the package cannot be made here; empty if it can."""
    if shutil.which("dpkg-deb") is None:
        return "dpkg-deb is not on this machine"
    return "" if Path(PYTHON).exists() else f"{PYTHON}, for which the package is made, is not on this machine"


def make(output: Path, wheels: Path, umask: str, **environment: str) -> Path:
    """Make the package by a process of its own; skips the test where what is pinned cannot be had."""
    output.mkdir()
    (output / "wheels").symlink_to(wheels)
    command = f'umask {umask}; exec "$0" -m deploy.package "$1"'
    done = subprocess.run(
        ["sh", "-c", command, sys.executable, str(output)],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env={**os.environ, **environment},
    )
    if done.returncode and NO_NETWORK.search(done.stderr):
        pytest.skip("the package index cannot be reached")
    assert (done.returncode, done.stderr) == (0, "")
    return Path(done.stdout.strip())


def made_once(wheels: Path) -> Path:
    """The package, made by whichever process of the run comes first."""
    with one_at_a_time(wheels, "made"):
        made = list((wheels / "made").glob("*.deb"))
        return made[0] if made else make(wheels / "made", wheels, "022", TZ="UTC")
