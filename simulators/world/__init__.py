"""The deterministic world: the real machine, banks and a network in virtual time, all from one seed.

Simulation only: nothing here is used by what serves. What must be true, `rules` and `oracle` say, without a
line of the ledger's.
"""
