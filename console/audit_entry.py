"""Writes down what a command does by itself: before it does it, and how it ended.

Through the process that serves, if one does, which sees for itself who asks; into the book where none does.
What may be written down, fep.operator.audit_trail says. No command goes on whose act cannot be written down
first.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import click

from console.wall_clock import now_us
from fep.errors import FepError
from fep.operator import audit_trail
from fep.operator.audit_trail import AuditEntry
from fep.operator.control import NotServing, ask
from fep.operator.identity import at_keyboard
from fep.settings.config import Settings
from ledger.book.audit_log import Stage, failed
from ledger.book.store import Store
from ledger.errors import LedgerError

_UNTOLD = "qianzhi: that this failed could not be written down"


class NotRecorded(FepError):
    """What was asked for could not be written down."""


@contextmanager
def recorded(settings: Settings, act: str, subject: str = "") -> Iterator[dict[str, str]]:
    """Have the block's work written down before it begins, and its end after; yields the particulars, to be
    filled in by it. Raises NotRecorded before anything was done, or after it is done, and says which.
    """
    details: dict[str, str] = {}
    try:
        write_down(settings, act, subject, Stage.ASKED, {})
    except (FepError, LedgerError, OSError) as error:
        raise NotRecorded(f"nothing was done, since it cannot be written down: {error}") from error
    try:
        yield details
    except BaseException as ended:
        try:
            write_down(settings, act, subject, Stage.FAILED, {"error": type(ended).__name__, **details})
        except (FepError, LedgerError, OSError) as error:
            click.echo(f"{_UNTOLD}: {error}", err=True)
        raise
    try:
        write_down(settings, act, subject, Stage.DONE, details)
    except (FepError, LedgerError, OSError) as error:
        raise NotRecorded(f"{act} is done, but that it is could not be written down: {error}") from error


def write_down(settings: Settings, act: str, subject: str, stage: Stage, details: Mapping[str, str]) -> None:
    """Write down one act. Raises FepError, LedgerError or OSError."""
    one = {"act": act, "subject": subject, "stage": stage.value, "details": dict(details)}
    audit_entry = audit_trail.audit_entry(one)
    try:
        ask(Path(settings.node.control), "record", **one)
    except NotServing:
        _write_here(settings, audit_entry)


@contextmanager
def refusals(store: Store, act: str, subject: str = "") -> Iterator[str]:
    """Have it written down, in a book that nobody serves, if the block comes to nothing; yields who acts.
    What it does otherwise, its own transaction writes down.
    """
    by = at_keyboard()
    try:
        yield by
    except Exception as error:
        try:
            audit_trail.write(store, now_us(), by, act, subject, failed(error))
        except LedgerError as also:
            click.echo(f"{_UNTOLD}: {also}", err=True)
        raise


def _write_here(settings: Settings, audit_entry: AuditEntry) -> None:
    """Into a book that nobody serves. It is made, if need be: the first key's making stands in it."""
    _check_owner(settings.node.database)
    store = Store(settings.node.database)
    try:
        audit_trail.begin(store)
        audit_trail.write(
            store, now_us(), at_keyboard(), audit_entry.act, audit_entry.subject, audit_entry.note
        )
    finally:
        store.close()


def _check_owner(url: str) -> None:
    """Root must not leave files beside an embedded book that the machine's own user cannot open."""
    if not url.startswith("sqlite:///"):
        return
    book = Path(url.removeprefix("sqlite:///"))
    for path in (book, book.with_name(f"{book.name}.lock")):
        if not path.exists() and path.parent.exists() and path.parent.stat().st_uid != os.geteuid():
            raise NotRecorded(
                f"{path} is not there yet: as its folder's owner, make the keys or load the dues"
            )
