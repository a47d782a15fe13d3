"""Several nodes on one front book: what `make cluster` starts, and what the tests take apart."""
