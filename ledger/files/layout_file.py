"""What a layout's file may say, and the reason why it cannot be used.

Checks one document, read from TOML. What a layout is once it has been checked is in `layout`;
`ledger/files/layouts/standard.toml` explains the keys.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from types import MappingProxyType
from typing import Annotated, Any, ClassVar, Final, Generic, Literal, TypeAlias, TypeVar, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import ErrorDetails, PydanticCustomError

from ledger.errors import LayoutError
from ledger.files.near_name import near_name
from ledger.rules.dues import KINDS
from qianzhi_errors.sentence import Sentence, listed

_LineText = Literal["terminal", "branch", "rrn", "policy", "due", "receipt", "code", "state", "ignored"]
_EdgeText = Literal["bank", "ignored"]
_LineMoment = Literal["sent_at", "sent_date", "sent_time"]
_EdgeMoment = Literal["date"]

IGNORED: Final = "ignored"
TEXTS: Final = frozenset((*get_args(_LineText), *get_args(_EdgeText)))
MOMENTS: Final = frozenset((*get_args(_LineMoment), *get_args(_EdgeMoment)))
MONEY: Final = frozenset({"amount", "collected", "paid", "net"})
FIGURES: Final = ("count", "collected", "paid", "net")
"""The figures that a header or a trailer may state about the lines."""

_NEEDED: Final = ("terminal", "stan", "code", "amount")
_DATE: Final = "(?:YYYY[-/.]?)?MM[-/.]?DD"
_TIME: Final = "hh:?mm:?ss"
_FORMATS: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "date": (_DATE, Sentence("a date such as YYYYMMDD, YYYY-MM-DD or MMDD")),
        "sent_date": (_DATE, Sentence("a date such as YYYYMMDD, YYYY-MM-DD or MMDD")),
        "sent_time": (_TIME, Sentence("a time, hhmmss or hh:mm:ss")),
        "sent_at": (
            f"{_DATE}[ T]?{_TIME}",
            Sentence("a date and a time, such as MMDDhhmmss or YYYY-MM-DD hh:mm:ss"),
        ),
    }
)
_SEPARATOR: Final = r"[^A-Za-z0-9 +.\r\n\x80-\U0010ffff-]"
_QUOTED: Final = re.compile("'([^']*)'")
_WIDTH_MAX: Final = 255
_COLUMNS_MAX: Final = 64
_STAN_DIGITS: Final = 6


class _Section(BaseModel):
    """A table of the file: strict types, no unknown keys, nothing changes after the check.

    A key that must be there has a default that is never right, and the default is checked: a missing key is
    refused by the same text as a wrong one, which names what is expected.
    """

    model_config = ConfigDict(strict=True, frozen=True, defer_build=True)

    @model_validator(mode="before")
    @classmethod
    def _has_no_unknown_key(cls, table: object) -> object:
        """Refuse an unknown key before anything else: a misspelt key is also a key that is missing."""
        for key in table if isinstance(table, dict) else ():
            if key not in cls.model_fields:
                about = {"key": key, "near": near_name(key, cls.model_fields)}
                raise PydanticCustomError("unknown_key", "no such key here{near}", about)
        return table


def _one_of(meanings: Collection[str]) -> BeforeValidator:
    """Return the check that a word of the bank means one of these."""

    def checked(meaning: object) -> object:
        if not isinstance(meaning, str) or meaning not in meanings:
            raise ValueError(Sentence("must be one of {meanings}", meanings=listed(tuple(meanings))))
        return meaning

    return BeforeValidator(checked)


def _word(word: str) -> str:
    """Return a word of the bank as it stands. Raises ValueError if no column could hold it."""
    if not word or word != word.strip() or not word.isprintable():
        raise ValueError(Sentence("the bank's word must be printable, with no blanks around it"))
    return word


_Word = Annotated[str, AfterValidator(_word)]
_Code = Annotated[str, _one_of(KINDS)]
_State = Annotated[str, _one_of(("S", "R"))]


class Keys(_Section):
    """The file but for its records: what those may say follows from these keys, so they are checked later."""

    form: Literal["delimited", "fixed"] = Field("", validate_default=True)
    separator: str = Field("", validate_default=True)
    encoding: Literal["utf-8", "gb18030"] = "utf-8"
    line_end: Literal["LF", "CRLF"] = "LF"
    lists_reversed: bool = True
    codes: dict[_Word, _Code] = Field({code: code for code in KINDS}, min_length=1)
    states: dict[_Word, _State] = Field({"S": "S", "R": "R"}, min_length=1)
    header: object = None
    detail: object = None
    trailer: object = None

    @field_validator("separator", mode="before")
    @classmethod
    def _separates(cls, separator: object, info: ValidationInfo[Any]) -> object:
        if info.data.get("form") == "fixed":
            if separator != "":
                raise ValueError(Sentence("a file of fixed widths has none"))
        elif not isinstance(separator, str) or not re.fullmatch(_SEPARATOR, separator):
            raise ValueError(
                Sentence("must be one ASCII character, no letter, digit, blank, sign, point or line end")
            )
        return separator


def _keys_of(info: ValidationInfo[Any]) -> Keys:
    """Return the keys of the file whose records are being checked."""
    keys: Keys = info.context
    return keys


def _width(width: object, info: ValidationInfo[Any], length: int | None = None) -> int:
    """Return a column's width in bytes, 0 in a delimited file; `length` is the width where no key says one.

    Raises ValueError with the reason.
    """
    if _keys_of(info).form != "fixed":
        if width is not None:
            raise ValueError(Sentence("a delimited file has no widths"))
        return 0
    given = length if width is None else width
    if type(given) is not int or not 1 <= given <= _WIDTH_MAX:
        raise ValueError(Sentence("must be a number of bytes, 1 to {most}", most=_WIDTH_MAX))
    return given


def _exact_width(width: object, info: ValidationInfo[Any], length: int) -> int:
    """Return the width of a column whose content always has the same length. Raises ValueError."""
    given = _width(width, info, length)
    if given not in (0, length):
        raise ValueError(Sentence("must be {length}", length=length))
    return given


def _without_separator(text: str, info: ValidationInfo[Any]) -> str:
    """Return the text of a column. Raises ValueError if it would be read as two columns."""
    separator = _keys_of(info).separator
    if separator and separator in text:
        raise ValueError(Sentence("holds the separator"))
    return text


_Name = TypeVar("_Name", bound=str)
_Minus = TypeVar("_Minus", bound=str)
_Pad = Literal["none", "blank", "zero"]
_Width = Annotated[int, BeforeValidator(_width)]


class Table(_Section):
    """The table of a column. Each kind has a model; its keys are named as the fields of a Column."""

    padded: ClassVar[str] = "none"
    """What fills the column up in a fixed form, if the table has no `pad`."""
    name: str = ""


class _Literal(Table):
    """A column with always the same text."""

    padded: ClassVar[str] = "blank"
    literal: str
    width: int = Field(None, validate_default=True)

    @field_validator("literal", mode="before")
    @classmethod
    def _is_printable(cls, literal: object, info: ValidationInfo[Any]) -> str:
        if not isinstance(literal, str) or not literal.isprintable():
            raise ValueError(Sentence("must be printable text"))
        return _without_separator(literal, info)

    @field_validator("width", mode="before")
    @classmethod
    def _holds_the_literal(cls, width: object, info: ValidationInfo[Any]) -> int:
        length = len(info.data.get("literal", "").encode(_keys_of(info).encoding))
        given = _width(width, info, length)
        if 0 < given < length:
            raise ValueError(Sentence("the literal takes {length} bytes", length=length))
        return given


class _Text(Table, Generic[_Name]):
    """A column of text."""

    padded: ClassVar[str] = "blank"
    name: _Name
    pad: _Pad | None = None
    width: _Width = Field(None, validate_default=True)

    @field_validator("pad")
    @classmethod
    def _is_no_zero(cls, pad: str) -> str:
        if pad == "zero":
            raise ValueError(Sentence("text is not filled with zeros"))
        return pad


class _Moment(Table, Generic[_Name]):
    """A column of a date, a time or both, exactly as wide as its format."""

    name: _Name
    format: str = Field("", validate_default=True)
    width: int = Field(None, validate_default=True)

    @field_validator("format", mode="before")
    @classmethod
    def _says_what_the_name_says(cls, template: object, info: ValidationInfo[Any]) -> str:
        pattern, meant = _FORMATS[info.data["name"]]
        if not isinstance(template, str) or not re.fullmatch(pattern, template):
            raise ValueError(Sentence("must be {meaning}", meaning=meant))
        return _without_separator(template, info)

    @field_validator("width", mode="before")
    @classmethod
    def _is_as_long_as_the_format(cls, width: object, info: ValidationInfo[Any]) -> int:
        return _exact_width(width, info, len(info.data.get("format", "")))


class _Stan(Table):
    """The column of the trace number (STAN, DE 11): six digits, never padded."""

    name: Literal["stan"]
    width: int = Field(None, validate_default=True)

    @field_validator("width", mode="before")
    @classmethod
    def _is_six_digits(cls, width: object, info: ValidationInfo[Any]) -> int:
        return _exact_width(width, info, _STAN_DIGITS)


class _Count(Table):
    """The column of the number of detail lines."""

    padded: ClassVar[str] = "zero"
    name: Literal["count"]
    pad: _Pad | None = None
    width: _Width = Field(None, validate_default=True)


class _Money(Table, Generic[_Name, _Minus]):
    """A column of money; `_Minus` is what a minus may mean in it."""

    padded: ClassVar[str] = "zero"
    name: _Name
    pad: _Pad | None = None
    width: _Width = Field(None, validate_default=True)
    minus: _Minus = Field("never", validate_default=True)
    plus: Literal["", "+", " "] | None = None
    sign: Literal["none", "leading", "trailing"] = Field("none", validate_default=True)
    unit: Literal["fen", "yuan"] = Field("", validate_default=True)

    @field_validator("sign")
    @classmethod
    def _stands_where_it_says_something(cls, sign: str, info: ValidationInfo[Any]) -> str:
        if sign == "none" and (info.data.get("minus") != "never" or info.data.get("plus") is not None):
            raise ValueError(Sentence("must be leading or trailing where plus or minus say something"))
        return sign


def _keyword(table: object) -> str | None:
    """Return the key that says what kind of column a table is; None if it has neither, or both."""
    keys = [key for key in ("name", "literal") if isinstance(table, dict) and key in table]
    return keys[0] if len(keys) == 1 else None


_Kinds = TypeVar("_Kinds")
_AnyColumn: TypeAlias = Annotated[
    Annotated[_Literal, Tag("literal")] | Annotated[_Kinds, Field(discriminator="name"), Tag("name")],
    Discriminator(
        _keyword, custom_error_type="no_keyword", custom_error_message="needs either name or literal"
    ),
]
_LineColumn: TypeAlias = _AnyColumn[
    _Text[_LineText]
    | _Moment[_LineMoment]
    | _Stan
    | _Money[Literal["amount"], Literal["never", "payout", "collection", "reversed"]]
]
_EdgeColumn: TypeAlias = _AnyColumn[
    _Text[_EdgeText]
    | _Moment[_EdgeMoment]
    | _Count
    | _Money[Literal["collected"], Literal["never", "collection"]]
    | _Money[Literal["paid"], Literal["never", "payout"]]
    | _Money[Literal["net"], Literal["payout", "collection"]]
]
_Kind = TypeVar("_Kind", bound=Table)


def _names_of(columns: Iterable[Table]) -> list[str]:
    """Return what the columns hold, in the order of the file; a literal text has the empty name."""
    return [column.name for column in columns]


class RecordTable(_Section, Generic[_Kind]):
    """The table of a record."""

    columns: list[_Kind] = Field(min_length=1, max_length=_COLUMNS_MAX)

    @field_validator("columns")
    @classmethod
    def _have_names_of_their_own(cls, columns: list[_Kind]) -> list[_Kind]:
        names = _names_of(columns)
        for name in names:
            if name not in ("", IGNORED) and names.count(name) > 1:
                raise ValueError(Sentence("{name} stands there twice", name=name))
        return columns


class _DetailTable(RecordTable[_LineColumn]):
    """The table of the detail lines, which must give a key, an amount and a state."""

    @field_validator("columns")
    @classmethod
    def _are_all_that_a_line_needs(
        cls, columns: list[_LineColumn], info: ValidationInfo[Any]
    ) -> list[_LineColumn]:
        names = _names_of(columns)
        for name in _NEEDED:
            if name not in names:
                raise ValueError(Sentence("{name} is missing", name=name))
        parts = "sent_date" in names, "sent_time" in names
        if parts != ((False, False) if "sent_at" in names else (True, True)):
            raise ValueError(Sentence("needs either sent_at, or sent_date and sent_time"))
        if _keys_of(info).lists_reversed and "state" not in names:
            raise ValueError(Sentence("state is missing, and lists_reversed is true"))
        return columns


class _TrailerTable(RecordTable[_EdgeColumn]):
    """The table of the trailer, which must state something about the lines."""

    @field_validator("columns")
    @classmethod
    def _state_a_figure(cls, columns: list[_EdgeColumn]) -> list[_EdgeColumn]:
        if not any(name in FIGURES for name in _names_of(columns)):
            raise ValueError(Sentence("needs at least one of {figures}", figures=listed(FIGURES)))
        return columns


class Records(BaseModel):
    """The records of a file. Its Keys are the context: they say what a column's width and text may be."""

    header: RecordTable[_EdgeColumn] | None = None
    detail: _DetailTable
    trailer: _TrailerTable | None = Field(None, validate_default=True)

    @field_validator("trailer")
    @classmethod
    def _shows_a_cut(cls, trailer: _TrailerTable | None, info: ValidationInfo[Any]) -> _TrailerTable | None:
        header = info.data.get("header")
        if trailer is None and (header is None or "count" not in _names_of(header.columns)):
            raise ValueError(Sentence("is missing, and the header carries no count: a cut could not be seen"))
        return trailer


