"""The triggers by which a database refuses something by itself: their forms, for SQLite and PostgreSQL, and
how a table gets one.

A guard is the text of one DDL statement for one kind of database. Append-only tables, inserts and updates
that are refused under a condition: what these are in one database, its own package says (`office.database`,
`customers.database`). No table and no rule is named here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from sqlalchemy import DDL, Table, event


class Guard(NamedTuple):
    """A statement to run after a table is created; `dialect` is `sqlite` or `postgresql`."""

    table: str
    dialect: str
    statement: str


def make_append_only(table: Table) -> None:
    """Have the database refuse every change and deletion of the table's rows."""
    _refuse_verbs(table, ("UPDATE", "DELETE"), f"{table.name} is append-only")


def make_lasting(table: Table) -> None:
    """Have the database refuse every deletion of the table's rows, which may change."""
    _refuse_verbs(table, ("DELETE",), f"no row of {table.name} is ever deleted")


def _refuse_verbs(table: Table, verbs: tuple[str, ...], message: str) -> None:
    for verb in verbs:
        never = (
            f"CREATE TRIGGER {table.name}_never_{verb.lower()} BEFORE {verb} ON {table.name}"
            f" BEGIN SELECT RAISE(ABORT, '{message}'); END"
        )
        attach(table, Guard(table.name, "sqlite", never))
    refuses = (
        f"CREATE FUNCTION {table.name}_append_only() RETURNS trigger LANGUAGE plpgsql AS"
        f" $$ BEGIN RAISE EXCEPTION '{message}'; END $$"
    )
    attach(table, Guard(table.name, "postgresql", refuses))
    changes = " OR ".join((*verbs, "TRUNCATE"))
    never = (
        f"CREATE TRIGGER {table.name}_never_changed BEFORE {changes} ON {table.name}"
        f" FOR EACH STATEMENT EXECUTE FUNCTION {table.name}_append_only()"
    )
    attach(table, Guard(table.name, "postgresql", never))


def attach(table: Table, guard: Guard) -> None:
    """Have a guard's statement run after the table is made, on its kind of database."""
    statement = DDL(guard.statement).execute_if(dialect=guard.dialect)  # type: ignore[no-untyped-call]
    event.listen(table, "after_create", statement)


def is_step(table: Mapping[tuple[Any, Any], Any]) -> str:
    """The condition that NEW.state follows OLD.state in a table of states, (state, event) -> state: so the
    database and the program cannot differ.
    """
    steps = sorted({(str(state), str(following)) for (state, _event), following in table.items()})
    return "(" + " OR ".join(f"(OLD.state = '{old}' AND NEW.state = '{new}')" for old, new in steps) + ")"


def not_a_step(table: Mapping[tuple[Any, Any], Any]) -> str:
    """The condition that the state changes by no step of a table of states."""
    return f"(OLD.state <> NEW.state AND NOT {is_step(table)})"


def changed(*columns: str) -> str:
    """The condition that an update changes one of these columns."""
    return "(" + " OR ".join(f"OLD.{column} <> NEW.{column}" for column in columns) + ")"


def refusing_function(name: str, condition: str, message: str, result: str = "NEW") -> str:
    """CREATE FUNCTION for PostgreSQL: a trigger function that refuses a row for which `condition` holds, and
    lets any other pass with `result`.
    """
    return (
        f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF {condition} THEN"
        f" RAISE EXCEPTION '{message}' USING ERRCODE = 'check_violation'; END IF; RETURN {result}; END $$"
    )


def _before_insert(name: str, table: str) -> str:
    return f"CREATE TRIGGER {name} BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION {name}()"


def refused_insert(name: str, table: str, condition: str, message: str) -> tuple[Guard, ...]:
    """The guards, for both kinds of database, that refuse to insert a row for which `condition` holds."""
    trigger = (
        f"CREATE TRIGGER {name} BEFORE INSERT ON {table} WHEN {condition}"
        f" BEGIN SELECT RAISE(ABORT, '{message}'); END"
    )
    return (
        Guard(table, "sqlite", trigger),
        Guard(table, "postgresql", refusing_function(name, condition, message)),
        Guard(table, "postgresql", _before_insert(name, table)),
    )


def refused_update(name: str, table: str, column: str, condition: str, message: str) -> tuple[Guard, ...]:
    """The guards, for both kinds of database, that refuse to change a column where `condition` holds."""
    when = f"BEFORE UPDATE OF {column} ON {table}"
    trigger = f"CREATE TRIGGER {name} {when} WHEN {condition} BEGIN SELECT RAISE(ABORT, '{message}'); END"
    called = f"CREATE TRIGGER {name} {when} FOR EACH ROW EXECUTE FUNCTION {name}()"
    return (
        Guard(table, "sqlite", trigger),
        Guard(table, "postgresql", refusing_function(name, condition, message)),
        Guard(table, "postgresql", called),
    )
