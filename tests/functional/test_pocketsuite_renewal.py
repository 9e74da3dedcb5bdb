"""Tokens are renewed once for everybody, handed over before they are used, and never lost."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from suite import NOTES, QUICK, TOKEN, Clock, Vault, asked, client, errors, many

from pocketsflow_async import (
    APIConnectionError,
    ConfigurationError,
    RequestOptions,
)
from pocketsflow_async.pocketsuite import OAuth2
from pocketsflow_async.sandbox.pocketsuite import PocketSuiteSandbox


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


async def test_fifty_calls_at_expiry_renew_once(sandbox, clock, oauth, vault) -> None:
    """All wait for one renewal, and none is sent with the old token."""
    async with client(sandbox, oauth) as ps:
        clock.now += 3600
        outcomes = await many(ps)

    assert errors(outcomes) == []
    assert asked(sandbox) == {200: 1}
    assert asked(sandbox, NOTES) == {201: 50}
    assert len(vault.stored) == 1


async def test_fifty_refused_tokens_renew_once(sandbox, oauth, vault) -> None:
    """Each call is repeated with the new token, its work is done once."""
    async with client(sandbox, oauth) as ps:
        sandbox.drop_access()
        outcomes = await many(ps)

    assert errors(outcomes) == []
    assert asked(sandbox) == {200: 1}
    assert asked(sandbox, NOTES) == {401: 50, 201: 50}
    assert len(vault.stored) == 1


async def test_a_late_refusal_of_an_old_token_renews_nothing(sandbox, oauth) -> None:
    """A call that was on its way when the token changed finds the new one in place."""
    used = oauth.generation
    assert await oauth.refused(used)
    renewed = oauth.tokens
    assert await oauth.refused(used)

    assert oauth.tokens is renewed
    assert asked(sandbox) == {200: 1}


async def test_a_renewal_outlives_the_call_that_began_it(sandbox, clock, oauth, vault) -> None:
    """Whoever began it may be cancelled: the others get the tokens all the same."""
    sandbox.faults.add("delay", path=TOKEN, seconds=0.1, times=1)
    async with client(sandbox, oauth) as ps:
        clock.now += 3600
        first = asyncio.create_task(ps.client_notes.create(note="first"))
        others = asyncio.create_task(many(ps, 5))
        while sandbox.received < 1:  # noqa: ASYNC110 - until it is on its way
            await asyncio.sleep(0)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        outcomes = await others

    assert errors(outcomes) == []
    assert asked(sandbox) == {200: 1}
    assert len(vault.stored) == 1


async def test_a_renewal_outlives_its_client(sandbox, clock, oauth, vault) -> None:
    """Closing the client waits for the tokens that are on their way."""
    sandbox.faults.add("delay", path=TOKEN, seconds=0.1, times=1)
    clock.now += 3600
    async with client(sandbox, oauth) as ps:
        call = asyncio.create_task(ps.client_notes.create(note="x"))
        while sandbox.received < 1:  # noqa: ASYNC110 - until it is on its way
            await asyncio.sleep(0)
        call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call

    assert len(vault.stored) == 1
    assert oauth.tokens is vault.stored[0]


async def test_a_deadline_ends_the_wait_and_not_the_renewal(sandbox, clock, oauth, vault) -> None:
    sandbox.faults.add("delay", path=TOKEN, seconds=0.3, times=1)
    clock.now += 3600
    async with client(sandbox, oauth) as ps:
        with pytest.raises(APIConnectionError, match="deadline"):
            await ps.client_notes.create(note="x", options=RequestOptions(deadline=0.05))
        await ps.client_notes.create(note="y")

    assert asked(sandbox) == {200: 1}


# ------------------------------------------------------------------------------------------- handing tokens over


async def test_tokens_are_stored_before_they_are_used(sandbox, clock, oauth) -> None:
    """While they are being stored no call goes out."""
    storing, stored = asyncio.Event(), asyncio.Event()

    async def store(_: object) -> None:
        storing.set()
        await stored.wait()

    oauth._store.on_tokens = store
    clock.now += 3600
    async with client(sandbox, oauth) as ps:
        calls = asyncio.create_task(many(ps, 3))
        await storing.wait()
        await asyncio.sleep(0.05)
        assert asked(sandbox, NOTES) == {}
        stored.set()
        assert errors(await calls) == []


async def test_tokens_that_cannot_be_stored_are_neither_used_nor_lost(sandbox, clock, oauth, vault) -> None:
    """The calls say so, the new tokens can be seen, and the next call hands them over again without a new renewal."""
    before = oauth.tokens
    vault.failures = [RuntimeError("disk full") for _ in range(9)]  # a call that comes late tries it once more itself
    clock.now += 3600
    async with client(sandbox, oauth) as ps:
        for outcome in errors(await many(ps, 5)):
            assert isinstance(outcome, ConfigurationError)
            assert "on_tokens raised RuntimeError" in str(outcome)
            assert isinstance(outcome.__cause__, RuntimeError)
        assert asked(sandbox, NOTES) == {}
        kept = oauth.tokens
        assert kept is not None
        assert kept.refresh_token != before.refresh_token
        with pytest.raises(ConfigurationError):
            await ps.client_notes.create(note="x")
        vault.failures.clear()

        assert errors(await many(ps, 5)) == []

    assert vault.stored == [kept]
    assert asked(sandbox) == {200: 1}


async def test_a_callback_that_is_cancelled_from_inside(sandbox, clock, oauth, vault) -> None:
    """A cancellation of its own making is a failure like any other, and reaches no call."""
    vault.failures = [asyncio.CancelledError()]
    clock.now += 3600
    async with client(sandbox, oauth) as ps:
        with pytest.raises(ConfigurationError, match="on_tokens raised CancelledError"):
            await ps.client_notes.create(note="x")
        await ps.client_notes.create(note="y")


async def test_a_callback_may_be_a_plain_function(sandbox, clock) -> None:
    stored: list[object] = []
    oauth = sandbox.oauth(clock=clock, on_tokens=stored.append)

    assert stored == []
    tokens = await oauth.refresh()
    assert stored == [tokens]


async def test_a_callback_that_uses_the_client_is_told(sandbox, clock) -> None:
    """It would wait for itself for ever."""
    oauth = sandbox.oauth(clock=clock, on_tokens=lambda _: ps.client_notes.create(note="stored"))
    async with client(sandbox, oauth) as ps:
        sandbox.drop_access()
        with pytest.raises(ConfigurationError, match="on_tokens raised ConfigurationError") as caught:
            await ps.client_notes.create(note="x")
    assert "which waits for it" in str(caught.value.__cause__)


async def test_a_callback_may_close_the_client(sandbox, clock) -> None:
    """It does not wait for itself."""
    oauth = sandbox.oauth(clock=clock, on_tokens=lambda _: ps.aclose())
    ps = client(sandbox, oauth)
    await ps.client_notes.create(note="x")
    await oauth.refresh()
    with pytest.raises(ConfigurationError, match="closed"):
        await ps.client_notes.create(note="y")


async def test_a_code_is_exchanged_after_what_is_under_way(sandbox, oauth, vault) -> None:
    """The tokens of the newer grant are the ones that stay."""
    sandbox.faults.add("delay", path=TOKEN, seconds=0.1, times=1)
    code = sandbox._grants._text("code")
    sandbox._grants._codes[code] = type(next(iter(sandbox._grants._refresh.values())))(
        "", "https://a.example", None, 1e9
    )
    renewal = asyncio.create_task(oauth.refresh())
    await asyncio.sleep(0)
    tokens = await oauth.exchange(code, redirect_uri="https://a.example")
    await renewal

    assert oauth.tokens is tokens is vault.stored[-1]
    assert len(vault.stored) == 2
