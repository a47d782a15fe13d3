"""Loads a file of the core system: persons are made or found again, names brought up to date, holdings begun
and ended, contacts, agents and consents brought (`customers.load_service`); all of it in one transaction, or
nothing.

A person is found again by the keyed digest of the document. Another name on the same document takes the place
of the one before. A holding that goes on already stays as it is; one that ends must be there. A person who
was shredded is not found again: a file that brings that document makes a new person, to whom a shredded
holder of the policy gives way; one that ends a holding of that document ends a shredded person's on this
policy. So the core system, which knows nothing of a shredding, can go on. What a file may hold,
`customers.load_file` says.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, Connection, Table, and_, bindparam, case, func, insert, select, update

from customers.book import Person, by_digest
from customers.database.audit_log import write_record
from customers.database.schema import holdings, loads, person_keys, persons
from customers.decisions import refusals_recorded
from customers.errors import HoldingsRefused
from customers.keys import AT_ONCE, key_of_row, key_rows
from customers.load_file import LoadFile
from customers.load_rows import ConsentRow, ContactRow, EndedHolding, Holding, WithdrawnRow
from customers.load_service import Loader, ServiceCounts, ServiceRows, refuse
from customers.rules.person import PERSON_BYTES, Role, kind_of, person_name
from customers.rules.states import PersonState
from customers.sealing import (
    KEY_BYTES,
    NONCE_BYTES,
    Label,
    SecretKey,
    opened,
    parse,
    sealed_line,
    wrap,
)
from ledger.errors import Problem
from ledger.rules.identity import normalised
from ledger.rules.masking import masked_name
from qianzhi_errors.sentence import Sentence

LOAD: Final = "load"
"""The act of a load in the audit log."""
_PLACE: Final = "persons"
"""The `ref` of what is sealed in the table of persons."""
_ROWS_AT_ONCE: Final = 1000


class Loaded(NamedTuple):
    """The outcome of a load: the file's counts, and how much of it was new here."""

    number: int
    date: str
    persons: int
    holdings: int
    ended: int
    new_persons: int
    renamed: int
    new_holdings: int
    service: ServiceCounts


def place_of(person: str, kind: str) -> bytes:
    """The associated data of a sealed line in the table of persons."""
    return f"{_PLACE}|{person}|{kind}".encode()


def load(loader: Loader, file: LoadFile) -> Loaded:
    """Load a file, which was read whole. Raises HoldingsRefused, NotAllowed, and what Store.transaction
    raises; then nothing was loaded.
    """
    with refusals_recorded(loader.desk, loader.by, LOAD, file.date):
        loader.desk.settings.check_may(loader.by, LOAD)
        with loader.desk.store.transaction() as connection:
            return _Load(loader, connection, file).carry_out()


