"""The sandbox's PocketSuite as any client sees it: OAuth 2.0, the gateway's errors, faults."""

import hashlib
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest

from pocketsflow_async import ConfigurationError, InvalidArgumentError, RateLimit
from pocketsflow_async.sandbox.pocketsuite import PocketSuiteSandbox

APP = {"client_id": "sandbox", "client_secret": "sandbox_secret"}
BACK = "https://app.example.com/back?x=1"
VERIFIER = "v" * 43


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def sandbox(clock: Clock) -> AsyncIterator[PocketSuiteSandbox]:
    async with PocketSuiteSandbox(clock=clock, lifetime=100) as sandbox:
        yield sandbox


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


async def authorize(http, sandbox, **changes: Any) -> tuple[int, dict[str, str]]:
    """The status, and what comes back in the redirect."""
    digest = urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
    query = {
        "response_type": "code",
        "client_id": "sandbox",
        "redirect_uri": BACK,
        "state": "s",
        "code_challenge": digest,
        "code_challenge_method": "S256",
        **changes,
    }
    query = {name: value for name, value in query.items() if value is not None}
    async with http.get(sandbox.authorization_url, params=query, allow_redirects=False) as page:
        location = page.headers.get("Location", "")
        return page.status, {name: value for name, [value] in parse_qs(urlsplit(location).query).items()}


async def token(http, sandbox, **form: Any) -> tuple[int, Any]:
    async with http.post(sandbox.token_url, data=APP | form) as page:
        return page.status, await page.json()


async def by_code(http, sandbox, code: str, **form: Any) -> tuple[int, Any]:
    given = {"grant_type": "authorization_code", "code": code, "redirect_uri": BACK, "code_verifier": VERIFIER}
    return await token(http, sandbox, **given | form)


async def status_with(http, sandbox, access: str) -> int:
    async with http.get(f"{sandbox.url}/clients", headers={"Authorization": f"Bearer {access}"}) as page:
        return page.status


async def test_a_code_becomes_tokens(http, sandbox, clock):
    """The state comes back, the tokens work until they end, the query of the address stays."""
    status, back = await authorize(http, sandbox)
    assert (status, back["state"], back["x"]) == (302, "s", "1")
    status, tokens = await by_code(http, sandbox, back["code"])

    assert status == 200
    assert (tokens["token_type"], tokens["expires_in"]) == ("Bearer", 100)
    assert await status_with(http, sandbox, tokens["access_token"]) == 200
    clock.now += 100
    assert await status_with(http, sandbox, tokens["access_token"]) == 401


@pytest.mark.parametrize(
    ("changes", "status", "error"),
    [
        ({"client_id": "nobody"}, 422, None),
        ({"client_id": None}, 422, None),
        ({"redirect_uri": "nowhere"}, 422, None),
        ({"response_type": "token"}, 302, "unsupported_response_type"),
        ({"code_challenge_method": "plain"}, 302, "invalid_request"),
        ({"code_challenge_method": None}, 302, "invalid_request"),
    ],
)
async def test_questions_that_get_no_code(http, sandbox, changes, status, error):
    """Nobody is sent to an address that is not the application's."""
    assert await authorize(http, sandbox, **changes) == (
        status,
        {"x": "1", "state": "s", "error": error, **_words(error)} if error else {},
    )


def _words(error: str) -> dict[str, str]:
    return {"error_description": "code_challenge_method must be S256"} if error == "invalid_request" else {}


