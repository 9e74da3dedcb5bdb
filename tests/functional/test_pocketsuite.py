"""PocketSuite from the first visit of a user to the end of their grant, and every call of the gateway."""

from collections.abc import AsyncIterator
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from suite import NOTES, Clock, Vault, asked, client

from pocketsflow_async import (
    AuthenticationError,
    InvalidArgumentError,
    NotFoundError,
    PreviewWarning,
    UnprocessableEntityError,
)
from pocketsflow_async.pocketsuite import OAuth2, PocketSuite, Trigger, parse_trigger
from pocketsflow_async.sandbox.pocketsuite import PocketSuiteSandbox


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def sandbox(clock: Clock) -> AsyncIterator[PocketSuiteSandbox]:
    async with PocketSuiteSandbox(clock=clock) as sandbox:
        yield sandbox


@pytest.fixture
async def ps(sandbox: PocketSuiteSandbox, clock: Clock) -> AsyncIterator[PocketSuite]:
    async with client(sandbox, sandbox.oauth(clock=clock)) as ps:
        yield ps


async def visit(url: str) -> dict[str, str]:
    """What the user's browser brings back to the application."""
    async with aiohttp.ClientSession() as browser, browser.get(url, allow_redirects=False) as page:
        assert page.status == 302
        return {name: value for name, [value] in parse_qs(urlsplit(page.headers["Location"]).query).items()}


@pytest.mark.parametrize("client_auth", ["body", "basic"])
async def test_from_the_first_visit_to_the_last_call(sandbox: PocketSuiteSandbox, clock: Clock, client_auth) -> None:
    """Authorize, code, exchange, calls, expiry, refresh, rotation, a refused token, and the end of the grant."""
    vault = Vault()
    oauth = OAuth2(
        client_id="sandbox",
        client_secret="sandbox_secret",
        authorization_url=sandbox.authorization_url,
        token_url=sandbox.token_url,
        redirect_uri="https://app.example.com/back",
        on_tokens=vault,
        client_auth=client_auth,
        clock=clock,
    )
    assert oauth.tokens is None
    request = oauth.authorize_url()
    back = await visit(request.url)
    assert back["state"] == request.state

    first = await oauth.exchange(back["code"], verifier=request.verifier)
    assert vault.stored == [first]
    assert first.scope == "read:bookings read:payments read:clients write:clients read:subaccounts"

    async with client(sandbox, oauth) as ps:
        made = await ps.clients.create(name="Ada", email="ada@example.com")
        clock.now += 3539
        await ps.client_notes.create(note="Prefers mornings.", client_id=made.id)
        assert len(vault.stored) == 1
        clock.now += 2  # less than a minute is left
        await ps.client_notes.create(note="Prefers evenings.", client_id=made.id)
        second = vault.stored[-1]
        assert (len(vault.stored), asked(sandbox)) == (2, {200: 2})
        assert second.refresh_token != first.refresh_token
        assert 401 not in asked(sandbox, NOTES)

        sandbox.drop_access()
        note = await ps.client_notes.create(note="Has a dog.", client_id=made.id)
        assert note.client_id == made.id
        assert asked(sandbox, NOTES) == {201: 3, 401: 1}
        assert len(vault.stored) == 3

        sandbox.revoke()
        with pytest.raises(AuthenticationError, match=r"refresh token was rejected .*: authorize again") as caught:
            await ps.client_notes.create(note="Gone.", client_id=made.id)
        assert (caught.value.status, caught.value.code) == (400, "invalid_grant")
        assert [attempt.status for attempt in caught.value.attempts] == [401]

        back = await visit(oauth.authorize_url(pkce=False).url)
        await oauth.exchange(back["code"])
        await ps.client_notes.create(note="Back again.", client_id=made.id)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"verifier": None}, "code_verifier does not fit"),
        ({"verifier": "another"}, "code_verifier does not fit"),
        ({"redirect_uri": "https://evil.example"}, "redirect_uri is another"),
        ({"code": "code_guessed"}, "the code is not known"),
    ],
)
async def test_a_code_that_is_refused(sandbox: PocketSuiteSandbox, clock: Clock, changes, reason) -> None:
    """The error says why, and what to do; the tokens in use stay in use."""
    oauth = sandbox.oauth(clock=clock, redirect_uri="https://app.example.com/back")
    before = oauth.tokens
    request = oauth.authorize_url()
    given = {"code": (await visit(request.url))["code"], "verifier": request.verifier, **changes}

    with pytest.raises(
        AuthenticationError, match=rf"code was rejected \(invalid_grant: {reason}.*a code is valid once"
    ):
        await oauth.exchange(**given)
    assert oauth.tokens is before


async def test_a_code_serves_once(sandbox: PocketSuiteSandbox, clock: Clock) -> None:
    oauth = sandbox.oauth(clock=clock, redirect_uri="https://app.example.com/back")
    request = oauth.authorize_url()
    code = (await visit(request.url))["code"]
    await oauth.exchange(code, verifier=request.verifier)

    with pytest.raises(AuthenticationError):
        await oauth.exchange(code, verifier=request.verifier)


