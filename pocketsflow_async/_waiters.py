"""The calls of one event loop that wait for the rate limiter. Whoever uses it holds the limiter's lock."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable

from pocketsflow_async._config import PRIORITIES

BLOCKED = 0.1
"""Seconds in which an event loop reacts; one that needs longer is blocked."""

Turn = asyncio.Future[None]


class Waiters:
    """The calls of one event loop that wait, by priority and then by the number of their place.

    Attributes:
        taken: permits that were given to calls which did not go on yet, and since when.
        timer: when the loop looks at its calls again.
        called_at: since when others wait for the loop to look at its calls; None if they do not.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.taken: dict[Turn, float] = {}
        self.timer: asyncio.TimerHandle | None = None
        self.called_at: float | None = None
        self._rows: tuple[OrderedDict[Turn, int], ...] = tuple(OrderedDict() for _ in PRIORITIES)

    def __len__(self) -> int:
        return sum(map(len, self._rows))

    def __bool__(self) -> bool:
        return any(self._rows)

    def add(self, turn: Turn, priority: str, place: int) -> None:
        """Let a call wait; one that comes back stands at its old place."""
        row = self._rows[PRIORITIES.index(priority)]
        is_last = not row or place > row[next(reversed(row))]
        row[turn] = place
        if not is_last:
            for other in sorted(row, key=row.__getitem__):
                row.move_to_end(other)

    def remove(self, turn: Turn) -> None:
        """Forget a call that does not wait any more."""
        for row in self._rows:
            row.pop(turn, None)

    def first(self, *, by_place: bool) -> tuple[int, int, Turn]:
        """Whose turn is next: rank of the priority (0 where only the place counts), place, and the call."""
        heads = [(rank, next(iter(row.items()))) for rank, row in enumerate(self._rows) if row]
        firsts = [(0 if by_place else rank, place, turn) for rank, (turn, place) in heads]
        return min(firsts, key=lambda first: first[:2])

    def let_through(self, now: float, *, by_place: bool) -> bool:
        """Give a permit to the call that is next; False if that one was cancelled and only has to learn of it."""
        turn = self.first(by_place=by_place)[2]
        self.remove(turn)
        if turn.done():
            return False
        self.taken[turn] = now
        turn.set_result(None)
        return True

    def reacts(self, now: float) -> bool:
        """Whether the event loop runs and is not blocked."""
        return self.loop.is_running() and (self.called_at is None or now - self.called_at < BLOCKED)

    def call(self, function: Callable[["Waiters"], None], now: float) -> bool:
        """Have the event loop look at its calls; False when it is closed."""
        if self.called_at is None:
            try:
                self.loop.call_soon_threadsafe(function, self)
            except RuntimeError:
                return False
            self.called_at = now
        return True

    def stop_timer(self) -> None:
        """Look no more; only in the event loop itself."""
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None
