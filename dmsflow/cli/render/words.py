"""How numbers, times and foreign text are written for a person. Pure; decides no layout and no colour."""

import re
from datetime import datetime, timedelta

# Control characters, and the invisible ones that reorder or break a line.
_UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def escape(text: str) -> str:
    """Text of unknown origin on one line: what a terminal would obey is written as an escape."""
    return _UNSEEN.sub(lambda match: repr(match[0])[1:-1], text)


def mask_unseen(line: str) -> str:
    """The same line, as long, with a blank for every tab and a mark for what a terminal would obey."""
    return _UNSEEN.sub("\ufffd", line.replace("\t", " "))


def write_count(number: float | None) -> str:
    """A whole number with thousands apart, or a dash for None."""
    return "-" if number is None else f"{number:,.0f}"


def write_share(share: float | None) -> str:
    """A percentage, rounded down, or a dash for None."""
    return "-" if share is None else f"{int(share * 100)}%"


def write_span(span: timedelta | None) -> str:
    """A stretch of time in its two largest units: 4.2s, 1m 12s, 3h 05m, 2d 4h."""
    if span is None:
        return "-"
    seconds = max(span.total_seconds(), 0.0)
    if seconds < 59.95:
        return f"{seconds:.1f}s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes}m {rest:02}s"
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        return f"{hours}h {minutes:02}m"
    days, hours = divmod(hours, 24)
    return f"{days}d {hours}h"


def write_moment(moment: datetime, now: datetime) -> str:
    """A moment in local time; the day is left out when it is today."""
    local = moment.astimezone()
    today = local.date() == now.astimezone().date()
    return local.strftime("%H:%M:%S" if today else "%Y-%m-%d %H:%M:%S")


def count_of(number: int, noun: str) -> str:
    """A number with its noun: 1 chunk, 12 chunks."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
