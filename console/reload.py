"""The command `qianzhi reload`: have the serving machine read its settings again."""

from __future__ import annotations

from gettext import gettext as _
from pathlib import Path

import click

from console.options import SETTINGS
from console.say import say
from fep.operator.control_client import ask
from fep.settings.config import load_settings


@click.command("reload")
@SETTINGS
def reload_command(config: Path) -> None:
    """Have the machine read its settings again: banks, keys, certificates, allowlist. Good links stay."""
    reloaded = ask(Path(load_settings(config).node.control), "reload")
    say(_("reloaded: {banks} banks").format(banks=reloaded["banks"]))
    for line in reloaded["changed"]:
        say(f"  {line}")
    for warning in reloaded["warnings"]:
        click.echo(f"warning: {warning}", err=True)
