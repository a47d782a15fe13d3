"""The rules of money: one request and what the book holds, in; one decision, out. Pure.

A bank asks that a *due* be collected or paid, or that an earlier transaction be taken back. The answer
depends on the request and the book alone: `decide.fold(requests, view)` needs no database, no clock and no
network, and tables of (book, request, answer, entries) test it in milliseconds. Its caller makes the result
durable before the bank gets the answer.

The nouns
    due         an amount in fen on a policy: receivable (`premium`: the bank collects it) or payable
                (`benefit`: the bank pays it). Open, settled, lapsed or withdrawn.
    key         bank, terminal, moment and STAN: the name of one transaction. It acts at most once.
    entry       one line of the journal, written once. Every answer to a key is read from its entry.
    effect      what an approved entry does. It has a subject and a sequence.
    subject     what the effect is on: the due; or the entry's own key, where an advice fits no due.
    sequence    counts the effects on one subject. Odd is an effect, even is its end: 1 collected, 2 taken
                back, 3 in effect again. Each refers to the one before it, and (subject, sequence) is unique,
                so the database itself refuses a second collection or a second reversal.
    exception   an advice reports money that has moved (of a payout only by agreement), so it cannot be
    advice      refused. Where a rule is against it, it is approved with that rule's response code as its
                exception code and without a receipt, and becomes a break. One that fits no due is its own
                subject; one that is only over a limit settles its due.
    hold        the line of a batch that alone may settle a due, from before its file is sent to its result.
    tombstone   holds the key of a transaction that was reversed before it came: it is refused when it comes.

An example: due D1 of 1,200.00 yuan, open, and what the bank sends. "1" is the transaction with the key
00001020000/T0000001/20261124101112/000001, and so on. (A test reads this table and asks the rules.)

    key  what comes            answer  exception  subject  sequence  D1 after it
    1    0200 collects D1      00      -          D1       1         settled by 1
    1    0200 repeats 1        00      -          -        -         settled by 1
    2    0200 cancels 1        00      -          D1       2         open
    3    0400 reverses 2       00      -          D1       3         settled by 1
    4    0200 collects D1      12      -          -        -         settled by 1
    5    0220 collected D1     00      12         5        1         settled by 1
    6    0400 reverses 5       00      -          5        2         settled by 1
    7    0400 reverses 1       00      -          D1       4         open
    8    0400 reverses 1       00      -          -        -         open
    9    0400 reverses 10      21      -          -        -         open
    10   0200 collects D1      21      -          -        -         open

The repeat of 1 gets the first answer and writes nothing. 3 takes back a cancel, so 1 is in effect again. 4 is
refused and 5 is not, though both ask for the same: the money of 5 has moved. 8 finds nothing left to reverse,
and is approved, so that the bank stops asking. 9 lays a tombstone under key 10, and 10 gets its answer.

The invariants, with their numbers in docs/architecture.md, "What must always hold"
    2   a key acts at most once; the same content gets the first answer again, another content gets 94.
    3   a cancel or reversal agrees with its original in everything that it says; a reversal leads to one
        final state whether it comes before its original, after it or twice, and may not come too late.
    4   a due is settled at most once, net of what was taken back, and only by its own amount; while a batch
        holds it, by that batch alone.
    5   an entry is never changed, and has the hash of the one before it; a closed day's root is signed.
    8   the business date is given inside the batch, from the open day.
    9   every request for money is recorded as approved or refused; only repeats, 90, 91 and 94 are not.
    12  a text that is recorded or answered holds no identity number and no whole card number.

The modules, in the order in which a request goes through them
    request          what is asked and answered; a bank's running figures
    moment           the year of MMDD, and the window of dates on which keys may be made
    dues, day        policies and kinds of dues; the states of a business day
    view             what a batch sees of the book, and how its own decisions change that
    decide           the order of the rules, and the table of all acts
    settlement       collections and payouts
    holding          which due a batch may hold, and what it is once it is let go
    batch_line       a batch's results as requests
    reversal         cancels, reversals, reversals of cancels
    inquire          what only reads
    decision         builds the answer, the entries and the effect
    numbering        authorization codes and receipt numbers
    entry, seal      the journal's line and its hash; the root of a closed day and its signature
  and what these and other packages share
    identity, masking, names          numbers of documents; hiding them in a text; shortening a name
    escaping, secret                  what is not seen, shown as an escape; bytes that nothing shows
    amount_in_words, beijing          an amount on a receipt; the time by which business is done
    calendar, break_classes, trace    business dates; how two sides can differ; an entry for a person

What may not be put here: anything that reads a clock, a file, a database or a message's bytes, and what only
the office decides. Nothing here imports `ledger.files` or `ledger.book`.
"""
