"""The database of collection: its tables, and what it refuses by itself.

    schema      tables and constraints, for SQLite and PostgreSQL
    guards      the triggers that are made of the tables of states
    audit_log   who did what, chained (`ledger.book.audit_log`)
    history     what happened to mandates, batches and lines, as rows that only grow

An account and its holder's name stand in sealed lines under the payer's own key, and the bytes of a bank's
file are sealed too. The database holds to it that a due is in one open line, that a policy has one active
mandate for a purpose, that no state is reached but by its table, and that who made is never who approved.
roles.sql grants each role on PostgreSQL what it needs. No rule of the program's own may be put here.
"""
