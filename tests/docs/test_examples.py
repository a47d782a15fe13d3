"""Every example that a page marks as executed does what the page says; the runner sees where one does not."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

import pytest
from psycopg.conninfo import conninfo_to_dict

from simulators.cluster.postgresql import binaries
from tests.docs.examples import MARK, Command, ExampleFailed, PageError, agrees, commands, run_page
from tests.docs.pages import DOCS, ROOT, pages

pytestmark = pytest.mark.slow

PAGES = {
    path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
    for path in (ROOT / "README.md", *pages())
}
EXECUTED = [name for name, text in PAGES.items() if f"\n{MARK}\n" in text]
# What an example may use that neither Python nor POSIX brings.
PROGRAMS = ("openssl", "curl", "setsid", "look", "basenc")


@pytest.fixture
def server(postgresql: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where libpq's programs find the tests' PostgreSQL, and they themselves."""
    given = conninfo_to_dict(postgresql)
    for variable, name in (
        ("PGHOST", "host"),
        ("PGPORT", "port"),
        ("PGUSER", "user"),
        ("PGPASSWORD", "password"),
    ):
        if given.get(name):
            monkeypatch.setenv(variable, str(given[name]))
    monkeypatch.setenv("PATH", os.pathsep.join((str(binaries()), os.environ["PATH"])))


@pytest.mark.parametrize("name", EXECUTED)
def test_a_pages_examples_do_what_the_page_says(
    name: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    text = PAGES[name]
    if "$ createdb " in text:
        request.getfixturevalue("server")
    given = " ".join(command.text for command in commands(text))
    missing = [
        program for program in PROGRAMS if re.search(rf"\b{program}\b", given) and not shutil.which(program)
    ]
    if missing:
        pytest.skip(f"needs {', '.join(missing)}")
    run_page(text, tmp_path)


def test_pages_that_lead_somebody_through_work_are_executed() -> None:
    wanted = {f"{DOCS.name}/{name}.md" for name in ("connect", "day", "drill")}
    assert wanted - set(EXECUTED) == set()


def test_every_console_block_of_the_pages_is_executed() -> None:
    """So a reader knows by its prompt that a block is run; what is not run has no prompt. The page on
    installing is run by `tests/deploy/test_install_page.py`, in a root of its own.
    """
    pages = {name: text for name, text in PAGES.items() if name != "docs/install.md"}
    assert {
        name: text.count("```console") - text.count(f"{MARK}\n```console") for name, text in pages.items()
    } == dict.fromkeys(pages, 0)


def page(*lines: str, mark: str = MARK) -> str:
    return "\n".join(["# Page", mark, "```console", *lines, "```", "words"])


def test_commands_are_read_with_their_output_and_whose_they_are() -> None:
    text = page("$ one", "said", "", "li$ two \\", "> more", "> and more", "x > y")
    assert commands(text) == (
        Command(4, "", "one", ("said", "")),
        Command(7, "li", "two \\\nmore\nand more", ("x > y",)),
    )


def test_a_block_without_the_mark_is_not_run() -> None:
    assert commands(page("$ false", mark="")) == ()


@pytest.mark.parametrize(
    "text",
    [f"{MARK}\nwords", MARK, f"{MARK}\n```\n$ a\n```", page("said"), f"{MARK}\n```console\n$ a"],
)
def test_an_example_that_is_not_one_is_refused(text: str) -> None:
    with pytest.raises(PageError):
        commands(text)


@pytest.mark.parametrize(
    ("expected", "printed"),
    [
        ((), ""),
        (("a",), "a\n"),
        (("a",), "a"),
        (("a",), "a  \n"),
        (("a  ",), "a\n"),
        (("a ... c",), "a b c\n"),
        (("a...",), "a\n"),
        (("...", "c"), "a\nb\nc\n"),
        (("a", "..."), "a\n"),
        (("a.b",), "a.b\n"),
    ],
)
def test_what_agrees(expected: tuple[str, ...], printed: str) -> None:
    assert agrees(expected, printed)


@pytest.mark.parametrize(
    ("expected", "printed"),
    [
        ((), "a\n"),
        (("a",), ""),
        (("a",), "b\n"),
        (("a",), "a\nb\n"),
        (("a", "b"), "a\n"),
        (("a...c",), "a\nc\n"),
        (("...", "c"), "a\nb\n"),
        (("a.b",), "axb\n"),
        ((" a",), "a\n"),
    ],
)
def test_what_does_not_agree(expected: tuple[str, ...], printed: str) -> None:
    assert not agrees(expected, printed)


@pytest.mark.parametrize(
    ("lines", "ran"),
    [
        (["$ echo a", "a"], 1),
        (["$ echo a > file", "$ cat file", "a"], 2),
        (['$ false || echo "exit $?"', "exit 1"], 1),
        (["$ echo a >&2", "a"], 1),
        (["$ cat <<END", "> a", "> END", "a"], 1),
        (["$ echo 8583 | tr -d 0-9", ""], 1),
        (["$ sh -c 'trap \"exit 0\" TERM; echo up; while :; do sleep 0.1; done' &", "up", "$ kill %1"], 2),
        (["$ sh -c 'echo up; sleep 1000' &", "up", "$ kill -9 %1"], 2),
    ],
)
def test_what_does_as_its_page_says_is_run(lines: list[str], ran: int, tmp_path: Path) -> None:
    assert run_page(page(*lines), tmp_path) == ran


@pytest.mark.parametrize(
    "lines",
    [
        ["$ echo a", "b"],
        ["$ false"],
        ["$ echo a; exit 3", "a"],
        ["$ sh -c 'echo up; sleep 1000' &", "down", "$ kill -9 %1"],
        ["$ sh -c 'echo up; sleep 1000' &", "up"],
        ["$ sh -c 'echo up; sleep 1000' &", "up", "$ kill %1"],
    ],
)
def test_what_does_otherwise_fails_with_its_page(lines: list[str], tmp_path: Path) -> None:
    with pytest.raises(ExampleFailed):
        run_page(page(*lines), tmp_path)
