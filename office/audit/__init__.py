"""The audit: a witness of its own, which computes everything again from the data alone.

`qianzhi audit` answers one question: do the journal, the banks' files, the breaks and the postings still
agree with each other and with the rules? If a rule is wrong in the code that did the work, an audit that
called the same code would be wrong in the same way and find nothing. So this package repeats the rules on
purpose and shares no code with what it audits. From outside it uses only the definitions of the tables, the
connections of the store, the table of break classes (words, no code) and the check of an Ed25519 signature; a
test of tests/office/audit/test_audit.py reads the imports. It writes nothing, and changes nothing.

**Nouns.** *Evidence* is what a check is given: the office's database, the front book if it is in reach, each
as of one moment, and what the settings state. A *check* is a function from evidence to *results*: it yields a
Failing for each thing that is wrong (a finding), and a Checked with the number of rows that it looked at. A
check that looked at no row proves nothing, so an invariant with no rows is shown as "not in the data". The
*verdict* on an invariant collects both.

**The invariants** have the numbers of docs/architecture.md ("What must always hold"). The checks of each:

     1  write before answer: no row can show it; tests kill the process and read again
     2  a key acts at most once          sequences.keys, refusals
     3  one final state                  sequences.refusals, reversals, sequences
     4  a due is settled once, whole     sequences.sequences, untouched_dues; holds; forgotten; dues (--dues)
     5  append-only, chained, sealed     chains.links, copies, seals, recorded_ends; forgotten.retired_days;
                                         audit_records.audit_logs; written.pulls; kept.expected (--expect)
     6  totals, files and books agree    totals.front_totals; posted.reconciled_sums, day_postings, suspense,
                                         resolutions; written.reconciliations_made, day_states;
                                         exported.exported; arrived.arrived
     7  every posting balances           posted.balance, postings_named; chart.charts; written.postings_made
     8  one business date                chains.dates, recorded_ends, day_sizes; written.front_records_kept
     9  in the books, or a break         lines.accounted_lines; advices.*; withheld.*; history.*; decided.*
    10  files and loads whole, and once  files.files, loads; written.files, front_records_kept; exported;
                                         arrived; dues (--dues)
    11  an epoch fences the older node   chains.epochs
    12  no identity or card number       privacy.office_texts, front_texts

**One finding, worked.** Somebody who owns the front's database raises the amount of a settled due by one fen,
from 130600 to 130601. `sequences.sequences` reads every entry that took effect, by subject and sequence, each
with its due, and replays them. Entry 22 of chain 1 collected 130600 fen, but its due is now 130601, and a
transaction moves the amount of its due, so the check yields

    Failing(4, "front, entry 1/22", "moves 130600 fen, premium; the due is 130601, premium")

and at its end Checked(4, "subjects of the front's journal, each settled once at most", ...). The command
prints "4: front, entry 1/22: moves 130600 fen, ...", invariant 4 "fails", and the exit code is 1.

**The modules**, in the order of use:

    run            the list of all checks, `audit`, `audit_dues`, the verdicts
    evidence       what a check is given and yields; how rows are read and counted
    subjects       what a finding is about, in words
    row_digests    how rows are hashed
    sequences, chains, forgotten, totals, files, privacy    the journal, the front's tables, all texts
    holds                                                   the dues that batches hold, and their files
    audit_records, written, decided, chart                  the audit logs, and the tables compared with them
    lines, advices, withheld, history, posted               the banks' lines, the breaks and the postings
    bank_dates                                              each bank's dates, and what two people decided
    arrived                                                 the statements of account and their postings
    exported                                                what was handed to the core system
    signed                                                  the receipts' signatures and their keys
    kept           one digest over everything, to keep outside the books
    dues           the front's dues against the files that were loaded

Not here: an import of what does the work (the test names the exceptions); a repair, for an audit that changes
data is no witness; a number of a person in a finding, which `run` masks.
"""
