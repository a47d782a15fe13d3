"""The operator's side: who asks, over which socket, what is done, and the record of it."""
