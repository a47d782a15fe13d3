"""The `qianzhi-bank` command: a bank's teller at a prompt, over a real socket.

Parses arguments, asks through `simulators.bank`, prints what was said. Every expected error is one line;
the exit code is 0 only if the machine approved.
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, NoReturn

import click
from rich.console import Console
from rich.table import Table
from twisted.internet.defer import Deferred
from twisted.internet.defer import TimeoutError as DeferredTimeout
from twisted.internet.error import ConnectError, ConnectionClosed, DNSLookupError

from console import settings_place
from console.failure import run_to_end
from console.output import cell
from console.say import say
from fep.process.reactor import react
from fep.settings.config import Bank as BankEntry
from fep.settings.config import Settings, load_settings
from fep.settings.dialects import find_dialect
from ledger.rules.escaping import escaped
from ledger.rules.moment import nearest_date
from protocol.card_number import masked_card
from protocol.dialect import Dialect
from protocol.message import Message
from protocol.tlv import KNOWN, intact
from qianzhi_errors import QianzhiError
from simulators.bank import Bank
from simulators.beliefs import Belief, State
from simulators.link import SILENCE, BankError
from simulators.profile import BankProfile, profile_of

_PROGRAM = "qianzhi-bank"
_HIDDEN = frozenset({62, 64, 128})
_HELD = frozenset({"IN", "KA"})
"""An identity number and a key block, which no answer to a counter has: never shown, should one have them."""
_ANSWER_SECONDS = 10
_FEN = click.IntRange(1, 999_999_999_999)
_EXPECTED = (QianzhiError, OSError)


@dataclass(frozen=True, slots=True)
class Counter:
    """A bank of a machine's settings as a command line names it, and the options that name it again."""

    entry: BankEntry
    profile: BankProfile
    options: tuple[str, ...]

    def reversal(self, belief: Belief) -> str:
        """Say by which command a transaction whose outcome is not known is reversed."""
        ending = belief.terminal, belief.sent_at[4:], belief.stan
        of = "--amount", str(belief.amount), "--code", belief.code
        return f"not decided; reverse it: {shlex.join((_PROGRAM, *self.options, 'reverse', *ending, *of))}"


def main() -> NoReturn:
    """Run the command; expected errors become one line on standard error."""
    run_to_end(_PROGRAM, cli, _EXPECTED)


