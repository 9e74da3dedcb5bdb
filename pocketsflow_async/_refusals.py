"""What a token endpoint means when it rejects a request: an error that says what to do."""

import copy
from typing import Any

from pocketsflow_async._json import is_object
from pocketsflow_async.errors import APIResponseError, APIStatusError, AuthenticationError, printable

_ADVICE = {
    "refresh_token": "authorize again, with authorize_url() and exchange()",
    "authorization_code": "a code is valid once and not for long: send the user to authorize_url() again",
}
_CLIENT = {"invalid_client", "unauthorized_client"}
_FINAL = {*_CLIENT, "invalid_request", "invalid_grant", "unsupported_grant_type", "invalid_scope"}
"""The codes of RFC 6749, section 5.2: only these say something of the request and its tokens."""


def explained(error: APIStatusError, grant: str) -> APIStatusError:
    """The error to raise: without headers and body, which may hold tokens.

    A rejection with a code of RFC 6749 becomes an `AuthenticationError`, whatever its status; see `is_final`.
    """
    code, words = _told(error)
    if not is_final(error):
        told = copy.copy(error)
        told.message, told.body, told.headers = printable(words[:300]), None, {}
        told.args = (told.message,)
        return told
    reason = words[:300] if code is None or code in words else f"{code}: {words[:300]}" if words else code
    advice = "check client_id and client_secret" if code in _CLIENT else _ADVICE.get(grant, "")
    what = "the refresh token" if grant == "refresh_token" else "the authorization code"
    told = AuthenticationError(
        f"{'the application' if code in _CLIENT else what} was rejected ({reason}): {advice}",
        status=error.status,
        code=code,
        request_id=error.request_id,
    )
    told.attempts = error.attempts
    return told


def without_body(error: APIResponseError) -> APIResponseError:
    """The error of a response that cannot be read, without the body: it may hold new tokens."""
    told = copy.copy(error)
    told.body = b""
    return told


def is_final(error: APIStatusError) -> bool:
    """Whether the same request will never succeed: the response names one of the six codes, in JSON."""
    return 400 <= error.status < 500 and error.status != 429 and _told(error)[0] in _FINAL


def _told(error: APIStatusError) -> tuple[str | None, str]:
    """The code and the words, as RFC 6749 has them or as our APIs have them."""
    body: Any = error.body
    if is_object(body) and isinstance(body.get("error"), str):
        words = body.get("error_description")
        return body["error"], words if isinstance(words, str) else error.message
    return error.code, error.message
