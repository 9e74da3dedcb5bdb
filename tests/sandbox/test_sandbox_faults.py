import asyncio
import contextlib
import json
from collections.abc import Callable

import aiohttp
import pytest

from pocketsflow_async.errors import InvalidArgumentError
from pocketsflow_async.sandbox import Sandbox

HEAD = "{} {} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer pk_test_sandbox\r\nContent-Length: {}\r\n\r\n"


class Line:
    """One connection, byte by byte."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def send(self, verb: str, path: str, body: str = "") -> None:
        self.writer.write(HEAD.format(verb, path, len(body)).encode() + body.encode())
        await self.writer.drain()

    async def head(self) -> bytes:
        return await self.reader.readuntil(b"\r\n\r\n")

    async def rest(self) -> bytes:
        """Everything until the end, or what came before the connection was reset."""
        return await self.reader.read()


@pytest.fixture
async def line(sandbox: Sandbox):
    host, port = sandbox.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    yield Line(reader, writer)
    writer.close()


async def until(condition: Callable[[], object]) -> None:
    while not condition():  # noqa: ASYNC110 - the sandbox has no event that tells
        await asyncio.sleep(0)


PRODUCT = '{"name": "Atlas", "price": 1}'


async def test_a_status_comes_as_often_as_was_said(sandbox, ask):
    """The work is not done, Retry-After and body are as given, and then all is well again."""
    sandbox.faults.add("status", status=503, times=2, path="/orders", retry_after=7)
    sandbox.faults.add("status", status=429, times=1, retry_after="Wed, 21 Oct 2026 07:28:00 GMT", body=["later"])
    answers = [await ask("GET", "/orders") for _ in range(4)]

    assert [answer.status for answer in answers] == [503, 503, 429, 200]
    assert answers[0].headers["Retry-After"] == "7"
    assert answers[0].body == {"error": "Service Unavailable", "code": "SERVICE_UNAVAILABLE"}
    assert answers[2].headers["Retry-After"] == "Wed, 21 Oct 2026 07:28:00 GMT"
    assert answers[2].body == ["later"]
    assert sandbox.work["GET", "/orders"] == 1
    assert sandbox.requests["GET", "/orders", 503] == 2
    assert len(sandbox.faults) == 0


async def test_a_date_to_come_back_at_is_counted_from_each_answer(asking, clock):
    """Retry-After is so many seconds after the response's own Date, in whole seconds and never too early."""
    async with Sandbox(orders=1, rate_limit=None, wall_clock=clock) as sandbox:
        sandbox.faults.add("status", status=429, retry_date=10)
        told = []
        for clock.now in (0.0, 3600.25):
            headers = (await asking(sandbox)("GET", "/orders")).headers
            told.append((headers["Date"], headers["Retry-After"]))

    assert told == [
        ("Thu, 01 Jan 1970 00:00:00 GMT", "Thu, 01 Jan 1970 00:00:10 GMT"),
        ("Thu, 01 Jan 1970 01:00:00 GMT", "Thu, 01 Jan 1970 01:00:11 GMT"),
    ]


async def test_a_fault_hits_only_what_it_is_for(sandbox, ask):
    """Method and route choose the requests; without them it is every one, even one that has no route."""
    sandbox.faults.add("status", status=500, method="post", path="/products")
    one = await ask("GET", "/products")
    two = await ask("POST", "/products", json={"name": "A", "price": 1})
    three = await ask("POST", "/discounts/validate", json={"code": "A"})
    sandbox.faults.clear()
    sandbox.faults.add("status", status=502)
    four = await ask("GET", "/nowhere")
    five = await ask("GET", "/orders/1")

    assert [answer.status for answer in (one, two, three, four, five)] == [200, 500, 200, 502, 502]
    assert [fault.hits for fault in sandbox.faults] == [2]


async def test_chance_is_the_same_for_the_same_seed(asking):
    """A fault with a probability hits some requests, and in two sandboxes of one seed the same ones."""
    runs = []
    for _ in range(2):
        async with Sandbox(orders=1, rate_limit=None) as sandbox:
            sandbox.faults.add("status", status=500, probability=0.5)
            runs.append([(await asking(sandbox)("GET", "/users/me")).status for _ in range(30)])

    assert runs[0] == runs[1]
    assert set(runs[0]) == {200, 500}


async def test_a_delay_only_delays(sandbox, ask):
    """The answer is the usual one."""
    sandbox.faults.add("delay", seconds=0.01, times=1)

    assert (await ask("GET", "/orders")).status == 200
    assert sandbox.work["GET", "/orders"] == 1


async def test_a_client_may_leave_during_a_delay(sandbox, line, caplog):
    """Nothing is done for somebody who has gone."""
    sandbox.faults.add("delay", seconds=3600, times=1)
    await line.send("POST", "/products", PRODUCT)
    await until(lambda: sandbox.received)
    line.writer.transport.abort()
    await until(lambda: sandbox.requests)

    assert dict(sandbox.requests) == {("POST", "/products", 0): 1}
    assert not sandbox.work
    assert caplog.text == ""


