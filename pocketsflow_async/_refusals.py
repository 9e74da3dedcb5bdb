"""What a token address means when it refuses: an error that says what to do, and holds no secret."""

import copy
from collections.abc import Iterable
from typing import Any

from pocketsflow_async._json import is_object
from pocketsflow_async.errors import APIStatusError, AuthenticationError, printable

_ADVICE = {
    "refresh_token": "authorize anew, with authorize_url() and exchange()",
    "authorization_code": "a code serves once and not for long: send the user to authorize_url() again",
}
_CLIENT = {"invalid_client", "unauthorized_client"}
_FINAL = {400, 401, 403}


def explained(error: APIStatusError, grant: str, hidden: Iterable[str]) -> APIStatusError:
    """The error to raise: without headers and body, and with its words looked through for secrets.

    A refusal for good becomes an `AuthenticationError`, whatever its status.
    """
    code, words = _told(error)
    hidden = list(hidden)
    words = _without(words, hidden)[:300]
    if error.status not in _FINAL:
        told = copy.copy(error)
        told.message, told.body, told.headers = printable(words), None, {}
        told.args = (told.message,)
        return told
    code = None if code is None else _without(code, hidden)[:100]
    reason = words if code is None or code in words else f"{code}: {words}" if words else code
    advice = "look at client_id and client_secret" if code in _CLIENT else _ADVICE.get(grant, "")
    what = "the refresh token" if grant == "refresh_token" else "the authorization code"
    told = AuthenticationError(
        f"{'the application' if code in _CLIENT else what} was refused ({reason}): {advice}",
        status=error.status,
        code=code,
        request_id=error.request_id,
    )
    told.attempts = error.attempts
    return told


def _told(error: APIStatusError) -> tuple[str | None, str]:
    """The code and the words, as RFC 6749 has them or as our APIs have them."""
    body: Any = error.body
    if is_object(body) and isinstance(body.get("error"), str):
        words = body.get("error_description")
        return body["error"], words if isinstance(words, str) else error.message
    return error.code, body.strip() if isinstance(body, str) and body.strip() else error.message


def _without(text: str, hidden: Iterable[str]) -> str:
    for secret in hidden:
        if len(secret) >= 4:
            text = text.replace(secret, "***")
    return text
