"""The customers' settings: a TOML file of its own, read and checked as a whole.

This module says what can be configured. It opens the settings, and no database, keystore or key.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from pydantic import Field

from customers.errors import NotAllowed
from customers.sender_settings import Notices, Sender, rooted_notices, rooted_sender, sender_faults
from ledger.files.clerks import Name, name_faults, refusal
from ledger.files.secret_source import KeystoreFile, rooted_keystore
from ledger.files.settings import Fault, Section, SettingsError, read_settings, rooted_database, rooted_path
from qianzhi_errors.sentence import Sentence

Permission = Literal[
    "load",
    "show",
    "change",
    "consent",
    "look",
    "restrict",
    "release",
    "shred",
    "escrow",
    "rewrap",
    "send",
    "tasks",
]


class Customers(Section):
    """The section [customers]: its own database, and the folders of what it writes."""

    database: str = Field(
        repr=False,
        description="its own: sqlite:///PATH or postgresql+psycopg://...; may hold a password",
    )
    certificates: str = Field(default="certificates", description="the folder of certificates of shredding")
    escrow: str = Field(default="escrow", description="the folder of the sealed lists of keys")


class Clerk(Section):
    """A section [[clerk]]: a person, by their login name, and what that person may do."""

    name: Name = Field(description="the login")
    may: tuple[Permission, ...] = Field(
        default=("load", "show"), strict=False, description="nobody approves what they proposed"
    )


class Holder(Section):
    """A section [[holder]]: who keeps one layer of the sealed lists of keys, and that holder's public key."""

    name: Name = Field(description="for people")
    public: str = Field(pattern=r"^[0-9a-f]{64}$", description="the public half of the holder's X25519 key")


class Settings(Section):
    """The whole settings file."""

    customers: Customers
    keystore: KeystoreFile
    clerk: tuple[Clerk, ...] = Field(default=(), strict=False)
    holder: tuple[Holder, ...] = Field(default=(), strict=False)
    notices: Notices = Notices()
    sender: tuple[Sender, ...] = Field(default=(), strict=False)

    def check_may(self, person: str, permission: Permission) -> None:
        """Raise NotAllowed unless the settings give this person the permission."""
        if reason := refusal(self.clerk, person, permission):
            raise NotAllowed(reason)


def load_settings(path: Path) -> Settings:
    """Read and check the customers' settings; relative paths are made absolute from the file's folder.

    Raises SettingsError.
    """
    settings = read_settings(path, Settings)
    faults = tuple(_contradictions(settings))
    if faults:
        raise SettingsError(str(path), faults)
    folder, given = path.parent, settings.customers
    customers = given.model_copy(
        update={
            "database": rooted_database(given.database, folder),
            "certificates": rooted_path(given.certificates, folder),
            "escrow": rooted_path(given.escrow, folder),
        }
    )
    rooted = rooted_keystore(settings.keystore, folder)
    return settings.model_copy(
        update={
            "customers": customers,
            "keystore": rooted,
            "notices": rooted_notices(settings.notices, folder),
            "sender": tuple(rooted_sender(sender, folder) for sender in settings.sender),
        }
    )


def _contradictions(settings: Settings) -> Iterator[Fault]:
    """Yield what is wrong between values that are each valid alone."""
    yield from name_faults(settings.clerk)
    yield from sender_faults(settings.sender)
    if len(settings.holder) not in (0, 2):
        yield Fault("holder", Sentence("a list of keys is sealed for two holders: give two, or none"))
    if len({holder.public for holder in settings.holder}) < len(settings.holder):
        yield Fault("holder", Sentence("two holders have one key"))
    if len({holder.name for holder in settings.holder}) < len(settings.holder):
        yield Fault("holder", Sentence("two holders have one name"))
