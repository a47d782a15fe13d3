"""The settings: one TOML file, read and checked whole before anything starts.

Says what may be configured, and within which limits; opens no socket and no database. Everything that
differs between banks is data here, never code. Each limit carries its reason.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from fnmatch import fnmatchcase
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator

from firewall_rules.gateway import Allowance, overlaps
from ledger.calendar import Calendar
from ledger.request import ACT_OF_CODE, FINANCIAL
from ledger.settings import Fault, Section, SettingsError, read_settings, rooted_database, rooted_path
from protocol.dialect import shipped
from protocol.framing import Framing
from protocol.mac import MacAlgorithm

Seconds = Annotated[int, Field(ge=1, le=3600)]
Port = Annotated[int, Field(ge=0, le=65535)]
Fen = Annotated[int, Field(ge=0, le=999_999_999_999)]
"""DE 4 has twelve digits."""

TRANSACTION_CODES = tuple(sorted(code for code, act in ACT_OF_CODE.items() if act in FINANCIAL))


class Node(Section):
    """This process: its name among the nodes of one front book, and where that book is."""

    name: str = Field(pattern=r"^[a-z0-9-]{1,32}$")
    database: str
    front_key_file: str
    seal_key_file: str
    control: str = Field(default="control.sock", description="the operator's local socket")


class Limits(Section):
    """A limit on everything that a counterparty can make grow."""

    frame_bytes: int = Field(default=8192, ge=256, le=65535, description="PROTOCOL section 1")
    frame_seconds: Seconds = 10
    sign_on_seconds: Seconds = 30
    idle_seconds: Seconds = 60
    echo_seconds: Seconds = 15
    old_key_seconds: Seconds = 30
    bad_macs: int = Field(default=5, ge=1, le=100, description="PROTOCOL section 5.6")
    links: int = Field(default=12_000, ge=1, le=1_000_000)
    unsent_bytes: int = Field(
        default=1_048_576, ge=65_536, description="a bank that does not read its answers"
    )
    batch: int = Field(default=256, ge=1, le=2048)
    queue: int = Field(default=4096, ge=1, le=1_000_000)
    retry_seconds: Seconds = 1
    stop_seconds: Seconds = 30


class Tls(Section):
    """The certificate that the machine shows to banks, and its key; both in PEM."""

    certificate_file: str
    key_file: str


class Status(Section):
    """The operators' listener."""

    host: str = "127.0.0.1"
    port: Port


