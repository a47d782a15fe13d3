"""Matching: both sides of a bank's date -> pairs that agree, findings, and earlier breaks that end.

Every line of either side ends in exactly one place: in a pair that agrees, in a finding, or in the end of an
earlier break. `match` counts this before it returns, and adds up the effects: theirs - ours must be what the
findings and closings explain, to the fen (invariants 6 and 9). Otherwise it raises InvariantBroken and
nothing is written.

**How a line finds its other half**, in this order:

1. by key and direction: bank, terminal, moment, STAN. A key is given once on our side; of several lines of
   the bank's under one key, the most similar is the pair and the others are duplicates;
2. by RRN, terminal and direction, and by policy if the bank's layout has it: a bank may have renumbered;
3. by an open break of an earlier date: an event near a cut-over may be dated differently by the two sides
   (class `timing`), and one reversed later ends what was different before.

What is left has one side only, and a pair that disagrees in amount, state or details is a finding too.

**One date, worked.** We have K1 12000 done and K2 500 done. The file has K1 12000 done, K1 12000 done again,
and K3 8000 done. K1 agrees with the first line. The second is `duplicate`, 12000. K3 is `bank_only`, 8000.
K2 is `ours_only`, difference -500. Sums: theirs 32000 - ours 12500 = 19500 = 12000 + 8000 - 500.

**Modules**, in the order in which data goes through them; all but two are pure, and the first and the last
hold the statements:

    our_side           journal -> lines of our side, exception advices, reversals refused as too late
    lines              the values: Ours, Theirs, BroughtForward, Closing, Paired, Result; and `pair_differs`,
                       which decides the class of a pair that disagrees
    details            whether policy, due and processing code of two lines agree
    pairing            both sides as streams, by key -> pairs, findings, lines left
    match              lines left, earlier breaks, earlier files -> findings and closings
    tolerance          how many breaks a date may have before its file is held
    match_candidates   findings whose sum makes a line of the other side -> candidates for the clerk
    reconcile          one transaction a bank and date: reads, matches, writes the result, opens the breaks

The streams are read once, in the order of their keys, and only what does not pair is kept in memory. No
account, no resolution and no posting may be put here: how money leaves suspense is `office.accounting`'s.
"""
