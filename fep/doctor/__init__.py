"""Checks that read and judge, and change nothing: of the machine, of one bank, and of a book before it is
served.

**The idea.** Each question is one row of a table: a name, a function that looks, and the sentence for the
case that nothing is wrong. A function yields observations; one of our errors that it raises is an
observation too, so a check never hides the others. Reading belongs to the module that knows the thing
(keys, certificates, the book); the judgement and the remedy belong here.

**The nouns.** A *verdict* is ok, warn, bad or skipped. An *observation* is a verdict, a sentence and what
mends it. A *finding* is an observation under its check's name: that is what `qianzhi doctor` and `qianzhi
bank test` print. The *self-test* is stricter: with one fault the machine does not serve (`Unfit`).

**Invariants.** Nothing is written, no link is opened, no writer's lock is taken: the doctor may run beside
a process that serves. A book that contradicts itself is never mended here. No value of a key is shown, only
its check value.

**Example.** The certificate of the machine ends in 12 days:

    CheckFinding("certificate", Verdict.WARN, "[tls] certificate_file machine.crt expires in 12 days, ...",
                 "have one made on the same key, so that banks keep their pin; then qianzhi reload")

**The modules, in the order in which they are used:**

    selftest    before a book is served: disk, clock, journal; raises Unfit
    finding     Verdict, Observation, CheckFinding
    machine     the machine that is examined, and how its system is asked
    daycheck    the open business day and the calendar, pure
    maccheck    how banks' messages are authenticated: what is weak, pure
    officecheck the age of the figures that the office leaves here
    checkup     `qianzhi doctor`: the table of all checks of this machine
    bankcheck   `qianzhi bank test`: the steps that one bank's link would go through

What repairs something does not belong here, and no figure of the traffic (`fep.status`).
"""