class BusinessDay(Section):
    """When a business day ends, and which days are business days where the calendar does not know it."""

    cutover: Annotated[str, Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")] | None = None
    holidays: tuple[str, ...] = Field(default=(), strict=False)
    workdays: tuple[str, ...] = Field(default=(), strict=False)
    poll_seconds: Seconds = Field(default=5, description="how soon an idle node sees another's cut-over")

    @field_validator("holidays", "workdays")
    @classmethod
    def _dates_exist(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for text in value:
            try:
                good = f"{date.fromisoformat(text):%Y%m%d}" == text
            except ValueError:
                good = False
            if not good:
                raise ValueError(f"{text!r} is no date: write YYYYMMDD")
        return value

    def calendar(self) -> Calendar:
        """The calendar with what these settings add to it."""
        return Calendar(frozenset(self.holidays), frozenset(self.workdays))


class Bank(Section):
    """One counterparty."""

    code: str = Field(pattern=r"^[0-9]{1,11}$")
    name: str = Field(min_length=1, max_length=40)
    host: str = "127.0.0.1"
    port: Port
    networks: tuple[IPv4Network | IPv6Network, ...] = Field(min_length=1)
    transport: Literal["tls", "plain"] = "tls"
    pins: tuple[Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")], ...] = Field(default=(), strict=False)
    tls_minimum: Literal["1.2", "1.3"] = "1.3"
    framing: Framing = Field(default=Framing("2be"), strict=False)
    dialect: str = "ascii87"
    mac: MacAlgorithm = Field(default=MacAlgorithm("aes-cmac"), strict=False)
    zmk_file: str
    transactions: tuple[str, ...] = Field(default=TRANSACTION_CODES, strict=False)
    terminals: tuple[str, ...] = Field(default=("*",), strict=False)
    links: int = Field(default=64, ge=1, le=100_000)
    limit_transaction_fen: Fen = 0
    limit_day_fen: Fen = 0

    @field_validator("networks", mode="before")
    @classmethod
    def _networks_are_written_out(cls, value: object) -> object:
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise ValueError('give a list of networks such as ["192.0.2.0/24"]')
        return tuple(ip_network(item) for item in value)

    @field_validator("dialect")
    @classmethod
    def _dialect_is_shipped(cls, value: str) -> str:
        if value not in shipped():
            raise ValueError(f"no such dialect; there are {', '.join(shipped())}")
        return value

    @field_validator("transactions")
    @classmethod
    def _transactions_are_known(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for code in value:
            if code not in TRANSACTION_CODES:
                raise ValueError(f"{code!r} is no processing code; there are {', '.join(TRANSACTION_CODES)}")
        return value

    def allows_terminal(self, terminal: str) -> bool:
        """Whether DE 41 matches one of the bank's patterns (shell style: `*`, `?`, `[ab]`)."""
        return any(fnmatchcase(terminal, pattern) for pattern in self.terminals)


class Settings(Section):
    """The whole file."""

    node: Node
    limits: Limits = Limits()
    status: Status
    day: BusinessDay = BusinessDay()
    tls: Tls | None = None
    bank: tuple[Bank, ...] = Field(min_length=1, strict=False)

    def allowances(self) -> tuple[Allowance, ...]:
        """What the banks' entries allow, for the gateway."""
        return tuple(Allowance(bank.code, bank.port, bank.networks) for bank in self.bank)


def load_settings(path: Path) -> Settings:
    """Read and check a settings file; relative paths in it count from its own folder. Raises
    SettingsError.
    """
    settings = read_settings(path, Settings)
    faults = tuple(_contradictions(settings))
    if faults:
        raise SettingsError(str(path), faults)
    return _rooted(settings, path.parent)


def _contradictions(settings: Settings) -> Iterator[Fault]:
    """What each section allows and all together do not."""
    codes: dict[str, int] = {}
    for place, bank in enumerate(settings.bank):
        first = codes.setdefault(bank.code.zfill(11), place)
        if first != place:
            yield Fault(f"bank[{place}].code", f"{bank.code} is bank[{first}] already")
        if len({other.host for other in settings.bank if other.port == bank.port != 0}) > 1:
            yield Fault(f"bank[{place}].host", f"port {bank.port} is given with different hosts")
        if bank.transport == "tls" and not bank.pins:
            yield Fault(
                f"bank[{place}].pins",
                'is missing: the SHA-256 of the bank\'s public key, or transport = "plain"',
            )
        if bank.transport == "plain" and bank.pins:
            yield Fault(
                f"bank[{place}].pins", 'nothing is pinned on a plain link: remove transport = "plain"'
            )
        if bank.port and bank.port == settings.status.port:
            yield Fault(f"bank[{place}].port", "is the status port")
    for overlap in overlaps(allowance for allowance in settings.allowances() if allowance.port):
        yield Fault(
            "bank.networks",
            f"{overlap.network} on port {overlap.port} belongs to both {overlap.first} and {overlap.second}",
        )
    if settings.tls is None and any(bank.transport == "tls" for bank in settings.bank):
        yield Fault("tls", "is missing: [tls] certificate_file and key_file are what banks are shown")
    if settings.limits.batch > settings.limits.queue:
        yield Fault("limits.batch", "cannot be larger than limits.queue")


def _rooted(settings: Settings, folder: Path) -> Settings:
    """Make the paths in the settings independent of where the command is run."""
    paths = {
        name: rooted_path(getattr(settings.node, name), folder)
        for name in ("front_key_file", "seal_key_file", "control")
    }
    node = settings.node.model_copy(
        update={"database": rooted_database(settings.node.database, folder), **paths}
    )
    banks = tuple(
        bank.model_copy(update={"zmk_file": rooted_path(bank.zmk_file, folder)}) for bank in settings.bank
    )
    tls = settings.tls and settings.tls.model_copy(
        update={name: rooted_path(path, folder) for name, path in settings.tls.model_dump().items()}
    )
    return settings.model_copy(update={"node": node, "tls": tls, "bank": banks})
