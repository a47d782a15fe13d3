"""What the office takes in: the front's journal and closed days, and the banks' day files.

Nothing is believed that is not proved. An entry must carry the hash of the one before it; a closed day must
have a root signed by the front's sealing key, follow the last day taken, and end where its chains end. A file
is taken whole or not at all, once, and its digest goes into the audit log (invariants 5 and 10).

Worked: the front's chain 1 ends at position 120,000, the office has it up to 40,000. `pull` reads entries
40,001 to 90,000 in one transaction and leaves "entries 40001 to 90000; tip <hash>" in the audit log, then
90,001 to 120,000 in the next. Killed between the two, it continues at 90,001. Only then are the closed days
taken, since their entries must be there.

    pull       entries of each chain, 50,000 a transaction   front book -> entries, chains
    frontday   a closed day, its seal and its ends           front book -> days
    take       a bank's file of a date                       bytes -> bank_files, bank_lines
    archived   the days that the front may retire            days, entries -> a list

What a file's columns mean belongs to `ledger.files`; whether a line is right belongs to `office.matching`.
"""
