import asyncio
import io
import math
import socket

import aiohttp
import pytest

from pocketsflow_async import RateLimit
from pocketsflow_async.errors import ConfigurationError
from pocketsflow_async.sandbox import Sandbox
from pocketsflow_async.sandbox._bodies import LARGEST_BODY


async def test_a_request_without_a_good_key_is_refused(ask):
    """No key, another key and another scheme give 401; the answer does not repeat the key."""
    wrong = "pk_test_of_somebody_else"
    answers = [
        await ask("GET", "/orders", key=None),
        await ask("GET", "/orders", key=wrong),
        await ask("GET", "/orders", key=None, headers={"Authorization": "Basic pk_test_sandbox"}),
        await ask("GET", "/orders", key=None, headers={"Authorization": "pk_test_sandbox"}),
        await ask("GET", "/orders", key=""),
    ]

    for answer in answers:
        assert (answer.status, answer.body["code"]) == (401, "UNAUTHORIZED")
        assert wrong not in str(answer.headers) + answer.raw.decode()


async def test_several_keys_and_any_case_of_bearer(asking):
    """Every key of the sandbox is let in, and the scheme's case does not matter."""
    async with Sandbox(orders=1, keys=["pk_test_one", "pk_live_two"]) as sandbox:
        ask = asking(sandbox)

        assert (await ask("GET", "/users/me", key="pk_live_two")).status == 200
        headers = {"Authorization": "bearer pk_test_one"}
        assert (await ask("GET", "/users/me", key=None, headers=headers)).status == 200


async def test_the_storefront_needs_no_key(ask):
    """The public page of a store answers everyone."""
    answer = await ask("GET", "/creator-pages/products/sandbox-store", key=None)

    assert answer.status == 200
    assert len(answer.body["products"]) == 24
    assert {product["published"] for product in answer.body["products"]} == {True, False}


async def test_unknown_routes_and_verbs_are_told_in_json(ask):
    """404 and 405 are JSON like everything else; a 405 says what is allowed."""
    nowhere = await ask("GET", "/v1/orders")
    slash = await ask("GET", "/orders/")
    verb = await ask("PATCH", "/webhooks/1", json={})
    literal = await ask("PATCH", "/orders/subscriptions")

    assert (nowhere.status, nowhere.body["code"]) == (404, "NOT_FOUND")
    assert slash.status == 404
    assert (verb.status, verb.body["code"]) == (405, "METHOD_NOT_ALLOWED")
    assert set(verb.headers["Allow"].split(", ")) == {"GET", "PUT", "DELETE"}
    assert set(literal.headers["Allow"].split(", ")) == {"POST", "GET"}
    assert (await ask("HEAD", "/orders")).status == 405


@pytest.mark.parametrize(
    "path", ["/refunds/a%0Ab", "/a%0D%0A", "/%0A/refunds", "/refunds/a%E2%80%A8b", "/_sandbox/a%0Ab"]
)
async def test_a_line_break_in_a_path_is_like_any_other_letter(ask, path):
    """No path is left to the web server: the answer is JSON, and needs the key where the route does."""
    answer = await ask("GET", path)
    keyless = await ask("GET", path, key=None)

    assert (answer.status, answer.body["code"]) == (404, "NOT_FOUND")
    assert keyless.status == (401 if path.startswith("/refunds/") else 404)
    assert keyless.headers["Content-Type"].startswith("application/json")


async def test_ids_are_decoded_from_the_path(ask):
    """A slash within an id travels as %2F and does not change the route."""
    answer = await ask("GET", "/products/a%2Fb")

    assert (answer.status, answer.body["error"]) == (404, "Product not found")


@pytest.mark.parametrize("sent", [b"{", b"[]", b"5", b"\xff\xfe", b"[" * 100_000, b'{"name": NaN}', b'{"a":1}x'])
async def test_a_body_that_is_no_json_object_is_refused(ask, sent):
    """Broken JSON and JSON that is no object give 400 and never a crash."""
    answer = await ask("POST", "/products", data=sent)

    assert (answer.status, answer.body["code"]) == (400, "INVALID_JSON")


