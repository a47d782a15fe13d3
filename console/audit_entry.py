"""The audit records of what a command does by itself: one before it begins, and one of how it ended.

If a process serves, it writes the record, and learns from the kernel which person asks; otherwise the record
goes into the book from here. A command whose first record cannot be written does nothing. What a record may
hold, fep.operator.audit_trail says.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from console.say import say
from console.wall_clock import now_us
from fep.errors import FepError
from fep.operator import audit_trail
from fep.operator.audit_trail import AuditEntry
from fep.operator.control_client import NotServing, ask
from fep.operator.identity import at_keyboard
from fep.settings.config import Settings
from ledger.book.audit_log import Stage, failed
from ledger.book.store import Store
from ledger.errors import LedgerError
from ledger.files.settings import embedded_file
from qianzhi_errors import QianzhiError
from qianzhi_errors.sentence import Sentence, phrase

_UNTOLD = phrase("qianzhi: that this failed could not be written down: {reason}")


class NotRecorded(FepError):
    """The audit record of a command could not be written."""


@contextmanager
def recorded(settings: Settings, act: str, subject: str = "") -> Iterator[dict[str, str]]:
    """Context manager: write an audit record before the block, and another of how it ended.

    Yields the details of the second record, for the block to fill in. Raises NotRecorded where a record
    cannot be written; its text says whether the block's work is done.
    """
    details: dict[str, str] = {}
    try:
        write_down(settings, act, subject, Stage.ASKED, {})
    except (QianzhiError, OSError) as error:
        raise NotRecorded(
            Sentence("nothing was done, since it cannot be written down: {reason}", reason=error)
        ) from error
    try:
        yield details
    except BaseException as ended:
        try:
            write_down(settings, act, subject, Stage.FAILED, {"error": type(ended).__name__, **details})
        except (QianzhiError, OSError) as error:
            say(Sentence(_UNTOLD, reason=error), err=True)
        raise
    try:
        write_down(settings, act, subject, Stage.DONE, details)
    except (QianzhiError, OSError) as error:
        raise NotRecorded(
            Sentence(
                "{act} is done, but that it is could not be written down: {reason}", act=act, reason=error
            )
        ) from error


def write_down(settings: Settings, act: str, subject: str, stage: Stage, details: Mapping[str, str]) -> None:
    """Write one audit record. Raises QianzhiError or OSError."""
    record = {"act": act, "subject": subject, "stage": stage.value, "details": dict(details)}
    audit_entry = audit_trail.audit_entry(record)
    try:
        ask(Path(settings.node.control), "record", **record)
    except NotServing:
        _write_here(settings, audit_entry)


@contextmanager
def refusals(store: Store, act: str, subject: str = "") -> Iterator[str]:
    """Context manager: write an audit record if the block raises, into a book that no process serves.

    Yields the name of the person at the keyboard. If the block succeeds, its own transaction has written the
    record.
    """
    by = at_keyboard()
    try:
        yield by
    except Exception as error:
        try:
            audit_trail.write(store, now_us(), by, act, subject, failed(error))
        except LedgerError as also:
            say(Sentence(_UNTOLD, reason=also), err=True)
        raise


def _write_here(settings: Settings, audit_entry: AuditEntry) -> None:
    """Write into a book that no process serves; create it if need be, since the first key comes before it."""
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
    """Raise NotRecorded where root would create an embedded book that the machine's user cannot open."""
    book = embedded_file(url)
    if book is None:
        return
    for path in (book, book.with_name(f"{book.name}.lock")):
        if not path.exists() and path.parent.exists() and path.parent.stat().st_uid != os.geteuid():
            raise NotRecorded(
                Sentence(
                    "{path} is not there yet: as its folder's owner, make the keys or load the dues",
                    path=path,
                )
            )
