"""Brings what a file of the core system says of contacts, agents, who serves whom, and consents into the
database: a part of a load, in its transaction.

A file names all contacts of a person of one kind: another one that is there becomes a replaced one. What a
customer's own change has done on the file's day or later it leaves as it is, and so a consent that was
withdrawn since it was granted: the core system may not have known. A row whose document nobody has is left
out and counted: it may be a shredded person's, of whom the core system does not know. Persons and holdings
are loaded in `customers.load`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple, TypeVar

from sqlalchemy import ColumnElement, Connection, func, insert, select, update

from customers.contacts import (
    Contact,
    NewContact,
    Sealing,
    add,
    contacts_by_person,
    happened_last,
    mark,
    replace,
)
from customers.database.contact_tables import agents, consents, serving
from customers.decisions import Desk
from customers.errors import HoldingsRefused
from customers.keys import AT_ONCE, Keys
from customers.load_file import PROBLEMS_MAX, LoadFile
from customers.load_rows import (
    AgentRow,
    ConsentRow,
    ContactRow,
    LeftRow,
    ServingRow,
    WithdrawnRow,
    counted_as,
)
from customers.rules.contact import ContactKind, Source
from customers.rules.contact_states import AgentState, ContactState, Outcome
from customers.sealing import Entropy
from ledger.errors import Problem
from ledger.rules.beijing import day_of, midnight
from ledger.rules.identity import Document
from qianzhi_errors.sentence import Sentence, listed

_OfPerson = TypeVar("_OfPerson", ContactRow, ConsentRow, WithdrawnRow)
_DAY_US: Final = 86_400_000_000
_NO_AGENT: Final = Sentence("no agent of this name works for the insurer")


class Loader(NamedTuple):
    """What a load needs: the desk, the opened keys, the source of random bytes, and who has it done."""

    desk: Desk
    keys: Keys
    entropy: Entropy
    by: str


class ServiceCounts(NamedTuple):
    """What the file has of each kind, how much of it was new here, and how many rows were left out."""

    contacts: int
    agents: int
    serving: int
    consents: int
    new_contacts: int
    replaced_contacts: int
    new_serving: int
    new_consents: int
    left_out: int


class ServiceRows:
    """What one load brings beside persons and holdings, within its transaction. `people` has the person of
    each document that somebody has.
    """

    def __init__(
        self,
        connection: Connection,
        loader: Loader,
        file: LoadFile,
        number: int,
        people: Mapping[Document, str],
    ) -> None:
        self._connection, self._loader, self._file = connection, loader, file
        self._number, self._people, self._at = number, people, loader.desk.at
        self._left_out = 0

    def carry_out(self) -> ServiceCounts:
        """Do the steps in order, and return their counts. Raises HoldingsRefused."""
        counted = [counted_as(row) for row in self._file.rows]
        in_file = tuple(counted.count(name) for name in ("contacts", "agents", "serving", "consents"))
        fresh, replaced = self._contacts()
        self._agents()
        self._agents_left()
        new = (fresh, replaced, self._serving(), self._consents())
        return ServiceCounts._make((*in_file, *new, self._left_out))

    def _contacts(self) -> tuple[int, int]:
        """Bring contacts up to date; return how many are new, and how many they replace."""
        groups: dict[tuple[str, ContactKind], list[ContactRow]] = {}
        for row, person in self._of_somebody(self._file.of(ContactRow)):
            groups.setdefault((person, row.kind), []).append(row)
        there = contacts_by_person(self._connection, sorted({person for person, _kind in groups}))
        fresh: list[NewContact] = []
        gone: list[Contact] = []
        for (person, kind), rows in groups.items():
            current = [contact for contact in there.get(person, ()) if contact.kind is kind]
            if not any(self._is_later(contact) for contact in current):
                known = {contact.value_digest: contact for contact in current}
                digests = {self._loader.keys.contacts.of(kind, row.value): row for row in rows}
                gone += [contact for digest, contact in known.items() if digest not in digests]
                for digest, row in digests.items():
                    if digest in known:
                        self._confirm(known[digest], row)
                    else:
                        fresh.append(self._new_contact(person, row))
        replace(self._connection, gone, self._at)
        add(self._connection, Sealing(self._loader.keys, self._loader.entropy, self._at), fresh)
        return len(fresh), len(gone)

    def _is_later(self, contact: Contact) -> bool:
        """Whether a contact came by its person's own change, on the file's day or later."""
        return contact.source is not Source.CORE and day_of(contact.added_at) >= self._file.date

    def _new_contact(self, person: str, row: ContactRow) -> NewContact:
        verified_at = midnight(row.verified_on) if row.verified_on else 0
        return NewContact(person, row.kind, row.value, Source.CORE, verified_at, load=self._number)

    def _confirm(self, contact: Contact, row: ContactRow) -> None:
        """Have a contact be good again that was verified after what last happened to it."""
        if (
            row.verified_on
            and contact.state is not ContactState.GOOD
            and (
                contact.state is ContactState.UNVERIFIED
                or row.verified_on > day_of(happened_last(self._connection, contact.number))
            )
        ):
            mark(self._connection, contact.number, Outcome.CONFIRMED, self._at)

    def _agents(self) -> None:
        """Make the agents, or bring them up to date; one who left is back."""
        known = set(self._connection.execute(select(agents.c.agent)).scalars())
        for row in self._file.of(AgentRow):
            said = {"name": row.name, "office": row.office, "phone": row.phone}
            values = {**said, "state": AgentState.ACTIVE.value, "left_on": "", "load": self._number}
            if row.agent in known:
                self._connection.execute(update(agents).where(agents.c.agent == row.agent).values(values))
            else:
                self._connection.execute(insert(agents).values({"agent": row.agent, **values}))

    def _agents_left(self) -> None:
        """Have agents leave: whom they served, nobody serves any more."""
        problems = []
        for row in self._file.of(LeftRow):
            of_agent = serving.c.agent == row.agent
            self._end_serving(of_agent, row.left_on)
            left = update(agents).where(agents.c.agent == row.agent)
            values = {"state": AgentState.LEFT.value, "left_on": row.left_on, "load": self._number}
            if self._connection.execute(left.values(values)).rowcount != 1:
                problems.append(Problem(row.line, "agent", Sentence("there is no agent of this name")))
        refuse(problems)

    def _end_serving(self, which: ColumnElement[bool], last: str) -> None:
        """End the servings that go on with this day, or with their first one if that is later."""
        runs = select(serving).where(which, serving.c.to_date == "")
        for row in self._connection.execute(runs).all():
            same = (serving.c.policy == row.policy) & (serving.c.to_date == "")
            ended = {"to_date": max(last, row.from_date), "ended_load": self._number}
            self._connection.execute(update(serving).where(same).values(ended))

    def _serving(self) -> int:
        """Have policies be served by other agents; return how many. Raises HoldingsRefused."""
        rows = self._file.of(ServingRow)
        active = select(agents.c.agent).where(agents.c.state == AgentState.ACTIVE.value)
        at_work = set(self._connection.execute(active).scalars())
        now, past = self._served([row.policy for row in rows])
        problems, fresh = [], []
        for row in rows:
            if row.agent not in at_work:
                problems.append(Problem(row.line, "agent", _NO_AGENT))
            elif now.get(row.policy) != row.agent:
                if (row.policy, row.agent, row.from_date) in past:
                    reason = Sentence("this serving began on this day, and ended: it begins anew on another")
                    problems.append(Problem(row.line, "from", reason))
                fresh.append(row)
        refuse(problems)
        for row in fresh:
            self._end_serving(serving.c.policy == row.policy, day_of(midnight(row.from_date) - 1))
            values = (row.policy, row.agent, row.from_date, "", self._number, 0)
            self._connection.execute(insert(serving).values(values))
        return len(fresh)

    def _served(self, policies: Sequence[str]) -> tuple[dict[str, str], set[tuple[str, str, str]]]:
        """Who serves these policies now, and the servings of them that ended."""
        now: dict[str, str] = {}
        past: set[tuple[str, str, str]] = set()
        for start in range(0, len(policies), AT_ONCE):
            named = serving.c.policy.in_(policies[start : start + AT_ONCE])
            for row in self._connection.execute(select(serving).where(named)):
                if row.to_date:
                    past.add((row.policy, row.agent, row.from_date))
                else:
                    now[row.policy] = row.agent
        return now, past

    def _consents(self) -> int:
        """Bring consents and end them; return how many are new. Raises HoldingsRefused."""
        fresh, withdrawn = self._file.of(ConsentRow), self._file.of(WithdrawnRow)
        last = int(
            self._connection.execute(select(func.coalesce(func.max(consents.c.number), 0))).scalar_one()
        )
        values: list[Mapping[str, Any]] = []
        for row, person in self._of_somebody(fresh):
            if self._is_fresh(person, row):
                values.append(
                    {
                        "number": last + 1 + len(values),
                        "person": person,
                        "purpose": row.purpose.value,
                        "granted_at": midnight(row.granted_on),
                        "evidence_digest": row.evidence,
                        "withdrawn_at": 0,
                        "withdrawal_digest": "",
                        "load": self._number,
                    }
                )
        if values:
            self._connection.execute(insert(consents), values)
        for gone, person in self._of_somebody(withdrawn):
            runs = (consents.c.person == person) & (consents.c.purpose == gone.purpose.value)
            at = midnight(gone.withdrawn_on)
            runs &= (consents.c.withdrawn_at == 0) & (consents.c.granted_at < at + _DAY_US)
            ended = {"withdrawn_at": at, "withdrawal_digest": gone.evidence}
            self._connection.execute(update(consents).where(runs).values(ended))
        return len(values)

    def _is_fresh(self, person: str, row: ConsentRow) -> bool:
        """Whether a consent does not go on already, and was not withdrawn since it was granted."""
        same = (consents.c.person == person) & (consents.c.purpose == row.purpose.value)
        query = select(consents.c.withdrawn_at).where(same)
        ends = self._connection.execute(query).scalars().all()
        return all(at and day_of(at) < row.granted_on for at in ends)

    def _of_somebody(self, rows: Sequence[_OfPerson]) -> list[tuple[_OfPerson, str]]:
        """The rows with their persons; those of which nobody has the document are counted as left out."""
        found = [(row, self._people[row.document]) for row in rows if row.document in self._people]
        self._left_out += len(rows) - len(found)
        return found


def refuse(problems: Sequence[Problem]) -> None:
    """Raise HoldingsRefused if there are problems."""
    if problems:
        lines = (*map(str, problems[:PROBLEMS_MAX]), Sentence("nothing was loaded"))
        raise HoldingsRefused(listed(lines, "{first}\n{rest}"))
