"""Certification: the interface asked of a front-end machine as a bank would ask it, and watched in a bank as
the machine would see it. docs/certify.md is the user's page.

Two examinations with one kind of result:

- of a machine (`qianzhi-certify fep`): the examiner is a bank. A *case* is a sentence of the interface and
  steps; each is run on a link of its own, and what it had approved is reversed at its end;
- of a bank (`qianzhi-certify bank`): the bank connects to a *trial machine*, the real one on a throw-away
  installation behind an *interposer*. The policy that the bank names provokes what happens to its message
  (an *exercise*: the answer comes late, comes wrong, never comes); afterwards *rules* judge what the bank
  did.

A result is `passed`, `failed` or `not applicable`, with the checks that were made and the messages as a
person may see them (`transcript`: identity numbers, keys and PIN blocks are masked in the hex as well).

The invariants: no book and no database of the machine examined is read; what has no occasion is not
applicable and never passed; a report is a pure function of the run, the same bytes for the same run.

One example, of a machine. The case "a reversal names its original" sends an 0200 for the due CERT-A1,
expects 39 = 00, sends an 0400 that names it in DE 90, expects 39 = 00, and asks whether the due is open.
One example, of a bank: policy PRACT-03 provokes silence, so the rule "an unanswered 0200 is reversed" looks
for an 0400 with that DE 90 after 30 s; a bank that says nothing more fails it.

The map, for a machine: `terms` (what was agreed), `dues` (what is worked on), `drafts` (messages as
recipes), `steps` (what a case is made of), `cases`, `talk` and `wire` (one case's conversation, its
socket), `examiner`. For a bank: `exercises`, `trial_machine`, `interposer`, `scheduler` (what happens to
each frame), `story` (events put in order), `transactions` and `links` (judges), `watch` (the rules),
`rehearsal`. For both: `forgery`, `transcript`, `result`, `report`, `cli`.

What is asked does not belong into `talk`, and what is right not into `scheduler`: they only do and note
down.
"""
