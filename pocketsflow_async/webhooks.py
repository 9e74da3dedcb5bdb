"""Webhook deliveries: verified, typed, and handled once.

A delivery is signed with HMAC-SHA256 over its raw body, in hexadecimal, with the endpoint's secret as it is. The
headers that carry its event name and its timestamp are not signed: an event name in the body takes precedence.
"""

import hashlib
import hmac
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import attrs
import msgspec

from pocketsflow_async import _annotated
from pocketsflow_async._config import check_callable
from pocketsflow_async._generated.pocketsflow import events as _events
from pocketsflow_async._generated.pocketsflow.events import ALIASES, EVENTS
from pocketsflow_async._json import is_collection, is_mapping, is_object
from pocketsflow_async._plain import decode_exact, loosened
from pocketsflow_async._values import number, shown
from pocketsflow_async._wire import load
from pocketsflow_async.errors import (
    APIResponseError,
    ConfigurationError,
    InvalidArgumentError,
    WebhookVerificationError,
)

SIGNATURE_HEADER = "X-Pocketsflow-Signature"
EVENT_HEADER = "X-Pocketsflow-Event"
TIMESTAMP_HEADER = "X-Pocketsflow-Timestamp"

UNKNOWN = "unknown"
"""The type of an event that does not say what it is."""

_SECONDS_BELOW = 10**12
"""A timestamp below this is in seconds, above in milliseconds; the border is the year 33658 or September 2001."""


@attrs.frozen
class Event:
    """One verified delivery.

    Attributes:
        type: the event's name, such as ``order.completed``: the signed one where the body has one, else that of the
            header; `UNKNOWN` if neither has.
        data: a typed model for the events of the spec; a mapping for others, and where the payload deviates from the
            spec. Signed JSON that is not an object is a mapping with the one key ``value``.
        webhook_id: the payload's ``webhookId``; no source says whether it names the delivery or the endpoint.
        timestamp: when it was sent, as the unsigned header says.
        body: the raw body.
    """

    type: str
    data: "_events.Payload"
    webhook_id: str | None
    timestamp: datetime | None
    body: bytes = attrs.field(repr=False)


def sign(body: bytes, secret: str) -> str:
    """The signature of a body: HMAC-SHA256 with the secret as UTF-8 text, in lower-case hexadecimal."""
    (key,) = _secrets([secret])
    return hmac.new(key, _raw(body), hashlib.sha256).hexdigest()


