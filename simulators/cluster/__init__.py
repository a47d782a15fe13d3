"""Several nodes on one front book: what `make cluster` starts, and what the tests take apart.

A cluster is a PostgreSQL primary with a synchronous standby, three nodes (`qianzhi serve` as processes) on
one front book, a TCP balancer before them, and banks that trade through it. Any of them may be killed;
banks open new links and reverse what has no answer.

One example: the primary is killed under load. The standby is promoted, the nodes connect to it, the banks
are answered 91 or nothing for some seconds, and afterwards banks and journal agree line by line: an entry
that was answered is on the standby, since each COMMIT waited for it.

The map: `postgresql` (the pair), `nodes`, `balancer`, `scene` (all of it together), `traffic` (the banks),
`verdict` (what must be so afterwards), `figures` (what accidents cost, in seconds), `__main__` (to play
with). Nothing here is needed in production: there a failover manager and a supervisor do what `__main__`
does.
"""
