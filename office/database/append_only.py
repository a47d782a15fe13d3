"""Has statements run after a table is made: the triggers that keep its rows from being changed, and guards.

DDL for SQLite and PostgreSQL, each run only on its own kind of database. Which tables are append-only,
`office.database.schema` says.
"""

from __future__ import annotations

from sqlalchemy import DDL, Table, event

from office.database.guards import Guard


def make_append_only(table: Table) -> None:
    """Have the database refuse every change and deletion of the table's rows."""
    for verb in ("UPDATE", "DELETE"):
        never = (
            f"CREATE TRIGGER {table.name}_never_{verb.lower()} BEFORE {verb} ON {table.name}"
            f" BEGIN SELECT RAISE(ABORT, '{table.name} is append-only'); END"
        )
        attach(table, Guard(table.name, "sqlite", never))
    refuses = (
        f"CREATE FUNCTION {table.name}_append_only() RETURNS trigger LANGUAGE plpgsql AS"
        f" $$ BEGIN RAISE EXCEPTION '{table.name} is append-only'; END $$"
    )
    attach(table, Guard(table.name, "postgresql", refuses))
    never = (
        f"CREATE TRIGGER {table.name}_never_changed BEFORE UPDATE OR DELETE OR TRUNCATE ON {table.name}"
        f" FOR EACH STATEMENT EXECUTE FUNCTION {table.name}_append_only()"
    )
    attach(table, Guard(table.name, "postgresql", never))


def attach(table: Table, guard: Guard) -> None:
    """Have a guard's statement run after the table is made, on its kind of database."""
    statement = DDL(guard.statement).execute_if(dialect=guard.dialect)  # type: ignore[no-untyped-call]
    event.listen(table, "after_create", statement)
