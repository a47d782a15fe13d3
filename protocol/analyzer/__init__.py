"""Explains bytes to people: what a capture, a hexdump or a line of a log holds, and where it is wrong.

The command `qianzhi describe` is made of it. It decodes with the wire's own `framing`, `codec` and `tlv`, so
that what it says of a message is what a link would do with it; no module that a message passes imports it.

The nouns
    stretch  bytes that belong together: a whole input, one packet of a dump, one direction of a connection.
    guess    a framing and a dialect for a stretch. All are tried, and ranked by how well they explain it.
    reading  a stretch in one framing and dialect: its frames, each a tree of nodes (name, value, meaning).
    anchor   a field whose pattern is so specific that a fit proves that the message is read in step there.
    wrong    the first byte at which a message stops being one, and what should stand there.

The invariants
    - Whatever the bytes, `explain` raises nothing.
    - A value is shown only if `field_display` knows that it is harmless, and if the message is read in step
      around it: out of step, any digits may be a card number. Everything else is hidden, with the reason.
    - The names of the fields of what `explain` returns are the keys of `qianzhi describe --json`: they stay.

An example: the input "002a 30323030 ..." is read as hex digits; of the guesses (2be, ascii87) ranks first;
its first node is the length, 42 bytes; then MTI 0200, "financial request, acquirer"; DE 2 is masked; DE 4
"000000120000" means "1,200.00 yuan".

The modules, in the order in which an input goes through them
    explain        joins the others: one input in, its streams explained.
    hexdump        the bytes in a text; `find_typo` in hex digits.
    dump_rows      the rows of a hexdump, joined by their offsets.
    other_protocols what is TLS, HTTP and the like, and no message.
    capture        the TCP streams in a pcap or pcapng file, or in dumped packets.
    describe       guesses framing and dialect; cuts the frames.
    variants       dialects a key away from a shipped one, for what none of these reads.
    head_finder    where a message may begin behind a head that no shipped framing has.
    field_tree     the tree of a message's nodes, its secrets hidden.
    error_locator  the first wrong byte of a message that does not decode.
    field_display  how each field is displayed, and whether it may be shown.
    message_trial  whether a captured message reads in a dialect, and is written again byte for byte.

What may not be put here: colours, columns and options (`console.describe`), and rules of decoding of its own.
"""
