"""The program bears its units' system call filters; what they refuse, they refuse."""

from __future__ import annotations

import ctypes
import re
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from fep.setup.certificates import self_signed

ROOT = Path(__file__).resolve().parent.parent.parent
FRONT, OFFICE = (ROOT / "deploy" / f"qianzhi-{name}.service" for name in ("fep", "office"))


def _lacking() -> str:
    if shutil.which("systemd-analyze") is None:
        return "systemd-analyze, which knows the sets of system calls, is not on this machine"
    try:
        ctypes.CDLL("libseccomp.so.2")
    except OSError:
        return "libseccomp is not on this machine"
    return ""


pytestmark = pytest.mark.skipif(bool(_lacking()), reason=_lacking())

# A handshake of two ends in memory, each of which asks Python about the other's certificate.
HANDSHAKE = """
import sys
from pathlib import Path
from OpenSSL import SSL
from fep.links.tls import Pinned, pin_of_file
certificate, key = map(Path, sys.argv[1:])
end = Pinned(certificate, key, [pin_of_file(certificate)])
server, client = end.serverConnectionForTLS(None), end.clientConnectionForTLS(None)
server.set_accept_state()
client.set_connect_state()
done = set()
while len(done) < 2:
    for one, other in ((client, server), (server, client)):
        try:
            one.do_handshake()
            done.add(one)
        except SSL.WantReadError:
            pass
        try:
            other.bio_write(one.bio_read(65536))
        except SSL.WantReadError:
            pass
print("shaken", client.get_protocol_version_name())
"""


def confined(unit: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [
        sys.executable,
        str(ROOT / "tests" / "support" / "system_call_filter.py"),
        str(unit),
        *arguments,
    ]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[str, str]:
    made = self_signed("confined", datetime.now(UTC))
    paths = tmp_path / "x.crt", tmp_path / "x.key"
    for path, content in zip(paths, (made.certificate, made.key), strict=True):
        path.touch(mode=0o600)
        path.write_bytes(content)
    return str(paths[0]), str(paths[1])


def test_the_front_serves_tls_under_its_filter(certificate: tuple[str, str]) -> None:
    done = confined(FRONT, "-c", HANDSHAKE, *certificate)
    assert (done.stdout, done.stderr) == ("shaken TLSv1.3\n", "")


def test_tls_cannot_do_without_memory_that_is_written_and_run(certificate: tuple[str, str]) -> None:
    """Why the front's unit lacks a line that the office's has. Should this fail, put the line in."""
    done = confined(OFFICE, "-c", HANDSHAKE, *certificate)
    assert (done.stdout, "MemoryError" in done.stderr) == ("", True)


@pytest.mark.parametrize("unit", [FRONT, OFFICE], ids=["front", "office"])
def test_a_database_is_written_and_commands_run_under_either_filter(unit: Path, tmp_path: Path) -> None:
    program = "import sqlite3, sys; sqlite3.connect(sys.argv[1]).execute('CREATE TABLE x (y)'); print('made')"
    assert confined(unit, "-c", program, str(tmp_path / "x.db")).stdout == "made\n"
    completed = confined(unit, "-m", "console.main", "--version")
    assert (completed.returncode, completed.stderr) == (0, "")
    assert re.search(r"version [0-9.]+$", completed.stdout)


@pytest.mark.parametrize("unit", [FRONT, OFFICE], ids=["front", "office"])
@pytest.mark.parametrize(
    "refused", ["os.chroot('/')", "os.setuid(0)", "socket.sethostname('x')", "time.clock_settime(0, 0)"]
)
def test_what_the_program_never_does_is_refused(unit: Path, refused: str) -> None:
    program = f"import os, socket, time\ntry:\n    {refused}\nexcept PermissionError:\n    print('refused')"
    assert confined(unit, "-c", program).stdout == "refused\n"