def construct_event(
    body: bytes,
    headers: Mapping[str, str],
    secret: str | Iterable[str],
    *,
    tolerance: float | timedelta | None = None,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Event:
    """Verify a delivery and read its event.

    Args:
        body: the raw bytes that arrived; parsed and written again, they would not verify.
        headers: in any spelling of upper and lower case.
        secret: the endpoint's secret, or several while it is being changed.
        tolerance: seconds by which the timestamp may lie in the past or the future. The timestamp is not signed, so
            this catches a late or careless sender, not an attacker; not checked when None.
        clock: the present time, aware.

    Raises:
        WebhookVerificationError: the delivery is not signed with the secret, is too old or too new, or is not JSON.
        InvalidArgumentError: the body is not bytes, or the headers are no mapping.
        ConfigurationError: there is no secret, or another setting is of a wrong kind.
    """
    body = _raw(body)
    allowed = _allowed(tolerance)
    check_callable("clock", clock)
    _verify(body, _header(headers, SIGNATURE_HEADER), _secrets(secret))
    timestamp = _timestamp(_unsigned(headers, TIMESTAMP_HEADER))
    if allowed is not None:
        _check_age(timestamp, clock(), allowed)
    payload = _payload(body)
    fields: dict[str, Any] = payload if is_object(payload) else {}
    name = _name(_unsigned(headers, EVENT_HEADER), fields)
    inner, webhook_id = fields.get("data"), fields.get("webhookId")
    data: Any = {"value": payload}
    if is_object(payload):
        data = _typed(name, inner if is_object(inner) and isinstance(payload.get("type"), str) else payload)
    with suppress(msgspec.ValidationError):  # nested too deeply to convert its numbers
        data = loosened(data)
    return Event(
        type=name,
        data=data,
        webhook_id=webhook_id if isinstance(webhook_id, str) else None,
        timestamp=timestamp,
        body=body,
    )


def aiohttp_handler(
    on_event: "_annotated.OnEvent",
    *,
    secret: str | Iterable[str],
    tolerance: float | timedelta | None = None,
    store: "_annotated.EventStore | None" = None,
    answer_within: float = 4.5,
) -> "_annotated.Handler":
    """A handler for `app.router.add_post(path, …)` that calls `on_event(event)` once for each delivery.

    It answers 200 after `on_event` returned, or for a delivery that was handled before; 4xx for what cannot be read or
    is not signed; 500 when `on_event` raised; and 503 when it is not done in time: it continues, but the delivery is
    not acknowledged. 503 also means that the delivery is being handled, or that the store failed.

    Args:
        on_event: an async function; a plain function runs in a thread.
        secret: as for `construct_event`.
        tolerance: as for `construct_event`.
        store: remembers what was handled; in this process's memory, for a day, when None.
        answer_within: seconds; the sender gives up after five.

    Returns:
        An async function from request to response; its `drain()` waits at shutdown for what is still being handled.

    Raises:
        ConfigurationError: there is no secret, a setting is of a wrong kind, or `on_event` is a generator function.
    """
    from pocketsflow_async._webhook_handler import Deliveries, MemoryStore, as_handler

    check_callable("on_event", on_event)
    secrets = [one.decode() for one in _secrets(secret)]
    _allowed(tolerance)
    _check_store(store)
    within = number(answer_within)
    if within is None or within <= 0:
        raise ConfigurationError(f"answer_within must be a positive number of seconds, not {shown(answer_within)}")
    deliveries = Deliveries(
        on_event,
        lambda body, headers: construct_event(body, headers, secrets, tolerance=tolerance),
        store=MemoryStore() if store is None else store,
        answer_within=within,
    )
    return as_handler(deliveries)


def _raw(body: Any) -> bytes:
    if isinstance(body, bytes):
        return body
    if isinstance(body, bytearray):
        return bytes(body)
    raise InvalidArgumentError(f"give the raw bytes of the body, not {type(body).__name__}")


def _secrets(secret: Any) -> list[bytes]:
    """One secret or several, as bytes; no error shows one."""
    given: list[Any] = list(secret) if is_collection(secret) else [secret]
    for one in given:
        if one is not None and not isinstance(one, str):
            raise ConfigurationError(f"a webhook secret must be a str, not {type(one).__name__}")
    if not given or not all(given):
        raise ConfigurationError("no webhook secret: give the secret that was shown when the webhook was created")
    return [_encoded(one) for one in given]


def _allowed(tolerance: Any) -> timedelta | None:
    """The tolerance as a span of time; None for none."""
    if tolerance is None:
        return None
    if not isinstance(tolerance, timedelta):
        seconds = number(tolerance)
        try:
            tolerance = None if seconds is None else timedelta(seconds=seconds)
        except OverflowError:
            tolerance = timedelta.max
    if tolerance is None or tolerance < timedelta():
        raise ConfigurationError("tolerance must be a number of seconds or a timedelta, not negative, or None")
    return tolerance  # type: ignore[no-any-return]


def _check_store(store: Any) -> None:
    missing = [name for name in ("claim", "finish", "release") if not callable(getattr(store, name, None))]
    if store is not None and (missing or isinstance(store, type)):
        lack = f"it lacks {', '.join(missing)}" if missing else "it is a class: give an object of it"
        raise ConfigurationError(f"store must have the methods of EventStore: {lack}")


def _encoded(secret: str) -> bytes:
    try:
        return secret.encode()
    except UnicodeEncodeError:
        pass
    # Raised out here: Python's error holds the secret, and would be the context of ours.
    raise ConfigurationError("the webhook secret cannot be written in UTF-8: copy the secret again")


def _header(headers: Any, name: str) -> str | None:
    """The one value of a header, however its name is spelled; more than one is refused."""
    if not is_mapping(headers):
        raise InvalidArgumentError(f"headers must be a mapping of str to str, not {type(headers).__name__}")
    found = [value for key, value in headers.items() if isinstance(key, str) and key.lower() == name.lower()]
    if len(found) > 1:
        raise WebhookVerificationError(f"the header {name} must be sent once, not {len(found)} times")
    if found and not isinstance(found[0], str):
        raise WebhookVerificationError(f"the header {name} must be a str, not {type(found[0]).__name__}")
    return found[0].strip() if found else None


def _unsigned(headers: Any, name: str) -> str | None:
    """A header that is not signed; None where it is missing or invalid, because the signature decides alone."""
    try:
        return _header(headers, name)
    except WebhookVerificationError:
        return None


def _verify(body: bytes, signature: str | None, secrets: list[bytes]) -> None:
    if not signature:
        raise WebhookVerificationError(f"the delivery has no {SIGNATURE_HEADER}")
    given = signature.removeprefix("sha256=").lower().encode("ascii", "replace")
    matches = [hmac.compare_digest(given, hmac.new(one, body, hashlib.sha256).hexdigest().encode()) for one in secrets]
    if not any(matches):
        raise WebhookVerificationError("the signature does not match the body: check the secret, and pass the raw body")


def _timestamp(text: str | None) -> datetime | None:
    """The header's time, in milliseconds or seconds since 1970; None for anything else."""
    if text is None or not (text.isascii() and text.isdigit()) or len(text) > 18:
        return None
    number = int(text)
    try:
        return datetime.fromtimestamp(number if number < _SECONDS_BELOW else number / 1000, UTC)
    except (OverflowError, OSError, ValueError):
        return None


def _check_age(timestamp: datetime | None, now: datetime, allowed: timedelta) -> None:
    if not isinstance(now, datetime) or now.utcoffset() is None:  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ConfigurationError("clock must give an aware datetime")
    if timestamp is None:
        raise WebhookVerificationError(
            f"the delivery has no readable {TIMESTAMP_HEADER}, and a tolerance was asked for"
        )
    if abs(now - timestamp) > allowed:
        raise WebhookVerificationError(f"the delivery is of {timestamp.isoformat()}: further from now than {allowed}")


def _payload(body: bytes) -> Any:
    try:
        return decode_exact(body)
    except (msgspec.DecodeError, ValueError, RecursionError) as exc:
        raise WebhookVerificationError(
            f"the signature matches, but the body is not JSON that can be decoded ({type(exc).__name__})"
        ) from None


def _name(header: str | None, payload: dict[str, Any]) -> str:
    """The event's name; a signed one takes precedence over the header, which anybody can change."""
    kind = payload.get("type")
    is_named = isinstance(kind, str) and ("." in kind or "data" in payload)  # else a field of a flat payload
    for name in (payload.get("event"), kind if is_named else None, header, kind):
        if isinstance(name, str) and name:
            return ALIASES.get(name, name)
    return UNKNOWN


def _typed(name: str, data: dict[str, Any]) -> Any:
    """The payload's model; the mapping itself for an event that the spec does not know or describes otherwise."""
    codec = EVENTS.get(name)
    if codec is not None:
        with suppress(APIResponseError):
            return load(codec).from_plain(data)
    return data
