"""The reports of a reconciled date, for people: pages to sign, tables for a spreadsheet, a trace of one
transaction, and the figures of the breaks that are still open.

A report repeats what the close has written down; it decides nothing and writes nothing to a database. Because
people act on it, no page may show a total that its own rows do not make: `report_values.check` adds every sum
up again before anything is rendered, and raises InvariantBroken otherwise.

**Nouns.** A *report* is one bank's date, an *overview* is a date of all banks. An *effect* is signed fen as
the bank's clearing account sees it: + a collection, - a payout. A *movement* is the change of suspense over
the date, for overages (the bank has more than we) and shortages (less than we) apart.

**What must hold** (DESIGN section 5, number 6): on a date,

    bank's effects - our effects = differences of the breaks opened
                                 - differences of the earlier breaks that a line of the date matched
                                 - what these breaks withhold
    suspense before + opened - matched - resolved = suspense after

**One date, worked.** On 20261125 the bank's file has seven lines; they come to 700,000 fen, our eight lines
to 100,000. The date opens four breaks: an amount that differs (-10,000), a duplicate (80,000), a state that
differs (500,000), and an exception advice that its bank took back (0): together 570,000. A line of the date
matches yesterday's timing break of -30,000. Nothing is withheld. 700,000 - 100,000 = 570,000 - (-30,000) - 0,
so `check` passes, and the page shows the difference as 6,000.00 yuan. With one row changed by a fen it raises
"20261125/01020000: the two sides' difference: 600000 is said, but the rows make 600001", and there is no
page.

**The modules**, in the order in which data goes through them:

    extract         SELECTs for a bank's date or a date of all banks       tables -> values
    report_values   the values, their sums, and `check`                    pure
    report          values -> HTML by the templates beside it, and CSV     pure, jinja2
    cells           texts that stay texts in a spreadsheet; CSV           pure
    wording         the words in both languages; amounts and dates         pure
    trace           what the office has on single transactions             tables -> values
    outstanding     the open breaks, for the front-end machine             one SELECT
    date_lines      a sentence for each bank's date that waits             a few SELECTs

Two things may not be put here: a rule of matching or posting, whose results are read from the tables; and an
account's or a resolution's name, which belongs to the chart. A text reaches a page or a cell masked, since a
bank's file may hold an identity or card number in any column.
"""
