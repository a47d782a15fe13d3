"""The models of the settings: a section of the file each, and how the file is read into them.

Says what may be configured, within which limits and why; opens no socket and no database. Everything that
differs between banks is data here, never code.
"""

from __future__ import annotations

import re
from fnmatch import translate
from functools import cached_property
from ipaddress import IPv4Network, IPv6Network, ip_address
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, PlainValidator, WithJsonSchema, field_validator

from fep.day.schedule import Rule, is_hour
from fep.settings.contradictions import contradictions
from fep.settings.database_servers import servers_of
from fep.settings.dialects import unusable_dialects
from firewall_rules.gateway import Allowance, network_of
from firewall_rules.hours import Hours
from firewall_rules.policy import Endpoint, Policy, ZoneRule
from ledger.files.secret_source import SOURCE, KeystoreFile, rooted_source
from ledger.files.settings import Fault, Section, SettingsError, read_settings, rooted_database, rooted_path
from ledger.rules.calendar import Calendar
from ledger.rules.day import is_date
from ledger.rules.request import ACT_OF_CODE, FINANCIAL, REVERSAL_DAYS_MAX
from protocol.errors import FramingError
from protocol.framing import SHIPPED, Framing, Idle
from protocol.framing_table import framing_of
from protocol.mac import SHIPPED_MACS, MacMethod, MacMethodError
from protocol.mac_table import mac_of
from qianzhi_errors.sentence import Sentence, listed

Seconds = Annotated[int, Field(ge=1, le=3600)]
Port = Annotated[int, Field(ge=0, le=65535)]
Year = Annotated[int, Field(ge=2004, le=2099)]
Fen = Annotated[int, Field(ge=0, le=999_999_999_999)]
"""DE 4 has twelve digits."""


def _networks(value: object) -> object:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise ValueError(Sentence('give a list of networks such as ["192.0.2.0/24"]'))
    return tuple(network_of(item) for item in value)


def _hours(value: object) -> object:
    return Hours.parse(value) if isinstance(value, str) else value


def _endpoints(value: object) -> object:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise ValueError(Sentence('give a list of addresses with ports: ["10.0.0.11:5432"]'))
    return tuple(Endpoint.parse(item) for item in value)


def _framing(value: object) -> Framing:
    try:
        return framing_of(value)
    except FramingError as error:
        raise ValueError(str(error)) from None


Networks = Annotated[tuple[IPv4Network | IPv6Network, ...], BeforeValidator(_networks)]
FixedPort = Annotated[int, Field(ge=1, le=65535)]
OneLine = Annotated[str, Field(pattern=r"^[^\p{C}\p{Zl}\p{Zp}]*$")]
"""A text that is printed in one line: no control character, no mark of direction."""
Ascii = Annotated[str, Field(pattern=r"^[ -~]*$")]
"""For a bank whose dialect cannot carry Chinese."""


def _mac(value: object) -> MacMethod:
    try:
        return mac_of(value)
    except MacMethodError as error:
        raise ValueError(str(error)) from None


FramingSetting = Annotated[
    Framing,
    PlainValidator(_framing),
    WithJsonSchema({"anyOf": [{"enum": list(SHIPPED)}, {"type": "object"}]}),
]
"""The name of a shipped framing, or a table of parts."""
MacSetting = Annotated[
    MacMethod,
    PlainValidator(_mac),
    WithJsonSchema({"anyOf": [{"enum": list(SHIPPED_MACS)}, {"type": "object"}]}),
]
"""The name of an algorithm, or a table of parts."""
TRANSACTION_CODES = tuple(sorted(code for code, act in ACT_OF_CODE.items() if act in FINANCIAL))


def _address(value: str) -> str:
    """An address, or an empty text for all of them; a name would be looked up while the machine starts."""
    try:
        return value and str(ip_address(value))
    except ValueError:
        raise ValueError(
            Sentence("give an address of this machine, such as 127.0.0.1, and no name")
        ) from None


Address = Annotated[str, AfterValidator(_address)]