async def test_an_application_that_is_not_known(sandbox: PocketSuiteSandbox, clock: Clock) -> None:
    """It is told to look at its id and secret, not to send the user again."""
    oauth = sandbox.oauth(clock=clock, client_secret="another_secret")

    with pytest.raises(AuthenticationError, match=r"the application was rejected .*: check client_id") as caught:
        await oauth.refresh()
    assert caught.value.code == "invalid_client"


async def test_clients_are_created_changed_and_noted(sandbox: PocketSuiteSandbox, ps: PocketSuite) -> None:
    """Custom fields travel on the top level; what the answer shows is typed."""
    made = await ps.clients.create(
        name="Ada", phone="+15555550100", birthday="1990-01-02", custom_fields={"dog": "Rex"}
    )
    changed = await ps.clients.update(id=made.id, city="Ulm", custom_fields={"dog": "Bo"})
    found = await ps.clients.update(phone="+15555550100", state="BW")
    note = await ps.client_notes.create(note="Prefers mornings.", client_id=made.id)
    with pytest.warns(PreviewWarning):
        page = await ps.clients.list()
    kept = next(one for one in page.items if one.id == made.id)

    assert made.created_date is not None
    assert (changed.id, changed.city, found.id) == (made.id, "Ulm", made.id)
    assert note.client_id == made.id
    assert (kept.extra, kept.state) == ({"dog": "Bo"}, "BW")


async def test_what_is_missing_is_told_before_anything_is_sent(sandbox: PocketSuiteSandbox, ps: PocketSuite) -> None:
    with pytest.raises(InvalidArgumentError, match="phone or email must be given"):
        await ps.clients.create(name="Ada")
    with pytest.raises(TypeError, match="name"):
        await ps.clients.create(email="ada@example.com")  # type: ignore[call-arg]

    assert sandbox.received == 0


async def test_errors_name_the_field(ps: PocketSuite) -> None:
    """The nested form of errors: code, message and field."""
    with pytest.raises(UnprocessableEntityError) as caught:
        await ps.request("POST", "/clients", json={"name": "Ada"})
    error = caught.value
    assert (error.status, error.code, error.field) == (422, "validation_error", "phone")
    assert error.message == "phone: is required, or email"
    with pytest.raises(NotFoundError) as missing:
        await ps.clients.update(id="client_nobody", name="X")
    assert (missing.value.code, missing.value.field) == ("not_found", None)


@pytest.mark.parametrize("resource", ["clients", "bookings", "payments", "subaccounts"])
async def test_provisional_lists(ps: PocketSuite, resource: str) -> None:
    """They work against the sandbox, and warn once, of the line that used them."""
    with pytest.warns(PreviewWarning, match=rf"{resource}\.list: GET /\w+ is inferred") as warned:
        page = await getattr(ps, resource).list()
    records = [record async for record in getattr(ps, resource).list()]

    assert [record.id for record in records] == [record.id for record in page.items]
    assert records
    assert [one.filename for one in warned] == [__file__]


async def test_a_provisional_call_that_is_not_there(sandbox: PocketSuiteSandbox, ps: PocketSuite) -> None:
    sandbox.faults.add("status", path="/gateway/v1/zapier/booking", status=404)

    with (
        pytest.warns(PreviewWarning),
        pytest.raises(NotFoundError, match=r"\(GET /booking is inferred; the documentation names"),
    ):
        await ps.bookings.list()


async def test_triggers_are_delivered_as_documented(sandbox: PocketSuiteSandbox, ps: PocketSuite) -> None:
    """Subscribe, hear of what happens in its envelope, unsubscribe, hear nothing more."""
    heard: list[Trigger] = []

    async def hook(request: web.Request) -> web.Response:
        heard.append(parse_trigger(await request.read(), request.query.get("trigger")))
        return web.Response()

    app = web.Application()
    app.router.add_post("/hook", hook)
    names = ["client.created", "client.updated", "booking.created", "booking.completed", "payment.received"]
    async with TestServer(app) as server:
        with pytest.warns(PreviewWarning):
            hooks = [
                await ps.webhooks.subscribe(event=name, target_url=str(server.make_url("/hook"))) for name in names
            ]
        made = await ps.clients.create(name="Ada", email="ada@example.com")
        await sandbox.delivered()
        await ps.clients.update(id=made.id, city="Ulm", custom_fields={"dog": "Rex"})
        await sandbox.delivered()
        for name in names[2:]:
            sandbox.fire(name)
            await sandbox.delivered()
        with pytest.warns(PreviewWarning):
            await ps.webhooks.unsubscribe(hooks[0].id)
        for one in hooks[1:]:
            await ps.webhooks.unsubscribe(one.id)
        sandbox.fire("booking.created")
        await sandbox.delivered()

    assert [one.type for one in heard] == names
    assert [one.envelope for one in heard] == ["data", "flat", "event", "event", "event"]
    assert [one.inferred for one in heard] == [True, True, False, False, False]
    assert heard[1].data.extra == {"dog": "Rex"}
    assert all(one.timestamp for one in heard[2:])
