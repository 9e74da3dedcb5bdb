"""Who was granted access, with which tokens, and for how long: OAuth 2.0 as RFC 6749 and 7636 have it."""

import hashlib
import hmac
from base64 import urlsafe_b64encode
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

import attrs

from pocketsflow_async.sandbox._calls import Call, Refused, invalid
from pocketsflow_async.sandbox._ids import Dice

AUTHORIZE: Final = "/gateway/oauth/authorize"
TOKEN: Final = "/gateway/oauth/token"  # noqa: S105 - a path

_MOST_INVALID: Final = 10
_HOUR: Final = 3600.0
_CODE_LIVES: Final = 600.0

_TEXT: Final = {"type": "string"}


def oauth_spec() -> dict[str, Any]:
    """The two addresses of OAuth 2.0 as an OpenAPI document; they stand outside of the gateway's."""
    names = ("response_type", "client_id", "redirect_uri", "scope", "state", "code_challenge", "code_challenge_method")
    fields = ("grant_type", "code", "redirect_uri", "code_verifier", "refresh_token", "client_id", "client_secret")
    form = {"type": "object", "required": ["grant_type"], "properties": dict.fromkeys(fields, _TEXT)}
    common: dict[str, Any] = {"x-resource": "oauth", "security": [], "responses": {"200": {"description": "OK."}}}
    return {
        "paths": {
            AUTHORIZE: {
                "get": {
                    **common,
                    "x-method": "authorize",
                    "parameters": [{"name": name, "in": "query", "schema": _TEXT} for name in names],
                }
            },
            TOKEN: {
                "post": {
                    **common,
                    "x-method": "token",
                    "requestBody": {
                        "required": True,
                        "content": {"application/x-www-form-urlencoded": {"schema": form}},
                    },
                }
            },
        }
    }


class GrantRefused(Refused):
    """A refusal in the form of RFC 6749, which is not the gateway's own."""

    @property
    def payload(self) -> dict[str, str]:
        """The body of the answer."""
        return {"error": self.code, "error_description": self.message}


@attrs.define
class _Grant:
    """What one user granted."""

    scope: str
    redirect_uri: str = ""
    challenge: str | None = None
    ends: float = 0.0
    revoked: bool = False