async def test_reset_before_the_work(sandbox, ask, line):
    """The connection is reset without an answer, and nothing was done."""
    sandbox.faults.add("reset_before", times=1)
    await line.send("POST", "/products", PRODUCT)

    with pytest.raises(ConnectionResetError):
        await line.rest()
    assert sandbox.work["POST", "/products"] == 0
    assert sandbox.requests["POST", "/products", 0] == 1
    assert len((await ask("GET", "/products")).body) == 24


async def test_reset_after_the_work(sandbox, ask, line):
    """The connection is reset without an answer, but the product was made; its key brings the answer back."""
    sandbox.faults.add("reset_after", times=1)
    headers = {"Idempotency-Key": "k"}
    with pytest.raises(aiohttp.ClientConnectionError):
        await ask("POST", "/products", data=PRODUCT, headers=headers)
    again = await ask("POST", "/products", data=PRODUCT, headers=headers)

    assert again.headers["Idempotent-Replayed"] == "true"
    assert sandbox.work["POST", "/products"] == 1
    assert sandbox.requests["POST", "/products", 0] == 1

    sandbox.faults.add("reset_after", times=1)
    await line.send("GET", "/orders")
    with pytest.raises(ConnectionResetError):
        await line.rest()


async def test_a_body_is_cut_in_half(sandbox, ask, line):
    """Content-Length promises the whole; half of it comes, and then the end."""
    whole = await ask("GET", "/products")
    sandbox.faults.add("cut_body", times=2)
    await line.send("GET", "/products")
    head = await line.head()
    body = await line.rest()

    assert f"Content-Length: {len(whole.raw)}\r\n".encode() in head
    assert body == whole.raw[: len(whole.raw) // 2]
    with pytest.raises(aiohttp.ClientPayloadError):
        await ask("GET", "/products")


async def test_an_answer_stalls_until_the_client_gives_up(sandbox, line):
    """Headers come and nothing more; the sandbox notices when the client goes away."""
    sandbox.faults.add("stall", times=1, seconds=None)
    await line.send("GET", "/users/me")
    head = await line.head()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(line.reader.read(1), 0.03)
    line.writer.close()

    assert head.startswith(b"HTTP/1.1 200")
    assert sandbox.work["GET", "/users/me"] == 1


async def test_a_stall_may_end(sandbox, line):
    """After its seconds the connection is closed without the body."""
    sandbox.faults.add("stall", times=1, seconds=0.02)
    await line.send("GET", "/users/me")
    await line.head()

    assert await line.rest() == b""


@pytest.mark.parametrize("kind", ["stall", "delay", "slow_drip"])
async def test_a_fault_does_not_hold_up_the_end(kind):
    """Closing the sandbox ends a fault that would go on for an hour."""
    async with Sandbox(orders=1) as sandbox:
        parameters = {"stall": {}, "delay": {"seconds": 3600}, "slow_drip": {"pause": 3600}}[kind]
        sandbox.faults.add(kind, **parameters)
        host, port = sandbox.url.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        await Line(reader, writer).send("GET", "/users/me")
        await until(lambda: sandbox.received)
    with contextlib.suppress(ConnectionResetError):
        assert not (await reader.read()).endswith(b"}")
    writer.close()


async def test_a_slow_drip_arrives_whole(sandbox, ask):
    """The body comes in pieces and is complete."""
    whole = await ask("GET", "/products")
    sandbox.faults.add("slow_drip", times=1, pieces=4, pause=0.002)
    slow = await ask("GET", "/products")

    assert slow.raw == whole.raw


async def test_a_client_may_leave_a_slow_drip(sandbox, line, caplog):
    """Going away in the middle is no crash."""
    sandbox.faults.add("slow_drip", times=1, pieces=1000, pause=0.001)
    await line.send("GET", "/products")
    await line.head()
    await line.reader.readexactly(10)
    line.writer.transport.abort()
    await asyncio.sleep(0.03)

    assert caplog.text == ""


async def raw(sandbox: Sandbox, path: str) -> tuple[int, str, bytes]:
    headers = {"Authorization": "Bearer pk_test_sandbox"}
    async with aiohttp.ClientSession() as session, session.get(sandbox.url + path, headers=headers) as response:
        return response.status, response.content_type, await response.read()


async def test_a_page_that_is_no_json(sandbox):
    """The type is HTML and so is the body, with status 200 whatever the real answer was."""
    sandbox.faults.add("wrong_type")
    status, kind, body = await raw(sandbox, "/orders/1")

    assert (status, kind) == (200, "text/html")
    assert body.startswith(b"<!doctype html>")
    assert sandbox.requests["GET", "/orders/{id}", 200] == 1


async def test_json_that_is_broken(sandbox):
    """The type says JSON, the body is none."""
    sandbox.faults.add("invalid_json")
    status, kind, body = await raw(sandbox, "/orders")

    assert (status, kind) == (200, "application/json")
    with pytest.raises(json.JSONDecodeError):
        json.loads(body)


async def test_json_of_another_shape(sandbox, ask):
    """A list comes where an object was due, an object for a list, or what was asked for."""
    sandbox.faults.add("wrong_shape", times=2)
    sandbox.faults.add("wrong_shape", times=1, body=5)

    assert isinstance((await ask("GET", "/orders")).body, list)
    assert isinstance((await ask("GET", "/products")).body, dict)
    assert (await ask("GET", "/products")).body == 5


async def test_faults_leave_refused_callers_alone(sandbox, ask):
    """Who has no key is refused as ever, and uses up no fault."""
    sandbox.faults.add("reset_before", times=1)

    assert (await ask("GET", "/orders", key=None)).status == 401
    assert [fault.times for fault in sandbox.faults] == [1]


async def test_a_replayed_answer_has_its_faults_too(sandbox, ask):
    """A fault hits a repetition like any request."""
    headers = {"Idempotency-Key": "k"}
    await ask("POST", "/products", data=PRODUCT, headers=headers)
    sandbox.faults.add("status", status=500, times=1)

    assert (await ask("POST", "/products", data=PRODUCT, headers=headers)).status == 500
    assert (await ask("POST", "/products", data=PRODUCT, headers=headers)).headers["Idempotent-Replayed"]


async def test_faults_are_told_over_http(sandbox, ask):
    """They are added, listed and cleared without a key, and none of that is counted or hit."""
    added = await ask("POST", "/_sandbox/faults", key=None, json={"kind": "status", "status": 503, "path": "/orders"})
    sandbox.faults.add("delay", seconds=0)
    listed = await ask("GET", "/_sandbox/faults", key=None)
    down = await ask("GET", "/orders")
    cleared = await ask("DELETE", "/_sandbox/faults", key=None)

    assert added.status == 201
    assert added.body == {
        "kind": "status",
        "method": None,
        "path": "/orders",
        "times": None,
        "probability": 1.0,
        "hits": 0,
        "status": 503,
    }
    assert [fault["kind"] for fault in listed.body["faults"]] == ["status", "delay"]
    assert down.status == 503
    assert cleared.status == 200
    assert (await ask("GET", "/orders")).status == 200
    assert sandbox.received == 2
    nowhere = await ask("GET", "/_sandbox/nothing", key=None)
    assert (nowhere.status, nowhere.body["code"]) == (404, "NOT_FOUND")
    assert sandbox.received == 2


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({}, "kind"),
        ({"kind": "earthquake"}, "kind"),
        ({"kind": ["delay"]}, "kind"),
        ({"kind": "stall", "method": "JUMP"}, "method"),
        ({"kind": "stall", "method": 5}, "method"),
        ({"kind": "stall", "path": "/orders/1"}, "path"),
        ({"kind": "stall", "path": 5}, "path"),
        ({"kind": "stall", "times": 0}, "times"),
        ({"kind": "stall", "times": True}, "times"),
        ({"kind": "stall", "probability": 2}, "probability"),
        ({"kind": "stall", "probability": "1"}, "probability"),
        ({"kind": "stall", "seconds": -1}, "seconds"),
        ({"kind": "stall", "status": 500}, "status"),
        ({"kind": "delay"}, "seconds"),
        ({"kind": "delay", "seconds": "1"}, "seconds"),
        ({"kind": "status"}, "status"),
        ({"kind": "status", "status": 100}, "status"),
        ({"kind": "status", "status": True}, "status"),
        ({"kind": "status", "status": 500, "retry_after": "a\r\nb: c"}, "retry_after"),
        ({"kind": "status", "status": 500, "retry_after": None}, "retry_after"),
        ({"kind": "status", "status": 500, "retry_date": "soon"}, "retry_date"),
        ({"kind": "status", "status": 500, "retry_date": 1, "retry_after": 1}, "retry_date"),
        ({"kind": "slow_drip", "pieces": 0}, "pieces"),
    ],
    ids=str,
)
async def test_a_fault_that_makes_no_sense_is_refused(sandbox, ask, wrong, told):
    """The error names what is wrong, over HTTP and in Python alike, and nothing is added."""
    answer = await ask("POST", "/_sandbox/faults", key=None, json=wrong)

    assert (answer.status, answer.body["field"]) == (400, told)
    if isinstance(wrong.get("kind"), str):
        with pytest.raises(InvalidArgumentError, match=f"^{told}: "):
            sandbox.faults.add(**wrong)
    assert len(sandbox.faults) == 0
