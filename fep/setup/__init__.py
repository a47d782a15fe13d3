"""A new installation: settings, keys, certificates and sample banks, written once into an empty folder.

**The idea.** `qianzhi init`, the demo and most tests need a machine that serves at once. What is written is
a working installation and an example at the same time: three sample banks, each with another framing,
dialect and MAC.

**Invariants.** A file that exists is never overwritten, least of all a key. A private file is for its owner
alone from the moment that it exists (mode 0600), and its folder too (0700). Entropy and the time are handed
in, so that a test gets the same installation each time.

**Example.** `install(folder, os.urandom, now, first_port=9101, status_port=9180)` writes:

    folder/qianzhi.toml                     the settings, with their comments
    folder/keys/master.key, keys/keystore   the master key; under it the front key, the seal key, a ZMK a bank
    folder/keys/machine.crt, machine.key    what banks are shown
    folder/keys/01020000.crt, .key          a sample bank's own, as that bank would have them

**The modules:**

    install         settings, keys and certificates of a new folder
    certificates    self-signed certificates, for trials only
    backup          the machine into a folder while it serves, and back

Nothing here runs while a machine serves. A real bank makes its own key, and a real ceremony loads its ZMK
(`console.keys`).
"""
