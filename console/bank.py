"""The commands on banks: `qianzhi bank list`, `add`, `disable`, `enable` and `test`.

Parses arguments, calls, prints. What an entry may hold, fep.settings.config says; fep.settings.editor writes
it into the file; fep.doctor.bankcheck finds out whether the bank could connect.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from gettext import gettext as _
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from typing import NamedTuple

import click
from rich.console import RenderableType

from console.audit_entry import recorded
from console.doctor import shown
from console.language import spoken
from console.options import BANK_CODE, FRAMING, MAC, SETTINGS, entry_of
from console.output import JSON, cell, show, table
from console.say import say
from fep.doctor.bankcheck import BankProbe, could_connect
from fep.doctor.finding import Verdict
from fep.doctor.machine import Machine
from fep.errors import FepError
from fep.keys.key_provider import KeyProvider
from fep.operator.audit_trail import subject_of
from fep.settings.config import Bank, Settings, load_settings
from fep.settings.editor import replace_settings, with_enabled, with_entry
from protocol.dialect import shipped
from protocol.framing import Framing
from protocol.framing_table import as_written
from protocol.mac import MacMethod
from protocol.mac_table import as_written as mac_as_written
from qianzhi_errors.sentence import Sentence


class ListedBank(NamedTuple):
    """A bank's entry in the settings. `key` is the check value of its key, or why the key is missing."""

    code: str
    name: str
    enabled: bool
    listens: str
    networks: tuple[str, ...]
    transport: str
    pins: int
    framing: str
    dialect: str
    mac: str
    key: str


@click.group()
def bank() -> None:
    """The banks: their entries in the settings, and whether they could connect."""


@bank.command("list")
@SETTINGS
@JSON
def list_command(config: Path, as_json: bool) -> None:
    """List the banks: what each entry says, and whether its key is there and fits."""
    settings = load_settings(config)
    banks = tuple(_listed(settings))
    show(banks, lambda: _banks_table(banks), as_json=as_json)


def _listed(settings: Settings) -> Iterator[ListedBank]:
    key_provider = KeyProvider(settings.keystore)
    try:
        for bank in settings.bank:
            try:
                key = key_provider.check_value(bank)
            except FepError as error:
                key = Sentence("missing: {reason}", reason=error)
            yield ListedBank(
                bank.code,
                bank.name,
                bank.enabled,
                f"{bank.host}:{bank.port}",
                tuple(map(str, bank.networks)),
                bank.transport,
                len(bank.pins),
                str(bank.framing),
                bank.dialect,
                str(bank.mac),
                key,
            )
    finally:
        key_provider.close()


def _banks_table(banks: Sequence[ListedBank]) -> Iterator[RenderableType]:
    code = _("code")
    rows = table(code, _("bank"), _("listens at, from"), _("on the wire"), _("key"), whole=(code,))
    for bank in banks:
        state = "" if bank.enabled else f"\n{_('disabled')}"
        link = bank.transport
        if bank.pins:
            link = _("{transport}, {pins} pinned").format(transport=link, pins=bank.pins)
        wire = f"{bank.framing}, {bank.dialect}, {bank.mac}\n{link}"
        networks = ", ".join(bank.networks)
        cells = (bank.code, f"{bank.name}{state}", f"{bank.listens}\n{networks}", wire, bank.key)
        rows.add_row(*map(cell, cells))
    yield rows


