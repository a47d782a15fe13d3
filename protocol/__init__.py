"""What goes over the wire: bytes to messages and back.

A bank and this machine talk over TCP. The stream of bytes is cut into *frames*; the body of a frame is one
*message*: an MTI of four digits and numbered *data elements* (DE) with text in them. How a message is written
as bytes differs from one bank's network to the next: that is its *dialect*. Nothing else differs: once a
message is decoded, the rest of the product does not know from which dialect it came.

The nouns
    frame       one message's bytes with a length before them; in some framings a head (a TPDU of 5 bytes of
                routing, a header) and a trailer too.
    message     `Message(mti, fields)`: DE number to text. Binary DEs are upper-case hex digits.
    subfield    a part of a DE that a bitmap within the DE announces: `Message.subfields`, DE 127.2.
    dialect     how MTI, bitmaps, lengths and each kind of field are written: a TOML file of `dialects/`.
    group       a tag, a length and a value; DE 48 is a list of groups.
    MAC         8 bytes in the message's last DE, 64 or 128, over every byte before it.
    key block   a MAC key on its way to the bank, encrypted and bound to its use (TR-31).

The invariants
    - Pure: no sockets, no clock, no entropy, no logging, no files except the package's own data. Bytes, keys
      and random numbers are handed in.
    - Whatever the bytes, `FrameReader.feed` raises FrameError only, `Codec.decode` DecodeError only, and
      `tlv.parse` FormatError only.
    - Encoding a decoded message gives the same bytes, but for hex digits in lower case.
    - No error text and no `repr` holds a value of a message or a byte of a key (invariant 12: no PIN, key,
      identity number or full card number in any text).
    - Code never asks for a dialect's name. What differs between dialects is data.

An example: the echo test of a link in framing 2be and dialect ascii87. Its 49 bytes, in hex, are length, MTI,
two bitmaps, DE 7, 11, 70 and 128:

    002f 30383030 8220000000000000 0400000000000001 31313234303931353031 303030303432 333031 (8 bytes of MAC)

    FrameReader(Framing.BE2).feed(data)   one Frame, its body 47 bytes (002f)
    Codec(load("ascii87")).decode(body)   Message("0800", {7: "1124091501", 11: "000042", 70: "301", 128: …})
    codec.mac_of(body, message)           the 39 bytes before DE 128, and the 8 bytes of the MAC
    MacKey.verify(covered, mac)           True; else the message is answered with DE 39 = 63

The modules, in the order in which a request and its answer go through them
    framing       bytes to frames; frames to bytes; a framing is data.
    frame_length  how a frame's length is written.
    frame_head    what stands between length and message: checked, and made for an answer.
    framing_table a framing in the words of the settings.
    dialect       the dialects: which there are, and what their files mean to the codec.
    dialect_file  what a dialect's file may say; a file holds only what differs from its base.
    dialect_check where and why a file cannot be used, in words.
    dialect_fit   what the interface needs of a dialect in which a bank is served.
    rewriting     what of a dialect pyiso8583 has no words for, rewritten before and after it.
    toml_lines    the line of a file on which a key is given.
    gb18030       GB18030 as of 2022, as a Python codec.
    content       what the content of a field may be, by its kind.
    part          the place of one field in the bytes of a message.
    subfields     what stands in one DE behind a private bitmap, read and written.
    codec         a frame's body to a message, a message to bytes with its MAC; `dissect` for people.
    message       what an MTI says; which DEs an answer echoes.
    card_number   the check digit of a card number, and how one is shown.
    tlv           the groups of DE 48.
    mac           makes and checks MACs by a method, which is data; check values of keys.
    mac_cover     what a MAC covers, where it is not the whole message.
    mac_table     a method in the words of the settings.
    keyblock_header what a key block says of its key, and which uses fit which MAC.
    keyblock      wraps a new MAC key for the bank, and unwraps it.
    transactions  every processing code (DE 3), one row each.
    responses     every response code (DE 39), one row each.
    code_names    the names of both, as they stand inside a sentence.
    decline       a refusal without decoding the request, for the moment of overload.
    errors        the family of errors: PeerError is the bank's fault, OwnError is ours.
    analyzer/     explains bytes to people. No module that a message passes imports it.

What may not be put here: what a message means for money (`ledger.rules`), which messages a link may send at a
moment (`fep.links.session`), and everything that has to wait, connect or remember.
"""
