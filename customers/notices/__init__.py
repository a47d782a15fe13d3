"""Notices to the insurer's customers, and tasks for staff where no notice helps.

    tasks       what staff have to do: opened once, taken, finished; closed by an event, escalated by time
    templates   the texts, as data: a template's id, its places, Chinese and English
    queue       a notice that is wanted: once by its dedupe, once a template and thing
    message     what a sender is, what it is given, and what it answers; mail: a notice as a mail
    senders/    a folder, a mail server, a gateway; gateway: a gateway as data; opening: those of the settings
    outbox      deliveries as rows, and the steps of a notice that follow from them
    conditions  what in the customers' data opens a task and ends one
    dispatch    what is sent when, and what was reported
    letters     a day's letters to print

Nothing of a person in clear stands in a notice or a task: a template has named places for sums and for the
last characters of numbers. When something goes is decided in `customers.rules.sending`; its states stand in
`customers.rules.notice_states`. No clock is read here.
"""
