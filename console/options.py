"""Options that several of the commands take, so that each is named and explained once."""

from __future__ import annotations

from pathlib import Path

import click

SETTINGS = click.option(
    "--config",
    "config",
    type=click.Path(path_type=Path),
    default=Path("var/qianzhi.toml"),
    show_default=True,
    help="the settings file",
)
"""Where the front-end machine's settings are."""
