"""Benchmarks that anyone can run again: `make bench` for all, `python -m bench.NAME` for a single one.

Each benchmark starts the real program, or opens the real front book, on a database of its own in a temporary
folder, puts a known load on it, and prints lines of figures. The first line names the platform, the cores and
the versions, since figures of two machines can be compared only as ratios. So most lines also give a ratio:
to bare inserts into a database of the same kind, to the smallest size, or to the time before the load.

**What each measures.** DESIGN section 8 has the goals.

    python -m bench            durable collections a second, p50 and p99 in ms; the same at half that load
    python -m bench.close      one day's close at the office: seconds, microseconds a line, peak memory in MB
    python -m bench.growth     milliseconds of a batch as dues and journal grow; ratio to the smallest size
    python -m bench.years      the size in MB and a batch's milliseconds over a year of days that are retired
    python -m bench.flood      the steady bank's p50 and p99 in ms, alone and while another bank floods
    python -m bench.overload   ten times the load that the machine bears: approved, refused, latencies, memory
    python -m bench.loading    the slowest answer in ms before and during the load of a million dues
    python -m bench.soak       p99 and memory for each minute of half an hour; not part of `make bench`

**How the load is made.** `frames` seals every collection beforehand and writes them to a file. `load.c`,
compiled when a benchmark starts, sends that file over sockets that are signed on already, and times each
answer; `sender` does the same in Python, more slowly, where no C compiler is at hand. So the load takes
little of the processors that it shares with the machine. A closed loop keeps a fixed number of requests
unanswered on each link and finds the highest rate. An open loop sends at a fixed rate whatever the machine
does, and counts a latency from the time that the request was due, so that a stall is seen by every request
behind it.

**One example.** `python -m bench.overload --database sqlite` on two cores: 64 links with 8 requests in
flight each get 7,135 approvals a second, p99 98.5 ms. With ten times as many in flight 6,572 are approved a
second and 18,724 are refused with 91 (docs/overload.md).

`--database` chooses sqlite, postgresql or both (`bench.soak`: one). PostgreSQL is the server that
QIANZHI_TEST_POSTGRESQL names, or one started for the run and deleted. The exit code is not 0 if an answer is
missing or wrong: a benchmark of a machine that answers wrongly has no result.

**What may not be put here.** No test and no check of a figure: no test may depend on how fast a machine is.
Nothing that the installed program imports. No code of the protocol in `load.c` and `sender`: they know only
the places that `frames` gives them.
"""
