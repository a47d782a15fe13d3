"""The commands `qianzhi customers` about how customers are reached and served: policies that nobody serves.

Parses arguments, opens the database and the keys, calls, prints; joined to the others in console.customers.
What is done, `customers` says.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

from console.customers_opened import opened
from console.options import CUSTOMERS_SETTINGS
from console.output import JSON, show
from customers.serving import orphans


@click.command("orphans")
@CUSTOMERS_SETTINGS
@JSON
def orphans_command(config: Path, as_json: bool) -> None:
    """List the policies that no agent serves, with who served them last and until when."""
    with opened(config, write=False) as office, office.store.reading() as connection:
        rows = tuple(orphans(connection))

    def lines() -> Iterator[str]:
        for row in rows:
            yield " ".join(filter(None, row))

    show([row._asdict() for row in rows], lines, as_json=as_json)
