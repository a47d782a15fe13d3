"""The `qianzhi` command: parses arguments, calls, prints. No rule, no SQL and no socket of its own.

A module is a group of commands, and it is imported only when one of its commands is called: `console.main`
has a table of names, places and summaries, from which help and completion are made. So `qianzhi --help` takes
less than a tenth of a second of CPU, and `qianzhi reload` does not load what only `qianzhi serve` needs.

Every command goes the same way:
  1. It reads the settings (`--config`), which are checked whole.
  2. If it changes a book, it asks the process that serves, over the operator's local socket
     (`fep.operator.control_client`). Only if none serves it opens the book itself, under its writer lock.
  3. What a person has done is written down before it is done, and how it ended after that. What cannot be
     written down is not done.
  4. It makes data, and shows it: a table for a person, or with `--json` the same data for a program.

Exit codes: 0; 1 for an expected error, each line on standard error under the program's name; 2 for a wrong
call; 130 after Ctrl-C. An error that nobody expected keeps its traceback but not its text.

Example. `qianzhi day cutover --date 20261124` reaches `day.cutover_command`. A machine serves, so it is asked
over its socket, closes the day and answers `{"done": {"date": "20261124", ...}}`, which is printed as
"20261124 is closed, 20261125 is open; root 9f86...". If no machine serves, the command does the same in the
book, through `ledger.book.cutover`, as the machine would have.

The modules:
  main, lazy_group                            the table of commands, and how they are imported
  serve, reload                               make and run a machine
  book, day, journal, due, batch, clock       the front book
  bank, keys, key_use, firewall               who may connect, with which keys, through which rules
  office, recon, audit, closing, dayfiles     the back office; `closing` joins its parts for a close
  customers, customers_service,               persons, their holdings, contacts and keys
  customers_opened
  archive, archive_find, archive_copies,      the archive; `archive_opened` joins its parts
  archive_decide, archive_opened
  trace, describe, doctor, audit_log          look, and print
  completion                                  the shell's own script
  language, help_text, term                   the reader's language: texts, help, names of states
  handed_out                                  files of the office that its group may read
  options, output, progress, failure          what several commands share: arguments in, text out
  audit_entry, unserved, wall_clock           what several commands share: the audit log, the book, the time

What is decided about money, keys or settings does not belong here: a command that needs a rule calls it.
"""
