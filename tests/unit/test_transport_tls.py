"""Certificates are verified, and one that cannot be trusted is told at once."""

import ssl
from collections.abc import Callable
from datetime import UTC, datetime

import aiohttp
import pytest
import trustme
from aiohttp import ClientSession, TCPConnector
from fakes import pickled
from servers import ScriptedServer, reply
from transports import failure, operation, request

from pocketsflow_async import APIConnectionError, Pocketsflow, RetryPolicy
from pocketsflow_async._executor import Executor

Certificates = Callable[..., ssl.SSLContext]


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """Signs certificates that no machine trusts."""
    return trustme.CA()


@pytest.fixture
def served(authority) -> Certificates:
    """The server's side of TLS."""

    def make(*names: str, ends: datetime | None = None) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(*(names or ("127.0.0.1",)), not_after=ends).configure_cert(context)
        return context

    return make


@pytest.fixture
def trusting(authority) -> ssl.SSLContext:
    """The side of a client that trusts the authority."""
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


async def test_a_certificate_of_an_unknown_authority_is_refused(transport, served):
    """Our own session sends nothing to a server whose certificate nobody vouches for."""
    async with ScriptedServer(reply(), tls=served()) as server:
        error = await failure(transport(server.url))

    assert type(error) is APIConnectionError
    assert "the server's certificate could not be verified" in str(error)
    assert isinstance(error.__cause__, ssl.SSLCertVerificationError)
    assert (error.received, error.temporary) == (False, False)
    assert server.received == []


async def test_a_trusted_certificate_is_accepted(served, trusting):
    """Who has an authority of their own gives a session that knows it."""
    async with (
        ScriptedServer(reply(200, b'{"a":1}'), tls=served()) as server,
        ClientSession(connector=TCPConnector(ssl=trusting)) as session,
        Pocketsflow("pk_test_sandbox", base_url=server.url, session=session) as pf,
    ):
        assert await pf.request("GET", "/things") == {"a": 1}


@pytest.mark.parametrize(
    "wrong",
    [{"names": ["other.example"]}, {"ends": datetime(2020, 1, 1, tzinfo=UTC)}],
    ids=["another host", "expired"],
)
async def test_a_certificate_must_fit(transport, served, trusting, wrong):
    """A trusted authority does not make up for a wrong name or a certificate of yesterday."""
    tls = served(*wrong.get("names", []), ends=wrong.get("ends"))
    async with (
        ScriptedServer(reply(), tls=tls) as server,
        ClientSession(connector=TCPConnector(ssl=trusting)) as session,
    ):
        error = await failure(transport(server.url, session=session))

    assert "the server's certificate could not be verified" in str(error)
    assert (error.received, error.temporary) == (False, False)
    assert server.received == []


async def test_a_certificate_other_than_the_pinned_one_is_refused(transport, served):
    """A session that knows the certificate's fingerprint is not given another one."""
    connector = TCPConnector(ssl=aiohttp.Fingerprint(b"x" * 32))
    async with ScriptedServer(reply(), tls=served()) as server, ClientSession(connector=connector) as session:
        error = await failure(transport(server.url, session=session))

    assert "the server's certificate could not be verified" in str(error)
    assert (error.received, error.temporary) == (False, False)
    assert server.received == []


async def test_a_wrong_certificate_is_not_tried_again(transport, served):
    """The next try would meet the same certificate, so the first error is raised."""
    async with ScriptedServer(reply(), tls=served()) as server:
        with pytest.raises(APIConnectionError) as caught:
            await Executor(transport(server.url), None, RetryPolicy(base_delay=0.0)).call(operation("GET"))

    assert len(caught.value.attempts) == 1
    assert not pickled(caught.value).temporary


async def test_a_secure_connection_is_used_again(transport, served, trusting):
    """Requests behind TLS share their connection."""
    async with (
        ScriptedServer(reply(), tls=served()) as server,
        ClientSession(connector=TCPConnector(ssl=trusting)) as session,
    ):
        one = transport(server.url, session=session)
        for _ in range(3):
            await one.send(request())

    assert [got.connection for got in server.received] == [1, 1, 1]