class Node(Section):
    """This process: its name among the nodes of one front book, and the place of that book."""

    name: str = Field(
        pattern=r"^[a-z0-9-]{1,32}$", description="of this node; no two of one front book have the same"
    )
    database: str = Field(
        repr=False,
        description="the front book: sqlite:///PATH or postgresql+psycopg://...; may hold a password",
    )
    control: str = Field(default="control.sock", description="the operator's local socket")
    dialects: str = Field(default="", description="a folder of the banks' own dialects, NAME.toml each")
    durable: bool = Field(default=True, description="false: for trials, on a disk that may forget")


class Limits(Section):
    """A limit on everything that a counterparty can make grow; each has its unit in its name."""

    frame_bytes: int = Field(
        default=8192, ge=256, le=65535, description="the longest message; a longer frame ends its link"
    )
    frame_seconds: Seconds = Field(default=10, description="a frame that has begun must be whole by then")
    handshake_seconds: Seconds = Field(default=5, description="TLS must be agreed by then, or the link ends")
    sign_on_seconds: Seconds = Field(default=10, description="a link that has not signed on by then ends")
    idle_seconds: Seconds = Field(default=60, description="of silence; then the machine sends an echo")
    echo_seconds: Seconds = Field(default=15, description="an echo without an answer by then ends its link")
    old_key_seconds: Seconds = Field(default=30, description="so long the key before a change is taken too")
    key_days: int = Field(default=31, ge=1, le=150, description="so many days back DE 7 may lie, no more")
    bad_macs: int = Field(default=5, ge=1, le=100, description="wrong MACs in a row; then the link ends")
    strays_a_minute: int = Field(default=10, ge=1, le=1000, description="stray messages; more end the link")
    links: int = Field(default=12_000, ge=1, le=1_000_000, description="of all banks together")
    unsent_bytes: int = Field(
        default=4_194_304, ge=65_536, description="of answers that a bank leaves unread"
    )
    batch: int = Field(default=256, ge=1, le=2048, description="so many requests at most in one commit")
    queue: int = Field(
        default=4096, ge=1, le=1_000_000, description="so many requests at most wait for a batch; more get 91"
    )
    queue_ms: int = Field(
        default=500, ge=10, le=30_000, description="who would wait longer for a batch is answered 91 at once"
    )
    retry_seconds: Seconds = Field(
        default=1, description="how often it asks whether a batch in doubt is on disk"
    )
    token_seconds: Seconds = Field(default=3, description="then a sign-on that waits for the token gets 96")
    stop_seconds: Seconds = Field(default=30, description="so long a stop waits for what was taken")


class KeystoreSettings(KeystoreFile):
    """The file of the node's keys, the token of the ZMKs, and the sources of the secrets that open them."""

    pkcs11_module: str | None = Field(default=None, description="the library of the token that holds ZMKs")
    token: Annotated[str, Field(min_length=1, max_length=32)] | None = Field(
        default=None, description="the token's label; with pkcs11_module"
    )
    pin: Annotated[str, Field(pattern=SOURCE)] | None = Field(
        default=None, description="where the token's PIN is, as for master_key; with pkcs11_module"
    )


class Tls(Section):
    """The certificate that the machine shows to banks, and its key; both in PEM."""

    certificate_file: str = Field(description="the certificate; banks pin its public key")
    key_file: str = Field(description="its private key, for the service's user alone")


class Status(Section):
    """The listener of the status page and the metrics, for operators."""

    host: Address = Field(default="127.0.0.1", description="the address where it listens")
    port: Port = Field(description="0: the system chooses one")
    names: tuple[Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,253}$")], ...] = Field(
        default=(), strict=False, description="under which browsers and monitoring ask, beside addresses"
    )
    breaks: str = Field(default="", description="open breaks in figures: a file that the office leaves here")


class Zones(Section):
    """The insurer's own networks, for the firewall: which ports each may reach, and which hosts we may reach.

    `qianzhi firewall` makes rules of it. The process that serves needs none of it.
    """

    ops: Networks = Field(default=(), description="may reach the status port")
    inside: Networks = Field(default=(), description="the back office: may reach `inside_ports`")
    inside_ports: tuple[FixedPort, ...] = Field(
        default=(), strict=False, description="the front book's PostgreSQL if it runs here, SSH"
    )
    databases: Annotated[tuple[Endpoint, ...], BeforeValidator(_endpoints)] = Field(
        default=(), description="the front book's PostgreSQL servers if they run on other hosts"
    )


