"""A TCP proxy that does to a bank's links, by rule and by seed, what networks do to them.

A *rule* says when (which way, which MTI, which message of a connection, one in how many) and what (cut,
swallow, delay, throttle, split, corrupt, duplicate, drop, refuse). All rules that hold are applied, in the
file's order. The result is a list of *effects*: bytes to send at a time, or an end of the link.

One example: `--rule "do=swallow way=answer mti=0210 one_in=5"` loses about each fifth answer to a payment.
The seed decides which: the same seed and the same bytes lose the same ones, however the bytes are split.

The map, in the order in which bytes go: `rules` (read and checked whole), `conversation` (pure: bytes and
times in, effects out), `proxy` (the sockets and the timers), `cli`. The log names what was done, never a
byte of what was said. Nothing here knows whether what a bank or machine does is right.
"""
