"""The other side of the line: banks, and what stands between them and the machine.

Two things with one rule: nothing here goes onto a machine that handles money, and nothing that serves
imports it (tests/test_tidy.py). The Debian package leaves it out.

Tools, which a bank's integrators get (the wheel has them; `qianzhi[tools]` brings what the teller needs):

- `cli` (`qianzhi-bank`): a bank at a prompt;
- `teller` (`qianzhi-teller`): a branch on a terminal screen;
- `certify` (`qianzhi-certify`): the interface asked of a machine, and watched in a bank;
- `chaos` (`qianzhi-chaos`): a proxy that does to links what networks do;
- `load` (`qianzhi-load`): how long customers wait.

Proof of the product, which stays in the checkout:

- `world`: the real machine, banks and a network in virtual time, out of one seed;
- `cluster`: several nodes on a PostgreSQL pair, which a test takes apart;
- `channel`: a bank's batch channel, which takes request files and answers them, well or badly;
- `days`: whole business days with bank files, the demo among them.

A question goes through these modules, in this order:

1. `profile`: what was agreed with the bank: its code, port, framing, dialect, MAC, key;
2. `bank`: decides what to send, and what to do when no answer comes;
3. `messages`: makes the message from its parts, purely;
4. `link`: seals it, frames it, and gives each answer to its question; `own_key` makes its session keys
   where the bank does;
5. `beliefs`: what the bank believes afterwards.

One example, a premium of 1200.00 yuan whose answer is lost. `Bank.settle` keeps a `Belief` in state
"unknown" and sends an 0200; after 30 s without an answer it sends an 0400 under a key of its own, and
repeats that until it is answered. Answer 00 makes the belief "reversed", answer 21 "never was". In both
cases no money moved.

Three things hold for every bank here. It never asks the machine's books what happened: its record is made
of what it sent and heard. A transaction whose outcome is unknown is reversed until the reversal is answered
(docs/protocol.md section 6). Time is handed in, by a reactor and a function `now`.

Beside them: `relay` passes bytes between two sockets; certify's interposer, the chaos proxy and the
cluster's balancer are made of it. `processes` starts `qianzhi`.
"""
