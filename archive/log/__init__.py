"""The archive's transparency log: that nothing which was archived can be changed or left out unseen.

Whatever is archived is a *leaf*: a line of text that names it and has its SHA-256. All leaves, in the order
in which they were archived, make a Merkle tree (RFC 6962, section 2.1), which only grows. A *checkpoint* is
the tree's size and root, signed. So one hash of 32 bytes vouches for decades, and two short proofs hold for
ever: an *inclusion proof*, that a leaf is in the tree of a checkpoint, and a *consistency proof*, that a
later checkpoint's tree begins with all of an earlier one's.

Everything here is written in the forms of the C2SP specifications, byte for byte, so that other people's
programs read it: signed-note, tlog-checkpoint, tlog-tiles, tlog-cosignature and tlog-proof.

An example: three receipts are archived.

    leaves = [Leaf("receipt", "202611240100000000016", "9f86..."), ...]
    size   = append_hashes(folder, 0, [leaf.hash for leaf in leaves])      3; writes tile/0/000.p/3
    nodes  = nodes_of(folder, size)
    note   = signed(Checkpoint("insurer.example/archive", 3, root(3, nodes)).text, key)
    proof  = inclusion_proof(0, 3, nodes)                  two hashes: of leaf 1, and of leaf 2

With `proof`, whoever has the first receipt and the checkpoint computes the checkpoint's root from the
receipt, by two calls of SHA-256. They need neither us nor the other leaves.

The modules:
    leaf          a leaf's text and its hash
    tree          roots and proofs out of the hashes of subtrees; their check
    tiles         the hashes in files of 256, as C2SP's tiles; what each is called
    note          a text with signatures, and the keys that make and check them
    checkpoint    a tree's size and root as a signed note; cosignatures of witnesses
    proof         one leaf's proof as a text that stands alone

Only `tiles` touches files. What is archived and when may not be put here.
"""
