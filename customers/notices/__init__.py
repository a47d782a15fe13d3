"""Notices to the insurer's customers, and tasks for staff where no notice helps.

    tasks       what staff have to do: opened once, taken, finished; closed by an event, escalated by time
    templates   the texts, as data: a template's id, its places, Chinese and English
    queue       a notice that is wanted: once by its dedupe, once a template and thing

Nothing of a person in clear stands in a notice or a task: a template has named places for sums and for the
last characters of numbers. When something goes is decided in `customers.rules.sending`; its states stand in
`customers.rules.notice_states`. No clock is read here.
"""