class BusinessDay(Section):
    """When a business day ends, and business days and holidays that the calendar does not know."""

    cutover: str | None = Field(default=None, description="HH:MM, Beijing time; without it people cut over")
    late_hours: int = Field(default=6, ge=1, le=18, description="a cut-over later than that awaits a person")
    apart_hours: int = Field(
        default=6, ge=1, le=18, description="by the clock none within so many hours after the last one"
    )
    holidays: tuple[str, ...] = Field(default=(), strict=False, description="above what the calendar knows")
    workdays: tuple[str, ...] = Field(default=(), strict=False, description="the same")
    whole_years: tuple[Year, ...] = Field(
        default=(), strict=False, description="years of which holidays and workdays say everything"
    )
    poll_seconds: Seconds = Field(default=5, description="how soon an idle node sees another's cut-over")
    archived: str = Field(default="", description="days that may be retired: a file that the office leaves")

    @field_validator("cutover")
    @classmethod
    def _hour_can_be_meant(cls, value: str | None) -> str | None:
        if value is None:
            return None
        if re.fullmatch(r"([01][0-9]|2[0-3]):[0-5][0-9]", value, re.ASCII) is None:
            raise ValueError(Sentence('is no hour of Beijing: write "HH:MM", midnight as "00:00"'))
        if not is_hour(value):
            raise ValueError(
                Sentence(
                    "{value} is in the morning: a business day ends from 12:00 on of its own date, or until"
                    " 05:59 of the morning after",
                    value=value,
                )
            )
        return value

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

    def rule(self) -> Rule | None:
        """Return the rule by which the clock cuts over; None where an operator does."""
        return None if self.cutover is None else Rule(self.cutover, self.late_hours, self.apart_hours)


class ReceiptWords(Section):
    """What a receipt says of the insurer, in Chinese and in English. What is empty is not printed."""

    insurer: Annotated[OneLine, Field(max_length=30)] = Field(
        default="", description="the company's full name"
    )
    insurer_en: Annotated[Ascii, Field(max_length=60)] = Field(
        default="", description="for banks whose dialect cannot carry Chinese; so are the others in `_en`"
    )
    hotline: Annotated[Ascii, Field(max_length=24)] = Field(
        default="", description="the customers' telephone"
    )
    seal: Annotated[OneLine, Field(max_length=30)] = Field(
        default="", description="the words beside the place of the seal"
    )
    seal_en: Annotated[Ascii, Field(max_length=60)] = Field(default="", description="the same in English")


