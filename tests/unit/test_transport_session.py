"""The given session, redirects, proxies and event loops."""

import asyncio
import gzip
import warnings
from pathlib import Path

import aiohttp
import pytest
from servers import ScriptedServer, drop, hang, reply
from transports import KEY, Transports, failure, operation, request

from pocketsflow_async import APIConnectionError, ConfigurationError, RequestOptions, RetryPolicy
from pocketsflow_async._executor import Executor


async def test_somebody_elses_session_stays_open(transport):
    """A session that was given is used, and not closed."""
    async with ScriptedServer(reply()) as server, aiohttp.ClientSession(headers={"X-Mine": "1"}) as session:
        one = transport(server.url, session=session)
        await one.send(request())
        await one.aclose()

        assert not session.closed
    assert server.received[0].header("X-Mine") == ["1"]


async def test_a_session_that_raises_for_status_does_no_harm(transport):
    """Error answers come back whole, even if the given session would raise them."""
    async with ScriptedServer(reply(404, b"{}")) as server, aiohttp.ClientSession(raise_for_status=True) as session:
        answer = await transport(server.url, session=session).send(request())

    assert (answer.status, answer.body) == (404, b"{}")


async def test_a_session_that_does_not_unpack_does_no_harm(transport):
    """Compressed answers are unpacked, even if the given session would not."""
    packed = gzip.compress(b'{"a":1}')
    async with (
        ScriptedServer(reply(200, packed, Content_Encoding="gzip")) as server,
        aiohttp.ClientSession(auto_decompress=False) as session,
    ):
        answer = await transport(server.url, session=session).send(request())

    assert answer.body == b'{"a":1}'


async def test_a_closed_session_is_told_as_such(transport, closed_port):
    """A session that its owner closed is a mistake in the program, not a failure of the network."""
    session = aiohttp.ClientSession()
    await session.close()

    error = await failure(transport(closed_port, session=session))

    assert type(error) is ConfigurationError
    assert "session that was given to the client is closed" in str(error)


async def test_a_client_closed_while_a_call_waits_says_so(transport):
    """A call that had not found a connection yet learns that its client is closed."""
    async with ScriptedServer(hang) as server:
        one = transport(server.url)
        one._open()._connector._limit = 1
        tasks = [asyncio.create_task(failure(one, request("POST"))) for _ in range(2)]
        await server.got_one.wait()
        await one.aclose()
        first, second = await asyncio.gather(*tasks)

    assert (type(first), first.received) == (APIConnectionError, True)
    assert type(second) is ConfigurationError
    assert len(server.received) == 1


def netrc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A .netrc that knows this machine."""
    file = tmp_path / "netrc"
    file.write_text("machine 127.0.0.1 login somebody password else\n")
    file.chmod(0o600)
    monkeypatch.setenv("NETRC", str(file))


def session_of(kind: str) -> aiohttp.ClientSession:
    """A session that would send credentials of its own."""
    if kind == "auth":
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            return aiohttp.ClientSession(auth=aiohttp.BasicAuth("somebody", "else"))
    if kind == "netrc":
        return aiohttp.ClientSession(trust_env=True)
    return aiohttp.ClientSession(headers={"authorization": "Basic c29tZWJvZHk6ZWxzZQ=="})


@pytest.mark.parametrize("kind", ["auth", "netrc", "headers"])
async def test_our_key_is_what_is_sent(transport, tmp_path, monkeypatch, kind):
    """Whatever a session would send, a request carries our key alone, or nothing where no key is needed."""
    netrc(tmp_path, monkeypatch)
    monkeypatch.setenv("NO_PROXY", "*")
    async with ScriptedServer(reply()) as server, session_of(kind) as session:
        one = transport(server.url, session=session)
        await one.send(request())
        await one.send(request("POST", body=b"{}"))
        await one.send(request(auth=False))

    assert [got.header("Authorization") for got in server.received] == [[f"Bearer {KEY}"], [f"Bearer {KEY}"], []]


async def test_the_middlewares_of_a_session_still_run(transport):
    """Whatever a session does around its requests happens around ours, and they may still have the last word."""

    async def mark(sent: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
        sent.headers["X-Seen"] = sent.headers["Authorization"]
        return await handler(sent)

    async with ScriptedServer(reply()) as server, aiohttp.ClientSession(middlewares=[mark]) as session:
        await transport(server.url, session=session).send(request())

    assert server.received[0].header("X-Seen") == [f"Bearer {KEY}"]


async def test_a_middleware_that_fails_is_the_cause(transport, closed_port):
    """What goes wrong in the caller's own code around a session is shown to the caller, and not tried again."""

    async def broken(*_: object) -> aiohttp.ClientResponse:
        raise KeyError("mine")

    async with aiohttp.ClientSession(middlewares=[broken]) as session:
        error = await failure(transport(closed_port, session=session))

    assert type(error) is APIConnectionError
    assert isinstance(error.__cause__, KeyError)
    assert (error.received, error.temporary) == (False, False)