def checked(document: Mapping[str, Any], name: str) -> tuple[Keys, Records]:
    """Return a file's keys and its records.

    Raises LayoutError that names the layout, the first key at fault and the reason.
    """
    try:
        keys = Keys.model_validate(document)
        return keys, Records.model_validate(document, context=keys)
    except ValidationError as error:
        detail = error.errors()[0]
    raise LayoutError(
        Sentence("layout {name}: {place}: {reason}", name=name, place=_place(detail), reason=_reason(detail))
    )


def _place(detail: ErrorDetails) -> str:
    """Return the key of a fault, such as `detail.columns[1] (terminal).width`: columns count from 1."""
    match detail["loc"]:
        case (record, "columns", int(at), "name", str(name), *keys):
            place = [f"{record}.columns[{at + 1}] ({name})", *keys]
        case (record, "columns", int(at), "literal", *keys) | (record, "columns", int(at), *keys):
            place = [f"{record}.columns[{at + 1}]", *keys]
        case ("codes" | "states" as words, word, "[key]"):
            place = [words, word]
        case (record, "columns") if detail["type"] != "value_error":
            place = [record]
        case keys:
            place = list(keys)
    if detail["type"] == "unknown_key":
        place.append(detail["ctx"]["key"])
    return ".".join(map(str, place))


def _reason(detail: ErrorDetails) -> str:
    """Return the reason of a fault: the check's own text, or in our words what pydantic expected."""
    match detail["type"]:
        case "literal_error":
            return _must_be_one_of(detail["ctx"]["expected"], detail["input"])
        case "union_tag_invalid":
            return _must_be_one_of(detail["ctx"]["expected_tags"], detail["input"]["name"])
        case "bool_type":
            return Sentence("must be true or false")
        case "unknown_key":
            return Sentence("no such key here{near}", near=detail["ctx"]["near"])
        case "no_keyword":
            return Sentence("needs either name or literal")
        case "value_error":
            return str(detail["ctx"]["error"])
    if detail["loc"][0] in ("codes", "states"):
        return Sentence("must be a table with at least one entry")
    return Sentence("must be a table with columns, 1 to {most} of them", most=_COLUMNS_MAX)


def _must_be_one_of(expected: str, given: object) -> str:
    """Return the reason for a word that is none of those in pydantic's text, such as `'fen' or 'yuan'`."""
    choices = _QUOTED.findall(expected)
    return Sentence(
        "must be one of {choices}{near}",
        choices=listed([repr(choice) for choice in choices]),
        near=near_name(given, choices),
    )