class Grants:
    """Gives out codes and tokens. The user of a sandbox grants whatever is asked for.

    Args:
        client_id: the only application there is.
        client_secret: its secret.
        lifetime: seconds for which an access token is good.
        rotate: whether every refresh gives a new refresh token; one that is used again ends the whole grant then.
        clock: seconds that only ever grow.
        seed: of the tokens.
    """

    def __init__(
        self,
        *,
        client_id: str,
        client_secret: str,
        lifetime: float,
        rotate: bool,
        clock: Callable[[], float],
        seed: int,
    ) -> None:
        self._client = (client_id, client_secret)
        self._lifetime = lifetime
        self._rotate = rotate
        self._clock = clock
        self._dice = Dice(seed, "tokens")
        self._codes: dict[str, _Grant] = {}
        self._access: dict[str, tuple[_Grant, float]] = {}
        self._refresh: dict[str, _Grant] = {}
        self._spent: dict[str, _Grant] = {}
        self._invalid: deque[float] = deque()

    def __contains__(self, token: object) -> bool:
        """Whether an access token is good now."""
        grant, ends = self._access.get(str(token), (None, 0.0))
        return grant is not None and not grant.revoked and self._clock() < ends

    def issue(self, scope: str = "") -> dict[str, Any]:
        """Tokens of a new grant, as the token address would give them."""
        return self._tokens(_Grant(scope))

    def drop_access(self) -> None:
        """No access token given out so far is good any more; refresh tokens are."""
        self._access.clear()

    def revoke(self) -> None:
        """All users take back what they granted."""
        for grant in [*self._refresh.values(), *self._codes.values(), *(grant for grant, _ in self._access.values())]:
            grant.revoked = True

    def authorize(self, call: Call) -> Any:
        """Send the user back with a code."""
        query = call.query
        if query.get("client_id") != self._client[0]:
            raise invalid("client_id", "is not known")
        back: str = query.get("redirect_uri", "")
        if not urlsplit(back).scheme or urlsplit(back).fragment:
            raise invalid("redirect_uri", "must be an address")
        answer = {"state": query["state"]} if "state" in query else {}
        method = query.get("code_challenge_method", "plain")
        if query.get("response_type") != "code":
            answer |= {"error": "unsupported_response_type"}
        elif "code_challenge" in query and method != "S256":
            answer |= {"error": "invalid_request", "error_description": "code_challenge_method must be S256"}
        else:
            code = self._text("code")
            ends = self._clock() + _CODE_LIVES
            self._codes[code] = _Grant(query.get("scope", ""), back, query.get("code_challenge"), ends)
            answer |= {"code": code}
        mark = "&" if urlsplit(back).query else "?"
        raise Refused(302, "FOUND", "sent back to the application", {"Location": f"{back}{mark}{urlencode(answer)}"})

    def token(self, call: Call) -> Any:
        """Exchange a code or a refresh token."""
        now = self._clock()
        while self._invalid and self._invalid[0] + _HOUR <= now:
            self._invalid.popleft()
        if len(self._invalid) >= _MOST_INVALID:
            raise GrantRefused(429, "slow_down", f"{_MOST_INVALID} invalid requests came within an hour")
        try:
            return self._tokens(self._granted(call.body))
        except Refused:
            self._invalid.append(now)
            raise

    def _granted(self, form: Mapping[str, str]) -> _Grant:
        if not _same((form.get("client_id", ""), form.get("client_secret", "")), self._client):
            raise GrantRefused(401, "invalid_client", "the application is not known, or its secret is another")
        match form["grant_type"]:
            case "authorization_code":
                return self._by_code(form)
            case "refresh_token":
                return self._by_refresh(form.get("refresh_token", ""))
            case _:
                raise GrantRefused(400, "unsupported_grant_type", "only codes and refresh tokens are exchanged")

    def _by_code(self, form: Mapping[str, str]) -> _Grant:
        grant = self._codes.pop(form.get("code", ""), None)
        if grant is None or grant.revoked or self._clock() >= grant.ends:
            raise GrantRefused(400, "invalid_grant", "the code is not known, was used or is too old")
        if grant.redirect_uri != form.get("redirect_uri"):
            raise GrantRefused(400, "invalid_grant", "redirect_uri is another than before")
        if grant.challenge is not None and grant.challenge != _challenge(form.get("code_verifier", "")):
            raise GrantRefused(400, "invalid_grant", "code_verifier does not fit the challenge")
        return grant

    def _by_refresh(self, token: str) -> _Grant:
        if token in self._spent:
            self._spent[token].revoked = True
            raise GrantRefused(400, "invalid_grant", "the refresh token was used before: the grant has ended")
        grant = self._refresh.get(token)
        if grant is None or grant.revoked:
            raise GrantRefused(400, "invalid_grant", "the refresh token is not known or was revoked")
        if self._rotate:
            self._spent[token] = self._refresh.pop(token)
        return grant

    def _tokens(self, grant: _Grant) -> dict[str, Any]:
        access = self._text("access")
        self._access[access] = (grant, self._clock() + self._lifetime)
        answer = {"access_token": access, "token_type": "Bearer", "expires_in": self._lifetime}
        held = next((token for token, one in self._refresh.items() if one is grant), None)
        if held is None:
            held = answer["refresh_token"] = self._text("refresh")
            self._refresh[held] = grant
        return {**answer, "scope": grant.scope} if grant.scope else answer

    def _text(self, kind: str) -> str:
        return f"{kind}_sandbox_{self._dice.below(1 << 62):016x}"


def _same(given: tuple[str, str], known: tuple[str, str]) -> bool:
    return all(hmac.compare_digest(one.encode(), other.encode()) for one, other in zip(given, known, strict=True))


def _challenge(verifier: str) -> str:
    return urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
