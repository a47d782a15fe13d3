"""The back office's settings: a TOML file of its own, read and checked as a whole.

This module says what can be configured. It opens the settings and the banks' own layouts, and no database.
What was agreed with a bank about its day file is data: the name of a layout, or the path of one.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final, Literal

from pydantic import Field, field_validator

from ledger.errors import LedgerError
from ledger.files import layout
from ledger.files.clerks import Name, name_faults, refusal
from ledger.files.secret_source import KeystoreFile, rooted_keystore
from ledger.files.settings import Fault, Section, SettingsError, read_settings, rooted_database, rooted_path
from qianzhi_errors.sentence import Sentence, listed

INSURER: Final = r"^[A-Z0-9-]{1,16}$"
"""An insurer's short name, as a receipt's line has it."""
MICROSECONDS_A_MINUTE = 60_000_000

Permission = Literal["propose", "approve"]


class Office(Section):
    """The section [office]: its own database, the front book that it reads, and the folders of files."""

    database: str = Field(
        repr=False,
        description="the office's own: sqlite:///PATH or postgresql+psycopg://...; may hold a password",
    )
    front: str = Field(repr=False, description="the front book, which it reads; the URL may hold a password")
    seal_key: str = Field(pattern=r"^[0-9a-f]{64}$", description="the public half of the front's seal key")
    files: str = Field(default="bankfiles", description="the folder where the banks' day files are left")
    still_seconds: int = Field(default=60, ge=0, le=86_400, description="a younger file may still grow")
    reports: str = Field(default="reports", description="the folder of the pages to sign")
    exports: str = Field(default="exports", description="the folder of what is handed to the core system")
    figures: str = Field(default="", description="written after each close, for the machine's status page")
    archived: str = Field(
        default="", description="written after each close: the days that the front may retire"
    )
    metrics: str = Field(default="", description="written after each close, for monitoring")
    chart: str = Field(
        default="", description="a chart of accounts of the site's own; empty: the shipped one"
    )
    near_minutes: int = Field(default=10, ge=0, le=120, description="how near to a cut-over dates may differ")


class Bank(Section):
    """A section [[bank]]: one bank, the layout of its day file, and who looks after its breaks."""

    code: str = Field(pattern=r"^[0-9]{1,11}$", description="as in the machine's settings")
    name: str = Field(min_length=1, max_length=40, description="for people, and on reports")
    layout: str = Field(
        default="standard", description="of its day file: a shipped one's name, or a .toml file"
    )
    account: str = Field(
        default="", repr=False, description="the insurer's account with it, as on statements"
    )
    statement: str = Field(default="csv-heads", description="the layout of its statements of account")
    owner: str = Field(default="", description="the clerk who looks after its breaks")
    file_owner: str = Field(default="", description="the system's user who leaves its files; empty: anyone")
    file_hours: int = Field(default=6, ge=0, le=96, description="hours after a cut-over its file is missing")
    breaks_max: int = Field(default=100, ge=0, description="more breaks of one date hold its file")
    breaks_percent: int = Field(default=20, ge=0, le=100, description="more breaks in 100 lines hold it too")
    breaks_few: int = Field(default=10, ge=0, description="so many are never held for their percentage")


class Clerk(Section):
    """A section [[clerk]]: a person, by their login name, and what that person may do about a break."""

    name: Name = Field(description="the login")
    may: tuple[Permission, ...] = Field(
        default=("propose", "approve"), strict=False, description="nobody approves what they proposed"
    )


class Receipts(Section):
    """The section [receipts]: what receipts are signed with, and under whose name. With [keystore] alone."""

    insurer: str = Field(pattern=INSURER, description="the insurer's short name in each receipt; for good")
    name: str = Field(default="", max_length=60, description="the insurer's name for people")
    font: str = Field(
        default="/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc",
        description="of a receipt's PDF: Noto Sans CJK",
    )


class Settings(Section):
    """The whole settings file."""

    office: Office
    bank: tuple[Bank, ...] = Field(min_length=1, strict=False)
    clerk: tuple[Clerk, ...] = Field(default=(), strict=False)
    receipts: Receipts | None = Field(default=None, description="absent: no receipt is signed")
    keystore: KeystoreFile | None = Field(default=None, description="of the key `receipt`; with [receipts]")

    @field_validator("bank")
    @classmethod
    def _banks_differ(cls, value: tuple[Bank, ...]) -> tuple[Bank, ...]:
        codes = [bank.code.zfill(11) for bank in value]
        if len(set(codes)) < len(codes):
            raise ValueError(Sentence("two banks have one code"))
        return value

    @property
    def near_us(self) -> int:
        """The time before and after a cut-over, in microseconds, in which a bank may date a transaction
        differently from us.
        """
        return self.office.near_minutes * MICROSECONDS_A_MINUTE

    def named(self, code: str) -> Bank:
        """The bank with this code. Raises NoSuchBank."""
        for bank in self.bank:
            if bank.code == code:
                return bank
        raise NoSuchBank(
            Sentence(
                "no bank {code} in the settings; there are {banks}",
                code=code,
                banks=listed([bank.code for bank in self.bank]),
            )
        )

    def check_may(self, person: str, permission: Permission) -> None:
        """Raise NotAllowed unless the settings give this person the permission."""
        if reason := refusal(self.clerk, person, permission):
            raise NotAllowed(reason)


class NoSuchBank(LedgerError):
    """The settings have no bank with this code."""


class NotAllowed(LedgerError):
    """The settings do not give this person the permission."""


def load_settings(path: Path) -> Settings:
    """Read and check the office's settings; relative paths are made absolute from the file's folder.

    Raises SettingsError.
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
        "exports": rooted_path(given.exports, folder),
        "figures": rooted_path(given.figures, folder) if given.figures else "",
        "archived": rooted_path(given.archived, folder) if given.archived else "",
        "metrics": rooted_path(given.metrics, folder) if given.metrics else "",
        "chart": rooted_path(given.chart, folder) if given.chart else "",
    }
    update: dict[str, object] = {
        "office": given.model_copy(update=rooted),
        "bank": tuple(_rooted_bank(bank, folder) for bank in settings.bank),
    }
    if settings.keystore is not None:
        update["keystore"] = rooted_keystore(settings.keystore, folder)
    if settings.receipts is not None:
        font = rooted_path(settings.receipts.font, folder)
        update["receipts"] = settings.receipts.model_copy(update={"font": font})
    return settings.model_copy(update=update)


