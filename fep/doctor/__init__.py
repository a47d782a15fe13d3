"""Checks of an installation, of the settings of one bank, and of the machine before it serves."""
