"""Where a user is sent to grant access, and what binds the answer to the question."""

import hashlib
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Iterable
from urllib.parse import quote, urlencode

import attrs


@attrs.frozen
class AuthorizationRequest:
    """Where to send the user, and what to remember until they come back.

    Attributes:
        url: the address of the page where they grant access.
        state: comes back beside the code; whoever comes without it was not sent by you.
        verifier: to be given to `exchange`; None without PKCE.
    """

    url: str = attrs.field(repr=False)
    state: str = attrs.field(repr=False)
    verifier: str | None = attrs.field(repr=False, default=None)


def authorization_request(
    url: str, *, client_id: str, redirect_uri: str | None, scopes: Iterable[str], state: str | None, pkce: bool
) -> AuthorizationRequest:
    """A request for an authorization code, with a state and, if wanted, a verifier (S256) that nobody can guess."""
    state = state or secrets.token_urlsafe(24)
    verifier = secrets.token_urlsafe(48) if pkce else None
    query = {
        "response_type": "code",
        "client_id": client_id,
        "redirect_uri": redirect_uri,
        "scope": " ".join(scopes),
        "state": state,
    }
    if verifier is not None:
        digest = hashlib.sha256(verifier.encode()).digest()
        query |= {
            "code_challenge": urlsafe_b64encode(digest).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
        }
    told = urlencode({name: value for name, value in query.items() if value}, quote_via=quote)
    return AuthorizationRequest(url=f"{url}?{told}", state=state, verifier=verifier)
