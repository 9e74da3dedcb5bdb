"""Idempotency keys: a write that is sent again with the same key is answered again, and not done again."""

import asyncio
from collections import OrderedDict
from hashlib import blake2b
from typing import Final

import attrs

from pocketsflow_async.sandbox._bodies import Answer
from pocketsflow_async.sandbox._calls import Refused

MOST_KEYS: Final = 10_000
REPLAYED: Final = {"Idempotent-Replayed": "true"}


@attrs.define(eq=False)
class Entry:
    """What is known of a key. Who works on it holds its lock, so that others wait for the answer.

    Attributes:
        request: a digest of the request that the key was first used for.
        answer: what it was answered; None as long as it has not succeeded.
        lock: held while a request is at work.
    """

    request: bytes
    answer: Answer | None = None
    lock: asyncio.Lock = attrs.field(factory=asyncio.Lock)

    def replay(self) -> Answer | None:
        """The first answer once more, which says that it is one."""
        if self.answer is None:
            return None
        return attrs.evolve(self.answer, headers={**self.answer.headers, **REPLAYED})


class Keys:
    """The keys that were used last.

    Args:
        most: how many are remembered.
    """

    def __init__(self, most: int = MOST_KEYS) -> None:
        self._most = most
        self._entries: OrderedDict[tuple[str, str], Entry] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    def entry(self, caller: str, key: str, verb: str, path: str, body: bytes) -> Entry:
        """What is known of a caller's key, for this request.

        Raises:
            Refused: the key was used for another request, which succeeded or is at work.
        """
        head = f"{verb} {path}\n".encode(errors="surrogateescape")
        request = blake2b(head + body, digest_size=16).digest()
        entry = self._entries.get((caller, key))
        if entry is None:
            entry = self._entries[caller, key] = Entry(request)
            if len(self._entries) > self._most:
                self._entries.popitem(last=False)
        elif entry.answer is None and not entry.lock.locked():
            entry.request = request
        elif entry.request != request:
            raise Refused(409, "IDEMPOTENCY_CONFLICT", "this Idempotency-Key was used for another request")
        return entry
