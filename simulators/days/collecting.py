"""The batch day of `make demo`: dues of customers with mandates are collected through two channels of banks.

The commands are those of a real office; the mandates and the banks behind the channels are made here. One
answer is lost and asked for, one comes in halves, one file is refused whole, some payers take back what was
taken. What the banks really charged is held against what collection and the front book say.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from random import Random
from typing import Any, Final, NamedTuple

from collection import approval
from collection.batches import find
from collection.day_file import LAYOUT
from collection.forms.form_file import load
from collection.forms.lines import NamedFile
from collection.mandate_file import COLUMNS
from console.collection_opened import opened
from console.wall_clock import today
from fep.operator.identity import at_keyboard
from ledger.files.bookline import DueLine
from ledger.files.hold_file import HoldLine, read_hold
from ledger.rules.calendar import Calendar
from ledger.rules.dues import Policy
from office.config import load_settings as load_office_settings
from office.reports.wording import yuan
from protocol.responses import Response
from qianzhi_errors import QianzhiError
from simulators.bank import Bank
from simulators.channel.channel import Channel, after
from simulators.channel.outcomes import Habits, Way
from simulators.days.comparison import read_journal
from simulators.processes import qianzhi, run

CHECKER: Final = "wang"
"""Who approves what the person at the keyboard has planned: the settings name both."""
_RETURNED: Final = 120
_LOST, _HALVED, _REFUSED = (((way, 1_000),) for way in (Way.LOST, Way.HALVED, Way.REFUSED))
_MANDATES: Final = 300
_DAYS: Final = 6
"""Days after which every answer and return of the banks here has come."""


class CollectingFailure(QianzhiError):
    """A result of the batch day is not as it must be; the text says which."""


class ChannelOfDemo(NamedTuple):
    """A channel: its code, the bank whose product it is, the form of its files, and what its bank is like."""

    code: str
    bank: str
    name: str
    form: str
    habits: Habits


REFUSING: Final = "93010000"
CHANNELS: Final = (
    ChannelOfDemo("91020000", "01020000", "示例工商银行批扣", "batch-ubp", Habits(_LOST, returned=_RETURNED)),
    ChannelOfDemo("91030000", "01030000", "示例农业银行批扣", "batch-unionpay", Habits(_HALVED, failed=200)),
    ChannelOfDemo(REFUSING, "03010000", "示例交通银行批扣", "batch-standard", Habits(_REFUSED)),
)
"""The first bank's answer is lost, the second's comes in halves, the third refuses its file whole."""


def front_settings() -> str:
    """The channels as the front-end machine's settings have them."""
    return "".join(f'\n[[channel]]\ncode = "{row.code}"\nname = "{row.name}"\n' for row in CHANNELS)


def _office_settings() -> str:
    """The channels as the office's settings have them: each is a bank, whose day file collection writes."""
    return "".join(
        f'\n[[bank]]\ncode = "{row.code}"\nname = "{row.name}"\nlayout = "{LAYOUT}"\n' for row in CHANNELS
    )


def mandated(unpaid: Iterable[DueLine], policies: Iterable[Policy]) -> tuple[DueLine, ...]:
    """The dues whose policies get a mandate: one a policy, of those whose holder is known."""
    known = {policy.policy for policy in policies}
    return tuple({due.policy: due for due in unpaid if due.policy in known}.values())[:_MANDATES]


