"""What the teller's screen shows of a text that a screen would obey."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from textual.pilot import Pilot
from textual.widgets import Static

from simulators.teller.desk import PolicyShown
from simulators.teller.dialogs import PaperDialog
from simulators.teller.screen import TellerScreen
from tests.simulators.test_teller import PREMIUM, FakeDesk, at_screen, rows, shown


def test_what_a_screen_would_obey_is_shown_as_an_escape_and_no_markup_is_read(tmp_path: Path) -> None:
    due = replace(PREMIUM, due="[b]D\u202e9")
    desk = FakeDesk()

    async def act(screen: TellerScreen, pilot: Pilot[None]) -> None:
        screen._policy = PolicyShown("P9", "张\u202e三[/b]", "active", (due,))
        screen._show_policy()
        assert "张\\u202e三[/b]" in shown(screen, "holder")
        assert rows(screen, "dues")[0][0] == "[b]D\\u202e9"
        screen.push_screen(PaperDialog(screen._language, "RECEIPT\nHOLDER: \u202e\x1b", lambda: None))
        await pilot.pause()
        assert str(screen.screen.query_one("#paper-lines", Static).render()) == "HOLDER: \\u202e\\u001b"

    at_screen(desk, tmp_path, act)
