"""The front book: its tables, what a batch reads and writes, loads, the cut-over, retiring days. SQL only.

One database holds the dues, the journal and the days of an insurer: an SQLite file for one node, or
PostgreSQL for several. Banks wait while a batch is decided, so what serves them runs in a fixed number of
statements. Everything else (a load, a retirement, a proof) runs in small transactions beside them, or reads.

The nouns
    chain   a node's entries in order, each with the hash of the one before it. A batch locks its chain's row.
    epoch   how often a chain was claimed. A process with another epoch than the row's is fenced out.
    seal    the root over all chains' ends at a cut-over, signed.
    load    a file of dues under a number. Its rows are in the tables before they may be seen; one row of the
            table `loads` makes all of them seen (`visible`).
    record  one line of the audit log: who had the machine do what, and when; chained as entries are.

The invariants (docs/architecture.md, "What must always hold"), and what the database itself refuses
    1   `Store.transaction` returns only after COMMIT; every error says whether anything was done.
    2   journal.key is unique.
    4   (subject, sequence) is unique, and the sequence before it must be there. A due is updated only if its
        sequence, state, amount and holder are those that were read; what is held is open.
    5   triggers refuse to change or delete rows of the journal, the audit log and the retired days, except to
        delete entries of a retired day.
    8   at most one day is open. A batch holds its row shared until COMMIT; the cut-over locks it alone.
    10  one row makes a load seen; each of its transactions touches some hundred rows.
    11  a chain's row is moved only under the epoch of the process that moves it.

An example: what is in the tables after due D1 of 120000 fen was collected, as the first entry of chain 1
    journal     chain 1, position 1, key 00001020000/T0000001/20261124101112/000001, subject D1, sequence 1
    dues        D1: state settled, settled_by that key, sequence 1
    bank_days   01020000, 20261124: collections 1, collected 120000, used 120000
    chains      1: position 1, tip the hash of the entry

The modules, from a batch outwards
    schema, store         tables, constraints, triggers; connections, and what a failure means for the money
    guards                triggers by which a database refuses what its package says; the office's too
    server                what a connection to PostgreSQL is asked for: keep-alives, and how long to wait
    watched_connection    such a connection; takes PostgreSQL's driver along
    host_names            the addresses behind its servers' names, looked up for a bounded time
    retry                 attempts at a transaction that may be made again at once
    statements, front     the statements of a batch; claiming a chain, committing a batch
    visible               policies and dues as they are seen while a load may be under way
    load                  a load, from its first look at the book to its last row
    arrivals, departures  a load's rows before they can be seen; what follows once they can
    hold, results         dues that batches hold, taken and let go; whether a batch's results may be applied
    consent               the consent of two people that rows of a file are left out
    cutover, retire       closing, sealing and opening days; deleting the entries of days that the office has
    journal               reading the journal back, proving its chains
    book_copy             the book as one file, and back
    audit_log             writing and proving the record of what people had done
    guesses               dues that wrong identity numbers locked
    lookup                a transaction, a day, a due for a person
    startup_check         whether the book is fit to be served

What may not be put here: a rule of money (`ledger.rules`), what a file looks like (`ledger.files`), a clock:
every time stamp is handed in. No text of an error repeats a value of a row.
"""
