"""The operator's side of the machine that serves: who asks, over which socket, what is done, and the record
of it.

**The idea.** A command of an operator is one line of JSON over a local socket. Who sends it is not in the
line: the kernel says it. Whatever a command changes is written into the audit log, in the book that it
changes; what was asked for and came to nothing is written too. Transactions run between two batches of
the engine, never within one.

**The nouns.** An *operator* is the name of a login, as the kernel has it. A *command* is a function of the
table that `control` offers. An *audit entry* is an act with a subject, a stage (asked, done, failed) and
particulars, each of a fixed form: no free text, and nothing as long as a key. The *clock word* is the last
word in the audit log on a node's wall clock: the machine's that it jumped, or a person's that it is right.

**Invariants.** Only the machine's own user and root can connect (mode 0600). `by` is set by this side,
whatever the line says. An act that changes settings is recorded before it is done, and its end after it;
where the first record cannot be written, nothing is done. No value of a key, and nothing that a person
typed freely, gets into the audit log.

**Who may.** The control socket has mode 0600: the machine's own user and root may give every command, and
nobody else may give one. There is no list of permissions as the office's clerks have one; the name that the
kernel tells is what the audit log records.

**Example.** `qianzhi day cutover --date 20261124` sends, and gets one of:

    {"command": "cutover", "date": "20261124", "early": false}
    {"done": {"date": "20261124", "next_date": "20261125", ...}}
    {"refused": "business day 20261124 ends at 2026-11-24 22:00, and it is ..."}

**The modules, as a command goes through them:**

    control_client the commands' end of the socket: one JSON object a line
    control        the machine's end: progress, done or refused
    answer_line    a line of it as JSON, in which a sentence can still be said in another language
    identity       the person at the other end, or at the keyboard, by the kernel's word
    operations     cut-over, load, retiring, unlocking, recording: the steps, and what a failure leads to
    batches        what batches of collection hold, let go and report: their files, through the engine
    audit_trail    what may be written into the audit log, and how one record is written
    bank_status    what the serving process has seen of one bank, for `qianzhi bank test`

The steps themselves are the ledger's (`ledger.book`); what an operator types and reads is `console`'s.
"""
