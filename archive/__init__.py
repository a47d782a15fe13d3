"""The archive: closed days on write-once volumes, found exactly for decades, proved without us.

What belongs to one business date is a *parcel*. Parcels of one retention class make a *volume*: a folder of
plain text with sums, sorted indexes, a signed note and a log, in an ISO 9660 image that is written once. A
*copy* is one medium that carries a volume; some data volumes and their parity volume make a *set*. The
*catalogue* knows where everything is, and can be made again from the volumes alone.

No clock is read here and no bytes are drawn: moments, keys and entropy come as arguments. What a payment or a
posting means may not be put here: the archive keeps what `office` has decided.

    rules          states, retention and names: pure
    catalogue      the database of parcels, volumes and copies, and what it refuses by itself
    intake         a posted day of the office, and the core's documents, as parcels
    numbered_files files that are too large for a volume, in parts
    parcel         what a parcel's folder holds: files, leaves of the log, rows of the indexes
    sealed_line    a line of the sealed layer, under one person's key
    sealing        parcels become a volume; volumes become a set
    merged_index   the indexes of all volumes as one
    lookup         records found and read, each proved
    proving        a record's way to the log's signed root
    witnessing     the log's newest checkpoint, and who has cosigned it
    keeping        copies, a lost image made again, destruction
    retiring       copies that leave, and copies on another kind of medium
    images         which images stay on the disk, and one made again from a copy
    medium_check   a medium against what was sealed
    rebuild        the catalogue made again of the volumes
    audit          notes, log, records and days, checked
    log            the transparency log, in C2SP's forms
    volume         the form of a volume and of its image
    config         the settings
    install        the settings of a new archive
"""
