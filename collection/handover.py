"""Hands what collection wants to the customers' queue of notices and to the tasks for staff.

Two databases, so what was handed over before is known by its name and left out; a run that was killed is
given again. Works on the customers' database, in the caller's transaction; of collection's it reads nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from sqlalchemy import Connection

from collection.reminders import DUNNING, RECEIPT, Chore, Ends, Reminder, Wanted
from customers.book import Book
from customers.errors import NoticeRefused
from customers.notices.queue import NoticeWanted, dedupes, queue
from customers.notices.tasks import TaskWanted, end_by, listing, open_task, was_opened
from customers.notices.templates import Templates
from customers.rules.notice_states import ENDS, Event
from customers.rules.person import Role

Payers = Mapping[str, str]
"""Who pays each policy, by the person's meaningless name; one that nobody is known to pay is not in it."""


class Handed(NamedTuple):
    """How many notices are new, how many of them are of receipts, how many tasks were opened and ended, and
    each notice that was refused, with its reason.
    """

    new: int
    receipts: int
    opened: int
    ended: int
    refused: tuple[str, ...]


NOTHING: Final = Handed(0, 0, 0, 0, ())


def fresh(connection: Connection, wanted: Wanted) -> Wanted:
    """What is wanted and was not handed over before."""
    known = dedupes(connection, DUNNING) | dedupes(connection, RECEIPT)
    return Wanted(
        tuple(row for row in wanted.notices if row.dedupe not in known),
        tuple(row for row in wanted.chores if not was_opened(connection, _task(row, {}))),
    )


def payers_of(book: Book, wanted: Wanted) -> Payers:
    """Who pays the policies of what is wanted: a policy's payer, else its holder."""
    found = dict[str, str]()
    for policy in {row.policy for row in wanted.notices} | {row.policy for row in wanted.chores}:
        if person := book.person_of(policy, Role.PAYER) or book.person_of(policy):
            found[policy] = person
    return found


def of_payers(new: Wanted, payers: Payers) -> Wanted:
    """What is wanted for policies that somebody is known to pay."""
    return Wanted(
        tuple(row for row in new.notices if row.policy in payers),
        tuple(row for row in new.chores if row.policy in payers),
    )


def untold(connection: Connection, receipts: Iterable[Reminder]) -> int:
    """How many of the receipts' notices were never queued."""
    return len({row.dedupe for row in receipts} - dedupes(connection, RECEIPT))


def hand_over(
    connection: Connection, templates: Templates, new: Wanted, payers: Payers, ends: Ends, at: int
) -> Handed:
    """Queue the notices, open the tasks, and end those whose policy was paid or has a mandate; all of them
    for policies that are in `payers`.
    """
    queued, refused = list[Reminder](), list[str]()
    for row in new.notices:
        try:
            if queue(connection, templates, _notice(row, payers), at).is_new:
                queued.append(row)
        except NoticeRefused as error:  # one that has no fitting text holds up no other
            refused.append(f"{row.about} {row.policy}: {error}")
    receipts = sum(row.dedupe.startswith(RECEIPT) for row in queued)
    opened = _open(connection, [_task(row, payers) for row in new.chores], at)
    return Handed(len(queued), receipts, opened, _end(connection, ends, at), tuple(refused))


def _open(connection: Connection, wanted: list[TaskWanted], at: int) -> int:
    """Open tasks, and return how many; where one of the kind is open for the policy, it stands for both."""
    for task in wanted:
        open_task(connection, task, at)
    return sum(was_opened(connection, task) for task in wanted)


def _end(connection: Connection, ends: Ends, at: int) -> int:
    ended = 0
    for event, policies in ((Event.PAID, ends.paid), (Event.MANDATE, ends.mandated)):
        waiting = {task.policy for task in listing(connection) if task.kind in ENDS[event]}
        for policy in sorted(waiting & policies):
            ended += len(end_by(connection, event, policy, "", at))
    return ended


def _notice(row: Reminder, payers: Payers) -> NoticeWanted:
    person = payers[row.policy]
    return NoticeWanted(person, row.policy, row.template, "zh", row.about, row.dedupe, 0, row.values)


def _task(row: Chore, payers: Payers) -> TaskWanted:
    return TaskWanted(row.kind, row.policy, payers.get(row.policy, ""), row.due_on, row.note)
