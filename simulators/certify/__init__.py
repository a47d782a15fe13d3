"""Certification: what the interface demands, asked of a front-end machine as a bank would ask it, and watched
in a bank as the machine would see it. Reads no book and no database of the machine that it examines.
"""