@bank.command("add")
@click.argument("code")
@click.option("--name", required=True, help="the bank's name, for people")
@click.option("--port", type=click.IntRange(1, 65535), required=True, help="where it is listened to")
@click.option("--network", "networks", multiple=True, required=True, help="where it comes from; repeat it")
@click.option("--pin", "pins", multiple=True, help="the SHA-256 of its public key; repeat it")
@click.option("--plain", is_flag=True, help="without TLS")
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--framing", type=FRAMING, default="2be", show_default=True)
@click.option("--dialect", type=click.Choice(shipped()), default="ascii87", show_default=True)
@click.option("--mac", type=MAC, default="aes-cmac", show_default=True)
@SETTINGS
def add_command(
    code: str,
    networks: Sequence[str],
    pins: Sequence[str],
    plain: bool,
    config: Path,
    framing: Framing,
    mac: MacMethod,
    **columns: object,
) -> None:
    """Add a bank's entry to the settings, disabled until its key is there; CODE is its DE 32."""
    entry = {
        "code": code,
        "name": columns["name"],
        "enabled": False,
        "host": columns["host"],
        "port": columns["port"],
        "networks": list(networks),
        **({"transport": "plain"} if plain else {"pins": list(pins)}),
        "framing": as_written(framing),
        "dialect": columns["dialect"],
        "mac": mac_as_written(mac),
    }
    settings = load_settings(config)
    taken = {bank.port for bank in settings.bank}
    with recorded(settings, "bank add", subject_of("bank add", code)):
        replace_settings(config, with_entry(config.read_text(encoding="utf-8"), entry))
    say(_("added bank {code} to {config}, disabled; next:").format(code=code, config=config))
    load = (
        "qianzhi reload" if columns["port"] in taken else _("restart the machine: nobody listens there yet")
    )
    for step in (
        _("qianzhi keys load zmk/{code}   (the custodians' ceremony; docs/keys.md)").format(code=code),
        _("qianzhi bank test {code} --certificate FILE   (the bank's, if it uses TLS)").format(code=code),
        f"qianzhi bank enable {code}",
        "qianzhi firewall apply",
        load,
    ):
        say(f"  {step}")


@bank.command("disable")
@click.argument("code", type=BANK_CODE)
@SETTINGS
def disable_command(code: str, config: Path) -> None:
    """Keep a bank out from the next reload on: its links end, its address is refused."""
    _set_enabled(config, code, enabled=False)


@bank.command("enable")
@click.argument("code", type=BANK_CODE)
@SETTINGS
def enable_command(code: str, config: Path) -> None:
    """Let a bank in again from the next reload on; refused where its key is missing."""
    _set_enabled(config, code, enabled=True)


def _set_enabled(config: Path, code: str, *, enabled: bool) -> None:
    settings = load_settings(config)
    entry = entry_of(settings, code)
    word = _("enabled") if enabled else _("disabled")
    if entry.enabled == enabled:
        say(_("bank {code} is {word} already: nothing was changed").format(code=code, word=word))
        return
    if enabled:
        _need_key(settings, entry)
    act = "bank enable" if enabled else "bank disable"
    with recorded(settings, act, subject_of(act, code)):
        text = config.read_text(encoding="utf-8")
        replace_settings(config, with_enabled(text, code, enabled=enabled))
    say(
        _("bank {code} is {word} in {config}; next: qianzhi reload, then qianzhi firewall apply").format(
            code=code, word=word, config=config
        )
    )


def _need_key(settings: Settings, entry: Bank) -> None:
    """Raise ClickException unless the bank's master key is loaded: without it the machine would not start."""
    key_provider = KeyProvider(settings.keystore)
    try:
        key_provider.check_value(entry)
    except FepError as error:
        raise click.ClickException(
            _("{error}; first: qianzhi keys load zmk/{code}").format(error=spoken(error), code=entry.code)
        ) from error
    finally:
        key_provider.close()


@bank.command("test")
@click.argument("code", type=BANK_CODE)
@click.option("--from", "address", help="an address that it comes from  [default: the first of its networks]")
@click.option(
    "--certificate", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="the bank's, in PEM"
)
@SETTINGS
@JSON
def test_command(
    code: str, address: str | None, certificate: Path | None, config: Path, as_json: bool
) -> None:
    """Say, step by step, whether a bank could connect now; exit code 1 if it could not."""
    settings = load_settings(config)
    probe = BankProbe(entry_of(settings, code), _address(address), certificate)
    machine = Machine(config, datetime.now(UTC).astimezone())
    findings = tuple(could_connect(machine, settings, probe))
    show(findings, lambda: shown(findings), as_json=as_json)
    if any(finding.verdict is Verdict.BAD for finding in findings):
        raise click.ClickException(_("bank {code} could not connect now").format(code=code))


def _address(text: str | None) -> IPv4Address | IPv6Address | None:
    try:
        return None if text is None else ip_address(text)
    except ValueError as error:
        raise click.BadParameter(_("is no IP address"), param_hint="--from") from error
