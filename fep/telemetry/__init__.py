"""What the machine counts and remembers of itself, cheap enough for every message. No format, no socket."""
