"""The settings of a client: frozen, and checked once."""

import os
import sys
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Literal, get_args
from urllib.parse import SplitResult, urlsplit

import attrs

from pocketsflow_async._json import is_mapping
from pocketsflow_async._values import is_text, number, shown, whole
from pocketsflow_async.errors import ConfigurationError

Mode = Literal["live", "test", "unknown"]
MODES: dict[str, Mode] = {"pk_live_": "live", "pk_test_": "test"}
"""What a key begins with, and the data that it sees."""

Priority = Literal["high", "normal", "low"]
PRIORITIES: tuple[str, ...] = get_args(Priority)
"""Who goes first where calls wait for the quota."""

_OWN_HEADERS = {"authorization", "host", "content-length", "content-type", "transfer-encoding", "idempotency-key"}
_HEADER_MARKS = frozenset("!#$%&'*+-.^_`|~")


def _positive(settings: Any, field: "attrs.Attribute[float]", value: object) -> None:
    _seconds(settings, field, value, zero=False)


def _not_negative(settings: Any, field: "attrs.Attribute[float]", value: object) -> None:
    _seconds(settings, field, value, zero=True)


def _seconds(settings: Any, field: "attrs.Attribute[float]", value: object, *, zero: bool) -> None:
    found = number(value)
    if found is None or found < 0 or (found == 0 and not zero):
        wanted = "zero or a positive finite number" if zero else "a positive finite number"
        raise ConfigurationError(f"{field.name} must be {wanted}, not {shown(value)}")
    if type(value) is not int:  # another library's number becomes Python's own
        object.__setattr__(settings, field.name, found)


def _count(settings: Any, field: "attrs.Attribute[int]", value: object) -> None:
    found = whole(value)
    if found is None or found < 1 or number(found) is None:
        raise ConfigurationError(f"{field.name} must be a whole number of at least 1, not {shown(value)}")
    object.__setattr__(settings, field.name, found)


def _priority(_: Any, field: "attrs.Attribute[Any]", value: object) -> None:
    if not isinstance(value, str) or value not in PRIORITIES:
        raise ConfigurationError(f"{field.name} must be one of {', '.join(PRIORITIES)}, not {shown(value)}")


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


@attrs.frozen(kw_only=True)
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


def check_retry(value: object) -> RetryPolicy:
    """The policy that a setting stands for; an int counts the further attempts."""
    if isinstance(value, RetryPolicy):
        return value
    retries = whole(value)
    if retries is None or retries < 0 or number(retries) is None:
        raise ConfigurationError(f"retry must be a RetryPolicy or an int ≥ 0, not {shown(value)}")
    return RetryPolicy(attempts=retries + 1)


MAX_RESPONSE_SIZE = 64 * 1024 * 1024
"""The most bytes of a response, unless a client says otherwise."""


def check_size(value: object) -> int | None:
    """The most bytes of a response; None for no limit."""
    size = whole(value)
    if value is not None and (size is None or size < 1):
        raise ConfigurationError(f"max_response_size must be an int ≥ 1 or None, not {shown(value)}")
    return size


def _policy(value: RetryPolicy | int | None) -> RetryPolicy | None:
    return None if value is None else check_retry(value)


def _headers(value: Mapping[str, str]) -> Mapping[str, str]:
    """A copy that nobody can change once it is checked."""
    if not is_mapping(value):
        raise ConfigurationError(f"headers must be a mapping of str to str, not {shown(value)}")
    return MappingProxyType(dict(value))


@attrs.frozen
class RequestOptions:
    """What one call does differently from its client.

    Attributes:
        timeout: seconds for one try.
        deadline: seconds for the whole call: the wait for quota, every try, the pauses and the body.
        idempotency_key: sent as `Idempotency-Key` on every try; a write with a key may be repeated.
        headers: further request headers. Those that the client sets, such as `Authorization`, are refused.
        retry: another policy, or the number of further attempts after the first one.
        priority: who goes first where calls wait for the quota: `"high"`, `"normal"` or `"low"`. Exports use low.
            Every tenth turn goes to the call that waits longest, whatever its priority.
    """

    timeout: float | None = attrs.field(default=None, validator=attrs.validators.optional(_positive))
    deadline: float | None = attrs.field(default=None, validator=attrs.validators.optional(_positive))
    idempotency_key: str | None = None
    headers: Mapping[str, str] = attrs.field(factory=dict[str, str], converter=_headers)
    retry: RetryPolicy | None = attrs.field(default=None, converter=_policy)
    priority: Priority = attrs.field(default="normal", validator=_priority)

    def __attrs_post_init__(self) -> None:
        for name, text in self.headers.items():
            _check_name(name)
            _check_header(f"the header {name}", text)
        if self.idempotency_key is not None:
            _check_header("idempotency_key, sent as Idempotency-Key,", self.idempotency_key)

    def __reduce__(self) -> Any:
        values: tuple[Any, ...] = tuple(getattr(self, field.name) for field in attrs.fields(type(self)))
        return type(self), tuple(dict(value) if value is self.headers else value for value in values)


