"""The road of one call: a turn from the quota, one try on the wire, and the decision what its outcome means."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, cast

from pocketsflow_async._config import RequestOptions, RetryPolicy
from pocketsflow_async._credentials import Renewal
from pocketsflow_async._idle import Idle, closed
from pocketsflow_async._operation import Operation
from pocketsflow_async._page import RawPage, Unread
from pocketsflow_async._pieces import LARGE, off_loop
from pocketsflow_async._quota import Turns
from pocketsflow_async._request import Request, build_request, encode_query
from pocketsflow_async._response import Response, decode_any, error_from
from pocketsflow_async._retry import Again, is_unknown, may_repeat, retrying
from pocketsflow_async._unset import UNSET
from pocketsflow_async._wire import CODECS, Codec, PageCodec, load
from pocketsflow_async.errors import (
    APIConnectionError,
    APIResponseError,
    APITimeoutError,
    Attempt,
    AuthenticationError,
    ConfigurationError,
    ConflictError,
    PocketsflowError,
)

if TYPE_CHECKING:
    from pocketsflow_async._drift import Drift
    from pocketsflow_async._upload import Form

T = TypeVar("T")

Encode = Callable[[str, Any], bytes]
Read = Callable[[Any, Operation[Any], Response], Any]

_CONVERT = "pocketsflow_async._convert"


class Sender(Protocol):
    """Sends one request once: the transport, or a fake of it."""

    async def send(self, request: Request) -> Response:
        """Send once and give back the whole answer."""
        ...

    async def aclose(self) -> None:
        """Give back what was opened."""
        ...


class Executor:
    """Carries operations out.

    Args:
        transport: sends one request.
        quota: the limiter that every try passes; None for no limit.
        retry: the policy of calls that bring none of their own.
        drift: where answers are compared with the spec; None for nowhere.
        renewal: how the client's credentials are renewed; None for those that last.
        secrets: what must show in no error.
    """

    def __init__(
        self,
        transport: Sender,
        quota: Turns | None,
        retry: RetryPolicy,
        *,
        clock: Callable[[], float] = time.monotonic,
        drift: "Drift | None" = None,
        renewal: Renewal | None = None,
        secrets: Callable[[], tuple[str, ...]] = tuple,
    ) -> None:
        self.transport = transport
        self._secrets = secrets
        self.quota = quota
        self.retry = retry
        self.clock = clock
        self.drift = drift
        self.renewal = renewal
        self.idle = Idle()
        self._encode: Encode | None = None

    async def call(self, operation: Operation[T], **arguments: Any) -> T:
        """Carry out an operation and give back its typed answer."""
        codec: Codec[T] = CODECS.get(operation.answer) or await _loaded(operation)
        response = await self.send(operation, **arguments)
        if len(response.body) > LARGE:
            read: Callable[[], T] = await self._read_aside(_decoded, codec, operation, response)
            return read()
        answer: T = self._read(_decoded, codec, operation, response)
        return answer

    async def request(self, operation: Operation[Any], **arguments: Any) -> Any:
        """Carry out an operation and give back its answer as plain data, whatever its shape."""
        response = await self.send(operation, **arguments)
        if len(response.body) > LARGE:
            return (await self._read_aside(_anything, None, operation, response))()
        return self._read(_anything, None, operation, response)

    async def fetch(self, operation: Operation[Any], *, raw: bool = False, **arguments: Any) -> Unread:
        """One page of a list, not read yet: what waits for its turn is bytes, not thousands of models."""
        codec: PageCodec[Any] = CODECS.get(operation.answer) or await _loaded(operation)
        response = await self.send(operation, **arguments)
        read = _raw_page if raw else _decoded
        if len(response.body) > LARGE:
            return await self._read_aside(read, codec, operation, response)
        return partial(self._read, read, codec, operation, response)

    async def send(
        self,
        operation: Operation[Any],
        *,
        ids: Sequence[str] = (),
        params: Mapping[str, Any] | None = None,
        body: Any = UNSET,
        options: RequestOptions | None = None,
    ) -> Response:
        """Carry out an operation and give back its 2xx answer as bytes."""
        payload: bytes | Form | None = None
        if operation.multipart:
            payload = _form(operation.name, body)
        elif operation.urlencoded:
            payload = encode_query(operation.name, body).encode()
        elif body is not UNSET:
            payload = (self._encode or await self._encoder())(operation.name, body)
        request = build_request(operation, ids, params, payload, options)
        call = _Call(self, request)
        if self.renewal is not None and request.auth:
            call = _RenewedCall(self, request, self.renewal)
        if options is None:
            return await call.run(self.retry)
        policy = options.retry or self.retry
        if options.deadline is None:
            return await call.run(policy)
        deadline = options.deadline, asyncio.get_running_loop().time() + options.deadline
        try:
            async with asyncio.timeout_at(deadline[1]):
                response = await call.run(policy)
        except TimeoutError:  # only the deadline's: whatever runs out of time inside is an error of our tree
            pass
        else:
            response.deadline = deadline
            return response
        from pocketsflow_async._attempts import late

        raise late(operation.name, options.deadline, call.failures, limited=call.limited)

    def _read(self, read: Read, codec: Codec[Any] | None, operation: Operation[Any], response: Response) -> Any:
        try:
            answer = read(codec, operation, response)
        except APIResponseError as exc:
            error = self._explained(exc, operation.name, response)
        else:
            if self.drift is not None and codec is not None:
                self.drift.look(codec, response.body)
            return answer
        raise error  # out here, without what it was made from

    async def _read_aside(
        self, read: Read, codec: Codec[Any] | None, operation: Operation[Any], response: Response
    ) -> Callable[[], Any]:
        """The same for a large response: in a thread, where it is done in pieces, so that the event loop goes on.

        When the deadline passes or the call is cancelled, the thread finishes by itself.
        """
        seconds, ends = response.deadline or (0.0, None)
        try:
            async with asyncio.timeout_at(ends):
                answer = await asyncio.to_thread(read, codec, operation, response)
                if self.drift is None or codec is None:
                    return lambda: answer
                found = await asyncio.to_thread(self.drift.compare, codec, response.body)
                return partial(self.drift.warn, found, answer)
        except TimeoutError:
            from pocketsflow_async._attempts import late

            error: PocketsflowError = late(operation.name, seconds, self._attempts(APITimeoutError, response))
        except APIResponseError as exc:
            error = self._explained(exc, operation.name, response)
        raise error

    def _explained(self, error: APIResponseError, name: str, response: Response) -> APIResponseError:
        from pocketsflow_async._redaction import redact_error

        clean = redact_error(error, self._secrets(), name, response)
        clean.attempts = self._attempts(APIResponseError, response)
        return clean

    def _attempts(self, outcome: type[PocketsflowError], response: Response) -> tuple[Attempt, ...]:
        from pocketsflow_async._attempts import of_no_use

        return of_no_use(response, outcome, self.clock(), self._secrets())

    async def _encoder(self) -> Encode:
        """What writes bodies; cattrs is imported off the event loop, by the first call that has one."""
        encode: Encode = (await asyncio.to_thread(import_module, _CONVERT)).encode_body
        self._encode = encode
        return encode


def _decoded(codec: Codec[T], operation: Operation[Any], response: Response) -> T:
    if response.body and not response.body.isspace():
        return codec.decode(response.body)
    return cast("T", None) if operation.empty else codec.decode(b"{}")


def _anything(_: None, __: Operation[Any], response: Response) -> Any:
    return decode_any(response)


def _raw_page(codec: PageCodec[Any], _: Operation[Any], response: Response) -> RawPage:
    page = codec.raw(response.body)
    page.requests = len(response.failures) + 1
    page.throttled = sum(failure.status == 429 for failure in response.failures)
    page.date = response.headers.get("Date")
    return page


async def _loaded(operation: Operation[Any]) -> Any:
    """The operation's decoder, and with it its models, imported off the event loop."""
    return await asyncio.to_thread(load, operation.answer)


