"""The machine's settings: read, checked whole, edited, compared. Nothing is started here."""
