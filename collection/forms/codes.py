"""Tables of codes: what a bank's code of a file or a line means, read from TOML and checked.

`codes/base.toml` explains the tables, and each begins with it. A code that no table knows is never guessed:
of a file it is `ask`, of a line `unknown`. No code here may ask for a bank's name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Final, Literal, TypeAlias

from pydantic import Field, field_validator

from collection.errors import FormError
from collection.forms.form_file import Form, Section, Word, checked
from ledger.files.near_name import near_name
from qianzhi_errors.sentence import Sentence, listed

FileOutcome: TypeAlias = Literal["accepted", "resend", "release", "ask"]
FailedClass: TypeAlias = Literal["funds", "temporary", "limit", "account", "mandate", "technical", "unknown"]
LineClass: TypeAlias = Literal["done"] | FailedClass

DONE: Final = "done"
UNKNOWN: Final = "unknown"
ASK: Final = "ask"
_BASE: Final = "base"
_TextForCustomer = Annotated[str, Field(min_length=1, max_length=80)]


@dataclass(frozen=True, slots=True)
class LineCode:
    """What a line's code means: its class, whether the due may be tried again, and what the customer is told.

    Only of class `done` was the money collected. Of class `unknown` nobody knows: it is not tried again.
    """

    klass: LineClass
    retry: bool
    zh: str
    en: str


class _Meaning(Section):
    """A class and what differs from it."""

    klass: FailedClass = Field(alias="class")
    retry: bool | None = None
    zh: _TextForCustomer | None = None
    en: _TextForCustomer | None = None


class _ClassMeaning(Section):
    retry: bool
    zh: _TextForCustomer
    en: _TextForCustomer


class _Table(Section):
    """A table as it stands in its file."""

    like: str = ""
    done: Annotated[tuple[Word, ...], Field(strict=False)] = ()
    files: dict[Word, FileOutcome] = Field({})
    classes: dict[FailedClass, _ClassMeaning] = Field({})
    lines: dict[Word, _Meaning] = Field({})

    @field_validator("lines", mode="before")
    @classmethod
    def _may_be_classes(cls, lines: object) -> object:
        if not isinstance(lines, dict):
            return lines
        return {
            code: {"class": meaning} if isinstance(meaning, str) else meaning
            for code, meaning in lines.items()
        }


@dataclass(frozen=True, slots=True)
class Codes:
    """A table of codes, with all that it begins with. `name` is what errors and records call it."""

    name: str
    files: Mapping[str, FileOutcome]
    lines: Mapping[str, LineCode]
    classes: Mapping[str, LineCode]

    def file(self, code: str) -> FileOutcome:
        """Return what a file's code means; `ask` for a code that the table does not know."""
        return self.files.get(code, ASK)

    def line(self, code: str) -> LineCode:
        """Return what a line's code means; class `unknown` for a code that the table does not know."""
        return self.lines.get(code, self.classes[UNKNOWN])

    def knows(self, code: str) -> bool:
        """Return whether the table has this code of a line: one that it has not is worth an alarm."""
        return code in self.lines


def hold_together(form: Form, codes: Codes) -> None:
    """Raise FormError where a form and a table of codes differ about what says done: one would say that a
    line's money came, and the other not.
    """
    said = {*form.answer.done, *(flag for flag, way in form.answer.flags.items() if way == DONE)}
    meant = {code for code, line in codes.lines.items() if line.klass == DONE}
    if said != meant:
        raise FormError(
            Sentence(
                "{codes}: the form has other codes for done than this table: {differing}",
                codes=codes.name,
                differing=listed(sorted(said ^ meant)),
            )
        )


def shipped() -> tuple[str, ...]:
    """Return the names of the tables in the package, sorted; the base is none of them."""
    names = (entry.name for entry in files("collection.forms").joinpath("codes").iterdir())
    tables = {name.removesuffix(".toml") for name in names if name.endswith(".toml")}
    return tuple(sorted(tables - {_BASE}))


def codes_of(name: str) -> Codes:
    """Return a shipped table by its name, or one read from the path of a TOML file. Raises FormError, and
    OSError where the file cannot be read.
    """
    return parse(Path(name).read_text(encoding="utf-8"), name) if name.endswith(".toml") else load(name)


@cache
def load(name: str) -> Codes:
    """Return a shipped table, read once a process. Raises FormError if there is none of this name."""
    return parse(_source(name), name)


def parse(source: str, name: str) -> Codes:
    """Return the table that a TOML text describes. Raises FormError with the first wrong key and why."""
    table = checked(_Table, source, name)
    below = load(table.like) if table.like else _of_base(checked(_Table, _source(_BASE), _BASE))
    classes = {**below.classes, **_classes(table)}
    lines = {**below.lines, **{code: _line(meaning, classes) for code, meaning in table.lines.items()}}
    lines |= {code: LineCode(DONE, retry=False, zh="扣款成功", en="collected") for code in table.done}
    return Codes(
        name,
        MappingProxyType({**below.files, **table.files}),
        MappingProxyType(lines),
        MappingProxyType(classes),
    )


def _source(name: str) -> str:
    if name not in (*shipped(), _BASE):
        raise FormError(
            Sentence(
                "no table of codes {name!r}; there are {names}{near}",
                name=name,
                names=listed(shipped()),
                near=near_name(name, shipped()),
            )
        )
    return files("collection.forms").joinpath("codes", f"{name}.toml").read_text("utf-8")


def _of_base(table: _Table) -> Codes:
    return Codes(_BASE, table.files, {}, _classes(table))


def _classes(table: _Table) -> dict[str, LineCode]:
    return {
        klass: LineCode(klass, meaning.retry and klass != UNKNOWN, meaning.zh, meaning.en)
        for klass, meaning in table.classes.items()
    }


def _line(meaning: _Meaning, classes: Mapping[str, LineCode]) -> LineCode:
    usual = classes[meaning.klass]
    retry = usual.retry if meaning.retry is None else meaning.retry
    return LineCode(
        meaning.klass,
        retry and meaning.klass != UNKNOWN,
        meaning.zh or usual.zh,
        meaning.en or usual.en,
    )
