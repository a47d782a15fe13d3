"""Puts a mutant in the place of a module that is imported: code object by code object, or by importing anew.

Only the mutant's own process is changed, never a file. Where only the inside of functions differs, the
functions that exist get the mutant's code, whoever holds them; a table, a default or a class needs an import.
"""

from __future__ import annotations

import ast
import gc
import importlib.util
import sys
from collections.abc import Iterator
from functools import cache
from importlib.machinery import ModuleSpec, SourceFileLoader
from pathlib import Path
from types import CodeType, FunctionType
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
_OURS: Final = (
    "qianzhi_errors",
    "protocol",
    "ledger",
    "receipts",
    "firewall_rules",
    "fep",
    "office",
    "customers",
    "collection",
    "archive",
    "tests",
)

Place = tuple[str, int, bytes]


def module_name(path: str) -> str:
    """What ledger/rules/day.py is imported as."""
    return path.removesuffix(".py").replace("/", ".")


def swap_functions(path: str, mutant: str) -> bool:
    """Give the module's functions the mutant's code; False, and nothing is done, where that is not enough."""
    file = ROOT / path
    before = _codes_of(file)
    after = list(_codes(compile(mutant, str(file), "exec")))
    if len(before) != len(after):
        return False
    pairs = list(zip(before, after, strict=True))
    if any(_runs_at_import(old) and _own(old) != _own(new) for old, new in pairs):
        return False
    if any(old.co_freevars != new.co_freevars for old, new in pairs):
        return False
    changed = {_place(old): new for old, new in pairs if not _runs_at_import(old) and old != new}
    functions = [function for function in functions_of(file) if _place(function.__code__) in changed]
    if not functions:
        return False
    for function in functions:
        function.__code__ = changed[_place(function.__code__)]
    for value in vars(sys.modules[module_name(path)]).values():
        if hasattr(value, "cache_clear"):
            value.cache_clear()
    return True


def import_instead(path: str, mutant: str) -> None:
    """Forget the module and what leans on it; whoever imports it from now on gets the mutant."""
    leaning = _leaning_on(module_name(path))
    for name in list(sys.modules):
        is_test = name.startswith(("tests.", "test_")) and not name.startswith("tests.mutants")
        if name in leaning or is_test:
            package, _, module = name.rpartition(".")
            if package in sys.modules:  # where `from protocol import tlv` reads it
                vars(sys.modules[package]).pop(module, None)
            del sys.modules[name]
    sys.meta_path.insert(0, _Mutated(path, mutant))


@cache
def functions_of(file: Path) -> tuple[FunctionType, ...]:
    """The functions of a module that exist. To be asked once before gc.freeze, which hides them."""
    everything = gc.get_objects()
    return tuple(
        object_
        for object_ in everything
        if isinstance(object_, FunctionType) and object_.__code__.co_filename == str(file)
    )


@cache
def _codes_of(file: Path) -> tuple[CodeType, ...]:
    return tuple(_codes(compile(file.read_text("utf-8"), str(file), "exec")))


def _codes(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _codes(constant)


def _runs_at_import(code: CodeType) -> bool:
    """Whether this is a module's or a class's body."""
    return not code.co_flags & 2  # CO_NEWLOCALS: a function's


def _own(code: CodeType) -> tuple[bytes, tuple[object, ...], tuple[str, ...]]:
    constants = (repr(constant) for constant in code.co_consts if not isinstance(constant, CodeType))
    return code.co_code, tuple(constants), code.co_names


def _place(code: CodeType) -> Place:
    return code.co_qualname, code.co_firstlineno, code.co_linetable


class _Mutated:
    """Finds one module as its mutant."""

    def __init__(self, path: str, source: str) -> None:
        self._name, self._file, self._source = module_name(path), str(ROOT / path), source

    def find_spec(self, name: str, *_: object) -> ModuleSpec | None:
        """The mutant, if the module is asked for."""
        if name != self._name:
            return None
        loader = _SourceGiven(name, self._file)
        loader.source = self._source
        return importlib.util.spec_from_file_location(name, self._file, loader=loader)


class _SourceGiven(SourceFileLoader):
    """Loads a module from the source that is given in the place of its file's."""

    source = ""

    def get_code(self, fullname: str) -> object:
        """The mutant, compiled; nothing is cached."""
        return compile(self.source, self.path, "exec")


def _leaning_on(module: str) -> set[str]:
    """The imported modules of ours that import a module, or one that does."""
    graph = {name: _imports(name) for name in sys.modules if name.split(".")[0] in _OURS}
    leaning = {module}
    while grown := {name for name, used in graph.items() if name not in leaning and used & leaning}:
        leaning |= grown
    return leaning


def _imports(name: str) -> set[str]:
    """The modules that a module of ours imports, by its text."""
    file = getattr(sys.modules[name], "__file__", None)
    used: set[str] = set()
    for node in ast.walk(ast.parse(Path(file).read_text("utf-8"))) if file else ():
        if isinstance(node, ast.Import):
            used.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            used.add(node.module)
            used.update(f"{node.module}.{alias.name}" for alias in node.names)
    return used
