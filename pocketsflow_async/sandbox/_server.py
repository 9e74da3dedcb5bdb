"""Requests in, answers out: who is asking, how often, and what became of it."""

import logging
import math
from collections import Counter, deque
from collections.abc import Callable, Container, Mapping
from typing import Any, Final

import msgspec
from aiohttp import web

from pocketsflow_async.errors import printable
from pocketsflow_async.sandbox._answers_shared import Handler
from pocketsflow_async.sandbox._bodies import JSON, LARGEST_BODY, Answer, decode_object, read_body, refusal
from pocketsflow_async.sandbox._calls import Call, Refused, invalid
from pocketsflow_async.sandbox._control import Control
from pocketsflow_async.sandbox._faults import Fault, Faults
from pocketsflow_async.sandbox._forms import UploadedFile, read_form, read_urlencoded
from pocketsflow_async.sandbox._handlers import handler_for
from pocketsflow_async.sandbox._idempotency import Keys
from pocketsflow_async.sandbox._mischief import Gone, Instead, Mischief, shown_status
from pocketsflow_async.sandbox._quota import Quota
from pocketsflow_async.sandbox._routes import Match, Operation, Routes
from pocketsflow_async.sandbox._validation import Check

_log = logging.getLogger("pocketsflow_async.sandbox")

_VERBS: Final = frozenset({"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"})
_KEPT_UPLOADS: Final = 1000
NOWHERE: Final = "*"
"""Stands for the route of a request that no route fits."""