async def test_a_broken_encoding_is_refused(ask):
    """A body that says it is compressed and is not gives 400."""
    answer = await ask("POST", "/products", data=b"{}", headers={"Content-Encoding": "gzip"})

    assert answer.status == 400


@pytest.mark.parametrize("sent", [None, b"", b" \n"])
async def test_an_empty_body_is_refused_where_one_must_be(ask, sent):
    """Where the spec requires a body, nothing is not taken for {}; where there is none, nothing is right."""
    for path in ("/orders/subscriptions", "/users/update", "/newsletters/send"):
        answer = await ask("POST", path, data=sent)

        assert answer.status == 400
        assert answer.body == {"error": "body: is required", "code": "INVALID_PARAMETER", "field": "body"}
    hook = (await ask("GET", "/webhooks")).body[0]["_id"]
    assert (await ask("POST", "/orders/subscriptions", json={})).status == 200
    assert (await ask("POST", f"/webhooks/{hook}/test", data=sent)).status == 200


async def test_a_body_of_unreasonable_size_is_refused(ask):
    """What is larger than the limit gives 413."""
    answer = await ask("POST", "/products", data=io.BytesIO(b" " * (LARGEST_BODY + 1)))

    assert (answer.status, answer.body["code"]) == (413, "BODY_TOO_LARGE")


async def until(condition):
    """Let the event loop turn until something is so."""
    while not condition():  # noqa: ASYNC110 - the sandbox has no event that tells
        await asyncio.sleep(0)


async def test_a_caller_who_hangs_up_is_no_crash(sandbox, caplog):
    """A connection that is lost in the middle of a body is counted as a bad request, and nothing is logged."""
    host, port = sandbox.url.removeprefix("http://").split(":")
    _, writer = await asyncio.open_connection(host, int(port))
    head = (
        "POST /products HTTP/1.1\r\nHost: [::1]\r\nAuthorization: Bearer pk_test_sandbox\r\nContent-Length: 9\r\n\r\n"
    )
    writer.write(head.encode() + b"{")
    await writer.drain()
    await until(lambda: sandbox.received)
    writer.close()
    await until(lambda: sandbox.requests)
    await writer.wait_closed()

    assert dict(sandbox.requests) == {("POST", "/products", 400): 1}
    assert caplog.text == ""


async def test_a_crash_is_answered_and_logged(sandbox, ask, monkeypatch, caplog):
    """A fault of the sandbox itself is a 500 in JSON, and the log has the traceback but not the key."""
    monkeypatch.setattr(sandbox._server._store, "order", None)

    answer = await ask("GET", "/orders")

    assert (answer.status, answer.body["code"]) == (500, "INTERNAL_ERROR")
    assert "TypeError" in caplog.text
    assert "pk_test_sandbox" not in caplog.text


async def test_every_answer_has_a_request_id_and_is_json(ask):
    """Good and bad answers alike can be told apart by X-Request-Id."""
    answers = [
        await ask("GET", "/users/me"),
        await ask("GET", "/users/me", key=None),
        await ask("GET", "/nowhere"),
        await ask("DELETE", "/users/me"),
        await ask("GET", "/orders/1"),
    ]

    assert len({answer.headers["X-Request-Id"] for answer in answers}) == len(answers)
    assert all(answer.headers["Content-Type"].startswith("application/json") for answer in answers)


async def test_requests_are_counted_by_route_and_status(sandbox, ask):
    """The counts show verb, route of the spec and status, and stay few whatever is asked."""
    order = (await ask("GET", "/orders")).body["orders"][0]["_id"]
    await ask("GET", f"/orders/{order}")
    await ask("GET", "/orders/1")
    await ask("GET", "/orders/2")
    await ask("PROPFIND", "/orders/2")
    await ask("GET", "/a")
    await ask("GET", "/b")

    assert sandbox.received == 7
    assert dict(sandbox.requests) == {
        ("GET", "/orders", 200): 1,
        ("GET", "/orders/{id}", 200): 1,
        ("GET", "/orders/{id}", 404): 2,
        ("*", "/orders/{id}", 405): 1,
        ("GET", "*", 404): 2,
    }


