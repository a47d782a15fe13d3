"""Benchmarks that anyone can run again: `make bench`. Figures are for comparing, never for a test to
depend on.
"""
