"""The pages' examples: console blocks that are marked as executed, and what runs them and compares.

    <!-- executed -->
    ```console
    $ a command
    what it prints
    ```

All of a page's marked blocks run in order in one fresh folder, each command by `sh`, and must end with code
0: `|| echo "exit $?"` shows another. Standard error counts as output.

- `...` stands for any text within a line; alone in a line, for any number of lines.
- `> ` goes on with the command of the line before.
- `li$ ` is the same prompt at the keyboard of a person of that name.
- A command that ends with ` &` goes on in the background once it has printed the lines below it, to its
  standard output. `kill %1` ends the first of them (SIGTERM, which must give code 0; `kill -9 %1`: SIGKILL);
  a page ends all of them.
- `samples` in that folder is the checkout's.
- Ports 8580 to 8589 stand for ports that are free when the test runs.

Nothing here knows what is on a page; `test_examples.py` does.
"""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tests.docs.pages import ROOT
from tests.support.forking import program, programs
from tests.support.ports import own_ports

MARK = "<!-- executed -->"
_OPENING, _CLOSING = "```console", "```"
_PROMPT = re.compile(r"(?P<person>[a-z]+)?\$ (?P<text>.*)")
_CONTINUED = "> "
_KILL = re.compile(r"kill (?P<hard>-9 )?%(?P<number>[0-9]+)")
_PORTS = re.compile(r"\b858([0-9])\b")
SECONDS = 60


class PageError(Exception):
    """A page's example is not written as it must be."""


class ExampleFailed(Exception):
    """An example did not print what the page says."""


class Command(NamedTuple):
    """One command of a page: the line it stands in, who gives it, its text, and what it must print."""

    line: int
    person: str
    text: str
    expected: tuple[str, ...]


def commands(text: str, mark: str = MARK) -> tuple[Command, ...]:
    """The commands of a page's blocks under `mark`. Raises PageError for a mark without a block, or a block
    that does not begin with a command or does not end.
    """
    results: list[Command] = []
    lines = iter(enumerate(text.splitlines(), 1))
    for number, line in lines:
        if line == mark:
            if next(lines, (0, ""))[1] != _OPENING:
                raise PageError(f"line {number}: after {mark} comes {_OPENING}")
            results += _block(number, lines)
    return tuple(results)


def _block(start: int, lines: Iterator[tuple[int, str]]) -> list[Command]:
    results: list[Command] = []
    for number, line in lines:
        if line == _CLOSING:
            return results
        if prompt := _PROMPT.fullmatch(line):
            results.append(Command(number, prompt["person"] or "", prompt["text"], ()))
        elif not results:
            raise PageError(f"line {number}: a block begins with a command")
        elif line.startswith(_CONTINUED) and not results[-1].expected:
            results[-1] = results[-1]._replace(text=f"{results[-1].text}\n{line[len(_CONTINUED) :]}")
        else:
            results[-1] = results[-1]._replace(expected=(*results[-1].expected, line))
    raise PageError(f"line {start}: the block does not end")


def agrees(expected: tuple[str, ...], printed: str) -> bool:
    """Whether a command printed what the page says; blanks at lines' ends do not count."""
    pattern = ""
    for line in expected:
        if line.strip() == "...":
            pattern += r"(?:.*\n)*?"
        else:
            pattern += ".*".join(re.escape(part) for part in line.rstrip().split("...")) + r"\n"
    wording = "".join(f"{line.rstrip()}\n" for line in printed.splitlines())
    return re.fullmatch(pattern, wording) is not None


class Shell:
    """A folder in which a page's commands run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "page"
        self.folder.mkdir()
        (self.folder / "samples").symlink_to(ROOT / "samples")
        self._programs = folder / "programs"
        self._first_port = own_ports()
        self._jobs: list[subprocess.Popen[str]] = []

    def run(self, command: Command) -> None:
        """Give a command and compare. Raises ExampleFailed."""
        expected = tuple(map(self._here, command.expected))
        if kill := _KILL.fullmatch(command.text):
            code, printed = self._kill(int(kill["number"]), hard=bool(kill["hard"])), ""
        elif command.text.endswith(" &"):
            code, printed = 0, self._begin(self._here(command.text[:-2]), len(expected))
        else:
            done = subprocess.run(
                ["sh", "-c", self._here(command.text)],
                **self._surroundings(command.person),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                timeout=SECONDS,
                check=False,
            )
            code, printed = done.returncode, done.stdout
        if code or not agrees(expected, printed):
            raise ExampleFailed(
                f"line {command.line}: {command.text}\nended with {code} and printed\n{printed}"
                f"\nwhere the page has\n{chr(10).join(expected)}"
            )

    def close(self) -> tuple[str, ...]:
        """End what is still in the background; what the page did not end itself."""
        running = [job for job in self._jobs if job.poll() is None]
        for job in running:
            os.killpg(job.pid, signal.SIGKILL)
            job.wait(SECONDS)
        for job in self._jobs:
            assert job.stdout is not None  # it was asked for
            job.stdout.close()
        return tuple(shlex.join(map(str, job.args)) for job in running)  # type: ignore[arg-type]

    def _begin(self, text: str, lines: int) -> str:
        """Begin a command in the background, and wait until it has printed so many lines."""
        job = subprocess.Popen(
            ["sh", "-c", f"exec {text}"],
            **self._surroundings(""),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            process_group=0,
        )
        self._jobs.append(job)
        assert job.stdout is not None  # it was asked for
        return "".join(job.stdout.readline() for _ in range(lines))

    def _kill(self, number: int, *, hard: bool) -> int:
        job = self._jobs[number - 1]
        os.killpg(job.pid, signal.SIGKILL if hard else signal.SIGTERM)
        code = job.wait(SECONDS)
        assert job.stdout is not None  # it was asked for
        job.stdout.read()
        return 0 if hard and code == -signal.SIGKILL else code

    def _here(self, text: str) -> str:
        """A page's text with the ports that are free here."""
        return _PORTS.sub(lambda found: str(self._first_port + int(found[1])), text)

    def _surroundings(self, person: str) -> dict[str, object]:
        """What every command has: the folder, the programs, a known terminal and language."""
        path = [str(programs()), str(Path(sys.executable).parent), os.environ["PATH"]]
        if person:
            path.insert(0, str(self._keyboard(person)))
        env = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "COV"))},
            **{"PATH": os.pathsep.join(path), "COLUMNS": "100", "TERM": "dumb", "LC_ALL": "C.UTF-8"},
            **{"PYTHONPATH": str(ROOT), "PYTHONSAFEPATH": "1"},
        }
        return {"cwd": self.folder, "env": env, "text": True, "encoding": "utf-8", "umask": 0o077}

    def _keyboard(self, person: str) -> Path:
        """A folder whose `qianzhi` is this person's."""
        folder = self._programs / person
        if not folder.exists():
            folder.mkdir(parents=True)
            program(folder / "qianzhi", "tests.docs.keyboard:main", person)
        return folder


def run_page(text: str, folder: Path) -> int:
    """Run all of a page's examples; how many commands these were. Raises PageError or ExampleFailed."""
    examples = commands(text)
    shell = Shell(folder)
    try:
        for command in examples:
            shell.run(command)
    finally:
        left = shell.close()
    if left:
        raise ExampleFailed(f"the page leaves in the background: {', '.join(left)}")
    return len(examples)
