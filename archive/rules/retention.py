"""How long each class of papers is kept, as data, and from which date on a volume may be destroyed.

Pure but for the shipped file, which is read once. The insurer's counsel confirms the classes. Who may destroy
is not said here: `archive.proposals` has two people decide it.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from enum import StrEnum
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Final, NamedTuple

from archive.errors import ArchiveError
from qianzhi_errors.sentence import Sentence


class Start(StrEnum):
    """From what the years of a class are counted: the end of the accounting year, the contract's end, or the
    event itself. OPEN: papers of contracts whose end, and with it their class, is not known when they are
    written. NEVER: such papers are kept for ever.
    """

    YEAR_END = "year_end"
    CONTRACT_END = "contract_end"
    EVENT = "event"
    OPEN = "open"
    NEVER = "never"


class RetentionClass(NamedTuple):
    """One class: its code, the papers that are of it, and for how many years from `start` they are kept."""

    code: str
    papers: str
    start: Start
    years: int


class ClassesError(ArchiveError):
    """The file of the retention classes has a fault."""


KEYS: Final = frozenset(RetentionClass._fields)


def parse(text: str) -> Mapping[str, RetentionClass]:
    """The classes of a TOML file by their codes. Raises ClassesError, which names the class and the key."""
    try:
        rows = tomllib.loads(text).get("class", [])
    except tomllib.TOMLDecodeError as error:
        raise ClassesError(Sentence("the retention classes are no TOML: {reason}", reason=error)) from error
    classes: dict[str, RetentionClass] = {}
    for row in rows:
        retention = _parsed(row)
        if retention.code in classes:
            raise ClassesError(Sentence("two retention classes have the code {code}", code=retention.code))
        classes[retention.code] = retention
    return MappingProxyType(classes)


def _parsed(row: Mapping[str, object]) -> RetentionClass:
    code, papers = row.get("code"), row.get("papers")
    start, years = row.get("start"), row.get("years")
    is_whole = row.keys() == KEYS and isinstance(code, str) and isinstance(papers, str) and code and papers
    if not is_whole or not isinstance(years, int) or start not in list(Start):
        raise ClassesError(
            Sentence("retention class {code!r} is not code, papers, start and years", code=str(code))
        )
    if (years > 0) != (start not in (Start.NEVER, Start.OPEN)):
        raise ClassesError(
            Sentence("retention class {code!r}: years and start contradict each other", code=code)
        )
    return RetentionClass(str(code), str(papers), Start(str(start)), years)


@cache
def shipped() -> Mapping[str, RetentionClass]:
    """The classes that are shipped, by their codes."""
    return parse(files("archive").joinpath("classes.toml").read_text(encoding="utf-8"))


def destroy_after(retention: RetentionClass, last_date: str) -> str:
    """The date (YYYYMMDD) after which a volume may be destroyed whose newest parcel is of `last_date`; empty
    where it may not, or where that depends on the ends of contracts.
    """
    match retention.start:
        case Start.NEVER | Start.OPEN | Start.CONTRACT_END:
            return ""
        case Start.YEAR_END:
            return f"{int(last_date[:4]) + retention.years:04d}1231"
        case Start.EVENT:
            return _years_later(last_date, retention.years)


def contracts_destroy_after(ends: Sequence[tuple[RetentionClass | None, str]]) -> str:
    """The date (YYYYMMDD) after which a volume may be destroyed that has papers of contracts with these
    classes and ends: that of the contract whose papers are kept longest. Empty while one has not ended.
    """
    dates = [_years_later(ended, retention.years) for retention, ended in ends if retention and ended]
    return max(dates) if dates and len(dates) == len(ends) else ""


def _years_later(date: str, years: int) -> str:
    """The same day so many years later; the 28th of February where the year has no 29th."""
    year = int(date[:4]) + years
    is_leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    day = "0228" if date[4:] == "0229" and not is_leap else date[4:]
    return f"{year:04d}{day}"
