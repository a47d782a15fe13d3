"""The `qianzhi-chaos` command: the proxy on loopback, its rules from a file or from options, its log as JSON
lines.

Parses, listens, writes the log. What is done to whom, the rules say.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from ipaddress import ip_address
from pathlib import Path
from typing import Any, NoReturn, TextIO

import click
from twisted.internet.defer import Deferred
from twisted.internet.error import CannotListenError

from console.failure import run_to_end
from console.say import say
from fep.process.reactor import react
from ledger.errors import LedgerError
from simulators.chaos.conversation import Did
from simulators.chaos.proxy import Proxy
from simulators.chaos.rules import ChaosError, Rules, read_rules


def main() -> NoReturn:
    """Run the command; expected errors become one line on standard error."""
    run_to_end("qianzhi-chaos", chaos, (LedgerError, OSError))


class Place(click.ParamType):
    """An address and a port, `127.0.0.1:8583` or `[::1]:8583`; ports begin at `first`."""

    name = "address:port"

    def __init__(self, first: int) -> None:
        self._first = first

    def convert(
        self, value: str, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, int]:
        """The two; a port is at most 65535."""
        host, _, port = value.rpartition(":")
        host = host.removeprefix("[").removesuffix("]")
        if not _is_address(host) or not port.isdecimal() or not self._first <= int(port) <= 65_535:
            self.fail(f"{value!r}: an address and a port, such as 127.0.0.1:8583", param, ctx)
        return host, int(port)


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--listen", type=Place(0), default="127.0.0.1:9583", show_default=True, help="on loopback")
@click.option("--to", type=Place(1), default="127.0.0.1:8583", show_default=True, help="the machine")
@click.option(
    "--rules", "path", type=click.Path(path_type=Path), default=None, help="a TOML file: docs/tools.md"
)
@click.option("--rule", "options", multiple=True, help='one more: "do=swallow way=answer mti=0210 one_in=5"')
@click.option("--seed", type=int, default=None, help="[default: the file's, or 1]")
@click.option("--framing", default=None, help="a name or a table of parts, or raw for TLS")
@click.option("--dialect", default=None, help="how MTIs are written  [default: the file's, or ascii87]")
@click.option(
    "--log", type=click.Path(dir_okay=False, path_type=Path), default=None, help="[default: standard output]"
)
def chaos(
    listen: tuple[str, int],
    to: tuple[str, int],
    path: Path | None,
    options: tuple[str, ...],
    seed: int | None,
    framing: str | None,
    dialect: str | None,
    log: Path | None,
) -> None:
    """Lead a bank's links to the machine through rules that cut, delay, lose, change and refuse."""
    rules = read_rules(path, options, seed=seed, framing=framing, dialect=dialect)
    if not ip_address(listen[0]).is_loopback:
        raise ChaosError(f"--listen {listen[0]}: not loopback; nobody else is to be led through here")
    if log is None:
        _serve(rules, listen, to, sys.stdout)
        return
    with log.open("a", encoding="utf-8") as stream:
        _serve(rules, listen, to, stream)


def log_line(did: Did) -> str:
    """What was done, as a line of JSON: times in milliseconds since the start, numbers and names only."""
    values = did._asdict()
    return json.dumps({"ms": values.pop("at") // 1000, **values}, ensure_ascii=False)


def _serve(rules: Rules, listen: tuple[str, int], to: tuple[str, int], stream: TextIO) -> None:
    def tell(did: Did) -> None:
        stream.write(f"{log_line(did)}\n")
        stream.flush()

    def start(reactor: Any) -> Deferred[None]:  # noqa: ANN401 - reactors have no one type
        proxy = Proxy(reactor, rules, to, tell)
        try:
            port = proxy.listen(*listen)
        except CannotListenError as error:
            raise ChaosError(f"--listen {listen[0]}:{listen[1]}: {error.socketError}") from error
        say(
            f"listening on {listen[0]}:{port}, to {to[0]}:{to[1]};"
            f" {len(rules.rule)} rules, seed {rules.seed}; Ctrl-C stops it",
            err=True,
        )
        stop: Callable[[], Deferred[Any]] = proxy.stop
        reactor.addSystemEventTrigger("before", "shutdown", stop)
        return Deferred()

    react(start)


if __name__ == "__main__":
    main()
