"""What CONTRIBUTING tells a newcomer is there: its files, its commands, the commit hooks' programs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
HOOKS = (ROOT / ".pre-commit-config.yaml").read_text("utf-8")


def named(text: str) -> list[str]:
    """Each path that a text has between backticks, or links to. NAME stands for any name."""
    quoted = re.findall(r"`([\w./-]+/[\w./-]*|[\w-]+\.(?:py|toml|md))`", text)
    linked = re.findall(r"\]\(([^)#]+)\)", text)
    return sorted({path for path in [*quoted, *linked] if "NAME" not in path})


def test_each_file_that_is_named_is_there() -> None:
    assert [path for path in named(PAGE) if not (ROOT / path).exists()] == []


def test_the_page_names_files() -> None:
    assert len(named(PAGE)) > 30


@pytest.mark.parametrize("text", [PAGE, HOOKS], ids=["CONTRIBUTING.md", ".pre-commit-config.yaml"])
def test_each_command_that_is_named_is_a_target(text: str) -> None:
    commands = set(re.findall(r"(?:`|entry: )make ([a-z-]+)", text))
    assert commands
    assert commands - TARGETS == set()
