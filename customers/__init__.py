"""The insurer's customers: persons under names that mean nothing, and keys by which each can be forgotten.

Outside this package a person is 16 characters that say nothing. What is personal is kept sealed under a key
of that person alone; whatever goes to a place that cannot be rewritten is sealed under it too. When two
people have decided that a person is to be forgotten, the key is destroyed, and with it every copy of what it
sealed, while all hash chains go on to verify.

It has a database of its own, in the inner zone. No clock is read here and no bytes are drawn: moments and
entropy come as arguments. Nothing about transactions, postings or volumes may be put here.
"""
