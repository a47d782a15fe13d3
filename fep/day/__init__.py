"""The clock and the business day: when a day ends, and whether the clock may end it without a person.

**The idea.** Money is dated by a wall clock that anybody may set. So the wall clock is held against a
monotonic one each time it is read; once it has jumped it is not trusted until a person has said that it is
right, and what cannot be taken back (a cut-over, the retiring of days) waits. Rules are pure functions of
what is known; what must be remembered between two looks has its own small class.

**The nouns.** A *business day* is a date of Beijing, open from one cut-over to the next. The *hour* is the
time HH:MM at which the settings end it, in Beijing whatever zone the host is in. An *obstacle* is the
reason why the clock does not end a day whose hour has come. A *jump* is a change of the wall clock by more
than two seconds against the monotonic one; a slew (chrony's, at most a twelfth) is followed.

**Invariants.** No duration is measured by the wall clock. Between two cut-overs by the clock lie
`apart_hours` at least, so a wrong clock never closes two days in a row. Business dates never go back: a key
that was forgotten stays forgotten on a clock that was set back (`retirement.key_date`). A jump is written
to the audit log before its acceptance. Right again: by `qianzhi clock accept`, from whoever may use the
control socket (the machine's own user and root); one person is enough, and the audit log has the name.

**Example.** The settings say 22:00, and business day 20261124 is open:

    closes_at("20261124", "22:00")                 2026-11-24 22:00 in Beijing
    closes_at("20261124", "02:00")                 2026-11-25 02:00: the night belongs to the day before
    seconds_left(21:59:30, "20261124", "22:00")    30
    obstacle(Known(..., is_loaded=False), rule)    Obstacle.DUES: nobody has loaded this day's dues

**The modules, as a second goes by:**

    clock           the wall clock, watched: the time, the date, and the fault that stands against it
    clock_watch     tells of a jump, and takes a person's word that the clock is right
    schedule        when a day ends, and what forbids the clock to end it; pure
    cutover_clock   looks each second, and ends the open day or says why not
    retirement      which keys are still known, and which days the office has archived

How a day is closed in the book belongs to `ledger.book.cutover`, who may ask for it to
`fep.operator.operations`.
"""
