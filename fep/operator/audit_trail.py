"""The front's audit log: which acts a command may have recorded, in which form, and how a record is
written.

A fixed table. An act is a name of the table, and each particular has a form of its own: no free text, and
nothing as long as a key, gets into the audit log. Who acted is not part of a request; the caller has it
from the kernel (`fep.operator.identity`). Where the records lie and how they are chained,
`ledger.book.audit_log` says.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from fep.day.clock import fault_of
from fep.errors import FepError
from ledger.book.audit_log import Stage, newest_of, record
from ledger.book.journal import last_stamp
from ledger.book.schema import FRONT, audit_log, make_missing
from ledger.book.store import Store
from ledger.errors import Conflict, Unavailable
from qianzhi_errors.sentence import Sentence, listed

CUTOVER: Final = "cutover"
LOAD: Final = "load"
RELOAD: Final = "reload"
CLOCK_JUMP: Final = "clock jump"
CLOCK_ACCEPT: Final = "clock accept"
"""Two acts on a node's wall clock: the machine says that it jumped, a person says that it is right."""
DONE_BEFORE: Final = "done before: nothing changed"
SIGNAL: Final = "signal"
"""The operator's name for a SIGHUP: the kernel does not tell who sent it. Only root and the machine's own
user can.
"""
NAME: Final = r"[^\W\d_](?:[^\W\d_]|[ .·'-]){0,39}"
"""The form of a custodian's name: letters of any script. No digit, so that no key component fits in its
place.
"""
_CHECK_VALUE: Final = "[0-9A-Fa-f]{6,10}"
_BANK: Final = "[0-9]{1,11}"
_ZMK: Final = f"zmk/{_BANK}"
_KEY: Final = f"front|seal|{_ZMK}"
_DIGEST: Final = "[0-9a-f]{64}"
_ATTEMPTS: Final = 8
"""Transactions that are tried where another node writes at the same moment; then the Conflict is raised."""


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
"""Each act that a command may have recorded -> the form of its subject. A subject may always be empty: a
name that was typed and has another form is not repeated.
"""
DETAILS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "kind": "aes|tdes|blake2b|ed25519",
        "check value": _CHECK_VALUE,
        "master key": _CHECK_VALUE,
        "custodians": f"{NAME} {_CHECK_VALUE}(?:, {NAME} {_CHECK_VALUE}){{0,8}}",
        "error": "[A-Za-z]{1,60}",
    }
)
"""Each particular of an act -> its form."""


class AuditEntryRefused(FepError):
    """The request is not one that may be recorded; nothing was."""


class AuditEntry(NamedTuple):
    """An act to be recorded: its name, its subject, how far it has come, and the particulars."""

    act: str
    subject: str
    stage: Stage
    details: Mapping[str, str]

    @property
    def note(self) -> str:
        """Return the stage and the particulars in one line."""
        particulars = "; ".join(f"{name} {value}" for name, value in self.details.items())
        return f"{self.stage.value}: {particulars}" if particulars else self.stage.value


def audit_entry(asked: Mapping[str, Any]) -> AuditEntry:
    """Return the act that a command asks to have recorded. Raises AuditEntryRefused, whose text repeats
    nothing of the request.
    """
    act, subject, details = asked.get("act"), asked.get("subject", ""), asked.get("details", {})
    if not isinstance(act, str) or act not in SUBJECTS:
        raise AuditEntryRefused(
            Sentence("no such act; there are {subjects}", subjects=listed(tuple(SUBJECTS)))
        )
    if asked.get("stage") not in list(Stage):
        raise AuditEntryRefused(
            Sentence("{act}: no such stage; there are {stage}", act=act, stage=listed(tuple(Stage)))
        )
    if subject != "" and not _has_form(SUBJECTS[act], subject):
        raise AuditEntryRefused(Sentence("{act}: the subject has not the form that it must have", act=act))
    if not isinstance(details, Mapping):
        raise AuditEntryRefused(Sentence("{act}: the particulars are no table", act=act))
    for name, value in details.items():
        if name not in DETAILS:
            raise AuditEntryRefused(
                Sentence(
                    "{act}: no such particular; there are {details}", act=act, details=listed(tuple(DETAILS))
                )
            )
        if not _has_form(DETAILS[name], value):
            raise AuditEntryRefused(
                Sentence("{act}: {name} has not the form that it must have", act=act, name=name)
            )
    return AuditEntry(act, subject, Stage(asked["stage"]), dict(details))


def subject_of(act: str, typed: str) -> str:
    """Return `typed` if it has the form of the act's subject, else an empty text."""
    return typed if _has_form(SUBJECTS[act], typed) else ""


def begin(store: Store) -> None:
    """Create the book's tables where they are missing: the audit log must exist before the first key is
    made.
    """
    with store.transaction() as connection:
        make_missing(connection, FRONT)


def write(store: Store, at: int, by: str, act: str, subject: str, note: str) -> int:
    """Record one act durably, and return its number. `at` is in microseconds since 1970-01-01 UTC; the
    record is stamped no earlier than the last one in the book. Blocks. Raises what Store.transaction
    raises.
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
    """The last word in the audit log on a node's wall clock. `fault` is why it is not trusted, or empty;
    `accepted_at` is when a person accepted it, in microseconds since 1970-01-01 UTC, 0 where the last word
    is a fault or there is none. Whatever stood in the book by then was accepted too.
    """

    fault: str
    accepted_at: int


def clock_word(store: Store, node: str) -> ClockWord:
    """Return the last word on a node's wall clock. Raises what Store.reading raises."""
    with store.reading() as connection:
        last = newest_of(connection, audit_log, (CLOCK_JUMP, CLOCK_ACCEPT), node)
    if last is None:
        return ClockWord("", 0)
    return ClockWord("", last.at) if last.act == CLOCK_ACCEPT else ClockWord(fault_of(last.note), 0)


def _has_form(form: str, value: object) -> bool:
    return isinstance(value, str) and re.fullmatch(form, value) is not None
