"""The group commit: one batch on its way to disk while the next one collects. No message, no socket."""
