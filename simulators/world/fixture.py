"""The fixture of a run: a folder in memory, templates of both books, the agreed terms, the settings.

Made by the production code once a process, and copied for each run.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

from fep.keys.keys import FRONT, SEAL, FrontKey, Key, KeyKind, checked, generated, zmk_kind, zmk_name
from fep.keys.keystore import Keystore, MasterKey
from fep.settings.config import TRANSACTION_CODES, Settings
from ledger.book.front import FrontBook
from ledger.book.load import load_book
from ledger.book.store import Store
from ledger.files.bookfile import PolicyDues, parse, write
from ledger.files.bookline import DueLine
from ledger.rules.dues import Policy
from ledger.rules.secret import Secret
from office.accounting import chart
from office.close import prepare as prepare_office
from office.database.audit_log import MACHINE
from protocol.codec import Codec
from protocol.dialect import Dialect, load
from protocol.framing_table import framing_of
from protocol.mac import MacMethod
from protocol.mac_table import mac_of
from protocol.message import Message
from simulators.world.reading import COLLECTIONS, Terms
from simulators.world.rules import Book, Due

DATES = ("20261124", "20261125", "20261126", "20261127", "20261130")
"""Tuesday to the Monday after: business dates, one after the other."""
CALENDARS = (
    ("20251231", "20260104", "20260105", "20260106", "20260107"),
    ("20240228", "20240229", "20240301", "20240304", "20240305"),
    ("20240229", "20240301", "20240304", "20240305", "20240306"),
)
"""Business dates over New Year, to a 29 February, and from one; the calendar knows these years' holidays."""
BENEFICIARY, STRANGER = "000000199003070014", "000000198502030020"
_MEMORY = Path("/dev", "shm")
_BANKS = (
    ("01020000", "2be", "ascii87", "aes-cmac"),
    ("01030000", "4ascii", "hex87", "x9.19"),
    ("03010000", "2be-tpdu", "bcd87", "aes-cmac"),
    ("104", "2bcd", "ebcdic87", "x9.19"),
)
_FRONT_KEY = bytes(range(32))
SEAL_KEY = bytes(range(1, 33))
_MASTER = bytes(range(2, 34))
_FIRST_PORT = 9000
_TEMPLATE = ".template"
_REMEMBERED = 1000
_TRANSACTION_LIMITS = (0, 0, 0, 200_000)


def premium(due: str, policy: str, amount: int, code: str = "500000", date: str = "20261201") -> DueLine:
    """A due to collect."""
    return DueLine(due, policy, code, "premium", date, amount, "")


def benefit(due: str, policy: str, amount: int, code: str = "260000") -> DueLine:
    """A due to pay."""
    return DueLine(due, policy, code, "benefit", "20261120", amount, BENEFICIARY)


FIRST_BOOK: tuple[PolicyDues, ...] = (
    PolicyDues(Policy("P1", "active", "张三"), (premium("D1", "P1", 120_000),)),
    PolicyDues(
        Policy("P2", "active", "李四"),
        (
            premium("D2A", "P2", 50_000),
            premium("D2B", "P2", 70_000, date="20261101"),
            benefit("B2", "P2", 90_000),
        ),
    ),
    PolicyDues(Policy("P3", "active", "Wang Wu"), (benefit("B3", "P3", 500_000),)),
    PolicyDues(Policy("P4", "lapsed", "Zhao Liu"), (premium("D4", "P4", 33_000),)),
    PolicyDues(
        Policy("P5", "active", "Sun"), (premium("D5", "P5", 44_000, "502000"), premium("D5B", "P5", 44_000))
    ),
    PolicyDues(Policy("P6", "active", "Qian"), ()),
)
"""Few dues, so that many meet at the same."""


def as_due(line: DueLine) -> Due:
    """A due as the oracle knows it."""
    return Due(line.due, line.policy, line.code, line.due_date, line.amount, line.beneficiary)


def first_book(limits: Mapping[str, int], date: str) -> Book:
    """The oracle's book before the first transaction, on the business date `date`."""
    return Book(
        date,
        {entry.policy.policy: entry.policy.state for entry in FIRST_BOOK},
        {entry.policy.policy: entry.policy.holder for entry in FIRST_BOOK},
        {line.due: as_due(line) for entry in FIRST_BOOK for line in entry.dues},
        dict(limits),
    )


@dataclass(frozen=True, slots=True)
class Fixture:
    """A folder with templates, to run in again and again."""

    folder: Path

    @property
    def database(self) -> Path:
        """The run's own front book."""
        return self.folder / "front.db"

    @property
    def office(self) -> Path:
        """The run's own office."""
        return self.folder / "office.db"

    def template(self, database: Path, date: str = "") -> Path:
        """The template that a book is copied from; a front book's template has the date `date` open."""
        return database.with_name(f"{database.stem}{date}{_TEMPLATE}")

    def fresh(self, database: Path, date: str = "") -> None:
        """Put a copy of a book's template in its place."""
        for end in ("-wal", "-shm"):
            database.with_name(database.name + end).unlink(missing_ok=True)
        shutil.copyfile(self.template(database, date), database)


@contextmanager
def in_memory() -> Iterator[Path]:
    """A folder for fixtures, in memory where there is such a place; it goes with all that is in it."""
    memory = str(_MEMORY) if _MEMORY.is_dir() else None
    with tempfile.TemporaryDirectory(prefix="qianzhi-world-", dir=memory) as folder:
        yield Path(folder)


