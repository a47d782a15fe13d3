"""A teller's terminal screen: a bank's branch worked by hand, in Chinese or English.

Two threads: the screen lives in asyncio's loop, in the main thread, which owns the terminal; the bank lives
in Twisted's reactor in the other. Only immutable values cross (`desk` says how, and why not one loop).

One example: Enter on a due opens a dialog with the amount; Enter again asks the desk to settle; the bank
sends an 0200; the receipt opens as paper. With F8 pressed before, the answer is thrown away: the bank
reverses, and the screen tells of it as it happens.

The map: `samples` (policies to try), `screen` and `dialogs` (what is shown, which key does what), `wording`
(every text, in both languages), `desk` (what can be asked), `cli`. An identity number is typed unseen, is
sent, and is kept nowhere here.
"""
