"""The command `qianzhi journal verify`: prove the hash chains of the front book's journal. Reads and prints.

What a chain proves, ledger.book.journal says.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from gettext import gettext as _
from pathlib import Path

import click

from console.options import SETTINGS
from console.output import JSON, show
from fep.settings.config import load_settings
from ledger.book.journal import ProvedChain, prove, retired_until
from ledger.book.store import Store
from qianzhi_errors.sentence import Sentence


@click.group()
def journal() -> None:
    """The journal."""


@journal.command("verify")
@SETTINGS
@JSON
def verify_command(config: Path, as_json: bool) -> None:
    """Prove the journal's hash chains; exit code 1 and every broken link if one does not hold."""
    store = Store(load_settings(config).node.database, lock=False)
    try:
        with store.reading(snapshot=True) as connection:
            retired_date, _entries = retired_until(connection)
            chains = tuple(prove(connection))
    finally:
        store.close()
    show(chains, lambda: _lines(retired_date, chains), as_json=as_json)
    broken = sum(len(chain.broken) for chain in chains)
    if broken:
        raise click.ClickException(
            _("{broken} broken links: keep the files as they are and find out who wrote to them").format(
                broken=broken
            )
        )


def _lines(retired_date: str, chains: Sequence[ProvedChain]) -> Iterator[str]:
    for chain in chains:
        for link in chain.broken:
            yield Sentence(
                "chain {chain}, entry {position}: {reason}",
                chain=link.chain,
                position=link.position,
                reason=link.reason,
            )
        since = (
            _(", proved from entry {proved_from} on").format(proved_from=chain.proved_from)
            if retired_date
            else ""
        )
        yield _("chain {chain}: {entries} entries{since}").format(
            chain=chain.chain, entries=chain.entries, since=since
        )
    if retired_date:
        yield _(
            "the business days up to {retired_date} are retired: their entries are the office's to prove"
        ).format(retired_date=retired_date)
    if not any(chain.broken for chain in chains):
        yield _("every link holds")