def counter_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that say which machine is asked, and as which of its banks; `counter_of` takes them."""
    port = click.IntRange(1, 65535)
    for option in reversed(
        (
            settings_place.option("config", settings_place.FRONT, "the machine's settings file"),
            click.option(
                "--bank", "code", default=None, help="the bank's code  [default: the first in the settings]"
            ),
            click.option("--host", default=None, help="[default: the bank's in the settings]"),
            click.option("--port", type=port, default=None, help="[default: the bank's in the settings]"),
        )
    ):
        command = option(command)
    return command


def counter_of(config: Path, code: str | None, host: str | None, port: int | None) -> Counter:
    """What the options of `counter_options` name. Raises click.UsageError, and what reading settings does."""
    if not config.exists():
        raise click.UsageError(f"there is no {config}; `make run` makes a sample machine and serves it")
    settings = load_settings(config)
    entry, chosen_port = chosen_bank(settings, code, port)
    given = ("--host", host), ("--port", port)
    again = tuple(str(part) for option in given if option[1] is not None for part in option)
    options = "--config", str(config), "--bank", entry.code, *again
    return Counter(entry, profile_of(settings, entry, chosen_port, host or ""), options)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@counter_options
@click.pass_context
def cli(context: click.Context, config: Path, code: str | None, host: str | None, port: int | None) -> None:
    """Speak to a front-end machine as one of the banks in its settings."""
    context.obj = counter_of(config, code, host, port)


@cli.command()
@click.pass_obj
def echo(counter: Counter) -> None:
    """Sign on and ask whether the machine lives."""
    _run(counter, lambda bank: _shown(bank, bank.echo()))


@cli.command()
@click.pass_obj
def poll(counter: Counter) -> None:
    """Sign on, send a frame without a message, and ask whether the machine lives."""

    async def polled(bank: Bank) -> bool:
        bank.poll()
        return await _shown(bank, bank.echo())

    _run(counter, polled)


@cli.command()
@click.argument("policy")
@click.pass_obj
def inquire(counter: Counter, policy: str) -> None:
    """What is due and payable on POLICY."""
    _run(counter, lambda bank: _shown(bank, bank.inquire(policy)))


@cli.command()
@click.argument("policy")
@click.option("--amount", type=_FEN, required=True, help="in fen")
@click.option("--due", default="")
@click.option("--code", default="500000", show_default=True, help="DE 3")
@click.pass_obj
def collect(counter: Counter, policy: str, amount: int, due: str, code: str) -> None:
    """Collect a premium of POLICY and print the receipt."""
    _run(counter, lambda bank: _settled(bank, bank.settle(code, policy, amount, due=due)))


@cli.command()
@click.argument("policy")
@click.option("--amount", type=_FEN, required=True, help="in fen")
@click.option("--identity", required=True, help="the beneficiary's identity number")
@click.option("--due", default="")
@click.option("--code", default="260000", show_default=True, help="DE 3")
@click.pass_obj
def pay(counter: Counter, policy: str, amount: int, identity: str, due: str, code: str) -> None:
    """Pay a benefit of POLICY and print the receipt."""
    _run(counter, lambda bank: _settled(bank, bank.settle(code, policy, amount, due=due, identity=identity)))


@cli.command()
@click.argument("receipt")
@click.pass_obj
def receipt(counter: Counter, receipt: str) -> None:
    """Print RECEIPT, a receipt number, again."""
    _run(counter, lambda bank: _shown(bank, bank.receipt(receipt)))


@cli.command()
@click.argument("terminal")
@click.argument("sent_at")
@click.argument("stan")
@click.option("--amount", type=_FEN, required=True, help="in fen")
@click.option("--code", default="500000", show_default=True, help="DE 3")
@click.pass_obj
def reverse(counter: Counter, terminal: str, sent_at: str, stan: str, amount: int, code: str) -> None:
    """Reverse a transaction by the three that name it, as `collect` and `pay` print them."""

    def act(bank: Bank) -> Coroutine[Any, Any, bool]:
        moment = nearest_date(sent_at[:4], datetime.now().astimezone().date()) + sent_at[4:]
        original = Belief(
            "0200", code, terminal, bank.profile.branches[0], moment, stan, "0" * 12, "", "", amount
        )
        wanted = State.REVERSED, State.NEVER_WAS  # either way the original has no effect
        return _settled(bank, bank.reverse(bank.record.keep(original)), wanted)

    _run(counter, act)


@cli.command()
@click.argument("date")
@click.pass_obj
def totals(counter: Counter, date: str) -> None:
    """Ask for the machine's totals of DATE (MMDD) by sending none of our own."""
    _run(counter, lambda bank: _shown(bank, bank.reconcile(date)))


def chosen_bank(settings: Settings, code: str | None, port: int | None) -> tuple[BankEntry, int]:
    """The bank of the settings with this code, or the first, and the port where the machine listens for it.

    Raises click.UsageError for a bank that is not there, or a port that the settings leave to the system.
    """
    entry = next((bank for bank in settings.bank if code in (None, bank.code)), None)
    if entry is None:
        codes = ", ".join(bank.code for bank in settings.bank)
        raise click.BadParameter(f"no bank {code} in the settings; there are {codes}", param_hint="--bank")
    if not (port or entry.port):
        raise click.UsageError(
            f"bank {entry.code} has port 0 in the settings: give --port as the machine said it"
        )
    return entry, port or entry.port


class _Teller(Bank):
    """The bank, which says once what it goes on asking, so that nobody takes it for dead."""

    _announced: frozenset[str] = frozenset()

    async def _ask(self, message: Message) -> Message:
        try:
            return await super()._ask(message)
        except SILENCE:
            endings = {"02": "is reversed until that is answered", "04": "is repeated until it is answered"}
            kind = message.mti[:2]
            if kind in endings and kind not in self._announced:
                self._announced |= {kind}
                say(f"{_PROGRAM}: {message.mti}: no answer; it {endings[kind]}, or Ctrl-C", err=True)
            raise


