"""What opens over the teller's screen: the question before money moves, and the receipt as paper.

Asks and shows; decides nothing and calls nobody. An identity number is typed unseen, and leaves only as the
dialog's result.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, NamedTuple

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Label, Static

from ledger.rules.amount_in_words import in_figures
from ledger.rules.escaping import escaped
from simulators.teller.desk import OpenDue
from simulators.teller.wording import Language, say, word


class Settlement(NamedTuple):
    """What the teller confirmed: the due's processing code, and the identity number of who is paid."""

    code: str
    identity: str

    def __repr__(self) -> str:
        """Never show the identity number."""
        return f"Settlement({self.code!r})"


class SettleDialog(ModalScreen[Settlement | None]):
    """Which transaction it is, who is paid, and the teller's yes."""

    BINDINGS: ClassVar = [("escape", "dismiss(None)")]

    def __init__(self, language: Language, policy: str, due: OpenDue, identity: str) -> None:
        super().__init__()
        self._language, self._policy, self._due = language, policy, due
        self._identity = identity

    def compose(self) -> ComposeResult:
        """The amount is shown large enough to be checked before the yes."""
        language = self._language
        act = "pay" if self._due.kind == "benefit" else "collect"
        with Vertical(id="dialog"):
            yield Label(
                say(language, act, amount=in_figures(self._due.amount), policy=self._policy), id="question"
            )
            yield Label(escaped(f"{self._due.due}  {self._due.date}"), markup=False)
            yield Label(
                f"{word(language, 'as')} {self._due.code} {word(language, self._due.code)}", id="code"
            )
            if self._due.kind == "benefit":
                yield Label(word(language, "identity"))
                yield Input(self._identity, password=True, id="identity", max_length=18)
            with Horizontal(classes="buttons"):
                yield Button(word(language, "confirm"), variant="primary", id="confirm")
                yield Button(word(language, "leave"), id="leave")

    def on_mount(self) -> None:
        """Begin where something is to be typed."""
        empty = self.query("#identity") and not self._identity
        self.query_one("#identity" if empty else "#confirm").focus()

    @on(Button.Pressed, "#confirm")
    @on(Input.Submitted, "#identity")
    def confirmed(self) -> None:
        """The teller's yes."""
        identity = self.query_one("#identity", Input).value.strip() if self.query("#identity") else ""
        self.dismiss(Settlement(self._due.code, identity))

    @on(Button.Pressed, "#leave")
    def left(self) -> None:
        """The teller's no."""
        self.dismiss(None)


class PaperDialog(ModalScreen[None]):
    """A receipt as it prints."""

    BINDINGS: ClassVar = [("escape", "dismiss(None)"), ("s", "keep")]

    def __init__(self, language: Language, lines: str, save: Callable[[], None]) -> None:
        super().__init__()
        self._language, self._lines, self._save = language, escaped(lines, lines=True), save

    def compose(self) -> ComposeResult:
        """Black on white, the title in the middle, an edge where it was torn off."""
        title, _, rest = self._lines.partition("\n")
        with Vertical(id="desk"):
            with Vertical(id="paper"):
                yield Static(title, id="paper-title", markup=False)
                yield Static(rest, id="paper-lines", markup=False)
                yield Static("- " * 60, id="paper-edge")
            with Horizontal(classes="buttons"):
                yield Button(word(self._language, "save"), variant="primary", id="save")
                yield Button(word(self._language, "leave"), id="leave")

    @on(Button.Pressed, "#save")
    def action_keep(self) -> None:
        """Save it, and go back."""
        self._save()
        self.dismiss(None)

    @on(Button.Pressed, "#leave")
    def left(self) -> None:
        """Go back."""
        self.dismiss(None)
