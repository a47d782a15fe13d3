"""The `qianzhi-bank` command: a bank's teller at a prompt, over a real socket.

Parses arguments, asks through `simulators.bank`, prints what was said. Every expected error is one line.
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

from fep.config import Settings, load_settings
from fep.errors import FepError
from fep.keys import read_key_file
from protocol.errors import ProtocolError
from protocol.message import NAMES, Message, masked_card
from simulators.bank import Bank, BankError, BankProfile
from simulators.beliefs import Belief

_HIDDEN = frozenset({64, 128})
_ANSWER_SECONDS = 10


def main() -> NoReturn:
    """Run the command; expected errors become one line on standard error."""
    try:
        cli.main(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (FepError, ProtocolError, BankError) as error:
        _say_error(str(error))
    except ConnectError as error:
        _say_error(f"cannot connect: {error}; is the machine serving? (make run)")
    except ConnectionClosed:
        _say_error("the machine closed the link; its log says why")
    except DeferredTimeout:
        _say_error(f"no answer within {_ANSWER_SECONDS} s")
    sys.exit(0)


def _say_error(text: str) -> NoReturn:
    for line in text.splitlines():
        click.echo(f"qianzhi-bank: {line}", err=True)
    sys.exit(1)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--config", type=click.Path(path_type=Path), default=Path("var/qianzhi.toml"), show_default=True
)
@click.option("--bank", "code", default=None, help="the bank's code  [default: the first in the settings]")
@click.pass_context
def cli(context: click.Context, config: Path, code: str | None) -> None:
    """Speak to a front-end machine as one of the banks in its settings."""
    context.obj = _profile(load_settings(config), code)


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
@click.option("--amount", type=int, required=True, help="in fen")
@click.option("--due", default="")
@click.option("--code", default="500000", show_default=True, help="DE 3")
@click.pass_obj
def collect(profile: BankProfile, policy: str, amount: int, due: str, code: str) -> None:
    """Collect a premium of POLICY and print the receipt."""
    _run(profile, lambda bank: _settled(bank, bank.settle(code, policy, amount, due=due)))


@cli.command()
@click.argument("policy")
@click.option("--amount", type=int, required=True, help="in fen")
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


def _profile(settings: Settings, code: str | None) -> BankProfile:
    entry = next((bank for bank in settings.bank if code in (None, bank.code)), None)
    if entry is None:
        known = ", ".join(bank.code for bank in settings.bank)
        raise click.BadParameter(f"no bank {code} in the settings; there are {known}", param_hint="--bank")
    if not entry.port:
        raise click.UsageError(
            f"bank {entry.code} has port 0 in the settings: the machine chose one at its start"
        )
    zmk = read_key_file(Path(entry.zmk_file), (16, 24, 32))
    return BankProfile(entry.code, entry.host, entry.port, entry.framing, entry.dialect, entry.mac, zmk)


def _run(profile: BankProfile, act: Callable[[Bank], Coroutine[Any, Any, None]]) -> None:
    async def session(reactor: Any) -> None:  # noqa: ANN401 - reactors have no one type
        # Each run is a bank that has forgotten its last STAN: the microsecond keeps a key from being used
        # twice.
        first_stan = datetime.now().astimezone().microsecond
        bank = Bank(profile, reactor, lambda: datetime.now().astimezone(), _ANSWER_SECONDS, first_stan)
        await bank.connect()
        await act(bank)
        await bank.sign_off()

    failed: list[BaseException] = []

    def start(reactor: Any) -> Deferred[None]:  # noqa: ANN401 - as above
        return Deferred.fromCoroutine(session(reactor)).addErrback(
            lambda failure: failed.append(failure.value)
        )

    try:
        react(start)
    except SystemExit:
        if failed:
            raise failed[0] from None
        raise


async def _shown(asked: Coroutine[Any, Any, Message]) -> None:
    show(await asked, Console())


async def _settled(bank: Bank, acting: Coroutine[Any, Any, Belief]) -> None:
    belief = await acting
    console = Console()
    console.print(f"{belief.state}: DE 39 {belief.response} {belief.reason}".rstrip())
    if belief.receipt:
        show(await bank.receipt(belief.receipt), console)


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
