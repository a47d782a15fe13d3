"""A customers' office for tests: a database with fixed keys, clerks, a clock, counted random bytes."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256
from itertools import count
from pathlib import Path

from sqlalchemy import text

from customers import decisions, look_up
from customers.book import Book
from customers.config import Clerk, Customers, Settings
from customers.decisions import Desk
from customers.keys import keys_of, prepare
from customers.load import Loaded, load
from customers.load_file import parse, write
from customers.load_rows import Holding, Row
from customers.load_service import Loader
from customers.look_up import Shown
from customers.proposals import Proposal
from customers.rules.person import Role
from customers.rules.states import Act
from ledger.book.store import Store
from ledger.errors import LedgerError
from ledger.files.secret_source import KeystoreFile
from ledger.rules.identity import Document

PERSON_KEY = bytes(range(32))
MASTER_KEY = bytes(range(100, 132))
POLICY, OTHER_POLICY = "P20170080000001", "P20170080000002"
ZHANG = Document("resident", "11010119900307803X")
LI = Document("passport", "E12345678")
FACTORY = Document("company", "91350100M000100Y43")
NAMES = {ZHANG: "张三丰", LI: "Li Si", FACTORY: "示例机械厂"}
MAY = ("load", "show", "change", "consent", "look", "restrict", "release", "shred", "escrow", "rewrap")
CLERKS = (Clerk(name="li", may=MAY), Clerk(name="wang", may=MAY), Clerk(name="guest", may=()))
AT = 1_795_000_000_000_000


def holding(policy: str, role: Role, document: Document, from_date: str = "20170301") -> Holding:
    return Holding(0, policy, role, NAMES[document], document, from_date)


class Counter:
    """The office: each call is a second later than the one before."""

    def __init__(self, url: str, folder: Path) -> None:
        self.folder = folder
        self.store = Store(url, erase=True)
        self.keys = keys_of(PERSON_KEY, MASTER_KEY)
        self.settings = Settings(
            customers=Customers(
                database=url, certificates=str(folder / "certificates"), escrow=str(folder / "escrow")
            ),
            keystore=KeystoreFile(file=str(folder / "keystore"), master_key="env:NONE"),
            clerk=CLERKS,
        )
        self._numbers, self._seconds = count(1), count(1)
        prepare(self.store, self.keys)

    def close(self) -> None:
        self.store.close()

    @property
    def book(self) -> Book:
        return Book(self.store, self.keys)

    def entropy(self, length: int) -> bytes:
        """Bytes that no call gives twice."""
        return sha256(str(next(self._numbers)).encode()).digest()[:length]

    def now(self) -> int:
        return AT + next(self._seconds) * 1_000_000

    def desk(self) -> Desk:
        return Desk(self.store, self.settings, self.now())

    def file(self, date: str = "20261124") -> bytes:
        """Three persons on two policies: Zhang has both, Li is insured, the factory pays."""
        return self.file_of(
            date,
            holding(POLICY, Role.HOLDER, ZHANG),
            holding(POLICY, Role.INSURED, LI),
            holding(OTHER_POLICY, Role.HOLDER, ZHANG, "20180401"),
            holding(OTHER_POLICY, Role.PAYER, FACTORY, "20180401"),
        )

    def file_of(self, date: str, *rows: Row, ended: Iterable[Row] = ()) -> bytes:
        return b"".join(write(date, (*rows, *ended)))

    def load(self, data: bytes) -> Loaded:
        return load(self.loader(), parse(data))

    def loader(self, by: str = "li") -> Loader:
        return Loader(self.desk(), self.keys, self.entropy, by)

    def person(self, policy: str = POLICY, role: str = Role.HOLDER) -> str:
        return self.book.person_of(policy, role) or ""

    def agreed(self, act: Act, person: str) -> Proposal:
        """What li proposes and wang approves."""
        made = decisions.propose(self.desk(), "li", person, act, "asked for in writing")
        return decisions.approve(self.desk(), "wang", made.number)

    def show(self, person: str, by: str = "li") -> Shown:
        return look_up.show_person(self.desk(), self.keys, by, person, "called us")


def refused(counter: Counter, statement: str, **values: object) -> bool:
    """Whether the database refuses a statement."""
    try:
        with counter.store.transaction() as connection:
            connection.execute(text(statement), values)
    except LedgerError:
        return True
    return False
