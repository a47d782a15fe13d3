"""A TCP proxy that does to a bank's links, by rule and by seed, what networks do to them."""