@pytest.mark.parametrize(
    ("changes", "status", "error"),
    [
        ({"code_verifier": "w" * 43}, 400, "invalid_grant"),
        ({"redirect_uri": "https://other.example"}, 400, "invalid_grant"),
        ({"code": "guessed"}, 400, "invalid_grant"),
        ({"client_secret": "wrong"}, 401, "invalid_client"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
    ],
)
async def test_codes_that_are_refused(http, sandbox, changes, status, error):
    """In the form of RFC 6749, not of the gateway."""
    _, back = await authorize(http, sandbox)
    found, body = await by_code(http, sandbox, **{"code": back["code"]} | changes)

    assert (found, body["error"]) == (status, error)


async def test_a_code_is_too_old_after_ten_minutes(http, sandbox, clock):
    _, back = await authorize(http, sandbox)
    clock.now += 600

    assert (await by_code(http, sandbox, back["code"]))[0] == 400


async def test_refresh_tokens_change_and_serve_once(http, sandbox):
    """Using one again ends the grant, as with a token that was stolen."""
    first = sandbox.oauth().tokens.refresh_token
    status, second = await token(http, sandbox, grant_type="refresh_token", refresh_token=first)
    assert status == 200
    assert second["refresh_token"] != first
    assert await status_with(http, sandbox, second["access_token"]) == 200

    assert (await token(http, sandbox, grant_type="refresh_token", refresh_token=first))[0] == 400
    assert (await token(http, sandbox, grant_type="refresh_token", refresh_token=second["refresh_token"]))[0] == 400
    assert await status_with(http, sandbox, second["access_token"]) == 401


async def test_ten_invalid_requests_shut_everybody_out(http, sandbox, clock):
    """For an hour after the first of them; a good token does not help."""
    good = sandbox.oauth().tokens.refresh_token
    for _ in range(10):
        assert (await token(http, sandbox, grant_type="refresh_token", refresh_token="wrong"))[0] == 400
    assert (await token(http, sandbox, grant_type="refresh_token", refresh_token=good))[0] == 429
    clock.now += 3600
    assert (await token(http, sandbox, grant_type="refresh_token", refresh_token=good))[0] == 200


async def test_the_token_address_takes_forms_only(http, sandbox):
    async with http.post(sandbox.token_url, json={"grant_type": "refresh_token"}) as page:
        assert page.status == 422


@pytest.mark.parametrize(
    ("asked", "body", "status", "error"),
    [
        ("POST /clients", {"name": "Ada"}, 422, {"code": "validation_error", "field": "phone"}),
        ("POST /clients", {"email": "a@example.com"}, 422, {"code": "validation_error", "field": "name"}),
        ("POST /clients", {"name": "Ada", "email": 3}, 422, {"code": "validation_error", "field": "email"}),
        ("POST /clients", {"name": "Ada", "email": "a@example.com", "dog": 3}, 422, {"field": "dog"}),
        ("PUT /clients", {"id": "nobody"}, 404, {"code": "not_found"}),
        ("PUT /clients", {"city": "Ulm"}, 404, {"code": "not_found"}),
        ("POST /client/notes", {"note": "x", "client_id": "nobody"}, 404, {"code": "not_found"}),
        ("POST /webhooks", {"event": "x", "target_url": "https://a.example"}, 422, {"field": "event"}),
        ("POST /webhooks", {"event": "client.created", "target_url": "a"}, 422, {"field": "target_url"}),
        ("DELETE /webhooks/nobody", None, 404, {"code": "not_found"}),
        ("GET /nowhere", None, 404, {"code": "not_found"}),
    ],
)
async def test_errors_are_nested(http, sandbox, asked, body, status, error):  # noqa: PLR0917 - by name
    """Code, message and field below `error`, as the gateway has them."""
    headers = {"Authorization": sandbox.oauth().authorization}
    verb, path = asked.split()
    async with http.request(verb, sandbox.url + path, json=body, headers=headers) as page:
        answer = await page.json()
        assert page.status == status
    assert answer["error"].items() >= error.items()
    assert answer["error"]["message"]


async def test_what_is_granted_can_be_taken_back(http, sandbox):
    access = sandbox.oauth().tokens.access_token
    sandbox.revoke()

    assert await status_with(http, sandbox, access) == 401


async def test_a_quota_if_it_is_wanted(http):
    async with PocketSuiteSandbox(rate_limit=RateLimit(1, 2, 60.0)) as sandbox:
        access = sandbox.oauth().tokens.access_token
        assert [await status_with(http, sandbox, access) for _ in range(3)] == [200, 200, 429]


async def test_the_same_seed_gives_the_same_account(http, sandbox):
    async with PocketSuiteSandbox(wall_clock=lambda: 1e9) as one, PocketSuiteSandbox(wall_clock=lambda: 1e9) as two:
        found = []
        for each in (one, two):
            async with http.get(f"{each.url}/payment", headers={"Authorization": each.oauth().authorization}) as page:
                found.append(await page.json())
    assert found[0] == found[1] != []


def test_what_cannot_be_played():
    with pytest.raises(ConfigurationError):
        PocketSuiteSandbox(clients=-1)
    with pytest.raises(ConfigurationError, match="lifetime"):
        PocketSuiteSandbox(lifetime=0)
    with pytest.raises(InvalidArgumentError, match="no trigger"):
        PocketSuiteSandbox().fire("client.deleted")
    with pytest.raises(InvalidArgumentError, match="no record"):
        PocketSuiteSandbox(clients=0).fire("payment.received")
    with pytest.raises(ConfigurationError, match="not running"):
        _ = PocketSuiteSandbox().token_url


async def test_its_documents_are_those_of_the_gateway(http, sandbox):
    root = sandbox.token_url.removesuffix("/gateway/oauth/token")
    async with http.get(f"{root}/docs.json") as page:
        spec = await page.json()
    assert spec["info"]["title"] == "PocketSuite gateway"
    assert spec["servers"][0]["url"] == sandbox.url
