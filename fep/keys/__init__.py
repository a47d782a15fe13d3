"""The machine's keys: what a key is, where it is kept, and how a process gets it.

Three kinds of keys are kept, and a fourth is made anew for each session:

    front key    keys the digests by which the front book compares requests and identity numbers without
                 keeping them; one per node, BLAKE2b, 32 bytes
    seal key     signs the root of a closed business day; one per node, Ed25519
    ZMK          zone master key: one per bank, shared with it by two custodians' components; AES, or
                 double- or triple-length TDES. It encrypts session keys and nothing else
    session key  makes and checks MACs; made at sign-on and at each change of keys, sent to the bank in a
                 TR-31 key block under its ZMK, or by the bank that makes it; never kept

Words beside these: a *component* is one custodian's part of a key, and the key is the exclusive or of all
components; a *check value* is a few digits that name a key and give nothing of it away; the *master key* is
what the keystore file is sealed under, and comes from outside; a *token* is a PKCS#11 device, which may hold
the ZMKs in place of the keystore.

What always holds here (docs/architecture.md, "What must always hold", number 12):

 1. No key, component or PIN is in a log, a repr, an error's text or a traceback. `Secret` gives its bytes by
    `reveal` alone, and can be neither pickled nor printed.
 2. A key that exists is a good one: `checked` has seen its length, its parity and its parts.
 3. A file that holds or opens keys can be read by its owner alone, or it is refused.
 4. A keystore is written whole or not at all, and a key in it is never overwritten unless that is asked for.
 5. A ZMK in a token is never in this process.

An example: bank 01020000 signs on.

    provider = KeyProvider(settings.keystore)     the keystore is read and unsealed under the master key
    keys = provider.bank_keys(bank, entropy)      by aes-cmac: the ZMK "zmk/01020000" is an AES key
    fresh = keys.fresh()                          16 random bytes
    fresh.key                                     a MacKey, which this link's session uses from now on
    fresh.block, fresh.check_value                DE 48 of the 0810: KA, a TR-31 version D block, and CA

The modules, in the order in which a key passes through them: `keys` (what a key is; pure but for one check of
a file's mode), `keystore` (the sealed file), `hsm` (the token), `key_provider` (a process's keys, from both),
`material` (what may be said of them, so that a reload tells a new one).

No message and no link may be put here, and no key is drawn here: entropy is handed in.
"""
