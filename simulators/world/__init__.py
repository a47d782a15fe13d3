"""The deterministic world: the real machine, banks and a network in virtual time, all from one seed.

The idea: the machine that serves is run unchanged, and everything around it is simulated and may fail.
Beside it an oracle, written from the interface's description alone, says what must be so. A seed and a
commit repeat a run byte for byte, so a failure found once can be looked at as often as one likes:

    python -m simulators.world --seed 7 --trace

Not installed, and used by nothing that serves. docs/world.md tells what is simulated and what is checked.

The nouns. A *fixture* is a folder in memory with templates of both books, copied for each run. A *plan* is
what a seed has in store: banks, weather, faults, people. A *script* is what one teller does, as a generator
that asks and waits. A *ruling* is what the rules demand of one request. A *violation* is a sentence about
something that was not so; a run without one has passed.

The invariants:

1. The judges (`reading`, `rules`, `conversation`, `answer_check`, `budget`, `stamps`, `trouble`, `accounts`,
   `observer`, `oracle`) import nothing of `ledger`, `fep` or `office`; otherwise they would repeat the same
   mistake. tests/simulators/test_world.py looks.
2. All chance comes from the seed, by a generator for each thing that draws, so that a change in one part
   leaves the draws of another as they were.
3. Nothing but `cli` reads a real clock.
4. Every entry is decided a second time, in the journal's order; every answer is held against the disk at
   the moment when its bytes leave.

One example. Bank 01020000 sends an 0200 of 120000 fen for due D1. `network` delivers its bytes late and in
two pieces; `conversation` follows them at the machine's end, `reading` makes an `Ask` of them. `store`
loses the COMMIT after it has worked, the machine is killed and started again, the bank reverses. `observer`
sees two new rows in the file. `rules` demands, in their order: 00 for the collection, then 00 for the
reversal, and D1 open again. An answer 21 to the reversal would be a violation, since the collection is on
disk.

The map, in the order of a run: `plan` (with `walltime`) draws; `fixture` prepares; `run` puts together and
drives; `network`, `store`, `machine` carry the real program; `banks` with `misconduct` and `false_claims`
(in a `scene`) trade; `operator` and `clerks` are the people; `conversation`, `reading`, `observer`,
`rules`, `answer_check`, `budget` and `stamps` serve the `oracle`; `closing` and `accounts` are the office's
close and its check; `cli` runs seeds. `mutations` and `hunt` put deliberate bugs in, to see whether they
are found.
"""
