"""The process itself: its reactor, its memory, the text of its log."""
