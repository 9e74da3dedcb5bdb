"""Operations that are inferred say so: once when they are used, and again where the API does not know them."""

import warnings
from collections.abc import Callable
from typing import Any, TypeVar

from pocketsflow_async._caller import Caller, distance
from pocketsflow_async._operation import Operation
from pocketsflow_async._page import Unread
from pocketsflow_async.errors import NotFoundError, PreviewWarning

T = TypeVar("T")


class Warner:
    """Stands between resources and what carries their operations out.

    Args:
        caller: carries operations out.
        prefix: what stands before the operation's name in a warning.
        explain: says what of an operation is inferred.
    """

    def __init__(self, caller: Caller, *, prefix: str = "", explain: Callable[[Operation[Any]], str]) -> None:
        self._caller = caller
        self._prefix = prefix
        self._explain = explain
        self._told: set[str] = set()

    async def call(self, operation: Operation[T], **arguments: Any) -> T:
        """Carry out an operation and give back its typed answer."""
        if operation.stability != "preview":
            return await self._caller.call(operation, **arguments)
        self._warn(operation)
        try:
            return await self._caller.call(operation, **arguments)
        except NotFoundError as error:
            raise self._explained(error, operation) from None

    async def fetch(self, operation: Operation[Any], **arguments: Any) -> Unread:
        """One page of a list, not decoded yet."""
        if operation.stability != "preview":
            return await self._caller.fetch(operation, **arguments)
        self._warn(operation)
        try:
            return await self._caller.fetch(operation, **arguments)
        except NotFoundError as error:
            raise self._explained(error, operation) from None

    def _warn(self, operation: Operation[Any]) -> None:
        if operation.name not in self._told:
            self._told.add(operation.name)
            text = f"{self._prefix}{operation.name}: {self._explain(operation)}"
            warnings.warn(text, PreviewWarning, stacklevel=distance())

    def _explained(self, error: NotFoundError, operation: Operation[Any]) -> NotFoundError:
        told = NotFoundError(
            f"{error.message} ({self._explain(operation)})",
            status=error.status,
            code=error.code,
            field=error.field,
            request_id=error.request_id,
            headers=error.headers,
            body=error.body,
        )
        told.attempts = error.attempts
        return told
