"""What a token address answers, and what of it can be believed. No network here."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any, TypeGuard

import attrs

from pocketsflow_async._json import is_object
from pocketsflow_async._response import Response
from pocketsflow_async.errors import APIResponseError

_LONGEST = 10 * 365 * 86_400
"""Seconds; a token that is said to live longer is taken to live until it is refused."""
_MARGIN = 60.0
"""Seconds before its end at which a token is renewed; a tenth of its life where that is less."""


@attrs.frozen
class Tokens:
    """What an authorization gave. The texts are secret; they show in no repr, and this is not pickled.

    Attributes:
        access_token: goes with every call.
        refresh_token: gets the next tokens; None where the server gave none.
        expires_at: when the access token ends, by this machine's clock; None where nobody says.
        scope: what it allows, as the server put it; None where it said nothing.
    """

    access_token: str = attrs.field(repr=False)
    refresh_token: str | None = attrs.field(repr=False, default=None)
    expires_at: datetime | None = None
    scope: str | None = None

    def __reduce__(self) -> Any:
        raise TypeError("a set of tokens is not pickled: store its texts where secrets are stored")


@attrs.frozen
class Issued:
    """Tokens and their times on a clock that does not step.

    Attributes:
        renew_at: when they should be renewed.
        expires_at: when they end.
    """

    tokens: Tokens
    renew_at: float = float("inf")
    expires_at: float = float("inf")


def issued(tokens: Tokens, lifetime: float | None, now: float) -> Issued:
    """Tokens that live so many seconds from now; None for a time that nobody knows."""
    if lifetime is None:
        return Issued(tokens)
    end = now + lifetime
    return Issued(tokens, end - min(_MARGIN, max(lifetime, 0.0) / 10), end)


def read_tokens(response: Response, now: float, *, refresh_token: str | None) -> Issued:
    """The tokens in an answer; the former refresh token goes on where there is no new one.

    Raises:
        APIResponseError: there are none; it does not hold the answer, which may hold secrets all the same.
    """
    try:
        body: Any = json.loads(response.body)
    except (ValueError, RecursionError):
        body = None
    if not is_object(body):
        raise _unusable(response, "$", "is no JSON object")
    access = body.get("access_token")
    if not is_sendable(access):
        raise _unusable(response, "$.access_token", "is no token")
    kind = body.get("token_type", "bearer")
    if not isinstance(kind, str) or kind.lower() != "bearer":
        raise _unusable(response, "$.token_type", "is not bearer, the only kind of token that this client can send")
    lifetime = _seconds(body.get("expires_in"))
    renewed, scope = body.get("refresh_token"), body.get("scope")
    tokens = Tokens(
        access_token=access,
        refresh_token=renewed if isinstance(renewed, str) and renewed else refresh_token,
        expires_at=None if lifetime is None else datetime.now(UTC) + timedelta(seconds=lifetime),
        scope=scope if isinstance(scope, str) else None,
    )
    return issued(tokens, lifetime, now)


def is_sendable(token: Any) -> TypeGuard[str]:
    """Whether a header can carry a token."""
    return isinstance(token, str) and bool(token) and token.isascii() and token.isprintable() and " " not in token


def _seconds(value: Any) -> float | None:
    """A lifetime that can be believed; None for one that is missing, no number, over already, or without an end."""
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= _LONGEST:
        return None
    return float(value)


def _unusable(response: Response, path: str, reason: str) -> APIResponseError:
    return APIResponseError(
        f"the token address answered with {response.status}, but {path} {reason}", path=path, status=response.status
    )