class Server:
    """Answers HTTP requests from a store.

    Args:
        store: the records.
        routes: the operations there are.
        checks: what their requests must be.
        keys: the bearer keys that are let in.
        quota: None lets everyone ask as often as they like.
        faults: what goes wrong.
        done: called after the work of a request was done.
        wall_clock: seconds since 1970, for what names a date.
        handlers: says what answers an operation.
        refuse: writes the answer to a request that was refused.

    Attributes:
        received: how many requests came, refused ones included.
        requests: how often each (verb, route, status) came; 0 is the status of a request that got no answer.
        work: how often the work of each (verb, route) was done.
        uploads: the last files that came.
    """

    def __init__(
        self,
        *,
        store: Any,
        routes: Routes,
        checks: Mapping[tuple[str, str], Check],
        keys: Container[str],
        quota: Quota | None,
        faults: Faults,
        done: Callable[[], None],
        wall_clock: Callable[[], float],
        handlers: Callable[[Operation], Handler] = handler_for,
        refuse: Callable[[Refused], Answer] = refusal,
    ) -> None:
        self.received = 0
        self.requests: Counter[tuple[str, str, int]] = Counter()
        self.work: Counter[tuple[str, str]] = Counter()
        self.uploads: deque[UploadedFile] = deque(maxlen=_KEPT_UPLOADS)
        self._store = store
        self._routes = routes
        self._checks = checks
        self._keys = keys
        self._quota = quota
        self._faults = faults
        self._done = done
        self._refuse = refuse
        self._used = Keys()
        self._handlers = {operation: handlers(operation) for operation in routes.operations}
        self._encode = msgspec.json.Encoder().encode
        self._wall_clock = wall_clock
        self._mischief = Mischief(wall_clock)

    def application(self, control: Control) -> web.Application:
        """An aiohttp application with the API and the sandbox's own routes; one is needed for each start."""
        self._mischief = Mischief(self._wall_clock)
        app = web.Application(client_max_size=LARGEST_BODY)
        control.add_to(app)
        app.router.add_route("*", r"/{path:[\s\S]*}", self._answer)
        return app

    def stop(self) -> None:
        """Let nothing hold up the end."""
        self._mischief.stop()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        self.received += 1
        headers = {"Content-Type": JSON, "X-Request-Id": f"req_{self.received:010d}"}
        match = self._routes.find(request.rel_url.raw_path, request.method)
        operation = match.operations.get(request.method) if match else None
        fault: Fault | None = None
        gone = False
        try:
            caller = self._admit(request, operation)
            fault = self._faults.pick(request.method, match.template if match else None)
            answer = await self._decide(request, match, operation, caller, fault)
        except Refused as refused:
            answer = self._refuse(refused)
        except Instead as instead:
            answer, fault = instead.answer, None
        except Gone:
            answer, gone = Answer(0, b""), True
        except Exception:  # noqa: BLE001 - whatever a handler does wrong, the caller gets an answer
            _log.exception("The sandbox failed at %s %s", request.method, printable(request.path))
            answer = Answer(
                500, self._encode({"error": "the sandbox failed; its log says why", "code": "INTERNAL_ERROR"})
            )
        verb = request.method if request.method in _VERBS else NOWHERE
        status = shown_status(fault, answer.status)
        self.requests[verb, match.template if match else NOWHERE, status] += 1
        if gone:
            return web.Response()
        response = web.Response(status=answer.status, body=answer.body, headers=headers | answer.headers)
        return response if fault is None else await self._mischief.after(fault, request, response)

    async def _decide(
        self,
        request: web.Request,
        match: Match | None,
        operation: Operation | None,
        caller: str,
        fault: Fault | None,
    ) -> Answer:
        raw = b"" if request.method == "GET" else await self._read(request, operation)
        key = request.headers.get("Idempotency-Key") if request.method == "POST" else None
        if not key:
            return await self._perform(request, match, operation, fault, raw)
        entry = self._used.entry(caller, key, request.method, request.rel_url.raw_path_qs, raw)
        async with entry.lock:
            replay = entry.replay()
            if replay is not None:
                if fault is not None:
                    await self._mischief.before(fault, request)
                return replay
            entry.answer = await self._perform(request, match, operation, fault, raw)
            return entry.answer

    async def _perform(
        self,
        request: web.Request,
        match: Match | None,
        operation: Operation | None,
        fault: Fault | None,
        raw: bytes,
    ) -> Answer:
        """Do what is asked for, once everything about the request is right."""
        if fault is not None:
            await self._mischief.before(fault, request)
        if match is None:
            raise Refused(404, "NOT_FOUND", "no such route")
        if operation is None:
            allowed = {"Allow": ", ".join(match.operations)}
            raise Refused(405, "METHOD_NOT_ALLOWED", f"this route takes {allowed['Allow']}", allowed)
        check = self._checks[operation.verb, operation.template]
        query = check.read_query(match.values, request.query)
        if check.body_required and not raw.strip():
            raise invalid("body", "is required")
        body: Mapping[str, Any] = decode_object(raw)
        check.read_body(body)
        payload = self._handlers[operation](Call(self._store, operation, match.values, query, body))
        answer = Answer(operation.success, self._encode(payload))
        self.work[operation.verb, operation.template] += 1
        self._done()
        return answer

    async def _read(self, request: web.Request, operation: Operation | None) -> bytes:
        """The body; of a form what stands for it as JSON."""
        if operation is not None and operation.urlencoded:
            return await read_urlencoded(request)
        if operation is None or not operation.form:
            return await read_body(request)
        raw, files = await read_form(request)
        self.uploads.extend(files)
        return raw

    def _admit(self, request: web.Request, operation: Operation | None) -> str:
        """Refuse who has no key where one is needed, and who asks too often; else tell who it is."""
        scheme, _, key = request.headers.get("Authorization", "").partition(" ")
        known = scheme.lower() == "bearer" and key.strip() in self._keys
        if operation is not None and not operation.open and not known:
            raise Refused(401, "UNAUTHORIZED", "the key or token is missing or wrong", {"WWW-Authenticate": "Bearer"})
        by_key = known and (operation is None or not operation.open)
        caller = f"key {key.strip()}" if by_key else f"address {request.remote}"
        wait = 0.0 if self._quota is None else self._quota.take(caller)
        if wait > 0:
            headers = {"Retry-After": str(max(1, math.ceil(wait)))}
            raise Refused(429, "RATE_LIMITED", "too many requests; Retry-After says how long to wait", headers)
        return caller
