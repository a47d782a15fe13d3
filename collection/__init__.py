"""Collection away from the counter: dues collected in batches through a bank or card channel, by mandate.

A customer signs a *mandate* once. Each day a *batch* of dues is planned for a *channel* (a bank and its
product), approved by another person, held in the front book so that no counter can settle them meanwhile,
written as the channel's request file, and sent. Its answer is applied line by line: a success is an advice of
the front book, a return a reversal advice. A *line* whose outcome is not known stays held: no clock ends it.

It has a database of its own, in the inner zone. No clock is read here and no bytes are drawn: moments and
entropy come as arguments. Nothing about counters, postings or volumes may be put here.
"""
