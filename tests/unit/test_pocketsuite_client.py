"""The client of PocketSuite as it is built, and how a refused token fits into the tries of a call."""

import copy
import json
import pickle
import subprocess
import sys
from datetime import datetime
from importlib import resources
from typing import Any

import pytest
from fakes import FakeTransport, answer, lost, operation, virtual_time

from pocketsflow_async import (
    AuthenticationError,
    ConfigurationError,
    InvalidArgumentError,
    RateLimit,
    RateLimiter,
    RetryPolicy,
    ServerError,
)
from pocketsflow_async._executor import Executor
from pocketsflow_async._generated.pocketsflow_preview.bodies.images import ImageUpload
from pocketsflow_async._generated.pocketsflow_preview.operations import images
from pocketsflow_async.pocketsuite import TRIGGERS, OAuth2, PocketSuite

SPEC = json.loads((resources.files("pocketsflow_async") / "_generated" / "pocketsuite" / "openapi.json").read_bytes())
WRITE = operation(name="things.create", method="POST", idempotency="never")
KEYED = operation(name="things.create", method="POST", idempotency="key")


def oauth(**settings: Any) -> OAuth2:
    return OAuth2(**({"client_id": "app", "client_secret": "shh", "refresh_token": "r"} | settings))


def test_addresses_and_scopes_are_those_of_the_spec():
    flow = SPEC["components"]["securitySchemes"]["oauth2"]["flows"]["authorizationCode"]

    assert flow["authorizationUrl"] == OAuth2.AUTHORIZATION_URL
    assert flow["tokenUrl"] == flow["refreshUrl"] == OAuth2.TOKEN_URL
    assert tuple(flow["scopes"]) == OAuth2.SCOPES
    assert SPEC["servers"][0]["url"] == PocketSuite.BASE_URL
    assert tuple(SPEC["webhooks"]) == TRIGGERS


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"client_id": ""}, "client_id must be text"),
        ({"client_secret": 7}, "client_secret must be text"),
        ({"refresh_token": ""}, "refresh_token must be text"),
        ({"access_token": "a b"}, "access_token has white space"),
        ({"token_url": "http://api.example.com/token"}, "token_url .* in the clear"),
        ({"authorization_url": "ftp://api.example.com"}, "authorization_url .* is no http"),
        ({"client_auth": "jwt"}, "client_auth must be"),
        ({"expires_at": datetime(2030, 1, 1)}, "expires_at has no time zone"),  # noqa: DTZ001 - what is refused
    ],
)
def test_settings_that_cannot_be_used(settings, told):
    with pytest.raises(ConfigurationError, match=told):
        oauth(**settings)


def test_the_client_takes_the_settings_that_the_other_takes(monkeypatch):
    """The same keywords; the address from its own variable; no key in place of OAuth."""
    monkeypatch.setenv("POCKETSUITE_BASE_URL", "https://proxy.example/suite/")
    limiter = RateLimiter()
    with pytest.raises(ConfigurationError, match="max_response_size"):
        PocketSuite(oauth(), max_response_size=0)
    ps = PocketSuite(
        oauth(),
        max_response_size=None,
        timeout=5,
        rate_limit=limiter,
        retry=RetryPolicy(attempts=1),
        session=None,
        strict="warn",
    )

    assert repr(ps) == "<PocketSuite https://proxy.example/suite>"
    assert ps.quota.limit == RateLimit()
    assert PocketSuite(oauth()).quota.limit == RateLimit(sustained=60, burst=60, period=60.0)
    assert PocketSuite(oauth(), rate_limit=None).quota is None
    with pytest.raises(ConfigurationError, match="auth must be an OAuth2, not a str"):
        PocketSuite("pk_test_sandbox")
    for thing in (ps, oauth(), ps.clients):
        with pytest.raises(TypeError, match="not pickled"):
            pickle.dumps(thing)
        with pytest.raises(TypeError, match="not pickled"):
            copy.deepcopy(thing)


def test_accounts_of_one_application_share_a_quota():
    """Since no limit is documented, the strictest reading of whom it counts is kept."""
    one, two, other = (PocketSuite(oauth(client_id=name)) for name in ("app-q", "app-q", "app-r"))

    assert one._connection.quota is two._connection.quota
    assert one._connection.quota is not other._connection.quota


async def test_without_tokens_nothing_is_sent():
    async with PocketSuite(oauth(refresh_token=None), base_url="http://127.0.0.1:9") as ps:
        with pytest.raises(ConfigurationError, match="there are no tokens: authorize with"):
            await ps.client_notes.create(note="x")
    assert oauth(refresh_token=None).tokens is None


