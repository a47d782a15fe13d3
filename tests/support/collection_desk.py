"""A collection office for tests: a database with fixed keys, clerks, persons, a clock."""

from __future__ import annotations

from hashlib import sha256
from itertools import count
from pathlib import Path

from collection import keys as collection_keys
from collection import mandates
from collection.config import Channel, Clerk, Collection, Settings
from collection.desk import Desk
from collection.mandates import Account, Evidence, Mandate, Wanted
from collection.rules.mandate import AccountKind, Period, Purpose, SignedBy
from ledger.book.store import Store
from ledger.files.secret_source import KeystoreFile
from tests.support.customers_desk import OTHER_POLICY, POLICY, Counter

MAY = ("mandate", "plan", "approve", "send", "force")
CLERKS = (Clerk(name="li", may=MAY), Clerk(name="wang", may=MAY), Clerk(name="guest", may=()))
CHANNEL, AGREEING = "91020000", "91030000"
ACCOUNT = Account("6222020200112233445", "张三丰")
FACTORY_ACCOUNT = Account("1202020009900123456", "示例机械厂")
EVIDENCE = Evidence("e" * 64, SignedBy.PAPER)
AT = 1_796_090_400_000_000
"""2026-12-01 10:00:00 in Beijing."""


class Room:
    """The office: each act is a second later than the one before."""

    def __init__(self, url: str, customers: Counter, folder: Path) -> None:
        self.customers = customers
        self.store = Store(url)
        self.keys = collection_keys.keys_of(bytes(range(1, 33)), bytes(range(2, 34)))
        channel = Channel(
            code=CHANNEL, bank="01020000", name="bank", request="batch-standard", codes="unionpay"
        )
        self.settings = Settings(
            collection=Collection(
                database=url, customers=str(folder / "customers.toml"), files=str(folder / "files")
            ),
            keystore=KeystoreFile(file=str(folder / "keystore"), master_key="env:NONE"),
            channel=(channel, channel.model_copy(update={"code": AGREEING, "bank_agrees": True})),
            clerk=CLERKS,
        )
        self._numbers, self._seconds = count(1), count(1)
        self._at = AT
        collection_keys.prepare(self.store, self.keys)

    def close(self) -> None:
        self.store.close()

    def entropy(self, length: int) -> bytes:
        """Bytes that no call gives twice."""
        return sha256(str(next(self._numbers)).encode()).digest()[:length]

    def go_to(self, at: int) -> None:
        """Set the clock, in microseconds since 1970-01-01 UTC."""
        self._at = at

    def desk(self, by: str = "li") -> Desk:
        at = self._at + next(self._seconds) * 1_000_000
        return Desk(self.store, self.settings, self.keys, self.customers.book, self.entropy, at, by)

    def wanted(self, policy: str = POLICY, **changes: object) -> Wanted:
        account = FACTORY_ACCOUNT if policy == OTHER_POLICY else ACCOUNT
        wanted = Wanted(
            policy, Purpose.PREMIUM, CHANNEL, "102100000004", AccountKind.DEBIT, 0, Period.ANY,
            "20261101", "", account,
        )  # fmt: skip
        return wanted._replace(**changes)  # type: ignore[arg-type]

    def mandate(self, policy: str = POLICY, **changes: object) -> Mandate:
        """An active mandate of the policy."""
        added = mandates.add(self.desk(), self.wanted(policy, **changes))
        return mandates.sign(self.desk(), added.mandate, EVIDENCE)

    def mandates(self, policy: str = "") -> tuple[Mandate, ...]:
        with self.store.reading() as connection:
            return mandates.listing(connection, policy=policy)

    def rows(self, statement: str) -> list[tuple[object, ...]]:
        """What a query gives."""
        from sqlalchemy import text

        with self.store.reading() as connection:
            return [tuple(row) for row in connection.execute(text(statement))]
