"""Somebody else: a process of its own that becomes another user, and then says who it is, connects to a
socket, or gives a command.

    python -m tests.support.other_user BECOME say PROC | connect SOCKET | command ARGUMENT...

A fork would not do: the test's process has threads, and a child that changes its user waits for theirs for
ever.
"""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from click.testing import CliRunner

from console.main import cli
from fep.operator.identity import at_keyboard

ROOT = Path(__file__).resolve().parents[2]
NOBODY = pwd.getpwnam("nobody").pw_uid
SECONDS = 60


def _nothing() -> None:
    """Stay who one is."""


def _other_user() -> None:
    os.environ.update(LOGNAME="wang", USER="wang")
    os.setresuid(NOBODY, NOBODY, NOBODY)


def _other_real_user() -> None:
    """As by a program that runs as its owner: files open as before, and click's look at them is passed."""
    os.environ["LOGNAME"] = "li"
    os.setresuid(NOBODY, 0, 0)
    os.access = lambda *_, **__: True


BECOME: dict[str, Callable[[], object]] = {
    "nobody else": _nothing,
    "another user": _other_user,
    "another real user": _other_real_user,
    "another effective user": lambda: os.seteuid(NOBODY),
    "logged in": lambda: Path("/proc/self/loginuid").write_text(str(NOBODY)),
}
"""What a process does to itself first; `logged in` is what pam_loginuid does at a login."""


def namespace(number: int) -> tuple[str, ...]:
    """The words before a command that give it a user namespace in which its user has this number."""
    return ("unshare", "--user", f"--map-user={number}", "--mount")


def can_have_namespaces() -> bool:
    """Whether this user may make a user namespace here, and mount in it."""
    if shutil.which("unshare") is None:
        return False
    return subprocess.run([*namespace(NOBODY), "true"], capture_output=True, check=False).returncode == 0


def started(become: str, *what: str, before: tuple[str, ...] = ()) -> subprocess.Popen[str]:
    """Begin to be somebody else; `before` are the words of a command that runs another."""
    command = [*before, sys.executable, "-m", "tests.support.other_user", become, *what]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def main(become: str, what: str, *arguments: str) -> int:
    """Do what the arguments say."""
    BECOME[become]()
    if what == "say":
        sys.stdout.write(at_keyboard(Path(arguments[0])))
    elif what == "connect":
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(arguments[0])
            connection.recv(1)
    else:
        return int(CliRunner().invoke(cli, arguments).exception is not None)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
