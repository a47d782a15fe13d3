"""The receipt that anyone can verify: one form of it, whatever road the payment took.

A receipt is a line of text that says who was paid what, when and for which policy, and an Ed25519 signature
over that line. The insurer signs it inside; whoever has the insurer's public key checks it, with our program,
with a page in a browser, or with `openssl` alone.

    QZ1|insurer|receipt number|policy|fen|YYYYMMDDhhmmss|business date|channel|key id|signature

`line` writes and reads it, `public_keys` the file of the keys, `signature` signs and verifies; `errors` has
what they raise.

Pure: a line, a key and a moment come as arguments. No database, no file and no clock may be put here; who
keeps the signed lines is `office`, who shows them is `console`.
"""
