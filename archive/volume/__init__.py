"""The form of a volume: a folder of plain text with sums and sorted indexes, and its image for a disc.

A volume must be readable when nothing of ours runs any more. So it is a BagIt bag (RFC 8493) whose sums
`sha256sum -c` checks, its indexes are sorted text that `look` or an editor searches, and its image is an
ISO 9660 file system, in which each file lies in one piece. The same staged folder gives the same bytes each
time: no clock is read here, and files are walked in the order of their names.

    names         the files of a volume, and which names a file may have
    index         lines of an index: written in bounded memory, looked up, merged
    description   volume.txt: what the volume is, as text
    sums          what a file's bytes are known by: SHA-256 of the whole and of its blocks
    file_list     index/files.txt and index/blocks.txt: each file's number, sums and place in the image
    bag           the manifests and the two files that make the folder a bag
    build         a staged folder becomes a volume
    image         the ISO 9660 image: written, and read again by another path
    medium        the bytes of a folder, an image or a drive, by file and offset
    reader        records read from a volume, each proved before it is given out
    parity        the image that is lost is made again of the others of its set
    sources       the program's own sources, as a tar
    carried       what every volume carries besides what is kept
    writing       files that are whole on disk, or not there

What is on a volume, and when one is made, may not be put here: `archive.intake` and `archive.sealing` decide
that. Nothing here knows a payment.
"""
