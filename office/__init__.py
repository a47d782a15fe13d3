"""The back office: it reconciles each closed business day with the banks' files, and keeps the ledger.

It has a database and a process of its own, in a zone of its own. It reads the front book and the banks' day
files; it writes neither. The front-end machine never connects to it. What the office decides depends only on
what it has read, so a close that was killed is run again and comes to the same end.

**Nouns.** A *day* is a business date that the front has closed and sealed. *Our side* of it is made of the
*entries* of the front's journal, *their side* of the *lines* of a bank's day file. An *effect* is signed fen
as the bank's clearing account sees it: +amount for a collection, -amount for a payout, 0 once it is reversed.
A *finding* is one difference between the sides; written down, it is a *break*, which lies in *suspense* until
two people have *decided* how it ends. *Withheld* is an effect of ours that no product's account takes before
that. A *posting* is a balanced entry of the ledger, made of *legs*.

**What must always hold** (the numbers that `qianzhi audit` gives them):

    5   the journal here is the front's, entry by entry, by its hash chain and the signed root of each day
    6   by bank and day, sums agree: theirs - ours = differences of breaks - closings - what these withhold
    7   every posting adds up to zero, moves the accounts that its reason demands, and is made only once
    9   every line of either side agrees with one of the other side or is in a break, with its money at
        stake; a break was settled by two people, named in the chained audit log
    10  a bank's file is taken whole or not at all, and only once

**From a bank's file to a posting.** Bank 01020000 leaves its file of 20261124, in the layout `standard`:

    H|01020000|20261124|1
    D|T0000001|B0001|1124093000|000017|R017|500000|P1|D1|12000|RC17|S
    D|T0000001|B0001|1124094500|000018|R018|500000|P2|D2|8000|RC18|S
    T|2|20000|0

1. `intake.take` writes two rows of `bank_lines`. The second has line 3 (lines count from 1 in the file), key
   `00001020000/T0000001/20261124094500/000018`, direction C, amount 8000, state S.
2. `matching.our_side` reads our journal of the date: one collection of 12000 under the key of the first line.
   `matching.pairing` pairs these two by key. The second line is left, so `matching.match` makes a
   finding: class `bank_only`, line 3, our effect 0, theirs 8000, "the bank's file has it, we do not".
   It proves that no line and no fen is lost: theirs 20000 - ours 12000 = 8000.
3. `accounting.breaks` writes the finding as break `B20261124-01020000-0001`, state `open`.
4. `accounting.posting` makes the posting `20261124/01020000/day` (debit +, credit -) and the break goes into
   suspense: 122101 clearing +20000, 1122 premiums due -12000, 224101 overages in suspense -8000.
5. li proposes `bank_corrects`, wang approves. The next close posts
   `20261125/01020000/B20261124-01020000-0001`: 224101 +8000, 122101 -8000. The break is `closed`.

**The parts**, in the order in which data goes through them. Each imports only parts further up, and
tests/test_directions.py says which:

    database/     the tables and what they refuse, bulk rows, the audit log, digests of what was written
    intake/       the front's journal and closed days, a bank's file; what the front may retire
    receipts/     the receipts of what was pulled, signed so that anyone can verify them
    accounting/   the chart, the books, breaks and their life, people's decisions, postings
    matching/     both sides of a bank's date -> pairs and findings; writes the result and opens the breaks
    reports/      pages to sign, tables, traces of single transactions
    statements/   the banks' statements of account: read, posted against clearing, held against it
    exports/      what the core system takes of a posted date, once, and its answer
    audit/        adds everything up again, by code of its own, from the tables alone

`close` has the steps done in order, and `bank_close` those of one bank's date, which waits for no other bank;
`left_files` says why a name in the folder of banks' files was not taken, `close_metrics` what monitoring
reads. `config` reads the settings, `install` writes them for a new office, and `errors` holds the exceptions.
No clock is read here: a moment comes as an argument. No float may be put here.
"""
