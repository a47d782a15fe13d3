"""The files that come and go: dues, banks' day files, settings. Bytes in, values out; no database."""
