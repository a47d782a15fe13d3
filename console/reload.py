"""The command `qianzhi reload`: have the serving machine read its settings again."""

from __future__ import annotations

from gettext import gettext as _
from pathlib import Path

import click

from console.language import spoken
from console.options import SETTINGS
from console.say import say
from fep.operator.control_client import ask
from fep.settings.config import load_settings
from qianzhi_errors.sentence import Sentence


@click.command("reload")
@SETTINGS
def reload_command(config: Path) -> None:
    """Have the machine read its settings again: banks, keys, certificates, allowlist. Good links stay."""
    reloaded = ask(Path(load_settings(config).node.control), "reload")
    say(_("reloaded: {banks} banks").format(banks=reloaded["banks"]))
    for line in reloaded["changed"]:
        say(f"  {spoken(line)}")
    for warning in reloaded["warnings"]:
        say(Sentence("warning: {text}", text=warning), err=True)
