"""Each package's text names every module of it."""

from __future__ import annotations

import re
from pathlib import Path
from types import ModuleType

import pytest

from ledger import book, rules


@pytest.mark.parametrize("package", [rules, book], ids=lambda package: package.__name__)
def test_the_map_names_every_module(package: ModuleType) -> None:
    _, _, listed = (package.__doc__ or "").partition("The modules")
    modules = {file.stem for file in Path(str(package.__file__)).parent.glob("*.py")} - {"__init__"}
    assert modules <= set(re.findall(r"[a-z_]+", listed))
