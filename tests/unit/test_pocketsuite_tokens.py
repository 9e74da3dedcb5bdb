"""What a token address answers, how long it is believed, and how often it may be asked in vain."""

import asyncio
import hashlib
import json
import pickle
from base64 import urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from fakes import Clock, answer, settle
from hypothesis import given
from hypothesis import strategies as st

from pocketsflow_async import APIResponseError, ConfigurationError
from pocketsflow_async._authorization import authorization_request
from pocketsflow_async._invalid_requests import MOST, PERIOD, InvalidRequests, invalid_requests
from pocketsflow_async._tokens import Tokens, read_tokens

NOW = 1000.0


def read(refresh_token: str | None = "old", **fields: object):
    """The tokens in an answer with these fields."""
    body = json.dumps({"access_token": "a1", **fields}).encode()
    return read_tokens(answer(200, body), NOW, refresh_token=refresh_token)


@pytest.mark.parametrize(
    ("lifetime", "renew_at", "expires_at"),
    [
        (3600, NOW + 3540, NOW + 3600),
        ("3600", NOW + 3540, NOW + 3600),
        (100.0, NOW + 90, NOW + 100),
        (1, NOW + 0.9, NOW + 1),
    ],
)
def test_a_token_is_renewed_before_its_end(lifetime, renew_at, expires_at):
    """A minute before, or a tenth of its life where that is less: a short life is no reason to renew all the time."""
    found = read(expires_in=lifetime)

    assert (found.renew_at, found.expires_at) == (pytest.approx(renew_at), expires_at)
    assert abs(found.tokens.expires_at - datetime.now(UTC) - timedelta(seconds=float(lifetime))) < timedelta(seconds=60)


@pytest.mark.parametrize("lifetime", [None, 0, -5, True, "soon", "nan", "inf", 1e300, 10**400, [], {}, "1e400"])
def test_a_lifetime_that_cannot_be_believed_is_unknown(lifetime):
    """Such a token is used until it is refused, and not renewed with every call."""
    found = read(expires_in=lifetime)

    assert found.renew_at == found.expires_at == float("inf")
    assert found.tokens.expires_at is None


def test_a_refresh_token_stays_where_there_is_no_new_one():
    assert read().tokens.refresh_token == "old"
    assert read(refresh_token="new").tokens.refresh_token == "new"
    assert read(None).tokens.refresh_token is None


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[]",
        b"[" * 100_000,
        b'{"access_token": null}',
        b'{"access_token": ""}',
        b'{"access_token": "a b"}',
        b'{"access_token": "a\\r\\nX: y"}',
        b'{"access_token": "a", "token_type": "mac"}',
        b'{"access_token": "a", "token_type": 3}',
    ],
)
def test_an_answer_without_a_usable_token(body):
    """The error names the place, and does not hold the body, in which there may be secrets."""
    with pytest.raises(APIResponseError, match=r"^the token address answered with 200, but \$") as caught:
        read_tokens(answer(200, body), NOW, refresh_token=None)
    assert caught.value.body == b""


@given(
    st.dictionaries(
        st.sampled_from(["access_token", "expires_in", "refresh_token", "scope", "token_type"]),
        st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.integers()),
    )
)
def test_any_answer_gives_tokens_or_one_error(fields):
    try:
        found = read_tokens(answer(200, json.dumps(fields).encode()), NOW, refresh_token="old")
    except APIResponseError:
        return
    assert found.tokens.access_token == fields["access_token"]
    assert NOW < found.renew_at <= found.expires_at


def test_tokens_do_not_show():
    tokens = Tokens("access_canary", "refresh_canary")

    assert "canary" not in f"{tokens} {tokens!r}"
    with pytest.raises(TypeError, match="not pickled"):
        pickle.dumps(tokens)


def test_where_a_user_is_sent():
    """State and verifier are made where none are given, and the verifier travels as its digest only."""
    request = authorization_request(
        "https://auth.example/authorize",
        client_id="me",
        redirect_uri="https://app.example/back?x=1",
        scopes=["a:b", "c"],
        state=None,
        pkce=True,
    )
    query = {name: value for name, [value] in parse_qs(urlsplit(request.url).query).items()}

    assert query["response_type"] == "code"
    assert query["redirect_uri"] == "https://app.example/back?x=1"
    assert query["scope"] == "a:b c"
    assert query["state"] == request.state
    assert len(request.state) >= 32
    digest = urlsafe_b64encode(hashlib.sha256(request.verifier.encode()).digest()).rstrip(b"=").decode()
    assert (query["code_challenge"], query["code_challenge_method"]) == (digest, "S256")
    assert request.verifier not in request.url
    assert request.state not in repr(request)


def test_a_state_of_ones_own_and_no_verifier():
    request = authorization_request(
        "https://a.example", client_id="me", redirect_uri=None, scopes=[], state="s", pkce=False
    )

    assert request.url == "https://a.example?response_type=code&client_id=me&state=s"
    assert request.verifier is None


async def ask(count: InvalidRequests, status: int | None) -> None:
    await count.acquire()
    count.release(None if status is None else answer(status))


async def test_ten_refusals_an_hour():
    """The eleventh is not sent; an hour after the first there is room for one more."""
    clock = Clock()
    count = InvalidRequests("https://t.example", clock)
    for _ in range(MOST):
        clock.now += 60
        await ask(count, 400)

    with pytest.raises(ConfigurationError, match=r"https://t.example refused too many requests: .* 51 min"):
        await ask(count, 200)
    clock.now = 1060 + PERIOD
    await ask(count, 401)
    with pytest.raises(ConfigurationError):
        await count.acquire()


@pytest.mark.parametrize("status", [200, 500, 503, None])
async def test_what_is_no_refusal_does_not_count(status):
    count = InvalidRequests("https://t.example", Clock())
    for _ in range(3 * MOST):
        await ask(count, status)

    assert count.is_idle()


async def test_who_is_shut_out_waits():
    """A 429 closes the address for an hour, or as long as it says."""
    clock = Clock()
    count = InvalidRequests("https://t.example", clock)
    await ask(count, 429)
    with pytest.raises(ConfigurationError, match="60 min"):
        await count.acquire()
    clock.now += PERIOD
    await count.acquire()
    count.release(answer(429, retry_after="30"))
    clock.now += 29
    with pytest.raises(ConfigurationError):
        await count.acquire()
    clock.now += 1
    await count.acquire()


async def test_no_more_are_under_way_than_may_be_refused():
    """Of a hundred at once ten are sent; they are all refused, and no other goes."""
    count = InvalidRequests("https://t.example", Clock())
    sent: list[asyncio.Future[None]] = []

    async def one() -> None:
        await count.acquire()
        sent.append(asyncio.get_running_loop().create_future())
        await sent[-1]
        count.release(answer(400))

    tasks = [asyncio.create_task(one()) for _ in range(100)]
    await settle()
    assert len(sent) == MOST
    for future in sent:
        future.set_result(None)
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)

    assert len(sent) == MOST
    assert sum(isinstance(outcome, ConfigurationError) for outcome in outcomes) == 90


async def test_one_count_for_an_address():
    """The server counts by where requests come from, so all that go to it count together."""
    clock = Clock()
    first = invalid_requests("https://shared.example", clock)

    assert invalid_requests("https://shared.example", clock) is first
    assert invalid_requests("https://other.example", clock) is not first
