"""One quota for all clients of one host and key in this process: the server counts them together, so do we.

A quota outlives its clients until it has nothing left to remember, so that a program which opens a client for every
job does not begin each with a full bucket that the server knows to be empty.
"""

from collections.abc import Callable, Hashable
from hashlib import blake2b
from threading import Lock
from typing import Any, TypeVar
from urllib.parse import urlsplit
from weakref import WeakValueDictionary

from pocketsflow_async._config import RateLimit
from pocketsflow_async._quota import RateLimiter, Turns
from pocketsflow_async._values import shown
from pocketsflow_async.errors import ConfigurationError

T = TypeVar("T", bound=Turns)

_known: WeakValueDictionary[Hashable, Any] = WeakValueDictionary()
_kept: set[Turns] = set()
_lock = Lock()


def quota_of(given: Any, base_url: str, identity: str) -> RateLimiter | None:
    """The quota that a client's setting stands for.

    Raises:
        ConfigurationError: it stands for none.
    """
    if isinstance(given, RateLimit):
        return shared_quota(base_url, identity, given)
    if given is None or isinstance(given, RateLimiter):
        return given
    raise ConfigurationError(f"rate_limit must be a RateLimit, a RateLimiter or None, not {shown(given)}")


def shared_quota(base_url: str, identity: str, limit: RateLimit) -> RateLimiter:
    """The quota of this host, identity and limit.

    Whoever states another limit has a quota of its own: that is how a share is set aside for a part of a program.
    """
    parts = urlsplit(base_url)
    place = (f"{parts.scheme}://{parts.netloc}".lower(), blake2b(identity.encode()).digest(), limit)
    return shared(place, lambda: RateLimiter(limit))


def hashable(clock: Callable[[], float]) -> Hashable:
    """What stands for a clock in a place, as long as the clock lives."""
    try:
        hash(clock)
    except TypeError:
        return id(clock)
    return clock


def shared(place: Hashable, make: Callable[[], T]) -> T:
    """What keeps this place's count, made where it is asked for first."""
    with _lock:
        _kept.difference_update([quota for quota in _kept if quota.is_idle()])
        quota: T | None = _known.get(place)
        if quota is None:
            quota = _known[place] = make()
        return quota


def keep(quota: Turns) -> None:
    """Remember a quota beyond the end of its client, for as long as there is something to remember."""
    with _lock:
        if not quota.is_idle():
            _kept.add(quota)
