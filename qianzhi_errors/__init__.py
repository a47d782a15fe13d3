"""What every package of ours may import: the root of our errors, and the sentences that they are raised with.

An error that the project raises by design is a `QianzhiError`. Its text is a sentence for an operator: it
names what is wrong and where (a file, a field, a key's name, a line), and repeats no value that came over the
wire or was typed. So a command prints it as one line, the log keeps its text, and the doctor shows it as a
finding. Of any other exception only the class is shown, because its text may hold a card number.

    QianzhiError
        protocol.errors.ProtocolError         bytes and messages; PeerError: the bank is at fault
            protocol.errors.MessageRefused    has `response`, the DE 39 with which the bank is answered
        ledger.errors.LedgerError             money and files; each says what is certain about the database
            office.errors.OfficeError         the back office
            customers.errors.CustomersError   the customers: persons, their keys, who decides about them
            collection.errors.CollectionError   mandates, batches, their files and forms
            archive.errors.ArchiveError       volumes, copies, the log, the catalogue
        receipts.errors.ReceiptError          receipts: their lines, signatures and public keys
        fep.errors.FepError                   the front-end machine: keys, TLS, the control socket
        firewall_rules.errors.FirewallError   the firewall's policy and its loading

Example: DE 4 is missing in a 0200. FormatError("4") is raised, a MessageRefused whose `response` is 30; the
link answers DE 39 = 30 and DE 44 = "DE 4 missing". The link needs no table from errors to codes.

The modules: `sentence` keeps how a text was made, `system` says the operating system's reasons so,
`toml_text` reads TOML with one error for all that is wrong with it.

This package imports none of ours. What is not a base of all our errors does not belong here.
"""

from __future__ import annotations


class QianzhiError(Exception):
    """Base of our errors. Each text is a sentence that may be shown and logged: it names fields, files and
    reasons, and no value that a bank or a person wrote.
    """
