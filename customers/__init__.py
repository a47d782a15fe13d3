"""The insurer's customers: persons under names that mean nothing, and keys by which each can be forgotten.

Outside this package a person is 16 characters that say nothing. What is personal is kept sealed under a key
of that person alone; whatever goes to a place that cannot be rewritten is sealed under it too. When two
people have decided that a person is to be forgotten, the key is destroyed, and with it every copy of what it
sealed, while all hash chains go on to verify.

The parts, each importing only those before it (tests/test_directions.py says which):

    rules/        pure: a person's name, digests of documents and contacts, the states of all that has any
    sealing       AES-256-GCM: sealed lines under a person's key, that key under the master key
    database/     tables and what they refuse, the audit log
    load_rows, load_file   the core system's file: its kinds of rows; read whole and written
    keys, book    the opened keys and the wrapped ones; who is what to a policy: what the archive asks
    contacts      how a person is reached, what happened to each contact, and its value for who sends
    load, load_service   a file into the database: persons and holdings; contacts, agents and consents
    change_file, changes   contacts that customers want instead: asked of the core system, and its answers
    consents, serving   for what a person may be written to; who serves which policy, and which are orphans
    proposals, certificate, decisions   what two people decide about a person, and the proof of a shredding
    notices/      notices to customers and tasks for staff
    look_up       what a clerk is shown, masked, and the record of it
    evidence, audit, audit_service   the database held against itself and its audit log

`config` reads the settings, `errors` has the exceptions.

**From a file to a person who is forgotten.** Row `P1,holder,<name>,<number>,20170301` makes person
`MFRGGZDFMZTWQ2LK` with a key of its own; name and number become sealed lines in its row. The archive asks
`Book.person_of("P1")` and seals a journal's name under `Book.key_of` of that person. li proposes `shred`,
wang approves: one transaction deletes the wrapped key and what it sealed here, and keeps the certificate. The
line on the volume stays, its hash holds, and nobody opens it.

It has a database of its own, in the inner zone. No clock is read here and no bytes are drawn: moments and
entropy come as arguments. Nothing about transactions, postings or volumes may be put here.
"""
