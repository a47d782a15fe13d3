"""The office's database: its tables, what it refuses by itself, and the ways of writing that all parts share.

Everything that the office knows is in these tables; between two steps of a close nothing is kept in memory.
What was read, matched and posted is append-only, by triggers of the database. A day's state and a break's
state change, a break only along its table of transitions, and each change leaves a line of history.

Three things guard what is written, each without the others:

    constraints and triggers   `schema`, `guards`: no posting without a reconciled day or a settled break
    the audit log              `audit_log`: each step leaves a chained record of what it did and for whom
    digests                    `proofs`: the record holds SHA-256 over the rows, so the audit finds a change

A row is written by the names of its columns, never by their positions:

    insert_rows(connection, chart_lines, [{"chart": 1, "name": "clearing", "value": "122101"}])

and the note of the record `chart` says "1 lines; rows <64 hex digits>", over JSON of the name and the value.

Modules: `guards`, `date_guards` (triggers), `receipt_tables` (two tables with theirs) -> `schema` (tables) ->
`bulk` (many rows in and out) -> `proofs` (notes of records) -> `audit_log` (records). roles.sql grants the
office's role on PostgreSQL what it needs. No rule of matching or accounting may be put here, but where
the database itself enforces one.
"""
