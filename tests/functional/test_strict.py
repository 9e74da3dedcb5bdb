"""`strict="warn"` on the wire: a server that has moved on, and a client whose spec has not."""

import json
import warnings
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiohttp import ClientSession, web

from pocketsflow_async import Pocketsflow, SpecDriftWarning
from pocketsflow_async.export import export
from pocketsflow_async.sandbox import Sandbox

NEW = "canary-of-a-customer"


@pytest.fixture
async def newer(sandbox: Sandbox) -> AsyncIterator[str]:
    """The address of a newer API: the sandbox, whose orders have a field and a product type more."""

    async def answer(request: web.Request) -> web.Response:
        async with (
            ClientSession() as session,
            session.get(sandbox.url + request.path_qs, headers=request.headers) as got,
        ):
            return web.Response(body=_renewed(await got.json()), status=got.status, content_type="application/json")

    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    yield f"http://{host}:{port}"
    await runner.cleanup()


def _renewed(body: Any) -> bytes:
    for order in body.get("orders", [body]):
        order["loyaltyTier"] = NEW
        order.setdefault("product", {"_id": "p1"})["type"] = "hologram"
    return json.dumps(body).encode()


@pytest.fixture
async def pf(newer: str) -> AsyncIterator[Pocketsflow]:
    async with Pocketsflow("pk_test_sandbox", base_url=newer, rate_limit=None, strict="warn") as pf:
        yield pf


def _places(pf: Pocketsflow) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(pf.spec_patch())["components"]["schemas"]
    return found


async def test_many_pages_side_by_side_tell_each_place_once(pf: Pocketsflow) -> None:
    """230 orders on many pages hold two novelties: two warnings, at the line of the program that iterates."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        orders = [order async for order in pf.orders.list(page_size=10).items(concurrency=4)]
        await pf.orders.get(orders[0].id)

    assert [order.extra["loyaltyTier"] for order in orders] == [NEW] * 230
    assert {one.category for one in caught} == {SpecDriftWarning}
    assert len(caught) == 2
    assert _places(pf) == {
        "Order": {"properties": {"loyaltyTier": {"type": "string", "x-stability": "observed"}}},
        "ProductType": {"enum": ["hologram"]},
    }
    assert NEW not in "".join(str(one.message) for one in caught) + pf.spec_patch()


async def test_a_warning_points_to_the_program(pf: Pocketsflow) -> None:
    """The warning stands at the line that made the call."""
    with pytest.warns(SpecDriftWarning) as caught:
        await pf.orders.list(page_size=1)

    assert {one.filename for one in caught} == {__file__}


async def test_an_export_is_compared_too(pf: Pocketsflow, tmp_path: Path) -> None:
    """An export builds no models; its records are compared all the same."""
    with pytest.warns(SpecDriftWarning):
        await export(pf, ["orders"], to=tmp_path)

    assert set(_places(pf)) == {"Order", "ProductType", "User"}  # it asks whose account it is


async def test_the_sandbox_sends_what_the_spec_knows(sandbox: Sandbox) -> None:
    """No documented answer of the sandbox holds anything that our spec lacks (a warning would fail this test)."""
    async with Pocketsflow("pk_test_sandbox", base_url=sandbox.url, rate_limit=None, strict="warn") as pf:
        await pf.users.me()
        for pager in (pf.orders.list(), pf.customers.list(), pf.products.list(), pf.subscriptions.list()):
            await pager

        assert pf.spec_patch() == ""
