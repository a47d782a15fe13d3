"""Options that several of the commands take, so that each is named and explained once, and dates checked."""

from __future__ import annotations

from pathlib import Path

import click

from ledger.day import is_date

SETTINGS = click.option(
    "--config",
    "config",
    type=click.Path(path_type=Path),
    default=Path("var/qianzhi.toml"),
    show_default=True,
    help="the settings file",
)
"""Where the front-end machine's settings are."""


class BusinessDate(click.ParamType):
    """A date of the calendar, YYYYMMDD; a wrong one is not repeated, since it may be anything."""

    name = "YYYYMMDD"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The date, checked."""
        if value != "" and not is_date(value):  # the empty one is a default, and means all
            self.fail("is no date, written YYYYMMDD", param, ctx)
        return str(value)


DATE = BusinessDate()
