"""The books: double entry over the banks' money, and the life of every difference until two people have
decided.

Whatever reconciliation finds, the books balance on the day itself. The bank's own effects go to the clearing
account, our effects to the accounts of their processing codes, and the difference of each break to a suspense
account. A break then leaves suspense in one of two ways only: a line of a later date matches it, or one
person proposes a resolution and another person approves it.

**Nouns.** A *posting* is one balanced entry; a *leg* is one line of it, in fen, debit positive. *Clearing* is
what a bank owes us, or we it, by its own file. *Suspense* is two accounts: `long` for overages (the bank has
more than we), `short` for shortages. A *break* is one difference = theirs - ours + withheld, in fen. A
*resolution* says which account takes the difference at the end. A *chart* says all of this as data
(chart.toml).

**What must hold** (docs/architecture.md): postings balance to zero by currency and are made once, by name
(7); what is posted equals the journal, the banks' files and the breaks (6); every difference is a break with
its money at stake (9); nobody decides alone, and each decision is written in the audit log in the same
transaction.

**One day, worked** (20261125, bank 01020000). The bank's file comes to 700,000 fen; our premiums to 700,000
and 200,000, our benefits to -800,000. The day opens a duplicate (80,000), a state that differs (500,000) and
an amount that differs (-10,000), and a line of it closes yesterday's shortage of -30,000. The posting
20261125/01020000/day is

    122101 clearing     700,000
    1122   premiums    -700,000      2203   premiums in advance  -200,000
    220202 benefits     800,000
    224101 long        -580,000      80,000 and 500,000 go in
    122102 short        -20,000      10,000 goes in, 30,000 comes out

and adds up to 0. An overage of 50,000 of the day before was to be refunded; two people have decided so, and
20261125/01020000/B20261124-01020000-0001 takes it out: 224101 long 50,000, 224102 refunds -50,000.

**The life of a break**: open -> suspense -> proposed -> approved -> posted -> closed; a proposal may be
withdrawn or rejected (back to suspense), and a match closes a break in suspense or proposed.
`break_states.TRANSITIONS` is the whole table.

**The modules**, in the order in which data goes through them:

    chart        chart.toml -> accounts, accounts of processing codes, resolutions      pure
    break_reasons    why it is a break: the patterns, and the text of a book known again   pure
    finding      one difference, as `office.matching` makes it                         pure
    books        postings and legs: checked, made once, added up; installs a chart
    break_states a break's row, states and events, and the table of its life           pure
    posting      the posting of a bank's day, from sums and breaks; of a resolution
    breaks       the statements that open a break, move it and post what was approved
    bank_dates   how far each bank's date has come: held, closed without a file, posted
    date_decisions   what two people decide about a bank's date, a row a step
    decisions    a person's decision: may this person, the step, the audit record

Not here: the search for differences (`office.matching`), the pages (`office.reports`), and an account's
number in code: which account takes what is only in the chart.
"""
