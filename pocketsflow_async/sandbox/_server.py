"""Requests in, answers out: who is asking, how often, and what became of it."""

import logging
import math
from collections import Counter
from collections.abc import Collection, Mapping
from typing import Any, Final, cast

import msgspec
from aiohttp import web

from pocketsflow_async.sandbox._calls import Call, Refused
from pocketsflow_async.sandbox._handlers import handler_for
from pocketsflow_async.sandbox._quota import Quota
from pocketsflow_async.sandbox._routes import Match, Operation, Routes
from pocketsflow_async.sandbox._store import Store

_log = logging.getLogger("pocketsflow_async.sandbox")

_LARGEST_BODY: Final = 8 * 1024 * 1024
_VERBS: Final = frozenset({"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"})
_JSON: Final = "application/json; charset=utf-8"
NOWHERE: Final = "*"
"""Stands for the route of a request that no route fits."""


class Server:
    """Answers HTTP requests from a store.

    Args:
        store: the records.
        routes: the operations there are.
        keys: the bearer keys that are let in.
        quota: None lets everyone ask as often as they like.

    Attributes:
        received: how many requests came, refused ones included.
        requests: how often each (verb, route, status) came.
    """

    def __init__(self, store: Store, routes: Routes, keys: Collection[str], quota: Quota | None) -> None:
        self.received = 0
        self.requests: Counter[tuple[str, str, int]] = Counter()
        self._store = store
        self._routes = routes
        self._keys = frozenset(keys)
        self._quota = quota
        self._handlers = {operation: handler_for(operation) for operation in routes.operations}
        self._encode = msgspec.json.Encoder().encode

    def application(self) -> web.Application:
        """An aiohttp application; one is needed for each start."""
        app = web.Application(client_max_size=_LARGEST_BODY)
        app.router.add_route("*", "/{path:.*}", self._answer)
        return app

    async def _answer(self, request: web.Request) -> web.Response:
        self.received += 1
        headers = {"Content-Type": _JSON, "X-Request-Id": f"req_{self.received:010d}"}
        match = self._routes.find(request.rel_url.raw_path)
        try:
            status, payload = await self._decide(request, match)
            body = self._encode(payload)
        except Refused as refused:
            status = refused.status
            headers |= refused.headers
            body = self._encode({"error": refused.message, "code": refused.code})
        except Exception:  # noqa: BLE001 - whatever a handler does wrong, the caller gets an answer
            _log.exception("The sandbox failed at %s %s", request.method, request.path)
            status = 500
            body = self._encode({"error": "the sandbox failed; its log says why", "code": "INTERNAL_ERROR"})
        verb = request.method if request.method in _VERBS else NOWHERE
        self.requests[verb, match.template if match else NOWHERE, status] += 1
        return web.Response(status=status, body=body, headers=headers)

    async def _decide(self, request: web.Request, match: Match | None) -> tuple[int, Any]:
        operation = match.operations.get(request.method) if match else None
        self._admit(request, operation)
        if match is None:
            raise Refused(404, "NOT_FOUND", "no such route")
        if operation is None:
            allowed = {"Allow": ", ".join(match.operations)}
            raise Refused(405, "METHOD_NOT_ALLOWED", f"this route takes {allowed['Allow']}", allowed)
        body: Mapping[str, Any] = {} if operation.verb == "GET" else await _read(request)
        call = Call(self._store, operation, match.values, request.query, body)
        return operation.success, self._handlers[operation](call)

    def _admit(self, request: web.Request, operation: Operation | None) -> None:
        """Refuse who has no key where one is needed, and who asks too often."""
        scheme, _, key = request.headers.get("Authorization", "").partition(" ")
        known = scheme.lower() == "bearer" and key.strip() in self._keys
        if operation is not None and not operation.open and not known:
            raise Refused(401, "UNAUTHORIZED", "the API key is missing or wrong", {"WWW-Authenticate": "Bearer"})
        if self._quota is None:
            return
        by_key = known and (operation is None or not operation.open)
        wait = self._quota.take(f"key {key.strip()}" if by_key else f"address {request.remote}")
        if wait > 0:
            headers = {"Retry-After": str(max(1, math.ceil(wait)))}
            raise Refused(429, "RATE_LIMITED", "too many requests; Retry-After says how long to wait", headers)


async def _read(request: web.Request) -> Mapping[str, Any]:
    """The JSON object in a request; empty when there is nothing."""
    try:
        raw = await request.read()
        body: Any = msgspec.json.decode(raw) if raw.strip() else {}
    except web.HTTPRequestEntityTooLarge:
        raise Refused(413, "BODY_TOO_LARGE", f"the body is larger than {_LARGEST_BODY} bytes") from None
    except ConnectionError:
        raise Refused(400, "INCOMPLETE_BODY", "the connection was lost before the body was complete") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, web.RequestPayloadError):
        raise Refused(400, "INVALID_JSON", "the body is not valid JSON") from None
    if not isinstance(body, dict):
        raise Refused(400, "INVALID_JSON", "the body must be a JSON object")
    return cast(dict[str, Any], body)
