"""The `qianzhi-bank` command: a bank's teller at a prompt, over a real socket.

Parses arguments, asks through `simulators.bank`, prints what was said. Every expected error is one line;
the exit code is 0 only if the machine approved.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Coroutine
from datetime import datetime
from pathlib import Path
from typing import Any, NoReturn

import click
from rich.console import Console
from rich.table import Table
from twisted.internet.defer import Deferred
from twisted.internet.defer import TimeoutError as DeferredTimeout
from twisted.internet.error import ConnectError, ConnectionClosed
from twisted.internet.task import react

from fep.config import Bank as BankEntry
from fep.config import Settings, load_settings
from fep.errors import FepError
from ledger.errors import LedgerError
from protocol.errors import ProtocolError
from protocol.message import NAMES, Message, masked_card
from simulators.bank import Bank, BankError, BankProfile
from simulators.beliefs import Belief, State
from simulators.failure import fail
from simulators.profile import profile_of

_HIDDEN = frozenset({64, 128})
_ANSWER_SECONDS = 10
_FEN = click.IntRange(1, 999_999_999_999)


_PROGRAM = "qianzhi-bank"


def main() -> NoReturn:
    """Run the command; expected errors become one line on standard error."""
    try:
        cli.main(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (FepError, LedgerError, ProtocolError, BankError) as error:
        fail(_PROGRAM, str(error))
    except ConnectError as error:
        fail(_PROGRAM, f"cannot connect: {error}; is the machine serving? (make run)")
    except ConnectionClosed:
        fail(_PROGRAM, "the machine closed the link; its log says why")
    except DeferredTimeout:
        fail(_PROGRAM, f"no answer within {_ANSWER_SECONDS} s")
    sys.exit(0)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--config", type=click.Path(path_type=Path), default=Path("var/qianzhi.toml"), show_default=True
)
@click.option("--bank", "code", default=None, help="the bank's code  [default: the first in the settings]")
@click.option("--host", default=None, help="[default: the bank's in the settings]")
@click.option(
    "--port", type=click.IntRange(1, 65535), default=None, help="[default: the bank's in the settings]"
)
@click.pass_context
def cli(context: click.Context, config: Path, code: str | None, host: str | None, port: int | None) -> None:
    """Speak to a front-end machine as one of the banks in its settings."""
    context.obj = _profile(load_settings(config), code, host, port)


@cli.command()
@click.pass_obj
def echo(profile: BankProfile) -> None:
    """Sign on and ask whether the machine lives."""
    _run(profile, lambda bank: _shown(bank.echo()))


@cli.command()
@click.argument("policy")
@click.pass_obj
def inquire(profile: BankProfile, policy: str) -> None:
    """What is due and payable on POLICY."""
    _run(profile, lambda bank: _shown(bank.inquire(policy)))


@cli.command()
@click.argument("policy")
@click.option("--amount", type=_FEN, required=True, help="in fen")
@click.option("--due", default="")
@click.option("--code", default="500000", show_default=True, help="DE 3")
@click.pass_obj
def collect(profile: BankProfile, policy: str, amount: int, due: str, code: str) -> None:
    """Collect a premium of POLICY and print the receipt."""
    _run(profile, lambda bank: _settled(bank, bank.settle(code, policy, amount, due=due)))


@cli.command()
@click.argument("policy")
@click.option("--amount", type=_FEN, required=True, help="in fen")
@click.option("--identity", required=True, help="the beneficiary's identity number")
@click.option("--due", default="")
@click.option("--code", default="260000", show_default=True, help="DE 3")
@click.pass_obj
def pay(profile: BankProfile, policy: str, amount: int, identity: str, due: str, code: str) -> None:
    """Pay a benefit of POLICY and print the receipt."""
    _run(profile, lambda bank: _settled(bank, bank.settle(code, policy, amount, due=due, identity=identity)))


@cli.command()
@click.argument("receipt")
@click.pass_obj
def receipt(profile: BankProfile, receipt: str) -> None:
    """Print RECEIPT, a receipt number, again."""
    _run(profile, lambda bank: _shown(bank.receipt(receipt)))


@cli.command()
@click.argument("terminal")
@click.argument("sent_at")
@click.argument("stan")
@click.option("--amount", type=_FEN, required=True, help="in fen")
@click.option("--code", default="500000", show_default=True, help="DE 3")
@click.pass_obj
def reverse(profile: BankProfile, terminal: str, sent_at: str, stan: str, amount: int, code: str) -> None:
    """Reverse a transaction by the three that name it, as `collect` and `pay` print them."""

    def act(bank: Bank) -> Coroutine[Any, Any, bool]:
        original = Belief(
            "0200", code, terminal, profile.branches[0], sent_at, stan, "0" * 12, "", "", amount
        )
        return _settled(bank, bank.reverse(bank.record.keep(original)))

    _run(profile, act)


@cli.command()
@click.argument("date")
@click.pass_obj
def totals(profile: BankProfile, date: str) -> None:
    """Ask for the machine's totals of DATE (MMDD) by sending none of our own."""
    _run(profile, lambda bank: _shown(bank.reconcile(date)))


