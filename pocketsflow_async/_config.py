"""The settings of a client: frozen, and checked once."""

import math
import os
from collections.abc import Mapping
from typing import Any, Literal, get_args
from urllib.parse import SplitResult, urlsplit

import attrs

from pocketsflow_async.errors import ConfigurationError

Mode = Literal["live", "test", "unknown"]

Priority = Literal["high", "normal", "low"]
PRIORITIES: tuple[str, ...] = get_args(Priority)
"""Who goes first where calls wait for the quota."""

_OWN_HEADERS = {"authorization", "host", "content-length", "content-type", "transfer-encoding", "idempotency-key"}
_HEADER_MARKS = frozenset("!#$%&'*+-.^_`|~")


def _positive(_: Any, field: "attrs.Attribute[float]", value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < math.inf:
        raise ConfigurationError(f"{field.name} must be a positive finite number, not {value!r}")


def _not_negative(_: Any, field: "attrs.Attribute[float]", value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf:
        raise ConfigurationError(f"{field.name} must be zero or a positive finite number, not {value!r}")


def _count(_: Any, field: "attrs.Attribute[int]", value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ConfigurationError(f"{field.name} must be a whole number of at least 1, not {value!r}")


def _priority(_: Any, field: "attrs.Attribute[Any]", value: Any) -> None:
    if value not in PRIORITIES:
        raise ConfigurationError(f"{field.name} must be one of {', '.join(PRIORITIES)}, not {value!r}")


@attrs.frozen
class RateLimit:
    """How many requests the API allows; both documented limits hold at once.

    Attributes:
        sustained: requests refilled to the bucket in every period.
        burst: the size of the bucket, and the most requests in any one period.
        period: seconds.
    """

    sustained: int = attrs.field(default=100, validator=_count)
    burst: int = attrs.field(default=200, validator=_count)
    period: float = attrs.field(default=60.0, validator=_positive)


@attrs.frozen
class RetryPolicy:
    """When a failed try is repeated, and how long the client waits before.

    Attributes:
        attempts: all tries, the first included; 1 never repeats.
        max_elapsed: seconds after which no new try begins; the waits for the quota do not count.
        base_delay: seconds; the longest first pause. It doubles with every further try.
        max_delay: seconds; the longest pause of our own. A `Retry-After` of the server is a floor.
    """

    attempts: int = attrs.field(default=5, validator=_count)
    max_elapsed: float = attrs.field(default=120.0, validator=_positive)
    base_delay: float = attrs.field(default=0.5, validator=_not_negative)
    max_delay: float = attrs.field(default=30.0, validator=_not_negative)


@attrs.frozen
class RequestOptions:
    """What one call does differently from its client.

    Attributes:
        timeout: seconds for one try.
        deadline: seconds for the whole call: the wait for quota, every try, the pauses and the body.
        idempotency_key: sent as `Idempotency-Key` on every try; a write with a key may be repeated.
        headers: further request headers. Those that the client sets, such as `Authorization`, are refused.
        retry: another policy.
        priority: who goes first where calls wait for the quota: `"high"`, `"normal"` or `"low"`. Exports use low.
            Every tenth turn goes to the call that waits longest, whatever its priority.
    """

    timeout: float | None = attrs.field(default=None, validator=attrs.validators.optional(_positive))
    deadline: float | None = attrs.field(default=None, validator=attrs.validators.optional(_positive))
    idempotency_key: str | None = None
    headers: Mapping[str, str] = attrs.field(factory=dict[str, str])
    retry: RetryPolicy | None = None
    priority: Priority = attrs.field(default="normal", validator=_priority)

    def __attrs_post_init__(self) -> None:
        for name in self.headers:
            if name.lower() in _OWN_HEADERS:
                raise ConfigurationError(f"the header {name} belongs to the client and cannot be given in headers")
            if not name or not all(mark in _HEADER_MARKS or (mark.isascii() and mark.isalnum()) for mark in name):
                raise ConfigurationError(f"{name!r} is no name of a header")
        texts = dict(self.headers)
        if self.idempotency_key is not None:
            texts["Idempotency-Key"] = self.idempotency_key
        for name, value in texts.items():
            if not value or not value.isascii() or not value.isprintable():
                raise ConfigurationError(f"the header {name} must be printable ASCII text and not empty")


class Secret:
    """A text that never shows: not in repr, str, format or a pickle."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The text itself, for the one place that sends it."""
        return self._value

    def __repr__(self) -> str:
        return "'***'"

    def __reduce__(self) -> Any:
        raise TypeError("a secret is not pickled: build the client anew from its own key")


def check_key(api_key: str | None, *, variable: str) -> Secret:
    """The key as given, else from the environment; refuse what no HTTP header can carry."""
    source = "api_key" if api_key is not None else variable
    key = api_key if api_key is not None else os.environ.get(variable)
    if not key:
        raise ConfigurationError(f"no API key: pass api_key=… or set {variable}")
    if not isinstance(key, str):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ConfigurationError(f"{source} must be text, not {type(key).__name__}")
    if not key.isascii() or not key.isprintable() or " " in key:
        raise ConfigurationError(f"{source} has white space or control characters in it: copy the key again")
    return Secret(key)


def check_base_url(base_url: str, *, allow_insecure: bool, setting: str = "base_url") -> str:
    """The address without a trailing slash; refuse what would send credentials in the clear or nowhere."""
    advice = "give an address such as https://api.example.com"
    try:
        parts = urlsplit(base_url)
        _ = parts.port
    except ValueError as exc:
        raise ConfigurationError(f"{setting} is no address ({exc}): {advice}") from None
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ConfigurationError(f"{setting} may hold a host, a port and a path, but no user, query or fragment")
    if parts.scheme not in {"http", "https"} or not parts.hostname or not base_url.isprintable() or " " in base_url:
        raise ConfigurationError(f"{setting} {base_url!r} is no http(s) address: {advice}")
    if parts.scheme == "http" and not allow_insecure and not _is_loopback(parts):
        raise ConfigurationError(
            f"{setting} {base_url!r} would send credentials in the clear: "
            "use https, or pass allow_insecure=True if you trust every network in between"
        )
    return base_url.rstrip("/")


def _is_loopback(parts: SplitResult) -> bool:
    host = parts.hostname or ""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    from ipaddress import ip_address

    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
