import asyncio

from pocketsflow_async.sandbox import Sandbox
from pocketsflow_async.sandbox._idempotency import Keys

KEYED = {"Idempotency-Key": "k-1"}
PRODUCT = {"name": "Atlas", "price": 12.5}


async def test_the_same_request_with_the_same_key_is_done_once(sandbox, ask):
    """The second answer is the first, byte for byte, and says that it is a repetition."""
    first = await ask("POST", "/products", json=PRODUCT, headers=KEYED)
    second = await ask("POST", "/products", json=PRODUCT, headers=KEYED)

    assert (second.status, second.raw) == (first.status, first.raw) == (201, first.raw)
    assert "Idempotent-Replayed" not in first.headers
    assert second.headers["Idempotent-Replayed"] == "true"
    assert first.headers["X-Request-Id"] != second.headers["X-Request-Id"]
    assert sandbox.work["POST", "/products"] == 1
    assert len((await ask("GET", "/products")).body) == 25


async def test_a_key_belongs_to_one_request(ask):
    """Another body, another path or other parameters with the same key are a conflict."""
    await ask("POST", "/products", json=PRODUCT, headers=KEYED)

    for path, body in (
        ("/products", {**PRODUCT, "price": 13}),
        ("/discounts/validate", PRODUCT),
        ("/products?x=1", PRODUCT),
    ):
        answer = await ask("POST", path, json=body, headers=KEYED)
        assert (answer.status, answer.body["code"]) == (409, "IDEMPOTENCY_CONFLICT")


async def test_keys_of_different_callers_do_not_meet(asking):
    """Two API keys may use the same idempotency key."""
    async with Sandbox(orders=1, keys=("a", "b")) as sandbox:
        ask = asking(sandbox)
        one = await ask("POST", "/products", json=PRODUCT, headers=KEYED, key="a")
        two = await ask("POST", "/products", json={**PRODUCT, "price": 13}, headers=KEYED, key="b")

        assert (one.status, two.status) == (201, 201)
        assert one.body["_id"] != two.body["_id"]


async def test_a_failure_is_not_remembered(sandbox, ask):
    """After a refusal or a fault the key is free for a better request."""
    wrong = await ask("POST", "/products", json={"name": "Atlas"}, headers=KEYED)
    sandbox.faults.add("status", status=500, times=1)
    failed = await ask("POST", "/products", json=PRODUCT, headers=KEYED)
    good = await ask("POST", "/products", json=PRODUCT, headers=KEYED)

    assert [answer.status for answer in (wrong, failed, good)] == [400, 500, 201]
    assert "Idempotent-Replayed" not in good.headers
    assert sandbox.work["POST", "/products"] == 1


async def test_who_comes_while_the_first_is_at_work_waits_for_its_answer(sandbox, ask):
    """Of ten at once, one is done; the others get its answer, and another request gets a conflict."""
    sandbox.faults.add("delay", seconds=0.03, times=1)
    first = asyncio.create_task(ask("POST", "/products", json=PRODUCT, headers=KEYED))
    while not list(sandbox._server._used._entries.values()):  # noqa: ASYNC110 - the first is on its way
        await asyncio.sleep(0)
    others = [ask("POST", "/products", json=PRODUCT, headers=KEYED) for _ in range(9)]
    other = ask("POST", "/products", json={**PRODUCT, "price": 1}, headers=KEYED)
    conflict, *answers = await asyncio.gather(other, first, *others)

    assert {answer.raw for answer in answers} == {answers[0].raw}
    assert sum("Idempotent-Replayed" in answer.headers for answer in answers) == 9
    assert conflict.status == 409
    assert sandbox.work["POST", "/products"] == 1


async def test_if_the_first_fails_the_next_is_done(sandbox, ask):
    """Waiting for an answer that never comes is no dead end."""
    sandbox.faults.add("delay", seconds=0.03, times=1)
    wrong = {"name": "", "price": 1}
    answers = await asyncio.gather(*(ask("POST", "/products", json=wrong, headers=KEYED) for _ in range(3)))
    good = await ask("POST", "/products", json=PRODUCT, headers=KEYED)

    assert [answer.status for answer in answers] == [400] * 3
    assert good.status == 201


async def test_only_a_post_heeds_the_key(sandbox, ask):
    """PUT, DELETE and GET do their work each time, and an empty key is none."""
    hook = (await ask("POST", "/webhooks", json={"url": "https://example.com", "events": []})).body["_id"]
    for _ in range(2):
        await ask("PUT", f"/webhooks/{hook}", json={"active": False}, headers=KEYED)
        await ask("GET", f"/webhooks/{hook}", headers=KEYED)
        await ask("POST", "/products", json=PRODUCT, headers={"Idempotency-Key": ""})

    assert sandbox.work["PUT", "/webhooks/{id}"] == sandbox.work["GET", "/webhooks/{id}"] == 2
    assert sandbox.work["POST", "/products"] == 2


async def test_a_repetition_costs_quota_and_needs_a_key_that_is_let_in(sandbox, ask):
    """Nobody is told another's answer: without the API key there is none."""
    await ask("POST", "/products", json=PRODUCT, headers=KEYED)
    stranger = await ask("POST", "/products", json=PRODUCT, headers=KEYED, key=None)

    assert stranger.status == 401


def test_the_oldest_keys_are_forgotten():
    """No more than so many keys are kept; a forgotten one is new again."""
    keys = Keys(most=3)
    first = keys.entry("a", "0", "POST", "/", b"")
    for number in range(1, 4):
        keys.entry("a", str(number), "POST", "/", b"")

    assert len(keys) == 3
    assert keys.entry("a", "3", "POST", "/", b"") is keys.entry("a", "3", "POST", "/", b"")
    assert keys.entry("a", "0", "POST", "/", b"") is not first
