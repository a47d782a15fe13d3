"""The status port: metrics, health, the page and its live feed. Reads, changes nothing."""
