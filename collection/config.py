"""The settings of collection: a TOML file of its own, read and checked as a whole.

This module says what can be configured. It opens the settings, and no database, keystore or key.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import time
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator

from collection.errors import NoSuchItem, NotAllowed
from collection.rules.attempts import Pace
from collection.rules.dunning import Timetable
from ledger.files.clerks import Name, name_faults, refusal
from ledger.files.secret_source import KeystoreFile, rooted_keystore
from ledger.files.settings import Fault, Section, SettingsError, read_settings, rooted_database, rooted_path
from ledger.rules.calendar import Calendar
from ledger.rules.day import is_date
from qianzhi_errors.sentence import Sentence

Permission = Literal["mandate", "plan", "approve", "send", "force"]
Days = Annotated[int, Field(ge=1, le=1_000)]
Hour = Annotated[str, Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]
Year = Annotated[int, Field(ge=2000, le=2999)]


class Collection(Section):
    """The section [collection]: its own database, the customers' settings, and where its files go."""

    database: str = Field(
        repr=False,
        description="its own: sqlite:///PATH or postgresql+psycopg://...; may hold a password",
    )
    customers: str = Field(description="the customers' settings file, for the persons' keys")
    files: str = Field(
        default="files", description="the folder of what is written for the front and the banks"
    )