def test_a_slash_at_the_end_of_the_token_address_stays():
    """To some servers it is another address without."""
    assert oauth(token_url="https://a.example/token/")._token_url == "https://a.example/token/"


def test_importing_it_is_light():
    script = (
        "import pocketsflow_async.pocketsuite as p, sys\n"
        "p.PocketSuite(p.OAuth2(client_id='a', refresh_token='r')).clients\n"
        "print([name for name in ('aiohttp', 'cattrs', 'msgspec', 'backoff') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)  # noqa: S603
    assert done.stdout.strip() == "[]"


# -------------------------------------------------------------------------------------------- tries of a call


class Renewal:
    """Credentials that may be renewed, and what was asked of them."""

    def __init__(self, *, possible: bool = True) -> None:
        self.possible = possible
        self.generation = 0
        self.is_fresh = True
        self.asked: list[str] = []

    async def ready(self) -> None:
        self.asked.append("ready")

    async def refused(self, generation: int) -> bool:
        self.asked.append(f"refused {generation}")
        self.generation += self.possible
        return self.possible

    async def settled(self) -> None: ...


def executor(transport: FakeTransport, renewal: Renewal, attempts: int = 5) -> Executor:
    return Executor(transport, None, RetryPolicy(attempts=attempts), renewal=renewal)


@virtual_time
async def test_a_refused_token_costs_one_more_try_and_no_pause():
    """A write without a key too, since it was refused; the idempotency key stays the same."""
    for one in (WRITE, KEYED):
        transport, renewal = FakeTransport(answer(401), answer()), Renewal()
        response = await executor(transport, renewal).send(one)

        assert renewal.asked == ["ready", "refused 0"]
        assert transport.times[0] == pytest.approx(transport.times[1], abs=1e-3)
        assert transport.requests[0] is transport.requests[1]
        assert [attempt.status for attempt in response.failures] == [401]


@virtual_time
async def test_new_tokens_that_are_refused_are_not_renewed_again():
    transport, renewal = FakeTransport(answer(401)), Renewal()
    with pytest.raises(AuthenticationError):
        await executor(transport, renewal).send(WRITE)

    assert len(transport.requests) == 2
    assert renewal.asked == ["ready", "refused 0"]


@virtual_time
async def test_where_nothing_can_be_renewed_the_refusal_stands():
    transport = FakeTransport(answer(401), answer())
    with pytest.raises(AuthenticationError) as caught:
        await executor(transport, Renewal(possible=False)).send(WRITE)

    assert len(transport.requests) == 1
    assert len(caught.value.attempts) == 1


@virtual_time
async def test_other_failures_are_what_they_were():
    """A renewal changes nothing about what may be repeated."""
    transport, renewal = FakeTransport(lost, answer()), Renewal()
    await executor(transport, renewal).send(operation())
    assert renewal.asked == ["ready", "ready"]
    with pytest.raises(ServerError):
        await executor(FakeTransport(answer(503)), Renewal()).send(WRITE)


@virtual_time
async def test_an_endpoint_for_everyone_needs_no_tokens():
    renewal = Renewal()
    with pytest.raises(AuthenticationError):
        await executor(FakeTransport(answer(401)), renewal).send(WRITE._replace(auth=False))
    assert renewal.asked == []


@virtual_time
async def test_what_can_be_read_once_is_not_sent_twice():
    """The token is renewed for later calls, but a stream is not repeated."""

    async def stream():
        yield b"x"

    transport, renewal = FakeTransport(answer(401), answer()), Renewal()
    with pytest.raises(AuthenticationError):
        await executor(transport, renewal).send(images.UPLOAD, body=ImageUpload(file=stream()))

    assert len(transport.requests) == 1
    assert renewal.asked == ["ready", "refused 0"]


@pytest.mark.parametrize("code", [None, 5, "", " ", b"c", ["c"]], ids=repr)
async def test_a_code_that_is_none_is_refused_before_anything_is_sent(code):
    """A refused code would count as one of the ten invalid requests of an hour."""
    with pytest.raises(InvalidArgumentError, match=r"^oauth\.exchange: code must be text and not empty"):
        await oauth(token_url="http://127.0.0.1:9/nowhere").exchange(code)


@pytest.mark.parametrize("scopes", ["read:bookings", b"x", 5, [5], ["a b"], [""], {"a": 1}], ids=repr)
def test_scopes_are_a_list_of_texts(scopes):
    """A text alone would be taken for a list of its letters."""
    with pytest.raises(InvalidArgumentError, match=r"^oauth\.authorize_url: scopes must be a list of texts"):
        oauth(redirect_uri="https://a.example").authorize_url(scopes=scopes)
