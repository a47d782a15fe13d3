"""The project keeps the house rules, and each rule is seen to fail on a text that breaks it."""

from __future__ import annotations

import pytest

from console.main import COMMANDS
from tests.support.house_rules import (
    LINES_OF_FUNCTION_MAX,
    LINES_OF_MODULE_MAX,
    RETURN_IT,
    RULES,
    TAKE_DATA,
    TAKE_ENTROPY,
    TAKE_NOW,
    Rule,
    dead_modules,
    import_directions,
    integers_only,
    module_docstring,
    no_drawer,
    no_wildcard,
    nothing_left_over,
    nothing_swallowed,
    pure,
    sizes,
    third_party_places,
)
from tests.support.python_sources import PACKAGES, package_of, project_sources, started_modules


def test_the_project_keeps_the_rules() -> None:
    """One test for all rules, since each reads every file, which is parsed once a process."""
    sources = project_sources().items()
    findings = [
        f"{finding} ({rule.__name__})"
        for rule in RULES
        for path, source in sources
        for finding in rule(path, source)
    ]
    assert findings == [], "\n".join(findings)


def test_no_module_is_dead() -> None:
    findings = dead_modules(project_sources(), started_modules() | {place.module for place in COMMANDS})
    assert findings == [], "\n".join(findings)


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


@pytest.mark.parametrize(("rule", "path", "source", "wording"), BROKEN)
def test_rule_finds_what_breaks_it(rule: Rule, path: str, source: str, wording: str) -> None:
    findings = rule(path, source)
    assert [wording in finding for finding in findings] == [True], findings


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
