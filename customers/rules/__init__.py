"""The rules of persons: their names here, how a document is known again, the states of a person.

Pure: values in, values out. No SQL, no file and no cipher may be put here.

    person           a person's name of 16 characters, kinds, roles; the keyed digest of an identity document
    states           what can happen to a person, and to a proposal, as tables of data
    contact          kinds of contacts: the check, the one spelling and the tail of each, its keyed digest
    contact_states   what can happen to a contact, a change, an agent, a consent, as tables of data
    notice_states    what can happen to a notice, a delivery, a task, as tables of data
    sending, task    when a notice goes and by which channel; when a task is taken away again
    template         the values that a text to a customer may have, and what a text may not hold
"""
