"""A load that speaks the interface in full, and what its customers waited.

Open loop: acts fall due at their times whatever the machine does, as customers come, and a latency counts
from the time at which the act was due. Closed loop: so many are in flight, and each is followed by the
next. An open loop is what to trust: a machine that stalls for a second is seen by all who would have come
in it.

One example: `qianzhi-load --rate 100 --duration 10` makes 1000 acts due, one each 10 ms. If the machine
stalls for 200 ms, twenty of them wait 200, 190, 180 ... ms; a load that waited for its answers would have
counted one slow answer.

The map: `mix` draws what is asked, on dues that nobody else has, and has a bank do it; `driver` says when,
and from when it counts; `histogram` keeps latencies in microseconds; `cli` connects and prints. The banks
are the simulated ones: an act without an answer is reversed before it ends. Nothing here judges an answer.
"""
