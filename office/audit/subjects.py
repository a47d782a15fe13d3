"""What a finding of the audit is about: a row, a day or a sum, named in words that can be translated.

A function for each kind of subject that several checks have; a subject of one check stands there. What is
wrong with it does not belong here.
"""

from __future__ import annotations

from typing import Final

from qianzhi_errors.sentence import Sentence

OFFICE_SIDE: Final = Sentence("office")
FRONT_SIDE: Final = Sentence("front")


def entry_at(side: str, chain: int, position: int) -> Sentence:
    """An entry of a side's copy of the journal."""
    return Sentence("{side}, entry {chain}/{position}", side=side, chain=chain, position=position)


def chain_at(side: str, chain: int) -> Sentence:
    """A chain of a side's copy of the journal."""
    return Sentence("{side}, chain {chain}", side=side, chain=chain)


def day_at(side: str, date: str) -> Sentence:
    """A business day of a side."""
    return Sentence("{side}, day {date}", side=side, date=date)


def act_at(side: str, number: int) -> Sentence:
    """A record of a side's audit log."""
    return Sentence("{side}, act {number}", side=side, number=number)


def bank_on(bank: str, date: str) -> Sentence:
    """A bank's part of a business date."""
    return Sentence("{bank} on {date}", bank=bank, date=date)


def bank_date(name: str) -> Sentence:
    """A bank's date by its name, `D<date>-<bank>`."""
    return Sentence("date {name}", name=name)


def break_named(name: str) -> Sentence:
    """A break."""
    return Sentence("break {name}", name=name)


def posting_named(posting: str) -> Sentence:
    """A posting of the ledger."""
    return Sentence("posting {posting}", posting=posting)


def due_named(due: str) -> Sentence:
    """A due of the front book."""
    return Sentence("due {due}", due=due)


def policy_named(policy: str) -> Sentence:
    """A policy of the front book."""
    return Sentence("policy {policy}", policy=policy)


def batch_named(batch: str) -> Sentence:
    """A batch of collection, at the front."""
    return Sentence("batch {batch}", batch=batch)


def load_of(date: str) -> Sentence:
    """The load of a business day's dues."""
    return Sentence("load of {date}", date=date)


def file_named(name: str) -> Sentence:
    """A file of dues."""
    return Sentence("file {name}", name=name)


def export_of(date: str) -> Sentence:
    """The export of a business date."""
    return Sentence("export of {date}", date=date)


def key_named(key: str) -> Sentence:
    """A key that signs receipts."""
    return Sentence("key {key} of receipts", key=key)


def statement_of(bank: str, number: int) -> Sentence:
    """A bank's statement of account."""
    return Sentence("statement {number} of {bank}", number=number, bank=bank)
