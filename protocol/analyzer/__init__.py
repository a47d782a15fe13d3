"""The analyser of bytes: explains messages, captures and dumps to people. Nothing that serves a bank imports
it.
"""
