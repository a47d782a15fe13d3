"""The clock and the business day as the machine lives them: when a day ends, and whether the clock may end
it.
"""
