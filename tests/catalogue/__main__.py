"""`python -m tests.catalogue`: the catalogue with every text, and what the program reads of it.

A text that is new, or was changed, comes in without a translation: write it into the .po, and run this again.
"""

from __future__ import annotations

from tests.catalogue.texts import COMPILED, SOURCE, all_texts, as_compiled, as_source, catalogue, completed

if __name__ == "__main__":
    whole = completed(catalogue(), all_texts())
    source = as_source(whole)
    SOURCE.write_bytes(source)
    COMPILED.write_bytes(as_compiled(source))
    for message in whole:
        if message.id and not any(message.string):
            print(f"not translated: {message.id!r}")
