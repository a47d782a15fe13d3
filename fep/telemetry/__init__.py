"""What the machine counts and remembers of itself: counters, the last minutes, the last events, signs of
life.

**The idea.** Counting happens on the way of every message, so it costs an addition: plain integers in
memory, no lock, no format, no socket. Everything that is dearer (rates, percentiles, sums over banks) is
computed from two readings of the counters when somebody looks.

**The nouns.** *Statistics* are the counters of one process since its start. A *reading* is a copy of them
at one second; the *history* keeps those of the last five minutes, and a rate is a difference of two. An
*event* is something that an operator wants to know (a sign-on, a refusal, a cut-over), kept once a minute
with a count. *Last seen* is when a bank was heard, over all its links.

**Invariants.** Nothing here grows without bound: 100 events, 301 readings, 256 batch sizes, 16 buckets a
bank. No value of a message and no address of a bank is kept; a counter's labels are a bank's code, an MTI
and a response code. What must outlive the process is in the audit log and in the journal, not here.

**Example.** A bank gets 40 answers within a second:

    statistics.answered("01020000", "0200", "00")      40 times
    history.take()                                     a second later
    history.rates("01020000")[-1]                      40
    history.p99_us(["01020000"])                       2000: 99 of 100 took no longer than 2,000 us

**The modules, as data goes through them:**

    statistics   counters and latency histograms, written on every message
    rates        readings of them, once a second: rates, and percentiles of the last minute
    event_log    the last events, bounded, each at most once a minute
    last_seen    when a bank was last heard
    refusals     who was turned away before it had signed on, and why: the last ones
    paced_log    the log of one link, an entry a second at most

Formats and pages do not belong here (`fep.status`).
"""
