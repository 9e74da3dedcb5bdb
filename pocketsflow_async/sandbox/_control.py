"""The sandbox's own routes: its documents, and handles for what no API has. They need no key and cost no quota."""

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from aiohttp import web

from pocketsflow_async.sandbox._bodies import JSON, Answer, decode_object, read_body, refusal
from pocketsflow_async.sandbox._calls import Refused, invalid
from pocketsflow_async.sandbox._docs import Docs
from pocketsflow_async.sandbox._faults import Faults
from pocketsflow_async.sandbox._shop import Shop
from pocketsflow_async.sandbox._store import Record

_PAGE = {
    "Content-Type": "text/html; charset=utf-8",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
}

Handler = Callable[[web.Request], Awaitable[Answer]]


class Control:
    """Answers the routes that are not the API's.

    Args:
        faults: what goes wrong.
        docs: the documents.
        complete: pays on a checkout page: its id and the buyer's address.
        address: tells where the sandbox is.
        shop: changes orders; None where there are none.
    """

    def __init__(
        self,
        faults: Faults,
        docs: Docs,
        complete: Callable[[str, str | None], Record],
        address: Callable[[], str],
        shop: Shop | None = None,
    ) -> None:
        self._faults = faults
        self._docs = docs
        self._complete = complete
        self._address = address
        self._shop = shop

    def add_to(self, app: web.Application) -> None:
        """Add the routes to an application, before those that take everything."""
        routes: list[tuple[str, str, Handler]] = [
            ("GET", "/docs", self._read_page),
            ("GET", "/docs.json", self._read_spec),
            ("GET", "/_sandbox/faults", self._list_faults),
            ("POST", "/_sandbox/faults", self._add_fault),
            ("DELETE", "/_sandbox/faults", self._clear_faults),
            ("POST", "/_sandbox/checkout/{id}/complete", self._complete_checkout),
        ]
        if self._shop is not None:
            routes += _shop_routes(self._shop)
        routes.append(("*", r"/_sandbox/{path:[\s\S]*}", _nowhere))
        for verb, path, handler in routes:
            app.router.add_route(verb, path, _answered(handler))

    async def _read_page(self, _request: web.Request) -> Answer:
        return Answer(200, self._docs.page(), _PAGE)

    async def _read_spec(self, _request: web.Request) -> Answer:
        return Answer(200, self._docs.document(self._address()))

    async def _list_faults(self, _request: web.Request) -> Answer:
        return _json(200, {"faults": [fault.described() for fault in self._faults]})

    async def _add_fault(self, request: web.Request) -> Answer:
        return _json(201, self._faults.add_described(decode_object(await read_body(request))).described())

    async def _clear_faults(self, _request: web.Request) -> Answer:
        self._faults.clear()
        return _json(200, {"message": "Nothing goes wrong any more"})

    async def _complete_checkout(self, request: web.Request) -> Answer:
        email = decode_object(await read_body(request)).get("email")
        if email is not None and not isinstance(email, str):
            raise invalid("email", "must be a text")
        return _json(200, self._complete(request.match_info["id"], email))


def _shop_routes(shop: Shop) -> list[tuple[str, str, Handler]]:
    async def insert(request: web.Request) -> Answer:
        return _json(201, shop.insert(decode_object(await read_body(request))))

    async def update(request: web.Request) -> Answer:
        return _json(200, shop.update(request.match_info["id"], decode_object(await read_body(request))))

    async def delete(request: web.Request) -> Answer:
        return _json(200, shop.delete(request.match_info["id"]))

    one = "/_sandbox/orders/{id}"
    return [("POST", "/_sandbox/orders", insert), ("PATCH", one, update), ("DELETE", one, delete)]


async def _nowhere(request: web.Request) -> Answer:
    raise Refused(404, "NOT_FOUND", f"the sandbox has no {request.method} {request.path}")


def _json(status: int, payload: Any) -> Answer:
    return Answer(status, msgspec.json.encode(payload))


def _answered(handler: Handler) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def answer(request: web.Request) -> web.Response:
        try:
            given = await handler(request)
        except Refused as refused:
            given = refusal(refused)
        return web.Response(status=given.status, body=given.body, headers={"Content-Type": JSON} | given.headers)

    return answer
