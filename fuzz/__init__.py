"""Fuzzing: bytes that nobody chose, into everything that reads bytes from outside. Not installed.

`python -m fuzz` says what there is. What is read by the program itself does not belong here.
"""
