"""The `qianzhi` command as a process: what it says, when it fails, and that nothing of it stays behind."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

import pytest

from simulators.processes import ProcessError, ports_of, qianzhi, run, serving

# A machine that names its ports, logs a line, and waits for SIGTERM; it is started with "serve CONFIG".
MACHINE = """
import signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: sys.exit({code}))
print("the log", file=sys.stderr, flush=True)
print("bank 01020000 127.0.0.1:8583 2be", flush=True)
print("status http://127.0.0.1:8580/status", flush=True)
while True:
    time.sleep(60)
"""


def machine(code: int = 0) -> tuple[str, ...]:
    """The command of a machine that ends with this exit code when it is stopped."""
    return (sys.executable, "-c", MACHINE.format(code=code))


def test_a_command_that_fails_raises_what_it_wrote(tmp_path: Path) -> None:
    missing = str(tmp_path / "none.toml")
    with pytest.raises(ProcessError, match=r"qianzhi journal verify .* gave 1:\n") as caught:
        qianzhi("journal", "verify", "--config", missing)
    assert missing in str(caught.value)
    assert missing in qianzhi("journal", "verify", "--config", missing, code=1), "expected: its errors"
    assert run("--version").returncode == 0


def test_ports_are_read_up_to_the_status_port_and_no_further() -> None:
    lines = iter(
        [
            "front book front.db\n",
            "bank 01020000 127.0.0.1:8583 2be\n",
            "bank 104 [::1]:8584 2be\n",
            "status http://127.0.0.1:8580/status\n",
            "later\n",
        ]
    )
    assert ports_of(lines) == {"01020000": 8583, "104": 8584, "status": 8580}
    assert next(lines) == "later\n"


@pytest.mark.parametrize("lines", [[], ["bank 01020000 127.0.0.1:8583 2be\n"]])
def test_a_machine_without_a_status_port_did_not_start(lines: list[str]) -> None:
    with pytest.raises(ProcessError, match="the machine did not start"):
        ports_of(lines)


def test_a_machine_serves_until_the_block_is_over(tmp_path: Path) -> None:
    with serving(tmp_path / "qianzhi.toml", machine()) as served:
        assert served.ports == {"01020000": 8583, "status": 8580}
        assert served.status_url == "http://127.0.0.1:8580/status"
        assert served.process.poll() is None
    assert served.process.returncode == 0
    assert (tmp_path / "serve.log").read_text(encoding="utf-8") == "the log\n"


def test_a_machine_that_does_not_start_or_does_not_end_well_says_what_it_logged(tmp_path: Path) -> None:
    failing = (sys.executable, "-c", "import sys; sys.exit('no book')")
    with (
        pytest.raises(ProcessError, match="the machine did not start:\nno book\n"),
        serving(tmp_path / "a.toml", failing),
    ):
        pass
    with (
        pytest.raises(ProcessError, match=r"the machine ended with code 3:\n(no book\n)?the log\n"),
        serving(tmp_path / "b.toml", machine(3)),
    ):
        pass


def test_a_machine_that_was_killed_within_the_block_is_no_fault(tmp_path: Path) -> None:
    with serving(tmp_path / "qianzhi.toml", machine()) as served:
        served.process.kill()
        served.process.wait()
    assert served.process.returncode == -signal.SIGKILL


def test_a_block_that_fails_leaves_no_process(tmp_path: Path) -> None:
    with pytest.raises(KeyError), serving(tmp_path / "qianzhi.toml", machine()) as served:
        raise KeyError
    assert served.process.returncode == -signal.SIGKILL
