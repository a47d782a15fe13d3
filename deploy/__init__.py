"""What a site needs beyond the program: the Debian package and its parts, units, rules for monitoring."""
