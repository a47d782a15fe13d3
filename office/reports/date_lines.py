"""The banks' dates that a person is to look at, a sentence each: held, closed without a file, proposed about.

A few SELECTs by `office.accounting`; the sentences go to the commands and metrics. Nothing is decided here.
"""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import Connection

from ledger.rules.masking import masked_numbers
from office.accounting.bank_dates import awaited, date_name, waiting_holds
from office.accounting.date_decisions import last_steps
from qianzhi_errors.sentence import Sentence, listed


class DateLine(NamedTuple):
    """A bank's date that a person is to look at: its name (`D<date>-<bank>`), and why."""

    name: str
    bank: str
    date: str
    text: str


def date_lines(connection: Connection) -> tuple[DateLine, ...]:
    """The banks' dates that are held, that were closed without their file, or about which something is
    proposed; by date and bank.
    """
    words = {(row.bank, row.date): row.text for row in waiting_holds(connection)}
    for row in awaited(connection):
        words[row.bank, row.date] = Sentence(
            "closed without its file by {proposer} and {approver}, still awaited: {reason}",
            proposer=row.proposed_by,
            approver=row.approved_by,
            reason=row.reason,
        )
    for step in last_steps(connection):
        if step.step == "propose":
            place = step.bank, step.date
            proposed = Sentence(
                "{resolution} proposed by {by}: {note}",
                resolution=step.resolution,
                by=step.by,
                note=step.note,
            )
            words[place] = listed([proposed, words[place]], "{first}; {rest}") if place in words else proposed
    places = sorted(words, key=lambda place: place[::-1])
    return tuple(DateLine(date_name(*place), *place, masked_numbers(words[place])) for place in places)
