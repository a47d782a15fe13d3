"""The machine's keys: what one is, where it is kept, and where a process gets it from."""
