"""What the archive takes in: a posted business date of the office; documents and contracts' ends of the core.

Nothing is believed that is not proved: the journal's chain is computed again while it is written out, the
day's seal is checked, a bank's file must have the digest that it was taken with, an export that of its
manifest. A date of which a piece is missing is *waiting*: the piece is named, and the next date is not held
up by it. A date that was gathered before must come to the same digest again.

    pieces       what a date needs, and what is missing of it
    journal      the entries of a date, a file a chain, and the holders' names under their persons' keys
    office_day   everything else of a posted date: seal, audit logs, export, bank files, reports
    receipts     the receipts that were signed at the close of a date
    documents    documents of the core's inbox: known by their content, found by policy and digest
    ends         the core's lists of contracts that ended: their papers' years begin
    gather       a date as a parcel's folder, whole or not at all
    take         a parcel into the catalogue, once; again only to compare

The office's and the front's books are read and never written. What a volume is may not be put here.
"""
