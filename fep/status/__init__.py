"""The status port: what an operator sees of a machine that serves, over HTTP. It reads, and changes nothing.

**The idea.** Once a second the counters of `fep.telemetry` are read and one `Snapshot` is taken: frozen
values, computed once, from which the alarms are derived by pure rules and which the feed sends to every
open page. A request costs no lock and no database statement, and while no page is open no snapshot is taken
at all.

**The nouns.** A *source* knows whether transactions are taken now (`State`) and has the figures of /status.
A *snapshot* is all that the page shows at one moment. An *alarm* is one thing that is wrong in a snapshot:
a name, a severity, perhaps a bank and a figure. A *light* is a bank's state in one word.

**Invariants.** No customer's data is within reach: a figure is a count, a sum in fen, a duration, or a
bank's own code and name. Nothing inline and nothing from another origin is served (`webpage.POLICY`). The
number of open feeds is bounded, and a page that does not read its feed is dropped.

**Example.** A bank's last link is lost during its hours:

    light(links=0, signed_on=0, silent=True, is_hour=True, is_enabled=True)   is Light.DOWN
    alarms(snapshot)   has Alarm(Severity.RED, "bank_down", "01020000", 42)

42 being the seconds since the bank was last heard. The page words both in two languages from
`static/words.json`, under `light.down` and `alarm.bank_down`.

**The modules, as data goes through them:**

    source         whether the machine serves, and the figures of /status
    open_breaks    the office's figures, read from a file that it leaves at this machine
    host           certificates and disks, and how they are read
    host_reader    reads them once a minute, in a thread
    limits         from when on one of them is worth an alarm
    host_warnings  what is wrong with them, in words
    day_totals     what was collected and paid on the business date, by bank
    snapshot       counters, links, day and breaks become one Snapshot
    alarms         what is wrong in a snapshot: one table of rules
    feed           the snapshot each second to each open page, as server-sent events
    metrics        the counters as Prometheus metrics
    day_metrics    the business date's totals as Prometheus metrics
    host_metrics   certificate, disk, cut-over and calendar as Prometheus metrics
    webpage        the page's files and the headers of every answer
    port           the site: which path has which resource

What changes the machine does not belong here; an operator's commands come over the control socket
(`fep.operator`).
"""
