"""The front's audit log: which may be asked for, in which words, and how one is written into the book.

A fixed table. What a command asks to have written down is a name of the table, with particulars that each
have a form of their own: no text of anybody's choice, and nothing as long as a key, gets into the audit log.
Who acted is not among them; that the caller has from the kernel.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from fep.errors import FepError
from ledger.book.audit_log import Stage, newest_of, record
from ledger.book.journal import last_stamp
from ledger.book.schema import FRONT, audit_log, make_missing
from ledger.book.store import Store
from ledger.errors import Conflict, Unavailable

CUTOVER: Final = "cutover"
LOAD: Final = "load"
RELOAD: Final = "reload"
CLOCK_JUMP: Final = "clock jump"
CLOCK_ACCEPT: Final = "clock accept"
"""Of the node that the act is about, the wall clock jumped, by the machine's word; it is right, by a
person's."""
DONE_BEFORE: Final = "done before: nothing changed"
SIGNAL: Final = "signal"
"""Who sent SIGHUP: the kernel does not tell. Only root and the machine's own user can."""
NAME: Final = r"[^\W\d_](?:[^\W\d_]|[ .·'-]){0,39}"
"""A custodian's name: letters of any script. No digit, so that no component can be typed in its place."""
_CHECK_VALUE: Final = "[0-9A-Fa-f]{6,10}"
_BANK: Final = "[0-9]{1,11}"
_ZMK: Final = f"zmk/{_BANK}"
_KEY: Final = f"front|seal|{_ZMK}"
_DIGEST: Final = "[0-9a-f]{64}"
_ATTEMPTS: Final = 8
"""Nodes that write at the same moment take turns; one that loses this often says so."""


SUBJECTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "keys create": "",
        "keys load": _ZMK,
        "keys generate": _KEY,
        "keys remove": _KEY,
        "keys rewrap": "",
        "bank add": _BANK,
        "bank disable": _BANK,
        "bank enable": _BANK,
        "firewall apply": _DIGEST,
        "firewall confirm": _DIGEST,
        "firewall rollback": _DIGEST,
    }
)
"""Each act that a command may have written down -> the form of what it is about. May be empty as well: what
was asked for under another name is not repeated."""
DETAILS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "kind": "aes|tdes|blake2b|ed25519",
        "check value": _CHECK_VALUE,
        "master key": _CHECK_VALUE,
        "custodians": f"{NAME} {_CHECK_VALUE}(?:, {NAME} {_CHECK_VALUE}){{0,8}}",
        "error": "[A-Za-z]{1,60}",
    }
)
"""Each particular -> its form."""


class AuditEntryRefused(FepError):
    """This is not among what may be written down; nothing was."""


class AuditEntry(NamedTuple):
    """An act to be written down: what, about what, how far it has come, and the particulars."""

    act: str
    subject: str
    stage: Stage
    details: Mapping[str, str]

    @property
    def note(self) -> str:
        """The stage and the particulars in one line."""
        particulars = "; ".join(f"{name} {value}" for name, value in self.details.items())
        return f"{self.stage.value}: {particulars}" if particulars else self.stage.value


def audit_entry(asked: Mapping[str, Any]) -> AuditEntry:
    """What a command asks to have written down. Raises AuditEntryRefused; its text repeats nothing."""
    act, subject, details = asked.get("act"), asked.get("subject", ""), asked.get("details", {})
    if not isinstance(act, str) or act not in SUBJECTS:
        raise AuditEntryRefused(f"no such act; there are {', '.join(SUBJECTS)}")
    if asked.get("stage") not in list(Stage):
        raise AuditEntryRefused(f"{act}: no such stage; there are {', '.join(Stage)}")
    if subject != "" and not _has_form(SUBJECTS[act], subject):
        raise AuditEntryRefused(f"{act}: the subject has not the form that it must have")
    if not isinstance(details, Mapping):
        raise AuditEntryRefused(f"{act}: the particulars are no table")
    for name, value in details.items():
        if name not in DETAILS:
            raise AuditEntryRefused(f"{act}: no such particular; there are {', '.join(DETAILS)}")
        if not _has_form(DETAILS[name], value):
            raise AuditEntryRefused(f"{act}: {name} has not the form that it must have")
    return AuditEntry(act, subject, Stage(asked["stage"]), dict(details))


def subject_of(act: str, typed: str) -> str:
    """What was typed, if an act can be about it; else nothing."""
    return typed if _has_form(SUBJECTS[act], typed) else ""


def begin(store: Store) -> None:
    """Make the book's tables where they are missing: the audit log begins before the first key is made."""
    with store.transaction() as connection:
        make_missing(connection, FRONT)


def write(store: Store, at: int, by: str, act: str, subject: str, note: str) -> int:
    """Write one act down for good, stamped no earlier than what stands in the book; its number. Blocks.
    Raises what Store.transaction does.
    """
    lost = 0
    while True:
        try:
            with store.transaction() as connection:
                return record(connection, audit_log, max(at, last_stamp(connection)), by, act, subject, note)
        except Conflict:
            lost += 1
            if lost == _ATTEMPTS:
                raise
        except Unavailable:  # once: after a restart of the database the first try meets a dead connection
            if lost:
                raise
            lost = _ATTEMPTS - 1


class ClockWord(NamedTuple):
    """The last word on a node's wall clock: why it is not trusted, or empty; and when a person accepted it,
    in microseconds since 1970-01-01 UTC, 0 where that is not the last word. What stood in the book by then,
    the person accepted with it.
    """

    fault: str
    accepted_at: int


def clock_word(store: Store, node: str) -> ClockWord:
    """The last word in the audit log on a node's wall clock. Raises what Store.reading does."""
    with store.reading() as connection:
        last = newest_of(connection, audit_log, (CLOCK_JUMP, CLOCK_ACCEPT), node)
    if last is None:
        return ClockWord("", 0)
    return ClockWord("", last.at) if last.act == CLOCK_ACCEPT else ClockWord(last.note, 0)


def _has_form(form: str, value: object) -> bool:
    return isinstance(value, str) and re.fullmatch(form, value) is not None
