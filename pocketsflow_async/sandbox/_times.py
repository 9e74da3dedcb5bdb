"""The sandbox's calendar. It never looks at the wall clock, so that the same seed gives the same bytes."""

import re
from datetime import UTC, datetime, timedelta
from typing import Final

_UNIX: Final = datetime(1970, 1, 1)  # noqa: DTZ001 - naive on purpose: isoformat() then adds no offset
DAY: Final = 86_400_000
"""All times here are milliseconds since 1970, UTC."""


def at(year: int, month: int, day: int) -> int:
    """The first millisecond of a day."""
    return round(datetime(year, month, day, tzinfo=UTC).timestamp()) * 1000


SALES_FROM: Final = at(2024, 1, 1)
SALES_UNTIL: Final = at(2026, 1, 1)
NOW: Final = at(2026, 1, 15)
"""Where the calendar stands when a sandbox starts; it moves one second with every record created."""

_BOUND: Final = re.compile(r"(\d{4}-\d\d-\d\d)(T\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:?\d\d)?)?", re.ASCII)


def iso(milliseconds: int) -> str:
    """The time as the API writes it: 2024-01-15T10:30:00.000Z."""
    return (_UNIX + timedelta(milliseconds=milliseconds)).isoformat(timespec="milliseconds") + "Z"


def bounds(text: str) -> tuple[int, int]:
    """The first and last millisecond that a date (a whole day) or a date-time (one moment) names.

    Raises:
        ValueError: the text is neither.
    """
    match = _BOUND.fullmatch(text)
    if match is None:
        raise ValueError(text)
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    first = (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
    return first, first if match[2] else first + DAY - 1