def prepare(within: Path) -> Fixture:
    """Make a folder within another, the keys and the templates."""
    folder = Path(tempfile.mkdtemp(dir=within))
    (folder / "master.key").touch(mode=0o600)
    (folder / "master.key").write_text(_MASTER.hex())
    keys = {
        FRONT: checked(KeyKind.BLAKE2B, Secret(_FRONT_KEY)),
        SEAL: checked(KeyKind.ED25519, Secret(SEAL_KEY)),
        **{zmk_name(code): _zmk(mac_of(mac), place) for place, (code, _, _, mac) in enumerate(_BANKS)},
    }
    Keystore.create(folder / "keystore", MasterKey(Secret(_MASTER)), keys, Random(1).randbytes)
    fixture, front_key = Fixture(folder), FrontKey(_FRONT_KEY)
    for date, *_ in (DATES, *CALENDARS):
        with closing(Store(f"sqlite:///{fixture.template(fixture.database, date)}")) as store:
            front = FrontBook(store, front_key.check_value, Random(2).randbytes)
            front.create()
            load_book(store, parse(b"".join(write(date, FIRST_BOOK))), front_key.identity, 1)
    with closing(Store(f"sqlite:///{fixture.template(fixture.office)}")) as store:
        prepare_office(store, chart.shipped(), 1, MACHINE)
    return fixture


def _zmk(mac: MacMethod, place: int) -> Key:
    return generated(zmk_kind(mac), 16, Random(f"ZMK {place}").randbytes)


class Remembering(Codec):
    """A codec that remembers what it has decoded, up to `room` messages; banks and oracle share it. The
    machine has its own codec.
    """

    __slots__ = ("_decoded", "_room")

    def __init__(self, dialect: Dialect, room: int) -> None:
        super().__init__(dialect)
        self._room = room
        self._decoded: dict[bytes, Message] = {}

    def decode(self, data: bytes) -> Message:
        """As the codec's."""
        message = self._decoded.get(data)
        if message is None:
            if len(self._decoded) >= self._room:
                self._decoded.clear()
            message = self._decoded[data] = super().decode(data)
        return message


@cache
def _codec(dialect: str) -> Codec:
    return Remembering(load(dialect), _REMEMBERED)


def agreed(random: Random, count: int) -> tuple[Terms, ...]:
    """The terms of `count` banks, each with another dialect, framing and MAC; some have fewer permissions."""
    chosen = random.sample(range(len(_BANKS)), count)
    return tuple(_terms(random, place) for place in chosen)


def bounded(random: Random, terms: Sequence[Terms]) -> tuple[Terms, ...]:
    """The same banks, each with a low limit of answers 25 and 76."""
    given = ((random.choice((1, 2, 4)), random.choice((3, 8, 5000))) for _ in terms)
    return tuple(
        bank._replace(misses_a_minute=minute, misses_a_day=day)
        for bank, (minute, day) in zip(terms, given, strict=True)
    )


def permitted_otherwise(random: Random, terms: Sequence[Terms]) -> tuple[Terms, ...]:
    """The same banks with other permissions. The daily limit stays, since it belongs to the book and not to a
    link.
    """
    return tuple(
        bank._replace(
            transactions=_transactions(random),
            terminals=_terminals(random),
            limit_transaction=random.choice(_TRANSACTION_LIMITS),
        )
        for bank in terms
    )


def _transactions(random: Random) -> frozenset[str]:
    narrow = random.random() < 0.25
    return frozenset(TRANSACTION_CODES) - ({random.choice(sorted(COLLECTIONS))} if narrow else set())


def _terminals(random: Random) -> tuple[str, ...]:
    return ("T*", "X1") if random.random() < 0.3 else ("*",)


def _terms(random: Random, place: int) -> Terms:
    code, framing, dialect, mac = _BANKS[place]
    transactions = _transactions(random)
    return Terms(
        code,
        _FIRST_PORT + place,
        framing_of(framing),
        dialect,
        mac_of(mac),
        _zmk(mac_of(mac), place).secret.reveal(),
        _codec(dialect),
        transactions,
        _terminals(random),
        random.choice(_TRANSACTION_LIMITS),
        random.choice((0, 0, 0, 250_000)),
        payout_advices=random.random() < 0.3,
        reversal_days=random.choice((0, 1, 1, 2)),
    )


def settings(
    fixture: Fixture, terms: Sequence[Terms], limits: Mapping[str, int], hour: str | None, rate: int
) -> Settings:
    """The machine's settings for these banks; `hour` is when the clock cuts over."""
    banks: list[dict[str, Any]] = [
        {
            "code": bank.code,
            "name": f"Bank {bank.code}",
            "port": bank.port,
            "networks": [f"10.0.{place}.0/24"],
            "transport": "plain",
            "framing": bank.framing,
            "dialect": bank.dialect,
            "mac": bank.mac,
            "transactions": sorted(bank.transactions),
            "terminals": list(bank.terminals),
            "limit_transaction_fen": bank.limit_transaction,
            "limit_day_fen": bank.limit_day,
            "payout_advices": bank.payout_advices,
            "reversal_days": bank.reversal_days,
            "misses_a_minute": bank.misses_a_minute,
            "misses_a_day": bank.misses_a_day,
            "messages_a_second": rate,
        }
        for place, bank in enumerate(terms)
    ]
    return Settings.model_validate(
        {
            "node": {
                "name": "fep1",
                "database": f"sqlite:///{fixture.database}",
                "control": str(fixture.folder / "control.sock"),
                "durable": False,  # the folder is in memory; what is lost with the power is not asked here
            },
            "keystore": {
                "file": str(fixture.folder / "keystore"),
                "master_key": f"file:{fixture.folder / 'master.key'}",
            },
            "limits": {"idle_seconds": 300, **limits},
            "status": {"port": 8580},
            "day": {"cutover": hour, "poll_seconds": 60},
            "bank": banks,
        }
    )