def _run(counter: Counter, act: Callable[[Bank], Coroutine[Any, Any, bool]]) -> None:
    """Sign on, act, sign off; exit code 1 where the machine did not approve.

    However it ends, what has no outcome yet is told with the command that reverses it.
    """
    banks: list[_Teller] = []

    async def session(reactor: Any) -> bool:  # noqa: ANN401 - reactors have no one type
        # Each run has forgotten the last STAN: the microsecond keeps a key from being used twice.
        first_stan = _now().microsecond
        bank = _Teller(counter.profile, reactor, _now, _ANSWER_SECONDS, first_stan)
        banks.append(bank)
        try:
            await bank.connect()
            approved = await act(bank)
        except (ConnectError, DNSLookupError, UnicodeError) as error:
            why = str(error).rstrip(".")
            raise BankError(f"cannot connect: {why}; is the machine serving? (make run)") from error
        except ConnectionClosed as error:
            raise BankError("the machine closed the link; its log says why") from error
        except DeferredTimeout as error:
            raise BankError(f"no answer within {_ANSWER_SECONDS} s") from error
        try:
            await bank.sign_off()
        except SILENCE:
            say(f"{_PROGRAM}: the sign-off was not answered", err=True)
        for violation in bank.violations:
            say(f"{_PROGRAM}: the machine broke the interface: {violation}", err=True)
        return approved and not bank.violations

    ended: list[bool] = []
    failed: list[BaseException] = []

    def start(reactor: Any) -> Deferred[None]:  # noqa: ANN401 - as above
        running = Deferred.fromCoroutine(session(reactor))
        return running.addCallbacks(ended.append, lambda failure: failed.append(failure.value))

    try:
        react(start)
    except SystemExit:
        for belief in (belief for bank in banks for belief in bank.record.undecided()):
            say(counter.reversal(belief), err=True)
        if failed:
            raise failed[0] from None
        if ended != [True]:
            sys.exit(1)


def _now() -> datetime:
    return datetime.now().astimezone()


def _console() -> Console:
    """The machine's own words are text, whatever signs they hold."""
    return Console(markup=False, emoji=False)


async def _shown(bank: Bank, asked: Coroutine[Any, Any, Message]) -> bool:
    answer = await asked
    _show(answer, _console(), _dialect_of(bank))
    return answer.fields[39] == "00"


async def _settled(
    bank: Bank, acting: Coroutine[Any, Any, Belief], wanted: tuple[State, ...] = (State.DONE,)
) -> bool:
    belief = await acting
    console = _console()
    response = f"DE 39 {belief.response} {belief.reason}".rstrip() if belief.response else ""
    console.print(f"{belief.state}: {response}".rstrip(": "))
    console.print(f"terminal {belief.terminal}, DE 7 {belief.sent_at[4:]}, STAN {belief.stan}")
    if belief.receipt:
        _show(await bank.receipt(belief.receipt), console, _dialect_of(bank))
    return belief.state in wanted


def _dialect_of(bank: Bank) -> Dialect:
    return find_dialect(bank.profile.dialect, bank.profile.dialects, bank.profile.gb18030)


def _show(message: Message, console: Console, dialect: Dialect) -> None:
    """Print a message: every DE by its name, DE 48 by groups, the card masked, the receipt as it prints."""
    elements = dialect.elements
    table = Table(title=message.mti, show_header=False)
    for overflow in ("ellipsis", "ellipsis", "fold"):
        table.add_column(overflow=overflow)
    for number, text in message.fields.items():
        if number == 48:
            for row in _groups(text, dialect.de48_encoding):
                table.add_row(*map(cell, row))
        elif number not in _HIDDEN:
            shown = masked_card(text) if number == 2 else text
            table.add_row(str(number), elements[number].name, cell(shown))
    console.print(table)
    if 62 in message.fields:
        console.print(escaped(message.fields[62], lines=True))


def _groups(text: str, encoding: str) -> Iterator[tuple[str, str, str]]:
    """A row for each group of DE 48; a due (DL) is one row, with its own groups in it."""
    for tag, value in intact(text, encoding)[0]:
        parts = intact(value, encoding)[0] if tag == "DL" else ()
        text = ", ".join(f"{part.tag} {part.value}" for part in parts) or value
        yield f"48.{tag}", KNOWN.get(tag, "unknown group"), "***" if tag in _HELD else text


if __name__ == "__main__":
    main()
