"""Out to the core system: what the office hands over, by business date, exactly once, and the core's answer.

The core system keeps the policies and the general ledger. It gets, for each posted date, three tables and a
manifest, and answers which lines it has taken. The tables repeat what the books have; nothing is decided
here.

**Nouns.** An *export* is one date, handed over once; it has a *number*, from 1 in the order of dates. A
*line* is one row of a table: what happened to a due, a leg of a *voucher* (记账凭证, a posting as accountants
know it), or a break in its state. The *manifest* names the files with digest, count and sum. An *answer* is
what the core says to an export; a *refusal* is a line that it did not take.

**What must always hold.** Each posted date has one export, no date is passed over. What changes later (a
break is resolved, a transaction of an earlier date is reversed) is in a later export, never in one that was
made:

    dues        what the journal's entries of the date did
    vouchers    postings up to the date that no earlier export had
    breaks      breaks up to the date with a step that no earlier export had

Every row that these are read from is never changed, and has its date and moment, so an export is read again
to the same lines, and written again to the same bytes. If it is not, somebody has changed the books: the
repeat is refused, and the audit finds it.

**One date, worked.** Of 20260930 the journal has a collection of 247,700 fen under receipt 26093000000002.
The export has the line `1,20260930,01020000,settled,C,500000,P20200190000005,...,247700,2477.00,...` in
dues.csv. On 20261008 the bank reverses it in time: the export of 20261008, not that of 20260930, has a line
`reversed` with -247,700 fen, whose `original` is the key of the first.

**The modules**, in the order in which data goes through them:

    lines       the lines of each file, and what their columns hold     pure
    read        tables -> lines, as of an export's moment
    workbook    lines -> sheets of an XLSX                              xlsxwriter
    write       lines -> CSV, workbook, manifest; digests and sums
    make        an export, once, and again
    answer      the core's answer: checked, compared, kept; what it refused

Not here: a file's place on disk (`console`), how a cell of a spreadsheet is guarded (`office.reports.cells`),
a rule of posting.
"""
