"""What the archive's rules say of parcels, volumes and copies: states, retention, names and limits.

    states      what can happen to a parcel, a volume and a copy, as tables
    retention   how long each class of papers is kept, as data, and when a volume may be destroyed
    names       the names of volumes and copies, and how large each thing may be

Pure. Where a thing is and in which state, `archive.catalogue` keeps. No table of a database, no file and no
clock may be named here.
"""
