"""Where a program keeps its tokens: stores them, loads what other processes stored, and locks while it refreshes."""

import asyncio
import inspect
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime
from typing import Any

from pocketsflow_async._redaction import redact_text
from pocketsflow_async._tokens import Tokens, is_sendable
from pocketsflow_async._values import is_text
from pocketsflow_async.errors import ConfigurationError

OnTokens = Callable[[Tokens], Any]
"""Stores new tokens; a plain function or an async one."""

LoadTokens = Callable[[], Any]
"""Returns the `Tokens` that were stored last, or None; a plain function or an async one."""

TokenLock = AbstractAsyncContextManager[Any] | Callable[[], AbstractAsyncContextManager[Any]]
"""Held while tokens are refreshed: an async context manager, or a function that returns one."""

PATIENCE = 60.0
"""Seconds that one call of `on_tokens`, `load_tokens` or the lock may take."""

_LONGEST = 1 << 15
"""Characters of an error's text that are looked through for tokens."""

_MOST = 100
"""Errors behind an error that are looked through for tokens."""


class TokenStore:
    """The program's own functions. Whatever they raise becomes a `ConfigurationError`."""

    def __init__(self, on_tokens: OnTokens | None, load_tokens: LoadTokens | None, lock: TokenLock | None) -> None:
        for name, function in (("on_tokens", on_tokens), ("load_tokens", load_tokens)):
            if function is not None and not callable(function):
                raise ConfigurationError(f"{name} must be a function or None, not {type(function).__name__}")
        if lock is not None and not callable(lock) and not hasattr(lock, "__aenter__"):
            raise ConfigurationError(
                "lock must be an async context manager, a function that returns one, or None, "
                f"not {type(lock).__name__}"
            )
        self.on_tokens = on_tokens
        self.load_tokens = load_tokens
        self._lock = lock

    async def store(self, tokens: Tokens) -> None:
        """Let the program store new tokens."""
        if self.on_tokens is not None:
            remedy = (
                "the new tokens are not used yet; `tokens` has them, and the next call passes them to on_tokens again"
            )
            await _called("on_tokens", remedy, tokens, self.on_tokens, tokens)

    async def load(self) -> Tokens | None:
        """The tokens that were stored last; None where the program does not say."""
        if self.load_tokens is None:
            return None
        loaded: Any = await _called("load_tokens", "nothing was refreshed", None, self.load_tokens)
        if loaded is None:
            return None
        if not isinstance(loaded, Tokens):
            raise ConfigurationError(
                "load_tokens must return Tokens(access_token=…, refresh_token=…, expires_at=…) or None, "
                f"not {type(loaded).__name__}"
            )
        access, refresh = loaded.access_token, loaded.refresh_token
        expires_at: Any = loaded.expires_at
        for name, is_valid in (
            ("access_token", access == "" or is_sendable(access)),
            ("refresh_token", refresh is None or is_text(refresh)),
            ("expires_at", expires_at is None or isinstance(expires_at, datetime)),
        ):
            if not is_valid:
                raise ConfigurationError(f"load_tokens returned Tokens whose {name} is invalid: store them again")
        return loaded

    @asynccontextmanager
    async def locked(self) -> AsyncGenerator[None]:
        """Hold the program's lock, if it has one."""
        if self._lock is None:
            yield
            return
        lock: Any = self._lock
        if isinstance(lock, type) or not hasattr(lock, "__aenter__"):
            lock = await _called("lock", "nothing was refreshed", None, lock)
        if not hasattr(lock, "__aenter__") or not hasattr(lock, "__aexit__"):
            raise ConfigurationError(f"lock must return an async context manager, not {type(lock).__name__}")
        await _called("lock", "nothing was refreshed", None, lock.__aenter__)
        try:
            yield
        finally:
            await _called("lock", "it may still be held", None, lock.__aexit__, None, None, None)


async def _called(name: str, remedy: str, tokens: Tokens | None, function: Callable[..., Any], *arguments: Any) -> Any:
    """Call a function of the program; whatever Python can raise there is a `ConfigurationError`."""
    limit = asyncio.timeout(PATIENCE)
    try:
        async with limit:
            result = function(*arguments)
            return await result if inspect.isawaitable(result) else result
    except KeyboardInterrupt:
        raise
    except BaseException as exc:  # a SystemExit, too, would end the event loop
        task = asyncio.current_task()
        if isinstance(exc, asyncio.CancelledError) and task is not None and task.cancelling():
            raise
        failure = exc
    what = f"took longer than {PATIENCE:g} s" if limit.expired() else f"raised {type(failure).__name__}"
    error = ConfigurationError(f"{name} {what}: {remedy}")
    if tokens is None or not _shows(failure, (tokens.access_token, tokens.refresh_token or "")):
        error.__cause__ = failure
    raise error


def _shows(failure: BaseException, secrets: tuple[str, ...]) -> bool:
    """Whether an error, or one that it came from or holds, has a token in a text, or cannot be looked through."""
    left, seen = [failure], set[int]()
    while left:
        error = left.pop()
        if id(error) in seen:
            continue
        seen.add(id(error))
        try:
            if len(seen) > _MOST or any(_has_secret(text, secrets) for text in _texts(error)):
                return True
            held: tuple[BaseException, ...] = getattr(error, "exceptions", ()) if _is_group(error) else ()
        except BaseException:  # noqa: BLE001 - its own __str__ or __repr__ raised
            return True
        left += [one for one in (error.__cause__, error.__context__, *held) if one is not None]
    return False


def _is_group(error: BaseException) -> bool:
    return isinstance(error, BaseExceptionGroup)


def _texts(error: BaseException) -> Iterator[str]:
    yield str(error)
    yield repr(error)
    yield repr(getattr(error, "__notes__", ()))
    yield repr(vars(error))


def _has_secret(text: str, secrets: tuple[str, ...]) -> bool:
    return len(text) > _LONGEST or redact_text(text, secrets) != text
