"""The front-end machine (FEP): the one process that the banks are connected to, and that moves money.

Banks collect premiums and pay benefits for the insurer, and ask this machine each time whether they may. It
answers from the front book, a database of its own, and never asks the office. `service` is the composition
root: the only module that builds the parts and joins them, and through which they get time, entropy and
threads.

**Nouns.** A *bank* has an entry in the settings; a *link* is one connection of it. A *request* is what a bank
asks of the book; a *batch* is the requests that go to disk together; an *answer* is what a bank gets. The
*operator* is whoever types a command at this machine. The *business day* is cut over by an operator or by the
clock.

**What must always hold** (docs/architecture.md, "What must always hold", has the numbers):

    1   no approval leaves before its batch is durable                         engine
    9   received = approved + refused + not yet known                          engine, telemetry
    11  a process that was fenced out writes nothing                           engine, service
    12  no PIN, key, identity number or card number is in a log or a page      keys, process, status
    -   what a bank can make grow has a bound                                  links, settings (`limits`)
    -   nothing an operator does is done without a record of who did it        operator

**From bytes to an answer.** A teller of bank 01020000 collects 1,200.00 yuan on policy P1:

    links     bytes, a frame, a message; MAC and session are right; a request of 120000 fen
    engine    the request joins a batch with those of other banks; one COMMIT; the answer is 00
    links     the answer is rendered, sealed and sent; `telemetry` has counted it

**The packages**, in the order in which a message meets them, then those around them:

    links      connections, sessions, messages to requests, answers to messages
    engine     the queue, the batches, and what each error of the ledger makes certain
    day        the wall clock, the cut-over by the clock, and which days may be retired
    keys       what a key is, the keystore and the token
    telemetry  counters, rates, events, and who was last seen
    status     the status page and the metrics, read from telemetry
    operator   the control socket, its commands, and the audit log's acts
    doctor     checks of the machine, of one bank and of the book, which change nothing
    settings   the settings file: read, checked, edited, compared
    setup      a new installation
    process    the reactor, the memory and the log's text of any `qianzhi` process
    service    all of these, joined
    errors     the base of the errors of this package

No rule of money may be put here: what may be collected or paid, `ledger` decides. No byte of ISO 8583 is read
here: that is `protocol`'s.
"""
