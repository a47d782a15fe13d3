"""The office's own database: tables, guards, bulk reads and writes, the audit log."""
