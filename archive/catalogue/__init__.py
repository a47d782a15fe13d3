"""The catalogue: where each parcel, volume and copy is, and everything that was done with them.

It holds nothing that the volumes do not: it is made again from them (`archive.rebuild`), but for who holds
which copy, and who asked for what. So it is guarded like a book: what was done is append-only, a state goes
only where the tables of `archive.rules.states` let it, a volume is safe only while the copies' rows say so,
and what needs two people has two.

    schema         the tables, with their constraints
    guards         the triggers that the tables of states make, and those of two people
    acts           the audit log of what was done, and the chained record of who read what
    parcels        parcels: expected, complete, staged, sealed
    volumes        volumes and their files
    copies         copies: written, verified, on a shelf, lent; loans and checks
    proposals      what two people decide: a hold's end, a destruction, a copy too few
    fetches        requests for volumes that are not at hand
    ends           when contracts ended, and what follows for the volumes with their papers
    cosignatures   what witnesses have signed of the log

Statements on tables only: what is written to disk and when, `archive.sealing` and `archive.keeping` say.
"""
