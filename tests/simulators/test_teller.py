"""The teller's screen by its keys, at a desk that answers at once: what is asked, what is shown."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from random import Random
from string import Formatter

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from textual.app import App
from textual.pilot import Pilot
from textual.widgets import DataTable, Input, Label, RichLog, Static

from ledger.files import sample
from ledger.files.bookfile import write
from ledger.rules.dues import KINDS, STATES
from simulators.beliefs import Belief, Meaning, State
from simulators.teller.cli import teller
from simulators.teller.desk import DeskError, NotFound, OpenDue, Overview, PolicyShown
from simulators.teller.dialogs import PaperDialog, SettleDialog, Settlement
from simulators.teller.samples import Sample, pick
from simulators.teller.screen import Place, TellerScreen
from simulators.teller.wording import WORDS, Happening, Language, say
from tests.support.builders import BENEFICIARY

PREMIUM = OpenDue("D1", "500000", "premium", "20261201", 120_000)
BENEFIT = OpenDue("B1", "261000", "benefit", "20261120", 500_000)
SAMPLES = (
    Sample("P1", "premium", "500000", "D1", 120_000, ""),
    Sample("P2", "benefit", "261000", "B1", 500_000, BENEFICIARY),
)
LONG = PolicyShown("P20200190000005", "欧阳测试", "active", (replace(PREMIUM, due="D2026093000000003"),))
BOOK = {
    LONG.policy: LONG,
    "P1": PolicyShown("P1", "张三", "active", (PREMIUM,)),
    "P2": PolicyShown("P2", "李四", "active", (BENEFIT,)),
    "P4": PolicyShown("P4", "赵六", "active", (replace(BENEFIT, due="B4", code="262000"),)),
    "P3": PolicyShown("P3", "王五", "active", (PREMIUM, replace(PREMIUM, due="D2"))),
}
PAPER = "续期保费收据\n收据号：R1\n金额：1,200.00"


class FakeDesk:
    """A desk that keeps what it was asked, and answers as its test says."""

    def __init__(self) -> None:
        self.asked: list[tuple[object, ...]] = []
        self.signed_on = False
        self.transactions: list[Belief] = []
        self.outcome = State.DONE
        self.fault = ""
        self.on_happening: Callable[[Happening], None] = lambda _: None

    def listen(self, on_happening: Callable[[Happening], None]) -> None:
        self.on_happening = on_happening

    async def overview(self) -> Overview:
        return Overview(self.signed_on, "1124" if self.signed_on else "", tuple(self.transactions[::-1]))

    async def sign_on(self) -> None:
        if self.fault:
            raise DeskError(self.fault)
        self.signed_on = True

    async def sign_off(self) -> None:
        self.signed_on = False

    async def look_up(self, policy: str) -> PolicyShown:
        if policy not in BOOK:
            raise NotFound("25", "NO SUCH POLICY")
        return BOOK[policy]

    async def settle(self, code: str, policy: str, due: OpenDue, identity: str, *, lose: bool) -> Belief:
        self.asked.append(("settle", code, policy, due.due, identity, lose))
        stan = f"{len(self.transactions) + 1:06d}"
        made = Belief(
            "0200", code, "T1", "B1", "20261124101112", stan, "R", policy, due.due, due.amount, self.outcome
        )
        refused = self.outcome is State.REFUSED
        made = replace(made, response="76" if refused else "00", reason="NOT THE BENEFICIARY" * refused)
        self.transactions.append(replace(made, receipt="" if refused else "R1"))
        return self.transactions[-1]

    async def cancel(self, belief: Belief) -> Belief:
        self.asked.append(("cancel", belief.stan))
        self.transactions[:] = [belief.after(Meaning.UNDONE)]
        return replace(belief, code="020000", stan="000009", receipt="R9")

    async def receipt(self, number: str) -> str:
        self.asked.append(("receipt", number))
        return PAPER


Pressing = Callable[[TellerScreen, Pilot[None]], Awaitable[None]]


def at_screen(
    desk: FakeDesk,
    folder: Path,
    act: Pressing,
    language: Language = Language.ENGLISH,
    size: tuple[int, int] = (132, 40),
) -> None:
    """Run the screen without a terminal, and press keys."""

    async def run() -> None:
        screen = TellerScreen(desk, Place("01020000 Bank", "T1", folder / "receipts"), SAMPLES, language)
        async with screen.run_test(size=size) as pilot:
            await at_rest(screen, pilot)
            await act(screen, pilot)

    asyncio.run(run())


async def at_rest(screen: TellerScreen, pilot: Pilot[None]) -> None:
    await screen.workers.wait_for_complete()
    await pilot.pause()


async def pressed(screen: TellerScreen, pilot: Pilot[None], *keys: str) -> None:
    for key in keys:
        await pilot.press(key)
        await at_rest(screen, pilot)


def rows(screen: TellerScreen, name: str) -> list[list[str]]:
    table = screen.screen_stack[0].query_one(f"#{name}", DataTable)
    return [[str(cell) for cell in table.get_row_at(row)] for row in range(table.row_count)]


def heads(screen: TellerScreen, name: str) -> list[str]:
    table = screen.screen_stack[0].query_one(f"#{name}", DataTable)
    return [str(column.label) for column in table.ordered_columns]


def shown(screen: TellerScreen, name: str) -> str:
    return str(screen.screen_stack[0].query_one(f"#{name}", Static).render())


def happened(screen: TellerScreen) -> str:
    log = screen.screen_stack[0].query_one("#log")
    return re.sub(r"\s+", " ", " ".join(line.text for line in log.lines)).strip()  # type: ignore[attr-defined]


def test_it_signs_on_by_itself_and_shows_the_light_and_the_business_date(tmp_path: Path) -> None:
    async def act(screen: TellerScreen, pilot: Pilot[None]) -> None:
        assert (shown(screen, "light").strip(), shown(screen, "date")) == (
            "● signed on",
            "business date 11-24",
        )
        await pressed(screen, pilot, "f9")
        assert shown(screen, "light").strip() == "● signed off"

    at_screen(FakeDesk(), tmp_path, act)


def test_a_premium_is_collected_in_four_keys_and_its_receipt_is_saved_for_its_owner_only(
    tmp_path: Path,
) -> None:
    desk = FakeDesk()

    async def act(screen: TellerScreen, pilot: Pilot[None]) -> None:
        await pressed(screen, pilot, "enter")
        assert rows(screen, "dues") == [
            ["D1", "1,200.00", "to collect", "20261201", "500000 renewal premium"]
        ]
        await pressed(screen, pilot, "enter")
        assert isinstance(screen.screen, SettleDialog)
        assert desk.asked == [], "no money moves before the teller's yes"
        await pressed(screen, pilot, "enter")
        assert isinstance(screen.screen, PaperDialog)
        await pressed(screen, pilot, "s")
        assert heads(screen, "transactions") == [
            *("time", "state", "amount, yuan", "act", "STAN", "DE 39", "policy", "receipt")
        ]
        assert heads(screen, "dues") == ["due", "amount, yuan", "kind", "due date", "as"]
        assert rows(screen, "transactions") == [
            ["10:11:12", "done", "1,200.00", "renewal premium", "000001", "00", "P1", "R1"]
        ]

    at_screen(desk, tmp_path, act)
    assert desk.asked == [("settle", "500000", "P1", "D1", "", False), ("receipt", "R1")]
    saved = tmp_path / "receipts" / "R1.txt"
    assert saved.read_text(encoding="utf-8") == f"{PAPER}\n"
    assert saved.stat().st_mode & 0o777 == 0o600


def test_escape_leaves_the_question_and_nothing_is_asked(tmp_path: Path) -> None:
    desk = FakeDesk()

    async def act(screen: TellerScreen, pilot: Pilot[None]) -> None:
        await pressed(screen, pilot, "enter", "f5", "escape")
        assert screen.screen is screen.screen_stack[0]

    at_screen(desk, tmp_path, act)
    assert desk.asked == []


def test_an_identity_number_is_sent_and_never_shown(tmp_path: Path) -> None:
    desk = FakeDesk()
    desk.outcome = State.REFUSED

    async def act(screen: TellerScreen, pilot: Pilot[None]) -> None:
        screen.query_one("#policy", Input).value = "P2"
        await pressed(screen, pilot, "f3", "f6")
        dialog = screen.screen
        assert isinstance(dialog, SettleDialog)
        assert dialog.query_one("#identity", Input).value == BENEFICIARY
        pictures = [screen.export_screenshot()]
        dialog.query_one("#confirm").focus()
        await pressed(screen, pilot, "enter")
        pictures.append(screen.export_screenshot())
        assert [BENEFICIARY in picture for picture in pictures] == [False, False]
        assert "•" * len(BENEFICIARY) in pictures[0]
        assert happened(screen).count("refused: DE 39 76 NOT THE BENEFICIARY; no money moved") == 1

    at_screen(desk, tmp_path, act)
    assert desk.asked == [("settle", "261000", "P2", "B1", BENEFICIARY, False)]


def test_who_is_no_sample_is_typed_unseen_and_the_transaction_is_the_dues_own(tmp_path: Path) -> None:
    desk = FakeDesk()

    async def act(screen: TellerScreen, pilot: Pilot[None]) -> None:
        screen.query_one("#policy", Input).value = "P4"
        await pressed(screen, pilot, "f3", "f6")
        assert "262000" in str(screen.screen.query_one("#code", Label).render())
        await pressed(screen, pilot, *"1234567X")
        assert "1234567X" not in screen.export_screenshot()
        await pressed(screen, pilot, "enter")

    at_screen(desk, tmp_path, act)
    assert desk.asked[0] == ("settle", "262000", "P4", "B4", "1234567X", False)


def test_a_look_that_ends_after_the_teller_has_left_shows_nothing(tmp_path: Path) -> None:
    screens: list[TellerScreen] = []

    async def act(screen: TellerScreen, _: Pilot[None]) -> None:
        screens.append(screen)

    at_screen(FakeDesk(), tmp_path, act)
    asyncio.run(screens[0].refresh_standing())


def test_no_name_of_the_screen_hides_one_of_the_library_s() -> None:
    """Private ones too: what Textual prints goes through a `_print` of its own."""
    ours = {name for name in vars(TellerScreen) if not name.startswith("__")}
    meant = {"TITLE", "CSS_PATH", "ENABLE_COMMAND_PALETTE", "BINDINGS", "compose"}
    made = set(vars(type("Empty", (App,), {})))
    assert ours & set(dir(App)) - made == meant


def test_f8_loses_one_answer_and_only_one(tmp_path: Path) -> None:
    desk = FakeDesk()

    async def act(screen: TellerScreen, pilot: Pilot[None]) -> None:
        await pressed(screen, pilot, "enter", "f8", "f5", "enter", "escape", "f5", "enter", "escape")

    at_screen(desk, tmp_path, act)
    assert [asked[-1] for asked in desk.asked if asked[0] == "settle"] == [True, False]


def test_what_the_bank_does_by_itself_is_told_in_the_teller_s_language(tmp_path: Path) -> None:
    desk = FakeDesk()

    async def act(screen: TellerScreen, pilot: Pilot[None]) -> None:
        desk.on_happening(Happening("reversing", {"stan": "000007"}))
        desk.on_happening(Happening("undone", {"stan": "000007", "state": "never was"}))
        await at_rest(screen, pilot)
        assert "000007: reversal answered (never was): it has no effect" in happened(screen)
        await pressed(screen, pilot, "f2")
        assert "冲正完成（未发生）" in happened(screen)
        assert shown(screen, "light").strip() == "● 已签到"
        assert rows(screen, "samples")[0][1] == "应收"

    at_screen(desk, tmp_path, act)


def test_a_transaction_is_cancelled_by_its_row_and_once(tmp_path: Path) -> None:
    desk = FakeDesk()

    async def act(screen: TellerScreen, pilot: Pilot[None]) -> None:
        await pressed(screen, pilot, "enter", "f5", "enter", "escape", "f7", "f7")
        assert happened(screen).endswith("choose a transaction that is done first")

    at_screen(desk, tmp_path, act)
    assert [asked for asked in desk.asked if asked[0] == "cancel"] == [("cancel", "000001")]


def test_which_of_two_dues_is_meant_is_what_the_cursor_says(tmp_path: Path) -> None:
    desk = FakeDesk()

    async def act(screen: TellerScreen, pilot: Pilot[None]) -> None:
        screen.query_one("#policy", Input).value = "p3"
        await pressed(screen, pilot, "f3", "down", "f5", "enter", "escape")
        await pressed(screen, pilot, "f6")
        assert happened(screen).endswith("choose a due to pay first")

    at_screen(desk, tmp_path, act)
    assert desk.asked[0] == ("settle", "500000", "P3", "D2", "", False)


def test_who_leaves_while_an_outcome_is_unknown_is_warned_once(tmp_path: Path) -> None:
    desk = FakeDesk()
    desk.transactions.append(
        Belief("0200", "500000", "T1", "B1", "20261124101112", "000001", "R", "P1", "D1", 120_000)
    )

    async def act(screen: TellerScreen, pilot: Pilot[None]) -> None:
        await pressed(screen, pilot, "ctrl+q")
        assert screen.is_running
        assert happened(screen).endswith("being reversed; ^Q once more leaves all the same")
        await pilot.press("ctrl+q")
        assert [belief.stan for belief in screen.undecided] == ["000001"]

    at_screen(desk, tmp_path, act)


def test_a_policy_that_is_not_there_and_a_machine_that_is_not_there_are_told(tmp_path: Path) -> None:
    desk = FakeDesk()
    desk.fault = "cannot connect"

    async def act(screen: TellerScreen, pilot: Pilot[None]) -> None:
        assert happened(screen) == "not done: cannot connect"
        assert shown(screen, "light").strip() == "● signed off"
        screen.query_one("#policy", Input).value = "P9"
        await pressed(screen, pilot, "f3")
        assert happened(screen).endswith("policy P9: DE 39 25 NO SUCH POLICY")

    at_screen(desk, tmp_path, act)


@pytest.mark.parametrize("language", Language)
def test_a_small_terminal_shows_every_key_and_how_much_and_how_it_ended(
    language: Language, tmp_path: Path
) -> None:
    async def act(screen: TellerScreen, pilot: Pilot[None]) -> None:
        await pressed(screen, pilot, "enter", "f5", "enter", "escape")
        assert re.sub(r"\s+", " ", visible(screen, "keys")) == re.sub(r"\s+", " ", WORDS["keys"][language])
        row = visible(screen, "transactions")
        assert [say(language, "done") in row, "1,200.00" in row] == [True, True]
        screen.query_one("#policy", Input).value = LONG.policy
        await pressed(screen, pilot, "f3")
        assert [text in visible(screen, "dues") for text in (LONG.dues[0].due, "1,200.00")] == [True, True]
        assert WORDS["active"][language] in visible(screen, "holder")

    at_screen(FakeDesk(), tmp_path, act, language, (80, 24))


def visible(screen: TellerScreen, name: str) -> str:
    """A part of the screen as its characters stand in the terminal."""
    widget = screen.screen_stack[0].query_one(f"#{name}")
    lines = [widget.render_line(y) for y in range(widget.size.height)]
    return "\n".join(line.text[: widget.size.width] for line in lines)


def test_the_log_is_folded_anew_where_the_terminal_has_another_width(tmp_path: Path) -> None:
    async def act(screen: TellerScreen, pilot: Pilot[None]) -> None:
        desk.on_happening(Happening("reversing", {"stan": "000007"}))
        await at_rest(screen, pilot)
        texts = happened(screen)
        for width in (80, 132):
            await pilot.resize_terminal(width, 24)
            await at_rest(screen, pilot)
            assert happened(screen) == texts
            log = screen.query_one("#log", RichLog)
            assert max(line.cell_length for line in log.lines) <= log.scrollable_content_region.width

    desk = FakeDesk()
    at_screen(desk, tmp_path, act)


def test_the_last_customer_s_dues_are_gone_when_the_next_one_cannot_be_looked_up(tmp_path: Path) -> None:
    desk = FakeDesk()

    async def silent(_policy: str) -> PolicyShown:
        raise DeskError("", "silent")

    async def act(screen: TellerScreen, pilot: Pilot[None]) -> None:
        await pressed(screen, pilot, "enter")
        assert len(rows(screen, "dues")) == 1
        desk.look_up = silent  # type: ignore[method-assign]
        screen.query_one("#policy", Input).value = "P2"
        await pressed(screen, pilot, "f3", "f5")
        assert (rows(screen, "dues"), shown(screen, "holder")) == ([], "")
        assert screen.screen is screen.screen_stack[0]
        assert "未办成：规定时间内无应答" in happened(screen)

    at_screen(desk, tmp_path, act, Language.CHINESE)
    assert desk.asked == []


def test_who_was_warned_of_one_is_warned_of_another(tmp_path: Path) -> None:
    desk = FakeDesk()
    transaction = Belief("0200", "500000", "T1", "B1", "20261124101112", "000001", "R", "P1", "D1", 120_000)
    desk.transactions.append(transaction)

    async def act(screen: TellerScreen, pilot: Pilot[None]) -> None:
        await pressed(screen, pilot, "ctrl+q")
        desk.transactions[:] = [transaction.after(Meaning.UNDONE), replace(transaction, stan="000002")]
        await pressed(screen, pilot, "ctrl+q")
        assert screen.is_running
        assert happened(screen).count("^Q once more leaves all the same") == 2

    at_screen(desk, tmp_path, act)


def test_a_second_act_waits_for_the_first(tmp_path: Path) -> None:
    desk = FakeDesk()
    gate = asyncio.Event()

    async def slow(policy: str) -> PolicyShown:
        await gate.wait()
        return BOOK[policy]

    desk.look_up = slow  # type: ignore[method-assign]

    async def act(screen: TellerScreen, pilot: Pilot[None]) -> None:
        await pilot.press("enter", "f9")
        assert (desk.signed_on, shown(screen, "light").strip()) == (True, "… working")
        gate.set()
        await at_rest(screen, pilot)
        assert happened(screen).endswith("the one before has not ended yet: wait policy P1: 1 open dues")

    at_screen(desk, tmp_path, act)


def _places(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


def test_both_languages_say_every_text_with_the_same_places() -> None:
    places = {key: [_places(text) for text in texts] for key, texts in WORDS.items()}
    assert [key for key, (one, other) in places.items() if one != other] == []
    empty = [key for key in WORDS if say(Language.CHINESE, key, **dict.fromkeys(places[key][0], "x")) == ""]
    assert empty == []


def test_every_state_and_code_has_its_word() -> None:
    assert {*KINDS, *KINDS.values(), *STATES, *State} - WORDS.keys() == set()


@given(seed=st.integers(), policies=st.integers(0, 60), cut=st.integers(0, 200))
def test_samples_are_dues_of_the_file_wherever_its_reading_ends(seed: int, policies: int, cut: int) -> None:
    made = list(sample.make(Random(seed), policies, "20261124"))
    dues = {due.due: due for _, of_policy in made for due in of_policy}
    file = b"".join(write("20261124", made, [due._replace(due="W") for due in dues.values()]))
    lines = file.decode().splitlines(keepends=True)[:cut]
    drawn = pick(lines, Random(seed))
    for shown in drawn:
        if shown.kind == "none":
            assert (shown.due, shown.amount, shown.beneficiary) == ("", 0, "")
        else:
            due = dues[shown.due]
            assert (
                shown.policy,
                shown.kind,
                shown.code,
                shown.amount,
                shown.beneficiary,
            ) == (
                due.policy,
                due.kind,
                due.code,
                due.amount,
                due.beneficiary,
            )
    counted = [sum(shown.kind == kind for shown in drawn) for kind in ("premium", "benefit", "none")]
    there = [line.split(",") for line in lines if line[0] == "P"]
    rest = there[1:] if there and there[0][0] == "policy" else there
    kinds = ["none" if not row[4] else "benefit" if row[4].startswith("26") else "premium" for row in rest]
    assert counted == [min(5, kinds.count(kind)) for kind in ("premium", "benefit", "none")]


def test_lines_of_another_file_are_no_samples() -> None:
    assert pick(["H|01020000|20261124|1\n", "P1,active\n", "\n"], Random(1)) == ()


def test_a_sample_and_a_settlement_name_nobody() -> None:
    assert BENEFICIARY not in repr(SAMPLES[1]) + repr(Settlement("261000", BENEFICIARY))


def test_settings_that_are_not_there_are_told_with_what_makes_some(tmp_path: Path) -> None:
    ended = CliRunner().invoke(teller, ["--config", str(tmp_path / "none.toml")])
    assert ended.exit_code == 2
    assert "none.toml; `make run` makes a sample machine and serves it\n" in ended.output
