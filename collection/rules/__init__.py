"""The rules of collection, pure: values in, values out.

    states     all that can happen to a mandate, a batch and a line, as tables
    mandate    what a mandate lets be collected, when, and when it ends by itself
    attempts   on which date a due is tried next, and when it is not tried again
    dunning    on which date a due gets which notice, reminder or task

No statement, file or setting may be put here.
"""
