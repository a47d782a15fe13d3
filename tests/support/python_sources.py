"""What the house rules read: every Python file of ours, what it imports and which names it uses.

No rule belongs here (`tests.support.house_rules`).
"""

from __future__ import annotations

import ast
import configparser
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PURE = ("qianzhi_errors", "protocol", "ledger", "receipts", "office", "customers", "collection", "archive")
PACKAGES = (*PURE, "firewall_rules", "fep", "simulators", "console")
# Each rule reads every file: what is read of one is kept.
parsed = cache(ast.parse)


@cache
def nodes(tree: ast.AST) -> tuple[ast.AST, ...]:
    """A tree's nodes, as ast.walk gives them."""
    return tuple(ast.walk(tree))


def package_of(path: str) -> str:
    """The first folder of a path within the project: `ledger/rules/decide.py` is in `ledger`."""
    return path.partition("/")[0]


@cache
def imports(tree: ast.AST) -> tuple[tuple[int, str, str], ...]:
    """Line, dotted name and local name of everything that is imported, wherever in the file."""
    return tuple(_imports(tree))


def _imports(tree: ast.AST) -> Iterator[tuple[int, str, str]]:
    for node in nodes(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name, alias.asname or alias.name.partition(".")[0]
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                origin = "." * node.level + (node.module or "")
                yield node.lineno, f"{origin}.{alias.name}", alias.asname or alias.name


def module_name(path: str) -> str:
    """`ledger/rules/decide.py` is the module `ledger.rules.decide`, `ledger/__init__.py` is `ledger`."""
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def dotted(node: ast.AST, origins: Mapping[str, str]) -> str | None:
    """The full dotted name that an expression means, by what the file imports; None for anything else."""
    if isinstance(node, ast.Name):
        return origins.get(node.id, f"builtins.{node.id}")
    if isinstance(node, ast.Attribute):
        owner = dotted(node.value, origins)
        return owner and f"{owner}.{node.attr}"
    return None


@cache
def names(tree: ast.AST) -> tuple[tuple[int, str], ...]:
    """Line and full dotted name of everything that the file imports or reads."""
    return tuple(_names(tree))


def _names(tree: ast.AST) -> Iterator[tuple[int, str]]:
    origins = {}
    for node in nodes(tree):
        if isinstance(node, ast.Import):
            origins |= {alias.asname: alias.name for alias in node.names if alias.asname}
            plain = [alias.name.partition(".")[0] for alias in node.names if not alias.asname]
            origins |= {name: name for name in plain}
        elif isinstance(node, ast.ImportFrom):
            origins |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    for line, name, _local in imports(tree):
        yield line, name
    for node in nodes(tree):
        if isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Load):
            yield node.lineno, dotted(node, origins) or ""


def commands() -> dict[str, str]:
    """The commands that setup.cfg names, each with the module that it starts."""
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg", encoding="utf-8")
    scripts = parser["options.entry_points"]["console_scripts"].split("\n")
    pairs = (line.partition("=") for line in scripts if line)
    return {name.strip(): place.partition(":")[0].strip() for name, _, place in pairs}


def started_modules() -> frozenset[str]:
    """The modules that setup.cfg's commands start."""
    return frozenset(commands().values())


def project_sources() -> dict[str, str]:
    """Path within the project -> text, of all Python that is ours."""
    folders = (*PACKAGES, "bench", "deploy", "fuzz", "samples", "tests")
    files = (file for folder in folders for file in (ROOT / folder).rglob("*.py"))
    return {file.relative_to(ROOT).as_posix(): file.read_text(encoding="utf-8") for file in files}
