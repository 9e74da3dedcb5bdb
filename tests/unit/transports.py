"""What the tests of the transport share: transports that are closed, requests, and a look at each failure."""

from collections.abc import Iterator
from typing import Any, NoReturn, Self

import pytest
from aiohttp.abc import AbstractResolver

from pocketsflow_async import APIConnectionError, PocketsflowError
from pocketsflow_async._config import Secret
from pocketsflow_async._credentials import Key
from pocketsflow_async._operation import Operation
from pocketsflow_async._request import Request
from pocketsflow_async._transport import Transport

KEY = "pk_test_canary_transport"


def request(method: str = "GET", **changes: Any) -> Request:
    """A request for /things."""
    fields = {"name": "things.get", "method": method, "target": "/things", "body": None, "headers": {}}
    return Request(**(fields | {"repeatable": True, "auth": True, "timeout": None} | changes))


class Transports:
    """Makes transports and closes them when the test is over."""

    def __init__(self) -> None:
        self.made: list[Transport] = []

    def __call__(self, url: str, *, timeout: float | None = 5.0, **settings: Any) -> Transport:
        self.made.append(Transport(url, Key(Secret(KEY)), timeout=timeout, **settings))
        return self.made[-1]

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        for made in self.made:
            await made.aclose()


def operation(method: str, idempotency: str = "safe") -> Operation[Any]:
    """A call of /things."""
    answer = "pocketsflow_async._generated.pocketsflow.wire.common:MESSAGE"
    return Operation(name="things.get", method=method, path="/things", answer=answer, idempotency=idempotency)


def chain(error: BaseException) -> Iterator[object]:
    """Everything that hangs on an error: what it was raised from, its fields and arguments, all the way down."""
    todo: list[object] = [error]
    seen: set[int] = set()
    while todo:
        thing = todo.pop()
        if id(thing) in seen:
            continue
        seen.add(id(thing))
        yield thing
        if isinstance(thing, BaseException):
            todo += [thing.__cause__, thing.__context__, *thing.args, *vars(thing).values()]
            if isinstance(thing, OSError):
                todo += [thing.strerror, thing.filename]
        elif isinstance(thing, dict):
            todo += [*thing, *thing.values()]
        elif isinstance(thing, list | tuple | set):
            todo += thing


async def failure(one: Transport, sent: Request | None = None) -> APIConnectionError:
    """The error of a request that fails, after a look that it gives nothing away."""
    with pytest.raises(PocketsflowError) as caught:
        await one.send(sent or request())
    error = caught.value
    for thing in chain(error):
        assert type(thing).__module__.partition(".")[0] not in {"aiohttp", "yarl", "multidict"}, thing
        assert KEY not in f"{thing} {thing!r}"
    return error


class Nowhere(AbstractResolver):
    """Knows no names."""

    async def resolve(self, host: str, *_: object, **__: object) -> NoReturn:
        raise OSError(None, f"no address for {host}")

    async def close(self) -> None:
        pass