class Bank(Section):
    """One counterparty: where it connects from, how it speaks, and what it may do."""

    code: str = Field(pattern=r"^[0-9]{1,11}$", description="its DE 32")
    name: str = Field(min_length=1, max_length=40, description="for people, and on receipts")
    name_en: Annotated[Ascii, Field(max_length=60)] = Field(default="", description="on receipts in English")
    enabled: bool = Field(default=True, description="false: no link is let in, and open ones end at a reload")
    host: Address = Field(default="127.0.0.1", description="the address where the machine listens for it")
    port: Port = Field(description="where the machine listens for it; 0: the system chooses one")
    networks: Networks = Field(min_length=1, description="where its links come from, and from nowhere else")
    hours: Annotated[Hours, BeforeValidator(_hours)] | None = Field(
        default=None, description="when it may open links, Beijing time"
    )
    transport: Literal["tls", "plain"] = Field(default="tls", description="plain: links without TLS")
    pins: tuple[Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")], ...] = Field(
        default=(), strict=False, description="SHA-256 of its public key; two while it changes the key"
    )
    tls_minimum: Literal["1.2", "1.3"] = Field(default="1.3", description="the oldest TLS that is taken")
    framing: FramingSetting = Field(default=Framing.BE2, description="how its messages are delimited")
    idle: Idle = Field(
        default=Idle("ignore"), strict=False, description="what is done with a frame without a message"
    )
    dialect: str = Field(
        default="ascii87",
        description="how its messages are encoded: a shipped dialect, or one of the folder `node.dialects`",
    )
    gb18030: Literal["2005", "2022"] = Field(
        default="2005", description="which GB 18030 the dialect's text is in, where it is in that"
    )
    mac: MacSetting = Field(
        default=MacMethod.AES_CMAC, description="how messages are authenticated; its ZMK is of that kind"
    )
    keys_made_by: Literal["fep", "bank"] = Field(
        default="fep", description="who makes the session keys: the machine, or the bank, which sends them"
    )
    transactions: tuple[str, ...] = Field(
        default=TRANSACTION_CODES, strict=False, description="the processing codes that it may send"
    )
    terminals: tuple[str, ...] = Field(
        default=("*",), strict=False, description="patterns of its DE 41, of `*`, `?` and `[ab]`"
    )
    links: int = Field(default=64, ge=1, le=100_000, description="that it may have at the same time")
    unsigned_links: int = Field(
        default=64, ge=1, le=100_000, description="that have not signed on; for one more the oldest ends"
    )
    short_links: bool = Field(default=False, description="true: it opens links as it needs them")
    new_links_a_minute: int = Field(default=600, ge=1, le=60_000, description="more are not let in")
    sign_ons_a_minute: int = Field(default=600, ge=1, le=60_000, description="over all links; more get 91")
    link_sign_ons_a_minute: int = Field(default=10, ge=1, le=600, description="the same for one link")
    messages_a_second: int = Field(
        default=1000, ge=1, le=1_000_000, description="over all its links; what comes faster is read later"
    )
    refusals_a_minute: int = Field(
        default=6000, ge=1, le=1_000_000, description="that are recorded; beyond that it is read later"
    )
    limit_transaction_fen: Fen = Field(default=0, description="the most in one transaction; 0: no limit")
    limit_day_fen: Fen = Field(default=0, description="the most on one business date; 0: no limit")
    payout_advices: bool = Field(
        default=False, description="true: an advice that it has paid is recorded, whatever the book says"
    )
    unfit_alarm_fen: Fen = Field(
        default=1_000_000, description="an alarm once its advices of a day that fit no due come to so much"
    )
    reversal_days: int = Field(
        default=1, ge=0, le=REVERSAL_DAYS_MAX, description="so many business days back its reversals reach"
    )
    misses_a_minute: int = Field(
        default=120, ge=1, le=1_000_000, description="answers 25 and 76; then what asks or pays must wait"
    )
    misses_a_day: int = Field(default=5000, ge=1, le=100_000_000, description="the same for a calendar day")

    @field_validator("transactions")
    @classmethod
    def _transactions_are_known(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for code in value:
            if code not in TRANSACTION_CODES:
                raise ValueError(
                    Sentence(
                        "{code!r} is no processing code; there are {codes}",
                        code=code,
                        codes=listed(TRANSACTION_CODES),
                    )
                )
        return value

    def allowance(self, port: int) -> Allowance:
        """Return what this entry allows at the port where the machine listens for the bank."""
        most = self.links + self.unsigned_links
        return Allowance(
            self.code, port, self.networks, self.hours, most, self.new_links_a_minute, self.enabled
        )

    @cached_property
    def terminal_pattern(self) -> re.Pattern[str]:
        """One pattern that matches a DE 41 allowed by `terminals` (shell style: `*`, `?`, `[ab]`)."""
        return re.compile("|".join(map(translate, self.terminals)) or "(?!)")


class Channel(Section):
    """One way of collecting by file, away from the counter: a bank of its own to the ledger, and no bank that
    can connect, since it has neither links nor keys.
    """

    code: str = Field(pattern=r"^[0-9]{1,11}$", description="its code, in place of a DE 32; no bank's")
    name: str = Field(min_length=1, max_length=40, description="for people, and on receipts")
    reversal_days: int = Field(
        default=REVERSAL_DAYS_MAX,
        ge=0,
        le=REVERSAL_DAYS_MAX,
        description="so many business days back what its bank returns may have been done",
    )


class Settings(Section):
    """The whole settings file."""

    node: Node
    keystore: KeystoreSettings
    limits: Limits = Limits()
    status: Status
    day: BusinessDay = BusinessDay()
    tls: Tls | None = None
    zones: Zones = Zones()
    receipt: ReceiptWords = ReceiptWords()
    bank: tuple[Bank, ...] = Field(default=(), strict=False)
    channel: tuple[Channel, ...] = Field(default=(), strict=False)

    def allowances(self) -> tuple[Allowance, ...]:
        """Return what the banks' entries allow, for the gateway that lets links in."""
        return tuple(bank.allowance(bank.port) for bank in self.bank)

    def policy(self) -> Policy:
        """Return the firewall's policy. Raises SettingsError if a port is 0, chosen by the system."""
        ports = {f"bank[{place}].port": bank.port for place, bank in enumerate(self.bank)}
        ports["status.port"] = self.status.port
        faults = [
            Fault(key, Sentence("is 0: a firewall needs the port")) for key, port in ports.items() if not port
        ]
        if not self.zones.databases and servers_of(self.node.database):
            faults.append(
                Fault(
                    "zones.databases",
                    Sentence("is missing: node.database is elsewhere, and nothing else is let out"),
                )
            )
        if faults:
            raise SettingsError(Sentence("the settings"), tuple(faults))
        zones = self.zones
        zone_rules = (
            ZoneRule("ops", zones.ops, (self.status.port,)),
            ZoneRule("inside", zones.inside, zones.inside_ports),
        )
        return Policy(
            tuple(allowance for allowance in self.allowances() if allowance.enabled),
            zone_rules,
            zones.databases,
        )


def load_settings(path: Path) -> Settings:
    """Read and check a settings file; relative paths in it count from its own folder. Raises
    SettingsError.
    """
    settings = settings_alone(path)
    faults = tuple(unusable_dialects(settings))
    if faults:
        raise SettingsError(str(path), faults)
    return settings


def settings_alone(path: Path) -> Settings:
    """Read and check a settings file as `load_settings` does, but for the dialects that it names: their files
    may not be there yet. Raises SettingsError.
    """
    read = read_settings(path, Settings)
    faults = tuple(contradictions(read))
    if faults:
        raise SettingsError(str(path), faults)
    return _rooted(read, path.parent)


def load_served_settings(path: Path) -> Settings:
    """Read and check the settings of a machine that is to serve: they must have a bank. Without one the
    keystore and the book can be made, and `qianzhi bank add` adds the first. Raises SettingsError.
    """
    settings = load_settings(path)
    if not settings.bank:
        raise SettingsError(
            str(path), (Fault("bank", Sentence("there is none to serve; first: qianzhi bank add")),)
        )
    return settings


def _rooted(settings: Settings, folder: Path) -> Settings:
    """Return the settings with paths that count from `folder` made absolute."""
    node = settings.node.model_copy(
        update={
            "database": rooted_database(settings.node.database, folder),
            "control": rooted_path(settings.node.control, folder),
            "dialects": settings.node.dialects and rooted_path(settings.node.dialects, folder),
        }
    )
    keystore = settings.keystore
    keystore = keystore.model_copy(
        update={
            "file": rooted_path(keystore.file, folder),
            "master_key": rooted_source(keystore.master_key, folder),
            "pin": keystore.pin and rooted_source(keystore.pin, folder),
        }
    )
    tls = settings.tls and settings.tls.model_copy(
        update={name: rooted_path(path, folder) for name, path in settings.tls.model_dump().items()}
    )
    status = settings.status
    if status.breaks:
        status = status.model_copy(update={"breaks": rooted_path(status.breaks, folder)})
    day = settings.day
    if day.archived:
        day = day.model_copy(update={"archived": rooted_path(day.archived, folder)})
    update = {"node": node, "tls": tls, "keystore": keystore, "status": status, "day": day}
    return settings.model_copy(update=update)
