"""What `OAuth2` and its methods are given, checked before anything is sent; no error shows what may be secret."""

from datetime import UTC, datetime
from typing import Any

from pocketsflow_async._config import RequestOptions, check_clock, check_retry, check_session
from pocketsflow_async._json import is_collection
from pocketsflow_async._tokens import is_sendable
from pocketsflow_async._values import is_text, shown
from pocketsflow_async.errors import ConfigurationError, InvalidArgumentError


def check_settings(*, client_auth: object, redirect_uri: object, expires_at: object) -> None:
    """Refuse settings of a wrong kind."""
    if not isinstance(client_auth, str) or client_auth not in {"body", "basic"}:
        raise ConfigurationError(f'client_auth must be "body" or "basic", not {shown(client_auth)}')
    if redirect_uri is not None and not (is_text(redirect_uri) and redirect_uri):
        raise ConfigurationError(f"redirect_uri must be text and not empty, not {shown(redirect_uri)}")
    if expires_at is not None and not isinstance(expires_at, datetime):
        raise ConfigurationError(f"expires_at must be an aware datetime or None, not {shown(expires_at)}")


def check_transfer(*, timeout: Any, retry: object, session: object, clock: object) -> None:
    """Refuse settings of a wrong kind for requests to the token address."""
    if timeout is None:
        raise ConfigurationError("timeout must be a positive finite number, not None")
    RequestOptions(timeout=timeout)
    check_retry(retry)
    check_session(session)
    check_clock("clock", clock)


def check_texts(operation: str, *, required: str = "", **given: object) -> None:
    """Refuse arguments that are no text, or empty; those that are not required may be None."""
    for name, value in given.items():
        if value is None and name != required:
            continue
        if not is_text(value) or not str(value).strip():
            kind = "empty" if is_text(value) else type(value).__name__
            raise InvalidArgumentError(f"{operation}: {name} must be text and not empty, not {kind}")


def check_scopes(operation: str, scopes: Any) -> list[str]:
    """The scopes; a text would be taken for a list of its letters."""
    found: list[Any] = list(scopes) if is_collection(scopes) else [None]
    if not all(is_text(one) and one and not any(mark.isspace() for mark in one) for one in found):
        raise InvalidArgumentError(
            f"{operation}: scopes must be a list of texts without spaces, not {type(scopes).__name__}"
        )
    return found


def seconds_until(moment: datetime | None) -> float | None:
    """Seconds from now until a moment; None for None."""
    if moment is None:
        return None
    try:
        if moment.utcoffset() is not None:
            return (moment - datetime.now(UTC)).total_seconds()
    except (ValueError, NotImplementedError, OverflowError):  # pandas' NaT, or a zone that knows no offset
        pass
    raise ConfigurationError("expires_at has no time zone: give an aware datetime")


def check_identity(client_id: Any, client_secret: Any, access_token: Any, refresh_token: Any) -> None:
    """Refuse what no token endpoint can be sent."""
    if not is_text(client_id) or not client_id:
        raise ConfigurationError("client_id must be text and not empty")
    for name, value in (("client_secret", client_secret), ("refresh_token", refresh_token)):
        if value is not None and (not is_text(value) or not value):
            raise ConfigurationError(f"{name} must be text and not empty")
    if access_token is not None and not is_sendable(access_token):
        raise ConfigurationError("access_token has white space or control characters in it: copy the token again")
