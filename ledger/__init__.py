"""Money: what is owed, what was done, what it adds up to. Speaks fen, dues and keys; never field numbers
or sockets.
"""
