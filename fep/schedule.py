"""When a business day is to be cut over by the clock.

Pure: the local time, the open day and the hour in, yes or no or how long out. Who asks, and what is done
then, `fep.service` says.
"""

from __future__ import annotations

from datetime import datetime, timedelta


def is_time(now: datetime, business_date: str, cutover: str) -> bool:
    """Whether the day `business_date` (YYYYMMDD) should have been cut over by `now` (local): it is its date
    and `cutover` (HH:MM) has come, or its date is over. A machine that was down at the hour does it when it
    is up.
    """
    moment = f"{now:%Y%m%d%H:%M}"
    return moment >= f"{business_date}{cutover}"


def time_left(now: datetime, business_date: str, cutover: str) -> timedelta:
    """How long until the day `business_date` (YYYYMMDD) is cut over at `cutover` (HH:MM), by `now` (local);
    none where it should have been already. Without the hour that a change of clocks adds or takes.
    """
    due = datetime.strptime(f"{business_date}{cutover}", "%Y%m%d%H:%M")  # noqa: DTZ007 - local, as `now` is
    return max(due - now.replace(tzinfo=None), timedelta())
