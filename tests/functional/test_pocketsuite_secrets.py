"""Secrets of OAuth 2.0 are planted, everything goes wrong once, and every place they may reach is searched."""

import asyncio
import gzip
import logging
import warnings
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sinks import HELD, KEPT, MARK, RAISED, as_text, leaks
from suite import QUICK, TOKEN, Clock, client

from pocketsflow_async import PocketsflowError
from pocketsflow_async.pocketsuite import OAuth2, PocketSuite
from pocketsflow_async.sandbox.pocketsuite import PocketSuiteSandbox

SECRETS: dict[str, Any] = {
    "client_secret": f"secret_canary_{MARK}",
    "access_token": f"access_canary_{MARK}",
    "refresh_token": f"refresh_canary_{MARK}",
}


async def against(text: bytes, **settings: Any) -> None:
    """Call once, where the gateway and the token address answer with just this; nothing resets the connection."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(text)
            await writer.drain()
        if text:
            writer.close()
        else:
            writer.transport.abort()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        oauth = OAuth2(
            client_id="sandbox",
            token_url=url,
            authorization_url=url,
            retry=QUICK,
            clock=Clock(),
            **(SECRETS | settings),
        )
        async with PocketSuite(oauth, base_url=url, rate_limit=None, retry=QUICK) as ps:
            await ps.client_notes.create(note="x")


def http(status: int, body: str) -> bytes:
    return f"HTTP/1.1 {status} X\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n{body}".encode()


ECHO = f'{{"error": "invalid_grant_{SECRETS["refresh_token"]}", "error_description": "no {SECRETS["refresh_token"]}"}}'
NESTED = f'{{"error": {{"code": "x", "message": "no {SECRETS["client_secret"]} {SECRETS["refresh_token"]}"}}}}'
NEW = f'{{"access_token": "new_canary_{MARK}", "refresh_token": "newer_canary_{MARK}", "expires_in": 60}}'


ALL = f'{{"error": "no", "error_description": "{" ".join(SECRETS.values())}"}}'
PACKED = gzip.compress(NEW.encode(), 0)[:-8] + bytes(8)
CUT = b"HTTP/1.1 200 X\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%s" % (len(PACKED), PACKED)


async def renewal(text: bytes) -> None:
    """Refresh, although there is an access token."""
    await against(text, expires_at=datetime.now(UTC) - timedelta(hours=1))


def refuse(tokens: Any) -> None:
    raise LookupError(f"cannot store {tokens.access_token}")


def fall(tokens: Any) -> None:
    error = LookupError("cannot store")
    error.tokens = tokens.refresh_token  # type: ignore[attr-defined]
    raise error


TROUBLES: dict[str, Callable[[], Awaitable[None]]] = {
    "refused": lambda: against(http(401, "{}"), refresh_token=None),
    "lost": lambda: against(b""),
    "renewal lost": lambda: against(b"", access_token=None),
    "renewal refused": lambda: against(http(400, ECHO), access_token=None),
    "renewal refused by basic": lambda: against(http(400, ECHO), access_token=None, client_auth="basic"),
    "renewal refused otherwise": lambda: against(http(403, NESTED), access_token=None),
    "renewal failed": lambda: against(http(503, NESTED), access_token=None),
    "renewal forbidden": lambda: against(http(429, ECHO), access_token=None),
    "renewal in other words": lambda: against(http(400, "no " * 165 + SECRETS["refresh_token"]), access_token=None),
    "access token repeated": lambda: renewal(http(400, ALL)),
    "access token repeated in a failure": lambda: renewal(http(500, ALL)),
    "tokens cut off": lambda: against(CUT, access_token=None),
    "no tokens": lambda: against(http(200, f'["{SECRETS["refresh_token"]}"]'), access_token=None),
    "other tokens": lambda: against(http(200, NEW.replace("expires_in", "token_type")), access_token=None),
    "not stored": lambda: against(http(200, NEW), access_token=None, on_tokens=refuse),
    "not stored either": lambda: against(http(200, NEW), access_token=None, on_tokens=fall),
    "secret of the wrong kind": lambda: against(b"", access_token=f"{MARK} with space"),
}


@pytest.mark.parametrize("name", TROUBLES)
async def test_no_error_gives_a_secret_away(name: str, caplog: pytest.LogCaptureFixture) -> None:
    """Not in text, traceback, pickle, log or anything else that can be reached from it."""
    caplog.set_level(logging.DEBUG)
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        with pytest.raises(PocketsflowError) as caught:
            await TROUBLES[name]()

    assert leaks(RAISED, {name: caught.value}) == []
    assert MARK not in as_text(caplog.text)
    assert not [one for one in warned if MARK in str(one.message)]


async def test_nothing_that_works_gives_a_secret_away(caplog: pytest.LogCaptureFixture) -> None:
    """Client and credentials refuse to be pickled and show nothing; what comes from them holds nothing."""
    caplog.set_level(logging.DEBUG)
    clock = Clock()
    async with PocketSuiteSandbox(clock=clock, client_secret=SECRETS["client_secret"]) as sandbox:
        oauth = sandbox.oauth(clock=clock)
        oauth._used = type(oauth._used)(type(oauth._used.tokens)(SECRETS["access_token"], oauth.tokens.refresh_token))
        async with client(sandbox, oauth) as ps:
            sandbox.faults.add("status", path=TOKEN, status=503, times=1)
            with pytest.raises(PocketsflowError):
                await oauth.refresh()
            note = await ps.client_notes.create(note="x")
            executor: Any = await ps._connection.open()
            holders = {
                "client": ps,
                "its fields": vars(ps),
                "resource": ps.clients,
                "connection": ps._connection,
                "credentials": oauth,
                "their fields": vars(oauth),
                "tokens": oauth.tokens,
                "request": oauth.authorize_url(),
                "executor": executor,
                "transport": executor.transport,
            }
            assert leaks(KEPT, holders) == []
            assert leaks(HELD, {"note": note, "quota": ps.quota, "url": oauth.authorize_url(pkce=False).url}) == []
    assert MARK not in as_text(caplog.text)
