"""The key and a webhook secret are planted, everything goes wrong once, and every place they may reach is searched."""

import asyncio
import gc
import gzip
import json
import logging
import os
import pickle
import sys
import warnings
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from sinks import HELD, KEPT, MARK, RAISED, SHOWN, SPELLINGS, as_text, is_given_away, leaks

from pocketsflow_async import Pocketsflow, RateLimit, RequestOptions, RetryPolicy, webhooks
from pocketsflow_async.errors import (
    STATUS_ERRORS,
    APIConnectionError,
    APIResponseError,
    APIStatusError,
    APITimeoutError,
    AuthenticationError,
    ConfigurationError,
    PocketsflowError,
    ServerError,
    WebhookVerificationError,
)
from pocketsflow_async.export import export
from pocketsflow_async.sandbox import Sandbox

KEY = f"pk_test_canary_{MARK}"
SIGNING = f"whsec_canary_{MARK}"
TWICE = RetryPolicy(attempts=2, base_delay=0.0)


# ------------------------------------------------------------------------------------------------- what goes wrong

Trouble = Callable[[], Awaitable[object]]
TROUBLES: dict[str, tuple[type[BaseException], Trouble]] = {}


def trouble(kind: type[BaseException]) -> Callable[[Trouble], Trouble]:
    """A trouble that ends with this error."""

    def add(provoke: Any) -> Trouble:
        TROUBLES[provoke.__name__.replace("_", " ")] = kind, provoke
        return provoke

    return add


async def ask(url: str, *, patch: Callable[[str], object] | None = None, **arguments: Any) -> None:
    arguments = {"retry": TWICE, "rate_limit": None, "timeout": 5.0} | arguments
    async with Pocketsflow(KEY, base_url=url, **arguments) as pf:
        await pf.orders.list()
        if patch is not None:
            patch(pf.spec_patch())
            return
        await pf.orders.list(page=1).collect()


