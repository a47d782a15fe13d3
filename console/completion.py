"""The command `qianzhi completion`: the script with which a shell completes commands, options, banks' codes.

Click makes the script; here it is only printed, with how to install it.
"""

from __future__ import annotations

from gettext import gettext as _

import click
from click.shell_completion import get_completion_class

PROGRAM = "qianzhi"
VARIABLE = "_QIANZHI_COMPLETE"
INSTALL = {
    "bash": "qianzhi completion bash > ~/.local/share/bash-completion/completions/qianzhi",
    "zsh": "qianzhi completion zsh > ~/.zfunc/_qianzhi, with ~/.zfunc in fpath before compinit",
    "fish": "qianzhi completion fish > ~/.config/fish/completions/qianzhi.fish",
}
"""Shell -> where its script goes."""


@click.command("completion")
@click.argument("shell", type=click.Choice(list(INSTALL)))
@click.pass_context
def completion_command(ctx: click.Context, shell: str) -> None:
    """Print the script that has SHELL complete commands, options, and the banks' codes of the settings."""
    kind = get_completion_class(shell)
    if kind is None:
        raise click.ClickException(_("no completion for {name}").format(name=shell))
    root = ctx.find_root().command
    click.echo(f"# To install: {INSTALL[shell]}; then open a new shell.")
    click.echo("# The settings are those of --config, if it stands before what is completed.")
    click.echo(kind(root, {}, PROGRAM, VARIABLE).source())