def chosen_bank(settings: Settings, code: str | None, port: int | None) -> tuple[BankEntry, int]:
    """The bank of the settings with this code, or the first, and the port where the machine listens for it.

    Raises click.UsageError for a bank that is not there, or a port that the settings leave to the system.
    """
    entry = next((bank for bank in settings.bank if code in (None, bank.code)), None)
    if entry is None:
        known = ", ".join(bank.code for bank in settings.bank)
        raise click.BadParameter(f"no bank {code} in the settings; there are {known}", param_hint="--bank")
    if not (port or entry.port):
        raise click.UsageError(
            f"bank {entry.code} has port 0 in the settings: give --port as the machine said it"
        )
    return entry, port or entry.port


def _profile(settings: Settings, code: str | None, host: str | None, port: int | None) -> BankProfile:
    entry, chosen_port = chosen_bank(settings, code, port)
    return profile_of(settings, entry, chosen_port, host or "")


def _run(profile: BankProfile, act: Callable[[Bank], Coroutine[Any, Any, bool]]) -> None:
    """Sign on, act, sign off; exit code 1 where the machine did not approve."""

    async def session(reactor: Any) -> bool:  # noqa: ANN401 - reactors have no one type
        # Each run has forgotten the last STAN: the microsecond keeps a key from being used twice.
        first_stan = datetime.now().astimezone().microsecond
        bank = Bank(profile, reactor, lambda: datetime.now().astimezone(), _ANSWER_SECONDS, first_stan)
        await bank.connect()
        approved = await act(bank)
        await bank.sign_off()
        for violation in bank.violations:
            click.echo(f"qianzhi-bank: the machine broke the interface: {violation}", err=True)
        return approved and not bank.violations

    ended: list[bool] = []
    failed: list[BaseException] = []

    def start(reactor: Any) -> Deferred[None]:  # noqa: ANN401 - as above
        running = Deferred.fromCoroutine(session(reactor))
        return running.addCallbacks(ended.append, lambda failure: failed.append(failure.value))

    try:
        react(start)
    except SystemExit:
        if failed:
            raise failed[0] from None
        if ended != [True]:
            sys.exit(1)


async def _shown(asked: Coroutine[Any, Any, Message]) -> bool:
    answer = await asked
    show(answer, Console())
    return answer.fields[39] == "00"


async def _settled(bank: Bank, acting: Coroutine[Any, Any, Belief]) -> bool:
    belief = await acting
    console = Console()
    told = f"DE 39 {belief.response} {belief.reason}".rstrip() if belief.response else ""
    console.print(f"{belief.state}: {told}".rstrip(": "))
    console.print(f"terminal {belief.terminal}, DE 7 {belief.sent_at}, STAN {belief.stan}")
    if belief.receipt:
        show(await bank.receipt(belief.receipt), console)
    return belief.state is not State.REFUSED


def show(message: Message, console: Console) -> None:
    """Print a message: every DE by its name, the card masked, the receipt as it prints."""
    table = Table(title=message.mti, show_header=False)
    for number, text in message.fields.items():
        if number not in _HIDDEN and number != 62:
            table.add_row(str(number), NAMES[number], masked_card(text) if number == 2 else text)
    console.print(table)
    if 62 in message.fields:
        console.print(message.fields[62])


if __name__ == "__main__":
    main()