class BatchDay:
    """The day: mandates, batches, answers, results. `tell` gets what is to be printed."""

    def __init__(self, folder: Path, front: Path, customers: Path, tell: Callable[[str], None]) -> None:
        self.config = folder / "collection.toml"
        self._files = folder / "files"
        self._front = ("--config", str(front))
        self._given = ("--config", str(self.config))
        self._tell = tell
        self._day = _next_working_day(today())
        qianzhi("collection", "init", str(folder))
        text = self.config.read_text(encoding="utf-8")
        head, _, clerks = text.partition("[[channel]]")
        text = head.replace("../customers/customers.toml", str(customers.resolve()))
        for row in CHANNELS:
            text += f'\n[[channel]]\ncode = "{row.code}"\nbank = "{row.bank}"\nname = "{row.name}"\n'
            text += f'request = "{row.form}"\n'
        text += clerks[clerks.index("\n[[clerk]]") :]
        if at_keyboard() != "li":
            text += f'\n[[clerk]]\nname = "{at_keyboard()}"\nmay = ["mandate", "plan", "send"]\n'
        self.config.write_text(text, encoding="utf-8")
        qianzhi("keys", "create", *self._given)

    def sign(self, dues: Sequence[DueLine], policies: Iterable[Policy], since: str) -> None:
        """Import a mandate of each due's policy from a date on, over the channels in turn."""
        rows = [",".join(COLUMNS)]
        names = {policy.policy: policy.holder for policy in policies}
        for place, due in enumerate(dues):
            channel = CHANNELS[place % len(CHANNELS)]
            account = f"62220202001{place:08}"
            rows.append(
                f"{due.policy},premium,{channel.code},102100000004,debit,{account},{names[due.policy]},0,any,"
                f"{since},,paper,{place:064x}"
            )
        path = self.config.with_name("mandates.csv")
        path.write_text("\n".join([*rows, f"TOTAL,{len(dues)}"]) + "\n", encoding="utf-8")
        signed = json.loads(qianzhi("collection", "mandate", "import", str(path), "--json", *self._given))
        self._tell(f"{len(signed)} mandates are signed, over {len(CHANNELS)} channels")

    def hold(self, books: Iterable[Path]) -> tuple[list[str], HoldLine]:
        """Take the days' dues, plan the next working day's batches, and have the front hold their dues; the
        batches, and one line that is held.
        """
        for book in books:
            self._say("collection", "dues", "take", str(book))
        planned = json.loads(qianzhi("collection", "plan", "--date", self._day, "--json", *self._given))
        for batch in planned["batches"]:
            answer = self._files / f"{batch['batch']}.held"
            held = qianzhi("batch", "hold", batch["hold_file"], "--answer", str(answer), *self._front)
            self._tell(held)
            self._say("collection", "accept", str(answer))
        first = read_hold(Path(planned["batches"][0]["hold_file"]).read_bytes()).lines[0]
        return [str(batch["batch"]) for batch in planned["batches"]], first

    async def try_at_counter(self, bank: Bank, held: DueLine) -> None:
        """Have a customer try to pay a due that is held. Raises CollectingFailure if that is not refused."""
        tried = await bank.settle(held.code, held.policy, held.amount, due=held.due)
        if (tried.response, tried.reason) != (Response.NOT_POSSIBLE, "IN BATCH COLLECTION"):
            raise CollectingFailure(f"{held.due} is held, and a counter was answered {tried.response}")
        self._tell(f"at a counter meanwhile: {held.due} {tried.response} {tried.reason}")

    def collect(self, batches: Sequence[str]) -> dict[str, Channel]:
        """Have another person approve the batches, send them, and take what comes of it; the banks."""
        banks = {}
        for batch in batches:
            with opened(self.config) as desk:
                with desk.store.reading() as connection:
                    code = find(connection, batch).channel
                channel = next(one for one in CHANNELS if one.code == code)
                form = load(channel.form)
                row, _release = approval.approve(desk._replace(by=CHECKER), batch, form)
            bank = Channel(form, channel.code, "6222", Random(batch), channel.habits)
            banks[batch] = bank
            self._tell(f"{channel.name} {channel.code}:")
            before = set(self._files.iterdir())
            qianzhi("collection", "batch", "write", batch, *self._given)
            written = sorted(set(self._files.iterdir()) - before)
            self._say("collection", "batch", "sent", batch)
            bank.take([NamedFile(path.name, path.read_bytes()) for path in written], self._day)
            for number in range(_DAYS):
                for file in bank.answers(after(self._day, number)):
                    self._answered(batch, file)
            for file in bank.asked_again():
                self._tell(f"{batch}: the answer was lost; the bank gives it again")
                self._answered(batch, file)
            if row.channel == REFUSING:
                self._let_go()
            else:
                self._apply(batch)
            for number in range(_DAYS):
                if (returned := bank.returns(after(self._day, number))) is not None:
                    self._say("collection", "returns", "take", channel.code, str(self._arrived(returned)))
                    self._apply(batch)
        return banks

    def compare(self, banks: dict[str, Channel], front_book: Path) -> None:
        """Hold what the banks charged against the lines of collection, and against the front's journal.
        Raises CollectingFailure.
        """
        for channel in CHANNELS:
            entries = read_journal(front_book, channel.code).values()
            journal = sum(entry.effect for entry in entries if entry.outcome == "done")
            taken = sum(sum(bank.collected.values()) for bank in banks.values() if bank.code == channel.code)
            if journal != taken:
                raise CollectingFailure(
                    f"{channel.code}: the bank took {taken} fen, the journal has {journal}"
                )
            self._tell(f"{channel.code}: the bank took {yuan(taken)}, and so the journal has it")
        for batch, bank in banks.items():
            shown = json.loads(qianzhi("collection", "batch", "show", batch, "--json", *self._given))
            done = {(batch, row["line"]): row["amount"] for row in shown["lines"] if row["state"] == "done"}
            if done != bank.collected:
                raise CollectingFailure(f"{batch}: {done} are done, and the bank took {bank.collected}")
        self._say("collection", "report")

    def close_day(self, office: Path, date: str) -> None:
        """Have the front close a business date, leave each channel's day file of it, and have the office
        reconcile by it; the channels must agree to the line. Raises CollectingFailure.
        """
        given = ("--config", str(office))
        with office.open("a", encoding="utf-8") as settings:
            settings.write(_office_settings())
        qianzhi("day", "cutover", "--date", date, *self._front)
        files = load_office_settings(office).office.files
        for channel in CHANNELS:
            qianzhi("collection", "dayfile", channel.code, date, *self._given)
            name = f"{channel.code}.{date}.txt"
            Path(files, name).write_bytes((self._files / name).read_bytes())
        shown = run("office", "close", *given).stdout  # it waits for the files of the banks at whose counters
        agreed = [line for line in shown.splitlines() if " reconcile done" in line]
        if len(agreed) != len(CHANNELS) or not all(line.endswith(" 0 breaks") for line in agreed):
            raise CollectingFailure(f"the office does not agree with the channels: {shown}")
        for line in agreed:
            self._tell(line)

    def _answered(self, batch: str, file: NamedFile) -> None:
        self._say("collection", "batch", "answer", batch, str(self._arrived(file)))

    def _arrived(self, file: NamedFile) -> Path:
        path = self._files / file.name
        path.write_bytes(file.content)
        return path

    def _let_go(self) -> None:
        """Have the front let go of what was refused whole, by the file that collection wrote."""
        [path] = self._files.glob("*-release-*.txt")
        answer = path.with_suffix(".released")
        self._tell(qianzhi("batch", "release", str(path), "--answer", str(answer), *self._front))
        self._say("collection", "accept", str(answer))

    def _apply(self, batch: str) -> None:
        """Take the batch's outcomes to the front, and its answer back."""
        before = set(self._files.iterdir())
        qianzhi("collection", "batch", "apply", batch, *self._given)
        [path] = set(self._files.iterdir()) - before
        answer = path.with_suffix(".applied")
        self._tell(qianzhi("batch", "apply", str(path), "--answer", str(answer), *self._front))
        self._say("collection", "accept", str(answer))

    def _say(self, *arguments: Any) -> None:  # noqa: ANN401 - texts
        self._tell(qianzhi(*arguments, *self._given))


def _next_working_day(day: str) -> str:
    """The day itself if it is a working day, or the next one."""
    calendar = Calendar()
    return day if calendar.is_business_date(day) else calendar.next_business_date(day)
