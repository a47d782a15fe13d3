"""The group-commit engine: requests of all banks go to disk together, and answers leave when they are there.

One `fsync` costs milliseconds, and a bank's teller waits for one answer. So the engine lets requests collect
while a batch is on its way to disk, and takes all that have collected, up to `batch_limit`, as the next
batch. Under load a batch is large and its `fsync` is shared by hundreds of requests; alone, a request is its
own batch and waits for nobody.

    request     what a bank asks for (ledger.rules.request.Request); `offer` takes it
    batch       requests that one transaction of the book decides and makes durable
    committer   the ledger's function that does so, in the commit thread: the book has one writer at a time
    in doubt    a COMMIT was sent and its result did not come back: the batch may be on disk, or not
    fenced      another process has taken this node's name; this one writes nothing any more
    exclusive job   a call that the commit thread makes between two batches (cut-over, load, retirement)

What always holds here (docs/architecture.md, "What must always hold", numbers 1, 2 and 11):

 1. `deliver` is called only after the batch's COMMIT has returned, or after the journal was read.
 2. A batch in doubt is answered by nothing but the journal. It is run again under the same keys, and the
    journal then gives the first answers; where the journal cannot be asked, the links end without an answer.
    91 and 96 mean "nothing was done", so they are never a guess.
 3. A request that was offered gets `deliver` once, or `give_up` once, and never both.
 4. No bank can keep another bank's request out of the queue (decision 0013).

An example. Bank A offers a1 and a2, bank B offers b1, in one turn of the reactor; the queue is empty.

    batch [a1, b1, a2]   one request of each bank in turn
    COMMIT               the connection to the database breaks: OutcomeUnknown, the batch is in doubt
    after retry_seconds  the same batch again: the journal holds a1, b1 and a2, so the book answers them from
                         there, marked as replayed
    deliver              a1, b1 and a2 get the answers that they would have got at first

    outage      the database has not answered for 5 s, or could not be used; only something written ends it

The modules, in the order in which a request passes them: `queue` (pure: who waits, who gives way, who is
next, and how many may wait), `availability` (pure: since when the database does not answer), `commit` (the
engine: batches, and what each kind of error of the ledger means).

No message, no link, no SQL and no rule of money may be put here, and no clock is read: requests come in,
answers go out, time and threads are handed in.
"""
