"""What becomes of tokens when the token address fails, refuses or makes no sense."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from suite import NOTES, QUICK, TOKEN, Clock, Vault, asked, client, errors, many

from pocketsflow_async import (
    APIConnectionError,
    AuthenticationError,
    ConfigurationError,
    PocketsflowError,
    RetryPolicy,
    ServerError,
)
from pocketsflow_async.pocketsuite import OAuth2
from pocketsflow_async.sandbox.pocketsuite import PocketSuiteSandbox

TOO_MANY = "refused too many requests"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def sandbox(clock: Clock) -> AsyncIterator[PocketSuiteSandbox]:
    async with PocketSuiteSandbox(clock=clock) as sandbox:
        yield sandbox


@pytest.fixture
def vault() -> Vault:
    return Vault()


@pytest.fixture
def oauth(sandbox: PocketSuiteSandbox, clock: Clock, vault: Vault) -> OAuth2:
    return sandbox.oauth(clock=clock, on_tokens=vault, retry=QUICK, expires_at=datetime.now(UTC) + timedelta(hours=1))


async def test_a_refusal_is_not_repeated_by_everyone_who_waits(sandbox, clock, oauth) -> None:
    """One request for fifty calls, and none for those that come later."""
    sandbox.revoke()
    clock.now += 3600
    async with client(sandbox, oauth) as ps:
        outcomes = [*errors(await many(ps)), *errors(await many(ps, 20))]

    assert [type(outcome) for outcome in outcomes] == [AuthenticationError] * 70
    assert len({id(outcome) for outcome in outcomes}) == 70
    assert asked(sandbox) == {400: 1}
    assert asked(sandbox, NOTES) == {}


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ({"kind": "reset_before"}, APIConnectionError),
        ({"kind": "status", "status": 503}, ServerError),
    ],
)
async def test_a_renewal_that_did_not_happen(sandbox, clock, oauth, fault, kind) -> None:
    """It is not repeated blindly by the calls that wait, since it might have happened; the next call tries again."""
    sandbox.faults.add(**fault, path=TOKEN, times=1)
    clock.now += 3600
    async with client(sandbox, oauth) as ps:
        outcomes = errors(await many(ps, 10))
        assert [type(outcome) for outcome in outcomes] == [kind] * 10
        assert sandbox.received == 1
        assert errors(await many(ps, 10)) == []


async def test_a_renewal_whose_answer_was_lost(sandbox, clock, oauth) -> None:
    """The server gave the new tokens to nobody: the calls say so, and then that the user has to authorize again."""
    sandbox.faults.add("reset_after", path=TOKEN, times=1)
    clock.now += 3600
    async with client(sandbox, oauth) as ps:
        with pytest.raises(APIConnectionError) as caught:
            await ps.client_notes.create(note="x")
        assert caught.value.received
        assert sandbox.received == 1
        with pytest.raises(AuthenticationError, match="authorize again"):
            await ps.client_notes.create(note="x")
        with pytest.raises(AuthenticationError, match="authorize again"):
            await ps.client_notes.create(note="x")
        assert sandbox.received == 2


@pytest.mark.parametrize("kind", ["invalid_json", "wrong_type", "wrong_shape", "cut_body"])
async def test_an_answer_that_makes_no_sense(sandbox, clock, oauth, kind) -> None:
    """A clear error, and the old tokens are kept."""
    before = oauth.tokens
    sandbox.faults.add(kind, path=TOKEN, times=1)
    clock.now += 3600
    async with client(sandbox, oauth) as ps:
        with pytest.raises(PocketsflowError):
            await ps.client_notes.create(note="x")
    assert oauth.tokens is before


async def test_a_good_token_is_used_while_it_lasts(sandbox, clock, oauth) -> None:
    """Where renewing ahead of time fails, calls go on, and it is not tried again with every one of them."""
    sandbox.faults.add("status", path=TOKEN, status=503, times=2)
    async with client(sandbox, oauth) as ps:
        clock.now += 3545
        assert errors(await many(ps, 10)) == []
        assert errors(await many(ps, 10)) == []
        assert asked(sandbox) == {503: 1}
        clock.now += 11
        assert errors(await many(ps, 10)) == []
        assert asked(sandbox) == {503: 2}
        clock.now += 50
        assert errors(await many(ps, 10)) == []
        assert asked(sandbox) == {503: 2, 200: 1}


async def test_refused_tokens_do_not_cause_renewals_without_end(sandbox, oauth) -> None:
    """Where new tokens are refused as well the calls fail, and the token address is left in peace."""
    sandbox.faults.add("status", path=NOTES, status=401)
    async with client(sandbox, oauth) as ps:
        for _ in range(20):
            with pytest.raises(AuthenticationError) as caught:
                await ps.client_notes.create(note="x")
            assert caught.value.status == 401
    assert asked(sandbox) == {200: 3}
    assert asked(sandbox, NOTES) == {401: 23}


async def test_ten_invalid_requests_an_hour(sandbox, clock) -> None:
    """The eleventh is not sent, whoever asks; the server never has to shut us out."""
    for _ in range(10):
        with pytest.raises(AuthenticationError):
            await sandbox.oauth(clock=clock, refresh_token="refresh_wrong").refresh()
    oauth = sandbox.oauth(clock=clock)
    for _ in range(5):
        with pytest.raises(ConfigurationError, match=TOO_MANY):
            await oauth.refresh()
    assert asked(sandbox) == {400: 10}

    clock.now += 3600
    await oauth.refresh()
    assert asked(sandbox) == {400: 10, 200: 1}


async def test_somebody_else_has_spent_the_invalid_requests(sandbox, clock) -> None:
    """A 429 is not answered with more requests."""
    sandbox.faults.add("status", path=TOKEN, status=429)
    oauth = sandbox.oauth(clock=clock, retry=RetryPolicy(attempts=5, base_delay=0.0))

    for _ in range(5):
        with pytest.raises(ConfigurationError, match=TOO_MANY):
            await oauth.refresh()
    assert asked(sandbox) == {429: 1}


async def test_a_refresh_that_never_arrived_is_sent_again(clock) -> None:
    """Where it is certain that the server did not see it, nothing can be lost."""
    oauth = OAuth2(
        client_id="a",
        refresh_token="r",
        token_url="http://127.0.0.1:9",
        authorization_url="http://127.0.0.1:9",
        retry=RetryPolicy(attempts=3, base_delay=0.0),
        clock=clock,
    )
    with pytest.raises(APIConnectionError) as caught:
        await oauth.refresh()
    assert not caught.value.received
    assert len(caught.value.attempts) == 3


async def test_one_try_means_one_try(sandbox, oauth, vault) -> None:
    """A policy without repetitions repeats nothing; the token is renewed for the next call."""
    async with client(sandbox, oauth, retry=RetryPolicy(attempts=1)) as ps:
        sandbox.drop_access()
        with pytest.raises(AuthenticationError):
            await ps.client_notes.create(note="x")
        await ps.client_notes.create(note="y")
    assert asked(sandbox, NOTES) == {401: 1, 201: 1}
    assert len(vault.stored) == 1


async def test_an_access_token_alone(sandbox, clock) -> None:
    """It serves as long as the server takes it; then its refusal is the error."""
    full = sandbox.oauth(clock=clock)
    oauth = OAuth2(
        client_id="sandbox",
        access_token=full.tokens.access_token,
        token_url=sandbox.token_url,
        authorization_url=sandbox.authorization_url,
        clock=clock,
    )
    async with client(sandbox, oauth) as ps:
        await ps.client_notes.create(note="x")
        sandbox.drop_access()
        with pytest.raises(AuthenticationError) as caught:
            await ps.client_notes.create(note="y")
        with pytest.raises(ConfigurationError, match="no refresh token"):
            await oauth.refresh()
    assert caught.value.status == 401
    assert asked(sandbox) == {}


async def test_two_clients_share_tokens(sandbox, clock, oauth) -> None:
    async with client(sandbox, oauth) as one, client(sandbox, oauth) as two:
        clock.now += 3600
        outcomes = await asyncio.gather(many(one, 10), many(two, 10))

    assert [errors(outcome) for outcome in outcomes] == [[], []]
    assert asked(sandbox) == {200: 1}


def test_another_event_loop_goes_on_with_the_same_tokens() -> None:
    """Nothing of the first loop is in the way of the second."""
    clock = Clock()

    async def once(sandbox: PocketSuiteSandbox, oauth: OAuth2 | None) -> OAuth2:
        async with sandbox:
            oauth = oauth or sandbox.oauth(clock=clock)
            oauth._endpoint.url = sandbox.token_url
            async with client(sandbox, oauth) as ps:
                sandbox.drop_access()
                await ps.client_notes.create(note="x")
            return oauth

    sandbox = PocketSuiteSandbox(clock=clock)
    oauth = asyncio.run(once(sandbox, None))
    asyncio.run(once(sandbox, oauth))
    assert asked(sandbox) == {200: 2}


async def test_tokens_that_do_not_rotate(clock) -> None:
    """The refresh token goes on where the server gives no new one."""
    async with PocketSuiteSandbox(clock=clock, rotate=False) as sandbox:
        oauth = sandbox.oauth(clock=clock)
        before = oauth.tokens
        first, second = await oauth.refresh(), await oauth.refresh()

    assert before.refresh_token == first.refresh_token == second.refresh_token
    assert len({before.access_token, first.access_token, second.access_token}) == 3
