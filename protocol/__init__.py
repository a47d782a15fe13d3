"""What goes over the wire: bytes to messages and back.

Pure: no sockets, no clock, no entropy, no logging, no files but its own data.
"""
