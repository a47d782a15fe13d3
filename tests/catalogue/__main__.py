"""`python -m tests.catalogue`: the catalogues with every text, of the commands and of the pages.

A text that is new, or was changed, comes in without a translation, or with a fuzzy one: write it into the .po
that is named, take the line `#, fuzzy` out, and run this again.
"""

from __future__ import annotations

from tests.catalogue.texts import COMPILED, SOURCE, all_texts, as_compiled, as_source, catalogue, completed
from tests.docs import translations

if __name__ == "__main__":
    whole = completed(catalogue(), all_texts())
    source = as_source(whole)
    SOURCE.write_bytes(source)
    COMPILED.write_bytes(as_compiled(source))
    lacking = [repr(message.id) for message in whole if message.id and not any(message.string)]
    for text in (*lacking, *translations.write()):
        print(f"not translated: {text}")
