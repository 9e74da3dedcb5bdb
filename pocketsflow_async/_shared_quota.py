"""One quota for all clients of one host and key in this process: the server counts them together, so do we.

A quota outlives its clients until it has nothing left to remember, so that a program which opens a client for every
job does not begin each with a full bucket that the server knows to be empty.
"""

from hashlib import blake2b
from threading import Lock
from urllib.parse import urlsplit
from weakref import WeakValueDictionary

from pocketsflow_async._config import RateLimit, Secret
from pocketsflow_async._quota import RateLimiter

_known: WeakValueDictionary[tuple[str, bytes, RateLimit], RateLimiter] = WeakValueDictionary()
_kept: set[RateLimiter] = set()
_lock = Lock()


def shared_quota(base_url: str, key: Secret, limit: RateLimit) -> RateLimiter:
    """The quota of this host, key and limit.

    Whoever states another limit has a quota of its own: that is how a share is set aside for a part of a program.
    """
    parts = urlsplit(base_url)
    place = (f"{parts.scheme}://{parts.netloc}".lower(), blake2b(key.reveal().encode()).digest(), limit)
    with _lock:
        _kept.difference_update([quota for quota in _kept if quota.is_idle()])
        quota = _known.get(place)
        if quota is None:
            quota = _known[place] = RateLimiter(limit)
        return quota


def keep(quota: RateLimiter) -> None:
    """Remember a quota beyond the end of its client, for as long as there is something to remember."""
    with _lock:
        if not quota.is_idle():
            _kept.add(quota)
