"""The archive: closed days on write-once volumes, found exactly for decades, proved without us.

What belongs to one business date is a *parcel*. Parcels of one retention class make a *volume*: a folder of
plain text with sums, sorted indexes, a signed note and a log, in an ISO 9660 image that is written once. A
*copy* is one medium that carries a volume; some data volumes and their parity volume make a *set*. The
*catalogue* knows where everything is, and can be made again from the volumes alone.

No clock is read here and no bytes are drawn: moments, keys and entropy come as arguments. What a payment or a
posting means may not be put here: the archive keeps what `office` has decided.
"""