def _check_name(name: object) -> None:
    if not isinstance(name, str):
        raise ConfigurationError(f"the name of a header must be a str, not {shown(name)}")
    if name.lower() in _OWN_HEADERS:
        raise ConfigurationError(f"the header {name} belongs to the client and cannot be given in headers")
    if not name or not all(mark in _HEADER_MARKS or (mark.isascii() and mark.isalnum()) for mark in name):
        raise ConfigurationError(f"{shown(name)} is no name of a header")


def _check_header(what: str, text: object) -> None:
    """Refuse what no header can carry; the text may be secret and is not shown."""
    if not isinstance(text, str):
        raise ConfigurationError(f"{what} must be a str, not {type(text).__name__}")
    if not text or not text.isascii() or not text.isprintable():
        raise ConfigurationError(f"{what} must be printable ASCII text and not empty")


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
    key: Any = api_key if api_key is not None else os.environ.get(variable, "")
    if not isinstance(key, str):
        raise ConfigurationError(f"{source} must be text, not {type(key).__name__}")
    if not key:
        raise ConfigurationError(f"no API key: pass api_key=… or set {variable}")
    if not key.isascii() or not key.isprintable() or " " in key:
        raise ConfigurationError(f"{source} has white space or control characters in it: copy the key again")
    return Secret(key)


def check_address(given: str | None, *, variable: str, default: str, allow_insecure: bool) -> str:
    """The base address as given, else from the environment, else the API's own; see `check_base_url`."""
    address = given if given is not None else os.environ.get(variable) or default
    return check_base_url(address, allow_insecure=allow_insecure)


def check_base_url(base_url: str, *, allow_insecure: bool, setting: str = "base_url") -> str:
    """The address without a trailing slash; refuse what would send credentials in the clear or nowhere."""
    address: Any = base_url
    advice = "give an address such as https://api.example.com"
    check_flag("allow_insecure", allow_insecure)
    if not isinstance(address, str):
        raise ConfigurationError(f"{setting} must be a str, not {type(address).__name__}: {advice}")
    if any(prefix in address for prefix in MODES):
        raise ConfigurationError(f"{setting} holds an API key, which belongs into api_key")
    try:
        parts = urlsplit(address)
        _ = parts.port
    except ValueError:
        raise ConfigurationError(f"{setting} is no address: {advice}") from None
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ConfigurationError(f"{setting} may hold a host, a port and a path, but no user, query or fragment")
    if parts.scheme not in {"http", "https"} or not parts.hostname or not is_text(address) or not _is_plain(address):
        told = "" if "@" in address else f" {shown(address)}"  # what stands before the sign may be a password
        raise ConfigurationError(f"{setting}{told} is no http(s) address: {advice}")
    if parts.scheme == "http" and not allow_insecure and not _is_loopback(parts):
        raise ConfigurationError(
            f"{setting} {shown(address)} would send credentials in the clear: "
            "use https, or pass allow_insecure=True if you trust every network in between"
        )
    return address.rstrip("/")


def check_flag(setting: str, value: object) -> None:
    """Refuse what is no bool: the text "no" would count as true."""
    if not isinstance(value, bool):
        raise ConfigurationError(f"{setting} must be True or False, not {shown(value)}")


def check_callable(setting: str, value: object) -> None:
    """Refuse what cannot be called."""
    if not callable(value):
        raise ConfigurationError(f"{setting} must be callable, not {shown(value)}")


def check_clock(setting: str, value: Any) -> None:
    """Refuse what does not give seconds when it is called."""
    check_callable(setting, value)
    seconds = value()
    if number(seconds) is None:
        if hasattr(seconds, "close"):  # a coroutine, which nobody will await
            seconds.close()
        raise ConfigurationError(
            f"{setting} must give a finite number of seconds, as time.monotonic does, not {shown(seconds)}"
        )


def check_session(session: object) -> None:
    """Refuse what is no aiohttp session, and one that is closed; None opens one later."""
    if session is None:
        return
    aiohttp: Any = sys.modules.get("aiohttp")  # whoever has a session has loaded it
    if aiohttp is None or not isinstance(session, aiohttp.ClientSession):
        raise ConfigurationError(f"session must be an aiohttp.ClientSession, not {shown(session)}")
    if getattr(session, "closed", False) is True:
        raise ConfigurationError("session is closed: give one that is open")


def _is_plain(address: str) -> bool:
    return address.isprintable() and " " not in address


def _is_loopback(parts: SplitResult) -> bool:
    host = parts.hostname or ""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    from ipaddress import ip_address

    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
