"""The teller's screen: what is shown, which key does what.

Asks a `Desk` and shows its answers; knows no link, no message and no reactor, opens nothing but the file of a
receipt. What was shown is kept as data, so that F2 shows the same in the other language.
"""

from __future__ import annotations

from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from rich.text import Text
from textual import on
from textual.app import App, ComposeResult
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.widgets import DataTable, Input, RichLog, Static

from ledger.rules.amount_in_words import in_figures
from ledger.rules.dues import KINDS
from ledger.rules.escaping import escaped
from simulators.beliefs import Belief, State
from simulators.teller.desk import Desk, DeskError, NotFound, OpenDue, Overview, PolicyShown
from simulators.teller.dialogs import PaperDialog, SettleDialog, Settlement
from simulators.teller.samples import Sample
from simulators.teller.wording import Happening, Language, say, word

LOOK_SECONDS = 1.0
"""How often the screen looks how the bank stands: the light, the date, what was reversed meanwhile."""
_COLOURS = {State.DONE: "green", State.REFUSED: "red", State.UNKNOWN: "yellow", State.REVERSED: "magenta"}
_LIGHTS = {"on": "bold white on green", "off": "bold white on red", "working": "bold black on yellow"}


@dataclass(frozen=True, slots=True)
class Place:
    """Whose screen this is, and where its receipts are kept."""

    bank: str
    terminal: str
    receipts: Path


class Reported(Message):
    """A happening on its way from the bank's thread to the screen's."""

    def __init__(self, happening: Happening) -> None:
        super().__init__()
        self.happening = happening


class LogPane(RichLog):
    """What happened. Lines are folded as they are written, so another width wants them written anew."""

    class Resized(Message):
        """The pane has another size."""

    def on_resize(self) -> None:
        """Tell the screen, which has the lines."""
        self.post_message(self.Resized())


