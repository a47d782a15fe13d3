"""The customers' database: its tables, and what it refuses by itself.

    schema      tables, constraints and triggers, for SQLite and PostgreSQL
    audit_log   who did what with a person, chained (`ledger.book.audit_log`)

Nothing personal stands in a column in clear but the masked name: a name and a document's number are sealed
lines under the person's key, and a document is found again by a keyed digest. The database holds to it that a
person's state changes only by a proposal that two people agree on, and that a key which was destroyed never
comes back. roles.sql grants each role on PostgreSQL what it needs. No rule of the program's own may be put
here.
"""