@pytest.mark.parametrize("own", [True, False], ids=["our session", "a given session"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "POST"])
@pytest.mark.parametrize("attempts", [1, 3])
async def test_each_try_is_sent_once(transport, method, attempts, own):
    """On a reused connection that drops, the server sees one request for each of our tries and not one more."""
    async with ScriptedServer(reply(204, b""), drop) as server, aiohttp.ClientSession() as session:
        one = transport(server.url, session=None if own else session)
        runner = Executor(one, None, RetryPolicy(attempts=attempts, base_delay=0.0))
        await runner.call(operation(method))
        with pytest.raises(APIConnectionError) as caught:
            await runner.call(operation(method), options=RequestOptions(timeout=2.0))

    assert [got.connection for got in server.received[:2]] == [1, 1]
    assert len(server.received) - 1 == attempts == len(caught.value.attempts)


async def test_a_second_sending_by_somebody_else_is_not_forgotten(transport):
    """If a session's own middleware sends again, a refused second connection does not mean that nothing arrived."""

    async def stubborn(sent: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
        try:
            return await handler(sent)
        except aiohttp.ServerDisconnectedError:
            await server.stop_listening()
            return await handler(sent)

    async with ScriptedServer(drop) as server, aiohttp.ClientSession(middlewares=[stubborn]) as session:
        error = await failure(transport(server.url, session=session), request("POST"))

    assert "refused" in str(error)
    assert error.received
    assert len(server.received) == 1


@pytest.mark.parametrize("own", [True, False], ids=["our session", "a given session"])
@pytest.mark.parametrize("place", ["same origin", "other origin"])
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed(transport, status, place, own):
    """The key does not travel to where a server points."""
    async with ScriptedServer(reply()) as other, aiohttp.ClientSession() as session:
        location = f"{other.url}/elsewhere" if place == "other origin" else "/elsewhere"
        async with ScriptedServer(reply(status, b"", Location=location)) as server:
            answer = await transport(server.url, session=None if own else session).send(request())

    assert (answer.status, len(server.received)) == (status, 1)
    assert (other.connections, other.received) == (0, [])


@pytest.fixture
def through(monkeypatch):
    """Sets a proxy in the environment."""

    def set_proxy(url: str) -> None:
        for name in ("NO_PROXY", "no_proxy"):
            monkeypatch.delenv(name, raising=False)
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, url)
            monkeypatch.setenv(name.lower(), url)

    return set_proxy


@pytest.mark.parametrize("trusting", [False, True], ids=["our session", "a session that trusts the environment"])
async def test_a_proxy_of_the_environment_is_used_only_when_asked(transport, through, trusting):
    """Requests with the key go where the address says, unless the given session was told otherwise."""
    async with (
        ScriptedServer(reply()) as server,
        ScriptedServer(reply()) as proxy,
        aiohttp.ClientSession(trust_env=True) as session,
    ):
        through(proxy.url)
        await transport(server.url, session=session if trusting else None).send(request())

    assert (len(proxy.received), len(server.received)) == ((1, 0) if trusting else (0, 1))
    assert [got.target for got in proxy.received] == ([f"{server.url}/things"] if trusting else [])


@pytest.mark.parametrize(
    ("act", "temporary", "text"),
    [
        (reply(407, b""), False, "the proxy refused to connect (status 407)"),
        (reply(503, b""), True, "the proxy refused to connect (status 503)"),
        (drop, True, "closed the connection before it answered"),
        (hang, True, "no connection within 0.2 s"),
    ],
    ids=["wants a password", "is busy", "hangs up", "says nothing"],
)
async def test_what_a_proxy_refuses_never_arrived(transport, through, act, temporary, text):
    """The proxy is told where to, but neither the key nor the request, before the connection stands."""
    async with ScriptedServer(act) as proxy, aiohttp.ClientSession(trust_env=True) as session:
        through(proxy.url)
        error = await failure(transport("https://127.0.0.1:1", session=session, timeout=0.2), request("POST"))

    assert text in str(error)
    assert (error.received, error.temporary) == (False, temporary)
    assert [(got.method, got.header("Authorization")) for got in proxy.received] == [("CONNECT", [])]


async def test_a_proxy_that_is_not_there_never_arrived(transport, through, closed_port):
    """A proxy that cannot be reached is told as such."""
    async with aiohttp.ClientSession(trust_env=True) as session:
        through(closed_port)
        error = await failure(transport("http://127.0.0.1:1", session=session))

    assert "the proxy could not be reached" in str(error)
    assert not error.received


def test_a_client_belongs_to_one_event_loop():
    """In a second event loop, a client says so instead of failing somewhere below."""
    with asyncio.Runner() as first, asyncio.Runner() as second:
        server = first.run(ScriptedServer(reply()).__aenter__())
        transports = Transports()
        one = transports(server.url)
        first.run(one.send(request()))
        with pytest.raises(ConfigurationError, match="a client belongs to one event loop"):
            second.run(one.send(request()))
        first.run(one.send(request()))
        first.run(transports.__aexit__())
        first.run(server.__aexit__(None, None, None))

    assert len(server.received) == 2


def test_a_session_belongs_to_one_event_loop():
    """A session that was made in another event loop is refused."""

    async def make() -> aiohttp.ClientSession:
        return aiohttp.ClientSession()

    with asyncio.Runner() as first, asyncio.Runner() as second:
        session = first.run(make())
        one = Transports()("http://127.0.0.1:1", session=session)
        with pytest.raises(ConfigurationError, match="a session belongs to one event loop"):
            second.run(one.send(request()))
        first.run(session.close())
