"""How fast an export goes, how long it waits, and how long it will take."""

import time
from collections.abc import Callable
from datetime import UTC, datetime

from pocketsflow_async._quota import QuotaState
from pocketsflow_async.export import ExportProgress


class Pace:
    """Learns from what an export tells.

    Args:
        clock: seconds that never go back.
        now: the time on the wall, which the quota is told in.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._clock = clock
        self._now = now
        self._first: dict[str, tuple[float, int]] = {}
        self._last: dict[str, ExportProgress] = {}
        self._final: dict[str, float | None] = {}
        self._quota: QuotaState | None = None

    def add(self, progress: ExportProgress) -> None:
        """Learn how far a resource has come."""
        name = progress.resource
        if progress.done and name not in self._final:  # what is counted now was not all fetched
            self._final[name] = self.rate(name)
        self._first.setdefault(name, (self._clock(), progress.records))
        self._last[name] = progress
        self._quota = progress.quota
        if progress.records == progress.expected and name not in self._final:
            self._final[name] = self.rate(name)

    def rate(self, resource: str) -> float | None:
        """Records a second, as long as they came; None when too little is known."""
        if resource in self._final:
            return self._final[resource]
        if resource not in self._first:
            return None
        start, before = self._first[resource]
        seconds, records = self._clock() - start, self._last[resource].records - before
        return records / seconds if seconds > 0 and records > 0 else None

    def state(self, resource: str) -> str | None:
        """`done` when its file stands, `all read` while it is still to be written; None before that."""
        progress = self._last.get(resource)
        if progress is None or not (progress.done or progress.records == progress.expected):
            return None
        return "done" if progress.done else "all read"

    def wait(self) -> float:
        """Seconds until the quota lets another request through."""
        return 0.0 if self._quota is None else max(0.0, (self._quota.next_at - self._now()).total_seconds())

    def left(self, resource: str) -> float | None:
        """Seconds until a resource is done; None when nobody knows.

        At its own rate so far, or as the quota lets all resources' requests through if that takes longer.
        """
        progress, rate = self._last.get(resource), self.rate(resource)
        if progress is None or progress.done or progress.expected is None or rate is None:
            return None
        return max(_rest(progress) / rate, self._by_quota())

    def _by_quota(self) -> float:
        quota = self._quota
        if quota is None:
            return 0.0
        pages = sum(_rest(one) * one.pages / one.records for one in self._last.values() if one.records and not one.done)
        return max(0.0, pages - quota.tokens) * quota.limit.period / (quota.limit.sustained * quota.pace)


def _rest(progress: ExportProgress) -> int:
    return max(0, (progress.expected or 0) - progress.records)


def clock_text(seconds: float) -> str:
    """A length of time for people: 9 s, 2:05 or 1:02:05."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
