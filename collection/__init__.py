"""Collection away from the counter: dues collected in batches through a bank or card channel, by mandate.

A customer signs a *mandate* once. Each day a *batch* of dues is planned for a *channel* (a bank and its
product), approved by another person, held in the front book so that no counter can settle them meanwhile,
written as the channel's request file, and sent. Its answer is applied line by line: a success is an advice of
the front book, a return a reversal advice. A *line* whose outcome is not known stays held: no clock ends it.

The parts, each importing only those before it (tests/test_directions.py says which):

    rules/        pure: the tables of states, mandates, dates of attempts, the timetable of a due
    database/     tables and what they refuse, the audit log, the history
    keys, desk    the two keys of this program and their database; what every act needs, and its record
    kept_files    every file that was written or taken, once, its bytes sealed
    forms/        the files of banks, as data: requests written, answers, returns and statements read
    dues, mandates, mandate_file   what may be collected, on which dates, and what payers signed
    plan          which dues are asked for on a date: batches with their hold files
    batches       batches and lines as rows, and their steps
    request_batch  a batch's lines as its bank is asked for them, and those that it cannot be asked for
    approval, mandate_end   the front's hold, the other person's word, lines taken out before a batch is sent
    sending, answers   request files to the bank, and what it says became of them; returns
    results, releases   outcomes to the front and its receipts, settlement; releases that two people force
    day_file      what a channel's bank charged and gave back on a date, for the office
    report, reminders   what waits; what customers are to be told of their dues on a date
    handover            what is wanted goes to the customers' queue and tasks, once

`config` reads the settings, `install` writes new ones, `errors` has the exceptions.

It has a database of its own, in the inner zone. No clock is read here and no bytes are drawn: moments and
entropy come as arguments. Nothing about counters, postings or volumes may be put here.
"""
