"""The parts of a package import each other one way only, by one table for all packages."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

import pytest

from tests.support.python_sources import ROOT, imports, module_name, parsed, project_sources

PARTS: Final = MappingProxyType(
    {
        "ledger.rules": ("ledger.errors",),
        "ledger.files": ("ledger.rules", "ledger.errors"),
        "ledger.book": ("ledger.rules", "ledger.files", "ledger.errors"),
        "customers.rules": (),
        "customers.database": ("customers.rules",),
        "customers.notices": (
            *("customers.rules", "customers.database", "customers.book", "customers.contacts"),
            *("customers.keys", "customers.errors", "customers.sender_settings"),
            *("customers.load", "customers.sealing", "customers.serving"),
        ),
        "collection.forms": ("collection.errors",),
        "collection.rules": (),
        "collection.database": ("collection.rules",),
        "office.database": (),
        "office.intake": ("office.database", "office.errors"),
        "office.receipts": ("office.database", "office.errors"),
        "office.accounting": ("office.database", "office.config", "office.errors"),
        "office.matching": ("office.accounting", "office.database", "office.errors"),
        "office.reports": ("office.accounting", "office.database", "office.errors"),
        "office.statements": ("office.accounting", "office.database", "office.errors"),
        "office.exports": ("office.accounting", "office.reports", "office.database", "office.errors"),
        "office.audit": ("office.database",),
    }
)
"""Part of a package -> what it may import of its package beside itself. The modules that stand in the package
itself (office/close.py) bring the parts together and may import them all; a part imports none of those but
what it has here.
"""


def part_of(path: str) -> str:
    """The part of a package in which a file is, or nothing: `office/intake/take.py` is in `office.intake`."""
    return next((part for part in PARTS if f"{module_name(path)}.".startswith(f"{part}.")), "")


def part_directions(path: str, source: str) -> list[str]:
    """A part imports, of its own package, only the parts below it."""
    part = part_of(path)
    if not part:
        return []
    package = part.partition(".")[0]
    allowed = (part, *PARTS[part])
    return [
        f"{path}:{line}: {part} may not import {name}; of {package} it may import {', '.join(allowed)}"
        for line, name, _local in imports(parsed(source))
        if name.partition(".")[0] == package and not any(f"{name}.".startswith(f"{top}.") for top in allowed)
    ]


def test_the_parts_import_one_way() -> None:
    sources = project_sources()
    findings = [line for path, source in sources.items() for line in part_directions(path, source)]
    assert findings == [], "\n".join(findings)


def test_every_part_of_these_packages_is_in_the_table() -> None:
    packages = {part.partition(".")[0] for part in PARTS}
    folders = {file.parent for package in packages for file in (ROOT / package).glob("*/__init__.py")}
    assert {module_name(folder.relative_to(ROOT).as_posix()) for folder in folders} == set(PARTS)


def test_the_table_has_no_circle() -> None:
    done: set[str] = set()
    for part, below in PARTS.items():
        assert {name for name in below if name in PARTS} <= done, part
        done.add(part)


@pytest.mark.parametrize(
    ("path", "source", "what"),
    [
        ("office/accounting/a.py", "from office.matching.lines import Ours", "import office.matching.lines"),
        ("office/intake/a.py", "import office.close", "import office.close"),
        ("office/intake/a.py", "def f():\n    from office import close", "import office.close"),
        ("office/database/__init__.py", "from office.errors import X", "import office.errors.X"),
        ("office/audit/a.py", "from office.accounting import books", "import office.accounting.books"),
        ("ledger/rules/a.py", "from ledger.files import layout", "import ledger.files.layout"),
    ],
)
def test_an_import_the_other_way_is_found(path: str, source: str, what: str) -> None:
    findings = part_directions(path, source)
    assert [what in finding for finding in findings] == [True], findings


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("office/matching/a.py", "from office.accounting.finding import Finding\nimport ledger.rules.entry"),
        ("office/matching/a.py", "from office.matching import lines"),
        ("office/close.py", "from office.matching.reconcile import reconcile"),
        ("console/office.py", "from office.reports import report"),
        ("office/databases.py", "from office.accounting import books"),
    ],
)
def test_an_import_that_keeps_the_way_passes(path: str, source: str) -> None:
    assert part_directions(path, source) == []