class _Load:
    """One load, within its transaction."""

    def __init__(self, loader: Loader, connection: Connection, file: LoadFile) -> None:
        self._loader, self._connection, self._file = loader, connection, file
        self._master = loader.keys.master
        self._holdings, self._ended = file.of(Holding), file.of(EndedHolding)
        named = (Holding, EndedHolding, ContactRow, ConsentRow, WithdrawnRow)
        documents = {row.document for row in file.rows if isinstance(row, named)}
        self._digests = {document: loader.keys.digest.of(document) for document in documents}

    def carry_out(self) -> Loaded:
        """Do the steps in order, and return their counts."""
        number, file = self._next_number(), self._file
        known = by_digest(self._connection, list(dict.fromkeys(self._digests.values())))
        named = {self._digests[row.document]: row for row in self._holdings}
        renamed = self._rename(named, known)
        made = self._make_persons({d: row for d, row in named.items() if d not in known}, number)
        names = {digest: person.person for digest, person in known.items()} | made
        self._end(names, number)
        begun = self._begin(names, number)
        people = {row: names[digest] for row, digest in self._digests.items() if digest in names}
        service = ServiceRows(self._connection, self._loader, file, number, people).carry_out()
        counts = (file.persons, len(self._holdings), len(self._ended), len(made), renamed, begun)
        loaded = Loaded(number, file.date, *counts, service)
        values = {**loaded._asdict(), **service._asdict(), "digest": file.digest}
        values["loaded_at"] = self._loader.desk.at
        del values["service"]
        self._connection.execute(insert(loads).values(values))
        note = f"{file.digest}; load {number}: {loaded.holdings} holdings, {loaded.ended} ended,"
        note += f" {loaded.new_persons} persons new, {renamed} renamed;"
        note += f" {service.new_contacts} contacts new, {service.new_serving} servings,"
        note += f" {service.new_consents} consents"
        write_record(self._connection, self._loader.desk.at, self._loader.by, LOAD, file.date, note)
        return loaded

    def _next_number(self) -> int:
        """The number of this load. Raises HoldingsRefused for a file that was loaded, or is too old."""
        query = select(loads.c.date).where(loads.c.digest == self._file.digest)
        if (taken := self._connection.execute(query).scalar()) is not None:
            raise HoldingsRefused(Sentence("this file was loaded already, of {date}", date=taken))
        last, count = self._connection.execute(select(func.max(loads.c.date), func.count())).one()
        if last is not None and self._file.date < last:
            raise HoldingsRefused(
                Sentence(
                    "the file is of {date}, and one of {last} was loaded", date=self._file.date, last=last
                )
            )
        return int(count) + 1

    def _rename(self, named: Mapping[str, Holding], known: Mapping[str, Person]) -> int:
        """Give the known persons whose name differs in the file that name; return how many."""
        keys = key_rows(self._connection, [known[digest].person for digest in named if digest in known])
        changed = []
        for digest, row in named.items():
            if (person := known.get(digest)) is None:
                continue
            key = key_of_row(self._master, keys[person.person])
            place = place_of(person.person, "name")
            if opened(key, parse(person.name_sealed), place).decode() != row.name:
                sealed = self._sealed(key, person.person, "name", row.name)
                changed.append(
                    {"of": person.person, "name_sealed": sealed, "name_masked": masked_name(row.name)}
                )
        if changed:
            self._connection.execute(
                update(persons)
                .where(persons.c.person == bindparam("of"))
                .values(name_sealed=bindparam("name_sealed"), name_masked=bindparam("name_masked")),
                changed,
            )
        return len(changed)

    def _make_persons(self, fresh: Mapping[str, Holding], number: int) -> dict[str, str]:
        """Make a person, with a key, for each of these documents; return the persons by digest."""
        made: dict[str, str] = {}
        rows: list[Mapping[str, Any]] = []
        keys: list[Mapping[str, Any]] = []
        for digest, row in fresh.items():
            person = made[digest] = person_name(self._loader.entropy(PERSON_BYTES))
            key = SecretKey(self._loader.entropy(KEY_BYTES))
            rows.append(self._person_row(person, key, digest, row, number))
            keys.append(
                {
                    "person": person,
                    "wrapped": wrap(self._master, person, key, self._loader.entropy(NONCE_BYTES)),
                    "master": self._master.check_value,
                    "created_at": self._loader.desk.at,
                    "shredded_at": 0,
                    "proposal": 0,
                }
            )
            if len(rows) == _ROWS_AT_ONCE:
                self._insert_persons(rows, keys)
        self._insert_persons(rows, keys)
        return made

    def _person_row(
        self, person: str, key: SecretKey, digest: str, row: Holding, number: int
    ) -> Mapping[str, Any]:
        return {
            "person": person,
            "kind": kind_of(row.document).value,
            "name_sealed": self._sealed(key, person, "name", row.name),
            "name_masked": masked_name(row.name),
            "id_kind": row.document.kind,
            "id_digest": digest,
            "id_sealed": self._sealed(key, person, "identity", normalised(row.document.number)),
            "state": PersonState.ACTIVE.value,
            "load": number,
        }

    def _insert_persons(self, rows: list[Mapping[str, Any]], keys: list[Mapping[str, Any]]) -> None:
        """Insert these rows and empty the lists, so that a large file is not in memory twice."""
        _insert(self._connection, persons, rows)
        _insert(self._connection, person_keys, keys)
        rows.clear()
        keys.clear()

    def _sealed(self, key: SecretKey, person: str, kind: str, text: str) -> str:
        nonce = self._loader.entropy(NONCE_BYTES)
        return sealed_line(key, Label(person, kind, _PLACE), text.encode(), nonce, place_of(person, kind))

    def _end(self, names: Mapping[str, str], number: int) -> None:
        """End holdings. Raises HoldingsRefused where one does not go on, or began later than it ends. A
        document that nobody has may be a shredded person's: then the holding of such a person ends.
        """
        problems = []
        for row in self._ended:
            person = names.get(self._digests[row.document]) or self._shredded(row.policy, row.role)
            ended = (
                update(holdings)
                .where(_runs(row, person), holdings.c.from_date <= row.to_date)
                .values(to_date=row.to_date, ended_load=number)
            )
            if self._connection.execute(ended).rowcount != 1:
                reason = Sentence("no such holding goes on, begun by that day")
                problems.append(Problem(row.line, "", reason))
        refuse(problems)

    def _shredded(self, policy: str, role: Role) -> str:
        """A shredded person who is this to the policy; empty if there is none. Of several nobody knows any
        more which it was.
        """
        query = (
            select(holdings.c.person)
            .join(persons, persons.c.person == holdings.c.person)
            .where(
                holdings.c.policy == policy,
                holdings.c.role == role.value,
                holdings.c.to_date == "",
                persons.c.state == PersonState.SHREDDED.value,
            )
            .order_by(holdings.c.person)
        )
        return str(self._connection.execute(query).scalar() or "")

    def _begin(self, names: Mapping[str, str], number: int) -> int:
        """Begin the holdings that do not go on already; return how many. Raises HoldingsRefused where a
        policy has another holder, or the same holding on that day ended. A shredded holder gives way.
        """
        running, past = self._there()
        holders = {policy: person for policy, role, person in running if role == Role.HOLDER}
        rows, problems = [], []
        for row in self._holdings:
            person = names[self._digests[row.document]]
            if (row.policy, row.role, person) in running:
                continue
            if (
                row.role is Role.HOLDER
                and row.policy in holders
                and not self._gives_way(row.policy, holders[row.policy], number)
            ):
                reason = Sentence("the policy has another holder: end that holding in the same file")
                problems.append(Problem(row.line, "role", reason))
            if (row.policy, row.role, person, row.from_date) in past:
                reason = Sentence("this holding began on this day, and ended: it begins anew on another")
                problems.append(Problem(row.line, "from", reason))
            rows.append(
                {
                    "policy": row.policy,
                    "role": row.role.value,
                    "person": person,
                    "from_date": row.from_date,
                    "to_date": "",
                    "load": number,
                    "ended_load": 0,
                }
            )
        refuse(problems)
        _insert(self._connection, holdings, rows)
        return len(rows)

    def _gives_way(self, policy: str, holder: str, number: int) -> bool:
        """Whether the policy's holder is a shredded person; then that holding ends with the file's date."""
        if self._shredded(policy, Role.HOLDER) != holder:
            return False
        runs = and_(
            holdings.c.policy == policy, holdings.c.role == Role.HOLDER.value, holdings.c.to_date == ""
        )
        last = case((holdings.c.from_date > self._file.date, holdings.c.from_date), else_=self._file.date)
        self._connection.execute(update(holdings).where(runs).values(to_date=last, ended_load=number))
        return True

    def _there(self) -> tuple[set[tuple[str, str, str]], set[tuple[str, str, str, str]]]:
        """The holdings of the policies that the file brings: those that go on by policy, role and person, and
        those that ended by these and their first day.
        """
        policies = sorted({row.policy for row in self._holdings})
        running: set[tuple[str, str, str]] = set()
        past: set[tuple[str, str, str, str]] = set()
        for start in range(0, len(policies), AT_ONCE):
            named = holdings.c.policy.in_(policies[start : start + AT_ONCE])
            for row in self._connection.execute(select(holdings).where(named)):
                holding = (row.policy, row.role, row.person)
                if row.to_date:
                    past.add((*holding, row.from_date))
                else:
                    running.add(holding)
        return running, past


def _runs(row: EndedHolding, person: str) -> ColumnElement[bool]:
    return and_(
        holdings.c.policy == row.policy,
        holdings.c.role == row.role.value,
        holdings.c.person == person,
        holdings.c.to_date == "",
    )


def _insert(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    if rows:
        connection.execute(insert(table), rows)