async def test_the_quota_holds_and_retry_after_is_true(asking, clock):
    """Beyond the burst comes 429, and after Retry-After seconds exactly the promised request is answered."""
    async with Sandbox(orders=1, rate_limit=RateLimit(sustained=3, burst=5, period=10.0), clock=clock) as sandbox:
        ask = asking(sandbox)
        statuses = [(await ask("GET", "/users/me")).status for _ in range(7)]
        refused = await ask("GET", "/users/me")
        wait = int(refused.headers["Retry-After"])
        clock.now += math.nextafter(wait, 0) - 0.001
        early = await ask("GET", "/users/me")
        clock.now += 0.002
        later = [(await ask("GET", "/users/me")).status for _ in range(4)]

    assert statuses == [200] * 5 + [429] * 2
    assert (refused.status, refused.body["code"], wait) == (429, "RATE_LIMITED", 10)
    assert (early.status, early.headers["Retry-After"]) == (429, "1")
    assert later == [200, 200, 200, 429]
    assert sandbox.requests["GET", "/users/me", 429] == 5


async def test_each_key_has_its_own_quota_and_open_routes_count_by_address(asking, clock):
    """One key's quota is not another's; without a key the address counts; a wrong key uses up nothing."""
    limit = RateLimit(sustained=1, burst=1, period=10.0)
    async with Sandbox(orders=1, rate_limit=limit, keys=("a", "b"), clock=clock) as sandbox:
        ask = asking(sandbox)
        page = "/creator-pages/products/sandbox-store"
        wrong = [(await ask("GET", "/users/me", key="c")).status for _ in range(3)]
        keyed = [(await ask("GET", "/users/me", key=key)).status for key in ("a", "a", "b")]
        open_ = [(await ask("GET", page, key=key)).status for key in ("a", None)]

    assert wrong == [401] * 3
    assert keyed == [200, 429, 200]
    assert open_ == [200, 429]


async def test_a_port_in_use_is_one_clear_error(sandbox):
    """The error names the port and what to do."""
    port = int(sandbox.url.rpartition(":")[2])
    second = Sandbox(orders=1, port=port)

    with pytest.raises(ConfigurationError, match=f"port {port} .*choose another port"):
        await second.start()
    with pytest.raises(ConfigurationError, match="not running"):
        _ = second.url


async def test_a_sandbox_starts_once_and_closes_twice(asking):
    """Starting a running sandbox is an error, closing a closed one is not; a given port is used."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    sandbox = Sandbox(orders=1, port=port)
    await sandbox.start()

    assert sandbox.url == f"http://127.0.0.1:{port}"
    with pytest.raises(ConfigurationError, match="already running"):
        await sandbox.start()
    await sandbox.aclose()
    await sandbox.aclose()


async def test_closing_does_not_wait_for_idle_connections():
    """A client that keeps its connection open does not hold up the end."""
    async with aiohttp.ClientSession() as session:
        async with Sandbox(orders=1) as sandbox:
            async with session.get(sandbox.url + "/nowhere") as answer:
                await answer.read()
            url = sandbox.url
        with pytest.raises(aiohttp.ClientConnectionError):
            await session.get(url)


@pytest.mark.parametrize(("host", "url"), [("0.0.0.0", "http://127.0.0.1:"), ("localhost", "http://127.0.0.1:")])  # noqa: S104
async def test_the_url_can_be_used_as_it_is(asking, host, url):
    """Listening everywhere still gives an address that a client can call."""
    async with Sandbox(orders=1, host=host) as sandbox:
        assert sandbox.url.startswith((url, "http://[::1]:"))
        assert (await asking(sandbox)("GET", "/users/me")).status == 200


@pytest.mark.parametrize(
    "wrong",
    [
        {"orders": -1},
        {"orders": 1.5},
        {"orders": True},
        {"orders": 2**24 + 1},
        {"seed": "7"},
        {"port": 65536},
        {"keys": "pk_test_sandbox"},
        {"keys": ()},
        {"keys": [" pk"]},
        {"keys": [5]},
        {"rate_limit": 100},
    ],
    ids=str,
)
def test_bad_arguments_are_one_clear_error(wrong):
    """The error names the argument, before anything is opened."""
    with pytest.raises(ConfigurationError, match=next(iter(wrong))):
        Sandbox(**wrong)