def _rooted_bank(bank: Bank, folder: Path) -> Bank:
    names = {"layout": bank.layout, "statement": bank.statement}
    rooted = {key: rooted_path(name, folder) for key, name in names.items() if _is_path(name)}
    return bank.model_copy(update=rooted)


def bank_layout(bank: Bank) -> layout.Layout:
    """The layout of a bank's day file: a shipped one by its name, or one read from the path of a TOML file.

    Raises LayoutError.
    """
    if not _is_path(bank.layout):
        return layout.load(bank.layout)
    return layout.parse(Path(bank.layout).read_text(encoding="utf-8"), bank.layout)


def _is_path(text: str) -> bool:
    return text.endswith(".toml")


def _contradictions(settings: Settings) -> Iterator[Fault]:
    """Yield what is wrong between values that are each valid alone."""
    names = [clerk.name for clerk in settings.clerk]
    for place, bank in enumerate(settings.bank):
        if not _is_path(bank.layout) and bank.layout not in layout.shipped():
            names_shipped = listed(layout.shipped())
            yield Fault(
                f"bank[{place}].layout",
                Sentence("no such layout; there are {names}, or name a .toml file", names=names_shipped),
            )
        if bank.owner and bank.owner not in names:
            yield Fault(f"bank[{place}].owner", Sentence("{owner!r} is no [[clerk]]", owner=bank.owner))
    yield from name_faults(settings.clerk)
    if settings.office.front == settings.office.database:
        yield Fault("office.front", Sentence("is the office's own database"))
    if settings.receipts is not None and settings.keystore is None:
        yield Fault("keystore", Sentence("is missing: [receipts] needs the key that signs them"))
