"""The back office's settings: one TOML file of its own, in its own zone, read and checked whole.

Says what may be configured; opens no database and no file but this one. What is agreed with a bank about its
day file is data here.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator

from ledger.errors import LedgerError
from ledger.files import layout
from ledger.files.settings import Fault, Section, SettingsError, read_settings, rooted_database, rooted_path

MICROSECONDS_A_MINUTE = 60_000_000

Act = Literal["propose", "approve"]
Name = Annotated[str, Field(pattern=r"^\S.{0,62}\S$|^\S$")]


class Office(Section):
    """This office: its own database, the front book that it reads, and where files come and go."""

    database: str = Field(repr=False, description="may hold a password, as the front's may")
    front: str = Field(repr=False)
    seal_key: str = Field(pattern=r"^[0-9a-f]{64}$", description="the public half of the front's seal key")
    files: str = "bankfiles"
    reports: str = "reports"
    figures: str = Field(default="", description="written after each close, for the machine's status page")
    archived: str = Field(
        default="", description="written after each close: the days that the front may retire"
    )
    chart: str = ""
    near_minutes: int = Field(default=10, ge=0, le=120, description="how near to a cut-over dates may differ")


class Bank(Section):
    """One bank, as the office deals with it."""

    code: str = Field(pattern=r"^[0-9]{1,11}$")
    name: str = Field(min_length=1, max_length=40)
    layout: str = "standard"
    owner: str = Field(default="", description="the clerk who looks after its breaks")
    file_owner: str = Field(default="", description="the system's user who leaves its files; empty: anyone")


class Clerk(Section):
    """A person, by the name of that person's own login, and what that person may do about a break."""

    name: Name
    may: tuple[Act, ...] = Field(default=("propose", "approve"), strict=False)


class Settings(Section):
    """The whole file."""

    office: Office
    bank: tuple[Bank, ...] = Field(min_length=1, strict=False)
    clerk: tuple[Clerk, ...] = Field(default=(), strict=False)

    @field_validator("bank")
    @classmethod
    def _banks_differ(cls, value: tuple[Bank, ...]) -> tuple[Bank, ...]:
        codes = [bank.code.zfill(11) for bank in value]
        if len(set(codes)) < len(codes):
            raise ValueError("two banks have one code")
        return value

    @property
    def near_us(self) -> int:
        """How near to a cut-over the two sides may date one event differently, in microseconds."""
        return self.office.near_minutes * MICROSECONDS_A_MINUTE

    def named(self, code: str) -> Bank:
        """The bank of a code. Raises NoSuchBank."""
        for bank in self.bank:
            if bank.code == code:
                return bank
        raise NoSuchBank(f"no bank {code} in the settings; there are {', '.join(b.code for b in self.bank)}")

    def check_may(self, person: str, act: Act) -> None:
        """Raise NotAllowed unless the settings let this person do that."""
        allowed = [clerk.name for clerk in self.clerk if act in clerk.may]
        if person not in allowed:
            raise NotAllowed(f"{person!r} may not {act}; these may: {', '.join(allowed) or 'nobody yet'}")


class NoSuchBank(LedgerError):
    """The settings know no such bank."""


class NotAllowed(LedgerError):
    """This person may not do that."""


def load_settings(path: Path) -> Settings:
    """Read and check the office's settings; relative paths count from the file's folder. Raises
    SettingsError.
    """
    settings = read_settings(path, Settings)
    faults = tuple(_contradictions(settings))
    if faults:
        raise SettingsError(str(path), faults)
    folder = path.parent
    given = settings.office
    rooted = {
        "database": rooted_database(given.database, folder),
        "front": rooted_database(given.front, folder),
        "files": rooted_path(given.files, folder),
        "reports": rooted_path(given.reports, folder),
        "figures": rooted_path(given.figures, folder) if given.figures else "",
        "archived": rooted_path(given.archived, folder) if given.archived else "",
        "chart": rooted_path(given.chart, folder) if given.chart else "",
    }
    banks = tuple(_rooted_bank(bank, folder) for bank in settings.bank)
    return settings.model_copy(update={"office": given.model_copy(update=rooted), "bank": banks})


def _rooted_bank(bank: Bank, folder: Path) -> Bank:
    if not _is_path(bank.layout):
        return bank
    return bank.model_copy(update={"layout": rooted_path(bank.layout, folder)})


def bank_layout(bank: Bank) -> layout.Layout:
    """The layout of a bank's day file: a shipped one by name, or a file of the bank's own. Raises
    LayoutError.
    """
    if not _is_path(bank.layout):
        return layout.load(bank.layout)
    return layout.parse(Path(bank.layout).read_text(encoding="utf-8"), bank.layout)


def _is_path(text: str) -> bool:
    return text.endswith(".toml")


def _contradictions(settings: Settings) -> Iterator[Fault]:
    names = [clerk.name for clerk in settings.clerk]
    for place, bank in enumerate(settings.bank):
        if not _is_path(bank.layout) and bank.layout not in layout.shipped():
            known = ", ".join(layout.shipped())
            yield Fault(f"bank[{place}].layout", f"no such layout; there are {known}, or name a .toml file")
        if bank.owner and bank.owner not in names:
            yield Fault(f"bank[{place}].owner", f"{bank.owner!r} is no [[clerk]]")
    if len(set(names)) < len(names):
        yield Fault("clerk", "two clerks have one name")
    if settings.office.front == settings.office.database:
        yield Fault("office.front", "is the office's own database")
