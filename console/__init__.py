"""The `qianzhi` command: parses arguments, calls, prints. No rule, no statement, no socket of its own."""
