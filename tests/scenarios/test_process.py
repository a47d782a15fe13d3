"""The machine as a process: it serves from the command line, and what it approved outlives its being
killed.
"""

from __future__ import annotations

import os
import re
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Timer

import pytest

from simulators.processes import PROGRAM, ports_of, run, serving
from tests.support.builders import BANK, book, message, policy, premium
from tests.support.child_processes import SECONDS, running
from tests.support.forking import programs
from tests.support.machine import Books, Client, load_front_book, write_settings

DUES = 400


@contextmanager
def signed_on(folder: Path) -> Iterator[tuple[subprocess.Popen[str], Client]]:
    """The machine as a process of its own, and a bank that has signed on to it."""
    program = (str(programs() / "qianzhi"),)
    with serving(folder / "qianzhi.toml", program) as machine, Client(machine.ports[BANK]) as bank:
        bank.sign_on()
        yield machine.process, bank


@pytest.mark.parametrize("answered", [1, 37, 250])
def test_every_approval_that_left_is_on_disk_after_a_kill(
    tmp_path: Path, database: str, answered: int
) -> None:
    settings = write_settings(tmp_path, database)
    names = range(DUES)
    load_front_book(
        settings, book([policy(f"P{n}") for n in names], [premium(f"D{n}", f"P{n}") for n in names])
    )
    sent = [message(groups=(("PN", f"P{n}"),)) for n in names]
    approved = []
    with signed_on(tmp_path) as (process, bank):
        for frame in sent:
            bank.send(frame)
        for _ in range(answered):
            answer = bank.receive()
            assert answer.fields[39] == "00"
            approved.append(answer.fields[11])
        process.kill()
        process.wait(timeout=30)
        assert process.stdout is not None
        process.stdout.read()  # to its end, which is when the machine is gone
    books = Books(database)
    on_disk = {row[0] for row in books.rows("SELECT stan FROM journal WHERE response = '00'")}
    assert set(approved) <= on_disk
    assert books.broken() == []
    settled = books.rows("SELECT count(*) FROM dues WHERE state = 'settled'")
    assert settled == [(len(on_disk),)]
    with signed_on(tmp_path) as (process, bank):
        for frame in sent:
            assert bank.ask(frame).fields[39] == "00", "a repeat is answered, an unknown one acts now"
    assert process.returncode == 0
    assert len(books.rows("SELECT stan FROM journal")) == DUES
    books.close()


def test_a_log_that_nobody_reads_stops_neither_the_machine_nor_its_end(tmp_path: Path) -> None:
    """Standard error is a pipe that is full from the start: each line of the log would wait for ever."""
    load_front_book(write_settings(tmp_path, f"sqlite:///{tmp_path}/front.db"))
    unread, full = os.pipe()
    os.set_blocking(full, False)
    with suppress(BlockingIOError):
        while True:
            os.write(full, b"." * 4096)
    os.set_blocking(full, True)
    with running([*PROGRAM, "serve", str(tmp_path / "qianzhi.toml")], stderr=full) as process:
        os.close(full)
        too_late = Timer(SECONDS, process.kill)
        too_late.start()
        assert process.stdout is not None
        with Client(ports_of(process.stdout)[BANK]) as bank:
            bank.sign_on()
            assert bank.ask(message()).fields[39] == "00"
        too_late.cancel()
        process.terminate()
    os.close(unread)
    assert process.returncode == 0


@pytest.mark.parametrize("option", ["--port", "--status-port"])
def test_a_machine_whose_port_is_taken_says_so_and_ends(tmp_path: Path, option: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        given = {"--port": "0", "--status-port": "0", option: port}
        words = [word for pair in given.items() for word in pair]
        assert run("init", str(tmp_path), *words).returncode == 0
        command = [*PROGRAM, "serve", str(tmp_path / "qianzhi.toml")]
        with running(command, stderr=subprocess.PIPE) as process:
            _, output = process.communicate(timeout=SECONDS)
    assert process.returncode == 1
    assert output.splitlines()[-1].startswith(f"qianzhi: Couldn't listen on 127.0.0.1:{port}: ")


def test_the_command_installs_loads_once_and_verifies(tmp_path: Path) -> None:
    config, file = str(tmp_path / "qianzhi.toml"), str(tmp_path / "book.csv")
    assert run("init", str(tmp_path), "--port", "0", "--status-port", "0").returncode == 0
    assert run("book", "sample", "50", "--output", file, "--date", "20261124").returncode == 0
    loaded = run("book", "load", file, "--config", config)
    assert (tmp_path / "front.db").stat().st_mode & 0o077 == 0
    assert (
        loaded.returncode,
        loaded.stdout.startswith("business day 20261124 has its dues: 50 policies"),
    ) == (
        0,
        True,
    )
    again = run("book", "load", file, "--config", config)
    assert (again.returncode, again.stderr) == (1, "qianzhi: this file was loaded already, for 20261124\n")
    assert run("journal", "verify", "--config", config).stdout == "every link holds\n"


def test_a_book_file_that_is_cut_off_is_refused_with_line_and_reason(tmp_path: Path) -> None:
    config, file = str(tmp_path / "qianzhi.toml"), tmp_path / "book.csv"
    run("init", str(tmp_path), "--port", "0", "--status-port", "0")
    run("book", "sample", "5", "--output", str(file), "--date", "20261124")
    file.write_bytes(file.read_bytes()[:-9])
    refused = run("book", "load", str(file), "--config", config)
    assert refused.returncode == 1
    assert re.match(r"qianzhi: line \d+.*\nqianzhi: nothing was loaded\n$", refused.stderr)
    output = run("day", "status", "--config", config).stdout
    assert output == "no business day yet: qianzhi book load FILE\n"
    assert run("audit-log", "--config", config).stdout.endswith(" load failed: BookFileError\n")


@pytest.mark.parametrize(
    "arguments", [("serve", "nothing.toml"), ("journal", "verify", "--config", "nothing.toml")]
)
def test_settings_that_are_missing_are_one_line(arguments: tuple[str, ...]) -> None:
    refused = run(*arguments)
    assert (refused.returncode, refused.stderr) == (
        1,
        "qianzhi: nothing.toml: cannot be read: No such file or directory\n",
    )
