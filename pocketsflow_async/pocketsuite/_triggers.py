"""What PocketSuite's triggers send: seven of them, in three envelopes, unsigned."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Literal

import attrs

from pocketsflow_async._generated.pocketsuite import models
from pocketsflow_async._generated.pocketsuite.events import EVENTS
from pocketsflow_async._json import is_mapping, is_object
from pocketsflow_async._values import is_text, shown
from pocketsflow_async.errors import APIResponseError, InvalidArgumentError, WebhookVerificationError

Envelope = Literal["event", "data", "flat"]

TRIGGERS = tuple(EVENTS)
"""The names of the triggers. `booking.created`, `booking.completed` and `payment.received` are PocketSuite's own; the
others are in their manner, since it shows none."""

_DATA_ONLY = "client.created"
_FLAT = "client.updated"


@attrs.frozen
class Trigger:
    """What one trigger sent.

    Attributes:
        type: the name, one of `TRIGGERS`.
        data: the record as a typed model; what the spec does not know of it is in `extra`.
        timestamp: when it happened; None where the envelope does not say.
        envelope: how it came: `event` (with a name), `data` (the record under that key) or `flat` (the record itself).
        inferred: whether the name was worked out from the envelope, since neither the delivery nor the caller said it.
    """

    type: str
    data: "models.Client | models.Booking | models.Payment | models.Subaccount"
    timestamp: datetime | None
    envelope: Envelope
    inferred: bool


def parse_trigger(body: bytes | str | Mapping[str, Any], trigger: str | None = None) -> Trigger:
    """Read what a trigger sent. Nothing of it is signed: whoever knows the address can send anything.

    Args:
        body: as it arrived, or as a mapping.
        trigger: the name, where you know it because each trigger has an address of its own. Without it, and without a
            name in the delivery, a client under `data` is taken for a new one and a bare client for a changed one,
            which is how they are documented. Subaccounts are documented without any example: name them.

    Raises:
        InvalidArgumentError: there is no such trigger, or the body is of the wrong kind.
        WebhookVerificationError: the body is no delivery of a trigger, or of another one.
    """
    if trigger is not None and not (is_text(trigger) and trigger in EVENTS):
        raise InvalidArgumentError(f"{shown(trigger)} is no trigger; there are {', '.join(TRIGGERS)}")
    payload = _payload(body)
    data: dict[str, Any] = payload
    event: Any = None
    envelope: Envelope = "flat"
    if is_object(payload.get("data")):
        data, event = payload["data"], payload.get("event")
        envelope = "data" if event is None else "event"
    name = trigger or (event if isinstance(event, str) else None) or _by_envelope(data, envelope)
    if name not in EVENTS:
        raise WebhookVerificationError(f"{name[:80]!r} is no trigger that the spec knows")
    if isinstance(event, str) and event in EVENTS and event != name:
        raise WebhookVerificationError(f"this is a delivery of {event}, not of {name}")
    return Trigger(
        type=name,
        data=_typed(name, data),
        timestamp=_time(payload.get("timestamp")) if envelope == "event" else None,
        envelope=envelope,
        inferred=trigger is None and not isinstance(event, str),
    )


def _payload(body: Any) -> dict[str, Any]:
    if is_mapping(body):
        return dict(body)
    if not isinstance(body, bytes | bytearray | str):
        raise InvalidArgumentError(f"give the body as bytes, text or a mapping, not as a {type(body).__name__}")
    from msgspec import DecodeError

    from pocketsflow_async._plain import decode_exact

    text = body.encode("utf-8", "surrogatepass") if isinstance(body, str) else bytes(body)
    try:
        payload: Any = decode_exact(text)
    except (DecodeError, ValueError, RecursionError, ArithmeticError) as exc:
        raise WebhookVerificationError(f"the body is no JSON that can be read ({type(exc).__name__})") from None
    if not is_object(payload):
        raise WebhookVerificationError("the body is no JSON object")
    return payload


def _by_envelope(data: dict[str, Any], envelope: str) -> str:
    """The trigger that is documented with this envelope, if this is its record."""
    if envelope in {"data", "flat"} and isinstance(data.get("id"), str) and isinstance(data.get("name"), str):
        return _DATA_ONLY if envelope == "data" else _FLAT
    raise WebhookVerificationError("the delivery does not say which trigger it is of: pass trigger=")


def _typed(name: str, data: dict[str, Any]) -> Any:
    from pocketsflow_async._wire import load

    try:
        return load(EVENTS[name]).from_plain(data)
    except APIResponseError as exc:
        error = WebhookVerificationError(f"{name}: {exc.message.replace('the answer', 'the delivery')}")
    raise error


def _time(value: Any) -> datetime | None:
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
