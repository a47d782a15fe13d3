"""The process itself, whatever it does: its reactor, its memory, and the text of its log.

Each module answers one question that every command of `qianzhi` has before it does anything.

    reactor     by which clock do timers count? By the monotonic one (decision 0018)
    memory      who may read this process's memory? Nobody: it is not dumpable and writes no core file
    commit_thread   where is the book written? In one thread, one call after the other
    side_thread     where is what may hang called? In a thread that keeps no process from ending
    log_writer  who waits for whoever reads the log? A thread of its own, and never the reactor
    logtext     what may a log line or a traceback show? No value: no card number, identity number, PIN or key

What always holds here (docs/architecture.md, "What must always hold", number 12):

 1. The real reactor is imported in one place, `reactor.real_reactor`; everything else is handed a clock.
 2. Memory is made private before the first key is read.
 3. Nothing is written to the log but through `logtext.log_observer`, and no traceback is shown to a person
    but through `logtext.traceback_text`.

An example: a bank's message makes an unexpected `KeyError` whose text is a card number.

    in the log     Traceback (most recent call last): ... File ".../link.py", line 120 ... KeyError
    struck         "6222021234567890123 is unknown" -> "******************* is unknown"

No setting, key, message or link may be put here.
"""