async def answered(text: bytes, **arguments: Any) -> None:
    """Ask a server that says just this; nothing at all resets the connection."""
    talks: set[asyncio.Task[Any]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if task := asyncio.current_task():
            talks.add(task)
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(text)
            await writer.drain()
            if b"stall" in text:
                await reader.read()
            if not text:
                writer.transport.abort()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        try:
            await ask(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", **arguments)
        finally:
            await asyncio.gather(*talks)


def http(status: int, body: bytes = b"{}", head: bytes = b"") -> bytes:
    return b"HTTP/1.1 %d X\r\nContent-Length: %d\r\nConnection: close\r\n%s\r\n%s" % (status, len(body), head, body)


@trouble(APIConnectionError)
async def connection_refused() -> None:
    await ask("http://127.0.0.1:9")


@trouble(APIConnectionError)
async def connection_reset() -> None:
    await answered(b"")


@trouble(APIConnectionError)
async def answer_cut() -> None:
    await answered(b"HTTP/1.1 200 X\r\nContent-Length: 100\r\n\r\n{")


@trouble(APIConnectionError)
async def no_http() -> None:
    await answered(b"\x00\x01 SMTP\r\n\r\n")


@trouble(APIConnectionError)
async def secure_connection_refused() -> None:
    async with Sandbox(orders=1) as sandbox:
        await ask(sandbox.url.replace("http://", "https://"))


@trouble(APITimeoutError)
async def try_timed_out() -> None:
    await answered(b"HTTP/1.1 200 X\r\nX-Wait: stall\r\nContent-Length: 9\r\n\r\n", timeout=0.05)


@trouble(APITimeoutError)
async def deadline_passed() -> None:
    async with Sandbox(orders=1, keys=[KEY]) as sandbox, Pocketsflow(KEY, base_url=sandbox.url, rate_limit=None) as pf:
        sandbox.faults.add("stall")
        await pf.orders.get("a", options=RequestOptions(deadline=0.05))


@trouble(TimeoutError)
async def cancelled() -> None:
    async with Sandbox(orders=1, keys=[KEY]) as sandbox, Pocketsflow(KEY, base_url=sandbox.url, rate_limit=None) as pf:
        sandbox.faults.add("stall")
        async with asyncio.timeout(0.05):
            await pf.orders.get("a")


@trouble(ConfigurationError)
async def client_closed() -> None:
    pf = Pocketsflow(KEY, base_url="http://127.0.0.1:9")
    await pf.aclose()
    await pf.orders.get("a")


def provoked(kind: type[BaseException], name: str, *arguments: Any, **named: Any) -> None:
    """A trouble of an answer, or of a function that fails at once."""

    async def provoke() -> object:
        first, *rest = arguments
        return await answered(first, **named) if isinstance(first, bytes) else first(*rest, **named)

    TROUBLES[name] = kind, provoke


for status in (400, 401, 402, 403, 404, 409, 418, 422, 429, 500, 502, 503):
    kind = STATUS_ERRORS.get(status, ServerError if status >= 500 else APIStatusError)
    provoked(
        kind, f"status {status}", http(status, b'{"message":"no","code":"X"}', b"X-Request-Id: r\r\nRetry-After: 0\r\n")
    )
provoked(APIStatusError, "redirect", http(302, head=b"Location: https://elsewhere.example/\r\n"))
echoed = f'{{"message":"no such key: {KEY}","headers":["Bearer {KEY}"]}}'.encode()
provoked(AuthenticationError, "key sent back", http(401, echoed, f"X-Key: {KEY}\r\n".encode()))
provoked(APIStatusError, "key in a redirect", http(307, head=f"Location: https://elsewhere.example/{KEY}\r\n".encode()))
provoked(APIResponseError, "no JSON", http(200, b"<html>"))
provoked(APIResponseError, "wrong shape", http(200, b'{"orders":[{"_id":5}]}'))
provoked(
    APIResponseError,
    "other page",
    http(200, b'{"orders":[],"pagination":{"currentPage":9,"totalPages":9,"hasMore":true}}'),
)

HOOK = {"X-Pocketsflow-Signature": "0" * 64}
provoked(ConfigurationError, "key with line feed", Pocketsflow, KEY + "\n")
provoked(ConfigurationError, "key with space", Pocketsflow, f"Bearer {KEY}")
provoked(ConfigurationError, "key beyond ASCII", Pocketsflow, KEY + "\u00e9")
provoked(ConfigurationError, "key in bytes", Pocketsflow, KEY.encode())
provoked(ConfigurationError, "key in the address", Pocketsflow, KEY, base_url=f"https://{KEY}:{KEY}@api.example")
provoked(ConfigurationError, "key in the query", Pocketsflow, KEY, base_url=f"https://api.example/?key={KEY}")
provoked(ConfigurationError, "key for an address", Pocketsflow, KEY, base_url=KEY)
provoked(ConfigurationError, "key in the path", Pocketsflow, KEY, base_url=f"http://api.example/{KEY}")
provoked(ConfigurationError, "no address", Pocketsflow, KEY, base_url="ftp://api.example")
provoked(ConfigurationError, "plain http", Pocketsflow, KEY, base_url="http://api.example")
provoked(ConfigurationError, "no quota", Pocketsflow, KEY, rate_limit="fast")
provoked(ConfigurationError, "no timeout", Pocketsflow, KEY, timeout=-1)
provoked(ConfigurationError, "key as a header", RequestOptions, headers={"Authorization": f"Bearer {KEY}"})
provoked(ConfigurationError, "key as a bad header", RequestOptions, headers={"X-Key": f"{KEY}\n"})
provoked(WebhookVerificationError, "forged delivery", webhooks.construct_event, b"{}", HOOK, SIGNING)
provoked(WebhookVerificationError, "unsigned delivery", webhooks.construct_event, b"{}", {}, [SIGNING, SIGNING])
provoked(ConfigurationError, "secret in bytes", webhooks.construct_event, b"{}", HOOK, [SIGNING.encode()])
provoked(ConfigurationError, "secret beyond UTF-8", webhooks.construct_event, b"{}", HOOK, SIGNING + "\ud800")
provoked(
    WebhookVerificationError, "stale delivery", webhooks.construct_event, b"{}",
    {"X-Pocketsflow-Signature": webhooks.sign(b"{}", SIGNING), "X-Pocketsflow-Timestamp": "1"}, SIGNING, tolerance=1,
)  # fmt: skip
provoked(
    WebhookVerificationError,
    "signed nonsense",
    webhooks.construct_event,
    b"<",
    {"X-Pocketsflow-Signature": webhooks.sign(b"<", SIGNING)},
    SIGNING,
)


@pytest.mark.parametrize("name", TROUBLES)
async def test_no_error_gives_a_secret_away(name: str, caplog: pytest.LogCaptureFixture, capfd: Any) -> None:
    """Whatever goes wrong: neither the error, wherever it ends, nor any log, warning or output has the key in it."""
    asyncio.get_running_loop().set_debug(True)
    caplog.set_level(logging.DEBUG)
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        kind, provoke = TROUBLES[name]
        with pytest.raises(kind) as caught:
            await provoke()
    gc.collect()  # so that what warns when it is thrown away warns now

    assert type(caught.value) is kind

    assert leaks(RAISED, {name: caught.value}) == []
    assert leaks({"repr": repr}, {"the warnings": [str(one.message) for one in warned]}) == []
    assert leaks({"log": str}, {"text": caplog.text, "parts": [vars(one) for one in caplog.records]}) == []
    assert leaks({"output": str}, {"both": capfd.readouterr()}) == []


TEXTS = {name: RAISED[name] for name in ("str", "everything reachable", "pickled and raised again", "traceback")}


@pytest.mark.parametrize("spell", SPELLINGS.values(), ids=SPELLINGS)
async def test_a_server_that_repeats_the_key_is_not_passed_on(spell: Callable[[str], str]) -> None:
    """However the key is spelled, in a status of any kind, in text, JSON or a header, no error has it."""
    key = spell(f"Bearer {KEY}")
    text, field = f"headers: {key}".encode(), json.dumps(key).encode()
    header = b"X-Key: %s\r\n" % "".join(key.split()).encode()
    for response in (
        http(418, text, header),
        http(401, b'{"message":%s,"code":%s}' % (field, field)),
        http(500, b'{"a":{"b":[%s]}}' % field),
        http(307, head=header.replace(b"X-Key", b"Location")),
        http(200, b"<pre>" + text),
        http(200, b'{"orders":%s}' % field),
        http(200, b'{"orders":[{"_id":5,"buyerEmail":%s}]}' % field),
    ):
        with pytest.raises(PocketsflowError) as caught:
            await answered(response)
        assert leaks(TEXTS, {"error": caught.value}) == []


UNREADABLE = {
    "coding": http(200, b"\xff\xfe", b"Content-Encoding: %s\r\n" % KEY.encode()),
    "body": http(200, b"\xff" + KEY.encode(), b"Content-Encoding: br\r\n"),
    "damaged": http(200, gzip.compress(KEY.encode())[:-9] + KEY.encode(), b"Content-Encoding: gzip\r\n"),
    "name of a header": http(404, head=b"X-%s: 1\r\n" % KEY.encode()),
}


@pytest.mark.parametrize("response", UNREADABLE.values(), ids=UNREADABLE)
async def test_a_response_that_cannot_be_decoded_is_not_passed_on(response: bytes) -> None:
    """The key shows neither in the error of a body that cannot be decompressed, nor in the name of a header."""
    with pytest.raises(PocketsflowError) as caught:
        await answered(response)
    assert leaks(TEXTS, {"error": caught.value}) == []


async def test_no_patch_to_the_spec_gives_a_secret_away() -> None:
    """A field or value that is unknown to the spec and holds the key is in no warning and in no patch."""
    order = {"_id": "a", KEY: 1, f"x{KEY}": 2, "currency": KEY, "news": 1}
    page = {"orders": [order], KEY: 1, "pagination": {"currentPage": 1, "totalPages": 1, "hasMore": False, KEY: 1}}
    drift: list[str] = []
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        await answered(http(200, json.dumps(page).encode()), strict="warn", patch=drift.append)

    assert any("news" in str(one.message) for one in warned)
    assert "news" in drift[0]
    assert leaks({"str": str}, {"patch": drift, "warnings": [str(one.message) for one in warned]}) == []


async def test_nothing_that_works_gives_a_secret_away(caplog: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    """What holds the key never shows it and refuses to be pickled; what does not need the key does not hold it."""
    asyncio.get_running_loop().set_debug(True)
    caplog.set_level(logging.DEBUG)
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        async with (
            Sandbox(orders=120, rate_limit=None, keys=[KEY]) as sandbox,
            aiohttp.ClientSession() as session,
            Pocketsflow(KEY, base_url=sandbox.url, rate_limit=RateLimit(burst=10_000)) as pf,
            Pocketsflow(KEY, base_url=sandbox.url, session=session, rate_limit=None) as other,
        ):
            page = await pf.orders.list()
            posts = await pf.preview.posts.list()
            order = await other.orders.get(page.items[0].id)
            report = await export(pf, to=tmp_path / "backup")
            connection = pf._connection
            executor: Any = await connection.open()
            holders = {
                "client": pf,
                "its fields": vars(pf),
                "resource": pf.orders,
                "preview": pf.preview,
                "pager": pf.orders.list(page=2),
                "connection": connection,
                "its fields too": vars(connection),
                "credentials": connection._credentials,
                "executor": executor,
                "transport": executor.transport,
                "handler": webhooks.aiohttp_handler(print, secret=SIGNING),  # type: ignore[arg-type]
            }
            others = {
                "page": page,
                "models": page.items,
                "order": order,
                "extra": [one.extra for one in page.items],
                "preview page": posts,
                "report": report,
                "quota": connection.quota,
                "policies": [RateLimit(), TWICE, RequestOptions(idempotency_key="k")],
                "event": webhooks.construct_event(
                    b'{"event":"x"}', {"X-Pocketsflow-Signature": webhooks.sign(b'{"event":"x"}', SIGNING)}, SIGNING
                ),
            }
            assert leaks(KEPT, holders) == []
            assert leaks(SHOWN, {"sandbox": sandbox}) == []
            assert leaks(HELD, others) == []
            for name in ("client", "connection", "credentials", "executor", "transport"):
                with pytest.raises(TypeError):
                    pickle.dumps(holders[name])
    written = {path.name: path.read_bytes() for path in (tmp_path / "backup").rglob("*") if path.is_file()}
    assert len(written) >= len(report.resources)
    assert leaks({"file": as_text}, written) == []
    assert leaks({"repr": repr}, {"the warnings": [str(one.message) for one in warned]}) == []
    assert leaks({"log": str}, {"text": caplog.text, "parts": [vars(one) for one in caplog.records]}) == []


@pytest.mark.parametrize(
    ("words", "url", "status"),
    [
        (["--help"], "", 0),
        (["export", "--help"], "", 0),
        (["export", "orders", "customers", "--to", "backup"], "sandbox", 0),
        (["export", "orders", "--to", "backup"], "stranger", 1),
        (["export", "orders", "--to", "backup"], "ftp://nowhere", 1),
        (["export", "cats", "--to", "backup"], "sandbox", 2),
        (["export", "--cats"], "", 2),
    ],
)
async def test_the_command_gives_no_secret_away(words: list[str], url: str, status: int, tmp_path: Path) -> None:
    """The key of the environment is on no screen and in no file, whether an export ends well or not."""
    async with Sandbox(orders=30, keys=[KEY]) as sandbox, Sandbox(orders=1) as stranger:
        urls = {"sandbox": sandbox.url, "stranger": stranger.url}
        given = {"POCKETSFLOW_API_KEY": KEY, "POCKETSFLOW_BASE_URL": urls.get(url, url), "PYTHONASYNCIODEBUG": "1"}
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-X", "dev", "-W", "always", "-m", "pocketsflow_async.cli", *words),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            cwd=tmp_path,
            env={**os.environ, **given},
        )
        output, _ = await process.communicate()

    assert process.returncode == status, output
    written = {path.name: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert bool(written) == (status == 0 and "backup" in words)
    assert leaks({"screen or file": as_text}, {"output": output, **written}) == []


@pytest.mark.parametrize("spell", SPELLINGS.values(), ids=SPELLINGS)
def test_the_search_knows_every_spelling(spell: Callable[[str], str]) -> None:
    """However a key is spelled, the search finds it."""
    assert is_given_away(spell(f"Bearer {KEY}"))
    assert not is_given_away(spell("Bearer pk_test_sandbox"))


def test_the_search_finds_what_is_there() -> None:
    """Each sink shows a secret that is really given away."""
    error = PocketsflowError(f"the key is {KEY}")
    error.key = KEY  # type: ignore[attr-defined]
    blind = {one.removeprefix("error in ") for one in leaks(RAISED, {"error": error})} ^ set(RAISED)
    assert blind == {"dir"}  # names only

    hidden = PocketsflowError("no")
    hidden.__context__ = ValueError({"headers": [(b"Authorization", KEY.encode())]})
    assert "context in everything reachable" in leaks(RAISED, {"context": hidden})
    noted = PocketsflowError("no")
    noted.add_note(KEY)
    assert "note in args and notes" in leaks(RAISED, {"note": noted})
