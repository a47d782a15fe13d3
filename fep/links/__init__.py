"""The banks' side of the machine: connections, sessions, messages to requests, and answers to messages.

A bank opens a few long-lived TCP connections (or TLS) and keeps them open. On each it signs on once, gets a
session key, and then sends transactions, each with a MAC; it may send the next one before the answer to the
last one has come. This package turns bytes into requests for the engine, and answers into bytes.

    connection  the socket's side: bytes, frames, what is unread (`connection.BankConnection`)
    link        the conversation on one connection: decodes each message and leads it on (`link.Link`)
    session     who may send what now: connected, signed on, signed off, stopping, lost, ... (`session`)
    covered     the bytes of a message that its MAC is made over: all up to the MAC
    request     what the ledger is asked, under a key that repeats share (ledger.rules.request.Request)
    verdict     what form and permission say of a request, found here; the book's rules come later
    miss        an answer that tells a bank only that something is not so: no such policy, wrong number

What always holds here:

 1. An address that no bank has, or one that may not connect now, is closed before a byte of it is read.
 2. No message gets a request made of it unless its MAC is right and DE 32 names the link's own bank.
 3. No answer to a transaction leaves but by the engine's `deliver`, so none before its batch is durable
    (docs/architecture.md, "What must always hold", number 1). A 91 to a full queue moves nothing.
 4. A link that cannot be given a certain answer is closed without one.
 5. Each thing that a bank can make grow has a bound: links, a frame's bytes and seconds, unread bytes,
    messages a second, bad MACs in a row, misses, recorded refusals. What exceeds a rate is read later, and
    not refused.
 6. Every state of the session has a row for every input (`session.TRANSITIONS`).

An example: a 0200 of bank 01020000, of 24 November 2026, 10:11:12, STAN 000041, at terminal T0000001.

    server            the bytes are of an address of 01020000; the connection was admitted when it was opened
    rate_limiter      the bank has a token, so the frame is handed on now
    link              decodes it by the bank's dialect: DE 3 500000, DE 4 000000120000, DE 32 01020000
    session           "signed on", so a transaction may come: APPROVED
    authentication    the MAC in DE 64 is right under the session key, and DE 32 is this link's bank
    request_parser    act COLLECT, amount 120000 fen, key 00001020000/T0000001/20261124101112/000041
    fep.engine        ... the batch is on disk: Answer(00, receipt, authorization, business date 20261124)
    response_builder  0210: what is echoed of the 0200, DE 15 1124, DE 38, DE 39 00, DE 48, DE 62
    answering         MAC, framing, and out

The modules, in the order in which data goes through:

    server              listeners, and the register of all links
    connection          one socket: bytes, frames, and what is unread
    places              which of a bank's connections have signed on, and which give way (pure)
    tls                 certificates and pinned keys
    rate_limiter        token buckets: who is read later
    counterparties      the banks of the settings, made into counterparties
    counterparty        what a link is given: by its bank, and by the process
    link                one conversation; transactions
    deadlines           when a frame, a sign-on, a silence or an echo has taken too long (pure)
    key_desk            session keys: from memory, or from a token that is never waited for
    replaced_keys       keys of a bank's making that were replaced (pure)
    session             the states and the MAC keys (an Automat table, pure)
    authentication      MAC and DE 32; bad MACs in a row
    network_management  08xx: sign-on, sign-off, change of keys, echo, notice of the cut-over
    request_parser      message to request, with a verdict (pure)
    form_check          what of a message's form is refused, said to people who look at bytes (pure)
    misses              a bank's budget of misses (pure)
    receipt             the lines of DE 62 (pure)
    response_builder    answer to message (pure)
    fitting             what is left out of an answer that a dialect cannot hold (pure)
    answering           seals, frames and sends

No rule of money may be put here, nothing that reads the book, and no clock: moments come from `Surroundings`.
Only `server`, `connection` and `tls` know sockets.
"""
