"""The senders that are shipped; each is a `customers.notices.message.Sender`.

    folder   a file for each message, .eml or .txt, for whoever takes them from there
    smtp     a mail server, by TLS
    http     a gateway whose requests and answers are data in the settings

No settings are read here, no clock and no database.
"""
