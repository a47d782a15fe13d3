"""The back office: its own database and its own process; pulls the front book's journal, holds it against the
banks' files, keeps the ledger. The front-end machine never connects to it.
"""
