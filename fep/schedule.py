"""When a business day is to be cut over by the clock.

Pure: the local time, the open day and the hour in, yes or no, or how long, out. Who asks, and what is done
then, `fep.service` says.
"""

from __future__ import annotations

from datetime import datetime
from datetime import time as time_of_day


def is_time(now: datetime, business_date: str, cutover: str) -> bool:
    """Whether the day `business_date` (YYYYMMDD) should have been cut over by `now` (local): it is its date
    and `cutover` (HH:MM) has come, or its date is over. A machine that was down at the hour does it when it
    is up.
    """
    moment = f"{now:%Y%m%d%H:%M}"
    return moment >= f"{business_date}{cutover}"


def seconds_left(now: datetime, business_date: str, cutover: str) -> int:
    """Whole seconds from `now` (local) to the cut-over of the day `business_date` at `cutover` on the wall
    clock; negative where it is late.
    """
    at = datetime.combine(datetime.fromisoformat(business_date), time_of_day.fromisoformat(cutover))
    return int((at - now.replace(tzinfo=None)).total_seconds())
