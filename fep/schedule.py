"""When a business day is to be cut over by the clock.

Pure: the local time, the open day and the hour in, yes or no, or how long, out. Who asks, and what is done
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


def seconds_left(now: datetime, business_date: str, cutover: str | None) -> int:
    """Whole seconds from `now` (local) until the day `business_date` should be cut over, on the wall clock;
    negative where it is late. Without an hour that is when its date is over.
    """
    hours, _, minutes = (cutover or "24:00").partition(":")
    at = datetime.fromisoformat(business_date) + timedelta(hours=int(hours), minutes=int(minutes))
    return int((at - now.replace(tzinfo=None)).total_seconds())
