"""Business days with banks, bank files and everything that goes wrong, and what must be found of it.

Proof of the product and a show of it; not installed. Two ways through a day:

- over real sockets, one day: `demo` (`make demo`) starts the machine as a process, lets `customers` trade
  at three simulated banks, cuts over in full flow, closes the day at the office, has `collecting` collect by
  batches through the banks of `simulators.channel` and `archiving` archive the day; `live` (`make live`)
  trades until Ctrl-C, for whoever wants to see the status page move;
- without sockets, many days: `business_days` drives the front book directly, at the ledger's own speed.

At the end of a day each bank has a record of what it believes (`simulators.beliefs`). Two things follow:

- `comparison` holds the record against the machine's journal: they must agree entry by entry;
- `dayfile` turns the record into the lines of the bank's file, and `discrepancies` puts mistakes of every
  class into those lines and says which break the office must report for each. One example: a line of 12000
  fen is written as 12100; `seed` returns it with an `Expected` of class amount_differs and a difference of
  100 fen.

What must be found is said by the interface's rules alone. Nothing of `office.matching` may be used here:
the proof of the reconciliation would then prove itself.
"""