class WorkingDays(Section):
    """The section [calendar]: working days and holidays that the calendar does not know."""

    holidays: tuple[str, ...] = Field(default=(), strict=False, description="above what the calendar knows")
    workdays: tuple[str, ...] = Field(default=(), strict=False, description="the same")
    whole_years: tuple[Year, ...] = Field(
        default=(), strict=False, description="years of which holidays and workdays say everything"
    )

    @field_validator("holidays", "workdays")
    @classmethod
    def _dates_exist(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for text in value:
            if not is_date(text):
                raise ValueError(Sentence("{text!r} is no date: write YYYYMMDD", text=text))
        return value

    def calendar(self) -> Calendar:
        """Return the calendar with the days that these settings add."""
        return Calendar(frozenset(self.holidays), frozenset(self.workdays), frozenset(self.whole_years))


class Channel(Section):
    """A section [[channel]]: a bank and its product, through which dues are collected in batches."""

    code: str = Field(
        pattern=r"^[0-9]{8}$", description="a bank of its own in the front's settings, 8 digits"
    )
    bank: str = Field(pattern=r"^[0-9]{1,11}$", description="the code of the bank whose product it is")
    name: str = Field(min_length=1, max_length=60, description="for people")
    request: str = Field(description="the form of its files: a shipped one's name, or a file of one's own")
    codes: str = Field(
        default="", description="the table of its codes, shipped or a file of one's own; empty: the form's"
    )
    payee: str = Field(default="", max_length=60, description="the insurer's name in its files")
    payee_account: str = Field(default="", max_length=34, description="the insurer's account in its files")
    agreement: str = Field(default="", max_length=34, description="the number of the contract with the bank")
    payee_bank: str = Field(default="", max_length=14, description="the code of that account's bank")
    hold_from: Hour = Field(default="20:30", description="from then on dues are held for it, Beijing time")
    cutoff: Hour = Field(default="21:00", description="until then a file must be sent, Beijing time")
    answer_by: Hour = Field(default="06:00", description="by then its answer is due, the morning after")
    limit_fen: int = Field(
        default=0, ge=0, description="the most that one line may ask, in fen; 0: any amount"
    )
    debit: bool = Field(default=True, description="whether it takes from debit accounts and passbooks")
    credit: bool = Field(default=False, description="whether it takes from credit cards")
    bank_agrees: bool = Field(default=False, description="whether the bank must agree to each mandate")
    fee_fen: int = Field(default=0, ge=0, description="what one line costs, in fen")


class Dunning(Section):
    """The section [dunning]: when a due is tried, and when its customer is told, in days."""

    notice: tuple[Days, ...] = Field(
        default=(30, 5), strict=False, description="notices so many days before the due date"
    )
    attempts_max: int = Field(default=6, ge=1, le=20, description="attempts of one due in all")
    gap_days: int = Field(default=2, ge=1, le=30, description="days between two attempts, at least")
    paydays: tuple[Annotated[int, Field(ge=1, le=28)], ...] = Field(
        default=(6, 11, 16, 21, 26), strict=False, description="days of the month after usual paydays"
    )
    grace_days: int = Field(default=60, ge=1, le=365, description="so long after the due date a policy lasts")
    result_margin_days: int = Field(
        default=2, ge=0, le=30, description="working days that the last result comes before the grace ends"
    )
    result_days: int = Field(default=1, ge=0, le=10, description="working days from an attempt to its result")
    remind: tuple[Days, ...] = Field(
        default=(15, 30, 45, 55), strict=False, description="reminders so many days after the due date"
    )
    task: int = Field(default=55, ge=1, le=365, description="days after the due date: a task for staff")
    reinstate: tuple[Days, ...] = Field(
        default=(7, 30, 180, 600), strict=False, description="notices so many days after the policy lapsed"
    )
    quiet: Annotated[tuple[Hour, ...], Field(max_length=2, min_length=2)] = Field(
        default=("21:00", "08:00"), strict=False, description="from and until when no customer is written to"
    )

    @property
    def pace(self) -> Pace:
        """How often and when a due is tried."""
        return Pace(
            self.attempts_max,
            self.gap_days,
            self.paydays,
            self.grace_days,
            self.result_margin_days,
            self.result_days,
        )

    @property
    def timetable(self) -> Timetable:
        """When customers are told."""
        return Timetable(self.notice, self.remind, self.task, self.grace_days, self.reinstate)

    @property
    def quiet_hours(self) -> tuple[time, time]:
        """From and until when no customer is written to, Beijing time."""
        begin, end = map(time.fromisoformat, self.quiet)
        return begin, end


class Clerk(Section):
    """A section [[clerk]]: a person, by their login name, and what that person may do."""

    name: Name = Field(description="the login")
    may: tuple[Permission, ...] = Field(
        default=("plan", "send"), strict=False, description="nobody approves what they made or proposed"
    )


class Settings(Section):
    """The whole settings file."""

    collection: Collection
    keystore: KeystoreFile
    channel: tuple[Channel, ...] = Field(default=(), strict=False)
    dunning: Dunning = Dunning()
    calendar: WorkingDays = WorkingDays()
    clerk: tuple[Clerk, ...] = Field(default=(), strict=False)

    def check_may(self, person: str, permission: Permission) -> None:
        """Raise NotAllowed unless the settings give this person the permission."""
        if reason := refusal(self.clerk, person, permission):
            raise NotAllowed(reason)

    def channel_of(self, code: str) -> Channel:
        """The channel of this code. Raises NoSuchItem."""
        for channel in self.channel:
            if channel.code == code:
                return channel
        raise NoSuchItem(Sentence("the settings have no channel {code}", code=code))


def load_settings(path: Path) -> Settings:
    """Read and check the settings of collection; relative paths are made absolute from the file's folder.

    Raises SettingsError.
    """
    settings = read_settings(path, Settings)
    faults = tuple(_contradictions(settings))
    if faults:
        raise SettingsError(str(path), faults)
    folder, given = path.parent, settings.collection
    collection = given.model_copy(
        update={
            "database": rooted_database(given.database, folder),
            "customers": rooted_path(given.customers, folder),
            "files": rooted_path(given.files, folder),
        }
    )
    rooted = rooted_keystore(settings.keystore, folder)
    return settings.model_copy(update={"collection": collection, "keystore": rooted})


def _contradictions(settings: Settings) -> Iterator[Fault]:
    """Yield what is wrong between values that are each valid alone."""
    yield from name_faults(settings.clerk)
    codes = [channel.code for channel in settings.channel]
    if len(set(codes)) < len(codes):
        yield Fault("channel", Sentence("two channels have one code"))
    for number, channel in enumerate(settings.channel):
        if channel.code == channel.bank:
            yield Fault(
                f"channel[{number}].code", Sentence("is the bank's own: a channel has one of its own")
            )
        if not channel.debit and not channel.credit:
            yield Fault(f"channel[{number}]", Sentence("takes neither from debit accounts nor credit cards"))
    dunning = settings.dunning
    if max(dunning.task, *dunning.remind, 0) >= dunning.grace_days:
        yield Fault("dunning", Sentence("a reminder or the task comes when the grace has ended"))
    for key, reason in settings.calendar.calendar().faults():
        yield Fault(f"calendar.{key}", reason)
