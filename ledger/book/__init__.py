"""The front book: its tables, what a batch reads and writes, loads, cut-over, retiring. No rule is decided
here.
"""