def _is_end(error: PocketsflowError) -> bool:
    return isinstance(error, APIConnectionError | APIResponseError) and not isinstance(error, APITimeoutError)


def _form(name: str, body: Any) -> "Form":
    from pocketsflow_async._upload import Form

    return Form(name, body)


class _Call:
    """One request on its way, and what has become of its tries so far."""

    def __init__(self, executor: Executor, request: Request) -> None:
        self.executor = executor
        self.request = request
        self.failures: list[Attempt] = []
        self.unknown = False
        """Whether the server may still be at work on an earlier attempt."""
        self.limited = False
        """Whether it waits for the rate limit."""
        self.send = executor.transport.send

    async def run(self, policy: RetryPolicy) -> Response:
        error: PocketsflowError
        try:
            return await retrying(self, policy)
        except Again as again:
            error = again.error
        except PocketsflowError as exc:
            error = exc
        except asyncio.CancelledError:
            if not self.executor.idle.was_ended():
                raise
            error = closed()
        self.executor.idle.end()
        if self.unknown and isinstance(error, ConflictError):
            error.message += (
                "; an earlier attempt of this call with the same idempotency key had no clear response, so whether the "
                "server did the work is unknown: look before you send it again, and keep the key if you do"
            )
            error.args = (error.message,)
        error.attempts = tuple(self.failures)
        raise error

    async def attempt(self) -> Response:
        quota, clock = self.executor.quota, self.executor.clock
        asked = clock()
        if self.failures:
            self.executor.idle.end()
        if quota is not None and not quota.try_acquire():
            await self._acquire(quota)
        sent = clock()
        response: Response | None = None
        begun, ended = True, False
        try:
            response = await self.send(self.request)
        except PocketsflowError as exc:
            error = exc
            begun = self.request.begun and getattr(exc, "received", not isinstance(exc, ConfigurationError))
            # The server closed the connection or has answered, in some way: it reads no more of this request.
            ended = begun and not self.executor.idle.closed and _is_end(exc)
        except asyncio.CancelledError as exc:
            begun = self.request.begun
            self._note(exc, waited=sent - asked, elapsed=clock() - sent)
            raise
        else:
            if 200 <= response.status < 300:
                if self.failures:
                    response = Response(response.status, response.headers, response.body, tuple(self.failures))
                response.times = asked, sent, clock()
                return response
            error = await off_loop(response.body, error_from, response, self.request.name)
        finally:
            if quota is not None and (response is not None or ended):
                quota.release(response)
            elif quota is not None:
                (quota.give_up if begun else quota.put_back)()
        self._note(error, waited=sent - asked, elapsed=clock() - sent)
        if (
            not self.executor.idle.closed
            and self.request.replayable
            and (
                may_repeat(error, repeatable=self.request.repeatable)
                or (self.unknown and isinstance(error, ConflictError))  # a 409 about our own attempt, still in progress
            )
        ):
            self.unknown = self.unknown or (self.request.keyed and is_unknown(error))
            self.executor.idle.begin()
            raise Again(error, waited=sent - asked, elapsed=clock() - sent)
        raise error

    async def _acquire(self, quota: Turns) -> None:
        """Wait for a permit, until the client is closed."""
        self.limited = True
        self.executor.idle.begin()
        await quota.acquire(self.request.priority)
        self.executor.idle.end()
        self.limited = False

    def _note(self, error: BaseException, *, waited: float, elapsed: float) -> None:
        from pocketsflow_async._attempts import failed

        self.failures.append(failed(len(self.failures) + 1, error, waited=waited, elapsed=elapsed))


class _RenewedCall(_Call):
    """A call with credentials that do not last: where they are refused they are renewed, and it is tried once more."""

    def __init__(self, executor: Executor, request: Request, renewal: Renewal) -> None:
        super().__init__(executor, request)
        self.send = self._send
        self.renewal = renewal
        self.generation = 0
        self.is_final = False

    async def attempt(self) -> Response:
        if self.is_final:  # what is refused with new credentials too is refused for good
            return await super().attempt()
        clock = self.executor.clock
        began = clock()
        await self.renewal.ready()
        try:
            return await super().attempt()
        except AuthenticationError as exc:
            error = exc
        replaced = await self.renewal.refused(self.generation)
        self.is_final = not replaced or self.renewal.is_fresh
        if replaced and self.request.replayable:
            waited = self.failures[-1].waited
            raise Again(error, waited=waited, elapsed=clock() - began - waited, at_once=True)
        raise error

    async def _send(self, request: Request) -> Response:
        self.generation = self.renewal.generation  # the credentials that the transport takes now
        return await self.executor.transport.send(request)
