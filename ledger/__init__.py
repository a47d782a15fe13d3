"""Money at the front: what is owed, what was done about it, what it adds up to.

The front-end machine answers banks from a *front book*: the policies and dues of the day, and a journal of
everything that was decided about them. This package decides, keeps the book, and reads and writes the files
by which dues come in and banks report their days. It speaks of fen, dues and keys, never of data elements or
sockets: `fep` makes requests of messages, and messages of answers.

The nouns
    front book  the database of the front-end machine: dues, journal, business days, figures of banks.
    journal     append-only entries, each with the hash of the one before it, in one chain for each node.
    batch       the requests that one database transaction makes durable together, on one node.
    load        the file of a day's dues on its way into the book: all of it is seen, or nothing.
    cut-over    the end of a business day: it is closed, sealed, and the next one is open.
    day file    a bank's list of what it holds as done on a business date.

The invariants (by their numbers in docs/architecture.md, "What must always hold")
    1, 2    no answer before it is durable; a key acts at most once     book.front, rules.decide
    3, 4    one final state; a due is settled at most once              rules, and again book.schema
    5       the journal only grows, and proves itself                   rules.entry, book.journal
    8, 11   a business date is given once; an older process is fenced   book.cutover, book.front
    10      a load is all or nothing, and nobody waits for it           book.load
    12      no text holds an identity number or a whole card number     rules.masking, book.store

An example, one batch on its way: `book.front.FrontBook.commit(requests, recorded_at)`
    1. the open day and the node's chain are read and locked; the entries, policies and dues that the requests
       name are read, a statement a table;
    2. `rules.decide.fold(requests, view)` decides them in order, each seeing the decisions before it;
    3. entries are linked into the chain and inserted, dues and figures updated if nobody changed them since;
    4. COMMIT. Only then the answers are returned: Answer(00, receipt 202611240100000000016, ...).

The packages, in the order in which they may be imported: each knows those before it, and none after it
    errors   what the ledger raises, and what each error lets its caller conclude about the money.
    rules/   the rules of money. Pure: values in, values out.
    files/   files of dues, banks' day files, small files between front and office. Bytes in, values out.
    book/    the front book's database: the only package here that knows SQL.

What may not be put here: what a message looks like (`protocol`), who is connected and when (`fep`), and the
office's ledger, breaks and postings (`office`). Only `book` may wait for anything.
"""