class TellerScreen(App[None]):
    """The whole screen."""

    TITLE = "qianzhi-teller"
    CSS_PATH = "screen.tcss"
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar = [
        ("f2", "switch_language"),
        ("f3", "look_up"),
        ("f5", "settle('premium')"),
        ("f6", "settle('benefit')"),
        ("f7", "cancel"),
        ("f8", "lose"),
        ("f9", "sign"),
        ("f10", "receipt"),
        ("ctrl+q", "leave"),
    ]

    def __init__(self, desk: Desk, place: Place, samples: Sequence[Sample], language: Language) -> None:
        super().__init__()
        self._desk, self._place, self._samples, self._language = desk, place, tuple(samples), language
        self._overview = Overview(False, "", ())
        self._policy: PolicyShown | None = None
        self._happenings: list[Happening] = []
        self._is_working = False
        self._is_losing = False
        self._warned: tuple[Belief, ...] = ()

    @property
    def undecided(self) -> tuple[Belief, ...]:
        """What the bank had no answer to when the screen last looked."""
        return self._overview.undecided

    def compose(self) -> ComposeResult:
        """Samples at the left, the policy at the right, below what was done."""
        with Horizontal(id="head"):
            yield Static(id="title")
            yield Static(id="date")
            yield Static(id="light")
        with Horizontal(id="upper"):
            yield DataTable(id="samples", cursor_type="row")
            with Vertical(id="customer"):
                yield Input(id="policy")
                yield Static(id="holder")
                yield DataTable(id="dues", cursor_type="row")
        with Horizontal(id="lower"):
            yield DataTable(id="transactions", cursor_type="row")
            yield LogPane(id="log", wrap=True, markup=False, min_width=20)
        yield Static(id="keys")

    async def on_mount(self) -> None:
        """Show everything once, sign on, and look at the bank from then on."""
        self._desk.listen(lambda happening: self.post_message(Reported(happening)))
        self._show_all()
        self.query_one("#samples").focus()
        self.set_interval(LOOK_SECONDS, self.refresh_standing)
        self.action_sign()

    def on_reported(self, report: Reported) -> None:
        """Add a line to what happened."""
        self._happenings.append(report.happening)
        self._write(report.happening)

    def tell(self, key: str, **given: str) -> None:
        """Add a line of the screen's own to what happened, behind the bank's lines: both go through one
        queue.
        """
        self.post_message(Reported(Happening(key, given)))

    # Keys.

    def action_switch_language(self) -> None:
        """F2."""
        self._language = self._language.other
        self._show_all()

    def action_look_up(self) -> None:
        """F3, or Enter in the policy's field."""
        self._work(self._look_up(self.query_one("#policy", Input).value.strip().upper()))

    def action_settle(self, kind: str) -> None:
        """F5 and F6: the due that the cursor is on, after the teller's yes."""
        due = self._chosen_due(kind)
        if due is None or self._policy is None:
            self.tell("choose due", kind=kind)
            return
        policy = self._policy.policy
        sample_of_due = next((sample for sample in self._samples if sample.due == due.due), None)
        identity = sample_of_due.beneficiary if sample_of_due else ""

        def answered(given: Settlement | None) -> None:
            if given is not None:
                self._work(self._settle(policy, due, given))

        self.push_screen(SettleDialog(self._language, policy, due, identity), answered)

    def action_cancel(self) -> None:
        """F7: the transaction that the cursor is on."""
        belief = self._chosen_transaction()
        if belief is None or belief.state is not State.DONE or belief.code not in KINDS:
            self.tell("choose done")
            return
        self._work(self._cancel(belief))

    def action_lose(self) -> None:
        """F8: show what the bank does when an answer does not come."""
        self._is_losing = not self._is_losing
        self.tell("losing" if self._is_losing else "not losing")

    def action_sign(self) -> None:
        """F9: sign on, or off."""
        self._work(self._sign())

    def action_receipt(self) -> None:
        """F10: the receipt of the transaction that the cursor is on, asked for again."""
        belief = self._chosen_transaction()
        if belief is None or not belief.receipt:
            self.tell("choose done")
            return
        self._work(self._show_receipt(belief.receipt))

    async def action_leave(self) -> None:
        """Leave at once where every outcome is known; else warn, and leave when asked a second time about the
        same.
        """
        await self.refresh_standing()
        if self.undecided and self.undecided != self._warned:
            self._warned = self.undecided
            self.tell("undecided", count=str(len(self.undecided)))
            return
        self.exit()

    @on(Input.Submitted, "#policy")
    def policy_entered(self) -> None:
        """As F3."""
        self.action_look_up()

    @on(DataTable.RowSelected, "#samples")
    def sample_chosen(self, event: DataTable.RowSelected) -> None:
        """Take the sample's policy, and look it up."""
        self.query_one("#policy", Input).value = self._samples[event.cursor_row].policy
        self.action_look_up()

    @on(DataTable.RowSelected, "#dues")
    def due_chosen(self, event: DataTable.RowSelected) -> None:
        """Collect or pay, as the due is."""
        if self._policy is not None:
            self.action_settle(self._policy.dues[event.cursor_row].kind)

    @on(DataTable.RowSelected, "#transactions")
    def transaction_chosen(self) -> None:
        """As F10."""
        self.action_receipt()

    # Acts, one at a time: a teller serves one customer.

    def _work(self, act: Coroutine[Any, Any, None]) -> None:
        if self._is_working:
            act.close()
            self.tell("busy")
            return
        self._is_working = True
        self._show_head()
        self.run_worker(self._to_its_end(act))

    async def _to_its_end(self, act: Coroutine[Any, Any, None]) -> None:
        try:
            await act
        except DeskError as error:
            self.tell(error.key, reason=str(error))
        finally:
            self._is_working = False
            await self.refresh_standing()

    async def _sign(self) -> None:
        if self._overview.is_signed_on:
            await self._desk.sign_off()
            self.tell("signed off")
        else:
            await self._desk.sign_on()
            self.tell("signed on")

    async def _look_up(self, policy: str) -> None:
        self._policy = None  # whatever comes: the last customer's dues are nobody's any more
        try:
            self._policy = await self._desk.look_up(policy)
        except NotFound as error:
            self.tell("not found", policy=policy, code=error.code, reason=error.reason)
        else:
            self.tell("found", policy=policy, count=str(len(self._policy.dues)))
        finally:
            self._show_policy()
        if self._policy and self._policy.dues:
            self.query_one("#dues").focus()

    async def _settle(self, policy: str, due: OpenDue, given: Settlement) -> None:
        lose, self._is_losing = self._is_losing, False
        belief = await self._desk.settle(given.code, policy, due, given.identity, lose=lose)
        self._tell_outcome(belief)
        await self._look_up(policy)
        if belief.state is State.DONE:
            await self._show_receipt(belief.receipt)

    async def _cancel(self, belief: Belief) -> None:
        self._tell_outcome(await self._desk.cancel(belief))
        if self._policy is not None:
            await self._look_up(self._policy.policy)

    async def _show_receipt(self, number: str) -> None:
        try:
            lines = await self._desk.receipt(number)
        except NotFound as error:
            self.tell("no receipt", code=error.code, reason=error.reason)
            return
        self.push_screen(PaperDialog(self._language, lines, lambda: self._save(number, lines)))

    def _save(self, number: str, lines: str) -> None:
        """Keep a receipt where only its owner can read it: it names a person."""
        path = self._place.receipts / f"{number}.txt"
        try:
            self._place.receipts.mkdir(mode=0o700, parents=True, exist_ok=True)
            path.touch(mode=0o600)
            path.write_text(f"{lines}\n", encoding="utf-8")
        except OSError as error:
            self.tell("not saved", reason=error.strerror or "")
        else:
            self.tell("saved", path=str(path))

    def _tell_outcome(self, belief: Belief) -> None:
        """A reversal was told when it happened."""
        if belief.state is State.DONE:
            self.tell("approved", stan=belief.stan, receipt=belief.receipt)
        elif belief.state is State.REFUSED:
            self.tell("refusal", stan=belief.stan, code=belief.response, reason=belief.reason)

    async def refresh_standing(self) -> None:
        """Look how the bank stands, and show it where it has changed."""
        overview = await self._desk.overview()
        if not self.is_running:  # the teller has left meanwhile, and there is nothing to show it on
            return
        changed = overview.transactions != self._overview.transactions
        self._overview = overview
        self._show_head()
        if changed:
            self._show_transactions()

    # What is chosen, and what is shown.

    def _chosen_due(self, kind: str) -> OpenDue | None:
        """The due that the cursor is on, or else the only one of that kind."""
        if self._policy is None:
            return None
        of_kind = [due for due in self._policy.dues if due.kind == kind]
        row = self.query_one("#dues", DataTable).cursor_row
        pointed = self._policy.dues[row] if row < len(self._policy.dues) else None
        if pointed in of_kind:
            return pointed
        return of_kind[0] if len(of_kind) == 1 else None

    def _chosen_transaction(self) -> Belief | None:
        row = self.query_one("#transactions", DataTable).cursor_row
        shown = self._overview.transactions
        return shown[row] if row < len(shown) else None

    def _show_all(self) -> None:
        language = self._language
        for table in ("samples", "dues", "transactions", "log"):
            self.query_one(f"#{table}").border_title = word(language, table)
        self.query_one("#policy", Input).placeholder = word(language, "policy")
        self.query_one("#keys", Static).update(word(language, "keys"))
        self._show_head()
        self._show_samples()
        self._show_policy()
        self._show_transactions()
        self._show_log()

    def _show_head(self) -> None:
        language, date = self._language, self._overview.business_date
        title = f"{word(language, 'title')}  {self._place.terminal}  {self._place.bank}"
        self.query_one("#title", Static).update(Text(escaped(title), "bold"))
        date_text = (
            say(language, "date", date=f"{date[:2]}-{date[2:]}") if date else word(language, "no date")
        )
        self.query_one("#date", Static).update(date_text)
        light = "working" if self._is_working else "on" if self._overview.is_signed_on else "off"
        self.query_one("#light", Static).update(Text(f" {word(language, light)} ", _LIGHTS[light]))

    def _show_samples(self) -> None:
        rows = [(sample.policy, self._word(sample.kind), _yuan(sample.amount)) for sample in self._samples]
        self._fill("samples", ("policy number", "kind", "amount"), rows)

    def _show_policy(self) -> None:
        policy = self._policy
        holder = f"{policy.holder}  {self._word(policy.state)}  {policy.policy}" if policy else ""
        self.query_one("#holder", Static).update(Text(escaped(holder)))
        dues = policy.dues if policy else ()
        rows = [
            (due.due, _yuan(due.amount), self._word(due.kind), due.date, f"{due.code} {self._word(due.code)}")
            for due in dues
        ]
        self._fill("dues", ("due", "amount", "kind", "due date", "as"), rows)

    def _show_transactions(self) -> None:
        rows = [
            (
                f"{belief.sent_at[8:10]}:{belief.sent_at[10:12]}:{belief.sent_at[12:]}",
                Text(self._word(str(belief.state)), _COLOURS.get(belief.state, "")),
                _yuan(belief.amount),
                self._word(belief.code),
                belief.stan,
                belief.response,
                belief.policy,
                belief.receipt,
            )
            for belief in self._overview.transactions
        ]
        # What a narrow terminal cuts off is at the right: how it ended, and how much, come first.
        columns = ("time", "state", "amount", "act", "stan", "code", "policy number", "receipt")
        self._fill("transactions", columns, rows)

    @on(LogPane.Resized)
    def _show_log(self) -> None:
        self.query_one("#log", RichLog).clear()
        for happening in self._happenings:
            self._write(happening)

    def _fill(self, name: str, columns: Sequence[str], rows: Sequence[Sequence[str | Text]]) -> None:
        """Fill a table anew, the cursor where it was."""
        table = self.query_one(f"#{name}", DataTable)
        row = table.cursor_row
        table.clear(columns=True)
        table.add_columns(*(self._word(column) for column in columns))
        table.add_rows(
            [Text(escaped(cell)) if isinstance(cell, str) else cell for cell in row] for row in rows
        )
        table.move_cursor(row=min(row, max(len(rows) - 1, 0)))

    def _write(self, happening: Happening) -> None:
        given = {name: self._word(text) for name, text in happening.given.items()}
        self.query_one("#log", RichLog).write(escaped(say(self._language, happening.key, **given)))

    def _word(self, key: str) -> str:
        return word(self._language, key)


def _yuan(fen: int) -> Text:
    return Text(in_figures(fen) if fen else "", justify="right")
