"""Layouts of statements: how one bank writes them, read from TOML and checked.

Everything that differs between banks is data, in `office/statements/layouts/` or in a file of a bank's own;
`layouts/csv-heads.toml` explains the keys. No code may ask for a layout's name. Statements are read by
`csv_file` and `camt`.
"""

from __future__ import annotations

import re
import tomllib
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from ledger.errors import LayoutError
from ledger.files.wrong_value import reason_of
from office.statements.statement import Marks
from qianzhi_errors.sentence import Sentence, listed
from qianzhi_errors.toml_text import read_toml

_Word = Annotated[str, Field(min_length=1, max_length=40)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, defer_build=True)


class Heads(_Section):
    """The words before the values that stand above the table: `word,value` in a row of their own."""

    account: _Word = Field(description="the account's number, which must be that of the settings")
    number: _Word = Field(description="the statement's number, given once")
    from_date: _Word = Field(description="the first date that it covers")
    to_date: _Word = Field(description="the last date")
    opening: _Word = Field(description="the booked balance at its beginning, in yuan")
    closing: _Word = Field(description="the booked balance at its end")


class Columns(_Section):
    """The heads of the table's columns. `credit` is what came in and `debit` what went out; or `amount` has
    both, with a sign.
    """

    date: _Word = Field(description="the date of booking")
    credit: _Word | None = Field(default=None, description="what came in; empty or 0 if the line has a debit")
    debit: _Word | None = Field(default=None, description="what went out")
    amount: _Word | None = Field(default=None, description="instead of these two: + came in, - went out")
    reference: _Word | None = Field(default=None, description="the bank's own reference")
    text: _Word = Field(description="what the line is for")

    @model_validator(mode="after")
    def _has_an_amount(self) -> Columns:
        two = self.credit is not None and self.debit is not None
        if two == (self.amount is not None) or (self.credit is None) != (self.debit is None):
            raise ValueError(Sentence("credit and debit, or amount instead of both"))
        return self


class _MarkKeys(_Section):
    fee: Annotated[tuple[_Word, ...], Field(strict=False)] = ()
    settles: Annotated[str, Field(max_length=200)] = ""

    @field_validator("settles")
    @classmethod
    def _is_a_pattern(cls, value: str) -> str:
        try:
            groups = re.compile(value).groups if value else 1
        except re.error as error:
            raise ValueError(Sentence("is no regular expression: {error}", error=error)) from None
        if groups != 1:
            raise ValueError(Sentence("must have one group, the business date"))
        return value


class StatementLayout(_Section):
    """One layout, checked. `heads` and `columns` are those of a CSV file; camt.053 needs none."""

    format: Literal["csv", "camt.053"]
    encoding: Literal["utf-8", "gb18030"] = "utf-8"
    separator: Annotated[str, Field(pattern=r"^[,;|\t]$")] = ","
    heads: Heads | None = None
    columns: Columns | None = None
    marks: _MarkKeys = _MarkKeys()

    @model_validator(mode="after")
    def _has_what_its_format_needs(self) -> StatementLayout:
        if (self.format == "csv") != (self.heads is not None) or (self.heads is None) != (
            self.columns is None
        ):
            raise ValueError(Sentence("a csv layout has heads and columns, one of camt.053 has neither"))
        return self

    @property
    def line_marks(self) -> Marks:
        """How the bank says what a line is."""
        return Marks(self.marks.fee, self.marks.settles)


def shipped() -> tuple[str, ...]:
    """The names of the layouts in the package, sorted."""
    names = (entry.name for entry in files("office.statements").joinpath("layouts").iterdir())
    return tuple(sorted(name.removesuffix(".toml") for name in names if name.endswith(".toml")))


@cache
def load(name: str) -> StatementLayout:
    """A shipped layout, read once a process. Raises LayoutError if there is none of this name."""
    if name not in shipped():
        raise LayoutError(
            Sentence(
                "{name}: no such layout of statements; there are {layouts}",
                name=name,
                layouts=listed(tuple(shipped())),
            )
        )
    source = files("office.statements").joinpath("layouts", f"{name}.toml").read_text("utf-8")
    return parse(source, name)


def layout_of(name: str) -> StatementLayout:
    """A shipped layout by its name, or one read from the path of a TOML file. Raises LayoutError."""
    if name.endswith(".toml"):
        return parse(Path(name).read_text(encoding="utf-8"), name)
    return load(name)


def parse(source: str, file: str) -> StatementLayout:
    """The layout that a file's text describes. Raises LayoutError with the first wrong key and the reason."""
    try:
        return StatementLayout.model_validate(read_toml(source))
    except tomllib.TOMLDecodeError as error:
        raise LayoutError(Sentence("{file}: not TOML: {error}", file=file, error=error)) from None
    except ValidationError as error:
        fault = error.errors(include_url=False, include_input=False)[0]
        key = ".".join(map(str, fault["loc"])) or "the file"
        raise LayoutError(
            Sentence("{file}, {key}: {reason}", file=file, key=key, reason=reason_of(fault))
        ) from None
