"""File forms: how one bank's batch files are written, read from TOML and checked.

Everything that differs between banks is data, in `collection/forms/forms/` or in a file of one's own;
`forms/batch-standard.toml` explains the keys. No code may ask for a form's name. Files are written by
`request`, and read by `answer`, `returns` and `statement`.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Final, Literal, TypeAlias, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from pydantic_core import ErrorDetails, PydanticCustomError

from collection.errors import FormError
from ledger.files.near_name import near_name
from ledger.files.toml_reason import toml_reason
from ledger.files.wrong_value import reason_of
from qianzhi_errors.sentence import Sentence, listed
from qianzhi_errors.toml_text import read_toml

IGNORED: Final = "ignored"
NUMBERS: Final = frozenset({"line", "part", "parts", "count", "done_count", "failed_count", "asked_count"})
MONEY: Final = frozenset({"amount", "done_amount", "failed_amount", "asked_amount", "fee"})
DATES: Final = frozenset({"date", "signed_on", "value_date"})
FIGURES: Final = (NUMBERS - {"line", "part", "parts"}) | MONEY
"""What a header or a trailer may state about the lines of its own file, and of the file that it answers
(`asked_count`, `asked_amount`).
"""
DIGEST: Final = "digest"
MOMENT: Final = "created_at"

_ABOUT: Final = frozenset({"batch", "channel", "date", MOMENT, "part", "parts", IGNORED, DIGEST})
_PAYEE: Final = frozenset({"payee", "payee_account", "payee_bank", "agreement"})
_EDGES: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        "request": _ABOUT | _PAYEE | {"count", "amount"},
        "answer": _ABOUT | {"file_code", "text"} | (FIGURES - {"fee"}),
        "returns": _ABOUT - {"batch", MOMENT, "part", "parts"} | {"count", "amount"},
        "statement": _ABOUT - {"batch", MOMENT, "part", "parts"} | {"count", "amount", "fee"},
    }
)
_SENT: Final = frozenset({"line", "key", "amount", "name", "account", "bank", "policy", "due", "mandate"})
_LINES: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        "request": _SENT | {"signed_on", "kind", "note", IGNORED},
        "answer": _SENT | {"flag", "code", "text", "value_date", "reference", IGNORED},
        "returns": frozenset({"key", "batch", "line", "reference", "code", "value_date", "amount", IGNORED}),
        "statement": frozenset({"batch", "reference", "value_date", "amount", "fee", IGNORED}),
    }
)
_NEEDED: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "request": ("name", "account", "amount"),
        "answer": ("amount",),
        "returns": ("code", "value_date", "amount"),
        "statement": ("batch", "value_date", "amount"),
    }
)
_DATE_FORMATS: Final = ("YYYYMMDD", "YYYY-MM-DD")
_MOMENT_FORMATS: Final = ("YYYYMMDDhhmmss", "YYYY-MM-DDThh:mm:ss")
_ELEMENT: Final = r"[A-Za-z_][A-Za-z0-9_.-]{0,63}"
_TOKENS: Final[Mapping[str, str]] = MappingProxyType(
    {"batch": "B[0-9]{7}", "channel": "[0-9]{8}", "date": "[0-9]{8}", "part": "[0-9]{2}"}
)
_PIECES: Final = re.compile(r"\{([^{}]*)\}")
_NO_NAME: Final = re.compile(r"[/\\{}\x00-\x1f\x7f]")
_COLUMNS_MAX: Final = 64
_WIDTH_MAX: Final = 255

_Element = Annotated[str, Field(pattern=rf"^({_ELEMENT})?$")]
Word = Annotated[str, Field(min_length=1, max_length=40)]
_Model = TypeVar("_Model", bound=BaseModel)


class Section(BaseModel):
    """A table of the file: strict types, no unknown keys, nothing changes after the check."""

    model_config = ConfigDict(strict=True, frozen=True, defer_build=True)

    @model_validator(mode="before")
    @classmethod
    def _has_no_unknown_key(cls, table: object) -> object:
        keys = {field.alias or name for name, field in cls.model_fields.items()}
        for key in table if isinstance(table, dict) else ():
            if key not in keys:
                about = {"key": key, "near": near_name(key, keys)}
                raise PydanticCustomError("unknown_key", "no such key here{near}", about)
        return table


class Column(Section):
    """One column of a record, or one element of an XML file.

    Exactly one of `name` (what it holds) and `literal` (always the same text) is given. `width` is in bytes
    of the encoding, in a fixed form only.
    """

    name: str = ""
    literal: Annotated[str, Field(max_length=_WIDTH_MAX)] = ""
    width: Annotated[int, Field(ge=0, le=_WIDTH_MAX)] = 0
    unit: Literal["fen", "yuan"] = "fen"
    format: str = ""
    element: _Element = ""

    @model_validator(mode="after")
    def _is_one_thing(self) -> Column:
        if bool(self.name) == bool(self.literal):
            raise ValueError(Sentence("needs either name or literal"))
        if not self.literal.isprintable():
            raise ValueError(Sentence("must be printable text"))
        if self.format not in self.formats:
            raise ValueError(
                Sentence("format must be one of {formats}", formats=listed(self.formats))
                if any(self.formats)
                else Sentence("only a date has a format")
            )
        return self

    @property
    def formats(self) -> tuple[str, ...]:
        """The formats that the column may have, the default first as the empty text."""
        if self.name in DATES:
            return ("", *_DATE_FORMATS)
        return ("", *_MOMENT_FORMATS) if self.name == MOMENT else ("",)

    @property
    def is_money(self) -> bool:
        """Return whether it is an amount, in fen or yuan."""
        return self.name in MONEY

    @property
    def template(self) -> str:
        """The format of a date or a moment; empty for anything else."""
        if self.name in DATES:
            return self.format or _DATE_FORMATS[0]
        return (self.format or _MOMENT_FORMATS[0]) if self.name == MOMENT else ""


Columns: TypeAlias = Annotated[tuple[Column, ...], Field(strict=False, max_length=_COLUMNS_MAX)]


class FileForm(Section):
    """One kind of file: its name's pattern, its records, and where they stand in an XML file.

    In an XML file `root` holds `head` (the header's elements) and `body`, which holds one `row` a line.
    """

    name: Annotated[str, Field(max_length=120)] = ""
    header: Columns = ()
    detail: Columns = ()
    trailer: Columns = ()
    root: _Element = ""
    head: _Element = ""
    body: _Element = ""
    row: _Element = ""

    @field_validator("name")
    @classmethod
    def _is_a_pattern(cls, name: str) -> str:
        *pieces, last = _PIECES.split(name)
        if _NO_NAME.search("".join([*pieces[::2], last])) or name.startswith("."):
            raise ValueError(Sentence("must be a file's name, without a folder and without a single brace"))
        for token in pieces[1::2]:
            if token not in _TOKENS:
                raise ValueError(
                    Sentence(
                        "{token}: no such part of a name{near}", token=token, near=near_name(token, _TOKENS)
                    )
                )
        return name

    @property
    def edges(self) -> Columns:
        """The columns of the header and the trailer."""
        return (*self.header, *self.trailer)

    def carries(self, name: str) -> bool:
        """Return whether the lines have a column of that name."""
        return any(column.name == name for column in self.detail)

    def states(self, name: str) -> bool:
        """Return whether the header or the trailer has a column of that name."""
        return any(column.name == name for column in self.edges)

    def named(self, values: Mapping[str, str]) -> str:
        """Return the name of a file with these values in its pattern."""
        return self.name.format_map(values)

    def parts_of(self, name: str) -> Mapping[str, str] | None:
        """Return the values in a file's name, or None where the name does not fit the pattern."""
        if not self.name:
            return {}
        pieces = _PIECES.split(self.name)
        pattern, seen = "", set[str]()
        for at, piece in enumerate(pieces):
            if not at % 2:
                pattern += re.escape(piece)
            elif piece in seen:
                pattern += f"(?P={piece})"
            else:
                pattern += f"(?P<{piece}>{_TOKENS[piece]})"
                seen.add(piece)
        match = re.fullmatch(pattern, name)
        return match.groupdict() if match else None


class AnswerForm(FileForm):
    """The answer file: what its flag and its codes say."""

    flags: dict[Word, Literal["done", "failed"]] = Field({})
    """The bank's flag -> done or failed; empty where there is no flag."""
    done: Annotated[tuple[Word, ...], Field(strict=False)] = ()
    """The line codes that say done."""
    taken: Annotated[tuple[Word, ...], Field(strict=False, min_length=1)] = ("0",)
    """The file codes with which lines come; with any other the file has none."""


class Form(Section):
    """One file form, immutable: the files of one bank's batch interface."""

    form: Literal["delimited", "fixed", "xml", "pain.008"]
    codes: Word
    """The table of codes of the answer; a channel's setting may name another."""
    separator: Annotated[str, Field(max_length=1)] = ""
    encoding: Literal["utf-8", "gbk", "gb18030"] = "utf-8"
    line_end: Literal["LF", "CRLF"] = "LF"
    lines_max: Annotated[int, Field(ge=1, le=999_999)] = 100_000
    """Lines of one request file."""
    files_max: Annotated[int, Field(ge=1, le=99)] = 99
    """Files of one batch."""
    kinds: dict[Literal["first", "renewal"], Word] = Field({"first": "first", "renewal": "renewal"})
    """Our kinds of a collection -> the bank's words."""
    request: FileForm
    answer: AnswerForm
    returns: FileForm | None = None
    statement: FileForm | None = None

    @property
    def end(self) -> str:
        """The characters at the end of each line."""
        return "\r\n" if self.line_end == "CRLF" else "\n"

    @model_validator(mode="after")
    def _can_be_read_and_written(self) -> Form:
        if (self.form == "delimited") != bool(self.separator):
            raise ValueError(Sentence("a delimited form has a separator, and no other has one"))
        if self.separator and (self.separator.isalnum() or not self.separator.isprintable()):
            raise ValueError(Sentence("separator must be one printable character, no letter and no digit"))
        if set(self.kinds) != {"first", "renewal"}:
            raise ValueError(Sentence("kinds must have first and renewal"))
        if self.form == "pain.008":
            if any(column for file in self.files().values() for column in (*file.edges, *file.detail)):
                raise ValueError(Sentence("pain.008 has its records by itself"))
            return self
        for kind, file in self.files().items():
            _check_file(self, kind, file)
        _check_answer(self.answer)
        return self

    def files(self) -> dict[str, FileForm]:
        """The kinds of files that the form has, by their names in its file."""
        kinds = {
            "request": self.request,
            "answer": self.answer,
            "returns": self.returns,
            "statement": self.statement,
        }
        return {kind: file for kind, file in kinds.items() if file is not None}


def _check_file(form: Form, kind: str, file: FileForm) -> None:
    """Check one kind of file. Raises ValueError that names the kind and the column."""

    def refuse(reason: str) -> None:
        raise ValueError(Sentence("{kind}: {reason}", kind=kind, reason=reason))

    for columns, allowed in ((file.edges, _EDGES[kind]), (file.detail, _LINES[kind])):
        for column in columns:
            if column.name and column.name not in allowed:
                near = near_name(column.name, allowed)
                refuse(Sentence("no column {name!r} here{near}", name=column.name, near=near))
            if (form.form == "fixed") != bool(column.width):
                refuse(Sentence("a fixed form has widths, and no other has them"))
            if (form.form == "xml") != bool(column.element):
                refuse(Sentence("an xml form has elements, and no other has them"))
            if form.separator and form.separator in column.literal + column.template:
                refuse(Sentence("{name}: holds the separator", name=column.name or column.literal))
    names = [column.name for column in file.detail]
    for name in _NEEDED[kind]:
        if name not in names:
            refuse(Sentence("{name} is missing", name=name))
    if kind != "statement" and "key" not in names and "line" not in names:
        refuse(Sentence("needs a column line or key"))
    if kind == "returns" and "key" not in names and "batch" not in names:
        refuse(Sentence("needs a column batch or key"))
    for record in (file.edges, file.detail):
        given = [column.name for column in record if column.name not in ("", IGNORED)]
        if len(set(given)) != len(given):
            refuse(Sentence("a column stands there twice"))
    if not (file.states("count") and (file.states("amount") or file.states("done_amount"))):
        refuse(Sentence("needs count and amount in the header or the trailer: a cut could not be seen"))
    if form.form == "xml" and (file.trailer or not all((file.root, file.head, file.body, file.row))):
        refuse(Sentence("an xml form needs root, head, body and row, and has no trailer"))
    if file.states(DIGEST) and (not file.trailer or file.trailer[-1].name != DIGEST):
        refuse(Sentence("digest must be the last column of the trailer"))


def _check_answer(answer: AnswerForm) -> None:
    """Check what only the answer has. Raises ValueError."""
    if not (answer.states("batch") or answer.carries("key")):
        raise ValueError(Sentence("answer: nothing in it names the batch"))
    if not answer.carries("code") and not answer.carries("flag"):
        raise ValueError(Sentence("answer: needs a column code or flag"))
    if answer.carries("flag") != bool(answer.flags):
        raise ValueError(Sentence("answer: flags belong to a column flag"))
    if answer.carries("code") and not answer.done:
        raise ValueError(Sentence("answer: done must name the codes that say done"))


def shipped() -> tuple[str, ...]:
    """Return the names of the forms in the package, sorted."""
    names = (entry.name for entry in files("collection.forms").joinpath("forms").iterdir())
    return tuple(sorted(name.removesuffix(".toml") for name in names if name.endswith(".toml")))


def source_of(name: str) -> str:
    """Return the text of a shipped form. Raises FormError if there is none of this name."""
    if name not in shipped():
        raise FormError(
            Sentence(
                "no file form {name!r}; there are {names}{near}",
                name=name,
                names=listed(shipped()),
                near=near_name(name, shipped()),
            )
        )
    return files("collection.forms").joinpath("forms", f"{name}.toml").read_text("utf-8")


@cache
def load(name: str) -> Form:
    """Return a shipped form, read once a process. Raises FormError if there is none of this name."""
    return parse(source_of(name), name)


def form_of(name: str) -> Form:
    """Return a shipped form by its name, or one read from the path of a TOML file. Raises FormError, and
    OSError where the file cannot be read.
    """
    return parse(Path(name).read_text(encoding="utf-8"), name) if name.endswith(".toml") else load(name)


def parse(source: str, file: str) -> Form:
    """Return the form that a TOML text describes. Raises FormError with the first wrong key and why."""
    return checked(Form, source, file)


def checked(model: type[_Model], source: str, file: str) -> _Model:
    """Return a TOML text as a model. Raises FormError that names the file, the key and the reason."""
    try:
        return model.model_validate(read_toml(source))
    except tomllib.TOMLDecodeError as error:
        raise FormError(Sentence("{file}: {reason}", file=file, reason=toml_reason(error))) from None
    except ValidationError as error:
        detail = error.errors(include_url=False, include_input=False)[0]
    place = _place(detail)
    if not place:
        raise FormError(Sentence("{file}: {reason}", file=file, reason=_reason(detail)))
    raise FormError(Sentence("{file}, {place}: {reason}", file=file, place=place, reason=_reason(detail)))


def _place(detail: ErrorDetails) -> str:
    keys: list[Any] = [key + 1 if isinstance(key, int) else key for key in detail["loc"]]
    if detail["type"] == "unknown_key":
        keys.append(detail["ctx"]["key"])
    return ".".join(map(str, keys))


def _reason(detail: ErrorDetails) -> str:
    if detail["type"] == "unknown_key":
        return Sentence("no such key here{near}", near=detail["ctx"]["near"])
    return reason_of(detail)
