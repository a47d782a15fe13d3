"""Options that several of the commands take, so that each is named and explained once, and dates checked."""

from __future__ import annotations

from gettext import gettext as _
from pathlib import Path

import click
from click.shell_completion import CompletionItem

from console import settings_place
from console.language import spoken
from fep.settings.config import Bank, Settings, load_settings
from ledger.errors import LedgerError
from ledger.files.near_name import near_name
from ledger.rules.day import is_date
from protocol.errors import FramingError
from protocol.framing import SHIPPED, Framing
from protocol.framing_table import framing_of
from protocol.mac import SHIPPED_MACS, MacMethod, MacMethodError
from protocol.mac_table import mac_of

SETTINGS = settings_place.option("config", settings_place.FRONT, "the settings file")
"""The option of a command that works on the front-end machine."""

OFFICE_SETTINGS = settings_place.option("config", settings_place.OFFICE, "the office's settings file")
"""The option of a command that works on the back office."""

CUSTOMERS_SETTINGS = settings_place.option("config", settings_place.CUSTOMERS, "the customers' settings file")
"""The option of a command that works on the customers' database."""


class BusinessDate(click.ParamType[str]):
    """A date of the calendar, YYYYMMDD. An error does not repeat a wrong value: it may be a card number."""

    name = "YYYYMMDD"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the date. Fails with a usage error where the value is no date."""
        if value != "" and not is_date(value):  # the empty one is a default, and means all
            self.fail(_("is no date, written YYYYMMDD"), param, ctx)
        return str(value)


DATE = BusinessDate()


class BankCode(click.ParamType[str]):
    """A bank's code as the settings have it; the settings themselves are read by the command."""

    name = "CODE"

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """The codes of the settings that the command line names, or of the usual ones."""
        del param
        config = ctx.params.get("config") or settings_place.FRONT.find()
        try:
            banks = load_settings(Path(config)).bank
        except LedgerError:  # a shell asks at each key: nobody reads an error there
            return []
        return [
            CompletionItem(bank.code, help=bank.name) for bank in banks if bank.code.startswith(incomplete)
        ]


BANK_CODE = BankCode()


class FramingType(click.ParamType[Framing]):
    """The name of a shipped framing, or a table of its parts in TOML."""

    name = "NAME|{PARTS}"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Framing:
        """Return the framing. Fails with a usage error that says why it is none."""
        try:
            return framing_of(value)
        except FramingError as error:
            self.fail(spoken(error), param, ctx)

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """The names of the shipped ones."""
        del ctx, param
        return [CompletionItem(name) for name in SHIPPED if name.startswith(incomplete)]


FRAMING = FramingType()


class MacType(click.ParamType[MacMethod]):
    """The name of an algorithm for MACs, or a table of a method's parts in TOML."""

    name = "NAME|{PARTS}"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> MacMethod:
        """Return the method. Fails with a usage error that says why it is none."""
        try:
            return mac_of(value)
        except MacMethodError as error:
            self.fail(spoken(error), param, ctx)

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """The names of the algorithms."""
        del ctx, param
        return [CompletionItem(str(name)) for name in SHIPPED_MACS if name.startswith(incomplete)]


MAC = MacType()


def entry_of(settings: Settings, code: str) -> Bank:
    """Return the entry of a bank. Raises BadParameter, with the most similar code of the settings."""
    for bank in settings.bank:
        if bank.code == code:
            return bank
    codes = [bank.code for bank in settings.bank]
    hint = near_name(code, codes) or _("; there are {codes}").format(codes=", ".join(codes))
    text = _("the settings have no bank of this code{hint}").format(hint=hint)
    raise click.BadParameter(text, param_hint="CODE")
