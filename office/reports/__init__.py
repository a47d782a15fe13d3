"""What people read: reports, figures, words, traces. Nothing is changed here."""
