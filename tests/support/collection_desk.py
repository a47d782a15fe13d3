"""A collection office for tests: a database with fixed keys, clerks, persons, a clock."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256
from itertools import count
from pathlib import Path

from collection import answers, approval, batches, dues, mandates, plan, results, sending
from collection import keys as collection_keys
from collection.answers import Answered
from collection.batches import Batch
from collection.config import Channel, Clerk, Collection, Settings
from collection.desk import Desk
from collection.dues import Taken
from collection.forms import codes, form_file
from collection.forms.lines import NamedFile
from collection.mandates import Account, Evidence, Mandate, Wanted
from collection.plan import PlannedBatch
from collection.rules.mandate import AccountKind, Period, Purpose, SignedBy
from collection.rules.states import LineState
from ledger.book.store import Store
from ledger.files.apply_file import (
    ApplyAnswer,
    Done,
    Failed,
    LineReceipt,
    LineReturn,
    Returned,
    read_apply,
    write_apply_answer,
)
from ledger.files.bookfile import PolicyDues, parse, write
from ledger.files.bookline import DueLine
from ledger.files.hold_file import HoldAnswer, read_hold, write_hold_answer
from ledger.files.secret_source import KeystoreFile
from ledger.rules.dues import Policy
from ledger.rules.holding import NotHeld
from simulators.channel import files as channel_files
from tests.support.customers_desk import OTHER_POLICY, POLICY, Counter

MAY = ("mandate", "plan", "approve", "send", "force")
CLERKS = (Clerk(name="li", may=MAY), Clerk(name="wang", may=MAY), Clerk(name="guest", may=()))
CHANNEL, AGREEING = "91020000", "91030000"
ACCOUNT = Account("6222020200112233445", "张三丰")
FACTORY_ACCOUNT = Account("1202020009900123456", "示例机械厂")
FORM = form_file.load("batch-standard")
CODES = codes.load(FORM.codes)
EVIDENCE = Evidence("e" * 64, SignedBy.PAPER)
AT = 1_796_090_400_000_000
"""2026-12-01 10:00:00 in Beijing."""


class Room:
    """The office: each act is a second later than the one before."""

    def __init__(self, url: str, customers: Counter, folder: Path) -> None:
        self.customers = customers
        self.store = Store(url)
        self.keys = collection_keys.keys_of(bytes(range(1, 33)), bytes(range(2, 34)))
        channel = Channel(code=CHANNEL, bank="01020000", name="bank", request="batch-standard")
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
        self.business_date = "20261201"
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

    def dues(self, *given: tuple[str, str, int], date: str = "20261130", gone: Iterable[str] = ()) -> Taken:
        """Take in a day's file: of each due its name, policy and amount in fen, due on 1 December."""
        lines = [DueLine(due, policy, "500000", "premium", "20261201", fen, "") for due, policy, fen in given]
        entries = [
            PolicyDues(
                Policy(policy, "active", "holder"), tuple(one for one in lines if one.policy == policy)
            )
            for policy in dict.fromkeys(line.policy for line in lines)
        ]
        left = [DueLine(due, POLICY, "500000", "premium", "20261201", 1, "") for due in gone]
        return dues.take(self.desk(), parse(b"".join(write(date, entries, left))))

    def plan(self, date: str = "20261201", by: str = "li") -> PlannedBatch:
        """The one batch that is planned for a date."""
        desk = self.desk(by)
        [batch] = plan.plan(desk, self.settings.channel_of(CHANNEL), date, 1000)
        return batch

    def hold(self, planned: PlannedBatch, **refused: NotHeld) -> Batch:
        """The front's answer to a hold: every line but those of the dues that are named."""
        file = read_hold(planned.hold_file)
        why = tuple((line.line, refused[line.due]) for line in file.lines if line.due in refused)
        held = [line.amount for line in file.lines if line.due not in refused]
        answer = write_hold_answer(HoldAnswer(file.batch, len(held), sum(held), why))
        return approval.take_hold_answer(self.desk(), "hold.ans", answer)

    def sent(self, date: str = "20261201") -> str:
        """The name of a batch that was planned, held, approved, written and sent."""
        planned = self.plan(date)
        self.hold(planned)
        approval.approve(self.desk("wang"), planned.batch, FORM)
        sending.write_request(self.desk(), planned.batch, FORM)
        sending.mark_sent(self.desk(), planned.batch)
        return planned.batch

    def bank_says(self, name: str, file_code: str = "0", **codes: str) -> NamedFile:
        """The bank's answer file to a batch: the code of each due that is named, in their order."""
        with self.store.reading() as connection:
            batch = batches.find(connection, name)
            lines = {line.due: line for line in batches.lines_of(connection, name)}
        rows = [
            {
                **{"line": str(lines[due].line), "amount": str(lines[due].amount), "code": code, "text": ""},
                "value_date": batch.date if code == "ACSC" else "",
                "reference": f"REF{lines[due].line}" if code == "ACSC" else "",
            }
            for due, code in codes.items()
        ]
        edge = {
            **{"batch": name, "channel": CHANNEL, "date": batch.date, "part": "1", "file_code": file_code},
            **{"created_at": plan.moment_of(batch.made_at), "text": ""},
        }
        return channel_files.answer(FORM, edge, rows, [line.amount for line in lines.values()])

    def answer(self, name: str, **codes: str) -> Answered:
        """Take in what the bank says of dues."""
        return self.take(name, self.bank_says(name, **codes))

    def take(self, name: str, file: NamedFile) -> Answered:
        """Take in an answer file of the bank's."""
        return answers.take_answer(self.desk(), name, file.name, file.content, FORM, CODES)

    def apply(self, name: str, *misfits: int) -> Batch:
        """Hand the outcomes to the front, and take in its answer: all fit but the misfits."""
        _batch, written = results.write_results(self.desk(), name)
        return results.take_results_answer(
            self.desk(), "apply.ans", self.front_says(written.content, *misfits)
        )

    def front_says(self, content: bytes, *misfits: int) -> bytes:
        """The front's answer to a file of outcomes."""
        file = read_apply(content)
        done = [line.line for line in file.lines if isinstance(line, Done) and line.line not in misfits]
        failed = sum(isinstance(line, Failed) for line in file.lines)
        back = tuple(
            LineReturn(line.line, self.business_date) for line in file.lines if isinstance(line, Returned)
        )
        receipts = tuple(
            LineReceipt(line, f"261201010000{line:02d}", f"{file.batch}/{line}", self.business_date)
            for line in (*done, *misfits)
        )
        return write_apply_answer(
            ApplyAnswer(file.batch, file.part, len(done), 0, failed, len(back), misfits, receipts, back)
        )

    def lines(self, name: str) -> dict[str, LineState]:
        """The state of each due in a batch."""
        with self.store.reading() as connection:
            return {line.due: line.state for line in batches.lines_of(connection, name)}

    def batch(self, name: str) -> Batch:
        """The batch."""
        with self.store.reading() as connection:
            return batches.find(connection, name)

    def rows(self, statement: str) -> list[tuple[object, ...]]:
        """What a query gives."""
        from sqlalchemy import text

        with self.store.reading() as connection:
            return [tuple(row) for row in connection.execute(text(statement))]
