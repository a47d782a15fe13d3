"""The archive's settings: a TOML file of its own, read and checked as a whole.

This module says what can be configured. No database and no keystore is opened here.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final, Literal

from pydantic import Field, field_validator

from archive.errors import LogFault, NotAllowed
from archive.log.note import NoteKey, SignatureType, parse_key
from archive.rules.names import VOLUME_BYTES_MAX, VOLUME_BYTES_MIN, VOLUMES_MAX, is_prefix
from ledger.files.clerks import Name, name_faults, refusal
from ledger.files.secret_source import KeystoreFile, rooted_keystore
from ledger.files.settings import Fault, Section, SettingsError, read_settings, rooted_database, rooted_path
from qianzhi_errors.sentence import Sentence

Permission = Literal["destroy", "release", "retire"]
WITNESSES_MAX: Final = 32
IMAGES_BYTES_MAX: Final = VOLUMES_MAX * VOLUME_BYTES_MAX
IMAGE: Final = "{image}"
"""What the writer's command has where the image's path goes; `{volume}` and `{place}` are filled in too."""


class Archive(Section):
    """The section [archive]: what the archive is called, where it keeps what, and how large a volume is."""

    name: str = Field(
        default="qianzhi.example/archive",
        pattern=r"^[!-*,-~]{1,100}$",
        description="its name in signatures, no blank, no plus sign; never changed once a volume is sealed",
    )
    prefix: str = Field(default="QZ", description="what its volumes' names begin with")
    insurer: str = Field(
        default="示例人寿保险 Example Life", description="whose archive it is, on every volume"
    )
    database: str = Field(
        repr=False,
        description="the catalogue: sqlite:///PATH or postgresql+psycopg://...; may hold a password",
    )
    office: str = Field(description="the office's settings file, which says where its books and files are")
    customers: str = Field(
        default="", description="the customers' settings file, for the persons' keys; empty: no name is taken"
    )
    staging: str = Field(default="staging", description="the folder of what is not sealed yet")
    images: str = Field(default="images", description="the folder of the volumes' images")
    inbox: str = Field(default="inbox", description="the folder where the core system leaves documents")
    volume_bytes: int = Field(
        default=19_000_000_000,
        ge=VOLUME_BYTES_MIN,
        le=VOLUME_BYTES_MAX,
        description="what a volume holds at most: a disc, less the room for its error correction",
    )
    set: int = Field(default=4, ge=2, le=32, description="so many data volumes have a parity volume")
    copies: int = Field(default=2, ge=1, le=9, description="verified copies that a volume is to have")
    keep_images: int = Field(
        default=IMAGES_BYTES_MAX,
        ge=0,
        le=IMAGES_BYTES_MAX,
        description="bytes of images that stay on the disk; above it the oldest go, their copies shelved",
    )
    writer: tuple[str, ...] = Field(
        default=("cp", "--", "{image}", "{place}"),
        strict=False,
        description="what writes a copy, without a shell; {image}, {volume} and {place} are filled in",
    )
    check_days: int = Field(default=365, ge=1, le=1_825, description="days after which a copy is read again")
    sample_percent: int = Field(default=10, ge=1, le=100, description="files of a sample, in 100")

    witness: tuple[str, ...] = Field(
        default=(),
        max_length=WITNESSES_MAX,
        strict=False,
        description="public keys of who cosigns the log, each NAME+ID+KEY as C2SP's tlog-cosignature has it",
    )

    @property
    def witnesses(self) -> tuple[NoteKey, ...]:
        """The witnesses' public keys."""
        return tuple(map(parse_key, self.witness))

    @field_validator("witness")
    @classmethod
    def _are_keys_of_cosignatures(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for number, text in enumerate(value, 1):
            try:
                kind = parse_key(text).kind
            except LogFault as fault:
                raise ValueError(Sentence("key {number}: {fault}", number=number, fault=fault)) from fault
            if kind is not SignatureType.COSIGNATURE:
                raise ValueError(Sentence("key {number} is not one of cosignatures", number=number))
        return value

    @field_validator("prefix")
    @classmethod
    def _names_volumes(cls, value: str) -> str:
        if not is_prefix(value):
            raise ValueError(Sentence("one to four capitals, A to Z"))
        return value

    @field_validator("writer")
    @classmethod
    def _names_the_image(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not any(IMAGE in part for part in value):
            raise ValueError(Sentence("{image} stands nowhere in it", image=IMAGE))
        return value


class Clerk(Section):
    """A section [[clerk]]: a person, by their login name, and what that person may propose and decide."""

    name: Name = Field(description="the login")
    may: tuple[Permission, ...] = Field(
        default=("destroy", "release", "retire"),
        strict=False,
        description="nobody approves what they proposed",
    )


class Settings(Section):
    """The whole settings file."""

    archive: Archive
    keystore: KeystoreFile
    clerk: tuple[Clerk, ...] = Field(default=(), strict=False)

    def check_may(self, person: str, permission: Permission) -> None:
        """Raise NotAllowed unless the settings give this person the permission."""
        if reason := refusal(self.clerk, person, permission):
            raise NotAllowed(reason)


def load_settings(path: Path) -> Settings:
    """Read and check the archive's settings; relative paths are made absolute from the file's folder.

    Raises SettingsError.
    """
    settings = read_settings(path, Settings)
    faults = tuple(_contradictions(settings))
    if faults:
        raise SettingsError(str(path), faults)
    folder, given = path.parent, settings.archive
    rooted = {
        "database": rooted_database(given.database, folder),
        "office": rooted_path(given.office, folder),
        "customers": rooted_path(given.customers, folder) if given.customers else "",
        "staging": rooted_path(given.staging, folder),
        "images": rooted_path(given.images, folder),
        "inbox": rooted_path(given.inbox, folder),
    }
    keystore = rooted_keystore(settings.keystore, folder)
    return settings.model_copy(update={"archive": given.model_copy(update=rooted), "keystore": keystore})


def _contradictions(settings: Settings) -> Iterator[Fault]:
    """Yield what is wrong between values that are each valid alone."""
    yield from name_faults(settings.clerk)
    if settings.archive.staging == settings.archive.images:
        yield Fault("archive.images", Sentence("is the folder of what is not sealed yet"))
